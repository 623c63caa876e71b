//! The command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use crate::config::{Config, Device, Profile, Protocol};
use crate::error::{Error, Result};

/// Runs the study of Syed et al. 2023 (doi:10.1038/s41598-023-29665-y): networks learn fresh from
/// thawed fillets, class activation maps turn them into maps of damage, and the maps are compared
/// with the truth, with liquid loss and with each other. Without --data it makes a phantom whose
/// truth is known.
#[derive(Debug, Clone, Parser)]
#[command(name = "paper_repro", version, about, long_about = None)]
pub struct Cli {
    /// What to do other than a study
    #[command(subcommand)]
    pub command: Option<Command>,

    /// Stop after this stage (earlier stages run first, unless their results are still valid)
    #[arg(value_enum)]
    pub stage: Option<StageName>,

    /// How large: `smoke` (a minute), `quick` (minutes; the default), `study` (what conclusions rest on), `paper`
    /// (full size, for a GPU)
    #[arg(global = true, long, value_enum, conflicts_with = "config")]
    pub profile: Option<Profile>,

    /// A TOML file made with --print-config; keys left out keep the values of its profile
    #[arg(global = true, long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// What the study means: the paper's text, its released code, or good practice [default: rigorous]
    #[arg(global = true, long, value_enum)]
    pub protocol: Option<Protocol>,

    /// One row of the protocol set apart from the rest, such as `layer_cam=one_layer_positive`; may be repeated
    #[arg(global = true, long = "switch", value_name = "NAME=VALUE")]
    pub switches: Vec<String>,

    /// `cpu` or `cuda:N` [default: cpu]
    #[arg(global = true, long)]
    pub device: Option<Device>,

    /// Seed of everything random
    #[arg(global = true, long)]
    pub seed: Option<u64>,

    /// Folder for all results
    #[arg(global = true, long, value_name = "DIR", default_value = "out")]
    pub out: PathBuf,

    /// Number of threads (the program restarts itself with that number)
    #[arg(global = true, long, value_name = "N")]
    pub threads: Option<std::num::NonZeroUsize>,

    /// Networks, comma separated, such as `resnet50,vgg16`
    #[arg(global = true, long, value_delimiter = ',')]
    pub models: Option<Vec<cnn_zoo::Architecture>>,

    /// Methods, comma separated, such as `grad_cam,score_cam`
    #[arg(global = true, long, value_delimiter = ',')]
    pub methods: Option<Vec<cam_methods::Method>>,

    /// Folder with one DICOM file or folder per scan, instead of the phantom
    #[arg(global = true, long, value_name = "DIR")]
    pub data: Option<PathBuf>,

    /// Sample sheet for --data [default: samples.csv in that folder]
    #[arg(global = true, long, value_name = "FILE")]
    pub samples: Option<PathBuf>,

    /// Print the effective configuration as TOML and exit
    #[arg(global = true, long)]
    pub print_config: bool,
}

/// What to do other than a study.
#[derive(Debug, Clone, PartialEq, Eq, clap::Subcommand)]
pub enum Command {
    /// Flip one row of the protocol at a time, from the released code and back from good practice, and write what
    /// each changes
    CompareProtocols {
        /// Only these rows, comma separated, such as `layer_cam,tap`
        #[arg(long, value_delimiter = ',')]
        only: Vec<String>,
    },
    /// Look at every row of the sample sheet and every scan of --data, and say what is wrong and what will be left out
    CheckData,
    /// Measure a few steps and print what time and memory the study would take
    Estimate,
    /// List the tasks of the study, for a scheduler
    Plan {
        /// As JSON: id, needs, inputs, outputs and resources of each task
        #[arg(long)]
        json: bool,
    },
    /// Run one task of the plan; what is already done is left alone
    RunTask {
        /// Its id, as `plan` lists it
        id: String,
    },
}

/// A stage of the study, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum StageName {
    /// Make phantom scans with known damage and write them as DICOM
    Phantom,
    /// Read DICOM into one HDF5 archive
    Import,
    /// Remove the background, normalise, and divide the fish into folds
    Preprocess,
    /// Train every network on every fold
    Train,
    /// Compute every map with networks that never saw the fish
    Explain,
    /// Make the supervised reference: a patch network taught by simulated annotators
    Supervise,
    /// Compare the maps with truth, liquid loss and each other
    Analyse,
    /// Draw the figures and write report.html
    Report,
}

impl Cli {
    /// The configuration that this command line asks for.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] if the configuration file cannot be read, has an unknown key or an
    /// impossible value, or if the command line contradicts itself.
    pub fn effective_config(&self) -> Result<Config> {
        let mut config = match &self.config {
            Some(file) => Config::from_file(file)?,
            None => Config::profile(self.profile.unwrap_or(Profile::Quick)),
        };
        if let Some(protocol) = self.protocol {
            config.set_protocol(protocol);
        }
        for switch in &self.switches {
            let (name, value) = switch.split_once('=').ok_or_else(|| {
                Error::usage(format!("--switch {switch}: NAME=VALUE is expected"))
            })?;
            config.switches = config.switches.with(name, value)?;
        }
        if let Some(device) = self.device {
            config.device = device;
        }
        if let Some(seed) = self.seed {
            config.seed = seed;
        }
        if let Some(models) = &self.models {
            config.choose_networks(models)?;
        }
        if let Some(methods) = &self.methods {
            config.explain.methods = methods.clone();
        }
        if let Some(directory) = &self.data {
            config.data.directory = Some(directory.clone());
            config.data.samples = None;
        }
        if self.samples.is_some() {
            config.data.samples = self.samples.clone();
        }
        config.apply_switches()?;
        config.validate()?;
        if self.stage == Some(StageName::Phantom) && config.data.directory.is_some() {
            return Err(Error::usage(
                "the phantom stage makes data; it does not go with --data",
            ));
        }
        Ok(config)
    }
}
