//! Overlap of masks and label maps.

use seg_metrics::compat::libraries::Library;
use seg_metrics::compat::released_code;
use seg_metrics::{
    Background, BitMask, BothEmptyDistance, ClassWeight, Comparison, Confusion, EmptyDistance,
    EmptyPolicy, OneEmptyDistance, RimDistance, RimWidth, boundary_iou, class_table, confusion,
    outline_distances,
};
use serde_json::Value;

use super::{Keys, Sheet};
use crate::input::{Found, Inputs, Problem, label, mask};

pub(crate) fn confusion_metrics(inputs: &Value) -> Found<Keys> {
    let inputs = Inputs::new(inputs, &["pred", "ref", "roi", "policy", "beta"])?;
    let (pred, reference) = (inputs.mask("pred")?, inputs.mask("ref")?);
    let counts = confusion(&pred, &reference, inputs.region()?.as_ref())?;
    let policy = inputs.policy()?;
    let mut sheet = Sheet::default();
    sheet.count("tp", counts.tp);
    sheet.count("fp", counts.fp);
    sheet.count("fn", counts.fn_);
    sheet.count("tn", counts.tn);
    type Score = fn(&Confusion, EmptyPolicy) -> seg_metrics::Result<f64>;
    let scores: [(&str, Score); 13] = [
        ("iou", Confusion::iou),
        ("dice", Confusion::dice),
        ("precision", Confusion::precision),
        ("recall", Confusion::recall),
        ("specificity", Confusion::specificity),
        ("accuracy", Confusion::accuracy),
        ("volumetric_similarity", Confusion::volumetric_similarity),
        ("volume_difference", Confusion::volume_difference),
        ("mcc", Confusion::mcc),
        ("cohens_kappa", Confusion::cohens_kappa),
        ("expected_iou_independent", Confusion::expected_iou),
        ("expected_iou", Confusion::expected_iou),
        ("chance_corrected_iou", Confusion::chance_corrected_iou),
    ];
    for (key, score) in scores {
        sheet.try_number(key, score(&counts, policy));
    }
    for (key, beta) in [("f1", 1.0), ("f2", 2.0), ("f0_5", 0.5)] {
        sheet.try_number(key, counts.f_beta(beta, policy));
    }
    sheet.try_number(
        "f_beta",
        counts.f_beta(inputs.number("beta", Some(1.0))?, policy),
    );
    sheet.done()
}

pub(crate) fn empty_policy(inputs: &Value) -> Found<Keys> {
    let inputs = Inputs::new(inputs, &["cases", "spacing", "tolerance"])?;
    let Some(cases) = inputs.raw("cases").and_then(Value::as_object) else {
        return Err(Problem::Schema("cases is not an object".into()));
    };
    let mut sheet = Sheet::default();
    for (name, pair) in cases {
        let [pred, reference] = [mask(&pair[0])?, mask(&pair[1])?];
        let spacing = inputs.spacing(pred.shape().len())?;
        let tolerance = inputs.number("tolerance", Some(1.0))?;
        sheet.map(name, one_case(&pred, &reference, &spacing, tolerance)?);
    }
    sheet.done()
}

fn one_case(pred: &BitMask, reference: &BitMask, spacing: &[f64], tolerance: f64) -> Found<Sheet> {
    let counts = confusion(pred, reference, None)?;
    let mut sheet = Sheet::default();
    let policies = [
        ("nan", EmptyPolicy::Nan),
        ("one", EmptyPolicy::One),
        ("zero", EmptyPolicy::Zero),
    ];
    for (name, policy) in policies {
        let mut inner = Sheet::default();
        inner.try_number("iou", counts.iou(policy));
        inner.try_number("dice", counts.dice(policy));
        sheet.map(&format!("policy_{name}"), inner);
    }
    sheet.try_number("iou", counts.iou(EmptyPolicy::Nan));
    sheet.try_number("dice", counts.dice(EmptyPolicy::Nan));
    let hausdorff = |one, both| {
        let empty = EmptyDistance { one, both };
        outline_distances(pred, reference, spacing, empty)?.hausdorff()
    };
    let infinite = hausdorff(OneEmptyDistance::Infinite, BothEmptyDistance::Nan);
    sheet.try_number("hausdorff_inf_convention", infinite);
    let by_library = |library: Library| {
        let plain = hausdorff(OneEmptyDistance::Error, BothEmptyDistance::Error);
        library.empty_hausdorff(&counts)?.map_or(plain, Ok)
    };
    let libraries = [
        ("monai_ignore_empty", Library::MonaiIgnoreEmpty),
        ("monai_keep_empty", Library::MonaiKeepEmpty),
        ("sklearn", Library::Sklearn),
        ("medpy", Library::Medpy),
        ("metrics_reloaded", Library::MetricsReloaded),
        ("torchmetrics", Library::Torchmetrics),
        ("simpleitk", Library::SimpleItk),
        ("seg_metrics_pypi", Library::SegMetricsPypi),
    ];
    for (name, library) in libraries {
        let mut inner = Sheet::default();
        inner.number("iou", library.iou(&counts));
        inner.number("dice", library.dice(&counts));
        inner.try_number("hausdorff", by_library(library));
        let distances = outline_distances(pred, reference, spacing, EmptyDistance::default())?;
        inner.try_number("nsd", distances.surface_dice(tolerance, EmptyPolicy::One));
        let rim = (RimWidth::Pixels(1), RimDistance::Euclidean);
        inner.try_number(
            "boundary_iou",
            boundary_iou(pred, reference, rim.0, rim.1, EmptyPolicy::One),
        );
        sheet.map(name, inner);
    }
    for (key, library) in [
        ("monai_hd", Library::MonaiIgnoreEmpty),
        ("metrics_reloaded_hd", Library::MetricsReloaded),
        ("medpy_hd", Library::Medpy),
        ("simpleitk_hd", Library::SimpleItk),
    ] {
        sheet.try_number(key, by_library(library));
    }
    Ok(sheet)
}

pub(crate) fn iou_paper_compat(inputs: &Value) -> Found<Keys> {
    let inputs = Inputs::new(
        inputs,
        &["heatmap", "supervised_labels", "image", "threshold"],
    )?;
    let heatmap = inputs.array("heatmap")?;
    let labels = inputs.labels("supervised_labels")?;
    let image = inputs.array("image")?;
    let threshold = inputs.number("threshold", None)?;
    let mut sheet = Sheet::default();
    let released = released_code::iou(heatmap.view(), labels.view(), image.view(), threshold)?;
    sheet.number("released_code", released);
    let region = released_code::region(image.view())?;
    let comparison = Comparison::AtLeast;
    let mask = BitMask::from_threshold(heatmap.view(), threshold, comparison, Some(&region))?;
    let damaged = released_code::damaged_mask(labels.view())?;
    let corrected = confusion(&mask, &damaged, Some(&region))?;
    sheet.try_number("corrected", corrected.iou(EmptyPolicy::Nan));
    sheet.done()
}

pub(crate) fn multiclass_metrics(inputs: &Value) -> Found<Keys> {
    let names = [
        "pred",
        "ref",
        "roi",
        "num_classes",
        "ignore_label",
        "ignore_index",
        "policy",
    ];
    let inputs = Inputs::new(inputs, &names)?;
    let (pred, reference) = (inputs.labels("pred")?, inputs.labels("ref")?);
    let classes = inputs.number("num_classes", None)? as usize;
    let ignored = inputs
        .raw("ignore_label")
        .or_else(|| inputs.raw("ignore_index"));
    let ignored = ignored.and_then(Value::as_f64).map(label);
    let region = inputs.region()?;
    let policy = inputs.policy()?;
    let table = class_table(
        pred.view(),
        reference.view(),
        classes,
        ignored,
        region.as_ref(),
    )?;
    let mut sheet = Sheet::default();
    sheet.list("iou_per_class", table.iou_per_class(policy)?);
    sheet.list("dice_per_class", table.dice_per_class(policy)?);
    sheet.number(
        "miou_with_background",
        table.mean_iou(Background::Include, policy)?.mean,
    );
    sheet.number(
        "miou_without_background",
        table.mean_iou(Background::Exclude, policy)?.mean,
    );
    sheet.try_number(
        "frequency_weighted_iou",
        table.frequency_weighted_iou(policy),
    );
    sheet.try_number("pixel_accuracy", table.pixel_accuracy(policy));
    for (name, weight) in [
        ("square", ClassWeight::Square),
        ("simple", ClassWeight::Simple),
        ("uniform", ClassWeight::Uniform),
    ] {
        let found = table.generalised_dice(weight, Background::Include, policy);
        sheet.try_number(&format!("generalized_dice_{name}"), found);
    }
    sheet.done()
}
