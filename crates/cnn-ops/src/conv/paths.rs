//! Which algorithm runs which convolution.
//!
//! The choice depends on the sizes and the element type alone, never on the number of threads.

use super::forward::{Epilogue, Weight, convolve};
use super::geometry::Geometry;
use super::{depthwise, input_gradient as gradient, weight_gradient as weight};
use crate::element::Element;

/// `y` from the input and the weight.
pub(crate) fn forward<T: Element>(
    g: &Geometry,
    x: &[T],
    w: &[T],
    epilogue: Epilogue<'_, T>,
) -> Vec<T> {
    if g.is_depthwise() {
        return depthwise::forward(g, x, w, epilogue);
    }
    T::convolve(g, x, w, epilogue).unwrap_or_else(|| convolve(g, x, Weight::Plain(w), epilogue))
}

/// `dx` from the output gradient and the weight.
pub(crate) fn input_gradient<T: Element>(g: &Geometry, dy: &[T], w: &[T]) -> Vec<T> {
    if g.is_depthwise() {
        return depthwise::input_gradient(g, dy, w);
    }
    match g.transposed() {
        Some(t) if g.kernel == [1, 1] => convolve(&t, dy, Weight::Transposed(w), Epilogue::none()),
        Some(t) => forward(&t, dy, &gradient::turned(g, w), Epilogue::none()),
        None => gradient::strided(g, dy, w),
    }
}

/// `dw` from the output gradient and the input.
pub(crate) fn weight_gradient<T: Element>(g: &Geometry, dy: &[T], x: &[T]) -> Vec<T> {
    if g.is_depthwise() {
        depthwise::weight_gradient(g, dy, x)
    } else {
        weight::weight_gradient(g, dy, x)
    }
}
