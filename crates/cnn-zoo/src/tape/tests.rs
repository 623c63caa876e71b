//! Against candle's graph.

use super::*;
use candle_core::Var;

#[test]
fn agrees_with_the_same_in_steps() -> Result<()> {
    let wave = |phase: f64| -> Result<Tensor> {
        Tensor::arange(0_f32, 60.0, &Device::Cpu)?
            .affine(0.7, phase)?
            .sin()?
            .reshape((3, 4, 5))
    };
    for (relu, scale, with_residual) in [
        (true, 1.0, true),
        (true, 0.3, true),
        (false, 0.5, true),
        (true, 1.0, false),
    ] {
        let [x, r] = [
            Var::from_tensor(&wave(0.1)?)?,
            Var::from_tensor(&wave(2.0)?)?,
        ];
        let weight = wave(1.0)?;
        let run = |taped: bool| -> Result<[Vec<f32>; 3]> {
            let y = Map::from((x.as_tensor() * 2.0)?);
            let residual = with_residual.then(|| Map::from(r.as_tensor().clone()));
            let z = if taped {
                let residual = residual.as_ref().map(Map::enter).transpose()?;
                let tail = Tail {
                    residual: residual.as_ref(),
                    relu,
                };
                finish(&y.enter()?, scale, tail)?.graph()?
            } else {
                let mut z = (y.value() * scale)?;
                if let Some(residual) = &residual {
                    z = (z + residual.value())?;
                }
                if relu { z.relu()? } else { z }
            };
            let gradients = (&z * &weight)?.sum_all()?.backward()?;
            let flat = |t: Option<&Tensor>| -> Result<Vec<f32>> {
                t.map_or(Ok(Vec::new()), |t| t.flatten_all()?.to_vec1())
            };
            Ok([
                flat(Some(&z.detach()))?,
                flat(gradients.get(&x))?,
                flat(gradients.get(&r))?,
            ])
        };
        assert_eq!(run(true)?, run(false)?, "{relu} {scale} {with_residual}");
    }
    Ok(())
}
