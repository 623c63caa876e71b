//! Share of the tissue that the references call damaged, by treatment (figure 3, last panel).

use super::axes::Ticks;
use super::dots::{DotChart, DotRow};
use super::names;
use super::study::{Study, mean};
use super::svg::Panel;

const SOURCES: [(&str, &str); 2] = [("supervised", "supervised"), ("truth", "truth")];

/// The panel, in a row of its own; none where no reference was measured.
pub(super) fn panel(study: &Study<'_>, letter: &str) -> Option<Vec<Panel>> {
    let scans = study.reference_scans.rows();
    let groups = study.reference_fractions.rows();
    let treatments = study.treatments(
        scans
            .iter()
            .map(|r| r.treatment.as_str())
            .chain(groups.iter().map(|r| r.treatment.as_str())),
    );
    let mut panels = Vec::new();
    for (colour, (source, shown)) in SOURCES.iter().enumerate() {
        let rows: Vec<DotRow> = treatments
            .iter()
            .filter_map(|treatment| {
                let points: Vec<f64> = scans
                    .iter()
                    .filter(|r| r.source == *source && r.treatment == *treatment)
                    .filter_map(|r| r.damaged)
                    .collect();
                let group = groups
                    .iter()
                    .find(|r| r.source == *source && r.treatment == *treatment);
                let middle = group.and_then(|g| g.mean).or_else(|| mean(&points))?;
                Some(DotRow {
                    name: names::treatment(treatment),
                    points,
                    mean: Some(middle),
                    interval: group.and_then(|g| g.ci_low.zip(g.ci_high)),
                    colour,
                })
            })
            .collect();
        if rows.is_empty() {
            continue;
        }
        panels.push(
            DotChart {
                title: format!("{letter}\u{2002}Damaged according to the {shown}"),
                x_title: "Share of the tissue (no unit)".to_owned(),
                range: (0.0, 1.0),
                ticks: Ticks::unit(),
                decimals: 2,
                rows,
                label: format!("Share of tissue damaged by treatment, {shown}"),
            }
            .panel(),
        );
    }
    (!panels.is_empty()).then_some(panels)
}
