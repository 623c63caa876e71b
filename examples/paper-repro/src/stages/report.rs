//! Tables and maps -> figures and `report.html`.

use std::path::PathBuf;

use cnn_zoo::train::Optimiser;

use super::{Run, Stage, json, report_slices};
use crate::cli::StageName;
use crate::config::Config;
use crate::config::switches::{NormaliseRule, Split};
use crate::error::{Error, Result};
use crate::manifest::Manifest;
use crate::report::{
    Fact, NetworkFacts, ReportInput, RunCosts, RunFacts, StageCost, network_title, write_report,
};
use crate::study::Study;

pub(super) struct Report;

/// Tables of `compare-protocols`; those made from older results than this run's are removed when these are made.
pub(super) const EFFECTS: [&str; 2] = ["protocol_effects", "protocol_summary"];

impl Stage for Report {
    fn name(&self) -> StageName {
        StageName::Report
    }

    fn options(&self, config: &Config) -> Result<serde_json::Value> {
        // every option is stated on the page, but not where the data lie
        json(Config {
            data: crate::config::DataConfig {
                directory: None,
                samples: None,
                ..config.data.clone()
            },
            ..config.clone()
        })
    }

    fn inputs(&self, run: &Run) -> Result<Vec<(String, PathBuf)>> {
        // a comparison of protocols leaves its tables beside those of the run
        let tables = EFFECTS.map(|name| (format!("{name}.csv"), run.outputs.table(name)));
        Ok(tables.into_iter().filter(|(_, p)| p.exists()).collect())
    }

    fn owned(&self) -> &'static [&'static str] {
        &[
            "figures",
            "report.html",
            "published/table-1.csv",
            "published/figure-3.csv",
            "published/figure-4.csv",
            "published/figure-5.csv",
            "published/tests.csv",
            "published/claims.csv",
            "published/disagreements.csv",
            "tables/claims.csv",
            "tables/markdown",
            "tables/latex",
        ]
    }

    fn run(&self, run: &Run, manifest: &Manifest) -> Result<()> {
        let study = Study::load(&run.config, &run.outputs)?;
        let input = ReportInput {
            facts: facts(run, &study, manifest),
            costs: costs(manifest),
            examples: report_slices::examples(run, &study)?,
            album: report_slices::album(run, &study)?,
        };
        let summary = write_report(run.outputs.root(), &input).map_err(|e| Error::Run(e.into()))?;
        run.reporter.say(format!("  {}", summary.report.display()));
        Ok(())
    }
}

fn facts(run: &Run, study: &Study, manifest: &Manifest) -> RunFacts {
    let config = &run.config;
    let optimiser = match config.training.optimiser {
        Optimiser::Sgd => "plain gradient descent".to_owned(),
        Optimiser::Momentum { momentum } => format!("momentum {momentum}"),
        Optimiser::Nesterov { momentum } => format!("Nesterov momentum {momentum}"),
        Optimiser::Adam { .. } => "Adam".to_owned(),
        Optimiser::AdamW { .. } => "AdamW".to_owned(),
    };
    let (size, epochs) = (config.preprocess.image_size, config.training.epochs);
    let networks = config.networks.iter().map(|network| NetworkFacts {
        name: network.architecture.to_string(),
        as_trained: format!(
            "{} ×{}, {size}², at most {epochs} epochs",
            network_title(&network.architecture.to_string()),
            network.width
        ),
    });
    let count = |wanted: u32| {
        study
            .labels
            .iter()
            .filter(|&&label| label == wanted)
            .count()
    };
    let mut animals: Vec<&str> = (0..study.specimens.len())
        .map(|scan| study.animal(scan))
        .collect();
    animals.sort_unstable();
    animals.dedup();
    let fact = |label: &str, value: String| Fact {
        label: label.to_owned(),
        value,
    };
    let mut treatments: Vec<String> = Vec::new();
    for (specimen, &label) in study.specimens.iter().zip(&study.labels) {
        let treatment = specimen
            .treatment
            .clone()
            .unwrap_or_else(|| specimen.class.clone());
        if label == 1 && !treatments.contains(&treatment) {
            treatments.push(treatment);
        }
    }
    let score_cam = match config.explain.score_channels {
        Some(channels) => format!("the {channels} channels of largest spatial deviation"),
        None => "all channels".to_owned(),
    };
    RunFacts {
        profile: config.profile.to_string(),
        protocol: config.protocol.to_string(),
        seed: config.seed,
        version: manifest.version.clone(),
        commit: manifest.commit.clone(),
        device: config.device.to_string(),
        synthetic: manifest.synthetic,
        positive_class: config.data.positive_class.clone(),
        networks: networks.collect(),
        methods: config
            .explain
            .methods
            .iter()
            .map(ToString::to_string)
            .collect(),
        treatments,
        threshold: main_threshold(&config.analysis.thresholds),
        reference: None,
        details: vec![
            fact(
                "Scans",
                format!(
                    "{} ({} {}, {} other)",
                    study.labels.len(),
                    count(1),
                    config.data.positive_class,
                    count(0)
                ),
            ),
            fact(
                "Animals",
                format!(
                    "{}; split: {}{}",
                    animals.len(),
                    run.config.switches.value("split"),
                    match run.config.switches.split {
                        Split::FishFolds =>
                            format!(" ({} folds by {})", study.folds.len(), study.unit),
                        _ => String::new(),
                    }
                ),
            ),
            fact(
                "Training",
                format!(
                    "at most {epochs} epochs, patience {}, batches of {}, learning rate {}, {}; weights of the least validation loss",
                    config.training.patience,
                    config.training.batch_size,
                    config.training.learning_rate,
                    optimiser
                ),
            ),
            fact(
                "Maps",
                format!(
                    "class `{}`, {}, scaled {}",
                    config.data.positive_class,
                    config.switches.value("tap").replace('_', " "),
                    match config.switches.normalise {
                        NormaliseRule::InsideTissue => "inside the tissue of each slice",
                        NormaliseRule::PerImage => "over each image, background included",
                    }
                ),
            ),
            fact("Score-CAM", score_cam),
        ],
        notes: notes(run, study),
        caveats: caveats(),
    }
}

/// Sentences for the caveat codes of `tests.csv`.
fn caveats() -> std::collections::BTreeMap<String, String> {
    use stats::Caveat;
    let known = [
        Caveat::RepeatedMeasuresAsIndependent,
        Caveat::NoEffectSize,
        Caveat::NormalityReadBackwards,
    ];
    let mut caveats: std::collections::BTreeMap<String, String> = known
        .into_iter()
        .map(|caveat| (caveat.code().to_owned(), sentence(&caveat.to_string())))
        .collect();
    for (code, text) in [
        (
            "pseudo_replication",
            "Slices of one animal are not independent, and are counted as if they were.",
        ),
        (
            "clustered_pairs",
            "Two fillets of one fish are not independent, and are counted as if they were.",
        ),
        (
            "single_seed",
            "One training run per network cannot tell the network from its random start; see the noise floor where there are several.",
        ),
        (
            "cluster_unknown",
            "The animal is not recorded; the next smaller unit is used in its place.",
        ),
        (
            "empty_masks",
            "Overlaps of two empty masks are undefined and left out.",
        ),
        (
            "not_defined",
            "The test is not defined for these data; the column effect says why.",
        ),
    ] {
        caveats.insert(code.to_owned(), text.to_owned());
    }
    caveats
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        format!("{}{}.", first.to_uppercase(), letters.as_str())
    })
}

fn notes(run: &Run, study: &Study) -> Vec<String> {
    let mut notes = vec![
        match run.config.switches.split {
            Split::FishFolds => format!("Every scan is mapped by networks that never saw its {}.", study.unit),
            Split::FilletHoldOut => "Scans are mapped whether they trained the network or not.".to_owned(),
            Split::SlicesPooled => "Slices of every scan train, validate and test, and scans are mapped whether they trained the network or not: the figures of this page cannot tell a network that recognises damage from one that recognises scans.".to_owned(),
        },
        "Each map is scaled to [0, 1] inside its own slice, so a threshold says where a slice is most damaged, not how much; a slice without damage also has a maximum of 1.".to_owned(),
    ];
    if run.config.is_synthetic() {
        notes.push("That −5 °C is damaged most and that liquid loss follows damage is built into the phantom; seeing it here reproduces nothing.".to_owned());
    }
    notes
}

/// The threshold nearest to 0.5, at which single numbers are shown.
fn main_threshold(thresholds: &[f64]) -> f64 {
    let distance = |t: &f64| (t - 0.5).abs();
    thresholds
        .iter()
        .copied()
        .min_by(|a, b| distance(a).total_cmp(&distance(b)))
        .unwrap_or(0.5)
}

fn costs(manifest: &Manifest) -> RunCosts {
    let stage = |record: &crate::manifest::StageRecord| StageCost {
        name: record.name.clone(),
        seconds: record.seconds,
        peak_rss_bytes: record.peak_rss_bytes,
        reused: false,
    };
    RunCosts {
        stages: manifest.stages.iter().map(stage).collect(),
        threads: Some(rayon::current_num_threads()),
        details: Vec::new(),
    }
}
