//! Progress of long explanations, and a way to stop them.

use std::sync::Arc;

/// How far a long step has come.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// What is being done, as `method at tap`.
    pub stage: String,
    /// Images sent through the network so far.
    pub done: usize,
    /// Images to send in all.
    pub total: usize,
}

/// Whether to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// Carry on.
    Continue,
    /// Stop with [`Error::Cancelled`](crate::Error::Cancelled).
    Stop,
}

/// Called after every chunk of a long step.
pub type Observer = Arc<dyn Fn(&Progress) -> Control + Send + Sync>;
