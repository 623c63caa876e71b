//! The same operators on the inputs of `golden/torch`, with PyTorch's results.

use candle_core::{DType, Device, Tensor};
use cnn_ops::{
    ConvOptions, Corners, CountPadding, Padding, PoolOptions, adaptive_avg_pool2d, avg_pool2d,
    batch_norm_eval, batch_norm_train, conv2d, linear, max_pool2d, pad_reflect, relu, relu6,
    softmax_cross_entropy, upsample_bilinear2d, upsample_nearest2d,
};
use serde_json::Value;

use super::cases::Case;

/// A case and the document it comes from.
pub(crate) struct Fixture {
    pub(crate) case: Case,
    /// `output`, `output_gradient`, `gradients` by input, `options` and more.
    pub(crate) document: Value,
}

impl Fixture {
    pub(crate) fn output(&self) -> Tensor {
        tensor(&self.document["output"])
    }

    pub(crate) fn output_gradient(&self) -> Tensor {
        tensor(&self.document["output_gradient"])
    }

    pub(crate) fn gradient(&self, name: &str) -> Tensor {
        tensor(&self.document["gradients"][name])
    }

    pub(crate) fn options(&self) -> &Value {
        &self.document["options"]
    }
}

pub(crate) fn tensor(v: &Value) -> Tensor {
    let shape: Vec<usize> = list(&v["shape"]);
    let values: Vec<f64> = v["values"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_f64().unwrap())
        .collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

fn list(v: &Value) -> Vec<usize> {
    v.as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_u64().unwrap() as usize)
        .collect()
}

fn pair(v: &Value) -> [usize; 2] {
    list(v).try_into().unwrap()
}

fn sides(v: &Value) -> Padding {
    super::cases::padding(list(v).try_into().unwrap())
}

/// Every case of a file; `f` makes one of its options, its document and its inputs by name.
fn read(
    text: &str,
    f: impl Fn(&Value, &Value, &dyn Fn(&'static str) -> (&'static str, Tensor)) -> Case,
) -> Vec<Fixture> {
    let document: Value = serde_json::from_str(text).unwrap();
    let cases = document["cases"].as_array().unwrap();
    assert!(!cases.is_empty());
    let fixture = |document: &Value| {
        let get = |name: &'static str| (name, tensor(&document["inputs"][name]));
        let case = f(&document["options"], document, &get);
        let inputs = document["inputs"].as_object().unwrap();
        assert_eq!(case.inputs.len(), inputs.len());
        Fixture {
            case,
            document: document.clone(),
        }
    };
    cases.iter().map(fixture).collect()
}

pub(crate) fn convolutions() -> Vec<Fixture> {
    read(include_str!("../golden/torch/conv.json"), |o, _, get| {
        let options = ConvOptions {
            stride: pair(&o["stride"]),
            dilation: pair(&o["dilation"]),
            groups: o["groups"].as_u64().unwrap() as usize,
            padding: sides(&o["padding"]),
        };
        let inputs = [get("x"), get("weight"), get("bias")];
        Case::new("conv2d", &inputs, move |t| {
            conv2d(&t[0], &t[1], Some(&t[2]), &options)
        })
    })
}

pub(crate) fn pools() -> Vec<Fixture> {
    read(include_str!("../golden/torch/pools.json"), |o, _, get| {
        let [height, width] = pair(&o["padding"]);
        let options = PoolOptions {
            kernel: pair(&o["kernel"]),
            stride: pair(&o["stride"]),
            padding: Padding::symmetric(height, width),
            ceil_mode: o["ceil_mode"].as_bool().unwrap(),
        };
        let x = [get("x")];
        let average = |count| move |t: &[Tensor]| avg_pool2d(&t[0], &options, count);
        match o["pool"].as_str().unwrap() {
            "max" => Case::new("max_pool2d", &x, move |t| max_pool2d(&t[0], &options)),
            "include" => Case::new("avg_pool2d", &x, average(CountPadding::Include)),
            "exclude" => Case::new("avg_pool2d", &x, average(CountPadding::Exclude)),
            other => panic!("{other}"),
        }
    })
}

pub(crate) fn resampling() -> Vec<Fixture> {
    read(
        include_str!("../golden/torch/resampling.json"),
        |o, _, get| {
            let x = [get("x")];
            let size = || pair(&o["size"]);
            let bilinear = |corners| {
                let size = size();
                move |t: &[Tensor]| upsample_bilinear2d(&t[0], size, corners)
            };
            match o["kind"].as_str().unwrap() {
                "align" => Case::new("upsample_bilinear2d", &x, bilinear(Corners::Align)),
                "half_pixel" => Case::new("upsample_bilinear2d", &x, bilinear(Corners::HalfPixel)),
                "nearest" => {
                    let size = size();
                    Case::new("upsample_nearest2d", &x, move |t| {
                        upsample_nearest2d(&t[0], size)
                    })
                }
                "adaptive" => {
                    let size = size();
                    Case::new("adaptive_avg_pool2d", &x, move |t| {
                        adaptive_avg_pool2d(&t[0], size)
                    })
                }
                "reflect" => {
                    let padding = sides(&o["size"]);
                    Case::new("pad_reflect", &x, move |t| pad_reflect(&t[0], padding))
                }
                other => panic!("{other}"),
            }
        },
    )
}

pub(crate) fn layers() -> Vec<Fixture> {
    read(
        include_str!("../golden/torch/layers.json"),
        |o, document, get| {
            let eps = o["eps"].as_f64();
            match o["kind"].as_str().unwrap() {
                "batch_norm_train" => {
                    let inputs = [get("x"), get("gamma"), get("beta")];
                    Case::new("batch_norm_train", &inputs, move |t| {
                        let y = batch_norm_train(&t[0], Some(&t[1]), &t[2], eps.unwrap())?;
                        Ok(y.output)
                    })
                }
                "batch_norm_eval" => {
                    let inputs = [get("x"), get("gamma"), get("beta")];
                    let (mean, variance) =
                        (tensor(&document["mean"]), tensor(&document["variance"]));
                    Case::new("batch_norm_eval", &inputs, move |t| {
                        let like = |c: &Tensor| c.to_dtype(t[0].dtype())?.to_device(t[0].device());
                        let (mean, variance) = (like(&mean)?, like(&variance)?);
                        batch_norm_eval(&t[0], Some(&t[1]), &t[2], &mean, &variance, eps.unwrap())
                    })
                }
                "relu" => Case::new("relu", &[get("x")], |t| relu(&t[0])),
                "relu6" => Case::new("relu6", &[get("x")], |t| relu6(&t[0])),
                "linear" => {
                    let inputs = [get("x"), get("weight"), get("bias")];
                    Case::new("linear", &inputs, |t| linear(&t[0], &t[1], Some(&t[2])))
                }
                "cross_entropy" => {
                    let labels: Vec<u32> = list(&o["labels"]).iter().map(|&l| l as u32).collect();
                    let labels = Tensor::new(labels, &Device::Cpu).unwrap();
                    let weights: Option<Vec<f32>> = o["weights"]
                        .as_array()
                        .map(|w| w.iter().map(|w| w.as_f64().unwrap() as f32).collect());
                    Case::new("softmax_cross_entropy", &[get("x")], move |t| {
                        let labels = labels.to_device(t[0].device())?;
                        softmax_cross_entropy(&t[0], &labels, weights.as_deref())
                    })
                }
                other => panic!("{other}"),
            }
        },
    )
}

/// All of them.
pub(crate) fn all() -> Vec<Fixture> {
    let files = [convolutions(), pools(), resampling(), layers()];
    files.into_iter().flatten().collect()
}

/// The mean and the variance that PyTorch normalised a batch with, and ours.
pub(crate) fn statistics(fixture: &Fixture, dtype: DType) -> [[Tensor; 2]; 2] {
    let inputs = &fixture.case.inputs;
    let [x, gamma, beta] = [0, 1, 2].map(|i| inputs[i].to_dtype(dtype).unwrap());
    let eps = fixture.options()["eps"].as_f64().unwrap();
    let y = batch_norm_train(&x, Some(&gamma), &beta, eps).unwrap();
    let expected = ["mean", "variance"].map(|name| tensor(&fixture.document[name]));
    let [mean, variance] = expected;
    [[y.mean, mean], [y.variance, variance]]
}
