//! Figures 5, S7 and S8: agreement across methods and across networks, at one threshold and at all.

use super::axes::Ticks;
use super::fig_miou::letter;
use super::figure::{Data, Figure, cell};
use super::lines::{Key, LineChart, Series, Style, legend};
use super::names;
use super::ranges::{BoxChart, BoxRow};
use super::rows::{Agreement, RawAgreement};
use super::study::{Study, extremes, same, thresholds};
use super::svg::Panel;

/// One side of the figure: what varies, what is held fixed.
struct Side<'a> {
    across: &'static str,
    rows: &'a [Agreement],
    keys: Vec<String>,
    show: fn(&str) -> String,
    colour: usize,
}

fn sides<'a>(study: &'a Study<'_>) -> [Side<'a>; 2] {
    let methods = study.across_methods.rows();
    let networks = study.across_networks.rows();
    [
        Side {
            across: "methods",
            rows: methods,
            keys: study.networks(methods.iter().map(|r| r.key.as_str())),
            show: names::network,
            colour: 0,
        },
        Side {
            across: "networks",
            rows: networks,
            keys: study.methods(networks.iter().map(|r| r.key.as_str())),
            show: names::method,
            colour: 1,
        },
    ]
}

fn data<'a>(rows: impl Iterator<Item = (&'static str, &'a Agreement)>) -> Data {
    let mut data = Data::new(&[
        "across",
        "held_fixed",
        "threshold",
        "n",
        "n_undefined",
        "median",
        "q1",
        "q3",
        "mean",
        "expected_by_chance",
    ]);
    for (across, r) in rows {
        data.row([
            across.to_owned(),
            r.key.clone(),
            r.threshold.to_string(),
            r.n.to_string(),
            r.n_undefined.to_string(),
            cell(r.median),
            cell(r.q1),
            cell(r.q3),
            cell(r.mean),
            cell(r.expected),
        ]);
    }
    data
}

/// Draws figure 5; none without rows at the headline threshold.
pub(super) fn draw(study: &Study<'_>) -> Option<Figure> {
    let mut boxes = Vec::new();
    let mut seen = Vec::new();
    let mut whiskers = false;
    let sides = sides(study);
    for side in &sides {
        let rows: Vec<BoxRow> = side
            .keys
            .iter()
            .filter_map(|key| box_row(study, side, key))
            .collect();
        if rows.is_empty() {
            continue;
        }
        whiskers |= rows.iter().any(|r| r.whiskers.is_some());
        seen.extend(sentences(study, side, &rows));
        let letter = letter(boxes.len());
        boxes.push(
            BoxChart {
                title: format!("{letter}\u{2002}Across {}", side.across),
                x_title: format!(
                    "Agreement φ at t\u{a0}=\u{a0}{} (mean IoU of all pairs)",
                    study.threshold()
                ),
                rows,
                colour: side.colour,
                label: format!(
                    "Agreement across {}, as numbers in the table of agreement",
                    side.across
                ),
            }
            .panel(),
        );
    }
    if boxes.is_empty() {
        return None;
    }
    let keys = [
        (
            Key::Median,
            "median, box from lower to upper quartile".to_owned(),
        ),
        (Key::Mean, "mean".to_owned()),
    ];
    let spread = if whiskers {
        "Whiskers reach to the last value within 1.5 times the interquartile range; dots lie beyond."
    } else {
        "Whiskers are absent: the tables hold quartiles, not the single slices."
    };
    let headline = sides.iter().flat_map(|side| {
        let rows = side.rows.iter().map(|r| (side.across, r));
        rows.filter(|(_, r)| study.is_headline(r.threshold))
    });
    Some(Figure {
        stem: "figure-5".to_owned(),
        number: "Figure 5".to_owned(),
        title: "Agreement across methods and across networks".to_owned(),
        rows: vec![boxes],
        legend: legend(&keys),
        reading: format!(
            "Agreement φ of one slice is the mean IoU over all pairs of marked regions: across methods with the network held fixed (named at the left), and across networks with the method held fixed. 1: all mark the same pixels; 0: nothing in common. {spread}"
        ),
        seen,
        data: data(headline),
    })
}

/// Draws figures S7 and S8, agreement at every threshold; none with a single threshold.
pub(super) fn draw_thresholds(study: &Study<'_>) -> Vec<Figure> {
    let mut figures = Vec::new();
    for (side, number) in sides(study).iter().zip([7, 8]) {
        let ts = thresholds(side.rows.iter().map(|r| r.threshold));
        if ts.len() < 2 {
            continue;
        }
        let panels = side
            .keys
            .iter()
            .enumerate()
            .map(|(i, key)| curve(study, side, &letter(i), key, &ts))
            .collect();
        figures.push(Figure {
            stem: format!("figure-s{number}"),
            number: format!("Figure S{number}"),
            title: format!("Agreement across {} at every threshold", side.across),
            rows: vec![panels],
            legend: legend(&[
                (
                    Key::Line(Style::solid(side.colour)),
                    "median; band from lower to upper quartile".to_owned(),
                ),
                (
                    Key::Dash(2),
                    "expected of unrelated regions of the same sizes, where the table has it"
                        .to_owned(),
                ),
            ]),
            reading: format!(
                "As figure 5, over all thresholds of the map; dotted line at {}.",
                study.threshold()
            ),
            seen: Vec::new(),
            data: data(side.rows.iter().map(|r| (side.across, r))),
        });
    }
    figures
}

fn box_row(study: &Study<'_>, side: &Side<'_>, key: &str) -> Option<BoxRow> {
    let row = side
        .rows
        .iter()
        .find(|r| r.key == key && study.is_headline(r.threshold))?;
    let (q1, median, q3) = (row.q1?, row.median?, row.q3?);
    let mut values: Vec<f64> = study
        .raw_agreement
        .rows()
        .iter()
        .filter(|r: &&RawAgreement| {
            r.across == side.across && r.key == key && study.is_headline(r.threshold)
        })
        .filter_map(|r| r.value)
        .collect();
    values.sort_by(f64::total_cmp);
    let reach = 1.5 * (q3 - q1);
    let fits = |v: &f64| *v >= q1 - reach && *v <= q3 + reach;
    let whiskers = values
        .iter()
        .copied()
        .find(fits)
        .zip(values.iter().rev().copied().find(fits))
        .map(|(low, high)| (low.min(q1), high.max(q3)));
    Some(BoxRow {
        name: (side.show)(key),
        q1,
        median,
        q3,
        mean: row.mean,
        whiskers,
        outliers: values.into_iter().filter(|v| !fits(v)).collect(),
    })
}

fn curve(study: &Study<'_>, side: &Side<'_>, letter: &str, key: &str, ts: &[f64]) -> Panel {
    let rows: Vec<&Agreement> = ts
        .iter()
        .filter_map(|t| {
            side.rows
                .iter()
                .find(|r| r.key == key && same(r.threshold, *t))
        })
        .collect();
    let series = vec![
        Series {
            style: Style::solid(side.colour),
            points: rows.iter().map(|r| (r.threshold, r.median)).collect(),
            band: rows
                .iter()
                .filter_map(|r| Some((r.threshold, r.q1?, r.q3?)))
                .collect(),
        },
        Series {
            style: Style {
                colour: super::lines::COLOURS - 1,
                dash: 2,
                faint: false,
            },
            points: rows.iter().map(|r| (r.threshold, r.expected)).collect(),
            band: Vec::new(),
        },
    ];
    let shown = (side.show)(key);
    LineChart {
        title: format!("{letter}\u{2002}{shown}"),
        x_title: "Threshold t of the map".to_owned(),
        y_title: "Agreement φ (no unit)".to_owned(),
        x_range: (0.0, 1.0),
        y_range: (0.0, 1.0),
        x_ticks: Ticks::unit(),
        y_ticks: Ticks::unit(),
        mark_x: Some(study.facts.threshold),
        mark_zero: false,
        width: 300.0,
        series,
        label: format!("Agreement across {} over thresholds, {shown}", side.across),
    }
    .panel()
}

fn sentences(study: &Study<'_>, side: &Side<'_>, rows: &[BoxRow]) -> Vec<String> {
    let mut seen = Vec::new();
    if let Some((low, high)) = extremes(rows, |r| r.median) {
        seen.push(if rows.len() == 1 {
            format!(
                "Across {} the median is {} ({}).",
                side.across,
                names::fixed(low.median, 2),
                low.name
            )
        } else {
            format!(
                "Across {} the medians run from {} ({}) to {} ({}).",
                side.across,
                names::fixed(low.median, 2),
                low.name,
                names::fixed(high.median, 2),
                high.name
            )
        });
    }
    if let Some((_, widest)) = extremes(rows, |r| r.q3 - r.q1)
        && rows.len() > 1
    {
        seen.push(format!(
            "The widest box is {}: the middle half of its slices spans {} to {}.",
            widest.name,
            names::fixed(widest.q1, 2),
            names::fixed(widest.q3, 2)
        ));
    }
    let undefined: usize = side
        .rows
        .iter()
        .filter(|r| study.is_headline(r.threshold))
        .map(|r| r.n_undefined)
        .sum();
    if undefined > 0 {
        seen.push(format!(
            "Across {}, {} had no defined value, both regions of every pair being empty.",
            side.across,
            names::count(undefined, "slice", "slices")
        ));
    }
    seen
}
