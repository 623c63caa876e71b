//! What the example leaves: a map and an overlay per method, and `result.json`.

use std::collections::BTreeMap;
use std::path::Path;

use cam_methods::{CamMaps, ColourMap, Explanation, TapShape, overlay};
use candle_core::Tensor;
use serde::Serialize;

use super::{Failure, npy};

/// Share of the heatmap's colour in an overlay.
const OPACITY: f32 = 0.5;

/// `result.json`.
#[derive(Serialize)]
pub(super) struct Report<'a> {
    pub(super) arch: &'a str,
    pub(super) semantics: &'a str,
    pub(super) class: usize,
    pub(super) logits: Vec<f32>,
    pub(super) taps: Vec<&'a TapShape>,
    pub(super) passes: Passes,
    pub(super) methods: BTreeMap<&'a str, Findings>,
}

#[derive(Serialize)]
pub(super) struct Passes {
    forward: usize,
    backward: usize,
}

/// What to know about a map before believing it.
#[derive(Serialize)]
pub(super) struct Findings {
    zero_map: bool,
    dead_channels: usize,
    raw_min: f32,
    raw_max: f32,
}

impl From<cam_methods::Passes> for Passes {
    fn from(passes: cam_methods::Passes) -> Self {
        Self {
            forward: passes.forward,
            backward: passes.backward,
        }
    }
}

/// Findings of every method, for one image.
pub(super) fn findings(explained: &Explanation) -> BTreeMap<&str, Findings> {
    explained
        .maps
        .iter()
        .filter_map(|maps| {
            let d = maps.diagnostics.first()?;
            let findings = Findings {
                zero_map: d.zero_map,
                dead_channels: d.dead_channels(),
                raw_min: d.raw_min(),
                raw_max: d.raw_max(),
            };
            Some((maps.method.as_str(), findings))
        })
        .collect()
}

/// Writes `<method>.npy` and `<method>.png`.
pub(super) fn write_map(out: &Path, image: &Tensor, maps: &CamMaps) -> Result<(), Failure> {
    let (_, _, height, width) = image.dims4()?;
    let size = [height, width];
    let map = maps.heatmap(0)?;
    let grey: Vec<f32> = image.mean((0, 1))?.flatten_all()?.to_vec1()?;
    let file = |extension: &str| out.join(format!("{}.{extension}", maps.method));
    npy::write(&file("npy"), size, &map)?;
    overlay(&grey, &map, size, ColourMap::default(), OPACITY)?.save(file("png"))?;
    Ok(())
}

/// Writes `result.json`.
pub(super) fn write(out: &Path, report: &Report<'_>) -> Result<(), Failure> {
    let mut text = serde_json::to_string_pretty(report)?;
    text.push('\n');
    Ok(std::fs::write(out.join("result.json"), text)?)
}
