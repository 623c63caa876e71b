//! Points, means and intervals by group -> a horizontal chart.

use super::axes::{Frame, Ticks};
use super::names::fixed;
use super::svg::{Anchor, Canvas, Panel, fitted, text_width};

/// One group.
#[derive(Debug, Clone)]
pub(super) struct DotRow {
    pub(super) name: String,
    /// Single values.
    pub(super) points: Vec<f64>,
    pub(super) mean: Option<f64>,
    pub(super) interval: Option<(f64, f64)>,
    /// Index of the colour.
    pub(super) colour: usize,
}

/// A chart of groups on one axis.
#[derive(Debug, Clone)]
pub(super) struct DotChart {
    pub(super) title: String,
    pub(super) x_title: String,
    pub(super) range: (f64, f64),
    pub(super) ticks: Ticks,
    pub(super) decimals: usize,
    pub(super) rows: Vec<DotRow>,
    pub(super) label: String,
}

const ROW: f64 = 40.0;
const WIDTH: f64 = 358.0;

impl DotChart {
    /// Draws the chart.
    pub(super) fn panel(&self) -> Panel {
        let longest = self.rows.iter().map(|r| text_width(&r.name, 12.0));
        let left = longest.fold(50.0, f64::max).min(190.0) + 12.0;
        let frame = Frame {
            left,
            top: 30.0,
            width: WIDTH - left - 16.0,
            height: ROW * self.rows.len() as f64 + 6.0,
        };
        let mut canvas = Canvas::default();
        canvas.text((0.0, 15.0), Anchor::Start, "f-title", &self.title);
        let x = frame.x(self.range);
        frame.bottom_axis(&mut canvas, &x, &self.ticks, &self.x_title);
        for (i, row) in self.rows.iter().enumerate() {
            let y = frame.top + 3.0 + ROW * (i as f64 + 0.5);
            let name = fitted(&row.name, 12.0, 190.0);
            canvas.text((left - 9.0, y + 4.0), Anchor::End, "f-text", &name);
            for (k, value) in row.points.iter().enumerate() {
                // a fixed pattern keeps equal values apart
                let shift = ((k * 7) % 5) as f64 * 2.4 - 4.8;
                canvas.circle((x.at(*value), y + 7.0 + shift), 2.2, "f-outlier");
            }
            if let Some((low, high)) = row.interval {
                let class = format!("f-interval f-s{}", row.colour);
                canvas.line((x.at(low), y - 6.0), (x.at(high), y - 6.0), &class);
                for end in [low, high] {
                    canvas.line((x.at(end), y - 10.0), (x.at(end), y - 2.0), &class);
                }
            }
            if let Some(mean) = row.mean {
                canvas.circle(
                    (x.at(mean), y - 6.0),
                    4.2,
                    &format!("f-dot f-s{}", row.colour),
                );
                canvas.text(
                    (x.at(mean), y - 13.0),
                    Anchor::Middle,
                    "f-tick f-num f-halo",
                    &fixed(mean, self.decimals),
                );
            }
        }
        Panel::new(WIDTH, frame.bottom() + 42.0, canvas, self.label.clone())
    }
}
