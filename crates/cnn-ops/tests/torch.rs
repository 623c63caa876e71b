//! Forward and backward passes against PyTorch's, in both element types.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use candle_core::{DType, Device, Tensor, Var};
use cnn_ops::{
    ConvOptions, Corners, CountPadding, Padding, PoolOptions, Result, adaptive_avg_pool2d,
    avg_pool2d, batch_norm_eval, batch_norm_train, conv2d, linear, max_pool2d, pad_reflect, relu,
    relu6, softmax_cross_entropy, upsample_bilinear2d, upsample_nearest2d,
};
use serde_json::Value;
use support::values;

/// Largest error relative to the largest element. The fixtures are computed in `f64` and written
/// with twelve decimals. In `f32` a sum over n ≤ 180 products has an error of a few times 6e-8.
const TOLERANCES: [(DType, f64); 2] = [(DType::F32, 1e-5), (DType::F64, 1e-10)];

fn tensor(v: &Value, dtype: DType) -> Tensor {
    let shape: Vec<usize> = list(&v["shape"]);
    let values: Vec<f64> = v["values"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_f64().unwrap())
        .collect();
    let t = Tensor::from_vec(values, shape, &Device::Cpu).unwrap();
    t.to_dtype(dtype).unwrap()
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
    let [top, bottom, left, right] = list(v).try_into().unwrap();
    Padding {
        top,
        bottom,
        left,
        right,
    }
}

fn compare(what: &str, actual: &Tensor, expected: &Value, tolerance: f64) {
    let expected = tensor(expected, DType::F64);
    assert_eq!(actual.dims(), expected.dims(), "{what}");
    let (actual, expected) = (values(actual), values(&expected));
    let scale = expected.iter().fold(1e-3f64, |m, v| m.max(v.abs()));
    for (i, (a, e)) in actual.iter().zip(&expected).enumerate() {
        assert!(
            (a - e).abs() <= tolerance * scale,
            "{what}, element {i}: {a}, PyTorch {e}"
        );
    }
}

/// Runs every case of a fixture; `f` gets its options, its named inputs and the type.
fn run(text: &str, f: impl Fn(&Value, &Value, &dyn Fn(&str) -> Tensor, DType) -> Result<Tensor>) {
    let document: Value = serde_json::from_str(text).unwrap();
    let cases = document["cases"].as_array().unwrap();
    assert!(!cases.is_empty());
    for case in cases {
        for (dtype, tolerance) in TOLERANCES {
            let options = &case["options"];
            let vars: Vec<(String, Var)> = case["inputs"]
                .as_object()
                .unwrap()
                .iter()
                .map(|(k, v)| (k.clone(), Var::from_tensor(&tensor(v, dtype)).unwrap()))
                .collect();
            let get = |name: &str| {
                let (_, v) = vars.iter().find(|(k, _)| k == name).unwrap();
                v.as_tensor().clone()
            };
            let y = f(case, options, &get, dtype).unwrap();
            compare(
                &format!("{options} {dtype:?} output"),
                &y,
                &case["output"],
                tolerance,
            );
            let dy = tensor(&case["output_gradient"], dtype);
            let store = (y * dy).unwrap().sum_all().unwrap().backward().unwrap();
            for (name, v) in &vars {
                let what = format!("{options} {dtype:?} gradient of {name}");
                compare(
                    &what,
                    store.get(v).unwrap(),
                    &case["gradients"][name],
                    tolerance,
                );
            }
        }
    }
}

#[test]
fn convolutions() {
    run(include_str!("golden/torch/conv.json"), |_, o, get, _| {
        let options = ConvOptions {
            stride: pair(&o["stride"]),
            dilation: pair(&o["dilation"]),
            groups: o["groups"].as_u64().unwrap() as usize,
            padding: sides(&o["padding"]),
        };
        conv2d(&get("x"), &get("weight"), Some(&get("bias")), &options)
    });
}

#[test]
fn pools() {
    run(include_str!("golden/torch/pools.json"), |_, o, get, _| {
        let [height, width] = pair(&o["padding"]);
        let options = PoolOptions {
            kernel: pair(&o["kernel"]),
            stride: pair(&o["stride"]),
            padding: Padding::symmetric(height, width),
            ceil_mode: o["ceil_mode"].as_bool().unwrap(),
        };
        match o["pool"].as_str().unwrap() {
            "max" => max_pool2d(&get("x"), &options),
            "include" => avg_pool2d(&get("x"), &options, CountPadding::Include),
            "exclude" => avg_pool2d(&get("x"), &options, CountPadding::Exclude),
            other => panic!("{other}"),
        }
    });
}

#[test]
fn resampling() {
    run(
        include_str!("golden/torch/resampling.json"),
        |_, o, get, _| {
            let x = get("x");
            match o["kind"].as_str().unwrap() {
                "align" => upsample_bilinear2d(&x, pair(&o["size"]), Corners::Align),
                "half_pixel" => upsample_bilinear2d(&x, pair(&o["size"]), Corners::HalfPixel),
                "nearest" => upsample_nearest2d(&x, pair(&o["size"])),
                "adaptive" => adaptive_avg_pool2d(&x, pair(&o["size"])),
                "reflect" => pad_reflect(&x, sides(&o["size"])),
                other => panic!("{other}"),
            }
        },
    );
}

#[test]
fn layers() {
    run(
        include_str!("golden/torch/layers.json"),
        |case, o, get, dtype| {
            let eps = || o["eps"].as_f64().unwrap();
            match o["kind"].as_str().unwrap() {
                "batch_norm_train" => {
                    let y = batch_norm_train(&get("x"), Some(&get("gamma")), &get("beta"), eps())?;
                    compare("mean", &y.mean, &case["mean"], 1e-6);
                    compare("variance", &y.variance, &case["variance"], 1e-6);
                    Ok(y.output)
                }
                "batch_norm_eval" => batch_norm_eval(
                    &get("x"),
                    Some(&get("gamma")),
                    &get("beta"),
                    &tensor(&case["mean"], dtype),
                    &tensor(&case["variance"], dtype),
                    eps(),
                ),
                "relu" => relu(&get("x")),
                "relu6" => relu6(&get("x")),
                "linear" => linear(&get("x"), &get("weight"), Some(&get("bias"))),
                "cross_entropy" => {
                    let labels: Vec<u32> = list(&o["labels"]).iter().map(|&l| l as u32).collect();
                    let labels = Tensor::new(labels, &Device::Cpu)?;
                    let weights: Option<Vec<f32>> = o["weights"]
                        .as_array()
                        .map(|w| w.iter().map(|w| w.as_f64().unwrap() as f32).collect());
                    softmax_cross_entropy(&get("x"), &labels, weights.as_deref())
                }
                other => panic!("{other}"),
            }
        },
    );
}
