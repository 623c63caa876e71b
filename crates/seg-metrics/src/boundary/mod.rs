//! Two masks -> distances between their outlines, and scores of the outlines alone.

pub(crate) mod band;
pub(crate) mod contour;
pub(crate) mod empty;
pub(crate) mod f1;
pub(crate) mod grid;
pub(crate) mod iou;
pub(crate) mod pixel;
pub(crate) mod surfel;
pub(crate) mod surfel_area;
pub(crate) mod transform;
