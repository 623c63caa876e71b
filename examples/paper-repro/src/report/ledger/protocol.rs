//! The protocol, what it settles and what it changes.

use super::columns::*;
use super::{Plan, Rows, Show};
use crate::report::names;

pub(super) static PLANS: [Plan; 3] = [
    Plan {
        id: "protocol",
        title: "Protocol of this run, row by row",
        file: "tables/protocol.csv",
        columns: &[
            column(
                &["switch"],
                "Switch",
                "name in the configuration",
                Show::Text,
            ),
            column(
                &["used"],
                "This run",
                "what was done here",
                Show::Name(names::words),
            ),
            column(
                &["published"],
                "The paper’s text",
                "protocol `published`",
                Show::Name(names::words),
            ),
            column(
                &["released"],
                "Its code",
                "protocol `released`",
                Show::Name(names::words),
            ),
            column(
                &["rigorous"],
                "Good practice",
                "protocol `rigorous`",
                Show::Name(names::words),
            ),
        ],
        rows: Rows::All,
        note: "",
        optional: true,
    },
    Plan {
        id: "disagreements",
        title: "Where the paper’s text and its code disagree",
        file: "tables/disagreements.csv",
        columns: &[
            column(
                &["id"],
                "What",
                "name of the disagreement",
                Show::Name(names::words),
            ),
            column(&["paper"], "The text says", "in the paper", Show::Text),
            column(
                &["code"],
                "The code does",
                "in the released programs",
                Show::Text,
            ),
            column(
                &["switch"],
                "Switch",
                "row of the protocol that holds the choice; none where nothing depends on it",
                Show::Text,
            ),
        ],
        rows: Rows::All,
        note: "",
        optional: true,
    },
    Plan {
        id: "protocol-effects",
        title: "What each row of the protocol changes",
        file: "tables/protocol_summary.csv",
        columns: &[
            column(
                &["from"],
                "From",
                "protocol that the row was turned in",
                Show::Name(names::words),
            ),
            column(&["switch"], "Switch", "the row turned, alone", Show::Text),
            column(
                &["value_from"],
                "Was",
                "its value there",
                Show::Name(names::words),
            ),
            column(
                &["value_to"],
                "Became",
                "its value when turned",
                Show::Name(names::words),
            ),
            column(
                &["quantity"],
                "Number",
                "what was compared",
                Show::Name(names::words),
            ),
            column(&["n"], "n", "networks and methods compared", Show::Count),
            column(&["base_mean"], "Before", "mean before", Show::Free),
            column(&["flipped_mean"], "After", "mean after", Show::Free),
            column(
                &["mean_absolute_difference"],
                "Mean change",
                "mean of the absolute differences of single networks and methods",
                Show::Free,
            ),
            column(
                &["largest_absolute_difference"],
                "Largest",
                "largest absolute difference",
                Show::Free,
            ),
        ],
        rows: Rows::All,
        note: "Number by number: tables/protocol_effects.csv.",
        optional: true,
    },
];
