//! Training curves of every network.

use super::axes::Ticks;
use super::figure::{Data, Figure, cell};
use super::lines::{Key, LineChart, Series, Style, legend};
use super::names;
use super::rows::Epoch;
use super::study::{Study, mean};
use super::svg::Panel;

const TRAIN: usize = 0;
const VALIDATION: usize = 1;

type Field = fn(&Epoch) -> Option<f64>;

/// Draws the training curves; none without a history.
pub(super) fn draw(study: &Study<'_>) -> Option<Figure> {
    let mut rows = Vec::new();
    let mut seen = Vec::new();
    let mut data = Data::new(&[
        "network",
        "replicate",
        "fold",
        "epoch",
        "train_loss",
        "train_accuracy",
        "validation_loss",
        "validation_accuracy",
    ]);
    for (network, history) in &study.histories {
        let epochs = history.rows();
        if epochs.is_empty() {
            continue;
        }
        rows.push(vec![loss(network, epochs), accuracy(network, epochs)]);
        for e in epochs {
            data.row([
                network.clone(),
                e.replicate.clone(),
                e.fold.clone(),
                e.epoch.to_string(),
                cell(e.train_loss),
                cell(e.train_accuracy),
                cell(e.validation_loss),
                cell(e.validation_accuracy),
            ]);
        }
        seen.extend(sentence(network, epochs));
    }
    if rows.is_empty() {
        return None;
    }
    let rows: Vec<Vec<Panel>> = rows.chunks(2).map(<[Vec<Panel>]>::concat).collect();
    let keys = [
        (Key::Line(Style::solid(TRAIN)), "training".to_owned()),
        (
            Key::Line(Style {
                colour: VALIDATION,
                dash: 1,
                faint: false,
            }),
            "validation".to_owned(),
        ),
    ];
    Some(Figure {
        stem: "figure-s4".to_owned(),
        number: "Figure S4".to_owned(),
        title: "Training curves".to_owned(),
        rows,
        legend: legend(&keys),
        reading:
            "Mean cross-entropy loss (natural logarithm) and accuracy after each epoch. Thin: each fold (and seed); thick: mean over those still training."
                .to_owned(),
        seen,
        data,
    })
}

/// Replicate and fold of each training run.
fn folds(epochs: &[Epoch]) -> Vec<(&str, &str)> {
    let mut folds: Vec<(&str, &str)> = Vec::new();
    for e in epochs {
        let run = (e.replicate.as_str(), e.fold.as_str());
        if !folds.contains(&run) {
            folds.push(run);
        }
    }
    folds
}

fn numbers(epochs: &[Epoch]) -> Vec<f64> {
    super::study::thresholds(epochs.iter().map(|e| e.epoch))
}

/// Mean over folds at each epoch.
fn average(epochs: &[Epoch], field: Field) -> Vec<(f64, Option<f64>)> {
    numbers(epochs)
        .into_iter()
        .map(|n| {
            let values: Vec<f64> = epochs
                .iter()
                .filter(|e| e.epoch == n)
                .filter_map(field)
                .collect();
            (n, mean(&values))
        })
        .collect()
}

fn series(epochs: &[Epoch], train: Field, validation: Field) -> Vec<Series> {
    let mut all = Vec::new();
    let folds = folds(epochs);
    for (field, colour, dash) in [(train, TRAIN, 0), (validation, VALIDATION, 1)] {
        if folds.len() > 1 {
            for fold in &folds {
                all.push(Series {
                    style: Style {
                        colour,
                        dash: 0,
                        faint: true,
                    },
                    points: epochs
                        .iter()
                        .filter(|e| (e.replicate.as_str(), e.fold.as_str()) == *fold)
                        .map(|e| (e.epoch, field(e)))
                        .collect(),
                    band: Vec::new(),
                });
            }
        }
        all.push(Series {
            style: Style {
                colour,
                dash,
                faint: false,
            },
            points: average(epochs, field),
            band: Vec::new(),
        });
    }
    all
}

fn chart(
    network: &str,
    epochs: &[Epoch],
    quantity: &str,
    y: (f64, f64),
    series: Vec<Series>,
) -> Panel {
    let numbers = numbers(epochs);
    let x = (
        numbers.first().copied().unwrap_or(0.0),
        numbers.last().copied().unwrap_or(1.0),
    );
    LineChart {
        title: names::network(network),
        x_title: "Epoch".to_owned(),
        y_title: quantity.to_owned(),
        x_range: x,
        y_range: y,
        x_ticks: Ticks::whole(x, 5),
        y_ticks: Ticks::round(y, 4),
        mark_x: None,
        mark_zero: false,
        width: 258.0,
        series,
        label: format!("{quantity} of {} over epochs", names::network(network)),
    }
    .panel()
}

fn loss(network: &str, epochs: &[Epoch]) -> Panel {
    let mut values: Vec<f64> = epochs
        .iter()
        .flat_map(|e| [e.train_loss, e.validation_loss])
        .flatten()
        .collect();
    values.sort_by(f64::total_cmp);
    let top = values.last().copied().unwrap_or(1.0).max(1e-3) * 1.05;
    let lines = series(epochs, |e| e.train_loss, |e| e.validation_loss);
    chart(network, epochs, "Loss (nats)", (0.0, top), lines)
}

fn accuracy(network: &str, epochs: &[Epoch]) -> Panel {
    let lines = series(epochs, |e| e.train_accuracy, |e| e.validation_accuracy);
    chart(
        network,
        epochs,
        "Accuracy (share correct)",
        (0.0, 1.0),
        lines,
    )
}

fn sentence(network: &str, epochs: &[Epoch]) -> Option<String> {
    let training = average(epochs, |e| e.train_loss);
    let (first, last) = (training.first()?, training.last()?);
    let (start, end) = (first.1?, last.1?);
    let motion = if end < start {
        "falls"
    } else {
        "does not fall: it goes"
    };
    let mut text = format!(
        "{}: training loss {motion} from {} (epoch {}) to {} (epoch {})",
        names::network(network),
        names::fixed(start, 2),
        names::trimmed(first.0),
        names::fixed(end, 2),
        names::trimmed(last.0)
    );
    let validation = average(epochs, |e| e.validation_loss);
    let best = validation
        .iter()
        .filter_map(|p| p.1.map(|v| (p.0, v)))
        .min_by(|a, b| a.1.total_cmp(&b.1));
    if let Some((epoch, value)) = best {
        text.push_str(&format!(
            "; mean validation loss is lowest at epoch {} ({})",
            names::trimmed(epoch),
            names::fixed(value, 2)
        ));
    }
    let count = folds(epochs).len();
    if count > 1 {
        text.push_str(&format!("; {count} training runs"));
    }
    Some(text + ".")
}
