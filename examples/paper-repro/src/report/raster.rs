//! Slices and maps -> PNG pictures and outlines.

use std::collections::BTreeMap;

use base64::Engine as _;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder as _};
use ndarray::{Array2, ArrayView2, Axis, Slice};

use super::colour::{Ramp, Rgb};
use super::error::{Error, Result};
use super::svg::num;

/// Opacity of a heatmap over the slice: weak where the map is low, so that tissue stays visible.
pub(super) fn opacity(value: f64) -> f64 {
    0.25 + 0.5 * value.clamp(0.0, 1.0)
}

/// The colour a heatmap value has over mid-grey tissue, as the colour bar shows it.
pub(super) fn bar_colour(value: f64) -> Rgb {
    Ramp::Inferno
        .at(value)
        .over(Rgb([120, 120, 120]), opacity(value))
}

/// The slice as a grey picture, `window` being the value shown as white.
///
/// # Errors
///
/// [`Error::Picture`] if the encoder fails.
pub(super) fn grey(image: ArrayView2<'_, f32>, window: f32, what: &str) -> Result<String> {
    let pixels: Vec<u8> = image.iter().map(|v| level(*v, window)).collect();
    encode(&pixels, image.dim(), ExtendedColorType::L8, what)
}

/// The heatmap over the slice, inside the tissue only.
///
/// # Errors
///
/// [`Error::Picture`] if the encoder fails.
pub(super) fn overlay(
    image: ArrayView2<'_, f32>,
    foreground: ArrayView2<'_, bool>,
    map: ArrayView2<'_, f32>,
    window: f32,
    what: &str,
) -> Result<String> {
    let mut pixels = Vec::with_capacity(image.len() * 3);
    for ((v, inside), m) in image.iter().zip(foreground.iter()).zip(map.iter()) {
        let g = level(*v, window);
        let grey = Rgb([g, g, g]);
        let m = f64::from(*m);
        let colour = if *inside {
            Ramp::Inferno.at(m).over(grey, opacity(m))
        } else {
            grey
        };
        pixels.extend(colour.0);
    }
    encode(&pixels, image.dim(), ExtendedColorType::Rgb8, what)
}

/// Equal tiles in rows of `columns`, as one grey picture.
///
/// # Errors
///
/// [`Error::Picture`] if the encoder fails.
pub(super) fn tiles(tiles: &[Array2<u8>], columns: usize, what: &str) -> Result<String> {
    let (height, width) = tiles.first().map_or((0, 0), Array2::dim);
    let columns = columns.max(1);
    let rows = tiles.len().div_ceil(columns);
    let mut sheet = Array2::<u8>::zeros((rows * height, columns * width));
    for (i, tile) in tiles.iter().enumerate() {
        let (top, left) = (i / columns * height, i % columns * width);
        for ((r, c), value) in tile.indexed_iter() {
            sheet[(top + r, left + c)] = *value;
        }
    }
    let pixels: Vec<u8> = sheet.iter().copied().collect();
    encode(&pixels, sheet.dim(), ExtendedColorType::L8, what)
}

fn level(value: f32, window: f32) -> u8 {
    (255.0 * (value / window.max(1e-6)).clamp(0.0, 1.0)).round() as u8
}

fn encode(
    pixels: &[u8],
    (rows, columns): (usize, usize),
    kind: ExtendedColorType,
    what: &str,
) -> Result<String> {
    let mut png = Vec::new();
    PngEncoder::new_with_quality(&mut png, CompressionType::Best, FilterType::Adaptive)
        .write_image(pixels, columns as u32, rows as u32, kind)
        .map_err(|source| Error::Picture {
            what: what.to_owned(),
            source,
        })?;
    let text = base64::engine::general_purpose::STANDARD.encode(png);
    Ok(format!("data:image/png;base64,{text}"))
}

/// Averages blocks of `factor` × `factor` pixels; a rest at the border forms smaller blocks.
pub(super) fn shrunk(image: ArrayView2<'_, f32>, factor: usize) -> Array2<f32> {
    let factor = factor.max(1);
    let (rows, columns) = image.dim();
    let dim = (rows.div_ceil(factor), columns.div_ceil(factor));
    Array2::from_shape_fn(dim, |(i, j)| {
        let r = i * factor..((i + 1) * factor).min(rows);
        let c = j * factor..((j + 1) * factor).min(columns);
        let block = image.slice_axis(Axis(0), Slice::from(r));
        let block = block.slice_axis(Axis(1), Slice::from(c));
        block.sum() / block.len().max(1) as f32
    })
}

/// A grid edge crossed by an outline: row, column, and whether it runs downwards.
type Edge = (usize, usize, bool);

/// The outline of `field >= level` as an SVG path, by marching squares.
///
/// The field is taken as 0 outside the picture, so every outline closes. Positions are pixel
/// centres times `scale`. Empty where nothing reaches the level.
pub(super) fn outline(field: ArrayView2<'_, f32>, level: f32, scale: f64) -> String {
    let (rows, columns) = field.dim();
    let at = |r: usize, c: usize| {
        if r == 0 || c == 0 || r > rows || c > columns {
            0.0
        } else {
            field[[r - 1, c - 1]]
        }
    };
    let mut links: BTreeMap<Edge, Vec<Edge>> = BTreeMap::new();
    for r in 0..=rows {
        for c in 0..=columns {
            let corners = [at(r, c), at(r, c + 1), at(r + 1, c + 1), at(r + 1, c)];
            let code = corners
                .iter()
                .enumerate()
                .fold(0, |code, (i, v)| code | (usize::from(*v >= level) << i));
            let (top, left) = ((r, c, false), (r, c, true));
            let (bottom, right) = ((r + 1, c, false), (r, c + 1, true));
            let high_centre = corners.iter().sum::<f32>() / 4.0 >= level;
            let pairs: &[(Edge, Edge)] = match code {
                1 | 14 => &[(left, top)],
                2 | 13 => &[(top, right)],
                4 | 11 => &[(right, bottom)],
                8 | 7 => &[(bottom, left)],
                3 | 12 => &[(left, right)],
                6 | 9 => &[(top, bottom)],
                5 if high_centre => &[(top, right), (bottom, left)],
                5 => &[(left, top), (right, bottom)],
                10 if high_centre => &[(left, top), (right, bottom)],
                10 => &[(top, right), (bottom, left)],
                _ => &[],
            };
            for (a, b) in pairs {
                links.entry(*a).or_default().push(*b);
                links.entry(*b).or_default().push(*a);
            }
        }
    }
    let place = |(r, c, down): Edge| {
        let (a, b) = if down {
            (at(r, c), at(r + 1, c))
        } else {
            (at(r, c), at(r, c + 1))
        };
        let part = if (b - a).abs() > 1e-9 {
            f64::from(((level - a) / (b - a)).clamp(0.0, 1.0))
        } else {
            0.5
        };
        // Padded corner (r, c) is the centre of pixel (r - 1, c - 1).
        let (x, y) = (c as f64 - 0.5, r as f64 - 0.5);
        if down { (x, y + part) } else { (x + part, y) }
    };
    let mut path = String::new();
    while let Some((&start, _)) = links.first_key_value() {
        let mut edge = start;
        let mut first = true;
        loop {
            let (x, y) = place(edge);
            path.push(if first { 'M' } else { 'L' });
            path.push_str(&format!(
                "{} {}",
                num(tenth(x * scale)),
                num(tenth(y * scale))
            ));
            first = false;
            let next = links.get_mut(&edge).and_then(Vec::pop);
            let Some(next) = next else { break };
            if let Some(back) = links.get_mut(&next)
                && let Some(i) = back.iter().position(|e| *e == edge)
            {
                back.swap_remove(i);
            }
            links.retain_if_empty(edge);
            edge = next;
            if edge == start {
                break;
            }
        }
        links.retain_if_empty(edge);
        links.retain_if_empty(start);
        path.push('Z');
    }
    path
}

fn tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

trait RetainIfEmpty {
    fn retain_if_empty(&mut self, edge: Edge);
}

impl RetainIfEmpty for BTreeMap<Edge, Vec<Edge>> {
    fn retain_if_empty(&mut self, edge: Edge) {
        if self.get(&edge).is_some_and(Vec::is_empty) {
            self.remove(&edge);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn one_pixel_has_one_closed_outline() {
        let field = array![[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0f32]];
        let path = outline(field.view(), 0.5, 10.0);
        assert_eq!(path.matches('M').count(), 1);
        assert_eq!(path.matches('Z').count(), 1);
        assert_eq!(path.matches('L').count(), 3);
        assert!(path.contains("15 10") && path.contains("20 15"), "{path}");
    }

    #[test]
    fn diagonal_pixels_and_borders_close() {
        let field = array![[1.0, 0.0], [0.0, 1.0f32]];
        let path = outline(field.view(), 0.5, 1.0);
        assert_eq!(path.matches('M').count(), path.matches('Z').count());
        assert_eq!(outline(array![[0.2f32]].view(), 0.5, 1.0), "");
        let full = Array2::from_elem((4, 5), 1.0f32);
        assert_eq!(outline(full.view(), 0.5, 1.0).matches('M').count(), 1);
    }

    #[test]
    fn shrinking_averages() {
        let image = array![[0.0, 1.0, 0.5], [1.0, 0.0, 0.5f32]];
        assert_eq!(shrunk(image.view(), 2), array![[0.5, 0.5f32]]);
        assert_eq!(shrunk(image.view(), 1), image);
    }

    #[test]
    fn pictures_are_png() {
        let image = array![[0.0, 1.0f32]];
        let uri = grey(image.view(), 1.0, "x").unwrap();
        assert!(uri.starts_with("data:image/png;base64,iVBORw0KGgo"));
    }
}
