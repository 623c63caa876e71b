//! Output folder -> figures and one self-contained page.
//!
//! [`write_report`] is a pure function of the tables in the output folder and of [`ReportInput`]:
//! the same input gives the same bytes, except inside the element `run-box` of the page, which
//! alone shows times, memory and threads. It reads `tables/*.csv` and `models/*/history.csv`,
//! writes `figures/figure-*.svg` and `report.html`, each by a temporary name and a rename, and
//! asks nothing of the network when opened.
//!
//! A missing table or column costs only its own section, which then says what is missing; a
//! malformed one is an error with file and line.

mod album;
mod axes;
mod caveats;
mod claims;
mod colour;
mod dots;
mod error;
mod export;
mod fig_agreement;
mod fig_examples;
mod fig_fraction;
mod fig_liquid_loss;
mod fig_miou;
mod fig_overlays;
mod fig_reference;
mod fig_scores;
mod fig_training;
mod figure;
mod headline;
mod heat;
mod html;
mod input;
mod ledger;
mod lines;
mod names;
mod overlay_cells;
mod ranges;
mod raster;
mod rows;
mod rows_more;
mod scatter;
mod sections;
mod study;
mod svg;
mod tables;
#[cfg(test)]
mod tests;
mod write;

use std::path::{Path, PathBuf};

pub use album::Album;
pub use error::{Error, Result};
pub use input::{
    ExampleMap, ExampleSlice, Fact, NetworkFacts, ReportInput, RunCosts, RunFacts, StageCost,
};
pub use names::network as network_title;

use figure::Figure;
use html::Absent;
use study::Study;
use tables::Loaded;

/// What [`write_report`] left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportSummary {
    /// The page.
    pub report: PathBuf,
    /// The figures, in the order of the page.
    pub figures: Vec<PathBuf>,
    /// Size of the page in bytes.
    pub bytes: u64,
    /// What could not be shown, one sentence each.
    pub missing: Vec<String>,
}

/// Writes `out/figures/figure-*.svg` with their numbers as `figure-*.csv`, `out/published/*.csv`,
/// `out/tables/claims.csv`, the tables of the page as `out/tables/markdown/*.md` and
/// `out/tables/latex/*.tex`, and `out/report.html`.
///
/// Figures of an earlier run that this one does not write again are removed (only files named
/// `figure-*.svg` and `figure-*.csv`).
///
/// # Errors
///
/// - [`Error::Read`], [`Error::Csv`], [`Error::Value`]: a table exists and cannot be used
/// - [`Error::ExampleShape`]: the arrays of an example slice differ in shape
/// - [`Error::Picture`], [`Error::Template`]: a picture or the page cannot be made
/// - [`Error::Write`]: the folder cannot be written; no half-written file is left
pub fn write_report(out: &Path, input: &ReportInput) -> Result<ReportSummary> {
    let examples = input
        .examples
        .iter()
        .map(ExampleSlice::checked)
        .collect::<Result<Vec<_>>>()?;
    let study = Study::read(out, &input.facts)?;
    let mut figures: Vec<Figure> = Vec::new();
    let mut absent: Vec<Absent> = Vec::new();

    let no_slices = "No example slices were handed to the report.";
    take(
        fig_examples::draw(&study, &examples)?,
        "Figure 1. Example slices",
        no_slices,
        &mut figures,
        &mut absent,
    );
    let grids = fig_overlays::draw(&study, &examples)?;
    if grids.is_empty() {
        let why = if examples.is_empty() {
            no_slices
        } else {
            "No example slice carries maps."
        };
        absent.push(Absent {
            title: "Figure 2. Maps by network and method".to_owned(),
            why: why.to_owned(),
        });
    }
    figures.extend(grids);
    take(
        fig_miou::draw(&study),
        "Figure 3. Overlap by treatment",
        &why(&study.miou, &study),
        &mut figures,
        &mut absent,
    );
    take(
        fig_liquid_loss::draw(&study),
        "Figure 4. Marked share against liquid loss",
        &why(&study.liquid_loss, &study),
        &mut figures,
        &mut absent,
    );
    let agreement_missing = match (&study.across_methods, &study.across_networks) {
        (Loaded::Missing(a), Loaded::Missing(b)) => format!("{a} {b}"),
        (Loaded::Rows(_), _) => why(&study.across_methods, &study),
        (_, Loaded::Rows(_)) => why(&study.across_networks, &study),
    };
    take(
        fig_agreement::draw(&study),
        "Figure 5. Agreement",
        &agreement_missing,
        &mut figures,
        &mut absent,
    );
    let histories: Vec<String> = study
        .histories
        .iter()
        .filter_map(|(_, h)| match h {
            Loaded::Missing(why) => Some(why.clone()),
            Loaded::Rows(_) => None,
        })
        .collect();
    match fig_training::draw(&study) {
        Some(figure) => {
            figures.push(figure);
            absent.extend(histories.into_iter().map(|why| Absent {
                title: "Figure S4. Training curves, in part".to_owned(),
                why,
            }));
        }
        None => absent.push(Absent {
            title: "Figure S4. Training curves".to_owned(),
            why: if histories.is_empty() {
                "No network was named.".to_owned()
            } else {
                histories.join(" ")
            },
        }),
    }
    // What figures 3 to 5 are drawn from, over all thresholds: missing only where those are.
    figures.extend(fig_miou::draw_thresholds(&study));
    figures.extend(fig_liquid_loss::draw_thresholds(&study));
    figures.extend(fig_agreement::draw_thresholds(&study));
    // Beyond the paper: where a run has no such table, nothing is missed.
    figures.extend(fig_fraction::draw(&study));
    figures.extend(fig_scores::draw(&study));
    figures.sort_by_key(|f| order(&f.stem));

    let label = source_label(&input.facts);
    let folder = out.join("figures");
    let mut paths = Vec::new();
    let mut data = Vec::new();
    for figure in &figures {
        let name = format!("{}.svg", figure.stem);
        paths.push(write::atomically(
            &folder,
            &name,
            figure.document(&label).as_bytes(),
        )?);
        let numbers = figure.data.csv().map_err(Error::Data)?;
        data.push(write::atomically(
            &folder,
            &format!("{}.csv", figure.stem),
            &numbers,
        )?);
    }
    data.extend(paths.iter().cloned());
    write::remove_stale_figures(&folder, &data)?;
    let verdicts = claims::verdicts(&study)?;
    claims::write_tables(out, &verdicts)?;
    let mut tables = sections::tables(&study);
    tables.extend(ledger::tables(out, &study)?);
    export::write(out, &tables, &verdicts, input.facts.synthetic)?;
    let page = html::render(input, &study, &figures, &absent, &verdicts, tables)?;
    let report = write::atomically(out, "report.html", page.as_bytes())?;
    Ok(ReportSummary {
        report,
        figures: paths,
        bytes: page.len() as u64,
        missing: absent
            .into_iter()
            .map(|a| format!("{}: {}", a.title, a.why))
            .collect(),
    })
}

/// Place of a figure: those of the paper, its supplement, our own.
fn order(stem: &str) -> (usize, usize) {
    let name = stem.trim_start_matches("figure-");
    let digits: String = name.chars().filter(char::is_ascii_digit).collect();
    let group = match name.chars().next() {
        Some('s') => 1,
        Some('e') => 2,
        _ => 0,
    };
    (group, digits.parse().unwrap_or(0))
}

fn take(
    figure: Option<Figure>,
    title: &str,
    why: &str,
    figures: &mut Vec<Figure>,
    absent: &mut Vec<Absent>,
) {
    match figure {
        Some(figure) => figures.push(figure),
        None => absent.push(Absent {
            title: title.to_owned(),
            why: why.to_owned(),
        }),
    }
}

fn why<T>(table: &Loaded<T>, study: &Study<'_>) -> String {
    match table {
        Loaded::Missing(why) => why.clone(),
        Loaded::Rows(_) => format!(
            "The table has no usable row at the threshold {}.",
            study.threshold()
        ),
    }
}

/// One line under every figure file that says where the data come from.
fn source_label(facts: &RunFacts) -> String {
    let networks: Vec<String> = facts
        .networks
        .iter()
        .map(|n| n.as_trained.clone())
        .collect();
    let networks = if networks.len() > 3 {
        names::count(networks.len(), "network", "networks")
    } else {
        networks.join("; ")
    };
    let source = if facts.synthetic {
        "Synthetic phantom, no conclusion about cod. "
    } else {
        ""
    };
    format!(
        "{source}Profile {}, protocol {}, seed {}. {networks}",
        facts.profile, facts.protocol, facts.seed
    )
}
