//! What the paper says: its numbers with their place, and its claims.
//!
//! The tables lie in `published/` beside this crate's manifest and are copied into the output
//! folder as they are. They are quoted, never mixed with what a run computes: a number measured on
//! cod is not to be set against one from a phantom.

use serde::Deserialize;

/// Name and content of every table that the report writes to `OUT/published/`.
pub const TABLES: [(&str, &str); 7] = [
    ("table-1.csv", include_str!("../published/table-1.csv")),
    ("figure-3.csv", include_str!("../published/figure-3.csv")),
    ("figure-4.csv", include_str!("../published/figure-4.csv")),
    ("figure-5.csv", include_str!("../published/figure-5.csv")),
    ("tests.csv", include_str!("../published/tests.csv")),
    ("claims.csv", CLAIMS),
    ("disagreements.csv", DISAGREEMENTS),
];

/// Where the paper's text and its released code disagree: id, what each says, and the switch that holds the choice.
pub const DISAGREEMENTS: &str = include_str!("../published/disagreements.csv");

const CLAIMS: &str = include_str!("../published/claims.csv");

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AskedBy {
    /// The paper claims it.
    Paper,
    /// A question of this project.
    Ours,
}

/// Whether a phantom could show anything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// The phantom is made so that it holds; seeing it reproduces nothing.
    BuiltIn,
    /// Nothing in the phantom decides it.
    Emergent,
}

impl Standing {
    /// The word used in tables.
    pub fn code(self) -> &'static str {
        match self {
            Self::BuiltIn => "built_in",
            Self::Emergent => "emergent",
        }
    }
}

/// One claim of the paper, or one question of ours, put as a statement.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// `H1` to `H23`.
    pub id: String,
    /// Who asks.
    pub asked_by: AskedBy,
    /// The statement.
    pub claim: String,
    /// What the paper gives for it; empty for our own questions.
    pub published: String,
    /// Where in the paper.
    pub place: String,
    /// Its standing on a phantom.
    pub standing: Standing,
    /// Why it has that standing, or what deciding it takes.
    pub why: String,
}

/// All claims, in order.
///
/// # Errors
///
/// An error of the `csv` crate if the table that was compiled in is malformed; a test rules that out.
///
/// # Examples
///
/// ```
/// let claims = paper_repro::published::claims()?;
/// assert_eq!(claims.len(), 24);
/// assert!(claims.iter().any(|claim| claim.id == "H1′"));
/// # Ok::<(), csv::Error>(())
/// ```
pub fn claims() -> Result<Vec<Claim>, csv::Error> {
    csv::Reader::from_reader(CLAIMS.as_bytes())
        .deserialize()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(name: &str) -> Vec<std::collections::BTreeMap<String, String>> {
        let (_, text) = TABLES.iter().find(|(n, _)| *n == name).unwrap();
        csv::Reader::from_reader(text.as_bytes())
            .deserialize()
            .collect::<Result<_, _>>()
            .unwrap()
    }

    #[test]
    fn every_claim_has_a_number_a_place_and_a_standing() {
        let claims = claims().unwrap();
        for number in 1..=23 {
            assert!(
                claims.iter().any(|c| c.id == format!("H{number}")),
                "H{number}"
            );
        }
        for claim in &claims {
            assert!(
                !claim.place.is_empty() && !claim.why.is_empty(),
                "{claim:?}"
            );
            assert_eq!(claim.published.is_empty(), claim.asked_by == AskedBy::Ours);
        }
        // what the phantom is made to show
        for id in ["H2", "H4", "H5", "H16", "H17"] {
            let claim = claims.iter().find(|c| c.id == id).unwrap();
            assert_eq!(claim.standing, Standing::BuiltIn, "{id}");
        }
    }

    #[test]
    fn published_numbers_are_those_of_the_paper() {
        let table = rows("table-1.csv");
        assert_eq!(table.len(), 18);
        // 152 of 153 slices: 0.99, Wald half-width 0.0128
        let resnet = table
            .iter()
            .find(|r| r["network"] == "resnet50" && r["split"] == "test")
            .unwrap();
        let half = 1.96 * (152.0 / 153.0 * (1.0 / 153.0) / 153.0f64).sqrt();
        assert_eq!(resnet["ci95_half_width"], format!("{half:.2}"));
        let medians: Vec<f64> = rows("figure-5.csv")
            .iter()
            .filter(|r| r["panel"] == "A" && r["relation"] == "equals")
            .map(|r| r["value"].parse().unwrap())
            .collect();
        assert_eq!(medians, [0.93, 0.92, 0.84, 0.83, 0.61]);
        let tests: Vec<String> = rows("tests.csv")
            .iter()
            .map(|r| r["statistic"].clone())
            .collect();
        assert_eq!(tests[..2], ["1793.2", "988.9"]);
        for (name, _) in TABLES.iter().filter(|t| t.1 != DISAGREEMENTS) {
            assert!(rows(name).iter().all(|r| !r["place"].is_empty()), "{name}");
        }
    }
}
