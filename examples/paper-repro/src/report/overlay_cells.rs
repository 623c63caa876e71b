//! What the maps of figure 2 mark on their slice, in numbers and sentences.

use super::fig_examples::inside;
use super::input::{ExampleMap, ExampleSlice};
use super::names;
use super::study::{Study, extremes, mean};

/// One cell of the grid, measured.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    pub(super) model: String,
    pub(super) method: String,
    /// Share of the tissue at or above the threshold.
    pub(super) share: f64,
    /// Overlap with the known damage; none without truth or where both are empty.
    pub(super) iou: Option<f64>,
    /// Overlap with the supervised map, likewise.
    pub(super) supervised: Option<f64>,
}

impl Cell {
    /// Measures one map inside the tissue.
    pub(super) fn measure(study: &Study<'_>, slice: &ExampleSlice, map: &ExampleMap) -> Self {
        let level = study.facts.threshold as f32;
        let (mut tissue, mut marked) = (0usize, 0usize);
        for (index, inside) in slice.foreground.indexed_iter() {
            if *inside {
                tissue += 1;
                marked += usize::from(map.map[index] >= level);
            }
        }
        let overlap = |reference: &Option<ndarray::Array2<f32>>, at_least: f32| {
            let reference = reference.as_ref()?;
            let (mut both, mut either) = (0usize, 0usize);
            for (index, _) in slice.foreground.indexed_iter().filter(|(_, t)| **t) {
                let (a, b) = (map.map[index] >= level, reference[index] >= at_least);
                both += usize::from(a && b);
                either += usize::from(a || b);
            }
            (either > 0).then(|| both as f64 / either as f64)
        };
        Self {
            model: map.model.clone(),
            method: map.method.clone(),
            share: marked as f64 / tissue.max(1) as f64,
            iou: overlap(&slice.truth, level),
            supervised: overlap(&slice.supervised, 0.5),
        }
    }
}

/// What one sees in the grid, one sentence each.
pub(super) fn sentences(
    study: &Study<'_>,
    slice: &ExampleSlice,
    networks: &[String],
    methods: &[String],
    cells: &[Cell],
) -> Vec<String> {
    let mut seen = Vec::new();
    let name = |c: &Cell| {
        format!(
            "{} on {}",
            names::method(&c.method),
            names::network(&c.model)
        )
    };
    if let Some((low, high)) = extremes(cells, |c| c.share) {
        if cells.len() == 1 {
            seen.push(format!(
                "{} marks {} of the tissue.",
                name(&low),
                names::percent(low.share)
            ));
        } else {
            seen.push(format!(
                "The marked share of the tissue runs from {} ({}) to {} ({}).",
                names::percent(low.share),
                name(&low),
                names::percent(high.share),
                name(&high)
            ));
        }
    }
    let empty = cells.iter().filter(|c| c.share == 0.0).count();
    if empty > 0 {
        seen.push(format!(
            "{} of {} maps mark{} nothing at {}.",
            empty,
            cells.len(),
            if empty == 1 { "s" } else { "" },
            study.threshold()
        ));
    }
    let defined: Vec<(Cell, f64)> = cells
        .iter()
        .filter_map(|c| c.iou.map(|v| (c.clone(), v)))
        .collect();
    let no_damage = slice.truth.as_ref().is_some_and(|t| {
        let level = study.facts.threshold as f32;
        !inside(slice, t).iter().any(|v| *v >= level)
    });
    if no_damage {
        seen.push(format!(
            "The known damage stays below {} everywhere, so all that is marked here is false and the IoU is 0 wherever anything is marked.",
            study.threshold()
        ));
    } else if let Some((low, high)) = extremes(&defined, |c| c.1)
        && defined.len() > 1
    {
        seen.push(format!(
            "IoU with the known damage runs from {} ({}) to {} ({}).",
            names::fixed(low.1, 2),
            name(&low.0),
            names::fixed(high.1, 2),
            name(&high.0)
        ));
    }
    let spread = |keys: &[String], key: fn(&Cell) -> &str| {
        let means: Vec<f64> = keys
            .iter()
            .filter_map(|k| {
                let shares: Vec<f64> = cells
                    .iter()
                    .filter(|c| key(c) == k)
                    .map(|c| c.share)
                    .collect();
                mean(&shares)
            })
            .collect();
        extremes(&means, |v| *v).map_or(0.0, |(low, high)| 100.0 * (high - low))
    };
    if networks.len() > 1 && methods.len() > 1 {
        seen.push(format!(
            "On this slice the mean marked share differs by up to {} between networks and by up to {} between methods.",
            points(spread(networks, |c| &c.model)),
            points(spread(methods, |c| &c.method))
        ));
    }
    seen
}

fn points(difference: f64) -> String {
    names::count(
        difference.round() as usize,
        "percentage point",
        "percentage points",
    )
}
