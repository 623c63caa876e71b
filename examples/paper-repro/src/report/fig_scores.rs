//! Figure E2: maps against the soft truth, without any threshold.

use super::axes::Ticks;
use super::colour::Ramp;
use super::fig_miou::letter;
use super::figure::{Data, Figure, cell};
use super::heat::HeatGrid;
use super::names;
use super::rows_more::TruthScore;
use super::study::{Study, extremes};

type Score = fn(&TruthScore) -> Option<f64>;

/// Draws figure E2; none where this run has no such scores.
pub(super) fn draw(study: &Study<'_>) -> Option<Figure> {
    let rows = study.truth_scores.rows();
    rows.first()?;
    let mut data = Data::new(&["network", "method", "treatment", "n", "auc", "fuzzy_iou"]);
    for r in rows {
        data.row([
            r.model.clone(),
            r.method.clone(),
            r.treatment.clone(),
            r.n.to_string(),
            cell(r.auc),
            cell(r.fuzzy_iou),
        ]);
    }
    let maps: Vec<&TruthScore> = rows.iter().filter(|r| r.model != "control").collect();
    let networks = study.networks(maps.iter().map(|r| r.model.as_str()));
    let methods = study.methods(maps.iter().map(|r| r.method.as_str()));
    let treatments = study.treatments(rows.iter().map(|r| r.treatment.as_str()));
    let scores: [(&str, Score); 2] = [
        ("Fuzzy IoU", |r| r.fuzzy_iou),
        ("Area under the ROC curve", |r| r.auc),
    ];
    let (mut panels, mut seen) = (Vec::new(), Vec::new());
    for (name, score) in scores {
        let mut row = Vec::new();
        for treatment in &treatments {
            let here: Vec<&TruthScore> = maps
                .iter()
                .copied()
                .filter(|r| r.treatment == *treatment)
                .collect();
            let value = |m: &String, n: &String| {
                let row = here.iter().find(|r| r.method == *m && r.model == *n);
                row.and_then(|r| score(r))
            };
            let shown = names::treatment(treatment);
            let controls = rows
                .iter()
                .filter(|r| r.model == "control" && r.treatment == *treatment);
            row.push(
                HeatGrid {
                    title: format!(
                        "{}\u{2002}{shown}",
                        letter(panels.len() * treatments.len() + row.len())
                    ),
                    rows: methods.iter().map(|m| names::method(m)).collect(),
                    columns: networks.iter().map(|n| names::network(n)).collect(),
                    values: methods
                        .iter()
                        .map(|m| networks.iter().map(|n| value(m, n)).collect())
                        .collect(),
                    footer: controls
                        .map(|r| (names::words(&r.method), score(r)))
                        .collect(),
                    marks: Vec::new(),
                    ramp: Ramp::Viridis,
                    range: (0.0, 1.0),
                    ticks: Ticks::unit(),
                    bar_title: format!("{name} (no unit)"),
                    label: format!("{name} by method and network, {shown}"),
                }
                .panel(),
            );
            let cells: Vec<(&TruthScore, f64)> = here
                .iter()
                .filter_map(|r| score(r).map(|v| (*r, v)))
                .collect();
            if let Some((low, high)) = extremes(&cells, |c| c.1) {
                let cell = |r: &TruthScore| {
                    format!(
                        "{} on {}",
                        names::method(&r.method),
                        names::network(&r.model)
                    )
                };
                seen.push(format!(
                    "{name}, {shown}: from {} ({}) to {} ({}).",
                    names::fixed(low.1, 2),
                    cell(low.0),
                    names::fixed(high.1, 2),
                    cell(high.0)
                ));
            }
        }
        panels.push(row);
    }
    Some(Figure {
        stem: "figure-e2".to_owned(),
        number: "Figure E2".to_owned(),
        title: "Maps against the soft truth, without a threshold".to_owned(),
        rows: panels,
        legend: Vec::new(),
        reading: "Not in the paper, which had no truth. Fuzzy IoU compares the values of map and true damage pixel by pixel (sum of the smaller over sum of the larger; 1: identical). The area under the ROC curve asks whether damaged pixels get higher values than others (0.5: chance); it is undefined where all or nothing is damaged. Rows set apart are controls without a network.".to_owned(),
        seen,
        data,
    })
}
