//! Figure 4: damaged share of the tissue against liquid loss.

use super::axes::Ticks;
use super::figure::Figure;
use super::lines::{COLOURS, Key, LineChart, Series, Style, legend};
use super::names;
use super::ranges::{Forest, ForestRow};
use super::rows::LiquidLoss;
use super::study::{Study, extremes, same, thresholds};
use super::svg::Panel;

/// Draws figure 4; none without rows at the headline threshold.
pub(super) fn draw(study: &Study<'_>) -> Option<Figure> {
    let rows = study.liquid_loss.rows();
    let networks = study.networks(rows.iter().map(|r| r.model.as_str()));
    let methods = study.methods(rows.iter().map(|r| r.method.as_str()));
    let here: Vec<&LiquidLoss> = rows
        .iter()
        .filter(|r| study.is_headline(r.threshold))
        .collect();
    here.first()?;
    let groups: Vec<(String, Vec<ForestRow>)> = networks
        .iter()
        .map(|network| {
            let rows = methods
                .iter()
                .filter_map(|method| {
                    here.iter()
                        .find(|r| r.model == *network && r.method == *method)
                        .map(|r| ForestRow {
                            name: names::method(method),
                            estimate: r.rho,
                            interval: r.ci_low.zip(r.ci_high),
                            colour: study.method_colour(method) % COLOURS,
                        })
                })
                .collect();
            (names::network(network), rows)
        })
        .collect();
    let parts = groups.chunks(3);
    let single = parts.len() == 1;
    let forests: Vec<Panel> = parts
        .enumerate()
        .map(|(i, part)| {
            let more = if i == 0 { "" } else { ", continued" };
            Forest {
                title: format!("A\u{2002}At threshold {}{more}", study.threshold()),
                x_title: "Spearman’s ρ (no unit) with interval".to_owned(),
                groups: part.to_vec(),
                label: "Spearman's rho by network and method, as numbers in the table".to_owned(),
            }
            .panel()
        })
        .collect();
    let ts = thresholds(rows.iter().map(|r| r.threshold));
    let mut curves = Vec::new();
    if ts.len() > 1 {
        for (i, network) in networks.iter().enumerate() {
            curves.push(curve(study, i + 1, network, &methods, rows, &ts));
        }
    }
    let panels = if single {
        vec![forests.into_iter().chain(curves).collect()]
    } else {
        vec![forests, curves]
    };
    let mut keys: Vec<(Key, String)> = methods
        .iter()
        .map(|m| {
            let style = Style::solid(study.method_colour(m));
            (Key::Line(style), names::method(m))
        })
        .collect();
    keys.push((
        Key::Estimate { clear: true },
        "interval on one side of 0".to_owned(),
    ));
    keys.push((
        Key::Estimate { clear: false },
        "interval holds 0".to_owned(),
    ));
    Some(Figure {
        stem: "figure-4".to_owned(),
        number: "Figure 4".to_owned(),
        title: "Marked share of the tissue against liquid loss".to_owned(),
        rows: panels,
        legend: legend(&keys),
        reading: reading(study),
        seen: sentences(study, &here),
    })
}

fn reading(study: &Study<'_>) -> String {
    let mut text = format!(
        "Spearman’s rank correlation between the share of tissue marked at the threshold and the liquid loss in per cent of the fillet’s mass. +1: the more is marked, the more liquid was lost; 0: no monotone relation. Each interval stands alone: no correction for the number of cells is drawn. Dotted line: threshold {}.",
        study.threshold()
    );
    if study.facts.synthetic {
        text.push_str(
            " The phantom ties liquid loss to damage by construction, so a positive ρ here is built in, not found.",
        );
    }
    text
}

fn curve(
    study: &Study<'_>,
    index: usize,
    network: &str,
    methods: &[String],
    rows: &[LiquidLoss],
    ts: &[f64],
) -> Panel {
    let series = methods
        .iter()
        .map(|method| Series {
            style: Style::solid(study.method_colour(method)),
            points: ts
                .iter()
                .filter_map(|t| {
                    rows.iter()
                        .find(|r| {
                            r.model == network && r.method == *method && same(r.threshold, *t)
                        })
                        .map(|r| (*t, r.rho))
                })
                .collect(),
            band: Vec::new(),
        })
        .collect();
    LineChart {
        title: format!(
            "{}\u{2002}{}, every threshold",
            super::fig_miou::letter(index),
            names::network(network)
        ),
        x_title: "Threshold t of the map".to_owned(),
        y_title: "Spearman’s ρ (no unit)".to_owned(),
        x_range: (0.0, 1.0),
        y_range: (-1.0, 1.0),
        x_ticks: Ticks::unit(),
        y_ticks: Ticks::signed(),
        mark_x: Some(study.facts.threshold),
        mark_zero: true,
        width: 320.0,
        series,
        label: format!(
            "Spearman's rho over thresholds, {}",
            names::network(network)
        ),
    }
    .panel()
}

fn sentences(study: &Study<'_>, rows: &[&LiquidLoss]) -> Vec<String> {
    let mut seen = Vec::new();
    let defined: Vec<(&LiquidLoss, f64)> =
        rows.iter().filter_map(|r| r.rho.map(|v| (*r, v))).collect();
    let name = |r: &LiquidLoss| {
        format!(
            "{} on {}",
            names::method(&r.method),
            names::network(&r.model)
        )
    };
    if let Some((low, high)) = extremes(&defined, |d| d.1) {
        if defined.len() > 1 {
            seen.push(format!(
                "At t\u{a0}=\u{a0}{} ρ runs from {} ({}) to {} ({}).",
                study.threshold(),
                names::fixed(low.1, 2),
                name(low.0),
                names::fixed(high.1, 2),
                name(high.0)
            ));
        } else {
            seen.push(format!(
                "At t\u{a0}=\u{a0}{} ρ is {} ({}).",
                study.threshold(),
                names::fixed(low.1, 2),
                name(low.0)
            ));
        }
    }
    let undefined = rows.len() - defined.len();
    if undefined > 0 {
        seen.push(format!(
            "{} of {} correlations are undefined, the marked share being constant.",
            undefined,
            rows.len()
        ));
    }
    let above = rows
        .iter()
        .filter(|r| r.ci_low.is_some_and(|l| l > 0.0))
        .count();
    let below = rows
        .iter()
        .filter(|r| r.ci_high.is_some_and(|h| h < 0.0))
        .count();
    let with = rows
        .iter()
        .filter(|r| r.ci_low.is_some() && r.ci_high.is_some())
        .count();
    if with > 0 {
        seen.push(format!(
            "Of {with} intervals, {above} lie above 0, {below} below 0 and {} hold 0.",
            with - above - below
        ));
    } else {
        seen.push("The table gives no intervals.".to_owned());
    }
    if let Some((low, high)) = extremes(rows, |r| r.n as f64) {
        seen.push(if low.n == high.n {
            format!("Each correlation rests on n = {}.", low.n)
        } else {
            format!("The correlations rest on n = {} to {}.", low.n, high.n)
        });
    }
    seen
}
