//! Pictures, colour bars and words -> one SVG file that needs no other.

use std::error::Error;
use std::fmt::Write;

use base64::Engine as _;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Colours of values from 0 to 1.
#[derive(Clone, Copy)]
pub(crate) enum Ramp {
    Grey,
    /// Dark to bright, readable by the colour-blind: what the names in it are of matplotlib.
    Inferno,
    Teal,
    /// Blue below 0.5, white there, red above.
    Difference,
}

impl Ramp {
    /// Red, green, blue.
    pub(crate) fn at(self, value: f64) -> [u8; 3] {
        let stops: &[[f64; 3]] = match self {
            Self::Grey => &[[0.0; 3], [255.0; 3]],
            Self::Inferno => &[
                [0.0, 0.0, 4.0],
                [40.0, 11.0, 84.0],
                [101.0, 21.0, 110.0],
                [159.0, 42.0, 99.0],
                [212.0, 72.0, 66.0],
                [245.0, 125.0, 21.0],
                [250.0, 193.0, 39.0],
                [252.0, 255.0, 164.0],
            ],
            Self::Difference => &[
                [5.0, 48.0, 97.0],
                [67.0, 147.0, 195.0],
                [247.0, 247.0, 247.0],
                [214.0, 96.0, 77.0],
                [103.0, 0.0, 31.0],
            ],
            Self::Teal => &[
                [8.0, 20.0, 30.0],
                [10.0, 75.0, 95.0],
                [35.0, 145.0, 150.0],
                [140.0, 205.0, 190.0],
                [240.0, 250.0, 235.0],
            ],
        };
        let place = value.clamp(0.0, 1.0) * (stops.len() - 1) as f64;
        let below = (place as usize).min(stops.len() - 2);
        let share = place - below as f64;
        std::array::from_fn(|i| {
            let (a, b) = (stops[below][i], stops[below + 1][i]);
            (a + share * (b - a)).round() as u8
        })
    }
}

/// A picture in colours, row by row.
pub(crate) struct Picture {
    pub(crate) size: usize,
    pub(crate) pixels: Vec<u8>,
}

impl Picture {
    pub(crate) fn new(size: usize, colour: impl Fn([usize; 2]) -> [u8; 3]) -> Self {
        let places = (0..size).flat_map(|row| (0..size).map(move |column| [row, column]));
        Self {
            size,
            pixels: places.flat_map(colour).collect(),
        }
    }

    fn address(&self) -> Outcome<String> {
        let mut png = Vec::new();
        PngEncoder::new_with_quality(&mut png, CompressionType::Best, FilterType::Adaptive)
            .write_image(
                &self.pixels,
                self.size as u32,
                self.size as u32,
                ExtendedColorType::Rgb8,
            )?;
        let text = base64::engine::general_purpose::STANDARD.encode(png);
        Ok(format!("data:image/png;base64,{text}"))
    }
}

/// The inside of a drawing under construction; lengths are in points.
pub(crate) struct Drawing {
    size: [f64; 2],
    body: String,
}

impl Drawing {
    pub(crate) fn new(size: [f64; 2]) -> Self {
        Self {
            size,
            body: String::new(),
        }
    }

    pub(crate) fn picture(&mut self, at: [f64; 2], edge: f64, picture: &Picture) -> Outcome<()> {
        let [x, y] = at;
        let address = picture.address()?;
        writeln!(
            self.body,
            "<image x=\"{x}\" y=\"{y}\" width=\"{edge}\" height=\"{edge}\" href=\"{address}\"/>"
        )?;
        Ok(())
    }

    /// `class` is one of those of [`finish`](Self::finish); `\n` starts a new line.
    pub(crate) fn text(&mut self, at: [f64; 2], class: &str, text: &str) -> Outcome<()> {
        let [x, mut y] = at;
        for line in text.split('\n') {
            let line = line.replace('&', "&amp;").replace('<', "&lt;");
            writeln!(
                self.body,
                "<text x=\"{x:.1}\" y=\"{y:.1}\" class=\"{class}\">{line}</text>"
            )?;
            y += 10.0;
        }
        Ok(())
    }

    pub(crate) fn line(&mut self, from: [f64; 2], to: [f64; 2], class: &str) -> Outcome<()> {
        let ([a, b], [c, d]) = (from, to);
        writeln!(
            self.body,
            "<line x1=\"{a:.1}\" y1=\"{b:.1}\" x2=\"{c:.1}\" y2=\"{d:.1}\" class=\"{class}\"/>"
        )?;
        Ok(())
    }

    pub(crate) fn block(&mut self, at: [f64; 2], size: [f64; 2], colour: [u8; 3]) -> Outcome<()> {
        let ([x, y], [w, h], [r, g, b]) = (at, size, colour);
        writeln!(
            self.body,
            "<rect x=\"{x:.2}\" y=\"{y:.2}\" width=\"{w:.2}\" height=\"{h:.2}\" fill=\"rgb({r},{g},{b})\"/>"
        )?;
        Ok(())
    }

    /// A bar of all colours with ticks at (share of the bar, label) and a title.
    pub(crate) fn colour_bar(
        &mut self,
        at: [f64; 2],
        length: f64,
        ramp: Ramp,
        title: &str,
        ticks: &[(f64, &str)],
    ) -> Outcome<()> {
        const STEPS: usize = 64;
        let [x, y] = at;
        let step = length / STEPS as f64;
        for i in 0..STEPS {
            let colour = ramp.at((i as f64 + 0.5) / STEPS as f64);
            // a little wider, so that no gaps show between the steps
            let width = if i + 1 < STEPS { step + 0.3 } else { step };
            self.block([x + i as f64 * step, y], [width, 8.0], colour)?;
        }
        writeln!(
            self.body,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{length}\" height=\"8\" class=\"frame\"/>"
        )?;
        self.text([x, y - 5.0], "bar", title)?;
        for (share, label) in ticks {
            let tick = x + share * length;
            self.line([tick, y + 8.0], [tick, y + 11.0], "thin")?;
            self.text([tick, y + 20.0], "tick", label)?;
        }
        Ok(())
    }

    pub(crate) fn finish(self) -> String {
        let [w, h] = self.size;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {w} {h}\" width=\"{w}\" height=\"{h}\">\n\
             <style>\n\
             text {{ font-family: Helvetica, Arial, 'Liberation Sans', sans-serif; fill: #111; }}\n\
             .title {{ font-size: 9px; text-anchor: middle; }}\n\
             .row {{ font-size: 9.5px; font-weight: bold; text-anchor: start; }}\n\
             .letter {{ font-size: 12px; font-weight: bold; }}\n\
             .head {{ font-size: 10.5px; }}\n\
             .bar, .note {{ font-size: 9px; }}\n\
             .tick {{ font-size: 8.5px; text-anchor: middle; }}\n\
             .scale {{ font-size: 8.5px; fill: #fff; text-anchor: middle; }}\n\
             .thin {{ stroke: #111; stroke-width: 0.7; }}\n\
             .frame {{ fill: none; stroke: #111; stroke-width: 0.5; }}\n\
             .mm {{ stroke: #fff; stroke-width: 2; }}\n\
             image {{ image-rendering: auto; }}\n\
             </style>\n\
             <rect width=\"{w}\" height=\"{h}\" fill=\"#fff\"/>\n{}</svg>\n",
            self.body
        )
    }
}
