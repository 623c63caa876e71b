//! Memory beyond inputs and outputs is bounded whatever the batch.
#![allow(unsafe_code, clippy::unwrap_used, clippy::expect_used)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use candle_core::{DType, Device, Tensor};
use cnn_ops::vjp::Conv2d;
use cnn_ops::{Activation, ConvOptions, Padding};

/// The system's allocator, counting the bytes that live and the most that ever lived.
struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is the system allocator's with the same arguments.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.fetch_add(layout.size(), Relaxed) + layout.size();
        MOST.fetch_max(live, Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const MIB: usize = 1 << 20;
const THREADS: usize = 2;

/// What one layer takes at most, in bytes.
#[derive(Debug)]
struct Extra {
    forward: usize,
    input_gradient: usize,
    weight_gradient: usize,
}

fn measure(shape: (usize, usize, [usize; 2], usize, usize, usize), batch: usize) -> Extra {
    let (c, f, [kh, kw], side, stride, groups) = shape;
    let options = ConvOptions {
        stride: [stride; 2],
        padding: Padding::symmetric(kh / 2, kw / 2),
        groups,
        ..ConvOptions::default()
    };
    let zeros = |shape: &[usize]| Tensor::zeros(shape, DType::F32, &Device::Cpu).unwrap();
    let x = zeros(&[batch, c, side, side]);
    let w = zeros(&[f, c / groups, kh, kw]);
    let conv = Conv2d::new(&x, &w, &options).unwrap();
    let kept = |t: &Tensor| 4 * t.elem_count();
    // Beyond the tensors: what the threads keep for the next call counts.
    let beyond = |tensors: usize, f: &dyn Fn() -> Tensor| {
        MOST.store(LIVE.load(Relaxed), Relaxed);
        let result = f();
        let most = MOST.load(Relaxed);
        (most.saturating_sub(tensors + kept(&result)), result)
    };
    let arguments = kept(&x) + kept(&w);
    let (forward, y) = beyond(arguments, &|| {
        conv.output(None, None, Activation::None).unwrap()
    });
    let tensors = arguments + kept(&y);
    let (input_gradient, _) = beyond(tensors, &|| conv.input_gradient(&y).unwrap());
    let (weight_gradient, _) = beyond(tensors, &|| conv.weight_gradient(&y).unwrap());
    Extra {
        forward,
        input_gradient,
        weight_gradient,
    }
}

/// One test, so that nothing else allocates meanwhile.
#[test]
fn a_convolution_needs_at_most_32_mib_per_thread_beyond_its_tensors() {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(THREADS)
        .build()
        .unwrap();
    // channels, filters, kernel, side, stride, groups
    for shape in [
        (1, 64, [7, 7], 256, 2, 1),
        (64, 64, [3, 3], 128, 1, 1),
        (256, 256, [3, 3], 64, 1, 1),
        (512, 512, [3, 3], 32, 1, 1),
        (728, 728, [3, 3], 16, 1, 728),
        (1024, 256, [1, 1], 16, 1, 1),
        (448, 2080, [1, 1], 6, 1, 1),
        (192, 192, [1, 7], 29, 1, 1),
        (1024, 256, [7, 1], 14, 1, 1),
        (64, 96, [5, 5], 32, 1, 1),
        (128, 128, [3, 3], 56, 2, 1),
    ] {
        for batch in [1, 4] {
            let extra = pool.install(|| measure(shape, batch));
            let Extra {
                forward,
                input_gradient,
                weight_gradient,
            } = extra;
            for (pass, bytes) in [
                ("forward", forward),
                ("input gradient", input_gradient),
                ("weight gradient", weight_gradient),
            ] {
                println!("{shape:?}, batch {batch}, {pass}: {} KiB", bytes >> 10);
                assert!(
                    bytes <= THREADS * 32 * MIB,
                    "{shape:?}, batch {batch}, {pass}: {bytes}"
                );
            }
        }
    }
}
