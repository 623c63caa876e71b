//! The rows of the tables that go beyond the paper's own figures, all of them optional.

use super::error::Result;
use super::tables::{Record, Row};

/// Declares a row: its columns are its fields; those of kind `extra` may be absent.
macro_rules! row {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $kind:ident),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub(super) struct $name {
            $(pub(super) $field: row!(@type $kind),)*
        }

        impl Row for $name {
            const COLUMNS: &'static [&'static str] = row!(@columns [] $($field: $kind,)*);
            fn parse(r: &Record<'_>) -> Result<Self> {
                Ok(Self {
                    $($field: row!(@read r, $field, $kind),)*
                })
            }
        }
    };
    (@type text) => { String };
    (@type count) => { usize };
    (@type number) => { f64 };
    (@type optional) => { Option<f64> };
    (@type extra) => { Option<f64> };
    (@columns [$($done:expr,)*]) => { &[$($done,)*] };
    (@columns [$($done:expr,)*] $field:ident: extra, $($rest:tt)*) => {
        row!(@columns [$($done,)*] $($rest)*)
    };
    (@columns [$($done:expr,)*] $field:ident: $kind:ident, $($rest:tt)*) => {
        row!(@columns [$($done,)* stringify!($field),] $($rest)*)
    };
    (@read $r:ident, $field:ident, text) => { $r.text(stringify!($field)).to_owned() };
    (@read $r:ident, $field:ident, count) => { $r.count(stringify!($field))? };
    (@read $r:ident, $field:ident, number) => { $r.number(stringify!($field))? };
    (@read $r:ident, $field:ident, optional) => { $r.optional(stringify!($field))? };
    (@read $r:ident, $field:ident, extra) => { $r.optional(stringify!($field))? };
}

row! {
    /// A row of `tables/reference_fraction.csv`: share of tissue that a reference calls damaged.
    ReferenceFraction { source: text, treatment: text, n: count, mean: optional, sd: optional, ci_low: extra, ci_high: extra }
}
row! {
    /// A row of `tables/reference_by_scan.csv`.
    ReferenceScan { source: text, scan: text, treatment: text, damaged: optional, liquid_loss: extra }
}
row! {
    /// A row of `tables/liquid_loss_groups.csv`.
    LossGroup { treatment: text, n: count, mean: optional, sd: optional, ci_low: optional, ci_high: optional }
}
row! {
    /// A row of `tables/miou_and_rho.csv`.
    MiouAndRho { model: text, method: text, reference: text, miou: optional, rho: optional }
}
row! {
    /// A row of `tables/depth.csv`: mean heat by depth under the edge.
    Depth { model: text, method: text, depth_from: number, depth_to: number, mean: optional }
}
row! {
    /// A row of `tables/peaks.csv`: how far apart two methods point, as a share of the side of the image.
    Peak { model: text, left: text, right: text, n: count, peak_distance_share: optional }
}
row! {
    /// A row of `tables/truth_scores.csv`: maps against soft truth.
    TruthScore { model: text, method: text, treatment: text, n: count, auc: optional, fuzzy_iou: optional }
}
row! {
    /// A row of `tables/protocol_effects.csv`.
    ProtocolEffect { switch: text, from: text, quantity: text, model: text, method: text, base: optional, flipped: optional, difference: optional }
}
