//! Typed rows -> the tables of the page, with the meaning of every column.

use serde::Serialize;

use super::caveats;
use super::fig_miou::of_reference;
use super::names::{self, fixed, p_value, two};
use super::rows::{Agreement, TestRow};
use super::study::Study;
use super::tables::Loaded;

/// A column of a table on the page.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) meaning: String,
    pub(super) numeric: bool,
}

/// A table on the page.
#[derive(Debug, Clone, Serialize)]
pub(super) struct PageTable {
    pub(super) id: String,
    pub(super) title: String,
    /// Where the full table is, below the output folder.
    pub(super) file: String,
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Vec<String>>,
    /// Why there is no table.
    pub(super) missing: Option<String>,
    pub(super) note: String,
    /// Whether the page folds it up, being long.
    pub(super) folded: bool,
}

impl PageTable {
    pub(super) fn new(id: &str, title: String, file: &str, columns: &[(&str, &str, bool)]) -> Self {
        Self {
            id: id.to_owned(),
            title,
            file: file.to_owned(),
            columns: columns
                .iter()
                .map(|(name, meaning, numeric)| Column {
                    name: (*name).to_owned(),
                    meaning: (*meaning).to_owned(),
                    numeric: *numeric,
                })
                .collect(),
            rows: Vec::new(),
            missing: None,
            note: String::new(),
            folded: false,
        }
    }

    pub(super) fn filled<T>(mut self, table: &Loaded<T>, rows: Vec<Vec<String>>) -> Self {
        self.missing = match table {
            Loaded::Missing(why) => Some(why.clone()),
            Loaded::Rows(_) if rows.is_empty() => {
                Some("The table has no row at the threshold shown here.".to_owned())
            }
            Loaded::Rows(_) => None,
        };
        self.folded = rows.len() > LONG;
        self.rows = rows;
        self
    }
}

/// All tables of the page, in order.
pub(super) fn tables(study: &Study<'_>) -> Vec<PageTable> {
    vec![
        table_1(study),
        classification(study),
        overlap(study),
        liquid_loss(study),
        agreement(
            study,
            "agreement-methods",
            "methods",
            &study.across_methods,
            names::network,
        ),
        agreement(
            study,
            "agreement-networks",
            "networks",
            &study.across_networks,
            names::method,
        ),
        tests(study),
    ]
}

/// Tables with more rows than this are folded up.
const LONG: usize = 14;

pub(super) fn interval(low: Option<f64>, high: Option<f64>, decimals: usize) -> String {
    match (low, high) {
        (Some(low), Some(high)) => {
            format!("{} to {}", fixed(low, decimals), fixed(high, decimals))
        }
        _ => "–".to_owned(),
    }
}

/// Accuracy in the layout of the paper's Table 1.
fn table_1(study: &Study<'_>) -> PageTable {
    let rows = study.classification.rows();
    let mut lines = Vec::new();
    for network in study.networks(rows.iter().map(|r| r.model.as_str())) {
        let mut seeds: Vec<&str> = Vec::new();
        for row in rows.iter().filter(|r| r.model == network) {
            if !seeds.contains(&row.seed.as_str()) {
                seeds.push(&row.seed);
            }
        }
        for seed in seeds {
            let of = |split: &str| {
                rows.iter()
                    .find(|r| r.model == network && r.seed == seed && r.split == split)
            };
            let part = |split: &str| {
                of(split).map_or_else(
                    || "–".to_owned(),
                    |r| {
                        let wald = r.wald.map(|w| format!(" (±{})", fixed(w, 2)));
                        format!("{}{}", two(r.accuracy), wald.unwrap_or_default())
                    },
                )
            };
            let epochs = of("train").and_then(|r| r.epochs).map_or_else(
                || "–".to_owned(),
                |(low, high)| match (names::trimmed(low), names::trimmed(high)) {
                    (low, high) if low == high => low,
                    (low, high) => format!("{low} to {high}"),
                },
            );
            let test = of("test");
            lines.push(vec![
                names::network(&network),
                seed.to_owned(),
                epochs,
                part("train"),
                part("validation"),
                part("test"),
                interval(test.and_then(|r| r.ci_low), test.and_then(|r| r.ci_high), 2),
            ]);
        }
    }
    let mut table = PageTable::new(
        "table-1",
        "Accuracy in the layout of the paper’s Table 1".to_owned(),
        "tables/classification.csv",
        &[
            ("Network", "the network as trained for this run", false),
            ("Seed", "seed of the training run", true),
            ("Epochs", "epochs run, over the folds", true),
            (
                "Training",
                "accuracy, with the half-width of the published form of interval (Wald, slices as units)",
                true,
            ),
            ("Validation", "the same on validation data", true),
            ("Test", "the same on data held out", true),
            (
                "Test, recommended",
                "interval of the test accuracy with the animal as unit",
                true,
            ),
        ],
    );
    table.note = "The paper’s own Table 1 is in published/table-1.csv.".to_owned();
    table.filled(&study.classification, lines)
}

fn classification(study: &Study<'_>) -> PageTable {
    let rows = study
        .classification
        .rows()
        .iter()
        .map(|r| {
            vec![
                names::network(&r.model),
                r.seed.clone(),
                names::split(&r.split),
                r.n.to_string(),
                r.correct.to_string(),
                r.accuracy.map_or_else(|| "–".to_owned(), |a| fixed(a, 3)),
                interval(r.ci_low, r.ci_high, 3),
            ]
        })
        .collect();
    PageTable::new(
        "classification",
        "Classification accuracy".to_owned(),
        "tables/classification.csv",
        &[
            ("Network", "the network as trained for this run", false),
            ("Seed", "seed of the training run", true),
            (
                "Split",
                "part of the data the accuracy is measured on",
                false,
            ),
            ("n", "slices classified", true),
            ("Correct", "slices classified correctly", true),
            ("Accuracy", "correct / n", true),
            (
                "Interval",
                "confidence interval of the accuracy, with the animal as unit",
                true,
            ),
        ],
    )
    .filled(&study.classification, rows)
}

fn overlap(study: &Study<'_>) -> PageTable {
    let rows = of_reference(study, study.miou.rows());
    let reference = rows.first().map_or_else(
        || "the reference".to_owned(),
        |r| names::reference(&r.reference, study.facts.synthetic),
    );
    let treatments = study.treatments(rows.iter().map(|r| r.treatment.as_str()));
    let networks = study.networks(rows.iter().map(|r| r.model.as_str()));
    let methods = study.methods(rows.iter().map(|r| r.method.as_str()));
    let mut lines = Vec::new();
    for network in &networks {
        for method in &methods {
            let mut line = vec![names::network(network), names::method(method)];
            let mut any = false;
            for treatment in &treatments {
                let row = rows.iter().find(|r| {
                    r.model == *network
                        && r.method == *method
                        && r.treatment == *treatment
                        && study.is_headline(r.threshold)
                });
                any |= row.is_some();
                line.push(row.map_or_else(
                    || "–".to_owned(),
                    |r| {
                        let sd =
                            r.sd.map(|s| format!(" ± {}", fixed(s, 2)))
                                .unwrap_or_default();
                        let gone = match r.n_undefined {
                            0 => String::new(),
                            n => format!(", {n} undefined"),
                        };
                        format!("{}{sd} ({}{gone})", two(r.miou), r.n)
                    },
                ));
            }
            if any {
                lines.push(line);
            }
        }
    }
    let mut table = PageTable::new(
        "overlap",
        format!(
            "Overlap with {reference} at t\u{a0}=\u{a0}{}",
            study.threshold()
        ),
        "tables/miou.csv",
        &[
            ("Network", "the network as trained for this run", false),
            ("Method", "how the map was made", false),
        ],
    );
    let meaning = "mIoU ± standard deviation over what was compared (number compared; undefined where both regions are empty)";
    table.columns.extend(treatments.iter().map(|t| Column {
        name: names::treatment(t),
        meaning: meaning.to_owned(),
        numeric: true,
    }));
    table.note = format!(
        "The file also holds the other thresholds{}.",
        if rows.len() < study.miou.rows().len() {
            " and references"
        } else {
            ""
        }
    );
    table.filled(&study.miou, lines)
}

fn liquid_loss(study: &Study<'_>) -> PageTable {
    let table = &study.liquid_loss;
    let networks = study.networks(table.rows().iter().map(|r| r.model.as_str()));
    let methods = study.methods(table.rows().iter().map(|r| r.method.as_str()));
    let mut rows = Vec::new();
    for network in &networks {
        for method in &methods {
            rows.extend(
                table
                    .rows()
                    .iter()
                    .filter(|r| {
                        r.model == *network && r.method == *method && study.is_headline(r.threshold)
                    })
                    .map(|r| {
                        vec![
                            names::network(network),
                            names::method(method),
                            r.n.to_string(),
                            two(r.rho),
                            p_value(r.p),
                            interval(r.ci_low, r.ci_high, 2),
                            two(r.pearson),
                            p_value(r.corrected_p),
                            interval(r.cluster_low, r.cluster_high, 2),
                            two(r.within),
                        ]
                    }),
            );
        }
    }
    let mut page = PageTable::new(
        "liquid-loss",
        format!(
            "Marked share against liquid loss at t\u{a0}=\u{a0}{}",
            study.threshold()
        ),
        "tables/liquid_loss.csv",
        &[
            ("Network", "the network as trained for this run", false),
            ("Method", "how the map was made", false),
            ("n", "fillets (or what the file takes as unit)", true),
            ("ρ", "Spearman’s rank correlation, −1 to 1", true),
            (
                "p, published form",
                "p-value of ρ = 0 for this cell alone, with the fillet as unit",
                true,
            ),
            (
                "Interval",
                "confidence interval of ρ, with the fillet as unit",
                true,
            ),
            ("r", "Pearson’s correlation, −1 to 1", true),
            (
                "p, recommended",
                "p-value corrected for all networks and methods at this threshold: max-T over permutations of whole fish, or Holm where that is not defined",
                true,
            ),
            (
                "Interval, recommended",
                "interval of ρ from resampling whole fish",
                true,
            ),
            (
                "Within",
                "rank correlation within treatments, which differences between treatments cannot make",
                true,
            ),
        ],
    );
    page.note = "The file also holds the other thresholds.".to_owned();
    page.filled(table, rows)
}

fn agreement(
    study: &Study<'_>,
    id: &str,
    across: &str,
    table: &Loaded<Agreement>,
    show: fn(&str) -> String,
) -> PageTable {
    let keys = table.rows().iter().map(|r| r.key.as_str());
    let keys = if across == "methods" {
        study.networks(keys)
    } else {
        study.methods(keys)
    };
    let rows = keys
        .iter()
        .filter_map(|key| {
            table
                .rows()
                .iter()
                .find(|r| r.key == *key && study.is_headline(r.threshold))
        })
        .map(|r| {
            vec![
                show(&r.key),
                r.n.to_string(),
                r.n_undefined.to_string(),
                two(r.median),
                interval(r.q1, r.q3, 2),
                two(r.mean),
                two(r.coverage),
                two(r.expected),
                two(r.corrected),
            ]
        })
        .collect();
    let first = if across == "methods" {
        ("Network", "held fixed while the methods vary", false)
    } else {
        ("Method", "held fixed while the networks vary", false)
    };
    let mut page = PageTable::new(
        id,
        format!(
            "Agreement across {across} at t\u{a0}=\u{a0}{}",
            study.threshold()
        ),
        &format!("tables/agreement_{across}.csv"),
        &[
            first,
            ("n", "slices with a defined value", true),
            (
                "Undefined",
                "slices without: every pair of regions is empty",
                true,
            ),
            ("Median", "median agreement φ over slices", true),
            ("Quartiles", "lower to upper quartile", true),
            ("Mean", "mean agreement φ over slices", true),
            ("Coverage", "mean share of the tissue marked", true),
            (
                "Chance",
                "mean agreement expected of unrelated regions of these sizes",
                true,
            ),
            (
                "Corrected",
                "agreement above chance, as a share of what chance leaves: 0 is chance, 1 is identity",
                true,
            ),
        ],
    );
    page.note = "The file also holds the other thresholds.".to_owned();
    page.filled(table, rows)
}

fn tests(study: &Study<'_>) -> PageTable {
    let rows = study
        .tests
        .rows()
        .iter()
        .map(|r: &TestRow| {
            vec![
                names::capital(&r.question),
                names::words(&r.form),
                names::test(&r.test),
                names::words(&r.unit),
                r.n.clone(),
                r.statistic.map_or_else(
                    || "–".to_owned(),
                    |s| fixed(s, if s.abs() < 10.0 { 3 } else { 1 }),
                ),
                short(&r.df),
                p_value(r.p),
                short(&r.effect),
                caveats::split(&r.caveats).join(", "),
            ]
        })
        .collect();
    PageTable::new(
        "tests",
        "Tests".to_owned(),
        "tables/tests.csv",
        &[
            ("Question", "what is asked", false),
            ("Form", "as published, or as recommended", false),
            ("Test", "the test used", false),
            ("Unit", "what counts as one observation", false),
            ("n", "observations", true),
            ("Statistic", "the test’s statistic", true),
            ("df", "degrees of freedom", true),
            ("p", "p-value", true),
            (
                "Effect",
                "effect size, or why the test is not defined",
                false,
            ),
            ("Caveats", "codes explained below the table", false),
        ],
    )
    .filled(&study.tests, rows)
}

/// A number shortened to four significant places; other text as it is.
pub(super) fn short(text: &str) -> String {
    match text.parse::<f64>() {
        Ok(v) if v.is_finite() && text.contains('.') => {
            if v.abs() >= 100.0 {
                fixed(v, 1)
            } else {
                names::trimmed((v * 1000.0).round() / 1000.0)
            }
        }
        _ if text.is_empty() => "–".to_owned(),
        _ => text.to_owned(),
    }
}
