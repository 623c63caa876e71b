//! Data range -> pixel range, ticks and the frame of a chart.

use super::names::fixed;
use super::svg::{Anchor, Canvas};

/// Straight-line map from data to pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    data: (f64, f64),
    pixels: (f64, f64),
}

impl Scale {
    /// `data.0` lands on `pixels.0`, `data.1` on `pixels.1`; an empty range is widened.
    pub(super) fn new(data: (f64, f64), pixels: (f64, f64)) -> Self {
        let data = if data.1 > data.0 {
            data
        } else {
            (data.0 - 0.5, data.0 + 0.5)
        };
        Self { data, pixels }
    }

    /// Pixel of a value, clipped to the frame.
    pub(super) fn at(&self, value: f64) -> f64 {
        let part = ((value - self.data.0) / (self.data.1 - self.data.0)).clamp(0.0, 1.0);
        self.pixels.0 + part * (self.pixels.1 - self.pixels.0)
    }
}

/// Tick positions with their labels.
#[derive(Debug, Clone)]
pub(super) struct Ticks(pub(super) Vec<(f64, String)>);

impl Ticks {
    /// Round numbers inside `range`, about `wanted` of them.
    pub(super) fn round(range: (f64, f64), wanted: usize) -> Self {
        let span = (range.1 - range.0).max(f64::MIN_POSITIVE);
        let rough = span / wanted.max(1) as f64;
        let power = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 2.5, 5.0, 10.0]
            .into_iter()
            .map(|m| m * power)
            .find(|s| *s >= rough * 0.999)
            .unwrap_or(10.0 * power);
        let decimals = decimals(step);
        let first = (range.0 / step - 1e-9).ceil() as i64;
        let last = (range.1 / step + 1e-9).floor() as i64;
        Self(
            (first..=last)
                .map(|i| i as f64 * step)
                .map(|v| (v, fixed(v, decimals)))
                .collect(),
        )
    }

    /// Whole numbers inside `range`, about `wanted` of them.
    pub(super) fn whole(range: (f64, f64), wanted: usize) -> Self {
        let step = ((range.1 - range.0) / wanted.max(1) as f64).ceil().max(1.0) as i64;
        let step = [1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000]
            .into_iter()
            .find(|s| *s >= step)
            .unwrap_or(step);
        let first = (range.0 / step as f64).ceil() as i64;
        let last = (range.1 / step as f64).floor() as i64;
        Self(
            (first..=last)
                .map(|i| ((i * step) as f64, (i * step).to_string()))
                .collect(),
        )
    }

    /// 0 to 1 in quarters.
    pub(super) fn unit() -> Self {
        Self::round((0.0, 1.0), 4)
    }

    /// −1 to 1 in halves.
    pub(super) fn signed() -> Self {
        Self::round((-1.0, 1.0), 4)
    }
}

fn decimals(step: f64) -> usize {
    (0..6)
        .find(|d| {
            let scaled = step * 10f64.powi(*d as i32);
            (scaled - scaled.round()).abs() < 1e-6 * scaled.max(1.0)
        })
        .unwrap_or(6)
}

/// The rectangle in which data are drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Frame {
    /// Right edge.
    pub(super) fn right(&self) -> f64 {
        self.left + self.width
    }

    /// Lower edge.
    pub(super) fn bottom(&self) -> f64 {
        self.top + self.height
    }

    /// Horizontal scale of this frame.
    pub(super) fn x(&self, range: (f64, f64)) -> Scale {
        Scale::new(range, (self.left, self.right()))
    }

    /// Vertical scale of this frame, growing upwards.
    pub(super) fn y(&self, range: (f64, f64)) -> Scale {
        Scale::new(range, (self.bottom(), self.top))
    }

    /// Bottom axis with labels and vertical grid lines.
    pub(super) fn bottom_axis(
        &self,
        canvas: &mut Canvas,
        scale: &Scale,
        ticks: &Ticks,
        title: &str,
    ) {
        for (value, label) in &ticks.0 {
            let x = scale.at(*value);
            canvas.line((x, self.top), (x, self.bottom()), "f-grid");
            canvas.text(
                (x, self.bottom() + 16.0),
                Anchor::Middle,
                "f-tick f-num",
                label,
            );
        }
        canvas.line(
            (self.left, self.bottom()),
            (self.right(), self.bottom()),
            "f-axis",
        );
        canvas.text(
            (self.left + self.width / 2.0, self.bottom() + 34.0),
            Anchor::Middle,
            "f-axis-title",
            title,
        );
    }

    /// Left axis with labels and horizontal grid lines; the title stands above it.
    pub(super) fn left_axis(&self, canvas: &mut Canvas, scale: &Scale, ticks: &Ticks) {
        for (value, label) in &ticks.0 {
            let y = scale.at(*value);
            canvas.line((self.left, y), (self.right(), y), "f-grid");
            canvas.text(
                (self.left - 7.0, y + 4.0),
                Anchor::End,
                "f-tick f-num",
                label,
            );
        }
        canvas.line((self.left, self.top), (self.left, self.bottom()), "f-axis");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        let labels = |t: Ticks| t.0.into_iter().map(|(_, l)| l).collect::<Vec<_>>();
        assert_eq!(
            labels(Ticks::unit()),
            ["0.00", "0.25", "0.50", "0.75", "1.00"]
        );
        assert_eq!(
            labels(Ticks::signed()),
            ["−1.0", "−0.5", "0.0", "0.5", "1.0"]
        );
        assert_eq!(labels(Ticks::whole((1.0, 12.0), 5)), ["5", "10"]);
        assert_eq!(labels(Ticks::round((0.0, 0.0), 3)).len(), 1);
    }

    #[test]
    fn scale_clips_and_survives_an_empty_range() {
        let scale = Scale::new((0.0, 2.0), (10.0, 20.0));
        assert_eq!(scale.at(1.0), 15.0);
        assert_eq!(scale.at(5.0), 20.0);
        assert!(Scale::new((3.0, 3.0), (0.0, 1.0)).at(3.0).is_finite());
    }
}
