//! Convolution by its definition: the reference that the fast paths are tested against.

use super::geometry::Geometry;
use crate::element::Element;
use crate::parallel::for_each_chunk;

/// Calls `f(x index, w index, y index)` for every product of one pair of planes.
fn for_each_product(g: &Geometry, mut f: impl FnMut(usize, usize, usize)) {
    for i in 0..g.output[0] {
        for u in 0..g.kernel[0] {
            let Some(r) = g.source(0, i, u) else { continue };
            for j in 0..g.output[1] {
                for v in 0..g.kernel[1] {
                    if let Some(s) = g.source(1, j, v) {
                        f(r * g.input[1] + s, u * g.kernel[1] + v, i * g.output[1] + j);
                    }
                }
            }
        }
    }
}

pub(crate) fn forward<T: Element>(g: &Geometry, x: &[T], w: &[T]) -> Vec<T> {
    let (p, q, k) = (
        g.input[0] * g.input[1],
        g.output[0] * g.output[1],
        g.kernel[0] * g.kernel[1],
    );
    let mut y = vec![T::ZERO; g.batch * g.filters * q];
    for_each_chunk(&mut y, q, g.products(), |i, y| {
        let (b, o) = (i / g.filters, i % g.filters);
        for c in 0..g.group_channels() {
            let channel = o / g.group_filters() * g.group_channels() + c;
            let x = &x[(b * g.channels + channel) * p..][..p];
            let w = &w[(o * g.group_channels() + c) * k..][..k];
            for_each_product(g, |xi, wi, yi| y[yi] += x[xi] * w[wi]);
        }
    });
    y
}

pub(crate) fn input_gradient<T: Element>(g: &Geometry, dy: &[T], w: &[T]) -> Vec<T> {
    let (p, q, k) = (
        g.input[0] * g.input[1],
        g.output[0] * g.output[1],
        g.kernel[0] * g.kernel[1],
    );
    let mut dx = vec![T::ZERO; g.batch * g.channels * p];
    for_each_chunk(&mut dx, p, g.products(), |i, dx| {
        let (b, channel) = (i / g.channels, i % g.channels);
        let (group, c) = (channel / g.group_channels(), channel % g.group_channels());
        for o in group * g.group_filters()..(group + 1) * g.group_filters() {
            let dy = &dy[(b * g.filters + o) * q..][..q];
            let w = &w[(o * g.group_channels() + c) * k..][..k];
            for_each_product(g, |xi, wi, yi| dx[xi] += dy[yi] * w[wi]);
        }
    });
    dx
}

pub(crate) fn weight_gradient<T: Element>(g: &Geometry, dy: &[T], x: &[T]) -> Vec<T> {
    let (p, q, k) = (
        g.input[0] * g.input[1],
        g.output[0] * g.output[1],
        g.kernel[0] * g.kernel[1],
    );
    let mut dw = vec![T::ZERO; g.filters * g.group_channels() * k];
    for_each_chunk(&mut dw, k, g.products(), |i, dw| {
        let (o, c) = (i / g.group_channels(), i % g.group_channels());
        let channel = o / g.group_filters() * g.group_channels() + c;
        for b in 0..g.batch {
            let x = &x[(b * g.channels + channel) * p..][..p];
            let dy = &dy[(b * g.filters + o) * q..][..q];
            for_each_product(g, |xi, wi, yi| dw[wi] += dy[yi] * x[xi]);
        }
    });
    dw
}
