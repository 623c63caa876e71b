//! The training loop: it learns, resumes bit for bit, and fails with a name.
#![allow(clippy::unwrap_used)] // helpers of tests are not recognised as tests

mod common;

use std::path::Path;

use candle_core::{Device, Tensor};
use cnn_zoo::train::{
    BEST_FILE, Batch, BatchSource, CHECKPOINT_FILE, Control, FitReport, HISTORY_FILE, Optimiser,
    Outcome, Progress, Stage, TensorSource, TrainConfig, evaluate, fit,
};
use cnn_zoo::{Architecture, Backbone, BackboneConfig, Convention, Error, build, weights};
use common::{bits, check_source, read, settings, small, striped, stripes};

fn network() -> Box<dyn Backbone> {
    let config = BackboneConfig {
        norm_momentum: Some(0.5),
        input_size: [64, 64],
        ..small(Architecture::ResNet50, Convention::Keras)
    };
    build(&config, 11, &Device::Cpu).unwrap()
}

fn run(folder: &Path, config: &TrainConfig, stop: impl Fn(&Progress) -> bool) -> FitReport {
    let network = network();
    let report = fit(
        network.as_ref(),
        &striped(12, 4, Some(5), 0.0),
        &striped(6, 4, None, 0.3),
        config,
        folder,
        &mut |progress| {
            if stop(progress) {
                Control::Stop
            } else {
                Control::Continue
            }
        },
    )
    .unwrap();
    if report.outcome != Outcome::Interrupted {
        let best = weights::open(&folder.join(BEST_FILE), &Device::Cpu).unwrap();
        assert_eq!(bits(network.as_ref()), bits(best.as_ref()));
    }
    report
}

fn assert_same_files(a: &Path, b: &Path) {
    for name in [BEST_FILE, CHECKPOINT_FILE, HISTORY_FILE] {
        assert!(read(a, name) == read(b, name), "{name} differs");
    }
}

#[test]
fn a_small_network_learns() {
    let folder = tempfile::tempdir().unwrap();
    let report = run(folder.path(), &settings(12), |_| false);
    assert_eq!(report.outcome, Outcome::Completed);
    let [first, last] = [report.history[0], report.history[11]];
    assert!(
        last.train_loss < 0.5 * first.train_loss,
        "{:?}",
        report.history
    );
    let best = report.best.unwrap();
    assert!(best.validation_accuracy > 0.8, "{best:?}");
    assert!(
        report
            .history
            .iter()
            .all(|r| r.validation_loss >= best.validation_loss)
    );
    let text = String::from_utf8(read(folder.path(), HISTORY_FILE)).unwrap();
    let mut lines = text.lines();
    assert_eq!(
        lines.next(),
        Some("epoch,train_loss,train_accuracy,validation_loss,validation_accuracy,learning_rate")
    );
    assert_eq!(lines.count(), 12);
    let info = weights::info(&folder.path().join(BEST_FILE))
        .unwrap()
        .unwrap();
    assert_eq!(info.training.unwrap().epoch, best.epoch);
}

#[test]
fn a_run_stopped_anywhere_goes_on_bit_for_bit() {
    let config = settings(3);
    let whole = tempfile::tempdir().unwrap();
    let expected = run(whole.path(), &config, |_| false);
    for (stage, epoch, batch) in [
        (Stage::Train, 0, 1),
        (Stage::Train, 1, 3),
        (Stage::Validation, 1, 1),
        (Stage::Validation, 2, 2),
        (Stage::EpochEnd, 1, 2),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let report = run(folder.path(), &config, |p| {
            (p.stage, p.epoch, p.batch) == (stage, epoch, batch)
        });
        assert_eq!(report.outcome, Outcome::Interrupted);
        for name in [BEST_FILE, CHECKPOINT_FILE, HISTORY_FILE] {
            let partial = folder.path().join(format!("{name}.partial"));
            std::fs::write(partial, b"half written").unwrap();
        }
        let report = run(folder.path(), &config, |_| false);
        assert_eq!(report, expected, "{stage:?} {epoch} {batch}");
        assert_same_files(folder.path(), whole.path());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
    }
}

#[test]
fn a_run_killed_between_two_files_goes_on_bit_for_bit() {
    let config = settings(3);
    let whole = tempfile::tempdir().unwrap();
    let expected = run(whole.path(), &config, |_| false);
    // The checkpoint of epoch 0 beside the best weights and history of a later epoch.
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), &config, |p| p.stage == Stage::EpochEnd);
    for name in [BEST_FILE, HISTORY_FILE] {
        std::fs::copy(whole.path().join(name), folder.path().join(name)).unwrap();
    }
    assert_eq!(run(folder.path(), &config, |_| false), expected);
    assert_same_files(folder.path(), whole.path());
    // A finished run does nothing more.
    assert_eq!(run(folder.path(), &config, |_| true), expected);
    assert_same_files(folder.path(), whole.path());
    // More epochs go on from its end.
    let longer = run(folder.path(), &settings(4), |_| false);
    assert_eq!(longer.history[..3], expected.history[..]);
    assert_eq!(longer.history.len(), 4);
}

#[test]
fn every_optimiser_resumes_bit_for_bit() {
    for optimiser in [
        Optimiser::Sgd,
        Optimiser::Momentum { momentum: 0.9 },
        Optimiser::Adam {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
        },
        Optimiser::AdamW {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
        },
    ] {
        let config = TrainConfig {
            optimiser,
            learning_rate: 1e-3,
            weight_decay: 1e-3,
            accumulate: 2,
            ghost_batch: Some(3),
            clip_norm: Some(0.5),
            class_weights: Some(vec![1.0, 2.0]),
            ..settings(2)
        };
        let [whole, parts] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        run(whole.path(), &config, |_| false);
        run(parts.path(), &config, |p| p.epoch == 1 && p.batch == 1);
        run(parts.path(), &config, |_| false);
        assert_same_files(parts.path(), whole.path());
    }
}

#[test]
fn early_stopping_waits_for_patience_and_keeps_the_best() {
    let folder = tempfile::tempdir().unwrap();
    // The labels of the validation set are wrong, so learning makes its loss grow.
    let (images, labels) = stripes(6, 64, 0.3);
    let wrong: Vec<u32> = labels
        .to_vec1::<u32>()
        .unwrap()
        .iter()
        .map(|l| 1 - l)
        .collect();
    let wrong = Tensor::new(wrong, &Device::Cpu).unwrap();
    let network = network();
    let config = TrainConfig {
        patience: Some(2),
        ..settings(40)
    };
    let report = fit(
        network.as_ref(),
        &striped(8, 4, Some(5), 0.0),
        &TensorSource::new(images, wrong, 6, None).unwrap(),
        &config,
        folder.path(),
        &mut |_| Control::Continue,
    )
    .unwrap();
    assert_eq!(report.outcome, Outcome::EarlyStopped);
    let best = report.best.unwrap();
    assert_eq!(report.history.len(), best.epoch + 3);
    let again = evaluate(
        network.fuse().unwrap().as_ref(),
        &striped(6, 6, None, 0.3),
        0,
    )
    .unwrap();
    assert_eq!(again.images, 6);
}

#[test]
fn other_settings_or_a_damaged_checkpoint_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), &settings(1), |_| false);
    let attempt = |config: &TrainConfig| {
        let network = network();
        let before = bits(network.as_ref());
        let error = fit(
            network.as_ref(),
            &striped(12, 4, Some(5), 0.0),
            &striped(6, 4, None, 0.3),
            config,
            folder.path(),
            &mut |_| Control::Continue,
        )
        .unwrap_err();
        assert_eq!(bits(network.as_ref()), before);
        error
    };
    let other = TrainConfig {
        learning_rate: 0.5,
        ..settings(2)
    };
    let message = attempt(&other).to_string();
    assert!(
        message.contains("train.learning_rate = 0.02, now 0.5"),
        "{message}"
    );
    let path = folder.path().join(CHECKPOINT_FILE);
    let whole = std::fs::read(&path).unwrap();
    for bytes in [&whole[..whole.len() / 2], b"not a checkpoint", &[]] {
        std::fs::write(&path, bytes).unwrap();
        let error = attempt(&settings(2));
        assert!(matches!(error, Error::BadFile { .. }), "{error}");
        assert!(error.to_string().contains(CHECKPOINT_FILE), "{error}");
    }
    // weights are not a checkpoint
    std::fs::copy(folder.path().join(BEST_FILE), &path).unwrap();
    let message = attempt(&settings(2)).to_string();
    assert!(message.ends_with("not a training checkpoint"), "{message}");
    std::fs::write(&path, &whole).unwrap();
    std::fs::write(folder.path().join(BEST_FILE), b"torn").unwrap();
    let network = network();
    let error = fit(
        network.as_ref(),
        &striped(12, 4, Some(5), 0.0),
        &striped(6, 4, None, 0.3),
        &settings(2),
        folder.path(),
        &mut |_| Control::Continue,
    )
    .unwrap_err();
    assert!(error.to_string().contains(BEST_FILE), "{error}");
}

#[test]
fn a_loss_that_is_no_number_names_epoch_batch_and_layer() {
    let folder = tempfile::tempdir().unwrap();
    let network = network();
    let poisoned = network.parameters().get("layer2.1.conv2.weight").unwrap();
    let nan = poisoned.tensor().detach().affine(f64::NAN, 0.0).unwrap();
    poisoned.variable().unwrap().set(&nan).unwrap();
    let error = fit(
        network.as_ref(),
        &striped(4, 4, None, 0.0),
        &striped(4, 4, None, 0.3),
        &settings(1),
        folder.path(),
        &mut |_| Control::Continue,
    )
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the training loss became NaN in epoch 0, batch 0, first seen at layer2.1.conv2; lower \
         the learning rate"
    );
}

#[test]
fn bad_batches_are_refused_with_their_place() {
    struct Odd(Vec<u32>);
    impl BatchSource for Odd {
        fn batches(&self, _: usize) -> usize {
            2
        }
        fn batch(&self, _: usize, index: usize) -> cnn_zoo::Result<Batch> {
            let (images, labels) = stripes(2, 64, 0.0);
            if index == 0 {
                return Ok(Batch { images, labels });
            }
            let labels = Tensor::new(&self.0[..], &Device::Cpu)?;
            Ok(Batch { images, labels })
        }
    }
    for (labels, expected) in [
        (
            vec![0, 2],
            "batch 1 of epoch 0: label 2, but there are 2 classes",
        ),
        (
            vec![0],
            "batch 1 of epoch 0: labels are [1] U32, expected [2] U32",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let network = network();
        let error = fit(
            network.as_ref(),
            &Odd(labels),
            &striped(4, 4, None, 0.3),
            &settings(1),
            folder.path(),
            &mut |_| Control::Continue,
        )
        .unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn a_shuffled_source_gives_every_image_once_per_epoch() {
    let source = striped(12, 4, Some(5), 0.0);
    let [first, again, second] = [0, 0, 1].map(|epoch| check_source(&source, epoch));
    assert_eq!(first, again);
    assert_ne!(first, second);
    let sorted = |mut v: Vec<u32>| {
        v.sort_unstable();
        v
    };
    assert_eq!(sorted(first), sorted(second));
}

#[test]
fn optimisers_take_the_steps_of_their_formulas() {
    // One dense network, one batch, compared with the same formula in f64 on the first logit bias.
    let bias = |config: &TrainConfig| {
        let folder = tempfile::tempdir().unwrap();
        let network = network();
        let data = striped(4, 4, None, 0.0);
        fit(
            network.as_ref(),
            &data,
            &data,
            config,
            folder.path(),
            &mut |p| {
                if p.stage == Stage::Train {
                    Control::Stop
                } else {
                    Control::Continue
                }
            },
        )
        .unwrap();
        common::values(network.parameters().get("fc.bias").unwrap().tensor())[0]
    };
    let step = |optimiser| {
        f64::from(bias(&TrainConfig {
            optimiser,
            learning_rate: 0.01,
            ..settings(1)
        }))
    };
    // From bias 0 and empty memory: Sgd and Momentum step −rate·g, Nesterov (1 + momentum) times
    // that, Adam −rate·sign(g).
    let sgd = step(Optimiser::Sgd);
    assert!(sgd != 0.0);
    let momentum = step(Optimiser::Momentum { momentum: 0.9 });
    let nesterov = step(Optimiser::Nesterov { momentum: 0.9 });
    let adam = step(Optimiser::Adam {
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-12,
    });
    // f32 rounding of one step
    assert!((momentum / sgd - 1.0).abs() < 1e-6);
    assert!((nesterov / sgd - 1.9).abs() < 1e-5);
    assert!((adam / (0.01 * sgd.signum()) - 1.0).abs() < 1e-4, "{adam}");
}

/// The weights of a network without batch norm after one epoch.
fn after_an_epoch(config: &TrainConfig, batch: usize) -> Vec<f32> {
    let folder = tempfile::tempdir().unwrap();
    let network = build(
        &small(Architecture::Vgg16, Convention::Keras),
        2,
        &Device::Cpu,
    )
    .unwrap();
    let (images, labels) = stripes(6, 32, 0.0);
    let data = TensorSource::new(images, labels, batch, None).unwrap();
    fit(
        network.as_ref(),
        &data,
        &data,
        config,
        folder.path(),
        &mut |_| Control::Continue,
    )
    .unwrap();
    network
        .parameters()
        .iter()
        .flat_map(|p| common::values(p.tensor()))
        .collect()
}

#[test]
fn accumulated_batches_step_as_one_large_batch() {
    let optimiser = Optimiser::Momentum { momentum: 0.9 };
    let config = TrainConfig {
        optimiser,
        weight_decay: 1e-2,
        clip_norm: Some(0.05),
        ..settings(2)
    };
    let whole = after_an_epoch(&config, 4);
    // 1 + 1 + 1 + 1, and what is left of the epoch, 1 + 1
    let single = TrainConfig {
        accumulate: 4,
        ..config.clone()
    };
    let parts = after_an_epoch(&single, 1);
    // the same sums in another order
    let difference = common::relative_difference(&parts, &whole);
    assert!(difference < 1e-6, "{difference}");
    let apart = after_an_epoch(&config, 1);
    assert!(common::relative_difference(&apart, &whole) > 1e-6);
}

#[test]
fn decoupled_decay_shrinks_the_tensor_itself() {
    let adam = |weight_decay, decoupled: bool| {
        let [beta1, beta2, epsilon] = [0.9, 0.999, 1e-8];
        let optimiser = if decoupled {
            Optimiser::AdamW {
                beta1,
                beta2,
                epsilon,
            }
        } else {
            Optimiser::Adam {
                beta1,
                beta2,
                epsilon,
            }
        };
        after_an_epoch(
            &TrainConfig {
                optimiser,
                weight_decay,
                batch_size: 6,
                learning_rate: 1e-3,
                ..settings(1)
            },
            6,
        )
    };
    let network = build(
        &small(Architecture::Vgg16, Convention::Keras),
        2,
        &Device::Cpu,
    )
    .unwrap();
    let start: Vec<f32> = network
        .parameters()
        .iter()
        .flat_map(|p| common::values(p.tensor()))
        .collect();
    let [none, decoupled, coupled] = [adam(0.0, true), adam(0.5, true), adam(0.5, false)];
    assert_eq!(none, adam(0.0, false));
    // one step: p ← (1 − 0.001·0.5)·p − the same step as without decay
    for ((&p, &without), &with) in start.iter().zip(&none).zip(&decoupled) {
        let expected = without - 0.0005 * p;
        assert!(
            (with - expected).abs() <= 1e-6 * (p.abs() + 1e-3),
            "{p} {without} {with}"
        );
    }
    assert_ne!(coupled, decoupled);
}

#[test]
fn ghost_batches_have_statistics_of_their_own() {
    use cnn_zoo::{Role, TrainPass};
    for architecture in [Architecture::ResNet50, Architecture::DenseNet121] {
        let config = BackboneConfig {
            input_size: [64, 64],
            ..small(architecture, Convention::Keras)
        };
        let make = || build(&config, 11, &Device::Cpu).unwrap();
        let (images, _) = stripes(5, 64, 0.0);
        let network = make();
        let mut pass = TrainPass::new(0).ghost_batch(Some(2));
        let logits = network.forward_train(&images, &mut pass).unwrap();
        let mut parts = Vec::new();
        let mut statistics: Vec<Vec<f32>> = Vec::new();
        for (start, length) in [(0, 2), (2, 2), (4, 1)] {
            let network = make();
            let part = images
                .narrow(0, start, length)
                .unwrap()
                .contiguous()
                .unwrap();
            let logits = network
                .forward_train(&part, &mut TrainPass::new(0))
                .unwrap();
            parts.extend(common::values(&logits));
            let moved = network.parameters().with_role(Role::Statistic);
            statistics.push(moved.flat_map(|p| common::values(p.tensor())).collect());
        }
        let difference = common::relative_difference(&common::values(&logits), &parts);
        assert!(difference < 1e-5, "{architecture} {difference}");
        let found: Vec<f32> = network
            .parameters()
            .with_role(Role::Statistic)
            .flat_map(|p| common::values(p.tensor()))
            .collect();
        let expected: Vec<f32> = (0..found.len())
            .map(|i| statistics.iter().map(|s| s[i]).sum::<f32>() / 3.0)
            .collect();
        let difference = common::relative_difference(&found, &expected);
        assert!(difference < 1e-5, "{architecture} {difference}");
    }
}
