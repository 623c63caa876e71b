//! Pairs of numbers -> a scatter chart: colour for one name, shape for another.

use super::axes::{Frame, Ticks};
use super::svg::{Anchor, Canvas, Panel, num};

/// Shapes, in the order of use; beyond the last they repeat.
pub(super) const SHAPES: usize = 6;

/// One point.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    pub(super) x: f64,
    pub(super) y: f64,
    /// Index of the colour.
    pub(super) colour: usize,
    /// Index of the shape.
    pub(super) shape: usize,
}

/// A scatter chart.
#[derive(Debug, Clone)]
pub(super) struct Scatter {
    pub(super) title: String,
    pub(super) x_title: String,
    pub(super) y_title: String,
    pub(super) marks: Vec<Mark>,
    pub(super) label: String,
}

impl Scatter {
    /// Draws overlap (0 to 1) against correlation (−1 to 1).
    pub(super) fn panel(&self) -> Panel {
        let (width, height) = (358.0, 330.0);
        let frame = Frame {
            left: 46.0,
            top: 46.0,
            width: width - 46.0 - 14.0,
            height: height - 46.0 - 42.0,
        };
        let mut canvas = Canvas::default();
        canvas.text((0.0, 15.0), Anchor::Start, "f-title", &self.title);
        canvas.text((0.0, 34.0), Anchor::Start, "f-axis-title", &self.y_title);
        let (x, y) = (frame.x((0.0, 1.0)), frame.y((-1.0, 1.0)));
        frame.left_axis(&mut canvas, &y, &Ticks::signed());
        frame.bottom_axis(&mut canvas, &x, &Ticks::unit(), &self.x_title);
        let zero = y.at(0.0);
        canvas.line((frame.left, zero), (frame.right(), zero), "f-zero");
        for mark in &self.marks {
            shape(
                &mut canvas,
                (x.at(mark.x), y.at(mark.y)),
                mark.shape,
                mark.colour,
            );
        }
        Panel::new(width, height, canvas, self.label.clone())
    }
}

/// Draws one shape about 11 px wide.
pub(super) fn shape(canvas: &mut Canvas, (x, y): (f64, f64), shape: usize, colour: usize) {
    let class = format!("f-point f-s{colour}");
    let polygon = |corners: &[(f64, f64)]| {
        let mut d = String::new();
        for (i, (dx, dy)) in corners.iter().enumerate() {
            d.push(if i == 0 { 'M' } else { 'L' });
            d.push_str(&format!("{} {}", num(x + dx), num(y + dy)));
        }
        d + "Z"
    };
    match shape % SHAPES {
        0 => canvas.circle((x, y), 5.0, &class),
        1 => canvas.rect((x - 4.6, y - 4.6), (9.2, 9.2), &class),
        2 => canvas.path(&polygon(&[(0.0, -5.8), (5.4, 4.2), (-5.4, 4.2)]), &class),
        3 => canvas.diamond((x, y), 6.4, &class),
        4 => {
            let (a, b) = (1.9, 5.6);
            let cross = [
                (-a, -b),
                (a, -b),
                (a, -a),
                (b, -a),
                (b, a),
                (a, a),
                (a, b),
                (-a, b),
                (-a, a),
                (-b, a),
                (-b, -a),
                (-a, -a),
            ];
            canvas.path(&polygon(&cross), &class);
        }
        _ => canvas.path(&polygon(&[(0.0, 5.8), (5.4, -4.2), (-5.4, -4.2)]), &class),
    }
}
