//! Where maps are hot: do methods point at the same place, and is that place the middle of the fillet?

use super::super::Run;
use super::scores::{DEPTHS, Place, Scores, mean};
use crate::error::Result;
use crate::table::{Table, number};

/// Writes `peaks.csv` and `depth.csv`.
pub(super) fn write(run: &Run, scores: &Scores) -> Result<()> {
    let mut peaks = Table::new(&[
        "model",
        "left",
        "right",
        "n",
        "peak_distance_share",
        "centroid_distance_share",
    ])?;
    let mut depth = Table::new(&["model", "method", "depth_from", "depth_to", "mean"])?;
    let side = run.config.preprocess.image_size as f64;
    let places = |network: usize, method: usize| -> Vec<Place> {
        (scores.slices.iter())
            .filter_map(|slice| {
                slice
                    .places
                    .as_ref()
                    .map(|places| places[[network, method]])
            })
            .collect()
    };
    for (n, network) in scores.axes.networks.iter().enumerate() {
        let of_methods: Vec<Vec<Place>> = (0..scores.axes.methods.len())
            .map(|m| places(n, m))
            .collect();
        for (left, name) in scores.axes.methods.iter().enumerate() {
            for (right, other) in scores.axes.methods.iter().enumerate().skip(left + 1) {
                let distance = |of: &dyn Fn(&Place) -> [f64; 2]| {
                    let pairs = of_methods[left].iter().zip(&of_methods[right]);
                    let distances = pairs.map(|(a, b)| {
                        let [a, b] = [of(a), of(b)];
                        (a[0] - b[0]).hypot(a[1] - b[1]) / side
                    });
                    mean(distances.filter(|v| v.is_finite())).map_or_else(String::new, number)
                };
                peaks.row(&[
                    network.clone(),
                    name.clone(),
                    other.clone(),
                    of_methods[left].len().to_string(),
                    distance(&|place| place.peak),
                    distance(&|place| place.centroid),
                ])?;
            }
            for bin in 0..DEPTHS {
                let values = of_methods[left].iter().map(|place| place.by_depth[bin]);
                depth.row(&[
                    network.clone(),
                    name.clone(),
                    number(bin as f64 / DEPTHS as f64),
                    number((bin + 1) as f64 / DEPTHS as f64),
                    mean(values.filter(|v| v.is_finite())).map_or_else(String::new, number),
                ])?;
            }
        }
    }
    peaks.write(&run.outputs.table("peaks"))?;
    depth.write(&run.outputs.table("depth"))
}
