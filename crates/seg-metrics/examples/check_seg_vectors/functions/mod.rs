//! The functions of the vector files, by name.

mod agreement;
mod overlap;
mod scores;
mod surface;

use std::collections::BTreeMap;

use seg_metrics::Error;
use serde_json::Value;

use crate::check::Actual;
use crate::input::{Found, Problem};

/// Functions of vector files that the crate cam-stats knows.
pub(crate) const OF_THE_STATS_CRATE: &[&str] = &[
    "boxplot_stats",
    "conover_friedman",
    "corr_ci",
    "describe",
    "dunn_test",
    "f_oneway",
    "friedman",
    "icc",
    "kendalltau",
    "kruskal",
    "kruskal_effect_size",
    "mannwhitneyu",
    "mean_ci",
    "p_adjust",
    "partial_corr",
    "pearsonr",
    "posthoc_conover_friedman",
    "posthoc_nemenyi_friedman",
    "proportion_ci",
    "random_intercept_reml",
    "shapiro",
    "spearmanr",
    "wilcoxon",
];

/// Every key the function knows; `None` if there is no such function.
pub(crate) fn evaluate(function: &str, inputs: &Value) -> Option<Actual> {
    let found = match function {
        "boundary_metrics" => surface::boundary_metrics(inputs),
        "confusion_metrics" => overlap::confusion_metrics(inputs),
        "empty_policy" => overlap::empty_policy(inputs),
        "iou_paper_compat" => overlap::iou_paper_compat(inputs),
        "krippendorff_alpha" => agreement::krippendorff(inputs),
        "multi_rater_agreement" => agreement::multi_rater(inputs),
        "multiclass_metrics" => overlap::multiclass_metrics(inputs),
        "pairwise_agreement" => agreement::pairwise(inputs),
        "partition_metrics" => agreement::partition_metrics(inputs),
        "score_metrics" => scores::score_metrics(inputs),
        "soft_metrics" => scores::soft_metrics(inputs),
        "surface_metrics" => surface::surface_metrics(inputs),
        "threshold_sweep" => scores::sweep(inputs),
        _ => return None,
    };
    Some(found.map_or_else(|problem| Actual::Error(name_of(&problem)), Actual::Map))
}

/// The keys a function found.
type Keys = BTreeMap<String, Actual>;

/// Adds the keys of a function.
#[derive(Default)]
struct Sheet(Keys);

impl Sheet {
    fn number(&mut self, key: &str, value: impl Into<f64>) {
        self.0.insert(key.into(), Actual::Number(value.into()));
    }

    /// A number, or the error that stands in its place.
    fn try_number(&mut self, key: &str, value: seg_metrics::Result<f64>) {
        let actual = value.map_or_else(|error| Actual::Error(variant(&error)), Actual::Number);
        self.0.insert(key.into(), actual);
    }

    fn count(&mut self, key: &str, value: u64) {
        self.number(key, value as f64);
    }

    fn list(&mut self, key: &str, values: impl IntoIterator<Item = f64>) {
        let list = values.into_iter().map(Actual::Number).collect();
        self.0.insert(key.into(), Actual::List(list));
    }

    fn map(&mut self, key: &str, inner: Sheet) {
        self.0.insert(key.into(), Actual::Map(inner.0));
    }

    fn done(self) -> Found<Keys> {
        Ok(self.0)
    }
}

fn name_of(problem: &Problem) -> String {
    match problem {
        Problem::Schema(why) => format!("Schema: {why}"),
        Problem::Library(error) => variant(error),
    }
}

/// The name of an error's variant.
fn variant(error: &Error) -> String {
    let text = format!("{error:?}");
    text.split([' ', '{', '('])
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// A percentile as it stands in a key: 95, 99.5.
fn plain(number: f64) -> String {
    format!("{number}")
}
