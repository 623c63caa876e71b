//! Names, sizes and values of the operator works, shared by the comparison and the criterion benches.

use candle_core::{Device, Result, Tensor};

/// What is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// The result alone, without a graph.
    Forward,
    /// The result and the gradients of input and weight.
    Both,
}

impl Pass {
    /// `forward` or `both`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "forward" => Some(Self::Forward),
            "both" => Some(Self::Both),
            _ => None,
        }
    }
}

/// A convolution, by name `b=8 512>512 3x3 s=1 p=1x1 g=1 32x32`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Images.
    pub batch: usize,
    /// Channels of the input.
    pub input: usize,
    /// Channels of the output.
    pub filters: usize,
    /// Rows and columns of the kernel.
    pub kernel: [usize; 2],
    /// Step in both directions.
    pub stride: usize,
    /// Rows and columns of zeros on every side.
    pub padding: [usize; 2],
    /// Groups of channels.
    pub groups: usize,
    /// Rows and columns of the input.
    pub map: [usize; 2],
}

impl Layer {
    /// The layer that the words name.
    pub fn parse(words: &[&str]) -> Option<Self> {
        let [batch, channels, kernel, stride, padding, groups, map] = words else {
            return None;
        };
        let number = |text: &str, prefix: &str| text.strip_prefix(prefix)?.parse().ok();
        let pair = |text: &str, sign: char| -> Option<[usize; 2]> {
            let (a, b) = text.split_once(sign)?;
            Some([a.parse().ok()?, b.parse().ok()?])
        };
        let [input, filters] = pair(channels, '>')?;
        Some(Self {
            batch: number(batch, "b=")?,
            input,
            filters,
            kernel: pair(kernel, 'x')?,
            stride: number(stride, "s=")?,
            padding: pair(padding.strip_prefix("p=")?, 'x')?,
            groups: number(groups, "g=")?,
            map: pair(map, 'x')?,
        })
    }

    /// The layers of `benches/compare/layers.csv`, for a batch.
    pub fn table(batch: usize) -> Vec<Self> {
        let rows = include_str!("../compare/layers.csv").lines().skip(1);
        rows.filter_map(|row| {
            let n: Vec<usize> = row
                .split(',')
                .map(|n| n.parse().ok())
                .collect::<Option<_>>()?;
            let &[
                input,
                filters,
                rows,
                columns,
                stride,
                p,
                q,
                groups,
                height,
                width,
                _,
            ] = &n[..]
            else {
                return None;
            };
            Some(Self {
                batch,
                input,
                filters,
                kernel: [rows, columns],
                stride,
                padding: [p, q],
                groups,
                map: [height, width],
            })
        })
        .collect()
    }

    /// Input and weight.
    ///
    /// # Errors
    ///
    /// Passes on candle's.
    pub fn tensors(&self) -> Result<(Tensor, Tensor)> {
        let [rows, columns] = self.kernel;
        Ok((
            values(&[self.batch, self.input, self.map[0], self.map[1]])?,
            values(&[self.filters, self.input / self.groups, rows, columns])?,
        ))
    }
}

impl std::fmt::Display for Layer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ([rows, columns], [p, q], [height, width]) = (self.kernel, self.padding, self.map);
        write!(
            f,
            "b={} {}>{} {rows}x{columns} s={} p={p}x{q} g={} {height}x{width}",
            self.batch, self.input, self.filters, self.stride, self.groups
        )
    }
}

/// Numbers in [−0.5, 0.5) by the rule that `compare/ops.py` uses too.
///
/// # Errors
///
/// Passes on candle's.
pub fn values(shape: &[usize]) -> Result<Tensor> {
    let count: usize = shape.iter().product();
    let value =
        |i: usize| ((i as u32).wrapping_mul(2_654_435_761) >> 8) as f32 / 16_777_216.0 - 0.5;
    Tensor::from_vec(
        (0..count).map(value).collect::<Vec<f32>>(),
        shape,
        &Device::Cpu,
    )
}
