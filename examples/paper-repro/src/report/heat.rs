//! A table of values -> a grid of coloured cells with numbers and a colour bar.

use super::axes::Ticks;
use super::colour::Ramp;
use super::names::two;
use super::svg::{Anchor, Canvas, Panel, fitted, text_width};

/// A grid of values.
#[derive(Debug, Clone)]
pub(super) struct HeatGrid {
    pub(super) title: String,
    pub(super) rows: Vec<String>,
    pub(super) columns: Vec<String>,
    /// `values[row][column]`; nothing where undefined.
    pub(super) values: Vec<Vec<Option<f64>>>,
    /// Rows that hold for all columns alike, set apart below.
    pub(super) footer: Vec<(String, Option<f64>)>,
    /// A short mark under the number of a cell, as `values`; none at all where empty.
    pub(super) marks: Vec<Vec<String>>,
    pub(super) ramp: Ramp,
    pub(super) range: (f64, f64),
    pub(super) ticks: Ticks,
    /// Quantity and unit under the colour bar.
    pub(super) bar_title: String,
    pub(super) label: String,
}

const NAME: f64 = 12.0;
/// Height of a cell with a mark under its number, and of one without.
const CELL: [f64; 2] = [34.0, 27.0];
/// Turn of long column names, in degrees, with its cosine and sine: steep enough for three grids side by side.
const TURN: (f64, f64, f64) = (-68.0, 0.375, 0.927);
/// Narrower cells get smaller numbers.
const NARROW: f64 = 38.0;

impl HeatGrid {
    /// Draws the grid.
    pub(super) fn panel(&self) -> Panel {
        let left = self
            .rows
            .iter()
            .chain(self.footer.iter().map(|f| &f.0))
            .map(|r| text_width(r, NAME))
            .fold(40.0, f64::max)
            .min(150.0)
            + 10.0;
        let columns = self.columns.len().max(1) as f64;
        let cell_width = (228.0 / columns).clamp(32.0, 100.0);
        let cell_height = self.cell_height();
        let grid_width = cell_width * columns;
        let names: Vec<String> = self
            .columns
            .iter()
            .map(|c| fitted(c, NAME, 140.0))
            .collect();
        let lengths: Vec<f64> = names.iter().map(|n| text_width(n, NAME)).collect();
        let longest = lengths.iter().copied().fold(0.0, f64::max);
        let flat = longest <= cell_width - 4.0;
        let top = 44.0 + if flat { 0.0 } else { longest * TURN.2 - 8.0 };
        let mut width = (left + grid_width + 6.0).max(text_width(&self.title, 14.0) + 4.0);
        if !flat {
            for (j, length) in lengths.iter().enumerate() {
                width = width.max(left + cell_width * (j as f64 + 0.5) + length * TURN.1 + 8.0);
            }
        }
        let mut canvas = Canvas::default();
        canvas.text((0.0, 15.0), Anchor::Start, "f-title", &self.title);
        for (j, name) in names.iter().enumerate() {
            let x = left + cell_width * (j as f64 + 0.5);
            if flat {
                canvas.text((x, top - 8.0), Anchor::Middle, "f-text", name);
            } else {
                canvas.turned((x + 2.0, top - 7.0), TURN.0, Anchor::Start, "f-text", name);
            }
        }
        for (i, name) in self.rows.iter().enumerate() {
            let y = top + cell_height * i as f64;
            let name = fitted(name, NAME, 150.0);
            canvas.text(
                (left - 9.0, y + cell_height / 2.0 + 4.0),
                Anchor::End,
                "f-text",
                &name,
            );
            for j in 0..self.columns.len() {
                let at = (left + cell_width * j as f64 + 1.0, y + 1.0);
                let value = self.values.get(i).and_then(|r| r.get(j)).copied().flatten();
                let mark = self.marks.get(i).and_then(|r| r.get(j));
                let mark = mark.map_or("", String::as_str);
                self.cell(&mut canvas, at, cell_width - 2.0, value, mark);
            }
        }
        let mut end = top + cell_height * self.rows.len() as f64 + 5.0;
        for (name, value) in &self.footer {
            let name = fitted(name, NAME, 150.0);
            let place = (left - 9.0, end + cell_height / 2.0 + 4.0);
            canvas.text(place, Anchor::End, "f-text", &name);
            self.cell(
                &mut canvas,
                (left + 1.0, end + 1.0),
                grid_width - 2.0,
                *value,
                "",
            );
            end += cell_height;
        }
        let bottom = end + 14.0;
        colour_bar(
            &mut canvas,
            (left + 1.0, bottom),
            grid_width - 2.0,
            &|part| self.ramp.at(part).hex(),
            &self
                .ticks
                .0
                .iter()
                .map(|(v, l)| (self.part(*v), l.clone()))
                .collect::<Vec<_>>(),
            &self.bar_title,
        );
        Panel::new(width, bottom + 48.0, canvas, self.label.clone())
    }

    fn cell(
        &self,
        canvas: &mut Canvas,
        at: (f64, f64),
        width: f64,
        value: Option<f64>,
        mark: &str,
    ) {
        let size = (width, self.cell_height() - 2.0);
        let centre = (at.0 + size.0 / 2.0, at.1 + size.1 / 2.0 + 4.5);
        match value {
            Some(v) => {
                let colour = self.ramp.at(self.part(v));
                canvas.cell(at, size, &colour.hex());
                let class = if width < NARROW {
                    "f-cell f-tight f-num"
                } else {
                    "f-cell f-num"
                };
                if mark.is_empty() {
                    canvas.inked(centre, class, colour.ink(), &two(value));
                } else {
                    let (x, y) = centre;
                    canvas.inked((x, y - 4.0), class, colour.ink(), &two(value));
                    canvas.inked((x, y + 9.0), class, colour.ink(), mark);
                }
            }
            None => {
                canvas.rect(at, size, "f-empty");
                canvas.text(centre, Anchor::Middle, "f-cell f-muted", "–");
            }
        }
    }

    fn cell_height(&self) -> f64 {
        let marked = self.marks.iter().flatten().any(|mark| !mark.is_empty());
        CELL[usize::from(!marked)]
    }

    fn part(&self, value: f64) -> f64 {
        (value - self.range.0) / (self.range.1 - self.range.0)
    }
}

/// Draws a horizontal colour bar, 44 px tall with its labels.
///
/// `ticks` are positions in `[0, 1]` with labels; narrow bars keep only the ends and the middle.
pub(super) fn colour_bar(
    canvas: &mut Canvas,
    at: (f64, f64),
    width: f64,
    colour: &dyn Fn(f64) -> String,
    ticks: &[(f64, String)],
    title: &str,
) {
    const STEPS: usize = 48;
    let step = width / STEPS as f64;
    for i in 0..STEPS {
        let fill = colour((i as f64 + 0.5) / STEPS as f64);
        // A little overlap hides seams between neighbours.
        let extra = if i + 1 < STEPS { 0.6 } else { 0.0 };
        canvas.cell((at.0 + step * i as f64, at.1), (step + extra, 10.0), &fill);
    }
    let room = ticks.iter().map(|t| text_width(&t.1, 11.0)).sum::<f64>() + 8.0 * ticks.len() as f64;
    for (part, label) in ticks {
        let key = [0.0, 0.5, 1.0].iter().any(|k| (k - part).abs() < 1e-9);
        if room > width && !key {
            continue;
        }
        let anchor = if *part < 0.02 {
            Anchor::Start
        } else if *part > 0.98 {
            Anchor::End
        } else {
            Anchor::Middle
        };
        canvas.text(
            (at.0 + width * part, at.1 + 24.0),
            anchor,
            "f-tick f-num",
            label,
        );
    }
    canvas.text(
        (at.0 + width / 2.0, at.1 + 40.0),
        Anchor::Middle,
        "f-axis-title",
        title,
    );
}
