//! Values in [0, 1] -> colours that rise evenly in lightness and survive colour blindness.
//!
//! Control points: nine even samples each of viridis and inferno (matplotlib, CC0), and nine of a
//! ramp of ours from blue to orange, which people with red-green blindness tell apart. Between them
//! colours are mixed linearly in sRGB.

/// An 8-bit sRGB colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rgb(pub(super) [u8; 3]);

/// A colour map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ramp {
    /// Dark blue to yellow, for amounts.
    Viridis,
    /// Black to pale yellow, for heatmaps over a grey picture.
    Inferno,
    /// Blue over near-white to orange-brown, for signed amounts: the middle is zero.
    BlueOrange,
}

const BLUE_ORANGE: [[u8; 3]; 9] = [
    [5, 66, 123],
    [33, 113, 181],
    [96, 165, 214],
    [178, 211, 236],
    [245, 245, 242],
    [253, 208, 162],
    [246, 150, 66],
    [205, 92, 8],
    [127, 54, 4],
];

const VIRIDIS: [[u8; 3]; 9] = [
    [68, 1, 84],
    [71, 44, 122],
    [59, 81, 139],
    [44, 113, 142],
    [33, 144, 141],
    [39, 173, 129],
    [92, 200, 99],
    [170, 220, 50],
    [253, 231, 37],
];

const INFERNO: [[u8; 3]; 9] = [
    [0, 0, 4],
    [31, 12, 72],
    [85, 15, 109],
    [136, 34, 106],
    [186, 54, 85],
    [227, 89, 51],
    [249, 140, 10],
    [249, 201, 50],
    [252, 255, 164],
];

impl Ramp {
    /// The colour of `value`, clipped to `[0, 1]`.
    pub(super) fn at(self, value: f64) -> Rgb {
        let points = match self {
            Self::Viridis => &VIRIDIS,
            Self::Inferno => &INFERNO,
            Self::BlueOrange => &BLUE_ORANGE,
        };
        let place = if value.is_finite() {
            value.clamp(0.0, 1.0) * (points.len() - 1) as f64
        } else {
            0.0
        };
        let low = (place.floor() as usize).min(points.len() - 2);
        let part = place - low as f64;
        let mix = |channel: usize| {
            let a = f64::from(points[low][channel]);
            let b = f64::from(points[low + 1][channel]);
            (a + (b - a) * part).round() as u8
        };
        Rgb([mix(0), mix(1), mix(2)])
    }
}

impl Rgb {
    /// `#rrggbb`.
    pub(super) fn hex(self) -> String {
        let [r, g, b] = self.0;
        format!("#{r:02x}{g:02x}{b:02x}")
    }

    /// This colour over `below`, with opacity `alpha` in `[0, 1]`.
    pub(super) fn over(self, below: Self, alpha: f64) -> Self {
        let mix = |i: usize| {
            let a = f64::from(self.0[i]);
            let b = f64::from(below.0[i]);
            (b + (a - b) * alpha).round() as u8
        };
        Self([mix(0), mix(1), mix(2)])
    }

    /// Black or white, whichever has the higher contrast (WCAG 2 relative luminance).
    pub(super) fn ink(self) -> &'static str {
        let linear = |c: u8| {
            let c = f64::from(c) / 255.0;
            if c <= 0.04045 {
                c / 12.92
            } else {
                ((c + 0.055) / 1.055).powf(2.4)
            }
        };
        let [r, g, b] = self.0;
        let luminance = 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
        if luminance > 0.179 {
            "#000000"
        } else {
            "#ffffff"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ramps_hit_their_ends_and_clip() {
        assert_eq!(Ramp::Viridis.at(0.0).hex(), "#440154");
        assert_eq!(Ramp::Viridis.at(1.0).hex(), "#fde725");
        assert_eq!(Ramp::Viridis.at(9.0), Ramp::Viridis.at(1.0));
        assert_eq!(Ramp::Inferno.at(f64::NAN), Ramp::Inferno.at(0.0));
    }

    #[test]
    fn ink_contrasts() {
        assert_eq!(Ramp::Viridis.at(0.0).ink(), "#ffffff");
        assert_eq!(Ramp::Viridis.at(1.0).ink(), "#000000");
    }
}
