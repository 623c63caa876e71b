//! Figures, tables and facts -> one self-contained page.

use base64::Engine as _;
use minijinja::{AutoEscape, Environment};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::album::Album;
use super::caveats::{self, Meaning};
use super::claims::{self, Verdict};
use super::error::{Error, Result};
use super::figure::{Figure, STYLE};
use super::headline::{self, Tile};
use super::input::{Fact, ReportInput, RunCosts, RunFacts};
use super::names;
use super::sections::PageTable;
use super::study::Study;

const PAGE: &str = include_str!("../../templates/report.html");
/// The slice browser's program.
const SCRIPT: &str = include_str!("../../templates/browser.js");
const PAGE_STYLE: &str = include_str!("../../templates/report.css");

#[derive(Serialize)]
struct Page<'a> {
    facts: &'a RunFacts,
    methods: Vec<String>,
    threshold: String,
    seed: String,
    headline: Vec<String>,
    tiles: Vec<Tile>,
    figures: Vec<PageFigure>,
    absent: &'a [Absent],
    tables: Vec<PageTable>,
    claims: Vec<PageClaim<'a>>,
    claims_summary: String,
    meanings: Vec<Meaning>,
    run: PageRun<'a>,
    browser: Option<Browser>,
    script: &'static str,
    /// Digest of the script, by which the page allows it and nothing else to run.
    script_hash: String,
    figure_style: &'static str,
    page_style: &'static str,
}

#[derive(Serialize)]
struct PageRun<'a> {
    stages: Vec<PageStage>,
    total: String,
    threads: Option<String>,
    details: &'a [Fact],
}

#[derive(Serialize)]
struct PageClaim<'a> {
    verdict: &'a Verdict,
    shown: &'static str,
}

#[derive(Serialize)]
struct PagePanel {
    svg: String,
    width: u32,
}

#[derive(Serialize)]
struct PageFigure {
    stem: String,
    number: String,
    title: String,
    rows: Vec<Vec<PagePanel>>,
    legend: Vec<String>,
    reading: String,
    seen: Vec<String>,
    pictures: bool,
}

#[derive(Serialize)]
struct PageStage {
    name: String,
    time: String,
    memory: String,
    reused: bool,
}

/// A figure that could not be drawn, and why.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Absent {
    /// Title of the figure.
    pub(super) title: String,
    /// One sentence.
    pub(super) why: String,
}

/// Renders the page.
///
/// # Errors
///
/// [`super::Error::Template`] if the template does not fit its values.
pub(super) fn render(
    input: &ReportInput,
    study: &Study<'_>,
    figures: &[Figure],
    absent: &[Absent],
    verdicts: &[Verdict],
    tables: Vec<PageTable>,
) -> Result<String> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
    environment.add_template("report.html", PAGE)?;
    let facts = &input.facts;
    let meanings: Vec<Meaning> = caveats::meanings(study.tests.rows(), &facts.caveats);
    let page = Page {
        facts,
        methods: facts.methods.iter().map(|m| names::method(m)).collect(),
        threshold: study.threshold(),
        seed: facts.seed.to_string(),
        headline: headline::sentences(study),
        tiles: headline::tiles(study),
        figures: figures.iter().map(page_figure).collect(),
        absent,
        tables,
        claims: verdicts
            .iter()
            .map(|verdict| PageClaim {
                verdict,
                shown: verdict.shown(),
            })
            .collect(),
        claims_summary: claims::summary(verdicts),
        meanings,
        run: page_run(&input.costs),
        browser: browser(&input.album)?,
        script: SCRIPT,
        script_hash: base64::engine::general_purpose::STANDARD.encode(Sha256::digest(SCRIPT)),
        figure_style: STYLE,
        page_style: PAGE_STYLE,
    };
    Ok(environment
        .get_template("report.html")?
        .render(minijinja::value::Serde(page))?)
}

/// What the slice browser shows.
#[derive(Serialize)]
struct Browser {
    data: String,
    count: usize,
    left_out: usize,
}

fn browser(album: &Album) -> Result<Option<Browser>> {
    if album.is_empty() {
        return Ok(None);
    }
    Ok(Some(Browser {
        data: album.json().map_err(Error::Browser)?,
        count: album.len(),
        left_out: album.left_out(),
    }))
}

fn page_run(costs: &RunCosts) -> PageRun<'_> {
    PageRun {
        stages: costs
            .stages
            .iter()
            .map(|s| PageStage {
                name: s.name.clone(),
                time: names::duration(s.seconds),
                memory: s
                    .peak_rss_bytes
                    .map_or_else(|| "–".to_owned(), names::memory),
                reused: s.reused,
            })
            .collect(),
        total: names::duration(
            costs
                .stages
                .iter()
                .filter(|s| !s.reused)
                .map(|s| s.seconds)
                .sum(),
        ),
        threads: costs.threads.map(|t| t.to_string()),
        details: &costs.details,
    }
}

fn page_figure(figure: &Figure) -> PageFigure {
    PageFigure {
        stem: figure.stem.clone(),
        number: figure.number.clone(),
        title: figure.title.clone(),
        rows: figure
            .rows
            .iter()
            .map(|row| {
                row.iter()
                    .map(|p| PagePanel {
                        svg: p.inline(),
                        width: p.width.ceil() as u32,
                    })
                    .collect()
            })
            .collect(),
        legend: figure
            .legend
            .iter()
            .map(super::svg::Panel::inline)
            .collect(),
        reading: figure.reading.clone(),
        seen: figure.seen.clone(),
        pictures: figure.stem.starts_with("figure-1") || figure.stem.starts_with("figure-2"),
    }
}
