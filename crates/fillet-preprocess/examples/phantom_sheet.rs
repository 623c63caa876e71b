//! Draws a sheet of phantom slices, as in `docs/phantom.md`, and prints what they hold.
//!
//! `cargo run --release -p fillet-preprocess --example phantom_sheet -- OUT.png [SIZE]`
#![allow(clippy::print_stdout)]

use std::error::Error;

use fillet_preprocess::phantom::{
    AnnotatorConfig, Cohort, Confounds, DamageLayout, Freezing, Label, PhantomConfig, PhantomScan,
    Softness, State, annotate,
};
use image::{Rgb, RgbImage};
use ndarray::Axis;

const COLUMNS: u32 = 8;
const ROWS: u32 = 4;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments
        .next()
        .ok_or("usage: phantom_sheet OUT.png [SIZE]")?;
    let size: usize = arguments.next().map_or(Ok(128), |text| text.parse())?;
    let base = PhantomConfig {
        size,
        slices: 9,
        slice_spacing_mm: 6.0,
        ..PhantomConfig::paper()
    };
    let mut sheet = Sheet {
        image: RgbImage::new(COLUMNS * size as u32, ROWS * size as u32),
        size,
    };
    println!("scan\tlayout\tmean damage\tboundary mm\tliquid loss %");
    for (row, treatment) in Freezing::ALL.into_iter().enumerate() {
        let shown = |layout, state| scan(&base, layout, treatment, state);
        let fresh = shown(DamageLayout::Foci, State::Fresh)?;
        sheet.grey(row, 0, &fresh, 4);
        let foci = shown(DamageLayout::Foci, State::Thawed)?;
        sheet.grey(row, 1, &foci, 4);
        sheet.truth(row, 2, &foci, |scan, at| 4.0 * scan.expelled[at]);
        sheet.truth(row, 3, &foci, |scan, at| scan.damage[at]);
        for (column, layout) in [(4, DamageLayout::Centre), (5, DamageLayout::Contact)] {
            let scan = shown(layout, State::Thawed)?;
            sheet.truth(row, column, &scan, |scan, at| scan.damage[at]);
        }
        sheet.raters(row, 6, &foci)?;
        sheet.grey(row, 7, &foci, 0);
    }
    let thawed =
        |config: &PhantomConfig| scan(config, DamageLayout::Foci, Freezing::Minus20, State::Thawed);
    for (column, softness) in [Softness::Hard, Softness::Soft, Softness::VerySoft]
        .into_iter()
        .enumerate()
    {
        let mut config = base;
        config.damage.softness = softness;
        sheet.truth(3, column, &thawed(&config)?, |scan, at| scan.damage[at]);
    }
    let off = Confounds::default();
    for (column, confounds) in [
        off,
        Confounds {
            drip_film: true,
            ..off
        },
        Confounds {
            shading: true,
            ..off
        },
        Confounds {
            shrinkage: true,
            ..off
        },
        Confounds::all(),
    ]
    .into_iter()
    .enumerate()
    {
        let scan = thawed(&PhantomConfig { confounds, ..base })?;
        sheet.grey(3, 3 + column, &scan, 4);
    }
    sheet.image.save(&path)?;
    Ok(())
}

/// The first fillet of a treatment, before or after it.
fn scan(
    base: &PhantomConfig,
    layout: DamageLayout,
    treatment: Freezing,
    state: State,
) -> Outcome<PhantomScan> {
    let mut config = *base;
    config.damage.layout = layout;
    let cohort = Cohort::new(&config, 42)?;
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
            "{}\t{layout:?} {:?}\t{:.3}\t{:.2}\t{:.2}",
            scan.specimen.scan,
            config.damage.softness,
            scan.mean_damage,
            scan.boundary_width_mm().unwrap_or(f64::NAN),
            scan.specimen.liquid_loss_percent.unwrap_or(f64::NAN),
        );
    }
    Ok(scan)
}

struct Sheet {
    image: RgbImage,
    size: usize,
}

impl Sheet {
    fn put(&mut self, tile: [usize; 2], colour: impl Fn([usize; 2]) -> [u8; 3]) {
        for row in 0..self.size {
            for column in 0..self.size {
                let x = (tile[1] * self.size + column) as u32;
                let y = (tile[0] * self.size + row) as u32;
                self.image.put_pixel(x, y, Rgb(colour([row, column])));
            }
        }
    }

    fn grey(&mut self, row: usize, column: usize, scan: &PhantomScan, slice: usize) {
        let stored = scan.volume.stored();
        self.put([row, column], |[r, c]| {
            [(stored[[slice, r, c]] / 8).clamp(0, 255) as u8; 3]
        });
    }

    /// A share of the truth from dark blue over red to yellow; grey outside tissue.
    fn truth(
        &mut self,
        row: usize,
        column: usize,
        scan: &PhantomScan,
        share: impl Fn(&PhantomScan, [usize; 3]) -> f32,
    ) {
        self.put([row, column], |[r, c]| {
            let at = [4, r, c];
            if !scan.tissue[at] {
                return [40; 3];
            }
            let share = share(scan, at).clamp(0.0, 1.0);
            let ramp = |low: f32, high: f32| {
                (255.0 * ((share - low) / (high - low)).clamp(0.0, 1.0)) as u8
            };
            [
                ramp(0.0, 0.6),
                ramp(0.4, 1.0),
                110 - ramp(0.0, 1.0).min(110),
            ]
        });
    }

    /// What two raters call damaged: one red, the other blue, both purple.
    fn raters(&mut self, row: usize, column: usize, scan: &PhantomScan) -> Outcome<()> {
        let values = scan.volume.values();
        let slice = values.index_axis(Axis(0), 4);
        let tissue = scan.tissue.index_axis(Axis(0), 4);
        let pixel_mm = scan.volume.spacing().column_mm;
        let by = |rater| {
            annotate(
                slice,
                tissue,
                pixel_mm,
                &AnnotatorConfig::default(),
                1,
                rater,
            )
        };
        let (one, two) = (by(0)?, by(1)?);
        self.put([row, column], |at| {
            let grey = (slice[at] / 8.0).clamp(0.0, 150.0) as u8;
            let paint = |label: Label| if label == Label::Damaged { 255 } else { grey };
            [paint(one[at]), grey, paint(two[at])]
        });
        Ok(())
    }
}
