//! Scores of heatmaps: at many thresholds, at none, against soft truth.

use seg_metrics::{
    Comparison, EmptyPolicy, PixelAveragePrecision, Sweep, ThresholdStack, average_precision,
    calibration, roc_auc, soft_overlap, threshold_averaged, threshold_sweep,
};
use serde_json::Value;

use super::{Keys, Sheet, plain};
use crate::input::{Found, Inputs, Problem};

pub(crate) fn sweep(inputs: &Value) -> Found<Keys> {
    let inputs = Inputs::new(inputs, &["heatmap", "ref", "thresholds", "roi", "policy"])?;
    let heatmap = inputs.array("heatmap")?;
    let stored = heatmap.mapv(|value| value as f32);
    let reference = inputs.mask("ref")?;
    let thresholds = inputs.numbers("thresholds")?;
    let narrow: Vec<f64> = thresholds.iter().map(|&t| f64::from(t as f32)).collect();
    let region = inputs.region()?;
    let policy = inputs.policy()?;
    let scored = |stack: seg_metrics::Result<ThresholdStack>| -> Found<Sweep> {
        Ok(threshold_sweep(&stack?, &reference, policy)?)
    };
    let mut sheet = Sheet::default();
    for (name, op) in [("ge", Comparison::AtLeast), ("gt", Comparison::Above)] {
        let region = region.as_ref();
        let found = scored(ThresholdStack::new(heatmap.view(), &thresholds, op, region))?;
        sheet.number(&format!("max_iou_{name}"), found.max_iou);
        let best = found.best_threshold.unwrap_or(f64::NAN);
        sheet.number(&format!("argmax_threshold_{name}"), best);
        sheet.number(&format!("mean_iou_{name}"), found.mean_iou);
        sheet.number(&format!("area_{name}"), found.area);
        sheet.list(name, found.iou);
        let wide = scored(ThresholdStack::new(stored.view(), &thresholds, op, region))?;
        sheet.list(&format!("f32_stored_{name}_compared_in_f64"), wide.iou);
        let narrow = scored(ThresholdStack::new(stored.view(), &narrow, op, region))?;
        sheet.list(&format!("f32_stored_{name}_compared_in_f32"), narrow.iou);
    }
    sheet.done()
}

pub(crate) fn score_metrics(inputs: &Value) -> Found<Keys> {
    let names = [
        "heatmap",
        "ref",
        "roi",
        "n_bins",
        "ece_bin",
        "pxap_thresholds_*",
        "policy",
    ];
    let inputs = Inputs::new(inputs, &names)?;
    let heatmap = inputs.array("heatmap")?;
    let reference = inputs.mask("ref")?;
    let region = inputs.region()?;
    let region = region.as_ref();
    let policy = inputs.policy()?;
    let mut sheet = Sheet::default();
    sheet.try_number(
        "roc_auc",
        roc_auc(heatmap.view(), &reference, region, policy),
    );
    let ap = average_precision(heatmap.view(), &reference, region, policy);
    sheet.try_number("average_precision", ap);
    for (name, value) in inputs.names() {
        if let Some(suffix) = name.strip_prefix("pxap_thresholds_") {
            let mut pooled = PixelAveragePrecision::new(&pxap_thresholds(name, value)?)?;
            pooled.add(heatmap.view(), &reference, region)?;
            sheet.try_number(&format!("pxap_{suffix}"), pooled.value(policy));
        }
    }
    let bins = inputs.number("n_bins", Some(10.0))?;
    let truth = reference.to_array().mapv(|set| f64::from(u8::from(set)));
    let found = calibration(heatmap.view(), truth.view(), region, bins as usize)?;
    sheet.number("brier", found.brier);
    for key in [format!("ece{}", plain(bins)), "ece".into()] {
        sheet.number(&key, found.expected);
    }
    for key in [format!("mce{}", plain(bins)), "mce".into()] {
        sheet.number(&key, found.maximum);
    }
    sheet.done()
}

/// A list of thresholds, or `i*STEP for i in 0..COUNT` in words.
fn pxap_thresholds(name: &str, value: &Value) -> Found<Vec<f64>> {
    let bad = || Problem::Schema(format!("input {name} is neither a list nor i*step"));
    if let Some(list) = value.as_array() {
        return list.iter().map(|t| t.as_f64().ok_or_else(bad)).collect();
    }
    let text = value.as_str().ok_or_else(bad)?;
    let after = |text: &str, mark: &str| text.split_once(mark).map(|parts| parts.1.to_owned());
    let leading = |text: String| {
        let end = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text.len());
        text[..end].parse::<f64>().ok()
    };
    let step = after(text, "i*").and_then(leading).ok_or_else(bad)?;
    let count = after(text, "0..").and_then(leading).ok_or_else(bad)?;
    Ok((0..count as usize).map(|i| i as f64 * step).collect())
}

pub(crate) fn soft_metrics(inputs: &Value) -> Found<Keys> {
    let inputs = Inputs::new(inputs, &["pred", "ref", "thresholds", "roi", "policy"])?;
    let (pred, reference) = (inputs.array("pred")?, inputs.array("ref")?);
    let region = inputs.region()?;
    let region = region.as_ref();
    let policy = inputs.policy()?;
    let sums = soft_overlap(pred.view(), reference.view(), region)?;
    let mut sheet = Sheet::default();
    sheet.try_number("soft_iou_product", sums.product_iou(policy));
    sheet.try_number("soft_dice_product", sums.product_dice(policy));
    sheet.try_number("soft_iou_squared", sums.squared_iou(policy));
    sheet.try_number("soft_dice_squared", sums.squared_dice(policy));
    sheet.try_number("fuzzy_iou_minmax", sums.fuzzy_iou(policy));
    sheet.try_number("fuzzy_dice_minmax", sums.fuzzy_dice(policy));
    sheet.try_number("mae", sums.mean_absolute_error(policy));
    sheet.try_number("brier", sums.brier(policy));
    if inputs.raw("thresholds").is_some() {
        let thresholds = inputs.numbers("thresholds")?;
        let empty = EmptyPolicy::One;
        let averaged =
            threshold_averaged(pred.view(), reference.view(), &thresholds, region, empty)?;
        sheet.number("threshold_averaged_dice", averaged.dice);
        sheet.number("threshold_averaged_iou", averaged.iou);
    }
    sheet.done()
}
