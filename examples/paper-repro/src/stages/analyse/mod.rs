//! Maps -> overlap with the truth, agreement, correlation with liquid loss, tests.

mod agreement;
mod liquid_loss;
mod overlap;
mod scores;
mod tests;

use mri_io::atomic::write_atomically;

use super::{Run, Stage, json};
use crate::cli::StageName;
use crate::config::Config;
use crate::error::{Context, Result};
use crate::manifest::Manifest;
use crate::study::Study;

pub(super) struct Analyse;

/// What lies beside the tables, since CSV has no room for it.
const SYNTHETIC: &str = "SYNTHETIC DATA. Every number in these tables was computed on a phantom made by this program, with the\n\
relations between damage, treatment and liquid loss built in. They carry no conclusion about cod.\n\
What the columns mean is explained in report.html; what was run is in manifest.json.\n";
const MEASURED: &str =
    "What the columns mean is explained in report.html; what was run is in manifest.json.\n";

impl Stage for Analyse {
    fn name(&self) -> StageName {
        StageName::Analyse
    }

    fn options(&self, config: &Config) -> Result<serde_json::Value> {
        let networks: Vec<_> = config
            .networks
            .iter()
            .map(|network| network.architecture)
            .collect();
        json((
            &config.analysis,
            networks,
            &config.explain.methods,
            &config.data.positive_class,
            config.seed,
        ))
    }

    fn owned(&self) -> &'static [&'static str] {
        &[
            "tables/miou.csv",
            "tables/controls.csv",
            "tables/damaged_fraction.csv",
            "tables/agreement_methods.csv",
            "tables/agreement_networks.csv",
            "tables/agreement_raw.csv",
            "tables/liquid_loss.csv",
            "tables/tests.csv",
            "tables/README.txt",
        ]
    }

    fn run(&self, run: &Run, _: &Manifest) -> Result<()> {
        let study = Study::load(&run.config, &run.outputs)?;
        let scores = scores::Scores::compute(run, &study)?;
        overlap::write(run, &scores)?;
        agreement::write(run, &scores)?;
        let liquid_loss = liquid_loss::write(run, &study, &scores)?;
        tests::write(run, &study, &scores, &liquid_loss)?;
        let path = run.outputs.root().join("tables/README.txt");
        let text = if run.config.is_synthetic() {
            SYNTHETIC
        } else {
            MEASURED
        };
        write_atomically(&path, |file| file.write_all(text.as_bytes())).doing("write", &path)
    }
}
