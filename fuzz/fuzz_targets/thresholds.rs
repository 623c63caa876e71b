//! Any heatmap: planes shrink as the threshold grows, agreement lies in [0, 1].
#![no_main]

use ndarray::ArrayView1;
use seg_metrics::{Comparison, EmptyPolicy, ThresholdStack, pairwise_agreement};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let values: Vec<f32> = data.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
    let thresholds = [0.1, 0.5, 0.9];
    let Ok(stack) = ThresholdStack::new(ArrayView1::from(&values), &thresholds, Comparison::AtLeast, None) else {
        return;
    };
    assert!(stack.count(0) >= stack.count(1) && stack.count(1) >= stack.count(2));
    let agreement = pairwise_agreement(&[&stack, &stack], EmptyPolicy::One).expect("a stack agrees with itself");
    assert!(agreement.levels.iter().all(|level| level.phi == 1.0));
});
