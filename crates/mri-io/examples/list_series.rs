//! Lists every series in a folder: `list_series DIR [--json]`.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use mri_io::{Listing, list_series};

fn main() -> ExitCode {
    let mut json = false;
    let mut folder = None;
    for argument in std::env::args_os().skip(1) {
        if argument == "--json" {
            json = true;
        } else if folder.is_none() && !argument.to_string_lossy().starts_with('-') {
            folder = Some(PathBuf::from(argument));
        } else {
            return usage();
        }
    }
    let Some(folder) = folder else { return usage() };
    let listings = match list_series(&folder) {
        Ok(listings) => listings,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    let text = if json {
        serde_json::to_string_pretty(&listings).map_err(std::io::Error::from)
    } else {
        Ok(listings.iter().map(describe).collect::<Vec<_>>().join("\n"))
    };
    match text.and_then(|text| writeln!(std::io::stdout().lock(), "{text}")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: list_series DIR [--json]");
    ExitCode::from(2)
}

fn describe(listing: &Listing) -> String {
    let first = listing.first_file().display();
    match listing {
        Listing::Series(s) => {
            let mm = |i: usize| {
                s.spacing_mm
                    .and_then(|mm| mm[i])
                    .map_or("?".to_owned(), |mm| format!("{mm:.4}"))
            };
            let mut text = format!(
                "{first} ({} files)\n  {} × {} × {}, {} bits, {} × {} × {} mm, {}\n  stored: sum {}, min {}, max {}",
                s.files.len(),
                s.frames,
                s.rows,
                s.columns,
                s.bits_stored,
                mm(0),
                mm(1),
                mm(2),
                s.transfer_syntax,
                s.stored_sum,
                s.stored_min,
                s.stored_max,
            );
            for problem in &s.problems {
                text.push_str("\n  problem: ");
                text.push_str(problem);
            }
            text
        }
        Listing::Unreadable(unreadable) => format!("{first}\n  error: {}", unreadable.error),
        _ => format!("{first}"),
    }
}
