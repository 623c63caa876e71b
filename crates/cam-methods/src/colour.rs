//! Colour maps for heatmaps.

use serde::{Deserialize, Serialize};

/// From a value in [0, 1] to a colour.
///
/// # Examples
///
/// ```
/// use cam_methods::ColourMap;
/// assert_eq!(ColourMap::Viridis.rgb(0.0), [68, 1, 84]);
/// assert_eq!(ColourMap::Grey.rgb(0.5), [128, 128, 128]);
/// assert_eq!(ColourMap::Viridis.rgb(f32::NAN), ColourMap::Viridis.rgb(0.0));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColourMap {
    /// Perceptually uniform, dark blue to yellow.
    #[default]
    Viridis,
    /// Perceptually uniform, black to pale yellow.
    Inferno,
    /// Blue over green to red. Its bright yellow and cyan bands show edges that are not in the data; for comparison
    /// with older figures.
    Jet,
    /// Black to white.
    Grey,
}

impl ColourMap {
    /// Colour of a value; values outside [0, 1] and NaN are clamped.
    ///
    /// # Source
    ///
    /// Viridis and Inferno: Smith and van der Walt 2015 (public domain), 33 colours of matplotlib 3.11 joined by
    /// straight lines; Jet: MATLAB's piecewise linear definition.
    pub fn rgb(self, value: f32) -> [u8; 3] {
        let t = f64::from(if value.is_nan() {
            0.0
        } else {
            value.clamp(0.0, 1.0)
        });
        match self {
            Self::Viridis => along(&VIRIDIS, t),
            Self::Inferno => along(&INFERNO, t),
            Self::Jet => [3.0, 2.0, 1.0]
                .map(|centre| byte((1.5 - (4.0 * t - centre).abs()).clamp(0.0, 1.0) * 255.0)),
            Self::Grey => [byte(t * 255.0); 3],
        }
    }
}

fn byte(v: f64) -> u8 {
    v.round() as u8
}

fn along(colours: &[[u8; 3]; 33], t: f64) -> [u8; 3] {
    let at = t * (colours.len() - 1) as f64;
    let low = (at.floor() as usize).min(colours.len() - 2);
    let part = at - low as f64;
    let (a, b) = (colours[low], colours[low + 1]);
    std::array::from_fn(|i| byte(f64::from(a[i]) + (f64::from(b[i]) - f64::from(a[i])) * part))
}

#[rustfmt::skip]
const VIRIDIS: [[u8; 3]; 33] = [
    [68, 1, 84], [71, 13, 96], [72, 24, 106], [72, 35, 116], [71, 45, 123], [69, 55, 129], [66, 64, 134],
    [62, 73, 137], [59, 82, 139], [55, 91, 141], [51, 99, 141], [47, 107, 142], [44, 114, 142], [41, 122, 142],
    [38, 130, 142], [35, 137, 142], [33, 145, 140], [31, 152, 139], [31, 160, 136], [34, 167, 133], [40, 174, 128],
    [50, 182, 122], [63, 188, 115], [78, 195, 107], [94, 201, 98], [112, 207, 87], [132, 212, 75], [152, 216, 62],
    [173, 220, 48], [194, 223, 35], [216, 226, 25], [236, 229, 27], [253, 231, 37],
];

#[rustfmt::skip]
const INFERNO: [[u8; 3]; 33] = [
    [0, 0, 4], [4, 3, 18], [11, 7, 36], [21, 11, 55], [33, 12, 74], [47, 10, 91], [61, 9, 101], [74, 12, 107],
    [87, 16, 110], [100, 21, 110], [113, 25, 110], [125, 30, 109], [138, 34, 106], [151, 39, 102], [163, 44, 97],
    [176, 49, 91], [188, 55, 84], [199, 62, 76], [210, 70, 68], [219, 80, 59], [228, 90, 49], [235, 102, 40],
    [241, 115, 29], [246, 128, 19], [249, 142, 9], [251, 157, 7], [252, 172, 17], [251, 188, 33], [249, 203, 53],
    [245, 219, 76], [242, 234, 105], [243, 246, 138], [252, 255, 164],
];
