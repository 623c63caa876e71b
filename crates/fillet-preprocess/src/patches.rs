//! Slices -> square patches for a patch network, and patch labels -> a label map.

use ndarray::{Array2, Array3, ArrayView2, ArrayViewMut2, Slice};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Size and distance of square patches, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PatchConfig {
    /// Side of a patch.
    pub size: usize,
    /// Distance between neighbouring patches.
    pub stride: usize,
}

impl Default for PatchConfig {
    /// 8×8 patches every 4 pixels, as the supervised reference is computed.
    fn default() -> Self {
        Self { size: 8, stride: 4 }
    }
}

/// How overlapping patch labels become pixel labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PatchAssembly {
    /// Each patch labels all its pixels, later patches over earlier ones: a map shifted by half a
    /// patch less half a stride towards the top left. What the authors' code does.
    Overwrite,
    /// Each pixel takes the most frequent label of the patches over it; the smallest of equals.
    #[default]
    Vote,
}

impl PatchConfig {
    /// Checks the numbers.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] naming the key.
    pub fn validate(&self) -> Result<()> {
        for (key, value) in [("size", self.size), ("stride", self.stride)] {
            if value == 0 {
                return Err(Error::Config {
                    key,
                    value: "0".to_owned(),
                    expected: "at least 1 pixel",
                });
            }
        }
        Ok(())
    }

    /// Top left corners `[row, column]` of all patches inside an image, row by row.
    ///
    /// # Errors
    ///
    /// [`Error::Config`].
    pub fn positions(&self, rows: usize, columns: usize) -> Result<Vec<[usize; 2]>> {
        self.validate()?;
        let starts =
            |length: usize| (0..(length + 1).saturating_sub(self.size)).step_by(self.stride);
        Ok(starts(rows)
            .flat_map(|r| starts(columns).map(move |c| [r, c]))
            .collect())
    }

    /// The patches of a slice at the given corners.
    ///
    /// # Shapes
    ///
    /// - `slice`: `[rows, columns]`; result: `[patch, size, size]`
    ///
    /// # Errors
    ///
    /// [`Error::Config`]; [`Error::ShapeMismatch`] if a patch reaches outside.
    pub fn extract(
        &self,
        slice: ArrayView2<'_, f32>,
        positions: &[[usize; 2]],
    ) -> Result<Array3<f32>> {
        self.check(slice.shape(), positions)?;
        let size = self.size;
        let mut out = Array3::zeros((positions.len(), size, size));
        for (mut patch, &[row, column]) in out.outer_iter_mut().zip(positions) {
            patch.assign(&window(slice, [row, column], size));
        }
        Ok(out)
    }

    /// Corners of the patches whose pixels all carry one and the same label, with that label;
    /// `unlabelled` pixels belong to none.
    ///
    /// # Errors
    ///
    /// [`Error::Config`].
    ///
    /// # Source
    ///
    /// The supervised reference (Anderssen et al. 2021) trains on such patches, with stride 1.
    pub fn pure(&self, labels: ArrayView2<'_, u8>, unlabelled: u8) -> Result<Vec<LabelledPatch>> {
        let (rows, columns) = labels.dim();
        let positions = self.positions(rows, columns)?;
        Ok(positions
            .into_iter()
            .filter_map(|[row, column]| {
                let label = labels[[row, column]];
                let pixels = window(labels, [row, column], self.size);
                (label != unlabelled && pixels.iter().all(|&other| other == label)).then_some(
                    LabelledPatch {
                        position: [row, column],
                        label,
                    },
                )
            })
            .collect())
    }

    /// A label map from patch labels; pixels without a patch get `background`.
    ///
    /// # Shapes
    ///
    /// - result: `[rows, columns]`
    ///
    /// # Errors
    ///
    /// [`Error::Config`]; [`Error::ShapeMismatch`] if a patch reaches outside.
    pub fn assemble(
        &self,
        shape: [usize; 2],
        patches: &[LabelledPatch],
        assembly: PatchAssembly,
        background: u8,
    ) -> Result<Array2<u8>> {
        let positions: Vec<[usize; 2]> = patches.iter().map(|patch| patch.position).collect();
        self.check(&shape, &positions)?;
        let mut out = Array2::from_elem(shape, background);
        match assembly {
            PatchAssembly::Overwrite => {
                for patch in patches {
                    fill(out.view_mut(), patch.position, self.size, |pixel| {
                        *pixel = patch.label
                    });
                }
            }
            PatchAssembly::Vote => {
                let mut most: Array2<u32> = Array2::zeros(shape);
                let mut labels: Vec<u8> = patches.iter().map(|patch| patch.label).collect();
                labels.sort_unstable();
                labels.dedup();
                for label in labels {
                    let mut votes: Array2<u32> = Array2::zeros(shape);
                    for patch in patches.iter().filter(|patch| patch.label == label) {
                        fill(votes.view_mut(), patch.position, self.size, |count| {
                            *count += 1
                        });
                    }
                    ndarray::Zip::from(&mut out)
                        .and(&mut most)
                        .and(&votes)
                        .for_each(|out, most, &votes| {
                            if votes > *most {
                                *most = votes;
                                *out = label;
                            }
                        });
                }
            }
        }
        Ok(out)
    }

    fn check(&self, shape: &[usize], positions: &[[usize; 2]]) -> Result<()> {
        self.validate()?;
        let outside = positions
            .iter()
            .map(|[row, column]| [row + self.size, column + self.size])
            .find(|end| end[0] > shape[0] || end[1] > shape[1]);
        outside.map_or(Ok(()), |end| {
            Err(Error::ShapeMismatch {
                left: shape.to_vec(),
                right: end.to_vec(),
            })
        })
    }
}

fn window<T>(image: ArrayView2<'_, T>, start: [usize; 2], size: usize) -> ArrayView2<'_, T> {
    let mut image = image;
    image.slice_each_axis_inplace(|axis| {
        let from = start[axis.axis.index()];
        Slice::from(from..from + size)
    });
    image
}

fn fill<T>(
    image: ArrayViewMut2<'_, T>,
    start: [usize; 2],
    size: usize,
    change: impl FnMut(&mut T),
) {
    let mut image = image;
    image.slice_each_axis_inplace(|axis| {
        let from = start[axis.axis.index()];
        Slice::from(from..from + size)
    });
    image.iter_mut().for_each(change);
}

/// A patch and its class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelledPatch {
    /// Top left corner, `[row, column]`.
    pub position: [usize; 2],
    /// The class.
    pub label: u8,
}
