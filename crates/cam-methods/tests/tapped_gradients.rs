//! Gradients at taps against finite differences.
#![allow(clippy::unwrap_used)]

mod common;

use cam_methods::{Explainer, NoTap, ScoreSpace, Semantics, Tap, TappedModel, Target};
use candle_core::{DType, Result, Tensor};
use common::*;

/// Adds a step to one value of the activation at a tap.
struct Nudge<'a> {
    tap: &'a str,
    at: usize,
    by: f64,
}

impl Tap for Nudge<'_> {
    fn visit(&mut self, name: &str, a: Tensor) -> Result<Tensor> {
        if name != self.tap {
            return Ok(a);
        }
        let mut step = vec![0f64; a.elem_count()];
        step[self.at] = self.by;
        let step = Tensor::from_vec(step, a.dims(), a.device())?;
        a + step
    }
}

fn score(net: &dyn TappedModel, tap: &mut dyn Tap, targets: &[Target], space: ScoreSpace) -> f64 {
    let outputs = net.forward_tapped(&images(2, 8, DType::F64), tap).unwrap();
    targets
        .iter()
        .enumerate()
        .map(|(i, t)| {
            let s = t.score(&outputs.narrow(0, i, 1).unwrap(), space).unwrap();
            s.to_vec1::<f64>().unwrap()[0]
        })
        .sum()
}

#[test]
fn gradients_at_every_tap_match_central_differences() {
    let net = PooledNet::new(DType::F64);
    let tanh = |x: &Tensor, tap: &mut dyn Tap| net.forward_tapped(x, tap)?.tanh();
    let taps = ["early", "raw", "features"];
    let targets = [
        Target::Class(2),
        Target::LogOdds {
            positive: 1,
            negative: 0,
        },
    ];
    for space in [
        ScoreSpace::Logit,
        ScoreSpace::Probability,
        ScoreSpace::DoubleSoftmax,
    ] {
        let mut semantics = Semantics::literature();
        semantics.gradient_score = space;
        let explainer = Explainer::new(&tanh).taps(taps).semantics(semantics);
        let mut observation = explainer.observe(&images(2, 8, DType::F64)).unwrap();
        let gradients = observation.gradients(&targets).unwrap();
        assert_eq!(observation.passes().backward, 1);
        for (tap, gradient) in taps.iter().zip(&gradients) {
            let g: Vec<f64> = gradient.flatten_all().unwrap().to_vec1().unwrap();
            assert!(g.iter().any(|g| *g != 0.0));
            for at in (0..g.len()).step_by(13) {
                let h = 1e-5;
                let ends =
                    [h, -h].map(|by| score(&tanh, &mut Nudge { tap, at, by }, &targets, space));
                let slope = (ends[0] - ends[1]) / (2.0 * h);
                // error h^2 of the difference and 1e-16 / h of rounding; no unit lies within h of its kink
                assert!(
                    (slope - g[at]).abs() < 1e-8,
                    "{tap}[{at}] {space:?}: {slope} {}",
                    g[at]
                );
            }
        }
    }
}

#[test]
fn variables_as_weights_change_nothing() {
    let net = FlatNet::new(DType::F32);
    let weight = candle_core::Var::from_tensor(&filled(&[2, 2, 1, 1], 9.0, DType::F32)).unwrap();
    let constant = weight.as_tensor().detach();
    let x = images(2, 8, DType::F32);
    let maps = [weight.as_tensor().clone(), constant].map(|w| {
        let stem = |x: &Tensor, tap: &mut dyn Tap| {
            let x = tap.visit("stem", x.conv2d(&w, 0, 1, 1, 1)?)?;
            net.forward_tapped(&x, tap)
        };
        let targets = [Target::Class(0), Target::Class(1)];
        let maps = Explainer::new(&stem).taps(["stem", "features"]).explain(
            &x,
            &targets,
            cam_methods::Method::GradCam,
        );
        vec(&maps.unwrap().up)
    });
    assert_eq!(maps[0], maps[1]);
    assert!(net.forward_tapped(&x, &mut NoTap).is_ok());
}

#[test]
fn a_deep_network_fits_on_a_small_stack() {
    let deep = |x: &Tensor, tap: &mut dyn Tap| {
        let mut x = tap.visit("first", x.relu()?)?;
        for _ in 0..3000 {
            x = (x + 1e-3)?;
        }
        x.mean((2, 3))
    };
    let run = || {
        let x = images(1, 4, DType::F32);
        let maps = Explainer::new(&deep).tap("first").explain(
            &x,
            &[Target::Class(0)],
            cam_methods::Method::GradCam,
        );
        maps.unwrap().diagnostics[0].zero_map
    };
    let zero = std::thread::scope(|s| {
        let small = std::thread::Builder::new().stack_size(2 << 20);
        small.spawn_scoped(s, run).unwrap().join().unwrap()
    });
    assert!(!zero);
}
