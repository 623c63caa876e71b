//! The paper's claims and our own questions, each beside what the tables of this run show.
//!
//! What the phantom builds in is marked and never counts as shown by it. Published numbers are
//! quoted; no figure of this run is ticked, differenced or divided against them.

mod agreement;
mod basis;
mod effects;
mod loss;
mod overlap;
mod truth;

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::error::{Error, Result};
use super::study::Study;
use super::write;
use crate::published::{self, AskedBy, Claim, Standing};

/// What the data of a run show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The statement holds in these data.
    Present,
    /// It does not.
    Absent,
    /// It holds in part.
    Mixed,
    /// This run has not computed what it takes.
    NotComputed,
}

/// What the data show, with the numbers it rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) outcome: Outcome,
    pub(super) evidence: String,
}

impl Finding {
    fn new(outcome: Outcome, evidence: impl Into<String>) -> Self {
        Self {
            outcome,
            evidence: evidence.into(),
        }
    }

    fn holds(holds: bool, evidence: impl Into<String>) -> Self {
        Self::new(
            if holds {
                Outcome::Present
            } else {
                Outcome::Absent
            },
            evidence,
        )
    }

    /// Present if all of `total` agree, absent if none, mixed otherwise.
    fn share(agreeing: usize, total: usize, evidence: impl Into<String>) -> Self {
        let outcome = match agreeing {
            _ if total == 0 => Outcome::NotComputed,
            0 => Outcome::Absent,
            n if n == total => Outcome::Present,
            _ => Outcome::Mixed,
        };
        Self::new(outcome, evidence)
    }

    fn lacks(what: impl Into<String>) -> Self {
        Self::new(Outcome::NotComputed, what)
    }
}

/// A claim as the page and `tables/claims.csv` show it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Verdict {
    pub(super) id: String,
    pub(super) asked_by: &'static str,
    pub(super) claim: String,
    pub(super) published: String,
    pub(super) place: String,
    /// `built_in` or `emergent`, for the data of this run.
    pub(super) standing: &'static str,
    /// `present`, `absent`, `mixed`, `not_computed`; `built_in` where finding it means nothing.
    pub(super) outcome: &'static str,
    pub(super) evidence: String,
    pub(super) why: String,
}

impl Verdict {
    fn of(claim: Claim, finding: Finding, synthetic: bool) -> Self {
        // nothing is built into measured data
        let standing = if synthetic {
            claim.standing
        } else {
            Standing::Emergent
        };
        let outcome = match (standing, finding.outcome) {
            (_, Outcome::NotComputed) => "not_computed",
            (Standing::BuiltIn, _) => "built_in",
            (Standing::Emergent, Outcome::Present) => "present",
            (Standing::Emergent, Outcome::Absent) => "absent",
            (Standing::Emergent, Outcome::Mixed) => "mixed",
        };
        Self {
            id: claim.id,
            asked_by: match claim.asked_by {
                AskedBy::Paper => "paper",
                AskedBy::Ours => "ours",
            },
            claim: claim.claim,
            published: claim.published,
            place: claim.place,
            standing: standing.code(),
            outcome,
            evidence: finding.evidence,
            why: if synthetic { claim.why } else { String::new() },
        }
    }

    /// What the page says for the outcome.
    pub(super) fn shown(&self) -> &'static str {
        match self.outcome {
            "present" => "seen here",
            "absent" => "not seen here",
            "mixed" => "seen in part",
            "built_in" => "built in",
            _ => "not computed",
        }
    }
}

/// Every claim with its finding.
///
/// # Errors
///
/// [`Error::Claims`] if the list of claims is malformed.
pub(super) fn verdicts(study: &Study<'_>) -> Result<Vec<Verdict>> {
    let claims = published::claims().map_err(Error::Claims)?;
    Ok(claims
        .into_iter()
        .map(|claim| {
            let found = find(study, &claim.id);
            Verdict::of(claim, found, study.facts.synthetic)
        })
        .collect())
}

fn find(study: &Study<'_>, id: &str) -> Finding {
    match id {
        "H1" => truth::perfect_accuracy(study),
        "H1′" => truth::accuracy_by_fish(study),
        "H2" => overlap::falls_with_cold(study),
        "H3" => overlap::vgg_least(study),
        "H4" => overlap::supervised_order(study),
        "H5" => loss::order(study),
        "H6" => loss::signs(study),
        "H7" => loss::vgg_negative(study),
        "H8" => loss::best_cells_differ(study),
        "H9" => overlap::inception_v3_best(study),
        "H10" => agreement::ranking(study),
        "H11" => agreement::networks_below_methods(study),
        "H12" => agreement::faster_score_cam_last(study),
        "H13" => overlap::small_and_large(study),
        "H14" => agreement::threshold(study),
        "H15" => overlap::newer_is_not_more(study),
        "H16" => overlap::xception_centre(study),
        "H17" => overlap::cold_is_low(study),
        "H18" => loss::pearson_like_spearman(study),
        "H19" => truth::supervised_tells_truth(study),
        "H20" => agreement::untrained(study),
        "H21" => effects::best_by_layer(study),
        "H22" => effects::confounds(study),
        "H23" => effects::leakage(study),
        _ => Finding::lacks("this program has no rule for it"),
    }
}

/// Counts of the outcomes in one sentence.
pub(super) fn summary(verdicts: &[Verdict]) -> String {
    let count = |outcome: &str| verdicts.iter().filter(|v| v.outcome == outcome).count();
    let decided = count("present") + count("absent") + count("mixed");
    let built_in = count("built_in");
    let mut text = format!(
        "Of {} statements {decided} could be put to these data: {} seen, {} seen in part, {} not seen; {} not computed in this run",
        verdicts.len(),
        count("present"),
        count("mixed"),
        count("absent"),
        count("not_computed")
    );
    if built_in > 0 {
        text.push_str(&format!(
            "; {built_in} built into the phantom, where finding them says nothing"
        ));
    }
    text + "."
}

/// Writes `OUT/published/*.csv` and `OUT/tables/claims.csv`.
///
/// # Errors
///
/// [`Error::Write`] or [`Error::Claims`].
pub(super) fn write_tables(out: &Path, verdicts: &[Verdict]) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for (name, text) in published::TABLES {
        paths.push(write::atomically(
            &out.join("published"),
            name,
            text.as_bytes(),
        )?);
    }
    let mut table = csv::Writer::from_writer(Vec::new());
    for verdict in verdicts {
        table.serialize(verdict).map_err(Error::Claims)?;
    }
    let bytes = table
        .into_inner()
        .map_err(|e| Error::Claims(e.into_error().into()))?;
    paths.push(write::atomically(
        &out.join("tables"),
        "claims.csv",
        &bytes,
    )?);
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_built_in_claim_never_counts_as_shown() {
        let claim = published::claims()
            .unwrap()
            .into_iter()
            .find(|c| c.id == "H2")
            .unwrap();
        let found =
            |synthetic| Verdict::of(claim.clone(), Finding::holds(true, "x"), synthetic).outcome;
        assert_eq!(found(true), "built_in");
        assert_eq!(found(false), "present");
    }

    #[test]
    fn shares_are_read_as_words() {
        let outcome = |n, of| Finding::share(n, of, "").outcome;
        assert_eq!(outcome(0, 0), Outcome::NotComputed);
        assert_eq!(outcome(0, 3), Outcome::Absent);
        assert_eq!(outcome(2, 3), Outcome::Mixed);
        assert_eq!(outcome(3, 3), Outcome::Present);
    }
}
