//! Maximum pooling.
#![allow(unsafe_code)]

use candle_core::cuda_backend::cudarc::driver::DeviceRepr;
use candle_core::{CudaStorage, Result, Shape, Tensor};

use super::launch::{
    DeviceElement, NULL, Source, allocate, allocate_raw, int, kernel, launch, output, over, tensor,
    too_large,
};
use crate::element::with_element;
use crate::pool::Windows;

const OP: &str = "max_pool2d";

/// `Window` of `kernels/pool.cu`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Window {
    input: [i32; 2],
    output: [i32; 2],
    kernel: [i32; 2],
    stride: [i32; 2],
    before: [i32; 2],
}

// SAFETY: ten integers in the kernel's order.
unsafe impl DeviceRepr for Window {}

impl Window {
    fn new(w: &Windows) -> Result<Self> {
        let o = &w.options;
        let (before, after) = (
            [o.padding.top, o.padding.left],
            [o.padding.bottom, o.padding.right],
        );
        let mut stride = [1; 2];
        for i in 0..2 {
            // The kernels' coordinates reach no further than this.
            let reach = w.input[i]
                .saturating_add(before[i] + after[i])
                .saturating_add(2 * o.kernel[i]);
            int(OP, "the padded input", reach)?;
            // With one window the stride does not matter and may be of any size.
            if w.output[i] > 1 {
                stride[i] = int(OP, "the stride", o.stride[i])?;
            }
        }
        let positions = w.input[0].saturating_mul(w.input[1]);
        if u32::try_from(positions).is_err() {
            return Err(too_large(OP, "a map", positions, u32::MAX as usize));
        }
        let pair = |v: [usize; 2]| v.map(|v| v as i32);
        Ok(Self {
            input: pair(w.input),
            output: pair(w.output),
            kernel: pair(o.kernel),
            stride,
            before: pair(before),
        })
    }
}

/// The largest value of every window.
pub(crate) fn max<T: DeviceElement>(w: &Windows, x: Source<'_>) -> Result<(CudaStorage, Shape)> {
    let (device, view) = (x.device(), x.elements::<T>(OP)?);
    let (b, c, _, _) = x.layout.shape().dims4()?;
    let window = Window::new(w)?;
    let [oh, ow] = w.output;
    let n = b * c * oh * ow;
    let mut y = allocate::<T>(device, n)?;
    let planes = (b * c) as u64;
    let kernel = kernel::<T>(device, "max_pool")?;
    // SAFETY: max_pool(x, y, at, planes, window); `x` and `y` have `planes` planes of the sizes in
    // `window`, and no position is asked for.
    unsafe {
        launch!(
            kernel,
            over(n as u64),
            &view,
            &mut y,
            &NULL,
            &planes,
            &window
        )
    }?;
    Ok(output(y, device, (b, c, oh, ow)))
}

/// The gradient of the input: positions are found again, then gathered from.
pub(crate) fn max_backward(w: &Windows, x: &Tensor, dy: &Tensor) -> Result<Tensor> {
    with_element!(OP, x.dtype(), T => typed_backward::<T>(w, x, dy))
}

fn typed_backward<T: DeviceElement>(w: &Windows, x: &Tensor, dy: &Tensor) -> Result<Tensor> {
    let (xs, xl) = x.storage_and_layout();
    let (ds, dl) = dy.storage_and_layout();
    let (x, dy) = (Source::of(OP, &xs, xl)?, Source::of(OP, &ds, dl)?);
    let (device, view) = (x.device(), x.elements::<T>(OP)?);
    let gradient = dy.elements::<T>(OP)?;
    let (b, c, h, width) = x.layout.shape().dims4()?;
    let window = Window::new(w)?;
    let n = b * c * w.output[0] * w.output[1];
    if dy.layout.shape().elem_count() != n {
        return Err(candle_core::Error::BackwardNotSupported { op: OP });
    }
    let mut at = allocate_raw::<u32>(device, n)?;
    let planes = (b * c) as u64;
    let find = kernel::<T>(device, "max_pool")?;
    // SAFETY: as in `max`; `at` has one position per output element, and no value is asked for.
    unsafe {
        launch!(
            find,
            over(n as u64),
            &view,
            &NULL,
            &mut at,
            &planes,
            &window
        )
    }?;
    let inputs = b * c * h * width;
    let mut dx = allocate::<T>(device, inputs)?;
    let gather = kernel::<T>(device, "max_pool_backward")?;
    // SAFETY: max_pool_backward(dy, at, dx, planes, window) with the sizes above.
    unsafe {
        let grid = over(inputs as u64);
        launch!(gather, grid, &gradient, &at, &mut dx, &planes, &window)
    }?;
    Ok(tensor(dx, device, (b, c, h, width)))
}
