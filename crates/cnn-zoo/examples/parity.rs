//! Compares a network with values that PyTorch or Keras computed: one case of
//! `tests/golden/full/compare.py`, which starts this program and collects what it prints.
//!
//! `parity CONFIG.json WEIGHTS CASE.safetensors [OTHER_WEIGHTS]`
//!
//! A case holds `images`, `labels` and what was computed from them: `logits`, `tap.NAME`,
//! `gradient.NAME`, `train_logits`, `losses` of steps at `rate`. Prints `what,difference`, the largest difference
//! relative to the largest value expected; of gradients the norm relative to the norm. Values whose names
//! begin with `double.` were computed in double precision and are compared with a copy of the network in
//! double precision.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use candle_core::{DType, Device, Tensor, Var};
use cnn_zoo::train::{Batch, Optimiser, TrainConfig, Trainer};
use cnn_zoo::weights::{ImportOptions, import};
use cnn_zoo::{Backbone, BackboneConfig, Role, TrainPass, build};

type Failure = Box<dyn std::error::Error>;
type Case = HashMap<String, Tensor>;

/// Largest difference relative to the largest value.
fn difference(found: &Tensor, expected: &Tensor) -> Result<f64, Failure> {
    if found.dims() != expected.dims() {
        return Err(format!("shape {:?}, expected {:?}", found.dims(), expected.dims()).into());
    }
    let flat = |x: &Tensor| -> candle_core::Result<Vec<f64>> {
        x.detach().to_dtype(DType::F64)?.flatten_all()?.to_vec1()
    };
    let (found, expected) = (flat(found)?, flat(expected)?);
    let largest = expected.iter().fold(1e-30_f64, |m, v| m.max(v.abs()));
    let off = found.iter().zip(&expected).fold(0.0_f64, |m, (a, b)| {
        m.max(if a.is_finite() {
            (a - b).abs()
        } else {
            f64::INFINITY
        })
    });
    Ok(off / largest)
}

/// Norm of the difference relative to the norm of what is expected: rounding moves a gradient
/// from one side of a ReLU's kink or of a pool's tie to the other at single pixels, which says
/// nothing about the rest.
fn distance(found: &Tensor, expected: &Tensor) -> Result<f64, Failure> {
    let norm = |x: Tensor| -> candle_core::Result<f64> {
        x.detach()
            .to_dtype(DType::F64)?
            .sqr()?
            .sum_all()?
            .to_scalar()
    };
    let difference = (found.detach() - expected)?;
    Ok((norm(difference)? / norm(expected.clone())?.max(1e-300)).sqrt())
}

fn evaluate(
    network: &dyn Backbone,
    kind: &str,
    case: &Case,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let Some(expected) = case.get("logits") else {
        return Ok(());
    };
    let mut worst = (0.0_f64, String::new());
    let mut failed: Option<Failure> = None;
    let logits = network.forward_tapped(&case["images"], &mut |name, activation| {
        if let Some(expected) = case.get(&format!("tap.{name}")) {
            match difference(&activation, expected) {
                Ok(off) if off >= worst.0 => worst = (off, name.to_owned()),
                Ok(_) => {}
                Err(error) => failed = Some(format!("{name}: {error}").into()),
            }
        }
        Ok(activation)
    })?;
    if let Some(error) = failed {
        return Err(error);
    }
    writeln!(out, "{kind} taps,{:e}", worst.0)?;
    writeln!(out, "{kind} logits,{:e}", difference(&logits, expected)?)?;
    Ok(())
}

/// Gradients of the second class's score with respect to the taps.
fn gradients(
    network: &dyn Backbone,
    kind: &str,
    case: &Case,
    out: &mut impl Write,
) -> Result<(), Failure> {
    if !case.keys().any(|key| key.starts_with("gradient.")) {
        return Ok(());
    }
    let mut probes = Vec::new();
    let logits = network.forward_tapped(&case["images"], &mut |name, activation| {
        let zero = Var::from_tensor(&activation.zeros_like()?)?;
        let next = (activation + zero.as_tensor())?;
        probes.push((name.to_owned(), zero));
        Ok(next)
    })?;
    let found = logits.narrow(1, 1, 1)?.sum_all()?.backward()?;
    let mut worst = 0.0_f64;
    for (name, probe) in &probes {
        if let Some(expected) = case.get(&format!("gradient.{name}")) {
            let gradient = found
                .get(probe.as_tensor())
                .ok_or("a gradient is missing")?;
            worst = worst.max(distance(gradient, expected)?);
        }
    }
    Ok(writeln!(out, "{kind} gradients at taps (norm),{worst:e}")?)
}

/// The values that were computed in double precision, under their plain names.
fn in_double(case: &Case) -> Result<Case, Failure> {
    let mut double = Case::new();
    for (name, tensor) in case {
        if let Some(plain) = name.strip_prefix("double.") {
            double.insert(plain.to_owned(), tensor.clone());
        }
    }
    double.insert("images".to_owned(), case["images"].to_dtype(DType::F64)?);
    Ok(double)
}

/// Losses of steps of gradient descent with Nesterov's momentum 0.9, in the network's precision.
fn descend(
    network: &dyn Backbone,
    images: &Tensor,
    labels: &Tensor,
    rate: f64,
    steps: usize,
) -> Result<Vec<f64>, Failure> {
    let mut losses = Vec::new();
    let mut velocity: HashMap<String, Tensor> = HashMap::new();
    for _ in 0..steps {
        let logits = network.forward_train(images, &mut TrainPass::new(0))?;
        let loss = cnn_ops::softmax_cross_entropy(&logits, labels, None)?;
        losses.push(loss.to_dtype(DType::F64)?.to_scalar()?);
        let gradients = loss.backward()?;
        for parameter in network.parameters().with_role(Role::Trainable) {
            let variable = parameter.variable().ok_or("an inference copy")?;
            let gradient = gradients.get(variable).ok_or("a gradient is missing")?;
            let kept = match velocity.get(parameter.name()) {
                Some(before) => ((before * 0.9)? + gradient)?,
                None => gradient.clone(),
            };
            let step = ((gradient + (&kept * 0.9)?)? * rate)?;
            velocity.insert(parameter.name().to_owned(), kept);
            variable.set(&(variable.as_tensor().detach() - step)?)?;
        }
    }
    Ok(losses)
}

/// Largest absolute difference.
fn apart(found: &[f64], expected: &Tensor) -> Result<f64, Failure> {
    let expected: Vec<f64> = expected.to_dtype(DType::F64)?.to_vec1()?;
    let pairs = found.iter().zip(&expected);
    Ok(pairs.fold(0.0, |m, (a, b)| m.max((a - b).abs())))
}

fn compare(arguments: &[String], out: &mut impl Write) -> Result<(), Failure> {
    let [config, weights, case, others @ ..] = arguments else {
        return Err("expected CONFIG WEIGHTS CASE [OTHER_WEIGHTS]".into());
    };
    let config: BackboneConfig = serde_json::from_slice(&std::fs::read(config)?)?;
    let case: Case = candle_core::safetensors::load(case, &Device::Cpu)?;
    let network = build(&config, 0, &Device::Cpu)?;
    let take = |path: &String| import(network.as_ref(), Path::new(path), &ImportOptions::default());
    for other in others {
        let first = take(weights)?.taken.len();
        let values = |p: &cnn_zoo::Parameter| p.tensor().flatten_all()?.to_vec1::<f32>();
        let before = network
            .parameters()
            .iter()
            .map(values)
            .collect::<Result<Vec<_>, _>>()?;
        let second = take(other)?.taken.len();
        let after = network
            .parameters()
            .iter()
            .map(values)
            .collect::<Result<Vec<_>, _>>()?;
        let same = before == after && first == second;
        writeln!(
            out,
            "other file of weights,{}",
            if same { 0.0 } else { f64::INFINITY }
        )?;
    }
    take(weights)?;
    {
        let fused = network.fuse()?;
        evaluate(fused.as_ref(), "fused", &case, out)?;
        gradients(fused.as_ref(), "fused", &case, out)?;
    }
    evaluate(network.as_ref(), "plain", &case, out)?;
    if let Some(expected) = case.get("train_logits") {
        let mut pass = TrainPass::new(0);
        let logits = network.forward_train(&case["images"], &mut pass)?;
        writeln!(out, "training logits,{:e}", difference(&logits, expected)?)?;
    }
    let double_case = in_double(&case)?;
    if double_case.len() > 1 {
        take(weights)?;
        let double = network.double()?;
        evaluate(double.as_ref(), "double", &double_case, out)?;
        gradients(double.as_ref(), "double", &double_case, out)?;
        if let Some(expected) = double_case.get("train_logits") {
            let logits = double.forward_train(&double_case["images"], &mut TrainPass::new(0))?;
            let off = difference(&logits, expected)?;
            writeln!(out, "double training logits,{off:e}")?;
        }
    }
    if let Some(expected) = case.get("losses") {
        take(weights)?;
        let batch = Batch {
            images: case["images"].clone(),
            labels: case["labels"].to_dtype(DType::U32)?,
        };
        let settings = TrainConfig {
            optimiser: Optimiser::Nesterov { momentum: 0.9 },
            ..TrainConfig::default()
        };
        let rate = case["rate"].to_scalar::<f64>()?;
        let mut trainer = Trainer::new(network.as_ref(), &settings)?;
        let losses = (0..expected.dim(0)?)
            .map(|_| Ok(trainer.step(&batch, rate)?.loss))
            .collect::<Result<Vec<f64>, cnn_zoo::Error>>()?;
        let off = apart(&losses, expected)?;
        writeln!(out, "losses of 20 steps (absolute),{off:e}")?;
        take(weights)?;
        let (double, steps) = (network.double()?, losses.len());
        let images = batch.images.to_dtype(DType::F64)?;
        let losses = descend(double.as_ref(), &images, &batch.labels, rate, steps)?;
        let off = apart(&losses, expected)?;
        writeln!(out, "double losses of 20 steps (absolute),{off:e}")?;
    }
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    cnn_ops::keep_freed_memory();
    match compare(&arguments, &mut std::io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("parity: {error}");
            ExitCode::from(2)
        }
    }
}
