//! Largest differences and times, by operator.

use std::collections::BTreeMap;
use std::time::Duration;

use candle_core::DType;

use crate::support::Evaluation;
use crate::support::cases::Case;

/// Largest difference over the largest value. Sums of n products differ by about √n·6e-8 in `f32`;
/// a convolution may be Winograd's on either side, whose error is below 1e-4. In `f64` the largest
/// sums here, of a few thousand products, differ by less than 1e-12.
fn tolerance(operator: &str, dtype: DType) -> f64 {
    match (operator, dtype) {
        ("max_pool2d" | "relu" | "relu6" | "dropout" | "pad_zero", _) => 0.0,
        ("upsample_nearest2d" | "pad_reflect", DType::F32) => 1e-6,
        (_, DType::F64) => 1e-10,
        ("conv2d" | "conv2d_fused", _) => 1e-4,
        _ => 1e-5,
    }
}

#[derive(Default)]
struct Row {
    cases: usize,
    absolute: f64,
    relative: f64,
    tolerance: f64,
    /// Cases that a second run on the device did not repeat bit for bit.
    unsteady: usize,
}

impl Row {
    fn passed(&self) -> bool {
        self.relative <= self.tolerance
    }

    fn add(&mut self, cpu: &[f64], cuda: &[f64], again: &[f64]) {
        let largest = cpu.iter().fold(1e-3f64, |m, v| m.max(v.abs()));
        let difference = if cpu.len() == cuda.len() {
            let difference = |(a, b): (&f64, &f64)| {
                if a.to_bits() == b.to_bits() {
                    0.0
                } else {
                    (a - b).abs()
                }
            };
            // NaN counts as infinitely far.
            let worst = cpu.iter().zip(cuda).map(difference);
            worst.fold(
                0.0,
                |m, d| if d.is_nan() { f64::INFINITY } else { d.max(m) },
            )
        } else {
            f64::INFINITY
        };
        let same = |(a, b): (&f64, &f64)| a.to_bits() == b.to_bits();
        self.cases += 1;
        self.absolute = self.absolute.max(difference);
        self.relative = self.relative.max(difference / largest);
        let steady = cuda.len() == again.len() && cuda.iter().zip(again).all(same);
        self.unsteady += usize::from(!steady);
    }
}

#[derive(Default)]
pub(crate) struct Report {
    /// By operator, type and quantity.
    rows: BTreeMap<(&'static str, &'static str, String), Row>,
    times: Vec<(&'static str, String, [Duration; 2])>,
    empty: usize,
    errors: Vec<String>,
}

impl Report {
    pub(crate) fn compare(
        &mut self,
        case: &Case,
        dtype: DType,
        cpu: &Evaluation,
        cuda: &Evaluation,
        again: &Evaluation,
    ) {
        if cpu.shape != cuda.shape || cpu.gradients.len() != cuda.gradients.len() {
            let message = format!("shapes {:?} and {:?}", cpu.shape, cuda.shape);
            return self.fail(case.operator, &message);
        }
        let mut add = |what: String, cpu: &[f64], cuda: &[f64], again: &[f64]| {
            let row = self
                .rows
                .entry((case.operator, dtype.as_str(), what))
                .or_default();
            row.tolerance = tolerance(case.operator, dtype);
            row.add(cpu, cuda, again);
        };
        add("output".into(), &cpu.output, &cuda.output, &again.output);
        for (i, name) in case.names.iter().take(cpu.gradients.len()).enumerate() {
            let nothing = Vec::new();
            let again = again.gradients.get(i).unwrap_or(&nothing);
            let what = format!("gradient of {name}");
            add(what, &cpu.gradients[i], &cuda.gradients[i], again);
        }
    }

    pub(crate) fn time(&mut self, case: &Case, times: [Duration; 2]) {
        let shapes: Vec<String> = case
            .inputs
            .iter()
            .take(2)
            .map(|x| format!("{:?}", x.dims()))
            .collect();
        self.times.push((case.operator, shapes.join(" "), times));
    }

    pub(crate) fn empty(&mut self) {
        self.empty += 1;
    }

    pub(crate) fn fail(&mut self, operator: &'static str, message: &str) {
        self.errors.push(format!("{operator}: {message}"));
    }

    pub(crate) fn failed(&self) -> bool {
        !self.errors.is_empty() || self.rows.values().any(|row| !row.passed())
    }

    pub(crate) fn print(&self) {
        println!(
            "{:<22} {:<4} {:<20} {:>5} {:>10} {:>10} {:>10} {:>9}",
            "operator",
            "type",
            "quantity",
            "cases",
            "absolute",
            "relative",
            "tolerance",
            "unsteady"
        );
        for ((operator, dtype, what), row) in &self.rows {
            println!(
                "{operator:<22} {dtype:<4} {what:<20} {:>5} {:>10.2e} {:>10.2e} {:>10.0e} {:>9}{}",
                row.cases,
                row.absolute,
                row.relative,
                row.tolerance,
                row.unsteady,
                if row.passed() { "" } else { "  FAILED" }
            );
        }
        println!("\nempty batches that give the CPU's shape: {}", self.empty);
        println!("\nforward and backward, f32, median of 5\n");
        println!(
            "{:<22} {:>10} {:>10}  inputs",
            "operator", "CPU ms", "CUDA ms"
        );
        for (operator, shapes, times) in &self.times {
            let [cpu, cuda] = times.map(|t| 1e3 * t.as_secs_f64());
            println!("{operator:<22} {cpu:>10.3} {cuda:>10.3}  {shapes}");
        }
        for error in &self.errors {
            println!("FAILED {error}");
        }
        println!(
            "\n{}",
            if self.failed() {
                "FAILED"
            } else {
                "all within tolerance"
            }
        );
    }
}
