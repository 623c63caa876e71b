//! Tables shown column by column as their files hold them: the audit, the controls, the references, the protocol.

use std::path::Path;

use super::error::Result;
use super::names;
use super::sections::{PageTable, interval, short};
use super::study::{Study, same};
use super::tables::{Record, load_with};

/// One column of the page, made of one or two columns of the file.
struct Column {
    from: &'static [&'static str],
    name: &'static str,
    meaning: &'static str,
    show: Show,
}

/// How a cell is written.
#[derive(Clone, Copy)]
enum Show {
    /// As it stands.
    Text,
    /// A canonical name as people write it.
    Name(fn(&str) -> String),
    /// A whole number.
    Count,
    /// A number with so many decimals; a dash where it is undefined.
    Number(usize),
    /// A p-value.
    P,
    /// A number that may be as small as a difference of accuracies or as large as a χ².
    Free,
    /// Two numbers as an interval.
    Interval,
}

/// Which rows of a file are shown.
enum Rows {
    All,
    /// Those at the threshold of the main figures.
    Main,
    /// Those with one of these words in this column, at the threshold of the main figures.
    MainWhere(&'static str, &'static [&'static str]),
}

/// A table of the page.
struct Plan {
    id: &'static str,
    title: &'static str,
    file: &'static str,
    columns: &'static [Column],
    rows: Rows,
    note: &'static str,
    /// Left out without a word where the file is missing: not every run makes it.
    optional: bool,
}

const fn column(
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

const NETWORK: Column = column(
    &["model"],
    "Network",
    "the network as trained for this run",
    Show::Name(names::network),
);
const METHOD: Column = column(
    &["method"],
    "Method",
    "how the map was made",
    Show::Name(names::method),
);
const TREATMENT: Column = column(
    &["treatment"],
    "Treatment",
    "group of scans; overlaps are never pooled over groups",
    Show::Name(names::treatment),
);
const REFERENCE: Column = column(
    &["reference"],
    "Reference",
    "what the region is compared with",
    Show::Name(names::words),
);
const N: Column = column(&["n"], "n", "slices compared", Show::Count);
const UNDEFINED: Column = column(
    &["n_undefined"],
    "Undefined",
    "slices where both regions are empty, left out",
    Show::Count,
);
const EMPTY: Column = column(
    &["n_empty"],
    "Empty",
    "slices whose reference is empty",
    Show::Count,
);
const FULL: Column = column(
    &["n_full"],
    "Full",
    "slices whose reference is all of the tissue",
    Show::Count,
);
const MIOU: Column = column(&["miou"], "mIoU", "mean over slices", Show::Number(2));
const SD: Column = column(
    &["sd"],
    "SD",
    "standard deviation over slices",
    Show::Number(2),
);
const COVERAGE: Column = column(
    &["coverage"],
    "Coverage",
    "mean share of the tissue marked",
    Show::Number(2),
);
const REFERENCE_COVERAGE: Column = column(
    &["reference_coverage"],
    "Reference",
    "mean share of the tissue in the reference",
    Show::Number(2),
);
const CHANCE: Column = column(
    &["expected"],
    "Chance",
    "mean IoU expected of unrelated regions of these sizes",
    Show::Number(2),
);
const CORRECTED: Column = column(
    &["corrected"],
    "Corrected",
    "IoU above chance, as a share of what chance leaves: 0 is chance, 1 is identity",
    Show::Number(2),
);
const FILLETS: Column = column(
    &["fillet_mean"],
    "By fillet",
    "mean of the means of each fillet",
    Show::Number(2),
);
const BY_FISH: Column = column(
    &["ci_low", "ci_high"],
    "Interval",
    "of the mean by fillet, from resampling whole fish",
    Show::Interval,
);

const PLANS: [Plan; 15] = [
    Plan {
        id: "leakage",
        title: "Leakage audit of the split",
        file: "tables/leakage.csv",
        columns: &[
            column(&["fold"], "Fold", "which division of the data", Show::Text),
            column(
                &["left"],
                "Side",
                "the side that informs",
                Show::Name(names::split),
            ),
            column(
                &["right"],
                "Other side",
                "the side that should be unseen",
                Show::Name(names::split),
            ),
            column(
                &["right_items"],
                "Slices",
                "slices of the other side",
                Show::Count,
            ),
            column(
                &["shared_fish"],
                "Fish",
                "animals on both sides",
                Show::Count,
            ),
            column(
                &["shared_fillets"],
                "Fillets",
                "fillets on both sides",
                Show::Count,
            ),
            column(
                &["shared_scans"],
                "Scans",
                "scans on both sides",
                Show::Count,
            ),
            column(
                &["exact_duplicates"],
                "Duplicates",
                "slices of the other side that are on this side too, pixel by pixel",
                Show::Count,
            ),
            column(
                &["altered_copies"],
                "Altered copies",
                "slices of the other side of which this side has a changed copy",
                Show::Count,
            ),
            column(
                &["neighbouring_slices"],
                "Neighbours",
                "slices of the other side whose neighbour in the same scan is on this side",
                Show::Count,
            ),
        ],
        rows: Rows::All,
        note: "Every count after the slices should be 0; what is not is information about the other side that training had.",
        optional: false,
    },
    Plan {
        id: "overlap-chance",
        title: "Overlap with coverage and chance level, at the main threshold",
        file: "tables/miou.csv",
        columns: &[
            NETWORK,
            METHOD,
            TREATMENT,
            REFERENCE,
            N,
            UNDEFINED,
            EMPTY,
            FULL,
            MIOU,
            SD,
            COVERAGE,
            REFERENCE_COVERAGE,
            CHANCE,
            CORRECTED,
            FILLETS,
            BY_FISH,
        ],
        rows: Rows::MainWhere("reference", &["supervised", "truth"]),
        note: "Published form: mean and standard deviation over slices. Recommended form: corrected for chance, by fillet, with an interval by fish. The file also holds the annotators; the same of networks never trained is in tables/random_weights.csv.",
        optional: true,
    },
    Plan {
        id: "controls",
        title: "Controls: regions marked without any network",
        file: "tables/controls.csv",
        columns: &[
            column(
                &["method"],
                "Control",
                "whole tissue; depth under the edge; brightness; a random map; the truth itself; the truth moved along the tissue",
                Show::Name(names::words),
            ),
            TREATMENT,
            REFERENCE,
            N,
            MIOU,
            COVERAGE,
            REFERENCE_COVERAGE,
            CHANCE,
            CORRECTED,
            BY_FISH,
        ],
        rows: Rows::All,
        note: "A network that does no better than these has found nothing that they have not. All thresholds: tables/control_curves.csv.",
        optional: true,
    },
    Plan {
        id: "ceilings",
        title: "Self-check of the scores",
        file: "tables/ceilings.csv",
        columns: &[
            column(
                &["control"],
                "Map",
                "what is fed in as a map",
                Show::Name(names::words),
            ),
            TREATMENT,
            REFERENCE,
            column(&["quantity"], "Score", "what is measured", Show::Text),
            column(&["value"], "Value", "what came out", Show::Number(3)),
            column(
                &["expected"],
                "Expected",
                "what must come out",
                Show::Number(1),
            ),
            column(&["holds"], "Holds", "whether it does", Show::Text),
        ],
        rows: Rows::All,
        note: "The truth fed in as a map must reach every ceiling, and the truth moved along the tissue must stay at chance.",
        optional: true,
    },
    Plan {
        id: "truth-scores",
        title: "Maps against the soft truth, without a threshold",
        file: "tables/truth_scores.csv",
        columns: &[
            column(
                &["model"],
                "Network",
                "the network as trained for this run, or a control",
                Show::Name(names::network),
            ),
            METHOD,
            TREATMENT,
            N,
            column(
                &["auc"],
                "AUC",
                "chance that a damaged pixel has a higher value than another; 0.5 is chance",
                Show::Number(2),
            ),
            column(
                &["average_precision"],
                "AP",
                "average precision; chance is the share of damaged tissue",
                Show::Number(2),
            ),
            column(
                &["fuzzy_iou"],
                "Fuzzy IoU",
                "sum of the smaller over sum of the larger of map and truth",
                Show::Number(2),
            ),
            column(
                &["pearson"],
                "r",
                "correlation of map and truth over the tissue",
                Show::Number(2),
            ),
        ],
        rows: Rows::All,
        note: "",
        optional: true,
    },
    Plan {
        id: "false-damage",
        title: "Negative control: what is marked in slices of the other class",
        file: "tables/damaged_fraction.csv",
        columns: &[
            NETWORK,
            METHOD,
            N,
            UNDEFINED,
            column(
                &["mean"],
                "Marked",
                "mean share of the tissue marked, each map scaled inside its own slice",
                Show::Number(2),
            ),
            SD,
        ],
        rows: Rows::MainWhere("group", &["other class"]),
        note: "These slices have no damage to mark. On one scale for all maps of a network, method and fold: tables/damaged_fraction_common.csv.",
        optional: true,
    },
    Plan {
        id: "supervised",
        title: "Supervised reference, annotators and truth",
        file: "tables/supervised.csv",
        columns: &[
            column(&["left"], "Map", "one map", Show::Name(names::words)),
            column(
                &["right"],
                "With",
                "the other map",
                Show::Name(names::words),
            ),
            TREATMENT,
            N,
            UNDEFINED,
            MIOU,
            SD,
            column(
                &["coverage_left", "coverage_right"],
                "Coverage",
                "mean share of the tissue in one and in the other",
                Show::Interval,
            ),
            CHANCE,
            CORRECTED,
        ],
        rows: Rows::All,
        note: "The overlap of the two annotators is the most that a map taught by one of them can be asked for.",
        optional: true,
    },
    Plan {
        id: "supervised-smoothing",
        title: "Smoothing of the supervised map",
        file: "tables/supervised_smoothing.csv",
        columns: &[
            column(
                &["kernel"],
                "Side",
                "side of the majority filter, in pixels",
                Show::Count,
            ),
            column(&["n"], "n", "overlaps averaged", Show::Count),
            column(
                &["miou"],
                "mIoU",
                "mean overlap with all maps, by which the released code picked the side",
                Show::Number(3),
            ),
            column(&["used"], "Used", "whether this run uses it", Show::Text),
        ],
        rows: Rows::All,
        note: "",
        optional: true,
    },
    Plan {
        id: "noise-floor",
        title: "Noise floor: agreement between seeds of one network",
        file: "tables/noise_floor.csv",
        columns: &[
            NETWORK,
            METHOD,
            column(&["n"], "n", "slices with a defined value", Show::Count),
            column(
                &["median"],
                "Median",
                "median agreement φ over slices",
                Show::Number(2),
            ),
            column(
                &["q1", "q3"],
                "Quartiles",
                "lower to upper quartile",
                Show::Interval,
            ),
            COVERAGE,
            CHANCE,
            CORRECTED,
        ],
        rows: Rows::Main,
        note: "Two trainings that differ in nothing but their seed agree no better than this; a difference between networks or methods that is smaller says nothing.",
        optional: false,
    },
    Plan {
        id: "posthoc",
        title: "Which pairs differ, after the tests over all",
        file: "tables/posthoc.csv",
        columns: &[
            column(
                &["question"],
                "Question",
                "what is asked",
                Show::Name(names::capital),
            ),
            column(&["test"], "Test", "the test used", Show::Text),
            column(&["left"], "One", "one side", Show::Name(either)),
            column(&["right"], "Other", "the other side", Show::Name(either)),
            column(
                &["difference"],
                "Difference",
                "of mean ranks, one less the other",
                Show::Number(2),
            ),
            column(
                &["p_adjusted"],
                "p",
                "adjusted for all pairs of the question",
                Show::P,
            ),
        ],
        rows: Rows::All,
        note: "",
        optional: true,
    },
    Plan {
        id: "loss-reference",
        title: "Liquid loss against truth and references",
        file: "tables/liquid_loss_reference.csv",
        columns: &[
            column(
                &["source"],
                "Share of",
                "whose share of damaged tissue",
                Show::Name(names::words),
            ),
            column(&["n"], "n", "fillets", Show::Count),
            column(
                &["rho"],
                "ρ",
                "Spearman’s rank correlation",
                Show::Number(2),
            ),
            column(&["p"], "p", "p-value of ρ = 0", Show::P),
            column(
                &["ci_low", "ci_high"],
                "Interval",
                "confidence interval of ρ",
                Show::Interval,
            ),
            column(&["pearson"], "r", "Pearson’s correlation", Show::Number(2)),
            column(
                &["within"],
                "Within",
                "rank correlation within treatments",
                Show::Number(2),
            ),
            column(
                &["within_p"],
                "p within",
                "p-value of the correlation within treatments",
                Show::P,
            ),
        ],
        rows: Rows::All,
        note: "How far liquid loss can be followed at all: no map need do better than the truth.",
        optional: true,
    },
    Plan {
        id: "loss-by-treatment",
        title: "Liquid loss within each treatment",
        file: "tables/liquid_loss_by_treatment.csv",
        columns: &[
            NETWORK,
            METHOD,
            TREATMENT,
            column(&["n"], "n", "fillets", Show::Count),
            column(
                &["rho"],
                "ρ",
                "Spearman’s rank correlation at the main threshold",
                Show::Number(2),
            ),
        ],
        rows: Rows::All,
        note: "Where treatments differ in both quantities, a correlation over all of them may only show that.",
        optional: true,
    },
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

/// A network or a method.
fn either(name: &str) -> String {
    let method = names::method(name);
    if method == names::words(name) {
        names::network(name)
    } else {
        method
    }
}

/// Every table of the list that this run has, in order.
///
/// # Errors
///
/// As [`load_with`].
pub(super) fn tables(out: &Path, study: &Study<'_>) -> Result<Vec<PageTable>> {
    let mut tables = Vec::new();
    for plan in &PLANS {
        let needed: Vec<&str> = plan
            .columns
            .iter()
            .flat_map(|c| c.from.iter().copied())
            .collect();
        let loaded = load_with(out, plan.file, &needed, |record| {
            if !wanted(&plan.rows, record, study)? {
                return Ok(None);
            }
            let cells = plan.columns.iter().map(|c| cell(c, record));
            cells.collect::<Result<Vec<String>>>().map(Some)
        })?;
        let rows: Vec<Vec<String>> = loaded.rows().iter().flatten().cloned().collect();
        if rows.is_empty() && plan.optional {
            continue;
        }
        let columns: Vec<(&str, &str, bool)> = plan
            .columns
            .iter()
            .map(|c| {
                let words = matches!(c.show, Show::Text | Show::Name(_));
                (c.name, c.meaning, !words)
            })
            .collect();
        let mut table = PageTable::new(plan.id, plan.title.to_owned(), plan.file, &columns);
        table.note = plan.note.to_owned();
        tables.push(table.filled(&loaded, rows));
    }
    Ok(tables)
}

fn wanted(rows: &Rows, record: &Record<'_>, study: &Study<'_>) -> Result<bool> {
    let main = || {
        Ok(record
            .optional("threshold")?
            .is_some_and(|t| same(t, study.facts.threshold)))
    };
    match rows {
        Rows::All => Ok(true),
        Rows::Main => main(),
        Rows::MainWhere(column, words) => Ok(words.contains(&record.text(column)) && main()?),
    }
}

fn cell(column: &Column, record: &Record<'_>) -> Result<String> {
    let first = column.from.first().copied().unwrap_or_default();
    let text = record.text(first);
    Ok(match column.show {
        Show::Text | Show::Name(_) if text.is_empty() => "–".to_owned(),
        Show::Text => text.to_owned(),
        Show::Name(show) => show(text),
        Show::Count if text.is_empty() => "–".to_owned(),
        Show::Count => record.count(first)?.to_string(),
        Show::Number(decimals) => record
            .optional(first)?
            .map_or_else(|| "–".to_owned(), |v| names::fixed(v, decimals)),
        Show::P => names::p_value(record.optional(first)?),
        Show::Free => record
            .optional(first)?
            .map_or_else(|| "–".to_owned(), |v| short(&v.to_string())),
        Show::Interval => {
            let last = column.from.last().copied().unwrap_or_default();
            interval(record.optional(first)?, record.optional(last)?, 2)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_their_own_and_every_column_says_what_it_means() {
        let mut ids: Vec<&str> = PLANS.iter().map(|p| p.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), PLANS.len());
        for plan in &PLANS {
            for column in plan.columns {
                assert!(
                    !column.meaning.is_empty() && !column.from.is_empty(),
                    "{} {}",
                    plan.id,
                    column.name
                );
            }
        }
    }

    #[test]
    fn networks_and_methods_are_told_apart() {
        assert_eq!(either("grad_cam"), "Grad-CAM");
        assert_eq!(either("resnet50"), "ResNet50");
        assert_eq!(either("minus_5"), "Minus 5");
    }
}
