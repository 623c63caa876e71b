//! Functions of x and y.

use crate::evaluate::{Answers, Failure, answers, interval_by_key, p_value_key};
use crate::inputs::{Inputs, number, or_error};
use cam_stats::{
    Alternative, KendallMethod, KendallOptions, MannWhitneyOptions, PartialMethod, PartialOptions,
    PearsonOptions, RankTestMethod, SpearmanMethod, SpearmanOptions, WilcoxonOptions, kendall_with,
    linear_fit, mann_whitney_with, partial_correlation, pearson_with, spearman_with,
    wilcoxon_differences, wilcoxon_with,
};
use serde_json::{Value, json};

pub(crate) fn spearman(inputs: Inputs, keys: &[&str]) -> Result<Answers, Failure> {
    let (x, y) = (inputs.sample("x")?, inputs.sample("y")?);
    let run = |options: SpearmanOptions| spearman_with(&x, &y, &options);
    let named = |name: &str| match name {
        "exact" => Some(SpearmanMethod::Exact),
        "as89" => Some(SpearmanMethod::As89),
        "auto" => Some(SpearmanMethod::Auto),
        "t" | "asymptotic" => Some(SpearmanMethod::T),
        _ => None,
    };
    let default = match inputs.get("method").as_str() {
        None => SpearmanMethod::T,
        Some(name) => named(name).ok_or_else(|| Failure::missing("method"))?,
    };
    let base = SpearmanOptions {
        alternative: inputs.alternative()?,
        nan_policy: inputs.nan_policy()?,
        ..Default::default()
    };
    let result = run(base)?;
    let mut entries = answers([
        ("statistic", number(result.statistic)),
        ("S", number(result.sum_squared_differences)),
        ("t", number(result.t)),
        ("df", number(result.degrees_of_freedom)),
        ("n", json!(result.n)),
    ]);
    for &key in keys {
        if let Some(interval) = interval_by_key(key, result.statistic, result.n) {
            entries.insert(key.to_owned(), interval);
        } else if let Some((name, alternative)) = p_value_key(key, base.alternative) {
            let method = if name.is_empty() {
                Some(default)
            } else {
                named(name)
            };
            if let Some(method) = method {
                let p = run(SpearmanOptions {
                    method,
                    alternative,
                    ..base
                })
                .map(|r| r.p_value);
                entries.insert(key.to_owned(), or_error(p));
            }
        }
    }
    Ok(entries)
}

pub(crate) fn pearson(inputs: Inputs, keys: &[&str]) -> Result<Answers, Failure> {
    let (x, y) = (inputs.sample("x")?, inputs.sample("y")?);
    let run = |options: PearsonOptions| pearson_with(&x, &y, &options);
    let base = PearsonOptions {
        alternative: inputs.alternative()?,
        nan_policy: inputs.nan_policy()?,
        ..Default::default()
    };
    let result = run(base)?;
    let mut entries = answers([
        ("statistic", number(result.statistic)),
        ("t", number(result.t)),
        ("df", number(result.degrees_of_freedom)),
        ("n", json!(result.n)),
    ]);
    if let Ok(line) = linear_fit(&x, &y) {
        entries.insert("r_squared".to_owned(), number(line.r_squared));
        entries.insert("slope".to_owned(), number(line.slope));
        entries.insert("intercept".to_owned(), number(line.intercept));
    }
    for &key in keys {
        if let Some(interval) = interval_by_key(key, result.statistic, result.n) {
            entries.insert(key.to_owned(), interval);
        } else if let Some(("" | "t", alternative)) = p_value_key(key, base.alternative) {
            let p = run(PearsonOptions {
                alternative,
                ..base
            })
            .map(|r| r.p_value);
            entries.insert(key.to_owned(), or_error(p));
        }
    }
    Ok(entries)
}

pub(crate) fn kendall(inputs: Inputs, keys: &[&str]) -> Result<Answers, Failure> {
    let (x, y) = (inputs.sample("x")?, inputs.sample("y")?);
    let run = |options: KendallOptions| kendall_with(&x, &y, &options);
    let base = KendallOptions {
        variant: match inputs.get("variant").as_str() {
            None | Some("b") => Default::default(),
            Some("c") => "tau-c".parse()?,
            Some(name) => name.parse()?,
        },
        method: match inputs.get("method").as_str() {
            None => KendallMethod::Auto,
            Some(name) => name.parse()?,
        },
        alternative: inputs.alternative()?,
        nan_policy: inputs.nan_policy()?,
    };
    let result = run(KendallOptions {
        method: KendallMethod::Asymptotic,
        ..base
    })?;
    let mut entries = answers([
        ("statistic", number(result.statistic)),
        ("concordant", json!(result.concordant)),
        ("discordant", json!(result.discordant)),
        ("z", number(result.z)),
        ("n", json!(result.n)),
    ]);
    for &key in keys {
        if let Some((name, alternative)) = p_value_key(key, base.alternative) {
            let method = if name.is_empty() {
                Ok(base.method)
            } else {
                name.parse()
            };
            if let Ok(method) = method {
                let p = run(KendallOptions {
                    method,
                    alternative,
                    ..base
                })
                .map(|r| r.p_value);
                entries.insert(key.to_owned(), or_error(p));
            }
        }
    }
    Ok(entries)
}

pub(crate) fn partial(inputs: Inputs, keys: &[&str]) -> Result<Answers, Failure> {
    let (x, y) = (inputs.sample("x")?, inputs.sample("y")?);
    // One covariate may be given without the list around it.
    let covariates = match inputs.samples("covar") {
        Ok(covariates) => covariates,
        Err(_) => vec![inputs.sample("covar")?],
    };
    let base = PartialOptions {
        method: match inputs.get("method").as_str() {
            None => PartialMethod::Pearson,
            Some(name) => name.parse()?,
        },
        alternative: inputs.alternative()?,
        level: inputs.confidence()?,
    };
    let result = partial_correlation(&x, &y, &covariates, &base)?;
    let mut entries = answers([
        ("statistic", number(result.statistic)),
        ("t", number(result.t)),
        ("df", number(result.degrees_of_freedom)),
        ("n", json!(result.n)),
    ]);
    for &key in keys {
        let free = result.n - result.covariates;
        if let Some(interval) = interval_by_key(key, result.statistic, free) {
            entries.insert(key.to_owned(), interval);
        } else if let Some(("" | "t", alternative)) = p_value_key(key, base.alternative) {
            let options = PartialOptions {
                alternative,
                ..base
            };
            let p = partial_correlation(&x, &y, &covariates, &options).map(|r| r.p_value);
            entries.insert(key.to_owned(), or_error(p));
        }
    }
    Ok(entries)
}

/// p-values by alternative and method.
fn p_value_table(
    p_value: impl Fn(RankTestMethod, Alternative) -> Result<f64, cam_stats::Error>,
) -> Value {
    let methods = [
        (
            "asymptotic_cc",
            RankTestMethod::Asymptotic { continuity: true },
        ),
        (
            "asymptotic_no_cc",
            RankTestMethod::Asymptotic { continuity: false },
        ),
        ("exact", RankTestMethod::Exact),
        ("auto", RankTestMethod::Auto),
    ];
    let row = |alternative: &Alternative| -> Value {
        let entries = methods
            .map(|(name, method)| (name.to_owned(), or_error(p_value(method, *alternative))));
        Value::Object(entries.into_iter().collect())
    };
    Value::Object(
        Alternative::ALL
            .iter()
            .map(|a| (a.to_string(), row(a)))
            .collect(),
    )
}

fn rank_test_method(inputs: Inputs) -> Result<RankTestMethod, Failure> {
    Ok(match inputs.get("method").as_str() {
        None | Some("auto") => RankTestMethod::Auto,
        Some("exact") => RankTestMethod::Exact,
        Some("asymptotic" | "asymptotic_cc") => RankTestMethod::Asymptotic { continuity: true },
        Some("asymptotic_no_cc") => RankTestMethod::Asymptotic { continuity: false },
        Some(_) => return Err(Failure::missing("method")),
    })
}

pub(crate) fn mann_whitney(inputs: Inputs) -> Result<Answers, Failure> {
    let (x, y) = (inputs.sample("x")?, inputs.sample("y")?);
    let base = MannWhitneyOptions {
        method: rank_test_method(inputs)?,
        alternative: inputs.alternative()?,
        nan_policy: inputs.nan_policy()?,
    };
    let run = |options: MannWhitneyOptions| mann_whitney_with(&x, &y, &options);
    let result = run(base)?;
    let table = p_value_table(|method, alternative| {
        run(MannWhitneyOptions {
            method,
            alternative,
            ..base
        })
        .map(|r| r.p_value)
    });
    Ok(answers([
        ("statistic", number(result.statistic)),
        ("U1", number(result.statistic)),
        ("U2", number(result.statistic_y)),
        ("rank_biserial", number(result.rank_biserial)),
        ("cles", number(result.common_language)),
        ("pvalue", number(result.p_value)),
        ("pvalues", table),
    ]))
}

pub(crate) fn wilcoxon(inputs: Inputs) -> Result<Answers, Failure> {
    let x = inputs.sample("x")?;
    let y = if inputs.has("y") {
        Some(inputs.sample("y")?)
    } else {
        None
    };
    let base = WilcoxonOptions {
        method: rank_test_method(inputs)?,
        zero_method: match inputs.get("zero_method").as_str() {
            None => Default::default(),
            Some(name) => name.parse()?,
        },
        alternative: inputs.alternative()?,
        nan_policy: inputs.nan_policy()?,
    };
    let run = |options: WilcoxonOptions| match &y {
        Some(y) => wilcoxon_with(&x, y, &options),
        None => wilcoxon_differences(&x, &options),
    };
    let result = run(base)?;
    let table = p_value_table(|method, alternative| {
        run(WilcoxonOptions {
            method,
            alternative,
            ..base
        })
        .map(|r| r.p_value)
    });
    Ok(answers([
        ("statistic", number(result.statistic.min(result.w_minus))),
        ("W_plus", number(result.statistic)),
        ("W_minus", number(result.w_minus)),
        ("W_min", number(result.statistic.min(result.w_minus))),
        ("n_nonzero", json!(result.n_nonzero)),
        ("n_zero", json!(result.n_zero)),
        ("rank_biserial", number(result.rank_biserial)),
        ("pvalue", number(result.p_value)),
        ("pvalues", table),
    ]))
}
