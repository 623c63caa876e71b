//! Claims about overlap with the supervised map and about marked regions.

use super::super::names;
use super::super::study::{Study, extremes, mean};
use super::Finding;
use super::basis::{falls, listed, mean_miou, overlaps, reference, temperatures};

const NO_OVERLAP: &str = "this run has no table of overlaps with a reference";

pub(super) fn falls_with_cold(study: &Study<'_>) -> Finding {
    let Some(reference) = reference(study) else {
        return Finding::lacks(NO_OVERLAP);
    };
    let rows = overlaps(study, &reference);
    let treatments = temperatures(study, rows.iter().map(|r| r.treatment.as_str()));
    if treatments.len() < 2 {
        return Finding::lacks("needs at least two freezing temperatures");
    }
    let mut networks = study.networks(rows.iter().map(|r| r.model.as_str()));
    networks.retain(|n| n != "vgg16");
    let falling = networks
        .iter()
        .filter(|n| {
            let means: Option<Vec<f64>> = treatments
                .iter()
                .map(|t| mean_miou(&rows, |r| r.model == **n && r.treatment == *t))
                .collect();
            means.is_some_and(|m| falls(&m))
        })
        .count();
    let overall: Vec<String> = treatments
        .iter()
        .filter_map(|t| {
            mean_miou(&rows, |r| r.treatment == *t)
                .map(|m| format!("{} {}", names::treatment(t), names::fixed(m, 2)))
        })
        .collect();
    Finding::share(
        falling,
        networks.len(),
        format!(
            "mIoU {} falls with temperature in {falling} of {} networks other than VGG16; mean of all cells: {}",
            reference.words,
            networks.len(),
            names::list(&overall)
        ),
    )
}

/// Mean overlap of each network, over methods and treatments alike.
fn by_network(study: &Study<'_>) -> Option<(String, Vec<(String, f64)>)> {
    let reference = reference(study)?;
    let rows = overlaps(study, &reference);
    let values = study
        .networks(rows.iter().map(|r| r.model.as_str()))
        .into_iter()
        .filter_map(|n| mean_miou(&rows, |r| r.model == n).map(|m| (n, m)))
        .collect();
    Some((reference.words, values))
}

pub(super) fn vgg_least(study: &Study<'_>) -> Finding {
    let Some(reference) = reference(study) else {
        return Finding::lacks(NO_OVERLAP);
    };
    let rows = overlaps(study, &reference);
    let networks = study.networks(rows.iter().map(|r| r.model.as_str()));
    if networks.len() < 2 || !networks.iter().any(|n| n == "vgg16") {
        return Finding::lacks("needs VGG16 and another network");
    }
    let treatments = study.treatments(rows.iter().map(|r| r.treatment.as_str()));
    let mut lowest = Vec::new();
    for t in &treatments {
        let means: Vec<(String, f64)> = networks
            .iter()
            .filter_map(|n| {
                mean_miou(&rows, |r| r.model == *n && r.treatment == *t).map(|m| (n.clone(), m))
            })
            .collect();
        if let Some((low, _)) = extremes(&means, |m| m.1) {
            lowest.push((t, low));
        }
    }
    let hits = lowest.iter().filter(|(_, low)| low.0 == "vgg16").count();
    let told: Vec<String> = lowest
        .iter()
        .map(|(t, low)| {
            format!(
                "{} at {} ({})",
                names::network(&low.0),
                names::treatment(t),
                names::fixed(low.1, 2)
            )
        })
        .collect();
    Finding::share(
        hits,
        lowest.len(),
        format!(
            "lowest mIoU {} (mean over methods): {}",
            reference.words,
            names::list(&told)
        ),
    )
}

pub(super) fn inception_v3_best(study: &Study<'_>) -> Finding {
    let Some((words, values)) = by_network(study) else {
        return Finding::lacks(NO_OVERLAP);
    };
    if values.len() < 2 || !values.iter().any(|v| v.0 == "inception_v3") {
        return Finding::lacks("needs Inception V3 and another network");
    }
    let best = extremes(&values, |v| v.1).map(|(_, high)| high);
    Finding::holds(
        best.is_some_and(|b| b.0 == "inception_v3"),
        format!(
            "mIoU {words}, mean over methods and treatments: {}",
            listed(&values, names::network)
        ),
    )
}

pub(super) fn supervised_order(study: &Study<'_>) -> Finding {
    let rows: Vec<_> = study
        .reference_fractions
        .rows()
        .iter()
        .filter(|r| r.source == "supervised")
        .collect();
    let treatments = temperatures(study, rows.iter().map(|r| r.treatment.as_str()));
    let values: Vec<(String, f64)> = treatments
        .iter()
        .filter_map(|t| {
            let row = rows.iter().find(|r| r.treatment == *t)?;
            row.mean.map(|m| (t.clone(), m))
        })
        .collect();
    if values.len() < 2 {
        return Finding::lacks("this run has no supervised map for two freezing temperatures");
    }
    Finding::holds(
        falls(&values.iter().map(|v| v.1).collect::<Vec<_>>()),
        format!(
            "share of tissue that the supervised map calls damaged: {}",
            listed(&values, names::treatment)
        ),
    )
}

pub(super) fn cold_is_low(study: &Study<'_>) -> Finding {
    let Some(reference) = reference(study) else {
        return Finding::lacks(NO_OVERLAP);
    };
    let rows = overlaps(study, &reference);
    let Some(coldest) = temperatures(study, rows.iter().map(|r| r.treatment.as_str())).pop() else {
        return Finding::lacks("needs a freezing temperature");
    };
    let values: Vec<f64> = rows
        .iter()
        .filter(|r| r.treatment == coldest)
        .filter_map(|r| r.miou)
        .collect();
    let low = values.iter().filter(|v| **v < 0.5).count();
    Finding::share(
        low,
        values.len(),
        format!(
            "mIoU {} at {} is below 0.5 in {low} of {} cells",
            reference.words,
            names::treatment(&coldest),
            values.len()
        ),
    )
}

/// Mean marked share over the treatments, of the rows that are wanted.
fn share(study: &Study<'_>, network: &str, method: Option<&str>) -> Option<f64> {
    let values: Vec<f64> = study
        .fractions
        .rows()
        .iter()
        .filter(|r| study.is_headline(r.threshold) && r.group != "other class")
        .filter(|r| r.model == network && method.is_none_or(|m| r.method == m))
        .filter_map(|r| r.mean)
        .collect();
    mean(&values)
}

pub(super) fn small_and_large(study: &Study<'_>) -> Finding {
    let networks = study.networks(study.fractions.rows().iter().map(|r| r.model.as_str()));
    let values: Vec<(String, f64)> = networks
        .into_iter()
        .filter_map(|n| share(study, &n, None).map(|s| (n, s)))
        .collect();
    let side = |small: bool| -> Vec<f64> {
        values
            .iter()
            .filter(|(n, _)| {
                if small {
                    n == "resnet50" || n == "vgg16"
                } else {
                    n.starts_with("inception") || n == "xception"
                }
            })
            .map(|v| v.1)
            .collect()
    };
    let (small, large) = (side(true), side(false));
    if small.is_empty() || large.is_empty() {
        return Finding::lacks("needs ResNet50 or VGG16, and an Inception network or Xception");
    }
    let least = large.iter().copied().fold(f64::INFINITY, f64::min);
    let below = small.iter().filter(|s| **s < least).count();
    Finding::share(
        below,
        small.len(),
        format!(
            "mean marked share of the tissue: {}",
            listed(&values, names::network)
        ),
    )
}

/// The five methods in the order of their publication.
const BY_AGE: [&str; 4] = ["grad_cam", "grad_cam_plus_plus", "score_cam", "layer_cam"];

pub(super) fn newer_is_not_more(study: &Study<'_>) -> Finding {
    let networks = study.networks(study.fractions.rows().iter().map(|r| r.model.as_str()));
    let mut judged = 0;
    let mut rising = Vec::new();
    for network in &networks {
        let shares: Vec<f64> = BY_AGE
            .iter()
            .filter_map(|m| share(study, network, Some(m)))
            .collect();
        if shares.len() < 3 {
            continue;
        }
        judged += 1;
        if shares.windows(2).all(|w| w[1] > w[0]) {
            rising.push(names::network(network));
        }
    }
    if judged == 0 {
        return Finding::lacks(
            "needs at least three of the methods Grad-CAM, Grad-CAM++, Score-CAM and Layer-CAM",
        );
    }
    let mut text = format!(
        "the marked share rises with every newer method (2017, 2018, 2020, 2021) on {} of {judged} networks",
        rising.len()
    );
    let distances: Vec<f64> = study
        .peaks
        .rows()
        .iter()
        .filter_map(|r| r.peak_distance_share)
        .collect();
    if let Some(d) = mean(&distances) {
        text.push_str(&format!(
            "; the strongest points of two methods on one network lie {} of the side of the image apart on average",
            names::percent(d)
        ));
    }
    Finding::share(judged - rising.len(), judged, text)
}

pub(super) fn xception_centre(study: &Study<'_>) -> Finding {
    let rows: Vec<_> = study
        .depth
        .rows()
        .iter()
        .filter(|r| r.model == "xception")
        .collect();
    let methods = study.methods(rows.iter().map(|r| r.method.as_str()));
    if methods.is_empty() {
        return Finding::lacks("this run has no table of map value by depth for Xception");
    }
    let mut centre = 0;
    let mut told = Vec::new();
    for method in &methods {
        let here: Vec<_> = rows.iter().filter(|r| r.method == *method).collect();
        let edge = here
            .iter()
            .min_by(|a, b| a.depth_from.total_cmp(&b.depth_from))
            .and_then(|r| r.mean);
        let core = here
            .iter()
            .max_by(|a, b| a.depth_to.total_cmp(&b.depth_to))
            .and_then(|r| r.mean);
        if let (Some(edge), Some(core)) = (edge, core) {
            centre += usize::from(core > edge);
            told.push(format!(
                "{} {} at the edge, {} in the core",
                names::method(method),
                names::fixed(edge, 2),
                names::fixed(core, 2)
            ));
        }
    }
    Finding::share(
        centre,
        told.len(),
        format!("mean value of the maps of Xception: {}", told.join("; ")),
    )
}
