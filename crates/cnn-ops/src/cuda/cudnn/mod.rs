//! Dense and grouped convolutions by cuDNN.
//!
//! The algorithm of every geometry and pass is chosen once per thread and device from cuDNN's own
//! ranking: the first that is deterministic and needs at most [`WORKSPACE`] bytes. Products are
//! taken in the element type, without TensorFloat-32. Where cuDNN offers nothing, the caller's
//! matrix products do the work.
#![allow(unsafe_code)]

mod plan;

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::{c_int, c_void};
use std::sync::Arc;

use candle_core::cuda_backend::DeviceId;
use candle_core::cuda_backend::cudarc::cudnn::result;
use candle_core::cuda_backend::cudarc::driver::{
    CudaSlice, CudaStream, CudaView, DevicePtr, DevicePtrMut,
};
use candle_core::{CudaDevice, DType, Result};

use plan::{Handle, Pass, Plan};

use super::launch::{DeviceElement, allocate, allocate_raw, mismatch};
use super::plane::shift;
use crate::conv::Geometry;

const OP: &str = "conv2d";
/// Bytes of scratch memory that an algorithm may use.
const WORKSPACE: usize = 256 << 20;
/// Geometries remembered per thread and device; one more, and all are forgotten.
const PLANS: usize = 4096;

/// Handle, plans and scratch memory of one thread for one device.
struct State {
    handle: Handle,
    stream: Arc<CudaStream>,
    /// `None` where cuDNN offers nothing.
    plans: HashMap<(Pass, DType, Geometry), Option<Plan>>,
    workspace: Option<CudaSlice<u8>>,
}

thread_local! {
    // cuDNN's handles may not be shared between threads.
    static STATES: RefCell<HashMap<DeviceId, State>> = RefCell::new(HashMap::new());
}

/// The two sides of a convolution with the same padding before and behind.
struct Symmetric {
    /// The geometry cuDNN runs.
    geometry: Geometry,
    /// Whether the input is padded by a copy first.
    copy: bool,
}

impl Symmetric {
    fn new(g: &Geometry) -> Option<Self> {
        let mut geometry = *g;
        let (mut copy, mut needed) = (false, [0; 2]);
        for (i, needed) in needed.iter_mut().enumerate() {
            let before = usize::try_from(g.offset[i]).ok()?;
            let span = (g.kernel[i] - 1)
                .checked_mul(g.dilation[i])?
                .checked_add(1)?;
            *needed = (g.output[i] - 1)
                .checked_mul(g.stride[i])?
                .checked_add(span)?;
            // The same windows with as much padding behind as before?
            let padded = g.input[i].checked_add(before.checked_mul(2)?)?;
            let outputs = padded.checked_sub(span).map(|free| free / g.stride[i] + 1);
            copy |= outputs != Some(g.output[i]) || before >= span;
        }
        if copy {
            geometry.input = needed;
            geometry.offset = [0, 0];
        }
        let counts = [
            geometry.input_shape(),
            geometry.output_shape(),
            geometry.weight_shape(),
        ];
        let fits = |shape: [usize; 4]| {
            let count = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
            count.is_some_and(|n| n <= c_int::MAX as usize)
        };
        counts
            .into_iter()
            .all(fits)
            .then_some(Self { geometry, copy })
    }

    fn before(&self, g: &Geometry) -> [i32; 2] {
        g.offset.map(|v| v as i32)
    }
}

impl State {
    fn new(device: &CudaDevice) -> Result<Self> {
        let stream = device.cuda_stream();
        stream.context().bind_to_thread()?;
        let handle = Handle::new()?;
        // SAFETY: both were just obtained; the stream is kept beside the handle.
        unsafe { result::set_stream(handle.0, stream.cu_stream().cast()) }?;
        Ok(Self {
            handle,
            stream,
            plans: HashMap::new(),
            workspace: None,
        })
    }

    /// Runs one pass into `out`; false where cuDNN offers nothing or refuses.
    fn run<T: DeviceElement>(
        &mut self,
        device: &CudaDevice,
        pass: Pass,
        g: &Geometry,
        a: &CudaView<'_, T>,
        b: &CudaView<'_, T>,
        out: &mut CudaSlice<T>,
    ) -> Result<bool> {
        let key = (pass, T::DTYPE, *g);
        if self.plans.len() >= PLANS && !self.plans.contains_key(&key) {
            self.plans.clear();
        }
        let handle = &self.handle;
        let plan = self
            .plans
            .entry(key)
            .or_insert_with(|| Plan::new::<T>(handle, pass, g).ok().flatten());
        let Some(ready) = plan else {
            return Ok(false);
        };
        let count = |shape: [usize; 4]| shape.iter().product::<usize>();
        let (x, y, w) = (
            count(g.input_shape()),
            count(g.output_shape()),
            count(g.weight_shape()),
        );
        let expected = match pass {
            Pass::Forward => [x, w, y],
            Pass::Input => [y, w, x],
            Pass::Weight => [y, x, w],
        };
        for (length, expected) in [a.len(), b.len(), out.len()].into_iter().zip(expected) {
            if length < expected {
                return Err(mismatch(OP, "a tensor", length, expected));
            }
        }
        if self
            .workspace
            .as_ref()
            .is_none_or(|w| w.len() < ready.bytes)
        {
            // The old one is freed first, behind the work that uses it.
            self.workspace = None;
            self.workspace = Some(allocate_raw::<u8>(device, ready.bytes)?);
        }
        let stream = &self.stream;
        let (workspace, _workspace) = match &mut self.workspace {
            Some(memory) => {
                let (pointer, guard) = memory.device_ptr_mut(stream);
                (pointer, Some(guard))
            }
            None => (0, None),
        };
        let (a, _a) = a.device_ptr(stream);
        let (b, _b) = b.device_ptr(stream);
        let (out, _out) = out.device_ptr_mut(stream);
        // SAFETY: the lengths were checked against the geometry that the plan was made for, and the
        // workspace holds the bytes it asks for. All memory is used in the order of one stream.
        let done = unsafe {
            ready.run::<T>(
                handle,
                a as *const c_void,
                b as *const c_void,
                out as *mut c_void,
                workspace as *mut c_void,
            )
        };
        if done.is_err() {
            *plan = None;
        }
        Ok(done.is_ok())
    }
}

fn with_state<R>(device: &CudaDevice, f: impl FnOnce(&mut State) -> Result<R>) -> Result<R> {
    STATES.with_borrow_mut(|states| match states.entry(device.id()) {
        std::collections::hash_map::Entry::Occupied(entry) => f(entry.into_mut()),
        std::collections::hash_map::Entry::Vacant(entry) => f(entry.insert(State::new(device)?)),
    })
}

fn planes(g: &Geometry) -> usize {
    g.batch * g.channels
}

/// The input as the symmetric geometry wants it, if that is a copy.
fn padded<T: DeviceElement>(
    g: &Geometry,
    s: &Symmetric,
    device: &CudaDevice,
    x: &CudaView<'_, T>,
) -> Result<Option<CudaSlice<T>>> {
    if !s.copy {
        return Ok(None);
    }
    let by = s.before(g).map(|v| -v);
    let size = s.geometry.input;
    Ok(Some(shift(OP, device, planes(g), x, g.input, size, by)?))
}

/// The output, without bias; nothing where cuDNN has no algorithm.
pub(super) fn forward<T: DeviceElement>(
    g: &Geometry,
    device: &CudaDevice,
    x: &CudaView<'_, T>,
    w: &CudaView<'_, T>,
) -> Result<Option<CudaSlice<T>>> {
    let Some(s) = Symmetric::new(g) else {
        return Ok(None);
    };
    let copy = padded(g, &s, device, x)?;
    let copy = copy.as_ref().map(CudaSlice::as_view);
    let from = copy.as_ref().unwrap_or(x);
    let mut y = allocate::<T>(device, g.output_shape().iter().product())?;
    let done = with_state(device, |state| {
        state.run(device, Pass::Forward, &s.geometry, from, w, &mut y)
    })?;
    Ok(done.then_some(y))
}

/// The gradient of the input.
pub(super) fn input_gradient<T: DeviceElement>(
    g: &Geometry,
    device: &CudaDevice,
    dy: &CudaView<'_, T>,
    w: &CudaView<'_, T>,
) -> Result<Option<CudaSlice<T>>> {
    let Some(s) = Symmetric::new(g) else {
        return Ok(None);
    };
    let mut dx = allocate::<T>(device, s.geometry.input_shape().iter().product())?;
    let done = with_state(device, |state| {
        state.run(device, Pass::Input, &s.geometry, dy, w, &mut dx)
    })?;
    if !done || !s.copy {
        return Ok(done.then_some(dx));
    }
    let (size, by) = (s.geometry.input, s.before(g));
    Ok(Some(shift(
        OP,
        device,
        planes(g),
        &dx.as_view(),
        size,
        g.input,
        by,
    )?))
}

/// The gradient of the weight.
pub(super) fn weight_gradient<T: DeviceElement>(
    g: &Geometry,
    device: &CudaDevice,
    dy: &CudaView<'_, T>,
    x: &CudaView<'_, T>,
) -> Result<Option<CudaSlice<T>>> {
    let Some(s) = Symmetric::new(g) else {
        return Ok(None);
    };
    let copy = padded(g, &s, device, x)?;
    let copy = copy.as_ref().map(CudaSlice::as_view);
    let from = copy.as_ref().unwrap_or(x);
    let mut dw = allocate::<T>(device, g.weight_shape().iter().product())?;
    let done = with_state(device, |state| {
        state.run(device, Pass::Weight, &s.geometry, dy, from, &mut dw)
    })?;
    Ok(done.then_some(dw))
}
