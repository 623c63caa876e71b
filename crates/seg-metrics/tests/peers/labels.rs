//! Partitions and classes.

use ndarray::{Array1, Array2};
use seg_metrics::{Background, ClassWeight, EmptyPolicy, class_table, contingency};
use serde_json::Value;

use super::{SINGLE, WRITTEN, cases, integers, near};

fn labels(value: &Value) -> Array1<u32> {
    integers(value)
        .into_iter()
        .map(|label| label as u32)
        .collect()
}

#[test]
fn partitions_compare_as_in_scikit_learn_and_scikit_image() {
    for case in cases(include_str!("../golden/peers/partitions.json"), 300) {
        let (a, b) = (labels(&case["a"]), labels(&case["b"]));
        let table = contingency(a.view(), b.view()).unwrap();
        near(
            table.rand(EmptyPolicy::Error).unwrap(),
            &case["rand"],
            WRITTEN,
            &case,
        );
        near(
            table.adjusted_rand(EmptyPolicy::One).unwrap(),
            &case["ari"],
            WRITTEN,
            &case,
        );
        near(table.mutual_information(), &case["mi"], WRITTEN, &case);
        let voi = table.variation_of_information();
        near(voi.b_given_a, &case["voi"][0], WRITTEN, &case);
        near(voi.a_given_b, &case["voi"][1], WRITTEN, &case);
    }
}

#[test]
fn classes_compare_as_in_scikit_learn_and_monai() {
    for case in cases(include_str!("../golden/peers/classes.json"), 300) {
        let (p, r) = (labels(&case["p"]), labels(&case["r"]));
        let table = class_table(p.view(), r.view(), 4, None, None).unwrap();
        let counts = Array2::from_shape_fn((4, 4), |(r, p)| case["counts"][r][p].as_u64().unwrap());
        assert_eq!(table.counts, counts);
        for (class, iou) in table
            .iou_per_class(EmptyPolicy::One)
            .unwrap()
            .into_iter()
            .enumerate()
        {
            near(iou, &case["monai_iou"][class], SINGLE, &case);
        }
        let dice = table
            .generalised_dice(ClassWeight::Square, Background::Include, EmptyPolicy::One)
            .unwrap();
        near(dice, &case["monai_generalised_dice"], SINGLE, &case);
    }
}
