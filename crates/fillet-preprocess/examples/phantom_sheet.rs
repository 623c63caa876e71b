//! Writes a sheet of phantom slices (grey values above, damage below) and prints what they hold.
//!
//! `cargo run --release -p fillet-preprocess --example phantom_sheet -- OUT.png [SIZE] [SLICES]`
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::time::Instant;

use fillet_preprocess::phantom::{Cohort, Freezing, PhantomConfig, State};
use image::{GrayImage, Luma};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments
        .next()
        .ok_or("usage: phantom_sheet OUT.png [SIZE] [SLICES]")?;
    let size: usize = arguments.next().map_or(Ok(256), |text| text.parse())?;
    let slices: usize = arguments.next().map_or(Ok(9), |text| text.parse())?;
    let config = PhantomConfig {
        size,
        slices,
        slice_spacing_mm: 54.0 / slices as f64,
        ..PhantomConfig::paper()
    };
    let cohort = Cohort::new(&config, 42)?;
    let mut sheet = GrayImage::new(4 * size as u32, 3 * size as u32);
    println!("scan\tmean damage\tliquid loss %\tmean grey\tseconds");
    for (line, treatment) in Freezing::ALL.into_iter().enumerate() {
        let Some(fillet) = (0..cohort.len() / 2).find(|&fillet| {
            cohort
                .specimen(2 * fillet)
                .is_ok_and(|s| s.treatment == Some(treatment.to_string()))
        }) else {
            continue;
        };
        for state in 0..2 {
            let start = Instant::now();
            let scan = cohort.scan(2 * fillet + state)?;
            let seconds = start.elapsed().as_secs_f64();
            let pixels = scan.volume.stored().to_owned();
            let inside: Vec<f64> = pixels
                .iter()
                .zip(&scan.tissue)
                .filter(|(_, tissue)| **tissue)
                .map(|(value, _)| f64::from(*value))
                .collect();
            println!(
                "{}\t{:.3}\t{:.2}\t{:.0}\t{seconds:.3}",
                scan.specimen.scan,
                scan.mean_damage,
                scan.specimen.liquid_loss_percent.unwrap_or(f64::NAN),
                inside.iter().sum::<f64>() / inside.len() as f64,
            );
            let middle = slices / 2;
            let mut put = |tile: usize, slice: usize, grey: &dyn Fn([usize; 3]) -> f64| {
                for row in 0..size {
                    for column in 0..size {
                        let value = grey([slice, row, column]).clamp(0.0, 255.0) as u8;
                        let place = ((tile * size + column) as u32, (line * size + row) as u32);
                        sheet.put_pixel(place.0, place.1, Luma([value]));
                    }
                }
            };
            put(state, middle, &|at| f64::from(pixels[at]) / 8.0);
            if scan.state == State::Thawed {
                put(2, middle, &|at| 255.0 * f64::from(scan.damage[at]));
                put(3, 0, &|at| f64::from(pixels[at]) / 8.0);
            }
        }
    }
    sheet.save(&path)?;
    println!("rows: -5, -20, -40 °C; columns: fresh, thawed, damage, first slice: {path}");
    Ok(())
}
