//! The rows of the study's tables.

use super::error::Result;
use super::tables::{Record, Row};

/// A row of `tables/classification.csv`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Classification {
    pub(super) model: String,
    pub(super) seed: String,
    pub(super) split: String,
    pub(super) n: usize,
    pub(super) correct: usize,
    pub(super) accuracy: Option<f64>,
    pub(super) ci_low: Option<f64>,
    pub(super) ci_high: Option<f64>,
    /// Half-width of the interval in its published form, where the table has it.
    pub(super) wald: Option<f64>,
    /// Least and most epochs run, where the table has them.
    pub(super) epochs: Option<(f64, f64)>,
}

impl Row for Classification {
    const COLUMNS: &'static [&'static str] = &[
        "model", "seed", "split", "n", "correct", "accuracy", "ci_low", "ci_high",
    ];
    fn parse(r: &Record<'_>) -> Result<Self> {
        Ok(Self {
            model: r.text("model").to_owned(),
            seed: r.text("seed").to_owned(),
            split: r.text("split").to_owned(),
            n: r.count("n")?,
            correct: r.count("correct")?,
            accuracy: r.optional("accuracy")?,
            ci_low: r.optional("ci_low")?,
            ci_high: r.optional("ci_high")?,
            wald: r.optional("wald_half_width")?,
            epochs: r.optional("epochs_min")?.zip(r.optional("epochs_max")?),
        })
    }
}

/// A row of `tables/miou.csv`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct MeanIou {
    pub(super) model: String,
    pub(super) method: String,
    pub(super) treatment: String,
    pub(super) reference: String,
    pub(super) threshold: f64,
    pub(super) n: usize,
    pub(super) n_undefined: usize,
    pub(super) miou: Option<f64>,
    pub(super) sd: Option<f64>,
    /// Mean share of the tissue marked.
    pub(super) coverage: Option<f64>,
    /// Mean IoU expected of unrelated regions of these sizes.
    pub(super) expected: Option<f64>,
    /// Mean IoU corrected for that chance.
    pub(super) corrected: Option<f64>,
}

impl Row for MeanIou {
    const COLUMNS: &'static [&'static str] = &[
        "model",
        "method",
        "treatment",
        "reference",
        "threshold",
        "n",
        "n_undefined",
        "miou",
        "sd",
    ];
    fn parse(r: &Record<'_>) -> Result<Self> {
        Ok(Self {
            model: r.text("model").to_owned(),
            method: r.text("method").to_owned(),
            treatment: r.text("treatment").to_owned(),
            reference: r.text("reference").to_owned(),
            threshold: r.number("threshold")?,
            n: r.count("n")?,
            n_undefined: r.count("n_undefined")?,
            miou: r.optional("miou")?,
            sd: r.optional("sd")?,
            coverage: r.optional("coverage")?,
            expected: r.optional("expected")?,
            corrected: r.optional("corrected")?,
        })
    }
}

/// A row of the optional `tables/controls.csv`: a region marked without any network.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Control {
    pub(super) method: String,
    pub(super) treatment: String,
    pub(super) reference: String,
    /// None for a region that no threshold made.
    pub(super) threshold: Option<f64>,
    pub(super) miou: Option<f64>,
}

impl Row for Control {
    const COLUMNS: &'static [&'static str] = &["method", "treatment", "reference", "miou"];
    fn parse(r: &Record<'_>) -> Result<Self> {
        Ok(Self {
            method: r.text("method").to_owned(),
            treatment: r.text("treatment").to_owned(),
            reference: r.text("reference").to_owned(),
            threshold: r.optional("threshold")?,
            miou: r.optional("miou")?,
        })
    }
}

/// A row of the optional `tables/damaged_fraction.csv`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fraction {
    pub(super) model: String,
    pub(super) method: String,
    /// A treatment of the mapped class, or `other class`.
    pub(super) group: String,
    pub(super) threshold: f64,
    pub(super) n: usize,
    pub(super) mean: Option<f64>,
}

impl Row for Fraction {
    const COLUMNS: &'static [&'static str] =
        &["model", "method", "group", "threshold", "n", "mean"];
    fn parse(r: &Record<'_>) -> Result<Self> {
        Ok(Self {
            model: r.text("model").to_owned(),
            method: r.text("method").to_owned(),
            group: r.text("group").to_owned(),
            threshold: r.number("threshold")?,
            n: r.count("n")?,
            mean: r.optional("mean")?,
        })
    }
}

/// What an agreement table says about one network or one method at one threshold.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Agreement {
    /// The network or method held fixed.
    pub(super) key: String,
    pub(super) threshold: f64,
    pub(super) n: usize,
    pub(super) n_undefined: usize,
    pub(super) median: Option<f64>,
    pub(super) q1: Option<f64>,
    pub(super) q3: Option<f64>,
    pub(super) mean: Option<f64>,
    /// Mean share of the tissue marked.
    pub(super) coverage: Option<f64>,
    /// Mean agreement expected of unrelated regions of these sizes.
    pub(super) expected: Option<f64>,
    /// Mean agreement corrected for that chance.
    pub(super) corrected: Option<f64>,
}

fn agreement(key: &str, r: &Record<'_>) -> Result<Agreement> {
    Ok(Agreement {
        key: r.text(key).to_owned(),
        threshold: r.number("threshold")?,
        n: r.count("n")?,
        n_undefined: r.count("n_undefined")?,
        median: r.optional("median")?,
        q1: r.optional("q1")?,
        q3: r.optional("q3")?,
        mean: r.optional("mean")?,
        coverage: r.optional("coverage")?,
        expected: r.optional("expected")?,
        corrected: r.optional("corrected")?,
    })
}

/// A row of `tables/agreement_methods.csv`: agreement across methods, network held fixed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct AcrossMethods(pub(super) Agreement);

impl Row for AcrossMethods {
    const COLUMNS: &'static [&'static str] = &[
        "model",
        "threshold",
        "n",
        "n_undefined",
        "median",
        "q1",
        "q3",
        "mean",
    ];
    fn parse(r: &Record<'_>) -> Result<Self> {
        agreement("model", r).map(Self)
    }
}

/// A row of `tables/agreement_networks.csv`: agreement across networks, method held fixed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct AcrossNetworks(pub(super) Agreement);

impl Row for AcrossNetworks {
    const COLUMNS: &'static [&'static str] = &[
        "method",
        "threshold",
        "n",
        "n_undefined",
        "median",
        "q1",
        "q3",
        "mean",
    ];
    fn parse(r: &Record<'_>) -> Result<Self> {
        agreement("method", r).map(Self)
    }
}

/// A row of the optional `tables/agreement_raw.csv`: one slice.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RawAgreement {
    /// `methods` or `networks`: what the agreement runs across.
    pub(super) across: String,
    /// The network or method held fixed.
    pub(super) key: String,
    pub(super) threshold: f64,
    pub(super) value: Option<f64>,
}

impl Row for RawAgreement {
    const COLUMNS: &'static [&'static str] = &["across", "key", "threshold", "value"];
    fn parse(r: &Record<'_>) -> Result<Self> {
        Ok(Self {
            across: r.text("across").to_owned(),
            key: r.text("key").to_owned(),
            threshold: r.number("threshold")?,
            value: r.optional("value")?,
        })
    }
}

/// A row of `tables/liquid_loss.csv`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LiquidLoss {
    pub(super) model: String,
    pub(super) method: String,
    pub(super) threshold: f64,
    pub(super) n: usize,
    pub(super) rho: Option<f64>,
    pub(super) p: Option<f64>,
    pub(super) ci_low: Option<f64>,
    pub(super) ci_high: Option<f64>,
    pub(super) pearson: Option<f64>,
    /// p-value corrected for all cells, by max-T, or by Holm where there is no other.
    pub(super) corrected_p: Option<f64>,
    /// ρ within treatments.
    pub(super) within: Option<f64>,
    /// Interval of ρ with the fish as unit.
    pub(super) cluster_low: Option<f64>,
    pub(super) cluster_high: Option<f64>,
}

impl Row for LiquidLoss {
    const COLUMNS: &'static [&'static str] = &[
        "model",
        "method",
        "threshold",
        "n",
        "rho",
        "p",
        "ci_low",
        "ci_high",
    ];
    fn parse(r: &Record<'_>) -> Result<Self> {
        Ok(Self {
            model: r.text("model").to_owned(),
            method: r.text("method").to_owned(),
            threshold: r.number("threshold")?,
            n: r.count("n")?,
            rho: r.optional("rho")?,
            p: r.optional("p")?,
            ci_low: r.optional("ci_low")?,
            ci_high: r.optional("ci_high")?,
            pearson: r.optional("pearson")?,
            corrected_p: r.optional("p_max_t")?.or(r.optional("p_holm")?),
            within: r.optional("within")?,
            cluster_low: r.optional("cluster_low")?,
            cluster_high: r.optional("cluster_high")?,
        })
    }
}

/// A row of `tables/tests.csv`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TestRow {
    pub(super) question: String,
    pub(super) form: String,
    pub(super) test: String,
    pub(super) unit: String,
    pub(super) n: String,
    pub(super) statistic: Option<f64>,
    pub(super) df: String,
    pub(super) p: Option<f64>,
    pub(super) effect: String,
    pub(super) caveats: String,
}

impl Row for TestRow {
    const COLUMNS: &'static [&'static str] = &[
        "question",
        "form",
        "test",
        "unit",
        "n",
        "statistic",
        "df",
        "p",
        "effect",
        "caveats",
    ];
    fn parse(r: &Record<'_>) -> Result<Self> {
        Ok(Self {
            question: r.text("question").to_owned(),
            form: r.text("form").to_owned(),
            test: r.text("test").to_owned(),
            unit: r.text("unit").to_owned(),
            n: r.text("n").to_owned(),
            statistic: r.optional("statistic")?,
            df: r.text("df").to_owned(),
            p: r.optional("p")?,
            effect: r.text("effect").to_owned(),
            caveats: r.text("caveats").to_owned(),
        })
    }
}

/// A row of `models/<arch>/history.csv`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Epoch {
    /// Which of several seeds; empty where there is one.
    pub(super) replicate: String,
    pub(super) fold: String,
    pub(super) epoch: f64,
    pub(super) train_loss: Option<f64>,
    pub(super) train_accuracy: Option<f64>,
    pub(super) validation_loss: Option<f64>,
    pub(super) validation_accuracy: Option<f64>,
}

impl Row for Epoch {
    const COLUMNS: &'static [&'static str] = &[
        "epoch",
        "train_loss",
        "train_accuracy",
        "validation_loss",
        "validation_accuracy",
    ];
    fn parse(r: &Record<'_>) -> Result<Self> {
        Ok(Self {
            replicate: r.text("replicate").to_owned(),
            fold: r.text("fold").to_owned(),
            epoch: r.number("epoch")?,
            train_loss: r.optional("train_loss")?,
            train_accuracy: r.optional("train_accuracy")?,
            validation_loss: r.optional("validation_loss")?,
            validation_accuracy: r.optional("validation_accuracy")?,
        })
    }
}
