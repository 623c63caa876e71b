//! What must not change a map, and what threads share.
#![allow(clippy::unwrap_used)]

mod common;

use cam_methods::{Explainer, Method, NoTap, Semantics, Tap, TappedModel, Target};
use candle_core::{DType, Result, Tensor};
use common::*;

const METHODS: [Method; 12] = [
    Method::GradCam,
    Method::GradCamPlusPlus,
    Method::XGradCam,
    Method::HiresCam,
    Method::GradCamElementwise,
    Method::LayerCam,
    Method::PositiveGradCam,
    Method::ScoreCam,
    Method::FasterScoreCam,
    Method::EigenCam,
    Method::EigenGradCam,
    Method::Random,
];

#[test]
fn a_batch_is_its_images_one_by_one() {
    let net = FlatNet::new(DType::F32);
    let x = images(3, 8, DType::F32);
    let targets = [Target::Class(2), Target::Argmax, Target::Probability(0)];
    for preset in [
        Semantics::literature(),
        Semantics::pytorch_grad_cam(),
        Semantics::tf_keras_vis(),
    ] {
        let explainer = Explainer::new(&net).tap("features").semantics(preset);
        // a random map depends on the position in the batch
        let methods = &METHODS[..METHODS.len() - 1];
        let all = explainer.explain_all(&x, &targets, methods).unwrap();
        for i in 0..3 {
            let one = explainer
                .explain_all(&x.narrow(0, i, 1).unwrap(), &targets[i..=i], methods)
                .unwrap();
            for (a, b) in all.maps.iter().zip(&one.maps) {
                // matrix products sum in another order for another batch
                assert_close(&a.heatmap(i).unwrap(), &b.heatmap(0).unwrap(), 1e-4);
            }
        }
    }
}

#[test]
fn all_gradient_methods_share_one_forward_and_one_backward_pass() {
    let net = PooledNet::new(DType::F32);
    let methods: Vec<Method> = METHODS
        .into_iter()
        .filter(|m| !m.needs_score_table())
        .collect();
    let targets = [Target::Class(0), Target::Class(1)];
    let explainer = Explainer::new(&net).taps(["early", "raw", "features"]);
    let e = explainer
        .explain_all(&images(2, 12, DType::F32), &targets, &methods)
        .unwrap();
    assert_eq!(
        (e.passes.forward, e.passes.forward_images, e.passes.backward),
        (1, 2, 1)
    );
    let no_gradient = explainer
        .explain_all(&images(2, 12, DType::F32), &targets, &[Method::EigenCam])
        .unwrap();
    assert_eq!(no_gradient.passes.backward, 0);
    assert_eq!(e.classes, [Some(0), Some(1)]);
    assert_eq!(
        e.taps.iter().map(|t| t.name.as_str()).collect::<Vec<_>>(),
        ["early", "raw", "features"]
    );
}

#[test]
fn the_order_of_channels_does_not_matter() {
    let net = FlatNet::new(DType::F32);
    let x = images(1, 8, DType::F32);
    let order = Tensor::new(&[3u32, 0, 5, 1, 4, 2], x.device()).unwrap();
    let inverse = Tensor::new(&[1u32, 3, 5, 0, 4, 2], x.device()).unwrap();
    let shuffled = |x: &Tensor, tap: &mut dyn Tap| {
        struct Shuffle<'a>(&'a mut dyn Tap, &'a Tensor, &'a Tensor);
        impl Tap for Shuffle<'_> {
            fn visit(&mut self, name: &str, a: Tensor) -> Result<Tensor> {
                self.0
                    .visit(name, a.index_select(self.1, 1)?)?
                    .index_select(self.2, 1)
            }
        }
        net.forward_tapped(x, &mut Shuffle(tap, &order, &inverse))
    };
    for method in METHODS.into_iter().filter(|m| *m != Method::Random) {
        let plain = explain(&net, "features", Semantics::literature(), &x, 1, method);
        let other = explain(
            &shuffled,
            "features",
            Semantics::literature(),
            &x,
            1,
            method,
        );
        assert_close(&vec(&plain.up), &vec(&other.up), 2e-5);
    }
}

#[test]
fn the_scale_of_the_score_does_not_matter_to_gradient_methods() {
    let net = FlatNet::new(DType::F32);
    let scaled = |x: &Tensor, tap: &mut dyn Tap| net.forward_tapped(x, tap)? * 16.0;
    let x = images(1, 8, DType::F32);
    for method in METHODS
        .into_iter()
        .filter(|m| m.needs_gradients() && *m != Method::GradCamPlusPlus)
    {
        let plain = explain(&net, "features", Semantics::literature(), &x, 1, method);
        let other = explain(&scaled, "features", Semantics::literature(), &x, 1, method);
        assert_close(&vec(&plain.up), &vec(&other.up), 1e-5);
    }
}

#[test]
fn many_threads_explain_with_one_network_and_agree() {
    fn shared<T: Send + Sync>(_: &T) {}
    let net = FlatNet::new(DType::F32);
    let x = images(2, 8, DType::F32);
    let explainer = Explainer::new(&net);
    shared(&explainer);
    let targets = [Target::Argmax, Target::Class(0)];
    let run = || {
        let e = explainer.explain_all(&x, &targets, &METHODS).unwrap();
        e.maps.iter().map(|m| vec(&m.up)).collect::<Vec<_>>()
    };
    let maps: Vec<_> = std::thread::scope(|s| {
        let threads: Vec<_> = (0..4).map(|_| s.spawn(run)).collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    assert!(maps.iter().all(|m| *m == maps[0]));
}

#[test]
fn the_last_spatial_tap_is_the_default() {
    let net = |x: &Tensor, tap: &mut dyn Tap| {
        let x = tap.visit("spatial", x.relu()?)?;
        let x = tap.visit("pooled", x.mean_keepdim((2, 3))?)?;
        let x = x.flatten_from(1)?;
        tap.visit("vector", x)
    };
    let x = images(1, 8, DType::F32);
    assert!(net.forward_tapped(&x, &mut NoTap).is_ok());
    let explainer = Explainer::new(&net);
    let first = explainer
        .explain_all(&x, &[Target::Class(0)], &[Method::GradCam])
        .unwrap();
    assert_eq!(first.maps[0].layers[0].tap, "spatial");
    assert_eq!(first.passes.forward, 2);
    let second = explainer
        .explain_all(&x, &[Target::Class(0)], &[Method::GradCam])
        .unwrap();
    assert_eq!(second.passes.forward, 1);
}
