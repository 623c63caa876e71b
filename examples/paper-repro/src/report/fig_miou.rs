//! Figure 3: overlap with the reference, per treatment and over thresholds.

use super::axes::Ticks;
use super::colour::Ramp;
use super::figure::Figure;
use super::heat::HeatGrid;
use super::lines::{Key, LineChart, Series, Style, legend};
use super::names;
use super::rows::MeanIou;
use super::study::{Study, extremes, mean, same, thresholds};
use super::svg::Panel;

/// The rows of the reference shown, in table order.
pub(super) fn of_reference<'a>(study: &Study<'_>, rows: &'a [MeanIou]) -> Vec<&'a MeanIou> {
    let has = |name: &str| rows.iter().any(|r| r.reference == name);
    let wanted = study
        .facts
        .reference
        .clone()
        .filter(|name| has(name))
        .or_else(|| has("truth").then(|| "truth".to_owned()))
        .or_else(|| rows.first().map(|r| r.reference.clone()))
        .unwrap_or_default();
    rows.iter().filter(|r| r.reference == wanted).collect()
}

/// Draws figure 3; none without rows.
pub(super) fn draw(study: &Study<'_>) -> Option<Figure> {
    let rows = of_reference(study, study.miou.rows());
    let first = *rows.first()?;
    let reference = names::reference(&first.reference, study.facts.synthetic);
    let treatments = study.treatments(rows.iter().map(|r| r.treatment.as_str()));
    let networks = study.networks(rows.iter().map(|r| r.model.as_str()));
    let methods = study.methods(rows.iter().map(|r| r.method.as_str()));
    let mut heat = Vec::new();
    for (i, treatment) in treatments.iter().enumerate() {
        let here: Vec<&MeanIou> = rows
            .iter()
            .copied()
            .filter(|r| r.treatment == *treatment && study.is_headline(r.threshold))
            .collect();
        heat.push(grid(
            study,
            &letter(i),
            treatment,
            &networks,
            &methods,
            &here,
            controls(study, treatment, &first.reference),
        ));
    }
    let ts = thresholds(rows.iter().map(|r| r.threshold));
    let few = networks.len() * methods.len() <= 10;
    let mut lines: Vec<Vec<Panel>> = Vec::new();
    let mut index = treatments.len();
    if ts.len() > 1 {
        let groups: Vec<Option<&String>> = if few {
            vec![None]
        } else {
            networks.iter().map(Some).collect()
        };
        for network in groups {
            let mut row = Vec::new();
            for treatment in &treatments {
                let here: Vec<&MeanIou> = rows
                    .iter()
                    .copied()
                    .filter(|r| r.treatment == *treatment)
                    .filter(|r| network.is_none_or(|n| r.model == *n))
                    .collect();
                row.push(curves(
                    study,
                    &letter(index),
                    treatment,
                    network,
                    &networks,
                    &here,
                    &ts,
                ));
                index += 1;
            }
            lines.push(row);
        }
    }
    let legend = if lines.is_empty() {
        Vec::new()
    } else {
        let mut keys: Vec<(Key, String)> = methods
            .iter()
            .map(|m| {
                let style = Style::solid(study.method_colour(m));
                (Key::Line(style), names::method(m))
            })
            .collect();
        if few && networks.len() > 1 {
            keys.extend(
                networks
                    .iter()
                    .enumerate()
                    .map(|(i, n)| (Key::Dash(i), names::network(n))),
            );
        }
        legend(&keys)
    };
    let mut reading = format!(
        "Mean intersection over union (mIoU) of the regions marked by each network and method with {reference}: 0 no overlap, 1 identical. Grids: threshold {}; curves: every threshold, dotted line at {}. Treatments are never pooled.",
        study.threshold(),
        study.threshold()
    );
    if !study.controls.rows().is_empty() {
        reading.push_str(" Rows set apart are controls that use no network: “Whole tissue” marks everything, so a map below it tells less than no map.");
    }
    if few && networks.len() > 1 {
        reading.push_str(" Colour tells the method, dash the network.");
    }
    let mut all = vec![heat];
    all.extend(lines);
    Some(Figure {
        stem: "figure-3".to_owned(),
        number: "Figure 3".to_owned(),
        title: format!("Overlap with {reference}, by treatment"),
        rows: all,
        legend,
        reading,
        seen: sentences(study, &rows, &treatments, &ts),
    })
}

/// `A`, `B`, ... as a panel's letter.
pub(super) fn letter(index: usize) -> String {
    let last = char::from(b'A' + (index % 26) as u8);
    if index < 26 {
        last.to_string()
    } else {
        format!(
            "{}{last}",
            char::from(b'A' + (index / 26 - 1).min(25) as u8)
        )
    }
}

/// Controls of one treatment against the reference shown.
pub(super) fn controls(
    study: &Study<'_>,
    treatment: &str,
    reference: &str,
) -> Vec<(String, Option<f64>)> {
    study
        .controls
        .rows()
        .iter()
        .filter(|c| c.treatment == treatment && c.reference == reference)
        .filter(|c| c.threshold.is_none_or(|t| study.is_headline(t)))
        .map(|c| (names::words(&c.method), c.miou))
        .collect()
}

fn grid(
    study: &Study<'_>,
    letter: &str,
    treatment: &str,
    networks: &[String],
    methods: &[String],
    rows: &[&MeanIou],
    footer: Vec<(String, Option<f64>)>,
) -> Panel {
    let values = methods
        .iter()
        .map(|method| {
            networks
                .iter()
                .map(|network| {
                    rows.iter()
                        .find(|r| r.method == *method && r.model == *network)
                        .and_then(|r| r.miou)
                })
                .collect()
        })
        .collect();
    HeatGrid {
        title: format!("{letter}\u{2002}{}", names::treatment(treatment)),
        rows: methods.iter().map(|m| names::method(m)).collect(),
        columns: networks.iter().map(|n| names::network(n)).collect(),
        values,
        footer,
        ramp: Ramp::Viridis,
        range: (0.0, 1.0),
        ticks: Ticks::unit(),
        bar_title: format!("mIoU at t\u{a0}=\u{a0}{} (no unit)", study.threshold()),
        label: format!(
            "mIoU by method and network, {}, as numbers in the table of overlaps",
            names::treatment(treatment)
        ),
    }
    .panel()
}

fn curves(
    study: &Study<'_>,
    letter: &str,
    treatment: &str,
    network: Option<&String>,
    networks: &[String],
    rows: &[&MeanIou],
    ts: &[f64],
) -> Panel {
    let mut series = Vec::new();
    let methods = study.methods(rows.iter().map(|r| r.method.as_str()));
    for (i, model) in networks.iter().enumerate() {
        for method in &methods {
            let points: Vec<(f64, Option<f64>)> = ts
                .iter()
                .filter_map(|t| {
                    rows.iter()
                        .find(|r| r.model == *model && r.method == *method && same(r.threshold, *t))
                        .map(|r| (*t, r.miou))
                })
                .collect();
            if !points.is_empty() {
                series.push(Series {
                    style: if network.is_some() || networks.len() == 1 {
                        Style::solid(study.method_colour(method))
                    } else {
                        Style {
                            dash: i,
                            ..Style::solid(study.method_colour(method))
                        }
                    },
                    points,
                    band: Vec::new(),
                });
            }
        }
    }
    let mut title = format!("{letter}\u{2002}{}", names::treatment(treatment));
    if let Some(network) = network {
        title.push_str(&format!(", {}", names::network(network)));
    }
    LineChart {
        label: format!("mIoU over thresholds, {title}"),
        title,
        x_title: "Threshold t of the map".to_owned(),
        y_title: "mIoU (no unit)".to_owned(),
        x_range: (0.0, 1.0),
        y_range: (0.0, 1.0),
        x_ticks: Ticks::unit(),
        y_ticks: Ticks::unit(),
        mark_x: Some(study.facts.threshold),
        mark_zero: false,
        width: 330.0,
        series,
    }
    .panel()
}

fn sentences(
    study: &Study<'_>,
    rows: &[&MeanIou],
    treatments: &[String],
    ts: &[f64],
) -> Vec<String> {
    let mut seen = Vec::new();
    for treatment in treatments {
        let cells: Vec<(&MeanIou, f64)> = rows
            .iter()
            .filter(|r| r.treatment == *treatment && study.is_headline(r.threshold))
            .filter_map(|r| r.miou.map(|v| (*r, v)))
            .collect();
        let shown = names::treatment(treatment);
        let Some((low, high)) = extremes(&cells, |c| c.1) else {
            seen.push(format!(
                "{shown}: no overlap is defined at t\u{a0}=\u{a0}{} (both regions are empty, or nothing was compared).",
                study.threshold()
            ));
            continue;
        };
        let name = |r: &MeanIou| {
            format!(
                "{} on {}",
                names::method(&r.method),
                names::network(&r.model)
            )
        };
        let mut text = if cells.len() == 1 {
            format!("{shown}: {} ({})", names::fixed(low.1, 2), name(low.0))
        } else {
            let values: Vec<f64> = cells.iter().map(|c| c.1).collect();
            format!(
                "{shown}: mean over the {} cells {}, from {} ({}) to {} ({})",
                cells.len(),
                names::two(mean(&values)),
                names::fixed(low.1, 2),
                name(low.0),
                names::fixed(high.1, 2),
                name(high.0)
            )
        };
        if let Some(best) = best_threshold(rows, treatment, ts)
            && ts.len() > 1
        {
            text.push_str(&format!(
                "; the mean over cells is highest ({}) at t\u{a0}=\u{a0}{}",
                names::fixed(best.1, 2),
                names::trimmed(best.0)
            ));
        }
        for (control, value) in controls(study, treatment, &low.0.reference) {
            if let Some(value) = value {
                let better = cells.iter().filter(|c| c.1 > value).count();
                text.push_str(&format!(
                    "; {} of {} cells exceed the control “{control}” ({})",
                    better,
                    cells.len(),
                    names::fixed(value, 2)
                ));
            }
        }
        let undefined = cells.iter().map(|c| c.0.n_undefined).max().unwrap_or(0);
        if undefined > 0 {
            text.push_str(&format!(
                "; up to {} of a cell undefined, both regions being empty",
                names::count(undefined, "comparison", "comparisons")
            ));
        }
        seen.push(text + ".");
    }
    seen
}

fn best_threshold(rows: &[&MeanIou], treatment: &str, ts: &[f64]) -> Option<(f64, f64)> {
    let means: Vec<(f64, f64)> = ts
        .iter()
        .filter_map(|t| {
            let values: Vec<f64> = rows
                .iter()
                .filter(|r| r.treatment == treatment && same(r.threshold, *t))
                .filter_map(|r| r.miou)
                .collect();
            mean(&values).map(|m| (*t, m))
        })
        .collect();
    extremes(&means, |m| m.1).map(|(_, high)| high)
}
