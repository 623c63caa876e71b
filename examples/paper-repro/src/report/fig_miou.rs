//! Figures 3 and S5: overlap with the references, by treatment, and over thresholds.

use super::axes::Ticks;
use super::colour::Ramp;
use super::figure::{Data, Figure, cell};
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

/// References in the order of the page: the supervised map, as the paper, then the truth.
pub(super) fn references(study: &Study<'_>) -> Vec<String> {
    let rows = study.miou.rows();
    let has = |name: &str| rows.iter().any(|r| r.reference == name);
    let mut found: Vec<String> = ["supervised", "truth"]
        .iter()
        .filter(|name| has(name))
        .map(|name| (*name).to_owned())
        .collect();
    if let Some(first) = rows.first()
        && found.is_empty()
    {
        found.push(first.reference.clone());
    }
    found
}

/// Draws figure 3; none without rows.
pub(super) fn draw(study: &Study<'_>) -> Option<Figure> {
    let references = references(study);
    let all = study.miou.rows();
    let mut data = Data::new(&[
        "reference",
        "treatment",
        "network",
        "method",
        "threshold",
        "n",
        "n_undefined",
        "miou",
        "sd",
        "coverage",
        "expected",
        "corrected",
    ]);
    let (mut panels, mut seen, mut index) = (Vec::new(), Vec::new(), 0);
    let networks = study.networks(all.iter().map(|r| r.model.as_str()));
    let methods = study.methods(all.iter().map(|r| r.method.as_str()));
    for reference in &references {
        let rows: Vec<&MeanIou> = all.iter().filter(|r| r.reference == *reference).collect();
        let treatments = study.treatments(rows.iter().map(|r| r.treatment.as_str()));
        let mut row = Vec::new();
        for treatment in &treatments {
            let here: Vec<&MeanIou> = rows
                .iter()
                .copied()
                .filter(|r| r.treatment == *treatment && study.is_headline(r.threshold))
                .collect();
            for r in &here {
                data.row([
                    r.reference.clone(),
                    r.treatment.clone(),
                    r.model.clone(),
                    r.method.clone(),
                    r.threshold.to_string(),
                    r.n.to_string(),
                    r.n_undefined.to_string(),
                    cell(r.miou),
                    cell(r.sd),
                    cell(r.coverage),
                    cell(r.expected),
                    cell(r.corrected),
                ]);
            }
            let title = format!(
                "{}\u{2002}{}, with {}",
                letter(index),
                names::treatment(treatment),
                short(reference)
            );
            index += 1;
            let footer = controls(study, treatment, reference);
            row.push(grid(
                study, title, treatment, &networks, &methods, &here, footer,
            ));
        }
        panels.push(row);
        seen.extend(sentences(study, reference, &rows, &treatments));
    }
    let distribution = super::fig_reference::panel(study, &letter(index));
    let shown = names::list(
        &references
            .iter()
            .map(|r| names::reference(r, study.facts.synthetic))
            .collect::<Vec<_>>(),
    );
    let mut reading = format!(
        "Mean intersection over union (mIoU) of the regions marked by each network and method with {shown}: 0 no overlap, 1 identical; threshold {}. Treatments are never pooled.",
        study.threshold()
    );
    if !references.iter().any(|r| r == "supervised") {
        reading
            .push_str(" The paper compares with a supervised map, which this run does not have.");
    }
    if !study.controls.rows().is_empty() {
        reading.push_str(" Rows set apart are controls that use no network: “Whole tissue” marks everything, so a map below it tells less than no map.");
    }
    if let Some(panel) = distribution {
        reading.push_str(&format!(
            " {}: share of the tissue damaged according to the references, one point per scan, mean and its interval.",
            letter(index)
        ));
        panels.push(panel);
    }
    if index == 0 {
        return None;
    }
    Some(Figure {
        stem: "figure-3".to_owned(),
        number: "Figure 3".to_owned(),
        title: format!("Overlap with {shown}, by treatment"),
        rows: panels,
        legend: Vec::new(),
        reading,
        seen,
        data,
    })
}

/// A reference in the title of a panel.
pub(super) fn short(reference: &str) -> &str {
    match reference {
        "supervised" => "the supervised map",
        "truth" => "the truth",
        other => other,
    }
}

/// Draws figure S5, overlap at every threshold with the first reference, and E3, the same with the truth where that is
/// another; none with a single threshold.
pub(super) fn draw_thresholds(study: &Study<'_>) -> Vec<Figure> {
    let ts = thresholds(study.miou.rows().iter().map(|r| r.threshold));
    if ts.len() < 2 {
        return Vec::new();
    }
    let places = [("figure-s5", "Figure S5"), ("figure-e3", "Figure E3")];
    let references = references(study);
    let drawn = references.iter().zip(places);
    drawn
        .map(|(reference, place)| over_thresholds(study, reference, place, &ts))
        .collect()
}

fn over_thresholds(
    study: &Study<'_>,
    reference: &str,
    (stem, number): (&str, &str),
    ts: &[f64],
) -> Figure {
    let mut data = Data::new(&[
        "reference",
        "treatment",
        "network",
        "method",
        "threshold",
        "n",
        "miou",
        "expected",
    ]);
    let (mut panels, mut index) = (Vec::new(), 0);
    let rows: Vec<&MeanIou> = (study.miou.rows().iter())
        .filter(|r| r.reference == reference)
        .collect();
    let networks = study.networks(rows.iter().map(|r| r.model.as_str()));
    let methods = study.methods(rows.iter().map(|r| r.method.as_str()));
    for r in &rows {
        data.row([
            r.reference.clone(),
            r.treatment.clone(),
            r.model.clone(),
            r.method.clone(),
            r.threshold.to_string(),
            r.n.to_string(),
            cell(r.miou),
            cell(r.expected),
        ]);
    }
    let treatments = study.treatments(rows.iter().map(|r| r.treatment.as_str()));
    for network in &networks {
        let mut row = Vec::new();
        for treatment in &treatments {
            let here: Vec<&MeanIou> = rows
                .iter()
                .copied()
                .filter(|r| r.treatment == *treatment && r.model == *network)
                .collect();
            if here.is_empty() {
                continue;
            }
            let title = format!(
                "{}\u{2002}{}, {}",
                letter(index),
                names::network(network),
                names::treatment(treatment)
            );
            index += 1;
            let axis = format!("mIoU with {} (no unit)", short(reference));
            row.push(curves(study, title, axis, &here, ts));
        }
        panels.push(row);
    }
    let keys: Vec<(Key, String)> = methods
        .iter()
        .map(|m| {
            let style = Style::solid(study.method_colour(m));
            (Key::Line(style), names::method(m))
        })
        .collect();
    Figure {
        stem: stem.to_owned(),
        number: number.to_owned(),
        title: format!(
            "Overlap with {} at every threshold, by network and treatment",
            short(reference)
        ),
        rows: panels,
        legend: legend(&keys),
        reading: format!(
            "As figure 3, over all thresholds of the map; dotted line at {}. A line ends where both regions are empty on every slice.",
            study.threshold()
        ),
        seen: Vec::new(),
        data,
    }
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
    title: String,
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
        title,
        rows: methods.iter().map(|m| names::method(m)).collect(),
        columns: networks.iter().map(|n| names::network(n)).collect(),
        values,
        footer,
        marks: Vec::new(),
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
    title: String,
    y_title: String,
    rows: &[&MeanIou],
    ts: &[f64],
) -> Panel {
    let series = study
        .methods(rows.iter().map(|r| r.method.as_str()))
        .iter()
        .map(|method| Series {
            style: Style::solid(study.method_colour(method)),
            points: ts
                .iter()
                .filter_map(|t| {
                    rows.iter()
                        .find(|r| r.method == *method && same(r.threshold, *t))
                        .map(|r| (*t, r.miou))
                })
                .collect(),
            band: Vec::new(),
        })
        .collect();
    LineChart {
        label: format!("mIoU over thresholds, {title}"),
        title,
        x_title: "Threshold t of the map".to_owned(),
        y_title,
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
    reference: &str,
    rows: &[&MeanIou],
    treatments: &[String],
) -> Vec<String> {
    let mut seen = Vec::new();
    for treatment in treatments {
        let cells: Vec<(&MeanIou, f64)> = rows
            .iter()
            .filter(|r| r.treatment == *treatment && study.is_headline(r.threshold))
            .filter_map(|r| r.miou.map(|v| (*r, v)))
            .collect();
        let shown = format!("{}, {}", names::treatment(treatment), short(reference));
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
        let chance = mean(
            &cells
                .iter()
                .filter_map(|c| c.0.expected)
                .collect::<Vec<_>>(),
        );
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
        if let Some(chance) = chance {
            text.push_str(&format!(
                "; unrelated regions of the same sizes would reach {}",
                names::fixed(chance, 2)
            ));
        }
        let beaten: Vec<String> = controls(study, treatment, &low.0.reference)
            .into_iter()
            .filter(|(control, _)| !control.to_lowercase().contains("truth"))
            .filter_map(|(control, value)| {
                let value = value?;
                let better = cells.iter().filter(|c| c.1 > value).count();
                Some(format!(
                    "{better} exceed “{control}” ({})",
                    names::fixed(value, 2)
                ))
            })
            .collect();
        if !beaten.is_empty() {
            text.push_str(&format!(
                "; of {} cells {}",
                cells.len(),
                names::list(&beaten)
            ));
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
