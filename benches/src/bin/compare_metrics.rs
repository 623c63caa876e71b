//! Agreement and outline distances of `seg-metrics` as the works of the suite `metrics`
//! (`benches/compare/compare/metrics.py`).
#![forbid(unsafe_code)]

use benches::Task;
use benches::rule::{SIDE, enlarge, in_tissue, uniform};
use ndarray::{Array2, ArrayView2};
use seg_metrics::{
    BitMask, Comparison, EmptyDistance, EmptyPolicy, HausdorffConvention, Result, ThresholdStack,
    outline_distances, pairwise_agreement, threshold_sweep,
};

const METHODS: usize = 5;
const NETWORKS: usize = 6;
const THRESHOLDS: [f64; 9] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];
/// Slices that are different; longer jobs go over them again.
const DISTINCT: usize = 8;

fn main() -> std::io::Result<()> {
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
    Some(match *kind {
        "agreement" => {
            let slices = option("slices")?.parse().ok()?;
            let job = Job::new(option("maps")?, slices)?;
            Box::new(move || job.run().unwrap_or(f64::NAN))
        }
        "outlines" => {
            let pairs: usize = option("pairs")?.parse().ok()?;
            let pairs: Vec<[BitMask; 2]> = (0..pairs)
                .map(|pair| [outlined(pair, 0), outlined(pair, 1)])
                .collect();
            Box::new(move || outlines(&pairs).unwrap_or(f64::NAN))
        }
        _ => return None,
    })
}

/// The map of a method and a network for one slice.
fn cam(slice: usize, network: usize, method: usize) -> Vec<f32> {
    let seed = |kind: usize, which: usize| (slice * 1000 + kind * 100 + which) as u32;
    enlarge(|r, c| {
        let at = (r * 9 + c) as u32;
        let mixed = 0.45 * uniform(seed(0, 0), at)
            + 0.25 * uniform(seed(1, network), at)
            + 0.30 * uniform(seed(2, network * METHODS + method), at);
        ((mixed - 0.5) * 2.0 + 0.5).clamp(0.0, 1.0)
    })
}

fn noise(slice: usize, network: usize, method: usize) -> Vec<f32> {
    let seed = (slice * 1000 + 300 + network * METHODS + method) as u32;
    (0..SIDE * SIDE)
        .map(|i| uniform(seed, i as u32) as f32)
        .collect()
}

fn tissue() -> BitMask {
    BitMask::from_bools(Array2::from_shape_fn((SIDE, SIDE), |(r, c)| in_tissue(r, c)).view())
}

/// The map of a slice, network and method.
type Values = fn(usize, usize, usize) -> Vec<f32>;

/// Heatmaps of some slices, `[slice][network × method]`, a reference mask each, and the tissue.
struct Job {
    maps: Vec<Vec<Array2<f32>>>,
    references: Vec<BitMask>,
    tissue: Option<BitMask>,
    slices: usize,
}

impl Job {
    fn new(kind: &str, slices: usize) -> Option<Self> {
        let (one, tissue): (Values, _) = match kind {
            "cam" => (cam, Some(tissue())),
            "noise" => (noise, None),
            _ => return None,
        };
        let image = |values| Array2::from_shape_vec((SIDE, SIDE), values).ok();
        let mut maps = Vec::new();
        let mut references = Vec::new();
        for slice in 0..slices.min(DISTINCT) {
            let cells =
                (0..NETWORKS).flat_map(|network| (0..METHODS).map(move |method| (network, method)));
            let of_slice = cells.map(|(network, method)| image(one(slice, network, method)));
            maps.push(of_slice.collect::<Option<Vec<_>>>()?);
            let reference = image(cam(slice, NETWORKS, 0))?;
            references.push(BitMask::from_bools(
                reference.mapv(|value| value >= 0.5).view(),
            ));
        }
        Some(Self {
            maps,
            references,
            tissue,
            slices,
        })
    }

    /// The sum of all IoU: the pairs of methods per network and of networks per method, and each map
    /// with the reference, at every threshold of every slice.
    fn run(&self) -> Result<f64> {
        let mut sum = 0.0;
        for slice in 0..self.slices {
            let slice = slice % self.maps.len();
            let stacks = self.maps[slice]
                .iter()
                .map(|map| self.stack(map.view()))
                .collect::<Result<Vec<_>>>()?;
            let groups = (0..NETWORKS)
                .map(|network| {
                    (0..METHODS)
                        .map(|method| &stacks[network * METHODS + method])
                        .collect()
                })
                .chain((0..METHODS).map(|method| {
                    (0..NETWORKS)
                        .map(|network| &stacks[network * METHODS + method])
                        .collect()
                }));
            for group in groups {
                let group: Vec<&ThresholdStack> = group;
                let found = pairwise_agreement(&group, EmptyPolicy::One)?;
                sum += found
                    .levels
                    .iter()
                    .flat_map(|level| &level.pairs)
                    .sum::<f64>();
            }
            for stack in &stacks {
                let found = threshold_sweep(stack, &self.references[slice], EmptyPolicy::One)?;
                sum += found.iou.iter().sum::<f64>();
            }
        }
        Ok(sum)
    }

    fn stack(&self, map: ArrayView2<'_, f32>) -> Result<ThresholdStack> {
        ThresholdStack::new(map, &THRESHOLDS, Comparison::AtLeast, self.tissue.as_ref())
    }
}

/// Half of a map inside the tissue.
fn outlined(pair: usize, which: usize) -> BitMask {
    let map = cam(pair, 0, which);
    let pixel = |(r, c): (usize, usize)| in_tissue(r, c) && map[r * SIDE + c] >= 0.5;
    BitMask::from_bools(Array2::from_shape_fn((SIDE, SIDE), pixel).view())
}

/// The sum of HD95, ASSD and surface Dice of every pair.
fn outlines(pairs: &[[BitMask; 2]]) -> Result<f64> {
    let spacing = [0.234_375, 0.234_375];
    let mut sum = 0.0;
    for [prediction, reference] in pairs {
        let found = outline_distances(prediction, reference, &spacing, EmptyDistance::default())?;
        sum += found.hausdorff_percentile(95.0, HausdorffConvention::MaxOfDirected)?
            + found.average_symmetric()?
            + found.surface_dice(1.0, EmptyPolicy::Nan)?;
    }
    Ok(sum)
}
