//! Draws the sheet of `docs/phantom.md` as an SVG file and prints what its scans hold.
//!
//! `cargo run --release -p fillet-preprocess --example phantom_sheet -- OUT.svg [PIXELS]`
#![allow(clippy::print_stdout)]

mod drawing;

use std::error::Error;

use fillet_preprocess::phantom::{
    AnnotatorConfig, Cohort, Confounds, DamageLayout, Freezing, Label, PhantomConfig, PhantomScan,
    Softness, State, annotate,
};
use ndarray::{Array3, Axis};

use drawing::{Drawing, Picture, Ramp};

type Outcome<T> = Result<T, Box<dyn Error>>;
/// Places on a colour bar, from 0 to 1, and their labels.
type Ticks<'a> = &'a [(f64, &'a str)];

/// Edge of a panel and the way from one to the next, in points.
const EDGE: f64 = 104.0;
const STEP: [f64; 2] = [EDGE + 16.0, EDGE + 5.0];
/// Where the first panel is.
const LEFT: f64 = 58.0;
/// Stored value that is shown white, and share of expelled water that is shown brightest.
const WHITE: f64 = 2000.0;
const MOST_EXPELLED: f64 = 0.25;
/// Change of a stored value that is shown darkest.
const MOST_CHANGE: f64 = 200.0;
const SLICE: usize = 4;
const BEYOND: [u8; 3] = [205; 3];
const RATERS: [[u8; 3]; 3] = [[230, 97, 1], [65, 105, 225], [200, 150, 215]];

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments
        .next()
        .ok_or("usage: phantom_sheet OUT.svg [PIXELS]")?;
    let size: usize = arguments.next().map_or(Ok(208), |text| text.parse())?;
    let base = PhantomConfig {
        size,
        slices: 9,
        slice_spacing_mm: 6.0,
        ..PhantomConfig::paper()
    };
    println!("scan\tlayout\tmean damage\tboundary mm\tliquid loss %");
    let mut sheet = Drawing::new([LEFT + 8.0 * STEP[0] - 4.0, 866.0]);
    let below = treatments(&mut sheet, &base, 52.0)?;
    let below = layouts(&mut sheet, &base, below + 42.0)?;
    let below = confounds(&mut sheet, &base, below + 42.0)?;
    bars(&mut sheet, below + 30.0)?;
    std::fs::write(&path, sheet.finish())?;
    Ok(())
}

/// Panels of each treatment, a row each; returns where they end.
fn treatments(sheet: &mut Drawing, base: &PhantomConfig, top: f64) -> Outcome<f64> {
    heading(
        sheet,
        top,
        "a",
        "Three freezing treatments: slice 5 of 9, layout “foci”, no confounds; every panel is 60 mm × 60 mm",
    )?;
    let titles = [
        "fresh\nT2-weighted signal",
        "frozen and thawed\nT2-weighted signal",
        "truth: damage",
        "truth: share of\nexpelled water",
        "truth: clusters of\nexpelled water",
        "truth: muscle\nsheets (myosepta)",
        "what two raters\ncall damaged",
        "spoilt first slice\nT2-weighted signal",
    ];
    for (column, title) in titles.into_iter().enumerate() {
        let lines = title.matches('\n').count() as f64;
        sheet.text([centre(column), top - 4.0 - 10.0 * lines], "title", title)?;
    }
    for (row, treatment) in Freezing::ALL.into_iter().enumerate() {
        let y = top + row as f64 * STEP[1];
        let name = format!("−{} °C", -treatment.celsius());
        sheet.text([8.0, y + 0.5 * EDGE], "row", &name)?;
        let fresh = scan(base, treatment, State::Fresh)?;
        let thawed = scan(base, treatment, State::Thawed)?;
        let pictures = [
            grey(&fresh, SLICE),
            grey(&thawed, SLICE),
            truth(&thawed, &thawed.damage, 1.0, Ramp::Inferno),
            truth(&thawed, &thawed.expelled, MOST_EXPELLED, Ramp::Teal),
            truth(&thawed, &thawed.clusters, 1.0, Ramp::Inferno),
            truth(&thawed, &thawed.septa, 1.0, Ramp::Inferno),
            raters(&thawed)?,
            grey(&thawed, 0),
        ];
        for (column, picture) in pictures.iter().enumerate() {
            sheet.picture([left(column), y], EDGE, picture)?;
        }
        if row == 0 {
            scale(sheet, [left(0), y])?;
        }
    }
    Ok(top + 3.0 * STEP[1])
}

/// Damage of one fillet in every layout and softness.
fn layouts(sheet: &mut Drawing, base: &PhantomConfig, top: f64) -> Outcome<f64> {
    heading(
        sheet,
        top,
        "b",
        "One fillet, −20 °C: true damage in each layout and with each softness of its boundaries; below, its mean and the distance from 0.75 to 0.25",
    )?;
    let (foci, soft) = (DamageLayout::Foci, Softness::Soft);
    let panels = [
        (DamageLayout::Centre, soft, "centre, soft (w = 0.6)"),
        (DamageLayout::Contact, soft, "contact, soft (w = 0.6)"),
        (foci, soft, "foci, soft (w = 0.6)"),
        (foci, Softness::Hard, "foci, hard (w = 0.1)"),
        (foci, Softness::VerySoft, "foci, very soft (w = 1.2)"),
    ];
    for (column, (layout, softness, title)) in panels.into_iter().enumerate() {
        let mut config = *base;
        config.damage.layout = layout;
        config.damage.softness = softness;
        let scan = scan(&config, Freezing::Minus20, State::Thawed)?;
        sheet.text([centre(column), top - 4.0], "title", title)?;
        let picture = truth(&scan, &scan.damage, 1.0, Ramp::Inferno);
        sheet.picture([left(column), top], EDGE, &picture)?;
        let width = scan
            .boundary_width_mm()
            .map_or("no boundary".to_owned(), |mm| {
                format!("boundary {mm:.1} mm")
            });
        let note = format!("mean {:.2}\n{width}", scan.mean_damage);
        sheet.text([centre(column), top + EDGE + 10.0], "title", &note)?;
    }
    Ok(top + EDGE + 22.0)
}

/// The thawed slice with each confound.
fn confounds(sheet: &mut Drawing, base: &PhantomConfig, top: f64) -> Outcome<f64> {
    heading(
        sheet,
        top,
        "c",
        "The same fillet, thawed: T2-weighted signal with each confound by itself and with all; below, what they change",
    )?;
    let off = Confounds::default();
    let panels = [
        (off, "none"),
        (
            Confounds {
                drip_film: true,
                ..off
            },
            "drip in the pouch",
        ),
        (
            Confounds {
                session_gain: true,
                ..off
            },
            "session gain",
        ),
        (
            Confounds {
                t2_shift: true,
                ..off
            },
            "T2 shift, −2 ms",
        ),
        (
            Confounds {
                shading: true,
                ..off
            },
            "shading",
        ),
        (
            Confounds {
                shrinkage: true,
                ..off
            },
            "shrinkage",
        ),
        (Confounds::all(), "all"),
    ];
    let mut without = None;
    for (column, (confounds, title)) in panels.into_iter().enumerate() {
        let config = PhantomConfig { confounds, ..*base };
        let scan = scan(&config, Freezing::Minus20, State::Thawed)?;
        sheet.text([centre(column), top - 4.0], "title", title)?;
        sheet.picture([left(column), top], EDGE, &grey(&scan, SLICE))?;
        let stored = scan.volume.stored().index_axis(Axis(0), SLICE).to_owned();
        match &without {
            None => without = Some(stored),
            Some(without) => {
                let change = Picture::new(base.size, |at| {
                    let change = f64::from(stored[at] - without[at]);
                    Ramp::Difference.at(0.5 + 0.5 * change / MOST_CHANGE)
                });
                sheet.picture([left(column), top + STEP[1]], EDGE, &change)?;
            }
        }
    }
    sheet.text([8.0, top + 0.5 * EDGE], "row", "signal")?;
    sheet.text([8.0, top + STEP[1] + 0.5 * EDGE], "row", "change")?;
    Ok(top + 2.0 * STEP[1])
}

fn bars(sheet: &mut Drawing, y: f64) -> Outcome<()> {
    let white = format!("≥ {WHITE}");
    let half = format!("{}", 0.5 * WHITE);
    let [less, more] = [format!("≤ −{MOST_CHANGE}"), format!("≥ +{MOST_CHANGE}")];
    let most = format!("{MOST_EXPELLED}");
    let bars: [(Ramp, &str, Ticks<'_>); 4] = [
        (
            Ramp::Grey,
            "signal, stored values",
            &[(0.0, "0"), (0.5, &half), (1.0, &white)],
        ),
        (
            Ramp::Difference,
            "change of signal, stored values",
            &[(0.0, &less), (0.5, "0"), (1.0, &more)],
        ),
        (
            Ramp::Inferno,
            "damage; clusters; share of a sheet",
            &[(0.0, "0"), (0.5, "0.5"), (1.0, "1")],
        ),
        (
            Ramp::Teal,
            "share of water expelled",
            &[(0.0, "0"), (1.0, &most)],
        ),
    ];
    for (i, (ramp, title, ticks)) in bars.into_iter().enumerate() {
        sheet.colour_bar([LEFT + 190.0 * i as f64, y], 135.0, ramp, title, ticks)?;
    }
    let x = LEFT + 765.0;
    sheet.text([x, y - 5.0], "bar", "called damaged by")?;
    for (i, (colour, name)) in RATERS
        .into_iter()
        .zip(["rater 1", "rater 2", "both"])
        .enumerate()
    {
        let at = x + 58.0 * i as f64;
        sheet.block([at, y], [10.0, 8.0], colour)?;
        sheet.text([at + 14.0, y + 7.5], "note", name)?;
    }
    sheet.block([x, y + 14.0], [10.0, 8.0], BEYOND)?;
    sheet.text([x + 14.0, y + 21.5], "note", "outside the tissue")
}

fn heading(sheet: &mut Drawing, top: f64, letter: &str, text: &str) -> Outcome<()> {
    let lines = if letter == "a" { 36.0 } else { 22.0 };
    sheet.text([8.0, top - lines], "letter", letter)?;
    sheet.text([24.0, top - lines], "head", text)
}

fn left(column: usize) -> f64 {
    LEFT + column as f64 * STEP[0]
}

fn centre(column: usize) -> f64 {
    left(column) + 0.5 * EDGE
}

/// 10 mm in the corner of a panel.
fn scale(sheet: &mut Drawing, [x, y]: [f64; 2]) -> Outcome<()> {
    let length = EDGE * 10.0 / 60.0;
    let end = [x + EDGE - 6.0, y + EDGE - 6.0];
    sheet.line([end[0] - length, end[1]], end, "mm")?;
    sheet.text([end[0] - 0.5 * length, end[1] - 4.0], "scale", "10 mm")
}

/// The first fillet of a treatment, before or after it.
fn scan(config: &PhantomConfig, treatment: Freezing, state: State) -> Outcome<PhantomScan> {
    let cohort = Cohort::new(config, 42)?;
    let index = (0..cohort.len())
        .find(|&index| {
            cohort.specimen(index).is_ok_and(|s| {
                s.treatment == Some(treatment.to_string()) && s.class == state.to_string()
            })
        })
        .ok_or("no such scan")?;
    let scan = cohort.scan(index)?;
    if state == State::Thawed {
        println!(
            "{}\t{:?} {:?}\t{:.3}\t{:.2}\t{:.2}",
            scan.specimen.scan,
            config.damage.layout,
            config.damage.softness,
            scan.mean_damage,
            scan.boundary_width_mm().unwrap_or(f64::NAN),
            scan.specimen.liquid_loss_percent.unwrap_or(f64::NAN),
        );
    }
    Ok(scan)
}

fn grey(scan: &PhantomScan, slice: usize) -> Picture {
    let stored = scan.volume.stored();
    Picture::new(scan.volume.rows(), |[r, c]| {
        Ramp::Grey.at(f64::from(stored[[slice, r, c]]) / WHITE)
    })
}

fn truth(scan: &PhantomScan, values: &Array3<f32>, most: f64, ramp: Ramp) -> Picture {
    Picture::new(scan.volume.rows(), |[r, c]| {
        let at = [SLICE, r, c];
        if scan.tissue[at] {
            ramp.at(f64::from(values[at]) / most)
        } else {
            BEYOND
        }
    })
}

/// What two raters who see the slice alone call damaged.
fn raters(scan: &PhantomScan) -> Outcome<Picture> {
    let values = scan.volume.values();
    let slice = values.index_axis(Axis(0), SLICE);
    let tissue = scan.tissue.index_axis(Axis(0), SLICE);
    let pixel_mm = scan.volume.spacing().column_mm;
    let config = AnnotatorConfig::default();
    let by = |rater| annotate(slice, tissue, pixel_mm, &config, 1, rater);
    let (one, two) = (by(0)?, by(1)?);
    Ok(Picture::new(scan.volume.rows(), |at| {
        let damaged = [&one, &two].map(|labels| labels[at] == Label::Damaged);
        let grey = Ramp::Grey.at(f64::from(slice[at]) / WHITE);
        let colour = match damaged {
            [true, true] => RATERS[2],
            [true, false] => RATERS[0],
            [false, true] => RATERS[1],
            [false, false] => return grey,
        };
        // the slice shows through
        std::array::from_fn(|i| ((2 * u32::from(colour[i]) + u32::from(grey[i])) / 3) as u8)
    }))
}
