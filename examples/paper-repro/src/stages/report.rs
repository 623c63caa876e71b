//! Tables and maps -> figures and `report.html`.

use cnn_zoo::train::Optimiser;
use mri_io::npy;
use ndarray::Axis;

use super::{Run, Stage, json};
use crate::cli::StageName;
use crate::config::Config;
use crate::config::switches::{NormaliseRule, Split};
use crate::division::Division;
use crate::error::{Context, Error, Result};
use crate::manifest::Manifest;
use crate::outputs::Arm;
use crate::report::{
    ExampleMap, ExampleSlice, Fact, NetworkFacts, ReportInput, RunCosts, RunFacts, StageCost,
    network_title, write_report,
};
use crate::slices::{SliceArchive, resample};
use crate::study::Study;

pub(super) struct Report;

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
            "tables/claims.csv",
        ]
    }

    fn run(&self, run: &Run, manifest: &Manifest) -> Result<()> {
        let study = Study::load(&run.config, &run.outputs)?;
        let input = ReportInput {
            facts: facts(run, &study, manifest),
            costs: costs(manifest),
            examples: examples(run, &study)?,
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

/// Brings all slices to [0, 1] by one scale: black is the least value of any tissue (or 0), white the 99.5th percentile.
fn scale_for_the_eye(examples: &mut [ExampleSlice]) {
    let tissue = |example: &ExampleSlice| -> Vec<f32> {
        let pixels = example.image.iter().zip(&example.foreground);
        pixels
            .filter(|(_, inside)| **inside)
            .map(|(value, _)| *value)
            .collect()
    };
    let mut values: Vec<f32> = examples.iter().flat_map(tissue).collect();
    values.sort_unstable_by(f32::total_cmp);
    let (Some(&least), Some(&high)) = (
        values.first(),
        values.get(values.len().saturating_sub(1) * 995 / 1000),
    ) else {
        return;
    };
    let low = least.min(0.0);
    let range = if high > low { high - low } else { 1.0 };
    for example in examples {
        ndarray::Zip::from(&mut example.image)
            .and(&example.foreground)
            .for_each(|pixel, &inside| {
                *pixel = if inside {
                    ((*pixel - low) / range).clamp(0.0, 1.0)
                } else {
                    0.0
                }
            });
    }
}

/// Damage according to the supervised patch network on one kept slice; none where it did not run.
fn supervised(
    run: &Run,
    scan: &str,
    slices: &crate::slices::ScanSlices,
    at: usize,
) -> Result<Option<ndarray::Array2<f32>>> {
    let path = run
        .outputs
        .root()
        .join("supervised")
        .join(format!("{scan}.npy"));
    if !path.exists() {
        return Ok(None);
    }
    let labels = npy::read_f32(&path).doing("read the supervised map", &path)?;
    if labels.dim() != slices.images.dim() {
        return Err(Error::run(format!(
            "{} has shape {:?}, the slices of scan {scan} have {:?}",
            path.display(),
            labels.dim(),
            slices.images.dim()
        )));
    }
    let plane = labels.index_axis_move(Axis(0), at);
    Ok(Some(plane.mapv(|label| f32::from(u8::from(label == 1.0)))))
}

/// The middle slice of the first scan of every treatment, and of the other class.
fn examples(run: &Run, study: &Study) -> Result<Vec<ExampleSlice>> {
    let archive = SliceArchive::open(&run.outputs.slices())?;
    let division = Division::load(&run.config, study, &archive)?;
    let mut seen: Vec<(u32, Option<&str>)> = Vec::new();
    let mut examples = Vec::new();
    for (scan, specimen) in study.specimens.iter().enumerate() {
        let label = study.labels[scan];
        let group = (
            label,
            if label == 1 {
                specimen.treatment.as_deref()
            } else {
                None
            },
        );
        if seen.contains(&group) {
            continue;
        }
        if division.maps(scan).is_none() {
            continue;
        }
        seen.push(group);
        let slices = archive.read(&specimen.scan)?;
        let at = slices.indices.len() / 2;
        let truth = if run.config.is_synthetic() {
            let path = run.outputs.truth(&specimen.scan);
            let truth = npy::read_f32(&path)
                .doing("read the truth", &path)?
                .select(Axis(0), &[slices.indices[at]]);
            Some(resample(truth, run.config.preprocess.image_size).index_axis_move(Axis(0), 0))
        } else {
            None
        };
        let mut maps = Vec::new();
        for network in &run.config.networks {
            for method in &run.config.explain.methods {
                let path = run.outputs.cam(
                    Arm::Trained(0),
                    network.architecture,
                    method,
                    &specimen.scan,
                );
                let map = npy::read_f32(&path).doing("read the map", &path)?;
                maps.push(ExampleMap {
                    model: network.architecture.to_string(),
                    method: method.to_string(),
                    map: map.index_axis_move(Axis(0), at),
                });
            }
        }
        let supervised = supervised(run, &specimen.scan, &slices, at)?;
        let foreground = slices.foreground.index_axis(Axis(0), at).to_owned();
        examples.push(ExampleSlice {
            scan: specimen.scan.clone(),
            class: specimen.class.clone(),
            treatment: if label == 1 {
                specimen.treatment.clone().unwrap_or_default()
            } else {
                String::new()
            },
            slice_index: slices.indices[at],
            image: slices.images.index_axis_move(Axis(0), at),
            foreground,
            truth,
            supervised,
            maps,
        });
    }
    scale_for_the_eye(&mut examples);
    Ok(examples)
}
