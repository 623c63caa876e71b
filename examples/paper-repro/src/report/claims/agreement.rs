//! Claims about agreement between maps.

use super::super::names;
use super::super::study::{Study, extremes, thresholds};
use super::Finding;
use super::basis::{at, listed, medians};

const NO_METHODS: &str = "this run has no agreement across methods";
const NO_NETWORKS: &str = "this run has no agreement across networks";

pub(super) fn ranking(study: &Study<'_>) -> Finding {
    let values = medians(study, study.across_methods.rows());
    let of = |name: &str| values.iter().find(|v| v.0 == name).map(|v| v.1);
    let v4 = of("inception_resnet_v2").or(of("inception_v4"));
    let (Some(x), Some(v3), Some(v4), Some(dense), Some(res)) = (
        of("xception"),
        of("inception_v3"),
        v4,
        of("densenet121"),
        of("resnet50"),
    ) else {
        return Finding::lacks(
            "needs agreement across methods of Xception, Inception V3, Inception V4 (or Inception-ResNet V2), DenseNet121 and ResNet50",
        );
    };
    let steps = [x.min(v3) > v4.max(dense), v4.min(dense) > res];
    Finding::share(
        steps.iter().filter(|s| **s).count(),
        steps.len(),
        format!(
            "medians across methods: {}",
            listed(&values, names::network)
        ),
    )
}

pub(super) fn networks_below_methods(study: &Study<'_>) -> Finding {
    let methods: Vec<(String, f64)> = medians(study, study.across_methods.rows())
        .into_iter()
        .filter(|v| v.0 != "resnet50")
        .collect();
    let networks = medians(study, study.across_networks.rows());
    let (Some((least, _)), Some((_, most))) =
        (extremes(&methods, |v| v.1), extremes(&networks, |v| v.1))
    else {
        return Finding::lacks("needs agreement across methods and across networks");
    };
    let below = networks.iter().filter(|v| v.1 < least.1).count();
    Finding::share(
        below,
        networks.len(),
        format!(
            "highest median across networks {} ({}); lowest across methods, ResNet50 aside, {} ({})",
            names::fixed(most.1, 2),
            names::method(&most.0),
            names::fixed(least.1, 2),
            names::network(&least.0)
        ),
    )
}

pub(super) fn faster_score_cam_last(study: &Study<'_>) -> Finding {
    let values = medians(study, study.across_networks.rows());
    if values.is_empty() {
        return Finding::lacks(NO_NETWORKS);
    }
    if values.len() < 2 || !values.iter().any(|v| v.0 == "faster_score_cam") {
        return Finding::lacks("needs Faster Score-CAM and another method");
    }
    let least = extremes(&values, |v| v.1).map(|(low, _)| low);
    Finding::holds(
        least.is_some_and(|l| l.0 == "faster_score_cam"),
        format!(
            "medians across networks: {}",
            listed(&values, names::method)
        ),
    )
}

pub(super) fn threshold(study: &Study<'_>) -> Finding {
    let rows = study.across_methods.rows();
    let all = thresholds(rows.iter().map(|r| r.threshold));
    let Some(last) = all
        .last()
        .copied()
        .filter(|t| *t > study.facts.threshold + 1e-9)
    else {
        return Finding::lacks("needs agreement across methods at a threshold above the main one");
    };
    let networks = study.networks(rows.iter().map(|r| r.key.as_str()));
    let (mut falling, mut widening, mut judged) = (0, 0, 0);
    for network in &networks {
        let (Some(first), Some(end)) = (
            at(rows, network, study.facts.threshold),
            at(rows, network, last),
        ) else {
            continue;
        };
        let (Some(m1), Some(m2)) = (first.median, end.median) else {
            continue;
        };
        judged += 1;
        falling += usize::from(m2 < m1);
        if let (Some(a), Some(b), Some(c), Some(d)) = (first.q1, first.q3, end.q1, end.q3) {
            widening += usize::from(d - c > b - a);
        }
    }
    if judged == 0 {
        return Finding::lacks(NO_METHODS);
    }
    Finding::share(
        falling + widening,
        2 * judged,
        format!(
            "from t = {} to t = {} the median falls in {falling} and the interquartile range widens in {widening} of {judged} networks",
            study.threshold(),
            names::trimmed(last)
        ),
    )
}

pub(super) fn untrained(study: &Study<'_>) -> Finding {
    let trained = medians(study, study.across_methods.rows());
    let random = medians(study, study.untrained.rows());
    let pairs: Vec<(String, f64, f64)> = trained
        .iter()
        .filter_map(|(n, m)| {
            let other = random.iter().find(|r| r.0 == *n)?;
            Some((n.clone(), *m, other.1))
        })
        .collect();
    if pairs.is_empty() {
        return Finding::lacks("this run has no maps of untrained networks");
    }
    let told: Vec<String> = pairs
        .iter()
        .map(|(n, a, b)| {
            format!(
                "{} {} trained, {} untrained",
                names::network(n),
                names::fixed(*a, 2),
                names::fixed(*b, 2)
            )
        })
        .collect();
    Finding::share(
        pairs.iter().filter(|p| p.2 < p.1).count(),
        pairs.len(),
        format!("median agreement across methods: {}", told.join("; ")),
    )
}
