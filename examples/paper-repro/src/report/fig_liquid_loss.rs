//! Figures 4 and S6: damaged share of the tissue against liquid loss, at one threshold and at all.

use super::axes::Ticks;
use super::colour::Ramp;
use super::dots::{DotChart, DotRow};
use super::fig_miou::letter;
use super::figure::{Data, Figure, cell};
use super::heat::HeatGrid;
use super::lines::{COLOURS, Key, LineChart, Series, Style, legend};
use super::names;
use super::ranges::{Forest, ForestRow};
use super::rows::LiquidLoss;
use super::scatter::{Mark, SHAPES, Scatter};
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
    let mut first = vec![correlations(study, &networks, &methods, &here)];
    let mut letters = 1;
    let mut data = data(&here);
    let (relation, drawn) = relation(study, letters, &networks, &methods);
    if let Some(panel) = relation {
        first.push(panel);
        letters += 1;
    }
    for (reference, mark) in &drawn {
        data.row(row(
            "B",
            &mark.model,
            &mark.method,
            reference,
            [mark.rho, mark.miou, None, None, None, None, None],
        ));
    }
    if let Some(panel) = losses(study, letters) {
        first.push(panel);
        letters += 1;
    }
    for g in study.loss_groups.rows() {
        let cells = [g.mean, None, g.ci_low, g.ci_high, None, None, None];
        data.row(row("C", "", "", &g.treatment, cells));
    }
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
    let forests: Vec<Panel> = groups
        .chunks(3)
        .enumerate()
        .map(|(i, part)| {
            let more = if i == 0 { "" } else { ", continued" };
            Forest {
                title: format!("{}\u{2002}With intervals{more}", letter(letters)),
                x_title: "Spearman’s ρ (no unit) with interval".to_owned(),
                groups: part.to_vec(),
                label: "Spearman's rho by network and method, as numbers in the table".to_owned(),
            }
            .panel()
        })
        .collect();
    let mut keys: Vec<(Key, String)> = Vec::new();
    if !drawn.is_empty() {
        keys.extend(
            networks
                .iter()
                .enumerate()
                .map(|(i, n)| (Key::Dot(i), names::network(n))),
        );
        keys.extend(
            methods
                .iter()
                .enumerate()
                .map(|(i, m)| (Key::Shape(i), names::method(m))),
        );
    }
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
        rows: vec![first, forests],
        legend: legend(&keys),
        reading: reading(study, &here),
        seen: sentences(study, &here),
        data,
    })
}

/// Draws figure S6, the correlation at every threshold; none with a single threshold.
pub(super) fn draw_thresholds(study: &Study<'_>) -> Option<Figure> {
    let rows = study.liquid_loss.rows();
    let ts = thresholds(rows.iter().map(|r| r.threshold));
    if ts.len() < 2 {
        return None;
    }
    let networks = study.networks(rows.iter().map(|r| r.model.as_str()));
    let methods = study.methods(rows.iter().map(|r| r.method.as_str()));
    let curves: Vec<Panel> = networks
        .iter()
        .enumerate()
        .map(|(i, network)| curve(study, i, network, &methods, rows, &ts))
        .collect();
    let all: Vec<&LiquidLoss> = rows.iter().collect();
    let keys: Vec<(Key, String)> = methods
        .iter()
        .map(|m| {
            let style = Style::solid(study.method_colour(m));
            (Key::Line(style), names::method(m))
        })
        .collect();
    Some(Figure {
        stem: "figure-s6".to_owned(),
        number: "Figure S6".to_owned(),
        title: "Correlation with liquid loss at every threshold".to_owned(),
        rows: vec![curves],
        legend: legend(&keys),
        reading: format!(
            "As figure 4A, over all thresholds of the map; dotted line at {}. A line ends where the marked share is the same for every scan. The paper’s text does not describe its figure S6; what it shows is taken from the released plotting code.",
            study.threshold()
        ),
        seen: Vec::new(),
        data: data(&all),
    })
}

const COLUMNS: &[&str] = &[
    "panel",
    "network",
    "method",
    "group",
    "threshold",
    "value",
    "miou",
    "ci_low",
    "ci_high",
    "p",
    "p_corrected",
    "rho_within_treatments",
];

fn row(
    panel: &str,
    network: &str,
    method: &str,
    group: &str,
    [value, miou, low, high, p, corrected, within]: [Option<f64>; 7],
) -> Vec<String> {
    let words = [panel, network, method, group, ""].map(str::to_owned);
    let numbers = [value, miou, low, high, p, corrected, within].map(cell);
    words.into_iter().chain(numbers).collect()
}

fn data(rows: &[&LiquidLoss]) -> Data {
    let mut data = Data::new(COLUMNS);
    for r in rows {
        let cells = [
            r.rho,
            None,
            r.ci_low,
            r.ci_high,
            r.p,
            r.corrected_p,
            r.within,
        ];
        let mut row = row("A", &r.model, &r.method, "", cells);
        row[4] = r.threshold.to_string();
        data.row(row);
    }
    data
}

/// A: every correlation as a grid, with the paper's stars.
fn correlations(
    study: &Study<'_>,
    networks: &[String],
    methods: &[String],
    rows: &[&LiquidLoss],
) -> Panel {
    let of = |method: &String, network: &String| {
        rows.iter()
            .copied()
            .find(|r| r.method == *method && r.model == *network)
    };
    let stars = |r: &LiquidLoss| match r.p {
        Some(p) if p < 0.001 => "***",
        Some(p) if p < 0.01 => "**",
        Some(p) if p < 0.05 => "*",
        _ => "",
    };
    let mark = |r: &LiquidLoss| {
        let kept = r.corrected_p.is_some_and(|p| p < 0.05);
        format!("{}{}", stars(r), if kept { "†" } else { "" })
    };
    HeatGrid {
        title: format!("A\u{2002}Spearman’s ρ at threshold {}", study.threshold()),
        rows: methods.iter().map(|m| names::method(m)).collect(),
        columns: networks.iter().map(|n| names::network(n)).collect(),
        values: methods
            .iter()
            .map(|m| {
                networks
                    .iter()
                    .map(|n| of(m, n).and_then(|r| r.rho))
                    .collect()
            })
            .collect(),
        footer: Vec::new(),
        marks: methods
            .iter()
            .map(|m| {
                networks
                    .iter()
                    .map(|n| of(m, n).map(mark).unwrap_or_default())
                    .collect()
            })
            .collect(),
        ramp: Ramp::BlueOrange,
        range: (-1.0, 1.0),
        ticks: Ticks::signed(),
        bar_title: "Spearman’s ρ (no unit)".to_owned(),
        label: "Spearman's rho by method and network, as numbers in the table".to_owned(),
    }
    .panel()
}

/// One combination of network and method in panel B.
struct Drawn {
    model: String,
    method: String,
    miou: Option<f64>,
    rho: Option<f64>,
}

/// B: overlap against correlation.
fn relation(
    study: &Study<'_>,
    index: usize,
    networks: &[String],
    methods: &[String],
) -> (Option<Panel>, Vec<(String, Drawn)>) {
    let rows = study.miou_and_rho.rows();
    let reference = ["supervised", "truth"]
        .into_iter()
        .find(|name| rows.iter().any(|r| r.reference == *name));
    let Some(reference) = reference else {
        return (None, Vec::new());
    };
    let mut marks = Vec::new();
    let mut drawn = Vec::new();
    for r in rows.iter().filter(|r| r.reference == reference) {
        if let (Some(x), Some(y)) = (r.miou, r.rho) {
            let place = |list: &[String], name: &str| list.iter().position(|n| n == name);
            marks.push(Mark {
                x,
                y,
                colour: place(networks, &r.model).unwrap_or(COLOURS - 1) % COLOURS,
                shape: place(methods, &r.method).unwrap_or(SHAPES - 1),
            });
        }
        let cell = Drawn {
            model: r.model.clone(),
            method: r.method.clone(),
            miou: r.miou,
            rho: r.rho,
        };
        drawn.push((reference.to_owned(), cell));
    }
    if marks.is_empty() {
        return (None, Vec::new());
    }
    let panel = Scatter {
        title: format!("{}\u{2002}Overlap and correlation", letter(index)),
        x_title: format!("mIoU with {} (no unit)", super::fig_miou::short(reference)),
        y_title: "Spearman’s ρ with liquid loss (no unit)".to_owned(),
        marks,
        label: "Overlap against correlation, one point per network and method".to_owned(),
    };
    (Some(panel.panel()), drawn)
}

/// C: liquid loss by treatment.
fn losses(study: &Study<'_>, index: usize) -> Option<Panel> {
    let groups = study.loss_groups.rows();
    let scans = study.reference_scans.rows();
    let treatments = study.treatments(groups.iter().map(|g| g.treatment.as_str()));
    let rows: Vec<DotRow> = treatments
        .iter()
        .filter_map(|treatment| {
            let group = groups.iter().find(|g| g.treatment == *treatment)?;
            // a scan stands once for every reference; any one of them will do
            let source = scans.first().map(|s| s.source.as_str()).unwrap_or_default();
            Some(DotRow {
                name: names::treatment(treatment),
                points: scans
                    .iter()
                    .filter(|s| s.treatment == *treatment && s.source == source)
                    .filter_map(|s| s.liquid_loss)
                    .collect(),
                mean: group.mean,
                interval: group.ci_low.zip(group.ci_high),
                colour: 2,
            })
        })
        .collect();
    let highest = rows
        .iter()
        .flat_map(|r| {
            let ends = r.interval.map(|i| i.1).into_iter().chain(r.mean);
            r.points.iter().copied().chain(ends)
        })
        .fold(0.0, f64::max);
    if rows.is_empty() || highest <= 0.0 {
        return None;
    }
    let range = (0.0, highest * 1.08);
    let panel = DotChart {
        title: format!("{}\u{2002}Liquid loss by treatment", letter(index)),
        x_title: "Liquid loss (% of mass), mean and its interval".to_owned(),
        range,
        ticks: Ticks::round(range, 5),
        decimals: 1,
        rows,
        label: "Liquid loss by treatment".to_owned(),
    };
    Some(panel.panel())
}

fn reading(study: &Study<'_>, rows: &[&LiquidLoss]) -> String {
    let mut text = "Spearman’s rank correlation between the share of tissue marked at the threshold and the liquid loss in per cent of the fillet’s mass. +1: the more is marked, the more liquid was lost; 0: no monotone relation. Stars as in the paper, each cell for itself: * p < 0.05, ** p < 0.01, *** p < 0.001".to_owned();
    text.push_str(if rows.iter().any(|r| r.corrected_p.is_some()) {
        "; †: p < 0.05 also when corrected for all cells of the threshold."
    } else {
        ", without correction for their number."
    });
    text.push_str(
        " Each interval stands alone too. Overlap in panel B is the mean over treatments.",
    );
    if study.miou_and_rho.rows().is_empty() {
        text.push_str(" Overlap against correlation (the paper’s panel B) is left out: this run wrote no tables/miou_and_rho.csv.");
    }
    if study.loss_groups.rows().is_empty() {
        text.push_str(" Liquid loss by treatment (its panel C) is left out: this run wrote no tables/liquid_loss_groups.csv.");
    }
    if study.facts.synthetic {
        text.push_str(
            " The phantom ties liquid loss to damage by construction: a map that follows damage, or only the treatment, has a positive ρ, and that reproduces nothing.",
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
        title: format!("{}\u{2002}{}", letter(index), names::network(network)),
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
