//! Caveat codes of `tests.csv` -> sentences.

use std::collections::BTreeMap;

use super::names;
use super::rows::TestRow;

/// What a code means, where the program knows.
fn built_in(code: &str) -> Option<&'static str> {
    Some(match code {
        "pseudo_replication" => {
            "Slices of one fillet, and fillets of one fish, are not independent: the test counts more observations than there are, so its p-value is too small."
        }
        "repeated_measures" | "repeated_measures_as_independent" => {
            "The same slices stand in every group, which the test takes for separate samples."
        }
        "no_multiplicity" | "no_multiplicity_correction" => {
            "One of many tests, and its p-value is not corrected for their number."
        }
        "wald_at_boundary" => {
            "A Wald interval at accuracy 0 or 1 has no width; use the Wilson or Clopper–Pearson interval."
        }
        "small_n" | "small_sample" => {
            "Few independent units: the test has little power and its approximation is rough."
        }
        "ties" => "Tied values: the p-value is an approximation.",
        "asymptotic" => "The p-value comes from a large-sample approximation.",
        "confounded" => {
            "Treatment groups differ in both quantities, so the pooled relation may only reflect the groups."
        }
        "selected_maximum" => "Chosen as the largest of several, so it overstates.",
        "two_fillets_per_fish" | "clustered_pairs" => {
            "Two fillets come from one fish; the test takes them for independent."
        }
        "cluster_unknown" => "The fish is not known, so a smaller unit is taken in its place.",
        "no_effect_size" => {
            "A p-value without an effect size says nothing about how large the difference is."
        }
        "no_interval" => "An estimate without an interval.",
        "normality_read_backwards" => {
            "A large p-value was read as if it spoke against normality; it is a small one that does."
        }
        "unequal_weights" => {
            "Units of different size weigh the same, or units of the same worth differently."
        }
        "leakage" => "The test data were seen in training.",
        "tuned_on_outcome" => "A setting was chosen on the data it is then judged by.",
        "compared_by_eye" => "The conclusion was drawn by looking at points or overlapping bars.",
        "chance_agreement" => {
            "IoU grows with the share of tissue that is damaged, even by chance; compare within a treatment only."
        }
        "normality_not_rejected_is_not_normal" => {
            "A large p-value does not show that the values are normal; with few of them the test misses much."
        }
        "single_seed" => {
            "One training run per network: network and random seed cannot be told apart."
        }
        "training_images" => "Some maps belong to images the network was trained on.",
        "image_relative_threshold" => {
            "Each map is scaled by its own maximum, so a threshold is relative to the image and cannot measure amount."
        }
        "uncertain_reference" => "The reference is itself an estimate.",

        "synthetic" => "Computed on a phantom; it carries no conclusion about cod.",
        "built_in" => "The phantom builds this relation in.",
        "not_defined" => "The test is not defined for these data.",
        "empty_masks" => "Pairs with two empty regions are undefined and left out.",
        _ => return None,
    })
}

/// A code with its meaning, or the admission that it has none.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(super) struct Meaning {
    pub(super) code: String,
    pub(super) text: String,
}

/// Splits the `caveats` field: codes are separated by `;`, `|`, `,` or blanks outside brackets.
pub(super) fn split(field: &str) -> Vec<String> {
    let mut codes = vec![String::new()];
    let mut depth = 0usize;
    for c in field.chars() {
        match c {
            '(' | '{' | '[' => depth += 1,
            ')' | '}' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 && (matches!(c, ';' | '|' | ',') || c.is_whitespace()) {
            codes.push(String::new());
        } else if let Some(code) = codes.last_mut() {
            code.push(c);
        }
    }
    codes.retain(|c| !c.is_empty());
    codes
}

/// The name in a code with parameters: `PseudoReplication{n: 5}` -> `pseudo_replication`.
fn bare(code: &str) -> String {
    let name = code.split(['(', '{', '[', ':', '=']).next().unwrap_or(code);
    let mut snake = String::new();
    for (i, c) in name.chars().enumerate() {
        if c.is_uppercase() {
            if i > 0 {
                snake.push('_');
            }
            snake.extend(c.to_lowercase());
        } else {
            snake.push(if c == '-' { '_' } else { c });
        }
    }
    snake
}

/// Meanings of all codes in the tests, each once, in alphabetical order.
pub(super) fn meanings(tests: &[TestRow], given: &BTreeMap<String, String>) -> Vec<Meaning> {
    let codes: BTreeMap<String, ()> = tests
        .iter()
        .flat_map(|t| split(&t.caveats))
        .map(|c| (bare(&c), ()))
        .collect();
    codes
        .into_keys()
        .map(|code| Meaning {
            text: given
                .get(&code)
                .map(String::as_str)
                .or_else(|| built_in(&code))
                .map_or_else(|| format!("{}.", names::words(&code)), str::to_owned),
            code,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_split_and_named() {
        assert_eq!(
            split("pseudo_replication(n=752, n_eff=61); ties|small_n"),
            ["pseudo_replication(n=752, n_eff=61)", "ties", "small_n"]
        );
        assert_eq!(bare("PseudoReplication{n: 5}"), "pseudo_replication");
        assert!(split("").is_empty());
    }
}
