//! Figure 1: one slice of each class and treatment, and the damage known for it.

use super::error::Result;
use super::figure::{Data, Figure, cell};
use super::heat::colour_bar;
use super::input::ExampleSlice;
use super::names;
use super::raster;
use super::study::Study;
use super::svg::{Anchor, Canvas, Panel, fitted};

const SIDE: f64 = 190.0;
const GAP: f64 = 6.0;

/// Draws figure 1; none without example slices.
///
/// # Errors
///
/// [`super::Error::Picture`] if a picture cannot be encoded.
pub(super) fn draw(study: &Study<'_>, slices: &[ExampleSlice]) -> Result<Option<Figure>> {
    let mut chosen: Vec<&ExampleSlice> = Vec::new();
    for slice in slices {
        let kind = |s: &ExampleSlice| (s.class.clone(), s.treatment.clone());
        if !chosen.iter().any(|c| kind(c) == kind(slice)) {
            chosen.push(slice);
        }
    }
    if chosen.is_empty() {
        return Ok(None);
    }
    let order = study.treatments(chosen.iter().map(|s| s.treatment.as_str()));
    chosen.sort_by_key(|s| {
        let place = order.iter().position(|t| *t == s.treatment);
        (study.is_positive(&s.class), place)
    });
    let window = white_level(chosen.iter().copied());
    let any_truth = chosen.iter().any(|s| s.truth.is_some());
    let mut panels = Vec::new();
    let mut seen = Vec::new();
    let mut data = Data::new(&[
        "scan",
        "class",
        "treatment",
        "slice",
        "tissue_mean",
        "tissue_sd",
        "damaged_share",
    ]);
    for (i, slice) in chosen.iter().enumerate() {
        panels.push(panel(study, slice, window, any_truth, i == 0)?);
        let measured = Measured::of(study, slice);
        data.row([
            slice.scan.clone(),
            slice.class.clone(),
            slice.treatment.clone(),
            slice.slice_index.to_string(),
            cell(measured.as_ref().map(|m| m.mean)),
            cell(measured.as_ref().map(|m| m.spread)),
            cell(measured.as_ref().and_then(|m| m.damaged)),
        ]);
        seen.push(sentence(study, slice, measured.as_ref()));
    }
    let mut reading = format!(
        "One slice per class and treatment, all shown with the same grey scale (white = {} of the full range).",
        names::percent(f64::from(window))
    );
    if any_truth {
        reading.push_str(&format!(
            " Lower row: the damage known for the slice, 0 (intact) to 1, with the outline at {}.",
            study.threshold()
        ));
    }
    Ok(Some(Figure {
        stem: "figure-1".to_owned(),
        number: "Figure 1".to_owned(),
        title: "Example slices by class and treatment".to_owned(),
        rows: vec![panels],
        legend: Vec::new(),
        reading,
        seen,
        data,
    }))
}

/// `Thawed, −5 °C`, without repeating a treatment that only says the class.
pub(super) fn heading(slice: &ExampleSlice) -> String {
    let class = names::words(&slice.class);
    if slice.treatment.is_empty() || slice.treatment.eq_ignore_ascii_case(&slice.class) {
        class
    } else {
        format!("{class}, {}", names::treatment(&slice.treatment))
    }
}

/// The value shown as white: the 99.5th percentile of all tissue shown together.
pub(super) fn white_level<'a>(slices: impl Iterator<Item = &'a ExampleSlice>) -> f32 {
    let mut tissue: Vec<f32> = slices
        .flat_map(|s| s.image.iter().zip(s.foreground.iter()))
        .filter_map(|(v, inside)| inside.then_some(*v))
        .collect();
    tissue.sort_by(f32::total_cmp);
    let place = (tissue.len() as f64 * 0.995) as usize;
    tissue
        .get(place.min(tissue.len().saturating_sub(1)))
        .copied()
        .filter(|v| *v > 0.0)
        .unwrap_or(1.0)
}

/// Height of a picture `SIDE` wide.
pub(super) fn picture_height(slice: &ExampleSlice, side: f64) -> f64 {
    let (rows, columns) = slice.image.dim();
    (side * rows as f64 / columns.max(1) as f64).clamp(side * 0.3, side * 2.0)
}

fn panel(
    study: &Study<'_>,
    slice: &ExampleSlice,
    window: f32,
    any_truth: bool,
    first: bool,
) -> Result<Panel> {
    let height = picture_height(slice, SIDE);
    let title = heading(slice);
    let mut canvas = Canvas::default();
    canvas.text((0.0, 15.0), Anchor::Start, "f-title", &title);
    let place = format!("{}, slice {}", slice.scan, slice.slice_index);
    canvas.text(
        (0.0, 32.0),
        Anchor::Start,
        "f-small",
        &fitted(&place, 11.0, SIDE),
    );
    let mut y = 40.0;
    let what = format!("{title}, {place}");
    let grey = raster::grey(slice.image.view(), window, &what)?;
    canvas.image((0.0, y), (SIDE, height), &grey, &what);
    y += height;
    if any_truth {
        y += GAP;
        match &slice.truth {
            Some(truth) => {
                let known = format!("known damage of {what}");
                let picture = raster::overlay(
                    slice.image.view(),
                    slice.foreground.view(),
                    truth.view(),
                    window,
                    &known,
                )?;
                canvas.image((0.0, y), (SIDE, height), &picture, &known);
                let scale = SIDE / slice.image.dim().1.max(1) as f64;
                let d = raster::outline(
                    inside(slice, truth).view(),
                    study.facts.threshold as f32,
                    scale,
                );
                canvas.path_at((0.0, y), &d, "f-truth-under");
                canvas.path_at((0.0, y), &d, "f-truth");
            }
            None => {
                canvas.rect((0.0, y), (SIDE, height), "f-empty");
                canvas.text(
                    (SIDE / 2.0, y + height / 2.0),
                    Anchor::Middle,
                    "f-small",
                    "damage not known",
                );
            }
        }
        y += height + 10.0;
        if first {
            let ticks = [(0.0, "0"), (0.5, "0.5"), (1.0, "1")].map(|(p, l)| (p, l.to_owned()));
            colour_bar(
                &mut canvas,
                (0.0, y),
                SIDE,
                &|part| raster::bar_colour(part).hex(),
                &ticks,
                "Known damage (share)",
            );
        }
        y += 44.0;
    }
    Ok(Panel::new(SIDE, y, canvas, what))
}

/// A map with 0 outside the tissue.
pub(super) fn inside(slice: &ExampleSlice, map: &ndarray::Array2<f32>) -> ndarray::Array2<f32> {
    let mut map = map.clone();
    map.zip_mut_with(&slice.foreground, |v, inside| {
        if !inside {
            *v = 0.0;
        }
    });
    map
}

/// The tissue of a slice in numbers.
struct Measured {
    mean: f64,
    spread: f64,
    /// Share of the tissue whose known damage reaches the threshold.
    damaged: Option<f64>,
}

impl Measured {
    /// None without tissue.
    fn of(study: &Study<'_>, slice: &ExampleSlice) -> Option<Self> {
        let tissue: Vec<f64> = slice
            .image
            .iter()
            .zip(slice.foreground.iter())
            .filter_map(|(v, inside)| inside.then_some(f64::from(*v)))
            .collect();
        let mean = super::study::mean(&tissue)?;
        let squares: Vec<f64> = tissue.iter().map(|v| (v - mean).powi(2)).collect();
        let level = study.facts.threshold as f32;
        let damaged = slice.truth.as_ref().map(|truth| {
            let pixels = truth.iter().zip(slice.foreground.iter());
            let damaged = pixels.filter(|(v, inside)| **inside && **v >= level);
            damaged.count() as f64 / tissue.len() as f64
        });
        Some(Self {
            mean,
            spread: super::study::mean(&squares).map_or(0.0, f64::sqrt),
            damaged,
        })
    }
}

fn sentence(study: &Study<'_>, slice: &ExampleSlice, measured: Option<&Measured>) -> String {
    let Some(measured) = measured else {
        return format!("{}: no tissue was found.", heading(slice));
    };
    let mut text = format!(
        "{}: tissue signal {} ± {} (mean ± SD of pixels)",
        heading(slice),
        names::fixed(measured.mean, 2),
        names::fixed(measured.spread, 2)
    );
    if let Some(share) = measured.damaged {
        text.push_str(&format!(
            "; damage of at least {} in {} of the tissue",
            study.threshold(),
            names::percent(share)
        ));
    }
    text.push('.');
    text
}
