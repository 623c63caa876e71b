//! Panels, a title and what one sees -> a figure for the page and for a file of its own.

use super::svg::{Anchor, Canvas, Panel, num};

/// The style sheet of all drawings.
pub(super) const STYLE: &str = include_str!("../../templates/figure.css");

/// A figure.
#[derive(Debug, Clone)]
pub(super) struct Figure {
    /// File name without extension, also the anchor in the page: `figure-3`.
    pub(super) stem: String,
    /// `Figure 3`.
    pub(super) number: String,
    pub(super) title: String,
    /// Panels, row by row; the page may break rows further.
    pub(super) rows: Vec<Vec<Panel>>,
    pub(super) legend: Vec<Panel>,
    /// How to read it.
    pub(super) reading: String,
    /// What one sees in these data, one sentence each.
    pub(super) seen: Vec<String>,
    /// The numbers drawn.
    pub(super) data: Data,
}

/// The numbers of a figure, as the CSV file beside it holds them.
#[derive(Debug, Clone)]
pub(super) struct Data {
    columns: &'static [&'static str],
    rows: Vec<Vec<String>>,
}

impl Data {
    /// No rows yet.
    pub(super) fn new(columns: &'static [&'static str]) -> Self {
        Self {
            columns,
            rows: Vec::new(),
        }
    }

    /// One more row: as many cells as columns.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let row: Vec<String> = cells.into_iter().collect();
        debug_assert_eq!(row.len(), self.columns.len());
        self.rows.push(row);
    }

    /// The file.
    ///
    /// # Errors
    ///
    /// An error of the `csv` crate if a row has another number of cells than there are columns.
    pub(super) fn csv(&self) -> csv::Result<Vec<u8>> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(self.columns)?;
        for row in &self.rows {
            writer.write_record(row)?;
        }
        writer.into_inner().map_err(|e| e.into_error().into())
    }
}

/// A number as text, empty where there is none.
pub(super) fn cell(value: Option<f64>) -> String {
    value
        .filter(|v| v.is_finite())
        .map_or_else(String::new, |v| v.to_string())
}

const GAP: f64 = 28.0;
const MARGIN: f64 = 20.0;
/// Where a row of panels is broken.
const WIDEST: f64 = 1340.0;

impl Figure {
    /// The whole figure as one SVG document with its own style sheet.
    ///
    /// `label` is printed under it; a phantom's figures say there what they are.
    pub(super) fn document(&self, label: &str) -> String {
        let mut body = String::new();
        let mut y = 56.0;
        let mut right: f64 = 0.0;
        for row in &self.rows {
            let mut x = MARGIN;
            let mut tallest: f64 = 0.0;
            for panel in row {
                if x > MARGIN && x + panel.width > WIDEST {
                    right = right.max(x - GAP);
                    x = MARGIN;
                    y += tallest + GAP * 0.6;
                    tallest = 0.0;
                }
                body.push_str(&placed(panel, x, y));
                x += panel.width + GAP;
                tallest = tallest.max(panel.height);
            }
            right = right.max(x - GAP);
            y += tallest + GAP * 0.6;
        }
        let mut x = MARGIN;
        for entry in &self.legend {
            if x > MARGIN && x + entry.width > right {
                x = MARGIN;
                y += entry.height + 2.0;
            }
            body.push_str(&placed(entry, x, y));
            x += entry.width + 18.0;
        }
        if let Some(entry) = self.legend.last() {
            right = right.max(MARGIN + entry.width);
            y += entry.height + 12.0;
        }
        let heading = format!("{}. {}", self.number, self.title);
        let wide = super::svg::text_width(&heading, 17.0).max(super::svg::text_width(label, 12.0));
        right = right.max(MARGIN + wide);
        let mut canvas = Canvas::default();
        let size = (right + MARGIN, y + 26.0);
        canvas.rect((0.0, 0.0), size, "f-page");
        canvas.text((MARGIN, 32.0), Anchor::Start, "f-head", &heading);
        canvas.text((MARGIN, y + 8.0), Anchor::Start, "f-muted f-text", label);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"f\" viewBox=\"0 0 {w} {h}\" width=\"{w}\" height=\"{h}\">\n<style>\n{STYLE}</style>\n{}{body}</svg>\n",
            canvas.into_body(),
            w = num(size.0),
            h = num(size.1),
        )
    }
}

fn placed(panel: &Panel, x: f64, y: f64) -> String {
    format!(
        "<g transform=\"translate({} {})\">\n{}</g>\n",
        num(x),
        num(y),
        panel.body
    )
}
