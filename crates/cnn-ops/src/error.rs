//! What can go wrong in an operator.

use candle_core::{DType, DeviceLocation};

/// Result of every function of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operator could not run on the tensors it was given.
///
/// Converts into [`candle_core::Error`], so `?` works inside code that returns candle's results.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A tensor has the wrong number of dimensions.
    #[error("{op}: {argument} must have {expected} dimensions, got shape {actual:?}")]
    Rank {
        /// Operator that was called.
        op: &'static str,
        /// Name of the argument.
        argument: &'static str,
        /// Number of dimensions the operator takes.
        expected: usize,
        /// Shape that was given.
        actual: Vec<usize>,
    },
    /// Two shapes do not go together.
    #[error("{op}: {left_name} has shape {left:?} but {right_name} has {right:?}")]
    ShapeMismatch {
        /// Operator that was called.
        op: &'static str,
        /// Name of the first argument.
        left_name: &'static str,
        /// Shape of the first argument.
        left: Vec<usize>,
        /// Name of the second argument.
        right_name: &'static str,
        /// Shape of the second argument.
        right: Vec<usize>,
    },
    /// The operator is not defined for this element type.
    #[error("{op}: {argument} must be {expected}, got {actual:?}")]
    UnsupportedDType {
        /// Operator that was called.
        op: &'static str,
        /// Name of the argument.
        argument: &'static str,
        /// Types the operator takes.
        expected: &'static str,
        /// Type that was given.
        actual: DType,
    },
    /// Two tensors have different element types.
    #[error("{op}: {left_name} is {left:?} but {right_name} is {right:?}")]
    DTypeMismatch {
        /// Operator that was called.
        op: &'static str,
        /// Name of the first argument.
        left_name: &'static str,
        /// Type of the first argument.
        left: DType,
        /// Name of the second argument.
        right_name: &'static str,
        /// Type of the second argument.
        right: DType,
    },
    /// Two tensors live on different devices.
    #[error("{op}: {left_name} is on {left:?} but {right_name} is on {right:?}")]
    DeviceMismatch {
        /// Operator that was called.
        op: &'static str,
        /// Name of the first argument.
        left_name: &'static str,
        /// Device of the first argument.
        left: DeviceLocation,
        /// Name of the second argument.
        right_name: &'static str,
        /// Device of the second argument.
        right: DeviceLocation,
    },
    /// The operator has no implementation for the device of its tensors.
    #[error(
        "{op}: runs on the CPU and, if the feature `cuda` is on, on CUDA devices; got a tensor on \
         {device:?}"
    )]
    UnsupportedDevice {
        /// Operator that was called.
        op: &'static str,
        /// Device of the tensor.
        device: DeviceLocation,
    },
    /// A stride, dilation, kernel side, group or output size of zero.
    #[error("{op}: {option} must be at least 1, got {value:?}")]
    ZeroOption {
        /// Operator that was called.
        op: &'static str,
        /// Name of the option.
        option: &'static str,
        /// Value that was given (rows, columns).
        value: [usize; 2],
    },
    /// Not one window fits into the padded input.
    #[error(
        "{op}: a kernel that spans {kernel:?} does not fit into the padded input {padded:?} \
         (rows, columns)"
    )]
    KernelTooLarge {
        /// Operator that was called.
        op: &'static str,
        /// Rows and columns that the dilated kernel spans.
        kernel: [usize; 2],
        /// Rows and columns of the input with its padding.
        padded: [usize; 2],
    },
    /// Channels cannot be divided into the requested groups.
    #[error(
        "{op}: {groups} groups of {channels_per_group} channels each need an input of {} channels \
         and a multiple of {groups} filters, got {input_channels} channels and {filters} filters",
        .groups.saturating_mul(*.channels_per_group)
    )]
    Groups {
        /// Operator that was called.
        op: &'static str,
        /// Number of groups.
        groups: usize,
        /// Second dimension of the weight.
        channels_per_group: usize,
        /// Channels of the input.
        input_channels: usize,
        /// First dimension of the weight.
        filters: usize,
    },
    /// A padding is too wide for the kernel or the input.
    #[error("{op}: padding {padding} on the {side} must be smaller than {limit_name} {limit}")]
    PaddingTooLarge {
        /// Operator that was called.
        op: &'static str,
        /// Side of the padding.
        side: &'static str,
        /// Padding that was given.
        padding: usize,
        /// What limits the padding.
        limit_name: &'static str,
        /// Value of the limit.
        limit: usize,
    },
    /// A size exceeds 2³⁶ elements.
    #[error("{op}: {what} would exceed 2^36 elements for shape {shape:?}")]
    Overflow {
        /// Operator that was called.
        op: &'static str,
        /// What was to be computed.
        what: &'static str,
        /// The shape it was computed from.
        shape: Vec<usize>,
    },
    /// A size beyond what the kernels of a device count to.
    #[error("{op}: {what} of {value} exceeds {limit}, the most that runs on a CUDA device")]
    DeviceLimit {
        /// Operator that was called.
        op: &'static str,
        /// What is too large.
        what: &'static str,
        /// Its size.
        value: usize,
        /// The largest size.
        limit: usize,
    },
    /// A mean over no elements.
    #[error("{op}: mean over no elements, shape {shape:?}")]
    EmptyMean {
        /// Operator that was called.
        op: &'static str,
        /// Shape of the input.
        shape: Vec<usize>,
    },
    /// A class label outside the range of the logits.
    #[error("{op}: label {label} of sample {sample} is outside 0..{classes}")]
    LabelOutOfRange {
        /// Operator that was called.
        op: &'static str,
        /// Index of the sample.
        sample: usize,
        /// Label that was given.
        label: u32,
        /// Number of classes.
        classes: usize,
    },
    /// A number outside the range that makes sense.
    #[error("{op}: {argument} must be {expected}, got {value}")]
    InvalidValue {
        /// Operator that was called.
        op: &'static str,
        /// Name of the argument.
        argument: &'static str,
        /// Range it must lie in.
        expected: &'static str,
        /// Value that was given.
        value: f64,
    },
    /// Stock candle failed.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
}

impl From<Error> for candle_core::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Candle(inner) => inner,
            other => candle_core::Error::wrap(other),
        }
    }
}
