//! Maps that know nothing of the class: what a real one must beat. See also
//! [`Method::Random`](crate::Method::Random).

use crate::layer::narrow;
use crate::{CamRule, Layer, RawMap, Result};

/// The same everywhere: 1.
///
/// # Shapes
///
/// - `size`: rows and columns
/// - returns: `rows * columns` values, row by row
///
/// # Examples
///
/// ```
/// use cam_methods::evaluate::controls::uniform;
/// assert_eq!(uniform([1, 3]), [1.0; 3]);
/// ```
pub fn uniform(size: [usize; 2]) -> Vec<f32> {
    vec![1.0; size[0] * size[1]]
}

/// A Gaussian around the centre, 1 there.
///
/// ```text
/// m = exp(-(r^2 + c^2) / (2 deviation^2))        r, c = distance from the centre as a share of each side
/// ```
///
/// # Shapes
///
/// - `size`: rows and columns; `deviation`: share of each side; 0 leaves nothing but the centre
/// - returns: `rows * columns` values in [0, 1], row by row
///
/// # Examples
///
/// ```
/// use cam_methods::evaluate::controls::centre_gaussian;
/// let map = centre_gaussian([3, 3], 0.25);
/// assert_eq!(map[4], 1.0);
/// assert!(map[0] < map[1] && map[1] == map[3]);
/// ```
pub fn centre_gaussian(size: [usize; 2], deviation: f64) -> Vec<f32> {
    // 0/0 at the very centre otherwise
    let spread = (2.0 * deviation * deviation).max(f64::MIN_POSITIVE);
    let offset = |i: usize, n: usize| (i as f64 + 0.5) / n as f64 - 0.5;
    (0..size[0] * size[1])
        .map(|i| {
            let (r, c) = (offset(i / size[1], size[0]), offset(i % size[1], size[1]));
            (-(r * r + c * c) / spread).exp() as f32
        })
        .collect()
}

/// Mean absolute activation: where the network looks, for whatever class.
///
/// # Examples
///
/// ```
/// use cam_methods::evaluate::controls::MeanActivation;
/// use cam_methods::{Explainer, Tap, Target};
/// use candle_core::{Device, Tensor};
///
/// let net = |x: &Tensor, tap: &mut dyn Tap| tap.visit("relu", x.relu()?)?.mean((2, 3));
/// let image = Tensor::arange(0f32, 16., &Device::Cpu)?.reshape((1, 1, 4, 4))?;
/// let maps = Explainer::new(&net).tap("relu").explain_rule(&image, &[Target::Class(0)], &MeanActivation)?;
/// assert_eq!(maps.heatmap(0)?[15], 1.0);
/// # Ok::<(), cam_methods::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct MeanActivation;

impl CamRule for MeanActivation {
    fn name(&self) -> &str {
        "mean_activation"
    }

    fn needs_gradients(&self) -> bool {
        false
    }

    fn map(&self, layer: &Layer<'_>) -> Result<RawMap> {
        let mut sum = vec![0f64; layer.cells()];
        for a in layer.activations() {
            sum.iter_mut()
                .zip(a)
                .for_each(|(s, a)| *s += f64::from(a.abs()) / layer.channels() as f64);
        }
        Ok(RawMap {
            values: narrow(&sum),
            weights: None,
        })
    }
}
