//! Evaluates a file of test vectors: `check_stats_vectors FILE.json`.
//!
//! One line `ok|FAIL|skip ID` per vector, then `passed P failed F skipped S`; the reasons for a
//! failure go to standard error. The exit status is 0 only if nothing failed.

#![allow(clippy::print_stdout, reason = "the lines are the program's result")]

mod compare;
mod evaluate;
mod inputs;
mod tests_of_groups;
mod tests_of_pairs;

use compare::{Verdict, judge};
use serde_json::Value;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(path) = std::env::args_os().nth(1) else {
        eprintln!("usage: check_stats_vectors FILE.json");
        return ExitCode::from(2);
    };
    let vectors: Vec<Value> = match std::fs::read_to_string(&path)
        .map_err(|e| e.to_string())
        .and_then(|text| serde_json::from_str(&text).map_err(|e| e.to_string()))
    {
        Ok(vectors) => vectors,
        Err(reason) => {
            eprintln!("{}: {reason}", path.display());
            return ExitCode::from(2);
        }
    };
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for vector in &vectors {
        let id = vector["id"].as_str().unwrap_or("(no id)");
        match judge(vector) {
            Verdict::Ok => {
                passed += 1;
                println!("ok {id}");
            }
            Verdict::Skip => {
                skipped += 1;
                println!("skip {id}");
            }
            Verdict::Fail(reasons) => {
                failed += 1;
                println!("FAIL {id}");
                for reason in reasons {
                    eprintln!("  {id}: {reason}");
                }
            }
        }
    }
    println!("passed {passed} failed {failed} skipped {skipped}");
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
