//! The tests of the paper, each in its published form and in the form it should have had.

use stats::{friedman, kruskal_wallis, shapiro_wilk};

use super::super::Run;
use super::liquid_loss::LiquidLoss;
use super::scores::{Scores, SliceScores};
use crate::error::Result;
use crate::study::Study;
use crate::table::{Table, number};

/// What keeps a result from meaning what it seems to mean. Several are joined by `;`.
#[derive(Debug, Clone, Copy)]
enum Caveat {
    /// Slices of one scan are not independent observations.
    PseudoReplication,
    /// The same slices stand in every group; the test assumes different ones.
    RepeatedMeasures,
    /// Two fillets of one fish are not independent.
    FilletsShareFish,
    /// A large p does not show that a distribution is normal.
    NoEvidenceIsNotNormality,
    /// The test is not defined for these data.
    NotDefined,
}

impl Caveat {
    fn code(self) -> &'static str {
        match self {
            Self::PseudoReplication => "pseudo_replication",
            Self::RepeatedMeasures => "repeated_measures",
            Self::FilletsShareFish => "two_fillets_per_fish",
            Self::NoEvidenceIsNotNormality => "normality_not_rejected_is_not_normal",
            Self::NotDefined => "not_defined",
        }
    }
}

/// The numbers of one test.
struct Outcome {
    statistic: f64,
    degrees_of_freedom: Option<f64>,
    p_value: f64,
    effect: String,
}

/// One row of `tests.csv`, but for its outcome.
struct Question {
    text: String,
    form: &'static str,
    test: &'static str,
    unit: &'static str,
    n: usize,
    caveats: Vec<Caveat>,
}

/// Writes `tests.csv`.
pub(super) fn write(run: &Run, study: &Study, scores: &Scores, losses: &LiquidLoss) -> Result<()> {
    let columns = [
        "question",
        "form",
        "test",
        "unit",
        "n",
        "statistic",
        "df",
        "p",
        "effect",
        "caveats",
    ];
    let mut table = Table::new(&columns)?;
    let t = scores.main_threshold();
    let at = number(scores.thresholds[t]);
    let by_network = format!("does agreement across methods differ between networks (t = {at})?");
    let by_method = format!("does agreement across networks differ between methods (t = {at})?");
    between(
        &mut table,
        study,
        scores,
        &by_network,
        scores.networks.len(),
        |slice, group| slice.across_methods.get(group).map(|by_t| by_t[t]),
    )?;
    between(
        &mut table,
        study,
        scores,
        &by_method,
        scores.methods.len(),
        |slice, group| slice.across_networks.get(group).map(|by_t| by_t[t]),
    )?;
    for (n, network) in scores.networks.iter().enumerate() {
        for (m, method) in scores.methods.iter().enumerate() {
            let damaged = |scan: usize| scan_mean(scores, scan, |slice| slice.damaged[[n, m, t]]);
            let what = format!("{network}, {method}, t = {at}");
            treatments(
                &mut table,
                scores,
                &format!("does the damaged fraction differ between treatments ({what})?"),
                damaged,
            )?;
            let values: Vec<f64> = losses
                .scans
                .iter()
                .filter_map(|&scan| damaged(scan))
                .collect();
            normality(
                &mut table,
                &format!("is the damaged fraction normally distributed ({what})?"),
                &values,
            )?;
        }
    }
    normality(
        &mut table,
        "is liquid loss normally distributed?",
        &losses.percent,
    )?;
    table.write(&run.outputs.table("tests"))
}

/// Kruskal–Wallis on slices, as published, and Friedman on the means of each fish.
fn between(
    table: &mut Table,
    study: &Study,
    scores: &Scores,
    text: &str,
    groups: usize,
    value: impl Fn(&SliceScores, usize) -> Option<f64>,
) -> Result<()> {
    let defined = |slice: &SliceScores, group| value(slice, group).filter(|v| v.is_finite());
    let slices: Vec<Vec<f64>> = (0..groups)
        .map(|group| {
            scores
                .slices
                .iter()
                .filter_map(|slice| defined(slice, group))
                .collect()
        })
        .collect();
    if slices.iter().all(Vec::is_empty) {
        return Ok(());
    }
    let question = Question {
        text: text.to_owned(),
        form: "published",
        test: "Kruskal–Wallis",
        unit: "slice",
        n: slices.iter().map(Vec::len).sum(),
        caveats: vec![Caveat::PseudoReplication, Caveat::RepeatedMeasures],
    };
    row(table, question, kruskal(&slices))?;
    let mut fish: Vec<&str> = scores
        .slices
        .iter()
        .map(|slice| study.animal(slice.scan))
        .collect();
    fish.sort_unstable();
    fish.dedup();
    let blocks: Vec<Vec<f64>> = fish
        .iter()
        .filter_map(|fish| {
            let of_fish = || {
                scores
                    .slices
                    .iter()
                    .filter(|slice| study.animal(slice.scan) == *fish)
            };
            let means =
                (0..groups).map(|group| mean(of_fish().filter_map(|slice| defined(slice, group))));
            means.collect::<Option<Vec<f64>>>()
        })
        .collect();
    let question = Question {
        text: text.to_owned(),
        form: "recommended",
        test: "Friedman",
        unit: "fish",
        n: blocks.len(),
        caveats: Vec::new(),
    };
    let outcome = friedman(&blocks).map(|f| Outcome {
        statistic: f.statistic,
        degrees_of_freedom: Some(f.degrees_of_freedom),
        p_value: f.p_value,
        effect: format!("Kendall's W = {:.3}", f.kendalls_w),
    });
    row(table, question, outcome)
}

/// Kruskal–Wallis on the means of each scan of every treatment.
fn treatments(
    table: &mut Table,
    scores: &Scores,
    text: &str,
    damaged: impl Fn(usize) -> Option<f64>,
) -> Result<()> {
    let treatments = scores.treatments();
    if treatments.len() < 2 {
        return Ok(());
    }
    let of = |treatment: &String| -> Vec<f64> {
        let scans = scores
            .treatment_of
            .iter()
            .enumerate()
            .filter(|(_, t)| t.as_ref() == Some(treatment));
        scans.filter_map(|(scan, _)| damaged(scan)).collect()
    };
    let groups: Vec<Vec<f64>> = treatments.iter().map(of).collect();
    let question = Question {
        text: text.to_owned(),
        form: "recommended",
        test: "Kruskal–Wallis",
        unit: "fillet",
        n: groups.iter().map(Vec::len).sum(),
        caveats: vec![Caveat::FilletsShareFish],
    };
    row(table, question, kruskal(&groups))
}

/// Shapiro–Wilk, which the paper read backwards.
fn normality(table: &mut Table, text: &str, values: &[f64]) -> Result<()> {
    if values.is_empty() {
        return Ok(());
    }
    let question = Question {
        text: text.to_owned(),
        form: "published",
        test: "Shapiro–Wilk",
        unit: "fillet",
        n: values.len(),
        caveats: vec![Caveat::FilletsShareFish, Caveat::NoEvidenceIsNotNormality],
    };
    let outcome = shapiro_wilk(values).map(|s| Outcome {
        statistic: s.statistic,
        degrees_of_freedom: None,
        p_value: s.p_value,
        effect: String::new(),
    });
    row(table, question, outcome)
}

fn kruskal(groups: &[Vec<f64>]) -> stats::Result<Outcome> {
    kruskal_wallis(groups).map(|k| Outcome {
        statistic: k.statistic,
        degrees_of_freedom: Some(k.degrees_of_freedom),
        p_value: k.p_value,
        effect: format!("ε² = {:.3}", k.effect.epsilon_squared),
    })
}

/// A test that the data do not allow stays in the table, without numbers and with the reason.
fn row(table: &mut Table, question: Question, outcome: stats::Result<Outcome>) -> Result<()> {
    let mut caveats: Vec<&str> = question
        .caveats
        .iter()
        .map(|caveat| caveat.code())
        .collect();
    let [statistic, df, p, effect] = match outcome {
        Ok(o) => [
            number(o.statistic),
            o.degrees_of_freedom.map_or_else(String::new, number),
            number(o.p_value),
            o.effect,
        ],
        Err(reason) => {
            caveats.push(Caveat::NotDefined.code());
            [
                String::new(),
                String::new(),
                String::new(),
                reason.to_string(),
            ]
        }
    };
    table.row(&[
        question.text,
        question.form.to_owned(),
        question.test.to_owned(),
        question.unit.to_owned(),
        question.n.to_string(),
        statistic,
        df,
        p,
        effect,
        caveats.join(";"),
    ])
}

fn scan_mean(scores: &Scores, scan: usize, value: impl Fn(&SliceScores) -> f64) -> Option<f64> {
    mean(
        scores
            .slices
            .iter()
            .filter(|slice| slice.scan == scan)
            .map(value),
    )
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let values: Vec<f64> = values.collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}
