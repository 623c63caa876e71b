//! Agreement of several masks, raters or partitions.

use ndarray::Ix2;
use seg_metrics::{
    BitMask, EmptyPolicy, RatingScale, ThresholdStack, contingency, fleiss_kappa, gwet_ac1,
    krippendorff_alpha, krippendorff_alpha_masks, mean_pairwise_accuracy, mean_pairwise_kappa,
    pairwise_agreement,
};
use serde_json::Value;

use super::{Keys, Sheet};
use crate::input::{Found, Inputs, Problem, array, mask};

pub(crate) fn pairwise(inputs: &Value) -> Found<Keys> {
    let inputs = Inputs::new(inputs, &["heatmaps", "roi", "threshold", "op"])?;
    let region = inputs.region()?;
    let threshold = inputs.number("threshold", None)?;
    let comparison = inputs.comparison()?;
    let mut stacks = Vec::new();
    for heatmap in inputs.list("heatmaps")? {
        let heatmap = array(heatmap)?;
        let thresholds = [threshold];
        let stack = ThresholdStack::new(heatmap.view(), &thresholds, comparison, region.as_ref())?;
        stacks.push(stack);
    }
    let stacks: Vec<&ThresholdStack> = stacks.iter().collect();
    let under =
        |policy| pairwise_agreement(&stacks, policy).map(|mut found| found.levels.remove(0));
    let mut sheet = Sheet::default();
    let nan = under(EmptyPolicy::Nan)?;
    sheet.number("phi_empty_skip", nan.phi);
    sheet.number("phi_empty_nan", nan.phi_or_nan());
    sheet.count("n_undefined", nan.n_undefined as u64);
    sheet.number("expected_phi", nan.expected_phi);
    sheet.number("mean_coverage", nan.mean_coverage());
    sheet.list("coverage", nan.coverage.clone());
    sheet.list("pairwise", nan.pairs);
    sheet.number("phi_empty_one", under(EmptyPolicy::One)?.phi);
    sheet.number("phi_empty_zero", under(EmptyPolicy::Zero)?.phi);
    let released = seg_metrics::compat::released_code::phi(&stacks)?;
    sheet.number("released_code", released.levels[0].phi);
    sheet.done()
}

pub(crate) fn multi_rater(inputs: &Value) -> Found<Keys> {
    let inputs = Inputs::new(inputs, &["masks", "roi", "policy"])?;
    let masks: Vec<BitMask> = inputs
        .list("masks")?
        .iter()
        .map(mask)
        .collect::<Result<_, _>>()?;
    let region = inputs.region()?;
    let region = region.as_ref();
    let policy = inputs.policy()?;
    let mut sheet = Sheet::default();
    sheet.try_number("fleiss_kappa", fleiss_kappa(&masks, region, policy));
    let alpha = krippendorff_alpha_masks(&masks, region, policy);
    sheet.try_number("krippendorff_alpha_nominal", alpha);
    let kappa = mean_pairwise_kappa(&masks, region, policy);
    sheet.try_number("mean_pairwise_cohens_kappa", kappa);
    let agreement = mean_pairwise_accuracy(&masks, region, policy);
    sheet.try_number("mean_pairwise_agreement", agreement);
    sheet.try_number("gwet_ac1", gwet_ac1(&masks, region, policy));
    sheet.done()
}

pub(crate) fn krippendorff(inputs: &Value) -> Found<Keys> {
    let inputs = Inputs::new(inputs, &["reliability_data", "policy"])?;
    let ratings = inputs.array("reliability_data")?;
    let ratings = ratings
        .into_dimensionality::<Ix2>()
        .map_err(|error| Problem::Schema(error.to_string()))?;
    let policy = inputs.policy()?;
    let mut sheet = Sheet::default();
    for (name, scale) in [
        ("nominal", RatingScale::Nominal),
        ("ordinal", RatingScale::Ordinal),
        ("interval", RatingScale::Interval),
        ("ratio", RatingScale::Ratio),
    ] {
        sheet.try_number(name, krippendorff_alpha(ratings.view(), scale, policy));
    }
    sheet.done()
}

pub(crate) fn partition_metrics(inputs: &Value) -> Found<Keys> {
    let inputs = Inputs::new(inputs, &["a", "b", "policy"])?;
    let (a, b) = (inputs.labels("a")?, inputs.labels("b")?);
    let policy = inputs.policy()?;
    let table = contingency(a.view(), b.view())?;
    let information = table.variation_of_information();
    let mut sheet = Sheet::default();
    sheet.try_number("rand", table.rand(policy));
    sheet.try_number("adjusted_rand", table.adjusted_rand(policy));
    sheet.number("voi_sum_bits", information.sum());
    sheet.list(
        "voi_skimage",
        [information.b_given_a, information.a_given_b],
    );
    sheet.number("mutual_information_nats", table.mutual_information());
    sheet.done()
}
