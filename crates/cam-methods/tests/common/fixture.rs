//! Maps of other programs on whole networks: `golden/<program>/<network>.{json,png}`.

use super::zoo::{Zoo, images};
use super::{assert_close, vec};
use cam_methods::{Explainer, Method, NoTap, Parameters, Semantics, TappedModel, Target};
use candle_core::{Device, Tensor};
use cnn_zoo::Convention;
use serde_json::Value;

/// The bound of the agreement. Fixtures are rounded to 8e-6; sums run in other orders through up to 121 layers.
const TOLERANCE: f32 = 1e-4;
/// Of the logits, relative to the largest.
const LOGITS: f32 = 1e-5;

pub(crate) struct Fixture {
    name: String,
    data: Value,
    /// Maps as `[case, image, row, column]`, every `step`th row and column.
    maps: Tensor,
}

impl Fixture {
    pub(crate) fn read(program: &str, name: &str) -> Self {
        let path = format!(
            "{}/tests/golden/{program}/{name}",
            env!("CARGO_MANIFEST_DIR")
        );
        let text = std::fs::read_to_string(format!("{path}.json")).unwrap();
        let data: Value = serde_json::from_str(&text).unwrap();
        let picture = image::open(format!("{path}.png")).unwrap().to_luma16();
        let values: Vec<f32> = picture
            .as_raw()
            .iter()
            .map(|v| f32::from(*v) / 65_535.0)
            .collect();
        let [h, w]: [usize; 2] = serde_json::from_value(data["size"].clone()).unwrap();
        let step = data["step"].as_u64().unwrap() as usize;
        let cases = data["cases"].as_array().unwrap().len();
        let targets = data["targets"].as_array().unwrap().len();
        let shape = (cases, targets, h / step, w / step);
        Self {
            name: name.to_owned(),
            data,
            maps: Tensor::from_vec(values, shape, &Device::Cpu).unwrap(),
        }
    }

    fn list<T: serde::de::DeserializeOwned>(&self, key: &str) -> Vec<T> {
        serde_json::from_value(self.data[key].clone()).unwrap()
    }

    /// Compares every case as a batch of three and as one image.
    pub(crate) fn check(&self, convention: Convention, semantics: &Semantics) {
        let size: Vec<usize> = self.list("size");
        let targets: Vec<usize> = self.list("targets");
        let width = self.data["width"].as_f64().unwrap();
        let net = Zoo::at_width(self.name.parse().unwrap(), convention, width, &size);
        let x = images(&[targets.len(), 1, size[0], size[1]]);
        let expected = self.list::<f32>("logits");
        let largest = expected.iter().fold(0f32, |m, v| m.max(v.abs()));
        let logits = vec(&net.forward_tapped(&x, &mut NoTap).unwrap());
        assert_close(&logits, &expected, LOGITS * largest);

        let targets: Vec<Target> = targets.into_iter().map(Target::Class).collect();
        let step = self.data["step"].as_u64().unwrap() as usize;
        let mut parameters = Parameters::default();
        if let Some(channels) = self.data["faster_channels"].as_u64() {
            parameters.faster_channels = channels as usize;
        }
        for (i, case) in self.list::<Value>("cases").iter().enumerate() {
            let method: Method = case["method"].as_str().unwrap().parse().unwrap();
            let taps: Vec<String> = serde_json::from_value(case["taps"].clone()).unwrap();
            let explainer = Explainer::new(&net)
                .taps(taps.clone())
                .parameters(parameters.clone())
                .semantics(semantics.clone());
            for batch in [3, 1] {
                let x = x.narrow(0, 0, batch).unwrap();
                let maps = explainer.explain(&x, &targets[..batch], method).unwrap();
                let expected = vec(&self.maps.get(i).unwrap().narrow(0, 0, batch).unwrap());
                let up = vec(&every(&maps.up, step));
                assert_eq!(up.len(), expected.len());
                let worst = up
                    .iter()
                    .zip(&expected)
                    .map(|(a, b)| (a - b).abs())
                    .fold(0f32, f32::max);
                let name = &self.name;
                assert!(
                    worst <= TOLERANCE,
                    "{name} {method} at {taps:?}, batch {batch}: {worst}"
                );
                let shows = expected.iter().any(|v| *v > 0.5);
                assert!(batch == 1 || shows, "{name} {method} shows nothing");
            }
        }
    }
}

/// Every `step`th row and column of `[batch, row, column]`.
fn every(maps: &Tensor, step: usize) -> Tensor {
    let (b, h, w) = maps.dims3().unwrap();
    let split = maps.reshape((b, h / step, step, w / step, step)).unwrap();
    let kept = split.narrow(2, 0, 1).unwrap().narrow(4, 0, 1).unwrap();
    kept.contiguous().unwrap()
}
