//! CAM reads the weights of the network's linear head.

use crate::explain::{Drawn, Observation};
use crate::rules::Cam;
use crate::{Error, Method, Result, TappedModel, Target, host};

pub(crate) fn draw<M: TappedModel + ?Sized>(
    observation: &Observation<'_, M>,
    targets: &[Target],
) -> Result<Vec<Vec<Drawn>>> {
    let missing = |what| Error::Missing {
        method: Method::Cam,
        what,
    };
    let head = observation
        .explainer
        .model
        .linear_head()
        .ok_or_else(|| missing("a linear head"))?;
    let (classes, channels) = head.weight.dims2()?;
    if let Some(layer) = observation.layers.iter().find(|l| l.tap != head.tap) {
        return Err(Error::UnknownTap {
            tap: layer.tap.clone(),
            available: vec![head.tap],
        });
    }
    let values = host::finite_values(&head.weight, "weights", "linear head")?;
    let row = |class: usize| -> Result<Vec<f64>> {
        if class >= classes {
            return Err(Error::ClassOutOfRange { class, classes });
        }
        Ok(values[class * channels..(class + 1) * channels]
            .iter()
            .map(|w| f64::from(*w))
            .collect())
    };
    let weights = targets
        .iter()
        .map(|target| match target {
            Target::Class(c) => row(*c),
            Target::LogOdds { positive, negative } => {
                let (p, n) = (row(*positive)?, row(*negative)?);
                Ok(p.iter().zip(&n).map(|(p, n)| p - n).collect())
            }
            Target::Binary { positive } => {
                let sign = if *positive { 1.0 } else { -1.0 };
                Ok(row(0)?.iter().map(|w| w * sign).collect())
            }
            _ => Err(missing(
                "a target that is linear in the outputs (a class, log odds, binary)",
            )),
        })
        .collect::<Result<_>>()?;
    observation.draw(&Cam { weights }, None)
}
