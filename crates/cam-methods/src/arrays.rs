//! Heatmaps as arrays (feature `ndarray`).

use crate::{CamMaps, Error, Result};
use candle_core::Tensor;
use ndarray::{Array2, Array3};

impl CamMaps {
    /// The heatmaps as `[image, row, column]` in [0, 1].
    ///
    /// # Errors
    ///
    /// A tensor error if the values cannot be read.
    ///
    /// # Examples
    ///
    /// ```
    /// use cam_methods::{Explainer, Method, Tap, Target};
    /// use candle_core::{Device, Tensor};
    ///
    /// let net = |x: &Tensor, tap: &mut dyn Tap| tap.visit("relu", x.relu()?)?.mean((2, 3));
    /// let image = Tensor::arange(0f32, 16., &Device::Cpu)?.reshape((1, 1, 4, 4))?;
    /// let maps = Explainer::new(&net).explain(&image, &[Target::Class(0)], Method::GradCam)?;
    /// assert_eq!(maps.to_array()?[[0, 3, 3]], 1.0);
    /// assert_eq!(maps.heatmap_array(0)?.dim(), (4, 4));
    /// # Ok::<(), cam_methods::Error>(())
    /// ```
    pub fn to_array(&self) -> Result<Array3<f32>> {
        array(&self.up)
    }

    /// The heatmaps before they were brought to [0, 1], as `[image, row, column]`.
    ///
    /// # Errors
    ///
    /// A tensor error if the values cannot be read.
    pub fn unscaled_array(&self) -> Result<Array3<f32>> {
        array(&self.unscaled)
    }

    /// The heatmap of one image as `[row, column]`.
    ///
    /// # Errors
    ///
    /// A tensor error if there is no such image.
    pub fn heatmap_array(&self, image: usize) -> Result<Array2<f32>> {
        let one = self.up.get(image)?;
        let (rows, columns) = one.dims2()?;
        shaped(
            Array2::from_shape_vec((rows, columns), one.flatten_all()?.to_vec1()?),
            &one,
        )
    }
}

fn array(t: &Tensor) -> Result<Array3<f32>> {
    shaped(
        Array3::from_shape_vec(t.dims3()?, t.flatten_all()?.to_vec1()?),
        t,
    )
}

fn shaped<A>(array: std::result::Result<A, ndarray::ShapeError>, t: &Tensor) -> Result<A> {
    array.map_err(|_| Error::ShapeMismatch {
        what: "values of a tensor and its shape",
        left: vec![t.elem_count()],
        right: t.dims().to_vec(),
    })
}
