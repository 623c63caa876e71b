//! Evaluates a file of reference vectors: one `ok`, `FAIL` or `skip` line each, then the totals.
//!
//! ```text
//! cargo run --example check_seg_vectors -- vectors.json
//! ```
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "the lines are the program's result")]

mod check;
mod functions;
mod input;

use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(path) = std::env::args_os().nth(1) else {
        eprintln!("usage: check_seg_vectors FILE.json");
        return ExitCode::from(2);
    };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => {
            eprintln!("{}: {error}", path.to_string_lossy());
            return ExitCode::from(2);
        }
    };
    let report = match check::check_file(&text) {
        Ok(report) => report,
        Err(error) => {
            eprintln!("{}: {error}", path.to_string_lossy());
            return ExitCode::from(2);
        }
    };
    for line in &report.lines {
        println!("{line}");
    }
    println!(
        "passed {} failed {} skipped {}",
        report.passed, report.failed, report.skipped
    );
    if report.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
