//! Columns that several tables share.

use super::{Column, Show};
use crate::report::names;

pub(super) const fn column(
    from: &'static [&'static str],
    name: &'static str,
    meaning: &'static str,
    show: Show,
) -> Column {
    Column {
        from,
        name,
        meaning,
        show,
    }
}

pub(super) const NETWORK: Column = column(
    &["model"],
    "Network",
    "the network as trained for this run",
    Show::Name(names::network),
);
pub(super) const METHOD: Column = column(
    &["method"],
    "Method",
    "how the map was made",
    Show::Name(names::method),
);
pub(super) const TREATMENT: Column = column(
    &["treatment"],
    "Treatment",
    "group of scans; overlaps are never pooled over groups",
    Show::Name(names::treatment),
);
pub(super) const REFERENCE: Column = column(
    &["reference"],
    "Reference",
    "what the region is compared with",
    Show::Name(names::words),
);
pub(super) const N: Column = column(&["n"], "n", "slices compared", Show::Count);
pub(super) const UNDEFINED: Column = column(
    &["n_undefined"],
    "Undefined",
    "slices where both regions are empty, left out",
    Show::Count,
);
pub(super) const EMPTY: Column = column(
    &["n_empty"],
    "Empty",
    "slices whose reference is empty",
    Show::Count,
);
pub(super) const FULL: Column = column(
    &["n_full"],
    "Full",
    "slices whose reference is all of the tissue",
    Show::Count,
);
pub(super) const MIOU: Column = column(&["miou"], "mIoU", "mean over slices", Show::Number(2));
pub(super) const SD: Column = column(
    &["sd"],
    "SD",
    "standard deviation over slices",
    Show::Number(2),
);
pub(super) const COVERAGE: Column = column(
    &["coverage"],
    "Coverage",
    "mean share of the tissue marked",
    Show::Number(2),
);
pub(super) const REFERENCE_COVERAGE: Column = column(
    &["reference_coverage"],
    "Reference",
    "mean share of the tissue in the reference",
    Show::Number(2),
);
pub(super) const CHANCE: Column = column(
    &["expected"],
    "Chance",
    "mean IoU expected of unrelated regions of these sizes",
    Show::Number(2),
);
pub(super) const CORRECTED: Column = column(
    &["corrected"],
    "Corrected",
    "IoU above chance, as a share of what chance leaves: 0 is chance, 1 is identity",
    Show::Number(2),
);
pub(super) const FILLETS: Column = column(
    &["fillet_mean"],
    "By fillet",
    "mean of the means of each fillet",
    Show::Number(2),
);
pub(super) const BY_FISH: Column = column(
    &["ci_low", "ci_high"],
    "Interval",
    "of the mean by fillet, from resampling whole fish",
    Show::Interval,
);

/// A network or a method.
pub(super) fn either(name: &str) -> String {
    let method = names::method(name);
    if method == names::words(name) {
        names::network(name)
    } else {
        method
    }
}
