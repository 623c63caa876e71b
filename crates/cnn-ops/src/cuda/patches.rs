//! Convolutions as products with matrices of patches, in tiles of bounded memory.
#![allow(unsafe_code)]

use candle_core::cuda_backend::cudarc::driver::{CudaSlice, CudaView, DeviceRepr};
use candle_core::{CudaDevice, Result};

use super::launch::{DeviceElement, allocate, kernel, launch, mismatch, over, zeros};
use super::product::{Matrices, Product};
use super::sizes::{OP, Sizes, count};
use crate::conv::Geometry;

/// Elements of the patches of one tile, 128 MiB of `f32`; one column of patches is the least.
const WORKSPACE: usize = 1 << 25;

/// `Tile` of `kernels/conv.cu`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Tile {
    group: i32,
    first_image: i32,
    images: i32,
    first_pixel: i32,
    length: i32,
    row_stride: u64,
    image_stride: u64,
}

// SAFETY: the kernel's fields, in its order and with C's alignment.
unsafe impl DeviceRepr for Tile {}

/// Whole images, or a part of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    image: usize,
    images: usize,
    pixel: usize,
    length: usize,
}

impl Part {
    /// Cuts the output so that no part has more than `columns` pixels, at least one.
    fn cut(batch: usize, pixels: usize, columns: usize) -> Vec<Self> {
        let columns = columns.max(1);
        let mut parts = Vec::new();
        if pixels == 0 {
            return parts;
        }
        let together = columns / pixels;
        if together > 0 {
            for image in (0..batch).step_by(together) {
                parts.push(Self {
                    image,
                    images: together.min(batch - image),
                    pixel: 0,
                    length: pixels,
                });
            }
        } else {
            for image in 0..batch {
                for pixel in (0..pixels).step_by(columns) {
                    parts.push(Self {
                        image,
                        images: 1,
                        pixel,
                        length: columns.min(pixels - pixel),
                    });
                }
            }
        }
        parts
    }

    /// With the patches of the images one after the other.
    fn by_image(&self, group: usize, patch: usize) -> Tile {
        self.tile(group, self.length, patch * self.length)
    }

    /// With the images side by side in every row.
    fn by_row(&self, group: usize) -> Tile {
        self.tile(group, self.images * self.length, self.length)
    }

    /// `Sizes::new` has checked that all of these fit.
    fn tile(&self, group: usize, row_stride: usize, image_stride: usize) -> Tile {
        Tile {
            group: group as i32,
            first_image: self.image as i32,
            images: self.images as i32,
            first_pixel: self.pixel as i32,
            length: self.length as i32,
            row_stride: row_stride as u64,
            image_stride: image_stride as u64,
        }
    }
}

/// The convolution's sizes as the functions below need them.
struct Plan<'a> {
    g: &'a Geometry,
    sizes: Sizes,
    pixels: usize,
    patch: usize,
    /// Filters of a group.
    filters: usize,
}

impl<'a> Plan<'a> {
    fn new(g: &'a Geometry, lengths: [(&'static str, usize, usize); 2]) -> Result<Self> {
        Ok(Self {
            g,
            sizes: Sizes::new(g, lengths)?,
            pixels: g.output[0] * g.output[1],
            patch: g.patch(),
            filters: g.group_filters(),
        })
    }

    /// Offset of the first filter of a group in the output of an image.
    fn at(&self, part: &Part, group: usize) -> usize {
        (part.image * self.g.filters + group * self.filters) * self.pixels + part.pixel
    }

    /// The weight of one group.
    fn weight(&self) -> Matrices {
        Matrices::new(self.filters, self.patch, self.patch, 0)
    }

    fn weight_range(&self, group: usize) -> std::ops::Range<usize> {
        let size = self.filters * self.patch;
        group * size..(group + 1) * size
    }

    /// The output of a part, a matrix for every image.
    fn part_output(&self, part: &Part) -> Matrices {
        let step = self.g.filters * self.pixels;
        Matrices::new(self.filters, part.length, self.pixels, step)
    }

    fn gather<T: DeviceElement>(
        &self,
        device: &CudaDevice,
        x: &CudaView<'_, T>,
        columns: &mut CudaSlice<T>,
        tile: Tile,
    ) -> Result<()> {
        let n = self.patch as u64 * tile.images as u64 * tile.length as u64;
        let kernel = kernel::<T>(device, "im2col")?;
        // SAFETY: im2col(x, columns, sizes, tile); `columns` has room for the patches of the part,
        // and `x` has the elements of the geometry.
        unsafe { launch!(kernel, over(n), x, columns, &self.sizes, &tile) }
    }
}

fn missing() -> candle_core::Error {
    mismatch(OP, "a tensor", 0, 1)
}

/// The output, without bias.
pub(super) fn forward<T: DeviceElement>(
    g: &Geometry,
    device: &CudaDevice,
    x: &CudaView<'_, T>,
    w: &CudaView<'_, T>,
) -> Result<CudaSlice<T>> {
    let sizes = [
        ("x", x.len(), count(g.input_shape())),
        ("weight", w.len(), count(g.weight_shape())),
    ];
    let plan = Plan::new(g, sizes)?;
    let mut y = allocate::<T>(device, count(g.output_shape()))?;
    if g.is_pointwise() {
        let part = Part {
            image: 0,
            images: g.batch,
            pixel: 0,
            length: plan.pixels,
        };
        for group in 0..g.groups {
            let product = Product {
                op: OP,
                batch: g.batch,
                a: plan.weight(),
                b: Matrices::new(
                    plan.patch,
                    plan.pixels,
                    plan.pixels,
                    g.channels * plan.pixels,
                ),
                c: plan.part_output(&part),
                accumulate: false,
            };
            let from = group * plan.patch * plan.pixels;
            let x = x.try_slice(from..).ok_or_else(missing)?;
            let w = w.try_slice(plan.weight_range(group)).ok_or_else(missing)?;
            let mut y = y
                .try_slice_mut(plan.at(&part, group)..)
                .ok_or_else(missing)?;
            product.run(device, &w, &x, &mut y)?;
        }
        return Ok(y);
    }
    let parts = Part::cut(g.batch, plan.pixels, WORKSPACE / plan.patch.max(1));
    let longest = parts.iter().map(|p| p.images * p.length).max().unwrap_or(0);
    let mut columns = allocate::<T>(device, plan.patch * longest)?;
    for part in &parts {
        for group in 0..g.groups {
            plan.gather(device, x, &mut columns, part.by_image(group, plan.patch))?;
            let product = Product {
                op: OP,
                batch: part.images,
                a: plan.weight(),
                b: Matrices::new(
                    plan.patch,
                    part.length,
                    part.length,
                    plan.patch * part.length,
                ),
                c: plan.part_output(part),
                accumulate: false,
            };
            let w = w.try_slice(plan.weight_range(group)).ok_or_else(missing)?;
            let mut y = y
                .try_slice_mut(plan.at(part, group)..)
                .ok_or_else(missing)?;
            product.run(device, &w, &columns.as_view(), &mut y)?;
        }
    }
    Ok(y)
}

/// The gradient of the input.
pub(super) fn input_gradient<T: DeviceElement>(
    g: &Geometry,
    device: &CudaDevice,
    dy: &CudaView<'_, T>,
    w: &CudaView<'_, T>,
) -> Result<CudaSlice<T>> {
    let sizes = [
        ("the output gradient", dy.len(), count(g.output_shape())),
        ("weight", w.len(), count(g.weight_shape())),
    ];
    let plan = Plan::new(g, sizes)?;
    let mut dx = zeros::<T>(device, count(g.input_shape()))?;
    let parts = Part::cut(g.batch, plan.pixels, WORKSPACE / plan.patch.max(1));
    let longest = parts.iter().map(|p| p.images * p.length).max().unwrap_or(0);
    let mut columns = allocate::<T>(device, plan.patch * longest)?;
    for part in &parts {
        for group in 0..g.groups {
            let tile = part.by_image(group, plan.patch);
            let product = Product {
                op: OP,
                batch: part.images,
                a: plan.weight().transposed(),
                b: plan.part_output(part),
                c: Matrices::new(
                    plan.patch,
                    part.length,
                    part.length,
                    plan.patch * part.length,
                ),
                accumulate: false,
            };
            let w = w.try_slice(plan.weight_range(group)).ok_or_else(missing)?;
            let dy = dy.try_slice(plan.at(part, group)..).ok_or_else(missing)?;
            product.run(device, &w, &dy, &mut columns.as_view_mut())?;
            let inputs = part.images * g.group_channels() * g.input[0] * g.input[1];
            let kernel = kernel::<T>(device, "col2im")?;
            // SAFETY: col2im(columns, dx, sizes, tile); `columns` holds the patches of the part,
            // and `dx` has the elements of the geometry.
            unsafe {
                launch!(
                    kernel,
                    over(inputs as u64),
                    &columns,
                    &mut dx,
                    &plan.sizes,
                    &tile
                )
            }?;
        }
    }
    Ok(dx)
}

/// The gradient of the weight.
pub(super) fn weight_gradient<T: DeviceElement>(
    g: &Geometry,
    device: &CudaDevice,
    dy: &CudaView<'_, T>,
    x: &CudaView<'_, T>,
) -> Result<CudaSlice<T>> {
    let sizes = [
        ("the output gradient", dy.len(), count(g.output_shape())),
        ("x", x.len(), count(g.input_shape())),
    ];
    let plan = Plan::new(g, sizes)?;
    let mut dw = zeros::<T>(device, count(g.weight_shape()))?;
    let rows = plan.patch + plan.filters;
    let parts = Part::cut(g.batch, plan.pixels, WORKSPACE / rows.max(1));
    let longest = parts.iter().map(|p| p.images * p.length).max().unwrap_or(0);
    let mut columns = allocate::<T>(device, plan.patch * longest)?;
    let mut staged = allocate::<T>(device, plan.filters * longest)?;
    for part in &parts {
        let length = part.images * part.length;
        for group in 0..g.groups {
            let tile = part.by_row(group);
            plan.gather(device, x, &mut columns, tile)?;
            let kernel = kernel::<T>(device, "stage_rows")?;
            let n = plan.filters * length;
            // SAFETY: stage_rows(dy, staged, sizes, tile); `staged` has room for the filters of a
            // group and the pixels of the part, and `dy` has the elements of the geometry.
            unsafe { launch!(kernel, over(n as u64), dy, &mut staged, &plan.sizes, &tile) }?;
            let product = Product {
                op: OP,
                batch: 1,
                a: Matrices::new(plan.filters, length, length, 0),
                b: Matrices::new(plan.patch, length, length, 0).transposed(),
                c: plan.weight(),
                accumulate: true,
            };
            let range = plan.weight_range(group);
            let mut dw = dw.try_slice_mut(range).ok_or_else(missing)?;
            product.run(device, &staged.as_view(), &columns.as_view(), &mut dw)?;
        }
    }
    Ok(dw)
}
