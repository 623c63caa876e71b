//! What the report needs to know beyond the tables of the output folder.

use std::collections::BTreeMap;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::album::Album;
use super::error::{Error, Result};

/// Everything the report takes besides the tables in the output folder.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportInput {
    /// What was run.
    pub facts: RunFacts,
    /// What it cost: the only part of the page that may differ between two runs of the same seed.
    pub costs: RunCosts,
    /// Slices shown in figures 1, 2, S2 and S3; they live in memory only.
    #[serde(skip)]
    pub examples: Vec<ExampleSlice>,
    /// Slices of the browser; they live in memory only.
    #[serde(skip)]
    pub album: Album,
}

/// What was run, as the page states it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunFacts {
    /// Profile, for example `quick`.
    pub profile: String,
    /// Protocol, for example `rigorous`.
    pub protocol: String,
    /// Seed of the whole run.
    pub seed: u64,
    /// Version of the program.
    pub version: String,
    /// Commit the program was built from, if known.
    #[serde(default)]
    pub commit: Option<String>,
    /// Device the networks ran on, for example `cpu`.
    pub device: String,
    /// Whether the scans are a phantom; the page then says everywhere that it carries no conclusion.
    pub synthetic: bool,
    /// The class the maps explain, for example `thawed`.
    pub positive_class: String,
    /// Networks in display order.
    pub networks: Vec<NetworkFacts>,
    /// Canonical method names in display order.
    pub methods: Vec<String>,
    /// Treatment names as the tables write them, in display order.
    #[serde(default)]
    pub treatments: Vec<String>,
    /// Threshold of the headline figures.
    #[serde(default = "default_threshold")]
    pub threshold: f64,
    /// Reference of the overlap figures; absent: `truth` if the table has it, else the first named.
    #[serde(default)]
    pub reference: Option<String>,
    /// Further facts for the table "What was run", in order (scans, fish, slices, split, ...).
    #[serde(default)]
    pub details: Vec<Fact>,
    /// Remarks a reader must know, one sentence or two each.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Meaning of caveat codes used in `tests.csv`; adds to and overrides the built-in meanings.
    #[serde(default)]
    pub caveats: BTreeMap<String, String>,
}

fn default_threshold() -> f64 {
    0.5
}

/// One network as it was trained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkFacts {
    /// Canonical name, as in the tables and folder names: `resnet50`.
    pub name: String,
    /// The network as trained: `ResNet50 ×0.125, 64², 12 epochs`.
    pub as_trained: String,
}

/// A label and its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fact {
    /// What it is.
    pub label: String,
    /// Its value, with unit.
    pub value: String,
}

/// Times and memory of the run.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunCosts {
    /// Stages in order.
    pub stages: Vec<StageCost>,
    /// Worker threads, if known.
    #[serde(default)]
    pub threads: Option<usize>,
    /// Further facts that may differ between two equal runs (machine, start time, ...).
    #[serde(default)]
    pub details: Vec<Fact>,
}

/// Time and memory of one stage.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageCost {
    /// Name of the stage.
    pub name: String,
    /// Wall-clock seconds when it last ran.
    pub seconds: f64,
    /// Peak resident memory in bytes, where the system tells.
    #[serde(default)]
    pub peak_rss_bytes: Option<u64>,
    /// Whether this run reused the stage's earlier result.
    #[serde(default)]
    pub reused: bool,
}

/// One slice shown in the report, with the maps made for it.
///
/// # Shapes
///
/// All arrays are `[rows, columns]` and equal; `image`, `truth` and every map lie in `[0, 1]`
/// (values outside are clipped for display, non-finite ones count as 0).
#[derive(Debug, Clone)]
pub struct ExampleSlice {
    /// Name of the scan.
    pub scan: String,
    /// Its class, for example `fresh`.
    pub class: String,
    /// Its treatment, as in the tables; empty where it has none.
    pub treatment: String,
    /// Slice in the scan, from 0.
    pub slice_index: usize,
    /// The slice.
    pub image: Array2<f32>,
    /// Tissue.
    pub foreground: Array2<bool>,
    /// Known damage, where it is known.
    pub truth: Option<Array2<f32>>,
    /// Damage according to the supervised patch network (1 damaged, 0 not), where there is one.
    pub supervised: Option<Array2<f32>>,
    /// Heatmaps of this slice.
    pub maps: Vec<ExampleMap>,
}

/// One heatmap of an [`ExampleSlice`].
#[derive(Debug, Clone)]
pub struct ExampleMap {
    /// Canonical name of the network.
    pub model: String,
    /// Canonical name of the method.
    pub method: String,
    /// The heatmap at image size.
    pub map: Array2<f32>,
}

impl ExampleSlice {
    /// The same slice without non-finite values, clipped to `[0, 1]`.
    ///
    /// # Errors
    ///
    /// [`Error::ExampleShape`] if an array differs from the image in shape.
    pub(super) fn checked(&self) -> Result<Self> {
        let image = shape(self.image.dim());
        let differs = |array: String, found: [usize; 2]| Error::ExampleShape {
            scan: self.scan.clone(),
            slice_index: self.slice_index,
            array,
            image,
            found,
        };
        let foreground = shape(self.foreground.dim());
        if foreground != image {
            return Err(differs("the foreground".into(), foreground));
        }
        if let Some(truth) = &self.truth
            && shape(truth.dim()) != image
        {
            return Err(differs("the truth".into(), shape(truth.dim())));
        }
        if let Some(supervised) = &self.supervised
            && shape(supervised.dim()) != image
        {
            return Err(differs(
                "the supervised map".into(),
                shape(supervised.dim()),
            ));
        }
        for m in &self.maps {
            if shape(m.map.dim()) != image {
                let name = format!("the map of {} on {}", m.method, m.model);
                return Err(differs(name, shape(m.map.dim())));
            }
        }
        Ok(Self {
            image: self.image.mapv(unit),
            truth: self.truth.as_ref().map(|t| t.mapv(unit)),
            supervised: self.supervised.as_ref().map(|s| s.mapv(unit)),
            maps: self
                .maps
                .iter()
                .map(|m| ExampleMap {
                    map: m.map.mapv(unit),
                    ..m.clone()
                })
                .collect(),
            ..self.clone()
        })
    }
}

fn shape(dim: (usize, usize)) -> [usize; 2] {
    [dim.0, dim.1]
}

fn unit(value: f32) -> f32 {
    if value.is_finite() {
        value.clamp(0.0, 1.0)
    } else {
        0.0
    }
}
