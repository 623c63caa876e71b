//! Foreground, contrast and augmentation as the works of the suite `preprocess`
//! (`benches/compare/compare/preprocess.py`).
#![forbid(unsafe_code)]

use benches::Task;
use benches::rule::{SIDE, enlarge, in_tissue, uniform};
use fillet_preprocess::contrast::adjust_volume_by;
use fillet_preprocess::foreground::segment_volume;
use fillet_preprocess::{
    AugmentConfig, AugmentParameters, ContrastMethod, Fill, ForegroundConfig, ForegroundVariant,
    augment_batch,
};
use ndarray::{Array2, Array3, ArrayView3, Zip};

fn main() -> std::io::Result<()> {
    cnn_ops::keep_freed_memory();
    benches::serve(task)
}

fn task(work: &str) -> Option<Task> {
    let words: Vec<&str> = work.split(' ').collect();
    let (kind, options) = words.split_first()?;
    let option = |name: &str| {
        options
            .iter()
            .find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
    };
    let slices: usize = option("slices")?.parse().ok()?;
    let volume = volume(slices);
    Some(match *kind {
        "foreground" => Box::new(move || foreground(volume.view()).map_or(f64::NAN, |m| count(&m))),
        "contrast" => {
            let methods = methods(option("methods")?)?;
            Box::new(move || {
                let done = contrast(volume.view(), &methods);
                benches::stop_clock();
                done.map_or(f64::NAN, |done| sums(&done))
            })
        }
        "foreground+contrast" => {
            let methods = methods(option("methods")?)?;
            Box::new(move || {
                let both = || {
                    let mask = foreground(volume.view())?;
                    let masked = Zip::from(&volume)
                        .and(&mask)
                        .map_collect(|&value, &inside| if inside { value } else { 0.0 });
                    let done = contrast(masked.view(), &methods)?;
                    Some((mask, done))
                };
                let done = both();
                benches::stop_clock();
                done.map_or(f64::NAN, |(mask, done)| count(&mask) + sums(&done))
            })
        }
        "augment" => match option("parameters")? {
            "given" => Box::new(move || {
                let moved: Vec<Array2<f32>> = volume
                    .outer_iter()
                    .enumerate()
                    .map(|(i, slice)| given(i).apply(slice))
                    .collect();
                benches::stop_clock();
                moved.iter().flatten().map(|&v| f64::from(v)).sum()
            }),
            "drawn" => Box::new(move || {
                let samples: Vec<u64> = (0..slices as u64).collect();
                let config = AugmentConfig::default();
                let moved = augment_batch(volume.view(), &config, 42, &samples, 0);
                benches::stop_clock();
                moved.map_or(f64::NAN, |moved| moved.iter().map(|&v| f64::from(v)).sum())
            }),
            _ => return None,
        },
        _ => return None,
    })
}

/// 12-bit grey values: tissue of varying brightness in an ellipse, noise around it.
fn volume(slices: usize) -> Array3<f32> {
    let mut volume = Array3::zeros((slices, SIDE, SIDE));
    for (s, mut slice) in volume.outer_iter_mut().enumerate() {
        let seed = 2 * s as u32;
        let smooth = enlarge(|r, c| uniform(seed, (r * 9 + c) as u32));
        for ((r, c), value) in slice.indexed_iter_mut() {
            let noise = uniform(seed + 1, (r * SIDE + c) as u32);
            let level = if in_tissue(r, c) {
                700.0 + 800.0 * f64::from(smooth[r * SIDE + c])
            } else {
                0.0
            };
            *value = (level + 120.0 * noise).floor() as f32;
        }
    }
    volume
}

fn foreground(volume: ArrayView3<'_, f32>) -> Option<Array3<bool>> {
    let config = ForegroundConfig {
        variant: ForegroundVariant::Saturating,
        ..ForegroundConfig::default()
    };
    segment_volume(volume, &config).ok()
}

fn count(mask: &Array3<bool>) -> f64 {
    mask.iter().filter(|inside| **inside).count() as f64
}

fn methods(names: &str) -> Option<Vec<ContrastMethod>> {
    names
        .split('+')
        .map(|name| ContrastMethod::ALL.into_iter().find(|m| m.name() == name))
        .collect()
}

fn contrast(volume: ArrayView3<'_, f32>, methods: &[ContrastMethod]) -> Option<Vec<Array3<f32>>> {
    adjust_volume_by(volume, methods).ok()
}

fn sums(volumes: &[Array3<f32>]) -> f64 {
    volumes.iter().flatten().map(|&v| f64::from(v)).sum()
}

/// Parameters both sides compute alike.
fn given(sample: usize) -> AugmentParameters {
    let drawn = |i: u32| 2.0 * uniform(900 + sample as u32, i) - 1.0;
    AugmentParameters {
        rotation_degrees: 45.0 * drawn(0),
        row_shift: 0.2 * SIDE as f64 * drawn(1),
        column_shift: 0.2 * SIDE as f64 * drawn(2),
        flip_horizontal: drawn(3) > 0.0,
        flip_vertical: drawn(4) > 0.0,
        fill: Fill::Nearest,
    }
}
