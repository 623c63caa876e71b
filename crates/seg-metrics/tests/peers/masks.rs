//! Counts, ratios, threshold-free scores and raters.

use ndarray::{Array1, Array2};
use seg_metrics::{
    BitMask, Confusion, EmptyPolicy, RatingScale, average_precision, calibration, confusion,
    fleiss_kappa, krippendorff_alpha, krippendorff_alpha_masks, roc_auc,
};
use serde_json::Value;

use super::{WRITTEN, cases, integers, mask, near, numbers};

#[test]
fn overlap_is_that_of_scikit_learn() {
    for case in cases(include_str!("../golden/peers/overlap.json"), 300) {
        let [p, r, roi] = ["p", "r", "roi"].map(|name| mask(&case, name));
        let counts = confusion(&p, &r, Some(&roi)).unwrap();
        let [tp, fp, fn_, tn] = counts_of(&case["counts"]);
        assert_eq!(counts, Confusion { tp, fp, fn_, tn });
        let zero = EmptyPolicy::Zero;
        near(counts.iou(zero).unwrap(), &case["iou"], WRITTEN, &case);
        near(counts.dice(zero).unwrap(), &case["dice"], WRITTEN, &case);
        near(
            counts.precision(zero).unwrap(),
            &case["precision"],
            WRITTEN,
            &case,
        );
        near(
            counts.recall(zero).unwrap(),
            &case["recall"],
            WRITTEN,
            &case,
        );
        near(
            counts.f_beta(2.0, zero).unwrap(),
            &case["f2"],
            WRITTEN,
            &case,
        );
        near(counts.mcc(zero).unwrap(), &case["mcc"], WRITTEN, &case);
        let kappa = counts.cohens_kappa(EmptyPolicy::Nan).unwrap();
        near(kappa, &case["kappa"], WRITTEN, &case);
    }
}

fn counts_of(value: &Value) -> [u64; 4] {
    let counts = integers(value);
    core::array::from_fn(|at| counts[at] as u64)
}

#[test]
fn rankings_are_those_of_scikit_learn() {
    for case in cases(include_str!("../golden/peers/scores.json"), 300) {
        let heat = Array1::from(numbers(&case["heat"]));
        let truth = Array1::from(numbers(&case["truth"]));
        let set = BitMask::from_bools(truth.mapv(|t| t == 1.0).view());
        let auc = roc_auc(heat.view(), &set, None, EmptyPolicy::Error).unwrap();
        near(auc, &case["auc"], WRITTEN, &case);
        let ap = average_precision(heat.view(), &set, None, EmptyPolicy::Error).unwrap();
        near(ap, &case["ap"], WRITTEN, &case);
        let found = calibration(heat.view(), truth.view(), None, 10).unwrap();
        near(found.brier, &case["brier"], WRITTEN, &case);
        let filled: Vec<_> = found.bins.iter().filter(|bin| bin.n > 0).collect();
        assert_eq!(filled.len(), numbers(&case["confidence"]).len(), "{case}");
        let mut expected = 0.0;
        for (at, bin) in filled.into_iter().enumerate() {
            near(bin.confidence, &case["confidence"][at], WRITTEN, &case);
            near(bin.frequency, &case["frequency"][at], WRITTEN, &case);
            expected += bin.n as f64 / found.n as f64 * (bin.confidence - bin.frequency).abs();
        }
        assert!((found.expected - expected).abs() < 1e-14, "{case}");
    }
}

#[test]
fn raters_agree_as_in_statsmodels_and_krippendorff() {
    for case in cases(include_str!("../golden/peers/raters.json"), 300) {
        let masks: Vec<BitMask> = case["masks"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| {
                let row = Array1::from(numbers(row)).mapv(|pixel| pixel == 1.0);
                BitMask::from_bools(row.view())
            })
            .collect();
        let policy = EmptyPolicy::Error;
        near(
            fleiss_kappa(&masks, None, policy).unwrap(),
            &case["fleiss"],
            WRITTEN,
            &case,
        );
        let alpha = krippendorff_alpha_masks(&masks, None, policy).unwrap();
        near(alpha, &case["alpha_masks"], WRITTEN, &case);
        let rows = case["ratings"].as_array().unwrap();
        let units = rows[0].as_array().unwrap().len();
        let ratings = Array2::from_shape_fn((rows.len(), units), |(rater, unit)| {
            rows[rater][unit].as_f64().unwrap_or(f64::NAN)
        });
        for (name, scale) in [
            ("nominal", RatingScale::Nominal),
            ("ordinal", RatingScale::Ordinal),
            ("interval", RatingScale::Interval),
            ("ratio", RatingScale::Ratio),
        ] {
            let found = krippendorff_alpha(ratings.view(), scale, policy).unwrap();
            near(found, &case[name], WRITTEN, &case);
        }
    }
}
