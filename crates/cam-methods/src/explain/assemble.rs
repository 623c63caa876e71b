//! Raw maps of every tap -> heatmaps at image size.

use super::{Explainer, Recorded};
use crate::normalise::{Range, min_max, normalise, rectify};
use crate::resize::Resizer;
use crate::result::{CamMaps, Diagnostics, LayerDiagnostics, LayerMaps, Scoring};
use crate::semantics::{Combine, LayerScaling, NormaliseAt, Pixels, Rectify};
use crate::{Error, Method, RawMap, Result, Semantics, host};
use candle_core::Tensor;

/// The map of one image at one tap, with how its channels were scored.
#[derive(Debug, Clone)]
pub(crate) struct Drawn {
    pub(crate) map: RawMap,
    pub(crate) scoring: Option<Scoring>,
}

/// Knows the size of the images and the region to normalise over.
pub(crate) struct Assembler {
    size: [usize; 2],
    regions: Option<Vec<Vec<bool>>>,
}

/// One image's map at one tap on its way to image size.
struct Finished {
    /// Before [0, 1], at image size.
    unscaled: Vec<f32>,
    /// What goes into the fusion, at image size.
    up: Vec<f32>,
    /// In [0, 1], at the layer's size.
    low: Vec<f32>,
}

impl Assembler {
    pub(super) fn new<M: ?Sized>(
        explainer: &Explainer<'_, M>,
        batch: usize,
        size: [usize; 2],
    ) -> Result<Self> {
        let wanted = explainer.semantics.normalise.pixels == Pixels::Region;
        let problem = |problem: String| Error::Region {
            batch,
            height: size[0],
            width: size[1],
            problem,
        };
        let regions = match (&explainer.region, wanted) {
            (_, false) => None,
            (None, true) => return Err(problem("none was given to the explainer".to_owned())),
            (Some(region), true) => {
                let shape = region.dims();
                let pixels = size[0] * size[1];
                let values = host::values(region)?;
                let inside: Vec<bool> = values.iter().map(|v| *v != 0.0).collect();
                let regions: Vec<Vec<bool>> = if shape == size {
                    vec![inside; batch]
                } else if shape == [batch, size[0], size[1]] {
                    inside.chunks(pixels).map(<[bool]>::to_vec).collect()
                } else {
                    return Err(problem(format!("its shape is {shape:?}")));
                };
                if let Some(i) = regions.iter().position(|r| !r.contains(&true)) {
                    return Err(problem(format!("that of image {i} is empty")));
                }
                Some(regions)
            }
        };
        Ok(Self { size, regions })
    }

    pub(super) fn assemble(
        &self,
        semantics: &Semantics,
        name: &str,
        method: Option<Method>,
        layers: &[Recorded],
        drawn: Vec<Vec<Drawn>>,
    ) -> Result<CamMaps> {
        let batch = drawn.first().map_or(0, Vec::len);
        let shape = Shape::of(semantics, method, layers.len());
        let resizers: Vec<Resizer> = layers
            .iter()
            .map(|l| Resizer::new(semantics.resize, [l.height, l.width], self.size))
            .collect();

        let pixels = self.size[0] * self.size[1];
        let (mut up, mut unscaled) = (
            Vec::with_capacity(batch * pixels),
            Vec::with_capacity(batch * pixels),
        );
        let mut low: Vec<Vec<f32>> = vec![Vec::new(); layers.len()];
        let mut diagnostics = Vec::with_capacity(batch);
        for b in 0..batch {
            let region = self.regions.as_ref().map(|r| r[b].as_slice());
            let finished: Vec<Finished> = drawn
                .iter()
                .zip(&resizers)
                .zip(layers)
                .map(|((maps, resizer), layer)| {
                    shape.finish(&maps[b].map.values, resizer, &layer.tap)
                })
                .collect();
            for (low, f) in low.iter_mut().zip(&finished) {
                low.extend_from_slice(&f.low);
            }
            let (mut map, before) = fuse(semantics, finished);
            let range = Range::of(&before);
            diagnostics.push(Diagnostics {
                zero_map: range.min == 0.0 && range.max == 0.0,
                constant_map: range.width() == 0.0,
                layers: layers
                    .iter()
                    .zip(&drawn)
                    .map(|(l, maps)| diagnose(l, b, &maps[b]))
                    .collect(),
            });
            if shape.normalise_after {
                normalise(&mut map, &semantics.normalise, region);
            }
            map.iter_mut().for_each(|v| *v = v.clamp(0.0, 1.0));
            up.extend(map);
            unscaled.extend(before);
        }

        let maps = layers
            .iter()
            .zip(drawn)
            .zip(low)
            .map(|((layer, drawn), low)| layer_maps(layer, drawn, low))
            .collect::<Result<_>>()?;
        let full = [batch, self.size[0], self.size[1]];
        Ok(CamMaps {
            method: name.to_owned(),
            semantics: semantics.clone(),
            layers: maps,
            up: host::tensor(up, &full)?,
            unscaled: host::tensor(unscaled, &full)?,
            diagnostics,
        })
    }
}

/// The steps between a raw map and image size, in the order the semantics put them.
struct Shape<'s> {
    semantics: &'s Semantics,
    signed: bool,
    rectify: Rectify,
    normalise_before: bool,
    normalise_after: bool,
    scaling: Option<(f64, &'s [String])>,
}

impl<'s> Shape<'s> {
    fn of(semantics: &'s Semantics, method: Option<Method>, layers: usize) -> Self {
        let several = layers > 1;
        let scores = method.is_some_and(|m| {
            matches!(
                m,
                Method::ScoreCam | Method::FasterScoreCam | Method::SsCam | Method::IsCam
            )
        });
        let at = semantics.normalise.at;
        Self {
            semantics,
            signed: method.is_some_and(|m| semantics.signed.contains(&m)),
            rectify: if scores {
                semantics.score_cam.rectify
            } else {
                semantics.rectify
            },
            normalise_before: several || at != NormaliseAt::AfterResize,
            normalise_after: if several {
                semantics.fusion.normalise
            } else {
                at != NormaliseAt::BeforeResize
            },
            scaling: match (&semantics.fusion.layer_cam, method) {
                (LayerScaling::Tanh { gamma, taps }, Some(Method::LayerCam)) if several => {
                    Some((*gamma, taps))
                }
                _ => None,
            },
        }
    }

    fn finish(&self, raw: &[f32], resizer: &Resizer, tap: &str) -> Finished {
        let epsilon = self.semantics.normalise.epsilon;
        let mut low = raw.to_vec();
        if !self.signed {
            rectify(&mut low);
        }
        let mut unscaled = match self.rectify {
            Rectify::BeforeResize => resizer.apply(&low),
            Rectify::AfterResize => resizer.apply(raw),
        };
        if !self.signed {
            rectify(&mut unscaled);
        }
        let mut shown = low.clone();
        let range = Range::of(&shown);
        min_max(&mut shown, range, epsilon);

        let up = match self.scaling {
            Some((gamma, taps)) if taps.is_empty() || taps.iter().any(|t| t == tap) => {
                let peak = f64::from(range.max);
                if peak > 0.0 {
                    low.iter_mut()
                        .for_each(|v| *v = (gamma * f64::from(*v) / peak).tanh() as f32);
                }
                resizer.apply(&low)
            }
            _ if self.normalise_before => resizer.apply(&shown),
            _ => unscaled.clone(),
        };
        Finished {
            unscaled,
            up,
            low: shown,
        }
    }
}

/// One map from those of the layers: what to bring to [0, 1], and what it was on the method's own scale.
fn fuse(semantics: &Semantics, finished: Vec<Finished>) -> (Vec<f32>, Vec<f32>) {
    let count = finished.len() as f32;
    let mut parts = finished.into_iter();
    let Some(first) = parts.next() else {
        return (Vec::new(), Vec::new());
    };
    if count == 1.0 {
        return (first.up, first.unscaled);
    }
    let mut map = first.up;
    for part in parts {
        map.iter_mut()
            .zip(&part.up)
            .for_each(|(m, v)| match semantics.fusion.combine {
                Combine::Maximum => *m = m.max(*v),
                Combine::Mean => *m += v,
            });
    }
    if semantics.fusion.combine == Combine::Mean {
        map.iter_mut().for_each(|m| *m /= count);
    }
    let before = map.clone();
    (map, before)
}

fn diagnose(recorded: &Recorded, sample: usize, drawn: &Drawn) -> LayerDiagnostics {
    let layer = recorded.layer(sample, None);
    let range = Range::of(&drawn.map.values);
    LayerDiagnostics {
        tap: recorded.tap.clone(),
        channels: recorded.channels,
        dead_channels: layer.dead_channels(),
        constant_channels: layer.constant_channels(),
        raw_min: range.min,
        raw_max: range.max,
        scoring: drawn.scoring,
    }
}

fn layer_maps(layer: &Recorded, drawn: Vec<Drawn>, low: Vec<f32>) -> Result<LayerMaps> {
    let batch = drawn.len();
    let size = [batch, layer.height, layer.width];
    let weights: Option<Vec<f32>> = drawn
        .iter()
        .map(|d| d.map.weights.as_deref())
        .collect::<Option<Vec<&[f32]>>>()
        .map(|w| w.concat());
    let weights: Option<Tensor> = match weights {
        Some(w) => {
            let per_image = w.len() / batch.max(1);
            Some(host::tensor(w, &[batch, per_image])?)
        }
        None => None,
    };
    Ok(LayerMaps {
        tap: layer.tap.clone(),
        raw: host::tensor(
            drawn.into_iter().flat_map(|d| d.map.values).collect(),
            &size,
        )?,
        low: host::tensor(low, &size)?,
        weights,
    })
}
