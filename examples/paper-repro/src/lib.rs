//! The study of Syed et al. 2023, from DICOM to report: a thin layer that wires the workspace's
//! libraries together. The program is the example target `paper_repro`.
#![forbid(unsafe_code)]

pub mod accuracy;
pub mod batches;
pub mod check_data;
pub mod cli;
pub mod compare;
pub mod config;
pub mod division;
pub mod error;
pub mod estimate;
mod in_turns;
pub mod interrupt;
pub mod manifest;
pub mod memory;
pub mod outputs;
pub mod patches;
pub mod plan;
pub mod progress;
pub mod published;
pub mod report;
pub mod semantics;
pub mod slices;
pub mod stages;
pub mod study;
pub mod table;
pub mod tensors;
pub mod threads;

use std::io::Write;

use cli::Cli;
use error::Result;

/// Does what the command line asks for.
///
/// # Errors
///
/// See [`error::Error`] for the kinds and their exit codes.
pub fn start(cli: &Cli) -> Result<()> {
    let config = cli.effective_config()?;
    if cli.print_config {
        let text = config.to_toml()?;
        return std::io::stdout()
            .write_all(text.as_bytes())
            .map_err(|e| error::Error::Run(e.into()));
    }
    if let Some(cli::Command::Plan { json }) = &cli.command {
        let plan = plan::Plan::of(&config)?;
        let text = if *json {
            plan.to_json()?
        } else {
            plan.to_text()
        };
        return std::io::stdout()
            .write_all(text.as_bytes())
            .map_err(|e| error::Error::Run(e.into()));
    }
    config.device.open()?;
    threads::restart_with(cli.threads)?;
    cnn_ops::keep_freed_memory();
    let interrupt = interrupt::Interrupt::install()?;
    match &cli.command {
        Some(cli::Command::CompareProtocols { only }) => {
            return compare::compare_protocols(cli, only, &interrupt);
        }
        Some(command @ (cli::Command::Estimate | cli::Command::CheckData)) => {
            let outputs = outputs::Outputs::new(&cli.out);
            let mut out = std::io::stdout();
            let say = |line: String| {
                let _ = writeln!(out, "{line}");
            };
            return match command {
                cli::Command::Estimate => estimate::estimate(&config, &outputs, say),
                _ => check_data::check_data(&config, &outputs, say),
            };
        }
        Some(cli::Command::Plan { .. } | cli::Command::RunTask { .. }) | None => {}
    }
    let run = stages::Run {
        config,
        outputs: outputs::Outputs::new(&cli.out),
        reporter: progress::Reporter::stderr(),
        interrupt,
    };
    if let Some(cli::Command::RunTask { id }) = &cli.command {
        return plan::run_task(&run, id);
    }
    stages::run_all(&run, cli.stage)
}

/// The examples of the workspace's README are tests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
