//! What separates the three protocols, one typed switch per row.

use fillet_preprocess::ForegroundVariant;
use serde::{Deserialize, Serialize};

use super::Protocol;
use crate::error::{Error, Result};

/// Which slices train, validate and test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// Fillets stay whole, 80 / 10 / 10 (the text; its unit is not stated).
    FilletHoldOut,
    /// All slices pooled, the smaller class filled up with duplicates, shuffled, cut 80 / 10 / 10 (the code).
    SlicesPooled,
    /// Folds by fish: every fish is held out once.
    FishFolds,
}

/// Which scans are mapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mapped {
    /// The scans of the mapped class, whether they trained or not.
    PositiveClass,
    /// Every scan; those of the other class are the negative control.
    Everything,
}

/// Which slices of a scan count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SliceRule {
    /// All of them ("slices (n = 54)").
    All,
    /// A window, less the slices listed in `data.exclude`.
    WindowAndList,
    /// A window, less the listed slices and those with too little tissue.
    Valid,
}

/// How grey values become 8 bits before the background is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EightBit {
    /// Linear.
    Linear,
    /// Square root, cast to 8 bits so that values above 255 wrap around.
    SquareRootWrapped,
    /// Square root, held at 255.
    SquareRootSaturating,
}

/// Which contrast-adjusted copies the training side gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContrastCopies {
    /// None.
    None,
    /// Stretched, equalised and CLAHE copies of the training slices.
    ThreeMethodsOfTraining,
    /// Three unaltered copies of every slice, validation and test included (the code's loop never reads its variable).
    UnalteredCopiesOfEverything,
}

/// What the name "Inception V4" stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InceptionV4 {
    /// Inception V4.
    AsNamed,
    /// Inception-ResNet V2.
    InceptionResnetV2,
    /// Both networks, each under its own name.
    Both,
}

/// Most epochs and patience; a profile may cap both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// 2500 epochs, patience 200.
    Text,
    /// 2000 epochs, patience 250.
    Code,
}

/// Where in the network the maps are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TapRule {
    /// The last convolution, before norm and activation.
    LastConvolution,
    /// The last `Conv` instance in Keras' order: as the last convolution, but VGG16 after its ReLU.
    LastConvInstance,
    /// The last map before pooling, after its activation, all channels.
    LastActivation,
}

/// What Layer-CAM is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LayerCam {
    /// Several layers, weights ReLU(g − mean g) as Eq. 10 says, tanh with γ = 2, maximum.
    SeveralLayersDeviation,
    /// One layer, weights mean(ReLU(g)): tf-keras-vis 0.8.0 and 0.8.1.
    OneLayerMeanPositive,
    /// One layer, weights ReLU(g): tf-keras-vis from 0.8.2 on.
    OneLayerPositive,
    /// Several layers, weights ReLU(g), tanh with γ = 2, maximum: the original method.
    SeveralLayersPositive,
}

/// What weighs a channel in Score-CAM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScoreCam {
    /// Softmax over the classes of the logits (one reading of Eq. 8).
    ClassSoftmax,
    /// Softmax over the classes of what already is a softmax.
    SoftmaxOfSoftmax,
    /// The class probability (the original code).
    ClassProbability,
    /// Softmax over channels of the logit (another reading of Eq. 8).
    ChannelSoftmax,
    /// Softmax over channels of the increase of the logit (the original paper).
    ChannelSoftmaxOfIncrease,
}

/// Which pixels set the scale of a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NormaliseRule {
    /// All pixels of the slice, background included; the tissue mask comes later.
    PerImage,
    /// The tissue of the slice; besides, one scale per network, method and fold.
    InsideTissue,
}

/// Details of resizing and of the smallest divisor that the text leaves open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Library {
    /// Half-pixel resize, no epsilon, alphas over positive gradients.
    Literature,
    /// tf-keras-vis: aligned corners, 1e-7, alphas over all cells.
    TfKerasVis,
}

/// How the supervised reference becomes a mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SupervisedMap {
    /// As predicted, shifted as the code shifts it; tissue without a label does not count.
    AsPredicted,
    /// As predicted, majority-smoothed with the kernel picked on the result; tissue without a label counts as damaged.
    SmoothedUnlabelledDamaged,
    /// Centred votes, majority-smoothed with a kernel fixed beforehand; tissue without a label does not count.
    CentredUnlabelledExcluded,
}

/// When a pixel counts as damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThresholdRule {
    /// Value ≥ t (the text's design section, and the code).
    AtLeast,
    /// Value > t (the text's post-processing section).
    Above,
}

/// What becomes of two empty masks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BothEmpty {
    /// Undefined, left out.
    LeftOut,
    /// Left out of the mean IoU, counted as 1 in φ.
    DroppedThenOne,
    /// Left out of both, and the number of them reported.
    ReportedApart,
}

/// The test that heads the tables. All tests are computed either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TestRule {
    /// Kruskal–Wallis, every slice an observation.
    KruskalWallisOnSlices,
    /// Friedman on the means of each fish.
    FriedmanOnFish,
}

/// What a study means: every row of the table of protocols.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Switches {
    /// Which slices train, validate and test.
    pub split: Split,
    /// Which scans are mapped.
    pub mapped: Mapped,
    /// Which slices count.
    pub slices: SliceRule,
    /// The 8-bit step of background removal.
    pub eight_bit: EightBit,
    /// Contrast-adjusted copies.
    pub contrast_copies: ContrastCopies,
    /// What "Inception V4" stands for.
    pub inception_v4: InceptionV4,
    /// Epochs and patience.
    pub schedule: Schedule,
    /// Where the maps are made.
    pub tap: TapRule,
    /// What Layer-CAM is.
    pub layer_cam: LayerCam,
    /// What weighs a channel in Score-CAM.
    pub score_cam: ScoreCam,
    /// Which pixels set the scale.
    pub normalise: NormaliseRule,
    /// Details of resizing.
    pub library: Library,
    /// How the supervised reference becomes a mask.
    pub supervised_map: SupervisedMap,
    /// When a pixel counts as damaged.
    pub threshold: ThresholdRule,
    /// What becomes of two empty masks.
    pub both_empty: BothEmpty,
    /// The test that heads the tables.
    pub test: TestRule,
}

/// Names of the switches, in the order of the tables.
pub const SWITCHES: [&str; 16] = [
    "split",
    "mapped",
    "slices",
    "eight_bit",
    "contrast_copies",
    "inception_v4",
    "schedule",
    "tap",
    "layer_cam",
    "score_cam",
    "normalise",
    "library",
    "supervised_map",
    "threshold",
    "both_empty",
    "test",
];

impl Switches {
    /// The switches of a protocol.
    pub fn of(protocol: Protocol) -> Self {
        let rigorous = Self {
            split: Split::FishFolds,
            mapped: Mapped::Everything,
            slices: SliceRule::Valid,
            eight_bit: EightBit::SquareRootSaturating,
            contrast_copies: ContrastCopies::ThreeMethodsOfTraining,
            inception_v4: InceptionV4::Both,
            schedule: Schedule::Text,
            tap: TapRule::LastActivation,
            layer_cam: LayerCam::SeveralLayersPositive,
            score_cam: ScoreCam::ClassProbability,
            normalise: NormaliseRule::InsideTissue,
            library: Library::Literature,
            supervised_map: SupervisedMap::CentredUnlabelledExcluded,
            threshold: ThresholdRule::AtLeast,
            both_empty: BothEmpty::ReportedApart,
            test: TestRule::FriedmanOnFish,
        };
        match protocol {
            Protocol::Rigorous => rigorous,
            Protocol::Published => Self {
                split: Split::FilletHoldOut,
                mapped: Mapped::PositiveClass,
                slices: SliceRule::All,
                eight_bit: EightBit::Linear,
                inception_v4: InceptionV4::AsNamed,
                tap: TapRule::LastConvolution,
                layer_cam: LayerCam::SeveralLayersDeviation,
                score_cam: ScoreCam::ClassSoftmax,
                normalise: NormaliseRule::PerImage,
                supervised_map: SupervisedMap::AsPredicted,
                threshold: ThresholdRule::Above,
                both_empty: BothEmpty::LeftOut,
                test: TestRule::KruskalWallisOnSlices,
                ..rigorous
            },
            Protocol::Released => Self {
                split: Split::SlicesPooled,
                mapped: Mapped::PositiveClass,
                slices: SliceRule::WindowAndList,
                eight_bit: EightBit::SquareRootWrapped,
                contrast_copies: ContrastCopies::UnalteredCopiesOfEverything,
                inception_v4: InceptionV4::InceptionResnetV2,
                schedule: Schedule::Code,
                tap: TapRule::LastConvInstance,
                layer_cam: LayerCam::OneLayerMeanPositive,
                score_cam: ScoreCam::SoftmaxOfSoftmax,
                normalise: NormaliseRule::PerImage,
                library: Library::TfKerasVis,
                supervised_map: SupervisedMap::SmoothedUnlabelledDamaged,
                threshold: ThresholdRule::AtLeast,
                both_empty: BothEmpty::DroppedThenOne,
                test: TestRule::KruskalWallisOnSlices,
            },
        }
    }

    /// The value of a switch, as configuration writes it; empty for a name that is none.
    pub fn value(&self, switch: &str) -> String {
        serde_json::to_value(self)
            .ok()
            .and_then(|value| value.get(switch)?.as_str().map(str::to_owned))
            .unwrap_or_default()
    }

    /// The same switches, one of them set as text says.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] names the switch and its value.
    pub fn with(&self, switch: &str, value: &str) -> Result<Self> {
        let fault = |e: serde_json::Error| Error::usage(format!("switch {switch} = {value}: {e}"));
        let mut all = serde_json::to_value(self).map_err(fault)?;
        let slot = all.get_mut(switch).ok_or_else(|| {
            Error::usage(format!(
                "`{switch}` is no switch; they are {}",
                SWITCHES.join(", ")
            ))
        })?;
        *slot = value.into();
        serde_json::from_value(all).map_err(fault)
    }
}

impl EightBit {
    /// The same as `fillet-preprocess` takes it.
    pub fn variant(self) -> ForegroundVariant {
        match self {
            Self::Linear => ForegroundVariant::Published,
            Self::SquareRootWrapped => ForegroundVariant::Released,
            Self::SquareRootSaturating => ForegroundVariant::Saturating,
        }
    }
}

impl Schedule {
    /// Most epochs.
    pub fn epochs(self) -> usize {
        match self {
            Self::Text => 2500,
            Self::Code => 2000,
        }
    }

    /// Epochs without a better validation loss after which training stops.
    pub fn patience(self) -> usize {
        match self {
            Self::Text => 200,
            Self::Code => 250,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_switch_is_named_and_can_be_flipped_to_what_another_protocol_says() {
        let (released, rigorous) = (
            Switches::of(Protocol::Released),
            Switches::of(Protocol::Rigorous),
        );
        let keys = serde_json::to_value(released).unwrap();
        assert_eq!(keys.as_object().unwrap().len(), SWITCHES.len());
        let mut flipped = released;
        for switch in SWITCHES {
            assert!(!released.value(switch).is_empty(), "{switch}");
            flipped = flipped.with(switch, &rigorous.value(switch)).unwrap();
        }
        assert_eq!(flipped, rigorous);
    }

    #[test]
    fn unknown_switches_and_values_are_refused_by_name() {
        let switches = Switches::of(Protocol::Published);
        let error = switches.with("splitt", "fish_folds").unwrap_err();
        assert!(error.to_string().contains("splitt"));
        let error = switches.with("split", "by_moon").unwrap_err();
        assert!(error.to_string().contains("by_moon"));
    }
}
