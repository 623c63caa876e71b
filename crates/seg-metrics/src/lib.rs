//! Overlap, agreement, boundary, soft and threshold-free scores for masks and heatmaps.
#![forbid(unsafe_code)]
