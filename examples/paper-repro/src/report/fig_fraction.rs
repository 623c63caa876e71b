//! Figure E1: how much of the tissue is marked in each group, the negative control among them.

use super::axes::Ticks;
use super::colour::Ramp;
use super::fig_miou::letter;
use super::figure::{Data, Figure, cell};
use super::heat::HeatGrid;
use super::names;
use super::rows::Fraction;
use super::study::{Study, extremes, mean};

/// Draws figure E1; none without rows at the headline threshold.
pub(super) fn draw(study: &Study<'_>) -> Option<Figure> {
    let rows: Vec<&Fraction> = study
        .fractions
        .rows()
        .iter()
        .filter(|r| study.is_headline(r.threshold))
        .collect();
    rows.first()?;
    let networks = study.networks(rows.iter().map(|r| r.model.as_str()));
    let methods = study.methods(rows.iter().map(|r| r.method.as_str()));
    let mut groups = study.treatments(rows.iter().map(|r| r.group.as_str()));
    // The group with nothing to mark comes first, the treatments follow.
    groups.sort_by_key(|g| g != OTHER);
    let mut panels = Vec::new();
    let mut seen = Vec::new();
    let mut data = Data::new(&["group", "network", "method", "threshold", "n", "mean"]);
    for row in &rows {
        data.row([
            row.group.clone(),
            row.model.clone(),
            row.method.clone(),
            row.threshold.to_string(),
            row.n.to_string(),
            cell(row.mean),
        ]);
    }
    for (i, group) in groups.iter().enumerate() {
        let of_group: Vec<&Fraction> = rows.iter().copied().filter(|r| r.group == *group).collect();
        let value = |method: &String, network: &String| {
            of_group
                .iter()
                .find(|r| r.method == *method && r.model == *network)
                .and_then(|r| r.mean)
        };
        let shown = name(study, group);
        panels.push(
            HeatGrid {
                title: format!("{}\u{2002}{shown}", letter(i)),
                rows: methods.iter().map(|m| names::method(m)).collect(),
                columns: networks.iter().map(|n| names::network(n)).collect(),
                values: methods
                    .iter()
                    .map(|m| networks.iter().map(|n| value(m, n)).collect())
                    .collect(),
                footer: Vec::new(),
                marks: Vec::new(),
                ramp: Ramp::Viridis,
                range: (0.0, 1.0),
                ticks: Ticks::unit(),
                bar_title: format!(
                    "Share of tissue at t\u{a0}=\u{a0}{} (no unit)",
                    study.threshold()
                ),
                label: format!("Marked share of the tissue by method and network, {shown}"),
            }
            .panel(),
        );
        seen.extend(sentence(group, &shown, &of_group));
    }
    Some(Figure {
        stem: "figure-e1".to_owned(),
        number: "Figure E1".to_owned(),
        title: "Marked share of the tissue by group".to_owned(),
        rows: vec![panels],
        legend: Vec::new(),
        reading: format!(
            "Mean share of the tissue of a slice that the map marks at threshold {}. Slices outside the class “{}” are the negative control: whatever is marked there is false.",
            study.threshold(),
            study.facts.positive_class
        ),
        seen,
        data,
    })
}

const OTHER: &str = "other class";

fn name(study: &Study<'_>, group: &str) -> String {
    if group == OTHER {
        format!("Not {}", study.facts.positive_class)
    } else {
        names::treatment(group)
    }
}

fn sentence(group: &str, shown: &str, rows: &[&Fraction]) -> Option<String> {
    let cells: Vec<(&Fraction, f64)> = rows
        .iter()
        .filter_map(|r| r.mean.map(|v| (*r, v)))
        .collect();
    let values: Vec<f64> = cells.iter().map(|c| c.1).collect();
    let (low, high) = extremes(&cells, |c| c.1)?;
    let cell = |r: &Fraction| {
        format!(
            "{} on {}",
            names::method(&r.method),
            names::network(&r.model)
        )
    };
    let mut text = format!(
        "{shown}: {} on average over cells, from {} ({}) to {} ({})",
        names::percent(mean(&values)?),
        names::percent(low.1),
        cell(low.0),
        names::percent(high.1),
        cell(high.0)
    );
    if group == OTHER {
        text.push_str("; all of it is false");
    }
    Some(text + ".")
}
