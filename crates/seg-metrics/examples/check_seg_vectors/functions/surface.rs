//! Distances between outlines, and scores of outlines.

use seg_metrics::{
    BothEmptyDistance, EmptyDistance, HausdorffConvention, OneEmptyDistance, RimDistance, RimWidth,
    boundary_f1, boundary_iou, outline_distances, surfel_distances, trimap_iou,
};
use serde_json::Value;

use super::{Keys, Sheet, plain};
use crate::input::{Found, Inputs};

pub(crate) fn surface_metrics(inputs: &Value) -> Found<Keys> {
    let names = [
        "pred",
        "ref",
        "spacing",
        "tolerance",
        "percentile",
        "policy",
    ];
    let inputs = Inputs::new(inputs, &names)?;
    let (pred, reference) = (inputs.mask("pred")?, inputs.mask("ref")?);
    let spacing = inputs.spacing(pred.shape().len())?;
    let tolerance = inputs.number("tolerance", Some(1.0))?;
    let percentile = inputs.number("percentile", Some(95.0))?;
    let policy = inputs.policy()?;
    let empty = EmptyDistance {
        one: OneEmptyDistance::Infinite,
        both: BothEmptyDistance::Nan,
    };
    let pixel = outline_distances(&pred, &reference, &spacing, empty)?;
    let mut sheet = Sheet::default();
    sheet.count("n_boundary_pred", pixel.from_prediction.len() as u64);
    sheet.count("n_boundary_ref", pixel.from_reference.len() as u64);
    sheet.try_number("hausdorff", pixel.hausdorff());
    let mut by_convention = Sheet::default();
    for (name, convention) in [
        ("max_of_directed", HausdorffConvention::MaxOfDirected),
        ("pooled", HausdorffConvention::Pooled),
    ] {
        by_convention.try_number(name, pixel.hausdorff_percentile(percentile, convention));
    }
    let percentile_key = format!("hausdorff{}", plain(percentile));
    sheet.try_number("asd_pred_to_ref", pixel.average_from_prediction());
    sheet.try_number("asd_ref_to_pred", pixel.average_from_reference());
    sheet.try_number("assd", pixel.average_symmetric());
    sheet.try_number("masd", pixel.masd());
    sheet.try_number("nsd_pixel", pixel.surface_dice(tolerance, policy));
    if let Ok(surfel) = surfel_distances(&pred, &reference, &spacing, empty) {
        let mut deepmind = Sheet::default();
        deepmind.try_number("asd_gt_to_pred", surfel.average_from_reference());
        deepmind.try_number("asd_pred_to_gt", surfel.average_from_prediction());
        deepmind.try_number("hausdorff100", surfel.hausdorff_percentile(100.0));
        deepmind.try_number(&percentile_key, surfel.hausdorff_percentile(percentile));
        let overlap = surfel.surface_overlap(tolerance, policy)?;
        deepmind.list("surface_overlap", [overlap.reference, overlap.prediction]);
        deepmind.try_number("surface_dice", surfel.surface_dice(tolerance, policy));
        by_convention.try_number("surfel_weighted", surfel.hausdorff_percentile(percentile));
        sheet.try_number("nsd_surfel", surfel.surface_dice(tolerance, policy));
        sheet.map("deepmind", deepmind);
    }
    sheet.map(&percentile_key, by_convention);
    sheet.done()
}

pub(crate) fn boundary_metrics(inputs: &Value) -> Found<Keys> {
    let names = [
        "pred",
        "ref",
        "d",
        "tolerance",
        "trimap_width",
        "spacing",
        "policy",
    ];
    let inputs = Inputs::new(inputs, &names)?;
    let (pred, reference) = (inputs.mask("pred")?, inputs.mask("ref")?);
    let spacing = inputs.spacing(pred.shape().len())?;
    let policy = inputs.policy()?;
    let width = RimWidth::Pixels(inputs.number("d", Some(1.0))? as usize);
    let mut sheet = Sheet::default();
    for (key, distance) in [
        ("boundary_iou_chessboard", RimDistance::Chessboard),
        ("boundary_iou_metrics_reloaded", RimDistance::Euclidean),
    ] {
        sheet.try_number(
            key,
            boundary_iou(&pred, &reference, width, distance, policy),
        );
    }
    let tolerance = inputs.number("tolerance", Some(1.0))?;
    let outline = boundary_f1(&pred, &reference, tolerance, &spacing, policy)?;
    sheet.number("boundary_precision", outline.precision);
    sheet.number("boundary_recall", outline.recall);
    sheet.number("boundary_f1", outline.f1);
    let width = inputs.number("trimap_width", Some(1.0))?;
    let trimap = trimap_iou(&pred, &reference, width, &spacing, policy)?;
    sheet.number("trimap_iou", trimap.iou);
    sheet.count("trimap_pixels", trimap.pixels);
    sheet.done()
}
