//! Maps -> overlap with the truth, agreement, correlation with liquid loss, tests.

mod agreement;
mod liquid_loss;
mod overlap;
mod scores;
mod tests;

use super::{Run, Stage, json};
use crate::cli::StageName;
use crate::config::Config;
use crate::error::Result;
use crate::manifest::Manifest;
use crate::study::Study;

pub(super) struct Analyse;

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
        ]
    }

    fn run(&self, run: &Run, _: &Manifest) -> Result<()> {
        let study = Study::load(&run.config, &run.outputs)?;
        let scores = scores::Scores::compute(run, &study)?;
        overlap::write(run, &scores)?;
        agreement::write(run, &scores)?;
        let liquid_loss = liquid_loss::write(run, &study, &scores)?;
        tests::write(run, &study, &scores, &liquid_loss)
    }
}
