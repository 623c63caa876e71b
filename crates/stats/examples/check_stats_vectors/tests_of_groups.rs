//! Functions of one sample, of groups and of tables.

use crate::evaluate::{Answers, Failure, answers};
use crate::inputs::{Inputs, adjustment, decimals, number, numbers};
use cam_stats::{
    Adjustment, PairwiseComparisons, adjust_p_values, conover_friedman, dunn_test, friedman_with,
    intraclass_correlations, kruskal_effect, kruskal_wallis_with, nemenyi_critical_difference,
    nemenyi_friedman, one_way_anova, random_intercept, shapiro_wilk_with,
};
use serde_json::{Value, json};

pub(crate) fn shapiro(inputs: Inputs) -> Result<Answers, Failure> {
    let result = shapiro_wilk_with(&inputs.sample("x")?, inputs.nan_policy()?)?;
    Ok(answers([
        ("W", number(result.statistic)),
        ("statistic", number(result.statistic)),
        ("pvalue", number(result.p_value)),
        ("n", json!(result.n)),
    ]))
}

pub(crate) fn kruskal(inputs: Inputs) -> Result<Answers, Failure> {
    let result = kruskal_wallis_with(&inputs.samples("groups")?, inputs.nan_policy()?)?;
    Ok(answers([
        ("statistic", number(result.statistic)),
        ("df", number(result.degrees_of_freedom)),
        ("pvalue", number(result.p_value)),
        ("epsilon_squared", number(result.effect.epsilon_squared)),
        ("eta_squared_h", number(result.effect.eta_squared)),
        ("mean_ranks", numbers(&result.mean_ranks)),
        ("n", json!(result.n)),
    ]))
}

pub(crate) fn kruskal_effect_size(inputs: Inputs) -> Result<Answers, Failure> {
    let (k, n) = (
        inputs.count("k")? as usize,
        inputs.count("n_total")? as usize,
    );
    let effect = kruskal_effect(inputs.number("h")?, k, n)?;
    Ok(answers([
        ("epsilon_squared", number(effect.epsilon_squared)),
        ("eta_squared_h", number(effect.eta_squared)),
    ]))
}

fn index_pairs(table: &PairwiseComparisons) -> Value {
    table
        .pairs
        .iter()
        .map(|p| json!([p.first, p.second]))
        .collect()
}

fn p_values(table: &PairwiseComparisons) -> Vec<f64> {
    table.pairs.iter().map(|p| p.p_value).collect()
}

fn statistics(table: &PairwiseComparisons) -> Value {
    table.pairs.iter().map(|p| number(p.statistic)).collect()
}

/// Group names in the order of the expected pairs: an object in JSON has none of its own.
fn group_names(inputs: Inputs, expected: &Answers) -> Option<Vec<String>> {
    let groups = inputs.get("groups").as_object()?;
    let mut names: Vec<String> = Vec::new();
    let pairs = expected.get("pairs").and_then(Value::as_array);
    let mentioned = pairs
        .into_iter()
        .flatten()
        .filter_map(Value::as_array)
        .flatten();
    for name in mentioned
        .filter_map(Value::as_str)
        .chain(groups.keys().map(String::as_str))
    {
        if groups.contains_key(name) && !names.iter().any(|n| n == name) {
            names.push(name.to_owned());
        }
    }
    Some(names)
}

pub(crate) fn dunn(inputs: Inputs, expected: &Answers) -> Result<Answers, Failure> {
    let names = group_names(inputs, expected);
    let groups = match &names {
        None => inputs.samples("groups")?,
        Some(names) => {
            let members = Inputs(inputs.get("groups"));
            names
                .iter()
                .map(|name| members.sample(name))
                .collect::<Result<_, _>>()?
        }
    };
    let table = dunn_test(&groups, Adjustment::None)?;
    let raw = p_values(&table);
    let pairs = match &names {
        None => index_pairs(&table),
        Some(names) => table
            .pairs
            .iter()
            .map(|p| json!([names[p.first], names[p.second]]))
            .collect(),
    };
    let mut adjusted = Answers::new();
    let wanted = expected.get("p_adjusted").and_then(Value::as_object);
    for key in wanted.into_iter().flat_map(|map| map.keys()) {
        if let Some(method) = adjustment(key) {
            adjusted.insert(key.clone(), numbers(&adjust_p_values(&raw, method)?));
        }
    }
    let mut entries = answers([
        ("pairs", pairs),
        ("z", statistics(&table)),
        ("p_unadjusted", numbers(&raw)),
        ("p_adjusted", Value::Object(adjusted)),
    ]);
    add_adjusted(&mut entries, expected.keys().map(String::as_str), &raw)?;
    Ok(entries)
}

/// Keys such as `p_holm`.
fn add_adjusted<'a>(
    entries: &mut Answers,
    keys: impl Iterator<Item = &'a str>,
    raw: &[f64],
) -> Result<(), Failure> {
    for key in keys {
        if let Some(method) = key.strip_prefix("p_").and_then(adjustment) {
            entries.insert(key.to_owned(), numbers(&adjust_p_values(raw, method)?));
        }
    }
    Ok(())
}

pub(crate) fn friedman(inputs: Inputs, keys: &[&str]) -> Result<Answers, Failure> {
    let test = friedman_with(
        &inputs.samples("blocks_by_treatments")?,
        inputs.nan_policy()?,
    )?;
    let f = test.iman_davenport;
    let mut entries = answers([
        ("mean_ranks", numbers(&test.mean_ranks)),
        ("statistic", number(test.statistic)),
        ("df", number(test.degrees_of_freedom)),
        ("pvalue", number(test.p_value)),
        (
            "statistic_no_tie_correction",
            number(test.statistic_uncorrected),
        ),
        ("kendalls_w", number(test.kendalls_w)),
        ("iman_davenport_f", number(f.statistic)),
        ("iman_davenport_p", number(f.p_value)),
        ("iman_davenport_df1", number(f.numerator_degrees_of_freedom)),
        (
            "iman_davenport_df2",
            number(f.denominator_degrees_of_freedom),
        ),
        (
            "iman_davenport_f_no_tie_correction",
            number(f.statistic_uncorrected),
        ),
        ("n", json!(test.blocks)),
        ("k", json!(test.treatments)),
    ]);
    if keys.iter().any(|key| key.starts_with("nemenyi")) {
        let table = nemenyi_friedman(&test)?;
        entries.insert("nemenyi_pairs".to_owned(), index_pairs(&table));
        entries.insert("nemenyi_pvalues".to_owned(), numbers(&p_values(&table)));
    }
    for &key in keys {
        if let Some(alpha) = key.strip_prefix("nemenyi_cd_alpha").and_then(decimals) {
            let distance = nemenyi_critical_difference(test.treatments, test.blocks, alpha)?;
            entries.insert(key.to_owned(), number(distance));
        }
    }
    Ok(entries)
}

pub(crate) fn conover(inputs: Inputs, keys: &[&str]) -> Result<Answers, Failure> {
    let test = friedman_with(
        &inputs.samples("blocks_by_treatments")?,
        inputs.nan_policy()?,
    )?;
    let table = conover_friedman(&test, Adjustment::None)?;
    let raw = p_values(&table);
    let mut entries = answers([
        ("pairs", index_pairs(&table)),
        ("t", statistics(&table)),
        ("p_unadjusted", numbers(&raw)),
    ]);
    add_adjusted(&mut entries, keys.iter().copied(), &raw)?;
    Ok(entries)
}

pub(crate) fn nemenyi(inputs: Inputs) -> Result<Answers, Failure> {
    let test = friedman_with(
        &inputs.samples("blocks_by_treatments")?,
        inputs.nan_policy()?,
    )?;
    let table = nemenyi_friedman(&test)?;
    Ok(answers([
        ("pairs", index_pairs(&table)),
        ("q", statistics(&table)),
        ("pvalues", numbers(&p_values(&table))),
        ("p_unadjusted", numbers(&p_values(&table))),
    ]))
}

pub(crate) fn anova(inputs: Inputs) -> Result<Answers, Failure> {
    let result = one_way_anova(&inputs.samples("groups")?)?;
    Ok(answers([
        ("statistic", number(result.statistic)),
        ("pvalue", number(result.p_value)),
        ("df_between", number(result.degrees_between)),
        ("df_within", number(result.degrees_within)),
        ("ss_between", number(result.sum_of_squares_between)),
        ("ss_within", number(result.sum_of_squares_within)),
        ("eta_squared", number(result.eta_squared)),
        ("omega_squared", number(result.omega_squared)),
    ]))
}

pub(crate) fn icc(inputs: Inputs) -> Result<Answers, Failure> {
    let ratings = inputs.samples("targets_by_raters")?;
    let result = intraclass_correlations(&ratings, inputs.confidence()?)?;
    let forms = [
        ("icc1_1", result.single_one_way),
        ("icc2_1", result.single_random),
        ("icc3_1", result.single_fixed),
        ("icc1_k", result.average_one_way),
        ("icc2_k", result.average_random),
        ("icc3_k", result.average_fixed),
    ];
    Ok(forms
        .map(|(key, form)| (key.to_owned(), number(form.interval.estimate)))
        .into_iter()
        .collect())
}

pub(crate) fn random_intercept_reml(inputs: Inputs) -> Result<Answers, Failure> {
    let fit = random_intercept(&inputs.samples("groups_by_obs")?)?;
    Ok(answers([
        ("intercept", number(fit.intercept)),
        ("se_intercept", number(fit.standard_error)),
        ("var_group", number(fit.group_variance)),
        ("var_residual", number(fit.residual_variance)),
        ("icc", number(fit.icc)),
        ("design_effect", number(fit.design_effect)),
        ("n_effective", number(fit.effective_n)),
    ]))
}
