//! Two labellings of the same pixels -> how alike the two partitions are.

pub(crate) mod contingency;
