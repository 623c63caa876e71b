//! Distances between outlines and surfaces, distance transforms, rims.

use seg_metrics::{
    EmptyDistance, EmptyPolicy, HausdorffConvention, RimDistance, RimWidth, boundary_f1,
    boundary_iou, distance_transform, outline_distances, surfel_distances, trimap_iou,
};

use super::{SINGLE, WRITTEN, cases, mask, near, number, numbers};

#[test]
fn outlines_are_as_far_apart_as_in_medpy_and_monai() {
    for case in cases(include_str!("../golden/peers/outline.json"), 300) {
        let (p, r) = (mask(&case, "p"), mask(&case, "r"));
        let spacing = numbers(&case["spacing"]);
        let found = outline_distances(&p, &r, &spacing, EmptyDistance::default()).unwrap();
        let percentile = |convention| found.hausdorff_percentile(95.0, convention).unwrap();
        near(
            found.hausdorff().unwrap(),
            &case["medpy_hd"],
            WRITTEN,
            &case,
        );
        near(
            percentile(HausdorffConvention::Pooled),
            &case["medpy_hd95"],
            WRITTEN,
            &case,
        );
        near(
            found.average_from_prediction().unwrap(),
            &case["medpy_asd"],
            WRITTEN,
            &case,
        );
        near(
            found.average_symmetric().unwrap(),
            &case["medpy_assd"],
            WRITTEN,
            &case,
        );
        near(
            percentile(HausdorffConvention::MaxOfDirected),
            &case["monai_hd95"],
            SINGLE,
            &case,
        );
        near(
            found.average_symmetric().unwrap(),
            &case["monai_assd"],
            SINGLE,
            &case,
        );
        let nsd = found
            .surface_dice(number(&case["tolerance"]), EmptyPolicy::Nan)
            .unwrap();
        near(nsd, &case["monai_nsd"], SINGLE, &case);
    }
}

#[test]
fn surfaces_are_as_large_and_as_far_apart_as_in_surface_distance() {
    for case in cases(include_str!("../golden/peers/surfel.json"), 300) {
        let (p, r) = (mask(&case, "p"), mask(&case, "r"));
        let spacing = numbers(&case["spacing"]);
        let tolerance = number(&case["tolerance"]);
        let found = surfel_distances(&p, &r, &spacing, EmptyDistance::default()).unwrap();
        let area = |surfels: &[seg_metrics::Surfel]| surfels.iter().map(|s| s.area).sum::<f64>();
        near(
            area(&found.from_reference),
            &case["area"][0],
            WRITTEN,
            &case,
        );
        near(
            area(&found.from_prediction),
            &case["area"][1],
            WRITTEN,
            &case,
        );
        near(
            found.hausdorff_percentile(100.0).unwrap(),
            &case["hd100"],
            WRITTEN,
            &case,
        );
        near(
            found.hausdorff_percentile(80.0).unwrap(),
            &case["hd80"],
            WRITTEN,
            &case,
        );
        near(
            found.average_from_reference().unwrap(),
            &case["asd"][0],
            WRITTEN,
            &case,
        );
        near(
            found.average_from_prediction().unwrap(),
            &case["asd"][1],
            WRITTEN,
            &case,
        );
        let overlap = found.surface_overlap(tolerance, EmptyPolicy::Nan).unwrap();
        near(overlap.reference, &case["overlap"][0], WRITTEN, &case);
        near(overlap.prediction, &case["overlap"][1], WRITTEN, &case);
        let dice = found.surface_dice(tolerance, EmptyPolicy::Nan).unwrap();
        near(dice, &case["dice"], WRITTEN, &case);
    }
}

#[test]
fn distance_transforms_are_those_of_scipy() {
    for case in cases(include_str!("../golden/peers/transform.json"), 300) {
        let found = distance_transform(&mask(&case, "p"), &numbers(&case["spacing"])).unwrap();
        near(found.sum(), &case["sum"], WRITTEN, &case);
        let greatest = found.iter().copied().fold(0.0, f64::max);
        near(greatest, &case["max"], WRITTEN, &case);
        let weighted: f64 = found.iter().enumerate().map(|(at, d)| at as f64 * d).sum();
        near(weighted, &case["weighted"], WRITTEN, &case);
    }
}

#[test]
fn rims_are_those_of_repeated_erosion() {
    for case in cases(include_str!("../golden/peers/rim.json"), 300) {
        let (p, r) = (mask(&case, "p"), mask(&case, "r"));
        let width = RimWidth::Pixels(case["d"].as_u64().unwrap() as usize);
        let found = boundary_iou(&p, &r, width, RimDistance::Chessboard, EmptyPolicy::Nan);
        near(found.unwrap(), &case["iou"], WRITTEN, &case);
    }
}

#[test]
fn bands_and_outlines_are_those_of_distance_transforms() {
    for case in cases(include_str!("../golden/peers/rim.json"), 300) {
        let (p, r) = (mask(&case, "p"), mask(&case, "r"));
        let (spacing, width) = (numbers(&case["spacing"]), number(&case["tolerance"]));
        let band = trimap_iou(&p, &r, width, &spacing, EmptyPolicy::Nan).unwrap();
        assert_eq!(Some(band.pixels), case["band"].as_u64(), "{case}");
        near(band.iou, &case["trimap"], WRITTEN, &case);
        let outline = boundary_f1(&p, &r, width, &spacing, EmptyPolicy::Nan).unwrap();
        near(outline.precision, &case["precision"], WRITTEN, &case);
        near(outline.recall, &case["recall"], WRITTEN, &case);
        near(outline.f1, &case["f1"], WRITTEN, &case);
    }
}
