//! Heatmaps as pictures (feature `image`).

use crate::{ColourMap, Error, Result};
use image::{Rgb, RgbImage};

/// A heatmap in colour.
///
/// # Shapes
///
/// - `map`: `rows * columns` values in [0, 1], row by row; `size`: `[rows, columns]`
///
/// # Errors
///
/// [`Error::ShapeMismatch`] if `map` does not hold that many values.
pub fn colour_image(map: &[f32], size: [usize; 2], colours: ColourMap) -> Result<RgbImage> {
    check("values of a map and its size", map.len(), size)?;
    picture(size, |i| colours.rgb(map[i]))
}

/// A heatmap in colour over a grey image.
///
/// ```text
/// pixel = (1 - opacity) * grey + opacity * colour(map)
/// ```
///
/// The image is stretched from its smallest to its largest value; a constant one is black.
///
/// # Shapes
///
/// - `grey`, `map`: `rows * columns` values, row by row; `opacity` in [0, 1]
///
/// # Errors
///
/// [`Error::ShapeMismatch`], [`Error::Parameter`].
///
/// # Examples
///
/// ```
/// use cam_methods::{ColourMap, overlay};
/// let picture = overlay(&[0.0, 1.0], &[0.0, 1.0], [1, 2], ColourMap::Grey, 0.5)?;
/// assert_eq!(picture.get_pixel(1, 0).0, [255, 255, 255]);
/// # Ok::<(), cam_methods::Error>(())
/// ```
pub fn overlay(
    grey: &[f32],
    map: &[f32],
    size: [usize; 2],
    colours: ColourMap,
    opacity: f32,
) -> Result<RgbImage> {
    check("values of an image and its size", grey.len(), size)?;
    check("values of a map and its size", map.len(), size)?;
    if !(0.0..=1.0).contains(&opacity) {
        return Err(Error::Parameter {
            name: "opacity",
            expected: "in [0, 1]",
            got: opacity.to_string(),
        });
    }
    let range = crate::normalise::Range::of(grey);
    let mut stretched = grey.to_vec();
    crate::normalise::min_max(&mut stretched, range, 0.0);
    picture(size, |i| {
        let under = stretched[i] * 255.0 * (1.0 - opacity);
        colours
            .rgb(map[i])
            .map(|c| (under + f32::from(c) * opacity).round() as u8)
    })
}

fn picture(size: [usize; 2], pixel: impl Fn(usize) -> [u8; 3]) -> Result<RgbImage> {
    let too_large = |_| Error::Parameter {
        name: "size",
        expected: "below 2^32",
        got: format!("{size:?}"),
    };
    let (height, width) = (
        u32::try_from(size[0]).map_err(too_large)?,
        u32::try_from(size[1]).map_err(too_large)?,
    );
    Ok(RgbImage::from_fn(width, height, |x, y| {
        Rgb(pixel(y as usize * size[1] + x as usize))
    }))
}

fn check(what: &'static str, values: usize, size: [usize; 2]) -> Result<()> {
    if values == size[0] * size[1] && values > 0 {
        return Ok(());
    }
    Err(Error::ShapeMismatch {
        what,
        left: vec![values],
        right: size.to_vec(),
    })
}
