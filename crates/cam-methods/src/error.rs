//! What can go wrong while explaining a network.

use crate::Method;

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a network could not be explained.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The network itself failed.
    #[error("the network failed in its forward pass: {source}")]
    Model {
        /// What the network returned.
        source: candle_core::Error,
    },
    /// A tensor operation of this crate failed (out of memory, a device error).
    #[error("tensor operation failed: {0}")]
    Tensor(#[from] candle_core::Error),
    /// The images do not form a batch.
    #[error(
        "images must have the shape [batch, channel, height, width] with no empty axis, got {shape:?}"
    )]
    ImageShape {
        /// Shape that was given.
        shape: Vec<usize>,
    },
    /// The network never called the tap that was asked for.
    #[error("the network has no tap {tap:?}; it has {available:?}")]
    UnknownTap {
        /// Name that was asked for.
        tap: String,
        /// Names that the network called, in order.
        available: Vec<String>,
    },
    /// No tap was named and none of the network's taps is a spatial map.
    #[error("no tap was named and the network offers no spatial one; it has {available:?}")]
    NoSpatialTap {
        /// Names that the network called, in order.
        available: Vec<String>,
    },
    /// The network called one tap twice in a single pass.
    #[error(
        "the network called the tap {tap:?} more than once in one pass; give each call a name of its own"
    )]
    RepeatedTap {
        /// Name of the tap.
        tap: String,
    },
    /// A tapped activation is no spatial map of the batch.
    #[error(
        "the activation at tap {tap:?} must have the shape [{batch}, channel, height, width], got {shape:?} (tokens: reshape them to a grid before the tap and back after it)"
    )]
    TapShape {
        /// Name of the tap.
        tap: String,
        /// Number of images that went in.
        batch: usize,
        /// Shape that was found.
        shape: Vec<usize>,
    },
    /// The score does not depend on what the tap returned.
    #[error(
        "the score does not depend on tap {tap:?}: the network must continue with the tensor the tap returns, and not detach it"
    )]
    Disconnected {
        /// Name of the tap.
        tap: String,
    },
    /// A value is infinite or not a number.
    #[error("{what} at {place:?} holds {count} values that are not finite")]
    NonFinite {
        /// Which values: activations, gradients, scores, images.
        what: &'static str,
        /// Name of the tap, or of the stage where there is none.
        place: String,
        /// How many.
        count: usize,
    },
    /// There must be one target per image.
    #[error("{targets} targets for a batch of {batch} images: give one per image")]
    TargetCount {
        /// Number of targets given.
        targets: usize,
        /// Number of images in the batch.
        batch: usize,
    },
    /// A class index lies outside the network's output.
    #[error("class {class} does not exist: the network has {classes} outputs")]
    ClassOutOfRange {
        /// Class asked for.
        class: usize,
        /// Outputs the network has.
        classes: usize,
    },
    /// A target cannot read an output of this shape.
    #[error("the target {target} needs an output of the form {expected}, got {shape:?}")]
    OutputShape {
        /// What was to be explained.
        target: String,
        /// What the target can read.
        expected: &'static str,
        /// Shape the network returned.
        shape: Vec<usize>,
    },
    /// The network says that it is in training mode.
    #[error("the network is in training mode: its maps would depend on the batch or on chance")]
    TrainingMode,
    /// A method needs something that the network does not describe.
    #[error(
        "{method} needs {what}, which the network does not describe; wrap it in `Described` and add it"
    )]
    Missing {
        /// Method that was asked for.
        method: Method,
        /// What is missing.
        what: &'static str,
    },
    /// What the network describes does not fit its activations.
    #[error("{what} at tap {tap:?}: expected {expected}, got {got}")]
    DescriptionMismatch {
        /// Which description.
        what: &'static str,
        /// Name of the tap.
        tap: String,
        /// Size expected.
        expected: usize,
        /// Size found.
        got: usize,
    },
    /// The region to normalise over has the wrong shape, or there is none.
    #[error(
        "the region of interest must have the shape [{batch}, {height}, {width}] and hold at least one pixel per image; {problem}"
    )]
    Region {
        /// Images in the batch.
        batch: usize,
        /// Height of the images.
        height: usize,
        /// Width of the images.
        width: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// A rule returned a map of the wrong size.
    #[error("the rule {rule:?} returned {got} values for a layer of {expected} cells")]
    RuleShape {
        /// Name of the rule.
        rule: String,
        /// Cells of the layer.
        expected: usize,
        /// Values returned.
        got: usize,
    },
    /// A parameter lies outside its range.
    #[error("the parameter {name} must be {expected}, got {got}")]
    Parameter {
        /// Name of the parameter.
        name: &'static str,
        /// Range allowed.
        expected: &'static str,
        /// Value given.
        got: String,
    },
    /// A name is none of the canonical ones.
    #[error("unknown {kind} {name:?}; known: {known}")]
    UnknownName {
        /// What was being named.
        kind: &'static str,
        /// Name given.
        name: String,
        /// Names there are, separated by commas.
        known: String,
    },
    /// Two inputs differ in shape.
    #[error("{what}: shapes differ, {left:?} and {right:?}")]
    ShapeMismatch {
        /// What was being compared.
        what: &'static str,
        /// First shape.
        left: Vec<usize>,
        /// Second shape.
        right: Vec<usize>,
    },
    /// The observer asked to stop.
    #[error("stopped on request after {done} of {total} steps")]
    Cancelled {
        /// Steps done.
        done: usize,
        /// Steps there were.
        total: usize,
    },
}
