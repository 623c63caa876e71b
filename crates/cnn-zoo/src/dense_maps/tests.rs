//! Against maps that are joined anew.

use super::*;
use candle_core::Var;

fn wave(shape: [usize; 4], phase: f64) -> Result<Tensor> {
    let count: usize = shape.iter().product();
    Tensor::arange(0_f32, count as f32, &Device::Cpu)?
        .affine(1.3, phase)?
        .sin()?
        .reshape(&shape)
}

fn enter(x: &Var) -> Result<Map> {
    Map::from(x.as_tensor().clone()).enter()
}

/// What one step of a block gives, joined anew or kept in the buffer: the output, and twice
/// the gradients of both parts, of γ and of β.
fn block(shared: bool, ghosts: &[usize]) -> Result<Vec<Vec<f32>>> {
    let [first, second] = [
        Var::from_tensor(&wave([3, 2, 3, 5], 0.3)?)?,
        Var::from_tensor(&wave([3, 4, 3, 5], 1.7)?)?,
    ];
    let gamma = Var::from_tensor(&wave([1, 1, 1, 6], 0.9)?.flatten_all()?)?;
    let beta = Var::from_tensor(&wave([1, 1, 1, 6], 4.1)?.flatten_all()?)?;
    let output = if shared {
        let mut maps = DenseMaps::new(&enter(&first)?, 6, Some(ghosts))?;
        maps.push(&enter(&second)?)?;
        maps.train(&gamma, &beta, 1e-3)?.output.graph()?
    } else {
        let joined = Tensor::cat(&[first.as_tensor(), second.as_tensor()], 1)?;
        let mut start = 0;
        let mut parts = Vec::new();
        for &length in ghosts {
            let part = joined.narrow(0, start, length)?;
            start += length;
            let norm = cnn_ops::batch_norm_train(&part, Some(&gamma), &beta, 1e-3)?;
            parts.push(cnn_ops::relu(&norm.output)?);
        }
        Tensor::cat(&parts, 0)?
    };
    let loss = (&output * wave([3, 6, 3, 5], 2.2)?)?.sum_all()?;
    let mut found = vec![output.detach().flatten_all()?.to_vec1()?];
    for _ in 0..2 {
        let gradients = loss.backward()?;
        for var in [&first, &second, &gamma, &beta] {
            let gradient = gradients.get(var).map(|g| g.flatten_all()?.to_vec1());
            found.push(gradient.transpose()?.unwrap_or_default());
        }
    }
    Ok(found)
}

#[test]
fn a_buffer_gives_what_joining_gives() -> Result<()> {
    for ghosts in [&[3][..], &[2, 1]] {
        let (kept, joined) = (block(true, ghosts)?, block(false, ghosts)?);
        assert_eq!(kept.len(), joined.len());
        for (kept, joined) in kept.iter().zip(&joined) {
            assert_eq!(kept.len(), joined.len());
            for (a, b) in kept.iter().zip(joined) {
                // sums in another order
                assert!((a - b).abs() < 1e-5 * (1.0 + b.abs()), "{a} {b}");
            }
        }
    }
    Ok(())
}
