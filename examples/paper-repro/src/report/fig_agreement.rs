//! Figure 5: agreement across methods and across networks.

use super::axes::Ticks;
use super::figure::Figure;
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

/// Draws figure 5; none without rows at the headline threshold.
pub(super) fn draw(study: &Study<'_>) -> Option<Figure> {
    let methods = study.across_methods.rows();
    let networks = study.across_networks.rows();
    let sides = [
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
    ];
    let mut boxes = Vec::new();
    let mut lines = Vec::new();
    let mut seen = Vec::new();
    let mut whiskers = false;
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
        let letter = super::fig_miou::letter(boxes.len());
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
    for side in &sides {
        let ts = thresholds(side.rows.iter().map(|r| r.threshold));
        if ts.len() > 1 {
            let letter = super::fig_miou::letter(boxes.len() + lines.len());
            lines.push(curves(study, side, &letter, &ts));
        }
    }
    let mut keys = vec![
        (
            Key::Median,
            "median, box from lower to upper quartile".to_owned(),
        ),
        (Key::Mean, "mean".to_owned()),
    ];
    if !lines.is_empty() {
        for side in &sides {
            keys.extend(
                side.keys
                    .iter()
                    .enumerate()
                    .map(|(i, key)| (Key::Line(style(study, side, i, key)), (side.show)(key))),
            );
        }
    }
    let spread = if whiskers {
        "Whiskers reach to the last value within 1.5 times the interquartile range; dots lie beyond."
    } else {
        "Whiskers are absent: the tables hold quartiles, not the single slices."
    };
    Some(Figure {
        stem: "figure-5".to_owned(),
        number: "Figure 5".to_owned(),
        title: "Agreement across methods and across networks".to_owned(),
        rows: [boxes, lines]
            .into_iter()
            .filter(|r| !r.is_empty())
            .collect(),
        legend: legend(&keys),
        reading: format!(
            "Agreement φ of one slice is the mean IoU over all pairs of marked regions: across methods with the network held fixed (named at the left), and across networks with the method held fixed. 1: all mark the same pixels; 0: nothing in common. {spread} Curves: median over thresholds."
        ),
        seen,
    })
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

fn style(study: &Study<'_>, side: &Side<'_>, index: usize, key: &str) -> Style {
    if side.across == "networks" {
        // The method keeps its colour of the other figures.
        Style::solid(study.method_colour(key))
    } else {
        Style {
            colour: super::lines::COLOURS - 1,
            dash: index,
            faint: false,
        }
    }
}

fn curves(study: &Study<'_>, side: &Side<'_>, letter: &str, ts: &[f64]) -> Panel {
    let series = side
        .keys
        .iter()
        .enumerate()
        .map(|(i, key)| {
            let rows: Vec<&Agreement> = ts
                .iter()
                .filter_map(|t| {
                    side.rows
                        .iter()
                        .find(|r| r.key == *key && same(r.threshold, *t))
                })
                .collect();
            Series {
                style: style(study, side, i, key),
                points: rows.iter().map(|r| (r.threshold, r.median)).collect(),
                band: Vec::new(),
            }
        })
        .collect();
    LineChart {
        title: format!("{letter}\u{2002}Across {}, every threshold", side.across),
        x_title: "Threshold t of the map".to_owned(),
        y_title: "Median agreement φ (no unit)".to_owned(),
        x_range: (0.0, 1.0),
        y_range: (0.0, 1.0),
        x_ticks: Ticks::unit(),
        y_ticks: Ticks::unit(),
        mark_x: Some(study.facts.threshold),
        mark_zero: false,
        width: 420.0,
        series,
        label: format!("Median agreement across {} over thresholds", side.across),
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
