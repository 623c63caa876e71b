//! Command-line entry: reads the arguments, restarts with the wanted threads, runs, and turns failures
//! into exit codes.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use paper_repro::cli::Cli;
use paper_repro::error::Error;

fn main() -> ExitCode {
    match paper_repro::start(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let kind = match &error {
                Error::Interrupted(_) => "",
                _ => "error: ",
            };
            let _ =
                std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("{kind}{error}\n"));
            ExitCode::from(error.exit_code())
        }
    }
}
