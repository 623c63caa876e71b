//! What is run: random geometries, sizes of real networks, empty batches.

use candle_core::Tensor;
use cnn_ops::{Padding, PoolOptions};

use crate::support::cases::{self, Case, Sizes, padding};

/// A small generator of whole numbers; the same on every run.
struct Draw(u64);

impl Draw {
    /// A number in `low..high`.
    fn below(&mut self, low: usize, high: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        low + (self.0 >> 33) as usize % (high - low)
    }

    fn pair(&mut self, low: usize, high: usize) -> [usize; 2] {
        [self.below(low, high), self.below(low, high)]
    }

    fn sides(&mut self, high: usize) -> [usize; 4] {
        [(); 4].map(|()| self.below(0, high))
    }
}

/// The operators over the geometries that the gradient tests draw from, and larger maps.
pub(crate) fn random(rounds: usize) -> Vec<Case> {
    let mut draw = Draw(2023);
    let mut all = Vec::new();
    for round in 0..rounds {
        let seed = round as u64;
        let large = if round % 4 == 0 { 5 } else { 1 };
        let depthwise = round % 3 == 0;
        let sizes = Sizes {
            batch: draw.below(1, 4),
            groups: draw.below(1, 4),
            channels: if depthwise {
                1
            } else {
                draw.below(1, 4 * large)
            },
            filters: draw.below(1, 4 * large),
            input: draw.pair(1, 8 * large),
            kernel: draw.pair(1, 4),
            stride: draw.pair(1, 4),
            dilation: draw.pair(1, 3),
            pad: draw.sides(4),
        };
        all.extend(cases::convolutions(&sizes, seed));
        let shape = [
            draw.below(1, 3),
            draw.below(1, 4),
            draw.below(1, 8 * large),
            draw.below(1, 8 * large),
        ];
        let options = PoolOptions {
            kernel: draw.pair(1, 4),
            stride: draw.pair(1, 4),
            padding: padding(draw.sides(3)),
            ceil_mode: round % 2 == 0,
        };
        all.extend(cases::pools(shape, options, seed));
        let output = draw.pair(1, 9);
        all.extend(cases::plane_maps(
            shape,
            output,
            padding(draw.sides(4)),
            seed,
        ));
        all.extend(cases::batch_norms(shape, seed));
        all.extend(cases::batch_statistics(shape, seed));
        all.extend(cases::pointwise(
            shape,
            draw.below(0, 101) as f64 / 100.0,
            seed,
        ));
        let head = [draw.below(1, 9), draw.below(1, 9), draw.below(1, 400)];
        all.extend(cases::heads(head, round % 2 == 0, seed));
    }
    all
}

/// One geometry per operator and path, as they occur in the seven networks.
pub(crate) fn large() -> Vec<Case> {
    let dense = Sizes {
        batch: 8,
        groups: 1,
        channels: 64,
        filters: 64,
        input: [56, 56],
        kernel: [3, 3],
        stride: [1, 1],
        dilation: [1, 1],
        pad: [1; 4],
    };
    let convolutions = [
        dense,
        Sizes {
            kernel: [1, 1],
            channels: 256,
            pad: [0; 4],
            ..dense
        },
        Sizes {
            channels: 3,
            input: [224, 224],
            kernel: [7, 7],
            stride: [2, 2],
            pad: [3; 4],
            ..dense
        },
        Sizes {
            kernel: [1, 7],
            pad: [0, 0, 3, 3],
            input: [17, 17],
            ..dense
        },
        Sizes {
            stride: [2, 2],
            pad: [0, 1, 0, 1],
            ..dense
        },
        Sizes {
            groups: 4,
            channels: 16,
            filters: 16,
            ..dense
        },
        Sizes {
            groups: 728,
            channels: 1,
            filters: 1,
            input: [16, 16],
            ..dense
        },
    ];
    let mut all: Vec<Case> = Vec::new();
    for (i, sizes) in convolutions.iter().enumerate() {
        // With bias, and the fused one with everything.
        let mut cases = cases::convolutions(sizes, i as u64);
        cases.truncate(3);
        cases.remove(1);
        all.extend(cases);
    }
    let shape = [8, 64, 56, 56];
    let pool = PoolOptions::square(3, 2).with_padding(Padding::symmetric(1, 1));
    all.extend(cases::pools(shape, pool, 1));
    all.extend(cases::plane_maps(
        shape,
        [112, 112],
        padding([0, 1, 0, 1]),
        2,
    ));
    all.extend(cases::plane_maps(shape, [7, 7], padding([3, 3, 3, 3]), 3));
    all.extend(cases::batch_norms(shape, 4));
    all.extend(cases::pointwise(shape, 0.5, 5));
    all.extend(cases::heads([32, 2048, 1000], true, 6));
    all
}

/// Cases to be run with an empty batch.
pub(crate) fn empty() -> Vec<Case> {
    let shape = [1, 4, 6, 5];
    let sizes = Sizes {
        batch: 1,
        groups: 2,
        channels: 2,
        filters: 3,
        input: [6, 5],
        kernel: [3, 3],
        stride: [1, 1],
        dilation: [1, 1],
        pad: [1; 4],
    };
    let depthwise = Sizes {
        groups: 4,
        channels: 1,
        ..sizes
    };
    let mut all = cases::convolutions(&sizes, 1);
    all.extend(cases::convolutions(&depthwise, 2));
    all.extend(cases::pools(shape, PoolOptions::square(2, 2), 3));
    all.extend(cases::plane_maps(shape, [7, 3], padding([1, 0, 2, 1]), 4));
    all.extend(cases::batch_norms(shape, 5));
    all.extend(cases::pointwise(shape, 0.5, 6));
    all
}

/// The inputs of a case without their images.
pub(crate) fn without_images(case: &Case, inputs: &[Tensor]) -> candle_core::Result<Vec<Tensor>> {
    let cut = |(name, x): (&&str, &Tensor)| match *name {
        "x" | "residual" => x.narrow(0, 0, 0),
        _ => Ok(x.clone()),
    };
    case.names.iter().zip(inputs).map(cut).collect()
}
