//! Function name and inputs -> answers under the keys of the vectors.

use crate::inputs::{Inputs, adjustment, decimals, number, numbers, quantile_type};
use crate::{tests_of_groups as groups, tests_of_pairs as pairs};
use cam_stats::{
    Alternative, BoxPlot, CorrelationInterval, Error, Interval, ProportionInterval, Quartiles,
    adjust_p_values, box_plot, correlation_interval, correlation_p_value, critical_correlation,
    describe, mean_interval, proportion_interval, wald_half_width,
};
use serde_json::{Map, Value, json};

/// Answers by key.
pub(crate) type Answers = Map<String, Value>;

/// Why a vector has no answers.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The library refuses the data.
    Statistics(Error),
    /// The vector is not in the schema.
    Vector(String),
}

impl Failure {
    /// An input that is absent or of another type.
    pub(crate) fn missing(key: &str) -> Self {
        Self::Vector(format!("input `{key}` is missing or malformed"))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Statistics(error)
    }
}

/// Evaluates a function; `expected` only tells which keys are asked for.
///
/// If the inputs list several NaN policies, the answers are the statistic under each.
pub(crate) fn evaluate(
    function: &str,
    inputs: &Value,
    expected: &Answers,
) -> Result<Answers, Failure> {
    let Some(policies) = inputs["nan_policy"].as_array() else {
        return evaluate_once(function, Inputs(inputs), expected);
    };
    let mut result = Answers::new();
    for policy in policies.iter().filter_map(Value::as_str) {
        let mut inputs = inputs.clone();
        inputs["nan_policy"] = json!(policy);
        let answer = match evaluate_once(function, Inputs(&inputs), &Answers::new()) {
            Ok(answers) => ["statistic", "W", "U1"]
                .iter()
                .find_map(|key| answers.get(*key).cloned())
                .ok_or_else(|| Failure::missing("nan_policy"))?,
            Err(Failure::Statistics(error)) => json!(crate::compare::error_name(&error)),
            Err(failure) => return Err(failure),
        };
        // `raise` is a word of Python: the vectors write `raise_`.
        result.insert(format!("{policy}_"), answer.clone());
        result.insert(policy.to_owned(), answer);
    }
    Ok(result)
}

fn evaluate_once(function: &str, inputs: Inputs, expected: &Answers) -> Result<Answers, Failure> {
    let keys: Vec<&str> = expected.keys().map(String::as_str).collect();
    match function {
        "spearmanr" => pairs::spearman(inputs, &keys),
        "pearsonr" => pairs::pearson(inputs, &keys),
        "kendalltau" => pairs::kendall(inputs, &keys),
        "partial_corr" => pairs::partial(inputs, &keys),
        "mannwhitneyu" => pairs::mann_whitney(inputs),
        "wilcoxon" => pairs::wilcoxon(inputs),
        "corr_ci" => correlation_intervals(inputs, &keys),
        "shapiro" => groups::shapiro(inputs),
        "kruskal" => groups::kruskal(inputs),
        "kruskal_effect_size" => groups::kruskal_effect_size(inputs),
        "dunn_test" => groups::dunn(inputs, expected),
        "friedman" => groups::friedman(inputs, &keys),
        "posthoc_conover_friedman" | "conover_friedman" => groups::conover(inputs, &keys),
        "posthoc_nemenyi_friedman" => groups::nemenyi(inputs),
        "f_oneway" => groups::anova(inputs),
        "icc" => groups::icc(inputs),
        "random_intercept_reml" => groups::random_intercept_reml(inputs),
        "proportion_ci" => proportion(inputs),
        "p_adjust" => adjusted(inputs, &keys),
        "boxplot_stats" => box_plots(inputs, &keys),
        "mean_ci" => mean(inputs),
        "describe" => summary(inputs),
        other => Err(Failure::Vector(format!("unknown function `{other}`"))),
    }
}

/// Answers from pairs of key and value.
pub(crate) fn answers<const N: usize>(entries: [(&str, Value); N]) -> Answers {
    entries
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

/// The bounds as a list of two.
pub(crate) fn bounds(interval: &Interval) -> Value {
    numbers(&[interval.lower, interval.upper])
}

/// `ci95_fisher_z` and the like, for a coefficient.
pub(crate) fn interval_by_key(key: &str, r: f64, n: usize) -> Option<Value> {
    let (level, kind) = key.strip_prefix("ci")?.split_once('_')?;
    let kind: CorrelationInterval = kind.parse().ok()?;
    let interval = correlation_interval(r, n, decimals(level)?, kind);
    Some(match interval {
        Ok(interval) => bounds(&interval),
        Err(error) => Value::String(crate::compare::error_name(&error)),
    })
}

/// Splits `pvalue_exact_greater` into (`exact`, greater).
pub(crate) fn p_value_key(key: &str, default: Alternative) -> Option<(&str, Alternative)> {
    let rest = key.strip_prefix("pvalue")?;
    let endings = [
        ("_greater", Alternative::Greater),
        ("_less", Alternative::Less),
        ("_two_sided", Alternative::TwoSided),
    ];
    for (ending, alternative) in endings {
        if let Some(method) = rest.strip_suffix(ending) {
            return Some((method.trim_start_matches('_'), alternative));
        }
    }
    Some((rest.trim_start_matches('_'), default))
}

fn correlation_intervals(inputs: Inputs, keys: &[&str]) -> Result<Answers, Failure> {
    let r = inputs.number("r")?;
    let n = inputs.count("n")? as usize;
    let level = inputs.confidence()?;
    let mut result = Answers::new();
    for &key in keys {
        let value = if let Ok(kind) = key.parse::<CorrelationInterval>() {
            bounds(&correlation_interval(r, n, level, kind)?)
        } else if let Some(digits) = key.strip_prefix("critical_abs_r_alpha") {
            let (alpha, tests) = match digits.split_once("_bonferroni") {
                Some((alpha, tests)) => (alpha, tests.parse().ok()),
                None => (digits, Some(1.0)),
            };
            let (Some(alpha), Some(tests)) = (decimals(alpha), tests) else {
                continue;
            };
            number(critical_correlation(n, alpha / tests)?)
        } else if let Some(("t" | "", alternative)) = p_value_key(key, inputs.alternative()?) {
            number(correlation_p_value(r, n as f64 - 2.0, alternative))
        } else {
            continue;
        };
        result.insert(key.to_owned(), value);
    }
    Ok(result)
}

fn proportion(inputs: Inputs) -> Result<Answers, Failure> {
    let (count, nobs) = (inputs.count("count")?, inputs.count("nobs")?);
    let level = inputs.confidence()?;
    let mut result = Answers::new();
    for method in ProportionInterval::ALL {
        let interval = proportion_interval(count, nobs, level, *method)?;
        result.insert(method.as_str().to_owned(), bounds(&interval));
    }
    let half = wald_half_width(count, nobs, 1.96)?;
    result.insert("paper_wald_halfwidth_z1960".to_owned(), number(half));
    result.insert("estimate".to_owned(), number(count as f64 / nobs as f64));
    Ok(result)
}

fn adjusted(inputs: Inputs, keys: &[&str]) -> Result<Answers, Failure> {
    let p_values = inputs.sample("pvalues")?;
    let mut result = Answers::new();
    for &key in keys {
        if let Some(method) = adjustment(key) {
            result.insert(
                key.to_owned(),
                numbers(&adjust_p_values(&p_values, method)?),
            );
        }
    }
    Ok(result)
}

fn box_plots(inputs: Inputs, keys: &[&str]) -> Result<Answers, Failure> {
    let x = inputs.sample("x")?;
    let whisker = inputs.number_or("whis", 1.5)?;
    let mut result = Answers::new();
    for &key in keys {
        let value = if key == "r_boxplot_stats" {
            let plot = box_plot(&x, Quartiles::Hinges, whisker)?;
            json!({
                "stats": numbers(
                    &[plot.whisker_low, plot.q1, plot.median, plot.q3, plot.whisker_high]
                ),
                "n": plot.n,
                "conf": numbers(&[plot.notch_low, plot.notch_high]),
                "out": numbers(&plot.outliers),
            })
        } else if key == "hinges" {
            plot_entries(&box_plot(&x, Quartiles::Hinges, whisker)?)
        } else if let Some(method) = key.strip_prefix("type").and_then(quantile_type) {
            plot_entries(&box_plot(&x, Quartiles::Quantile(method), whisker)?)
        } else {
            continue;
        };
        result.insert(key.to_owned(), value);
    }
    Ok(result)
}

fn plot_entries(plot: &BoxPlot) -> Value {
    json!({
        "q1": number(plot.q1),
        "median": number(plot.median),
        "q3": number(plot.q3),
        "iqr": number(plot.iqr()),
        "whisker_low": number(plot.whisker_low),
        "whisker_high": number(plot.whisker_high),
        "fliers": numbers(&plot.outliers),
        "n": plot.n,
    })
}

fn mean(inputs: Inputs) -> Result<Answers, Failure> {
    let result = mean_interval(&inputs.sample("x")?, inputs.confidence()?)?;
    Ok(answers([
        ("mean", number(result.interval.estimate)),
        ("sem", number(result.standard_error)),
        ("low", number(result.interval.lower)),
        ("high", number(result.interval.upper)),
        ("half_width", number(result.half_width)),
        ("df", number(result.degrees_of_freedom)),
        ("n", json!(result.n)),
    ]))
}

fn summary(inputs: Inputs) -> Result<Answers, Failure> {
    let s = describe(&inputs.sample("x")?)?;
    let sd = s.standard_deviation.unwrap_or(f64::NAN);
    Ok(answers([
        ("n", json!(s.n)),
        ("mean", number(s.mean)),
        ("sd", number(sd)),
        ("variance", number(sd * sd)),
        ("sem", number(s.standard_error.unwrap_or(f64::NAN))),
        ("min", number(s.minimum)),
        ("q1", number(s.first_quartile)),
        ("median", number(s.median)),
        ("q3", number(s.third_quartile)),
        ("max", number(s.maximum)),
    ]))
}
