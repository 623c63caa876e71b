//! Quartiles and intervals -> horizontal boxes and forest plots.

use super::axes::{Frame, Ticks};
use super::names::two;
use super::svg::{Anchor, Canvas, Panel, fitted, text_width};

/// One box.
#[derive(Debug, Clone)]
pub(super) struct BoxRow {
    pub(super) name: String,
    pub(super) q1: f64,
    pub(super) median: f64,
    pub(super) q3: f64,
    pub(super) mean: Option<f64>,
    /// Ends of the whiskers, where single values are known.
    pub(super) whiskers: Option<(f64, f64)>,
    /// Values beyond the whiskers.
    pub(super) outliers: Vec<f64>,
}

/// A chart of horizontal boxes on a 0-to-1 axis.
#[derive(Debug, Clone)]
pub(super) struct BoxChart {
    pub(super) title: String,
    pub(super) x_title: String,
    pub(super) rows: Vec<BoxRow>,
    /// Index of the colour.
    pub(super) colour: usize,
    pub(super) label: String,
}

const ROW: f64 = 38.0;
const WIDTH: f64 = 420.0;
/// Three forest plots stand side by side.
const FOREST: f64 = 358.0;

fn name_margin<'a>(names: impl Iterator<Item = &'a str>) -> f64 {
    names
        .map(|n| text_width(n, 12.0))
        .fold(50.0, f64::max)
        .min(150.0)
        + 12.0
}

impl BoxChart {
    /// Draws the chart.
    pub(super) fn panel(&self) -> Panel {
        let left = name_margin(self.rows.iter().map(|r| r.name.as_str()));
        let frame = Frame {
            left,
            top: 30.0,
            width: WIDTH - left - 16.0,
            height: ROW * self.rows.len() as f64 + 6.0,
        };
        let mut canvas = Canvas::default();
        canvas.text((0.0, 15.0), Anchor::Start, "f-title", &self.title);
        let x = frame.x((0.0, 1.0));
        frame.bottom_axis(&mut canvas, &x, &Ticks::unit(), &self.x_title);
        let paint = format!("f-box f-s{}", self.colour);
        for (i, row) in self.rows.iter().enumerate() {
            let y = frame.top + 3.0 + ROW * (i as f64 + 0.5);
            let name = fitted(&row.name, 12.0, 150.0);
            canvas.text((left - 9.0, y + 4.0), Anchor::End, "f-text", &name);
            if let Some((low, high)) = row.whiskers {
                let class = format!("f-whisker f-s{}", self.colour);
                canvas.line((x.at(low), y), (x.at(row.q1), y), &class);
                canvas.line((x.at(row.q3), y), (x.at(high), y), &class);
                for end in [low, high] {
                    canvas.line((x.at(end), y - 5.0), (x.at(end), y + 5.0), &class);
                }
            }
            for value in &row.outliers {
                canvas.circle((x.at(*value), y), 1.8, "f-outlier");
            }
            let width = (x.at(row.q3) - x.at(row.q1)).max(1.5);
            canvas.rect((x.at(row.q1), y - 10.0), (width, 20.0), &paint);
            canvas.line(
                (x.at(row.median), y - 10.0),
                (x.at(row.median), y + 10.0),
                "f-median",
            );
            if let Some(mean) = row.mean {
                canvas.diamond((x.at(mean), y), 4.0, "f-mean");
            }
            // The number stands on the emptier side of the box.
            let (place, anchor) = if row.whiskers.is_some() {
                ((x.at(row.median), y - 12.5), Anchor::Middle)
            } else if x.at(row.q3) + 40.0 < frame.right() {
                ((x.at(row.q3) + 6.0, y + 4.0), Anchor::Start)
            } else {
                ((x.at(row.q1) - 6.0, y + 4.0), Anchor::End)
            };
            canvas.text(place, anchor, "f-tick f-num f-halo", &two(Some(row.median)));
        }
        Panel::new(WIDTH, frame.bottom() + 42.0, canvas, self.label.clone())
    }
}

/// One estimate with its interval.
#[derive(Debug, Clone)]
pub(super) struct ForestRow {
    pub(super) name: String,
    pub(super) estimate: Option<f64>,
    pub(super) interval: Option<(f64, f64)>,
    pub(super) colour: usize,
}

impl ForestRow {
    /// Whether the interval lies on one side of zero.
    pub(super) fn is_clear(&self) -> bool {
        self.interval.is_some_and(|(l, h)| l > 0.0 || h < 0.0)
    }
}

/// Estimates on an axis from −1 to 1, in named groups.
#[derive(Debug, Clone)]
pub(super) struct Forest {
    pub(super) title: String,
    pub(super) x_title: String,
    pub(super) groups: Vec<(String, Vec<ForestRow>)>,
    pub(super) label: String,
}

impl Forest {
    /// Draws the chart.
    pub(super) fn panel(&self) -> Panel {
        let row_height = 22.0;
        let left = name_margin(
            self.groups
                .iter()
                .flat_map(|g| g.1.iter().map(|r| r.name.as_str())),
        );
        let lines: usize = self.groups.iter().map(|g| g.1.len()).sum();
        let heads = self.groups.len() as f64 * 24.0;
        let frame = Frame {
            left,
            top: 26.0,
            width: FOREST - left - 46.0,
            height: row_height * lines as f64 + heads + 6.0,
        };
        let mut canvas = Canvas::default();
        canvas.text((0.0, 15.0), Anchor::Start, "f-title", &self.title);
        let x = frame.x((-1.0, 1.0));
        frame.bottom_axis(&mut canvas, &x, &Ticks::signed(), &self.x_title);
        canvas.line(
            (x.at(0.0), frame.top),
            (x.at(0.0), frame.bottom()),
            "f-zero",
        );
        let mut y = frame.top;
        for (group, rows) in &self.groups {
            y += 24.0;
            canvas.text((0.0, y - 7.0), Anchor::Start, "f-group", group);
            for row in rows {
                let middle = y + row_height / 2.0;
                let name = fitted(&row.name, 12.0, 150.0);
                canvas.text((left - 9.0, middle + 4.0), Anchor::End, "f-text", &name);
                if let Some((low, high)) = row.interval {
                    canvas.line(
                        (x.at(low), middle),
                        (x.at(high), middle),
                        &format!("f-interval f-s{}", row.colour),
                    );
                }
                if let Some(rho) = row.estimate {
                    let class = if row.is_clear() { "f-dot" } else { "f-ring" };
                    canvas.circle(
                        (x.at(rho), middle),
                        4.2,
                        &format!("{class} f-s{}", row.colour),
                    );
                }
                canvas.text(
                    (FOREST - 4.0, middle + 4.0),
                    Anchor::End,
                    "f-tick f-num",
                    &two(row.estimate),
                );
                y += row_height;
            }
        }
        Panel::new(FOREST, frame.bottom() + 42.0, canvas, self.label.clone())
    }
}
