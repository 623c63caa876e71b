//! The tests of the paper, each in its published form and in the form it should have had.

use stats::{Caveat, Dual, Friedman, friedman, kruskal_wallis, nemenyi_friedman, shapiro_wilk};

use super::super::Run;
use super::liquid_loss::{LiquidLoss, own_scale};
use super::scores::{Scores, SliceScores, mean};
use crate::config::switches::TestRule;
use crate::error::Result;
use crate::study::Study;
use crate::table::{Table, number};

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

/// Writes `tests.csv` and `posthoc.csv`.
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
    let mut posthoc = Table::new(&[
        "question",
        "test",
        "left",
        "right",
        "difference",
        "statistic",
        "p",
        "p_adjusted",
    ])?;
    let t = scores.axes.main_threshold();
    let at = number(scores.axes.thresholds[t]);
    let by_network = format!("does agreement across methods differ between networks (t = {at})?");
    let by_method = format!("does agreement across networks differ between methods (t = {at})?");
    let across_methods = |slice: &SliceScores, group: usize| {
        slice.across_methods.get(group).map(|by_t| by_t[t].value)
    };
    let across_networks = |slice: &SliceScores, group: usize| {
        slice.across_networks.get(group).map(|by_t| by_t[t].value)
    };
    for (text, names, value) in [
        (
            &by_network,
            &scores.axes.networks,
            &across_methods as &dyn Fn(&SliceScores, usize) -> Option<f64>,
        ),
        (&by_method, &scores.axes.methods, &across_networks),
    ] {
        between(
            run,
            [&mut table, &mut posthoc],
            study,
            scores,
            text,
            names,
            value,
        )?;
    }
    for (n, network) in scores.axes.networks.iter().enumerate() {
        for (m, method) in scores.axes.methods.iter().enumerate() {
            let damaged = |scan: usize| scores.scan_mean(scan, |slice| slice.damaged[[n, m, t]]);
            let what = format!("{network}, {method}, t = {at}");
            treatments(
                &mut table,
                study,
                scores,
                &format!("does the damaged fraction differ between treatments ({what})?"),
                damaged,
            )?;
            let values = losses.damaged(scores, [n, m, t], own_scale);
            normality(
                &mut table,
                study,
                losses,
                &format!("is the damaged fraction normally distributed ({what})?"),
                &values,
            )?;
        }
    }
    normality(
        &mut table,
        study,
        losses,
        "is liquid loss normally distributed?",
        &losses.percent,
    )?;
    table.write(&run.outputs.table("tests"))?;
    posthoc.write(&run.outputs.table("posthoc"))
}

/// Kruskal–Wallis on slices, as published, and Friedman on the means of each fish; which one heads the table is a
/// matter of the protocol.
fn between(
    run: &Run,
    [table, posthoc]: [&mut Table; 2],
    study: &Study,
    scores: &Scores,
    text: &str,
    names: &[String],
    value: &dyn Fn(&SliceScores, usize) -> Option<f64>,
) -> Result<()> {
    let defined = |slice: &SliceScores, group| value(slice, group).filter(|v| v.is_finite());
    let of_group = |group: usize| -> Vec<f64> {
        (scores.slices.iter())
            .filter_map(|slice| defined(slice, group))
            .collect()
    };
    // maps that are empty or the same everywhere agree with nothing; such a group cannot be compared
    let (groups, slices): (Vec<usize>, Vec<Vec<f64>>) = (0..names.len())
        .map(|group| (group, of_group(group)))
        .filter(|(_, values)| !values.is_empty())
        .unzip();
    if groups.len() < 2 {
        return Ok(());
    }
    let undefined = (scores.slices.iter())
        .flat_map(|slice| (0..names.len()).filter_map(|group| value(slice, group)))
        .filter(|v| !v.is_finite())
        .count();
    let blocks = |unit: &dyn Fn(usize) -> String| -> Vec<Vec<f64>> {
        let mut units: Vec<String> = scores.slices.iter().map(|slice| unit(slice.scan)).collect();
        units.sort_unstable();
        units.dedup();
        units
            .iter()
            .filter_map(|name| {
                let of = || {
                    scores
                        .slices
                        .iter()
                        .filter(|slice| unit(slice.scan) == *name)
                };
                let means = (groups.iter())
                    .map(|&group| mean(of().filter_map(|slice| defined(slice, group))));
                means.collect::<Option<Vec<f64>>>()
            })
            .collect()
    };
    let by_fish = blocks(&|scan| study.animal(scan).to_owned());
    let by_scan = blocks(&|scan| study.specimens[scan].scan.clone());
    let observations = slices.iter().map(Vec::len).sum();
    let tested = friedman(&by_fish);
    let mut caveats = vec![
        Caveat::PseudoReplication {
            observations,
            units: by_fish.len(),
        },
        Caveat::RepeatedMeasuresAsIndependent,
        Caveat::NoEffectSize,
        Caveat::SingleSeed {
            seeds: run.config.training.seeds,
        },
    ];
    if undefined > 0 {
        caveats.push(Caveat::EmptyMasks { undefined });
    }
    if scores
        .slices
        .iter()
        .any(|slice| study.specimens[slice.scan].fish.is_none())
    {
        caveats.push(Caveat::ClusterUnknown {
            fallback: study.unit.to_string(),
        });
    }
    let dual = Dual {
        published: kruskal(&slices),
        recommended: tested.as_ref().map(of_friedman).map_err(Clone::clone),
        caveats,
    };
    let question = |form, test, unit, n, caveats| Question {
        text: text.to_owned(),
        form,
        test,
        unit,
        n,
        caveats,
    };
    let published = (
        question(
            "published",
            "Kruskal–Wallis",
            "slice",
            observations,
            dual.caveats,
        ),
        dual.published,
    );
    let recommended = (
        question("recommended", "Friedman", "fish", by_fish.len(), Vec::new()),
        dual.recommended,
    );
    let rows = match run.config.switches.test {
        TestRule::KruskalWallisOnSlices => [published, recommended],
        TestRule::FriedmanOnFish => [recommended, published],
    };
    for (question, outcome) in rows {
        row(table, question, outcome)?;
    }
    let caveat = Caveat::ClusteredPairs {
        pairs: by_scan.len(),
        clusters: by_fish.len(),
    };
    let sensitivity = friedman(&by_scan)
        .as_ref()
        .map(of_friedman)
        .map_err(Clone::clone);
    row(
        table,
        question(
            "sensitivity",
            "Friedman",
            "fillet",
            by_scan.len(),
            vec![caveat],
        ),
        sensitivity,
    )?;
    if let Ok(tested) = &tested
        && let Ok(pairs) = nemenyi_friedman(tested)
    {
        for pair in pairs.pairs {
            let [left, right] = [pair.first, pair.second].map(|at| names[groups[at]].clone());
            posthoc.row(&[
                text.to_owned(),
                "Nemenyi".to_owned(),
                left,
                right,
                number(pair.difference),
                number(pair.statistic),
                number(pair.p_value),
                number(pair.p_adjusted),
            ])?;
        }
    }
    Ok(())
}

fn of_friedman(f: &Friedman) -> Outcome {
    Outcome {
        statistic: f.statistic,
        degrees_of_freedom: Some(f.degrees_of_freedom),
        p_value: f.p_value,
        effect: format!("Kendall's W = {:.3}", f.kendalls_w),
    }
}

/// Kruskal–Wallis on the means of each scan of every treatment.
fn treatments(
    table: &mut Table,
    study: &Study,
    scores: &Scores,
    text: &str,
    damaged: impl Fn(usize) -> Option<f64>,
) -> Result<()> {
    let treatments = super::groups::treatments(study, scores);
    if treatments.len() < 2 {
        return Ok(());
    }
    let of = |treatment: &String| -> Vec<usize> {
        (0..study.specimens.len())
            .filter(|&scan| study.treatment(scan) == Some(treatment))
            .collect()
    };
    let scans: Vec<Vec<usize>> = treatments.iter().map(of).collect();
    let groups: Vec<Vec<f64>> = scans
        .iter()
        .map(|scans| scans.iter().filter_map(|&scan| damaged(scan)).collect())
        .collect();
    let caveat = clustered(study, scans.iter().flatten().copied());
    let question = Question {
        text: text.to_owned(),
        form: "recommended",
        test: "Kruskal–Wallis",
        unit: "fillet",
        n: groups.iter().map(Vec::len).sum(),
        caveats: vec![caveat],
    };
    row(table, question, kruskal(&groups))
}

/// Shapiro–Wilk, which the paper read backwards.
fn normality(
    table: &mut Table,
    study: &Study,
    losses: &LiquidLoss,
    text: &str,
    values: &[f64],
) -> Result<()> {
    if values.is_empty() {
        return Ok(());
    }
    let question = Question {
        text: text.to_owned(),
        form: "published",
        test: "Shapiro–Wilk",
        unit: "fillet",
        n: values.len(),
        caveats: vec![
            clustered(study, losses.scans.iter().copied()),
            Caveat::NormalityReadBackwards,
        ],
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
            caveats.push("not_defined");
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

/// Two fillets of a fish are not independent.
fn clustered(study: &Study, scans: impl Iterator<Item = usize>) -> Caveat {
    let clusters = study.clusters(scans);
    Caveat::ClusteredPairs {
        pairs: clusters.len(),
        clusters: clusters.iter().max().map_or(0, |last| last + 1),
    }
}
