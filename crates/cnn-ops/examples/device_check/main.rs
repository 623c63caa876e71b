//! Runs every operator of the tests on the CPU and on a CUDA device and prints how far they differ.
//!
//! ```text
//! cargo run --release -p cnn-ops --features cudnn --example device_check -- [--device N] [--rounds N] [--quick]
//! ```
//!
//! Exit code: 0 if all differences are within their tolerance, 1 if not, 2 without a device.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used)]

mod report;
mod work;

#[path = "../../tests/support/mod.rs"]
mod support;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use candle_core::{DType, Device, Tensor, Var};
use cnn_ops::Result;
use report::Report;
use support::cases::Case;
use support::{Evaluation, evaluate, total};

struct Arguments {
    device: usize,
    /// Random geometries per operator.
    rounds: usize,
    /// Leaves out the sizes of real networks, and with them the times.
    quick: bool,
}

impl Arguments {
    fn parse(mut words: impl Iterator<Item = String>) -> std::result::Result<Self, String> {
        let mut arguments = Self {
            device: 0,
            rounds: 40,
            quick: false,
        };
        while let Some(word) = words.next() {
            let target = match word.as_str() {
                "--device" => &mut arguments.device,
                "--rounds" => &mut arguments.rounds,
                "--quick" => {
                    arguments.quick = true;
                    continue;
                }
                other => return Err(format!("unknown argument {other}")),
            };
            let value = words.next().ok_or(format!("{word} needs a number"))?;
            *target = value
                .parse()
                .map_err(|_| format!("{word} needs a number, got {value}"))?;
        }
        Ok(arguments)
    }
}

fn main() -> ExitCode {
    let arguments = match Arguments::parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(message) => {
            println!("device_check: {message}");
            return ExitCode::from(2);
        }
    };
    if !cfg!(feature = "cuda") {
        println!(
            "device_check: built without the feature `cuda`; build with --features cudnn or cuda"
        );
        return ExitCode::from(2);
    }
    let device = match Device::new_cuda(arguments.device) {
        Ok(device) => device,
        Err(error) => {
            println!("device_check: no CUDA device {}: {error}", arguments.device);
            return ExitCode::from(2);
        }
    };
    let convolutions = if cfg!(feature = "cudnn") {
        "cuDNN"
    } else {
        "cuBLAS"
    };
    println!(
        "CPU against CUDA device {}, convolutions by {convolutions}\n",
        arguments.device
    );
    let mut report = Report::default();
    let large = if arguments.quick {
        Vec::new()
    } else {
        work::large()
    };
    let fixtures = support::fixtures::all().into_iter().map(|f| f.case);
    let small: Vec<Case> = fixtures.chain(work::random(arguments.rounds)).collect();
    for dtype in [DType::F32, DType::F64] {
        for case in &small {
            compare(&mut report, case, dtype, &device);
        }
    }
    for case in &large {
        compare(&mut report, case, DType::F32, &device);
        time(&mut report, case, &device);
    }
    for case in &work::empty() {
        empty(&mut report, case, &device);
    }
    report.print();
    if report.failed() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

fn place(case: &Case, dtype: DType, device: &Device) -> Result<Vec<Tensor>> {
    let place = |x: &Tensor| Ok(x.to_dtype(dtype)?.to_device(device)?);
    case.inputs.iter().map(place).collect()
}

fn compare(report: &mut Report, case: &Case, dtype: DType, device: &Device) {
    let on = |device: &Device| evaluate(&*case.run, &place(case, dtype, device)?);
    let run = || -> Result<[Evaluation; 3]> { Ok([on(&Device::Cpu)?, on(device)?, on(device)?]) };
    match run() {
        Ok([cpu, cuda, again]) => report.compare(case, dtype, &cpu, &cuda, &again),
        Err(error) => report.fail(case.operator, &error.to_string()),
    }
}

/// An empty batch must give an empty output of the CPU's shape.
fn empty(report: &mut Report, case: &Case, device: &Device) {
    let run = |device: &Device| -> Result<Vec<usize>> {
        let inputs = place(case, DType::F32, device)?;
        let inputs = work::without_images(case, &inputs)?;
        Ok((case.run)(&inputs)?.dims().to_vec())
    };
    match (run(&Device::Cpu), run(device)) {
        (Ok(cpu), Ok(cuda)) if cpu == cuda => report.empty(),
        (cpu, cuda) => report.fail(case.operator, &format!("empty batch: {cpu:?} and {cuda:?}")),
    }
}

/// Median time of a forward and backward pass on either device.
fn time(report: &mut Report, case: &Case, device: &Device) {
    let on = |device: &Device| -> Result<Duration> {
        let inputs = place(case, DType::F32, device)?;
        let vars: Vec<Var> = inputs
            .iter()
            .map(Var::from_tensor)
            .collect::<candle_core::Result<_>>()?;
        let tensors: Vec<Tensor> = vars.iter().map(|v| v.as_tensor().clone()).collect();
        let mut weights = None;
        let mut times = Vec::new();
        // The first run draws the weights, compiles kernels and chooses algorithms.
        for run in 0..6 {
            device.synchronize()?;
            let start = Instant::now();
            let y = (case.run)(&tensors)?;
            let r = match weights.take() {
                Some(r) => r,
                None => support::weights(&y)?,
            };
            if y.track_op() {
                total(&y, &r)?.backward()?;
            }
            device.synchronize()?;
            if run > 0 {
                times.push(start.elapsed());
            }
            weights = Some(r);
        }
        times.sort();
        Ok(times[times.len() / 2])
    };
    match on(&Device::Cpu).and_then(|cpu| Ok([cpu, on(device)?])) {
        Ok(times) => report.time(case, times),
        Err(error) => report.fail(case.operator, &error.to_string()),
    }
}
