//! Answers `prepare WORK` and `run` like the programs of the comparison, with stock candle's convolution.
#![forbid(unsafe_code)]

use std::io::{BufRead, Write};
use std::time::Instant;

use candle_core::{Device, Result, Tensor};

struct Layer {
    x: Tensor,
    w: Tensor,
    padding: usize,
    stride: usize,
    groups: usize,
}

fn values(shape: &[usize]) -> Result<Tensor> {
    let count: usize = shape.iter().product();
    let value = |i: usize| ((i as u32).wrapping_mul(2_654_435_761) >> 8) as f32 / 16_777_216.0 - 0.5;
    Tensor::from_vec((0..count).map(value).collect::<Vec<f32>>(), shape, &Device::Cpu)
}

/// `conv2d forward b=8 512>512 3x3 s=1 p=1x1 g=1 32x32`; None where candle's convolution, with one padding for
/// all sides, cannot do the work.
fn parse(work: &str) -> Option<Layer> {
    let words: Vec<&str> = work.split(' ').collect();
    let ["conv2d", "forward", batch, channels, kernel, stride, padding, groups, map] = words.as_slice() else {
        return None;
    };
    let number = |text: &str, prefix: &str| text.strip_prefix(prefix)?.parse::<usize>().ok();
    let pair = |text: &str, sign: char| -> Option<[usize; 2]> {
        let (a, b) = text.split_once(sign)?;
        Some([a.parse().ok()?, b.parse().ok()?])
    };
    let batch = number(batch, "b=")?;
    let [input, filters] = pair(channels, '>')?;
    let [rows, columns] = pair(kernel, 'x')?;
    let [p, q] = pair(padding.strip_prefix("p=")?, 'x')?;
    let groups = number(groups, "g=")?;
    let [height, width] = pair(map, 'x')?;
    if p != q {
        return None;
    }
    Some(Layer {
        x: values(&[batch, input, height, width]).ok()?,
        w: values(&[filters, input / groups, rows, columns]).ok()?,
        padding: p,
        stride: number(stride, "s=")?,
        groups,
    })
}

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let mut layer = None;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        if let Some(work) = line.strip_prefix("prepare ") {
            drop(layer.take());
            layer = parse(work);
            writeln!(out, "{}", if layer.is_some() { "ok" } else { "error unknown work" })?;
        } else if let ("run", Some(l)) = (line.as_str(), &layer) {
            let start = Instant::now();
            let y = l.x.conv2d(&l.w, l.padding, l.stride, 1, l.groups);
            let milliseconds = start.elapsed().as_secs_f64() * 1e3;
            match y {
                Ok(_) => writeln!(out, "{milliseconds} 0")?,
                Err(error) => writeln!(out, "error {error}")?,
            }
        } else {
            writeln!(out, "error unknown request")?;
        }
        out.flush()?;
    }
    Ok(())
}
