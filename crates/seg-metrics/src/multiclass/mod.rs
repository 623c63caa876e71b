//! Two label maps -> the table of their classes, and its scores.

pub(crate) mod table;
