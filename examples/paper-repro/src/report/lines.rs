//! Series of points -> a line chart, and the legend that goes with it.

use super::axes::{Frame, Ticks};
use super::svg::{Anchor, Canvas, Panel, num, text_width};

/// How a series is drawn: colour, dash and weight, so that colour is never the only difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Style {
    /// Index into the seven series colours.
    pub(super) colour: usize,
    /// Index into the six dash patterns; 0 is solid.
    pub(super) dash: usize,
    /// Whether the line steps back behind others.
    pub(super) faint: bool,
}

impl Style {
    /// Solid line in a colour; beyond the last colour they repeat with the next dash.
    pub(super) fn solid(colour: usize) -> Self {
        Self {
            colour: colour % COLOURS,
            dash: colour / COLOURS,
            faint: false,
        }
    }

    fn class(self) -> String {
        let faint = if self.faint { " f-faint" } else { "" };
        format!(
            "f-line f-s{} f-d{}{faint}",
            self.colour % COLOURS,
            self.dash % DASHES
        )
    }
}

/// Number of series colours in `figure.css`.
pub(super) const COLOURS: usize = 7;
/// Number of dash patterns in `figure.css`.
pub(super) const DASHES: usize = 6;

/// Points in drawing order; an undefined value breaks the line.
#[derive(Debug, Clone)]
pub(super) struct Series {
    pub(super) style: Style,
    pub(super) points: Vec<(f64, Option<f64>)>,
    /// Lower and upper edge of a shaded band at each `x`.
    pub(super) band: Vec<(f64, f64, f64)>,
}

/// A chart of lines.
#[derive(Debug, Clone)]
pub(super) struct LineChart {
    pub(super) title: String,
    pub(super) x_title: String,
    pub(super) y_title: String,
    pub(super) x_range: (f64, f64),
    pub(super) y_range: (f64, f64),
    pub(super) x_ticks: Ticks,
    pub(super) y_ticks: Ticks,
    /// Vertical line that marks the threshold of the headline figures.
    pub(super) mark_x: Option<f64>,
    /// Whether a heavier line marks zero.
    pub(super) mark_zero: bool,
    pub(super) width: f64,
    pub(super) series: Vec<Series>,
    pub(super) label: String,
}

impl LineChart {
    /// Draws the chart.
    pub(super) fn panel(&self) -> Panel {
        let height = 250.0;
        let frame = Frame {
            left: 46.0,
            top: 46.0,
            width: self.width - 46.0 - 14.0,
            height: height - 46.0 - 42.0,
        };
        let mut canvas = Canvas::default();
        canvas.text((0.0, 15.0), Anchor::Start, "f-title", &self.title);
        canvas.text((0.0, 34.0), Anchor::Start, "f-axis-title", &self.y_title);
        let x = frame.x(self.x_range);
        let y = frame.y(self.y_range);
        frame.left_axis(&mut canvas, &y, &self.y_ticks);
        frame.bottom_axis(&mut canvas, &x, &self.x_ticks, &self.x_title);
        if self.mark_zero {
            canvas.line(
                (frame.left, y.at(0.0)),
                (frame.right(), y.at(0.0)),
                "f-zero",
            );
        }
        if let Some(mark) = self.mark_x {
            canvas.line(
                (x.at(mark), frame.top),
                (x.at(mark), frame.bottom()),
                "f-mark",
            );
        }
        for series in &self.series {
            if series.band.len() > 1 {
                let upper = series.band.iter().map(|b| (x.at(b.0), y.at(b.2)));
                let lower = series.band.iter().rev().map(|b| (x.at(b.0), y.at(b.1)));
                let d = polyline(upper.chain(lower)) + "Z";
                canvas.path(&d, &format!("f-band f-s{}", series.style.colour % COLOURS));
            }
        }
        for series in &self.series {
            for run in series.points.split(|p| p.1.is_none()) {
                let pixels: Vec<(f64, f64)> = run
                    .iter()
                    .filter_map(|p| p.1.map(|v| (x.at(p.0), y.at(v))))
                    .collect();
                if let [only] = pixels[..] {
                    canvas.circle(
                        only,
                        2.5,
                        &format!("f-dot f-s{}", series.style.colour % COLOURS),
                    );
                } else if !pixels.is_empty() {
                    canvas.path(&polyline(pixels.into_iter()), &series.style.class());
                }
            }
        }
        Panel::new(self.width, height, canvas, self.label.clone())
    }
}

fn polyline(points: impl Iterator<Item = (f64, f64)>) -> String {
    let mut d = String::new();
    for (i, (x, y)) in points.enumerate() {
        d.push(if i == 0 { 'M' } else { 'L' });
        d.push_str(&num(x));
        d.push(' ');
        d.push_str(&num(y));
    }
    d
}

/// What a legend entry shows before its text.
#[derive(Debug, Clone, Copy)]
pub(super) enum Key {
    /// A piece of line.
    Line(Style),
    /// A dashed line in the colour of text, for entries that stand for a dash pattern.
    Dash(usize),
    /// An outline as drawn on pictures.
    Outline(&'static str),
    /// A box with its median.
    Median,
    /// The marker of a mean.
    Mean,
    /// A dot in a colour.
    Dot(usize),
    /// A shape in the colour of text.
    Shape(usize),
    /// An estimate with its interval, which lies on one side of zero or not.
    Estimate {
        /// Whether it does.
        clear: bool,
    },
}

/// Draws each entry as a small panel, to be set in rows by whoever shows them.
pub(super) fn legend(entries: &[(Key, String)]) -> Vec<Panel> {
    entries
        .iter()
        .map(|(key, text)| entry(*key, text))
        .collect()
}

fn entry(key: Key, text: &str) -> Panel {
    let mut canvas = Canvas::default();
    let middle = 10.0;
    match key {
        Key::Line(style) => canvas.line((0.0, middle), (26.0, middle), &style.class()),
        Key::Dash(dash) => canvas.line(
            (0.0, middle),
            (26.0, middle),
            &format!("f-line f-plain f-d{}", dash % DASHES),
        ),
        Key::Outline(class) => {
            canvas.rect((0.0, middle - 7.0), (26.0, 14.0), "f-tissue");
            canvas.line((0.0, middle), (26.0, middle), class);
        }
        Key::Median => {
            canvas.rect((2.0, middle - 7.0), (22.0, 14.0), "f-box f-s6");
            canvas.line((13.0, middle - 7.0), (13.0, middle + 7.0), "f-median");
        }
        Key::Dot(colour) => {
            let class = format!("f-point f-s{}", colour % COLOURS);
            canvas.circle((13.0, middle), 5.0, &class);
        }
        Key::Shape(index) => super::scatter::shape(&mut canvas, (13.0, middle), index, COLOURS - 1),
        Key::Mean => canvas.diamond((13.0, middle), 4.5, "f-mean"),
        Key::Estimate { clear } => {
            let class = if clear { "f-dot f-s6" } else { "f-ring f-s6" };
            canvas.line((1.0, middle), (25.0, middle), "f-interval f-s6");
            canvas.circle((13.0, middle), 4.5, class);
        }
    }
    canvas.text((33.0, middle + 4.0), Anchor::Start, "f-text", text);
    let width = 35.0 + 1.06 * text_width(text, 12.0);
    Panel::new(width, 20.0, canvas, text.to_owned())
}
