//! From a network, images and targets to heatmaps, with the fewest passes.

mod assemble;
mod full_gradient;
mod gradients;
mod observation;
mod recorder;
mod smoothing;

pub use full_gradient::GradientTerm;
pub use observation::Observation;
pub use smoothing::Smoothing;

pub(crate) use assemble::Drawn;
pub(crate) use observation::{Recorded, Wanted};
pub(crate) use recorder::Replace;

use crate::progress::{Control, Observer, Progress};
use crate::{
    CamMaps, CamRule, Error, Explanation, Method, Parameters, Result, Semantics, TapShape,
    TappedModel, Target,
};
use candle_core::Tensor;
use std::sync::OnceLock;

/// Default budget for the images that score methods send through the network at once.
const DEFAULT_BUDGET: usize = 512 << 20;

/// Explains a network. Set it up once, use it from any number of threads.
///
/// # Examples
///
/// ```
/// use cam_methods::{Explainer, Method, Tap, Target};
/// use candle_core::{DType, Device, Tensor};
///
/// let net = |x: &Tensor, tap: &mut dyn Tap| tap.visit("relu", x.relu()?)?.mean((2, 3));
/// let image = Tensor::arange(0f32, 32., &Device::Cpu)?.reshape((1, 2, 4, 4))?;
/// let maps = Explainer::new(&net).tap("relu").explain(&image, &[Target::Class(1)], Method::GradCam)?;
/// assert_eq!(maps.up.dims(), [1, 4, 4]);
/// # Ok::<(), cam_methods::Error>(())
/// ```
pub struct Explainer<'m, M: ?Sized> {
    pub(crate) model: &'m M,
    pub(crate) taps: Vec<String>,
    pub(crate) semantics: Semantics,
    pub(crate) parameters: Parameters,
    pub(crate) region: Option<Tensor>,
    pub(crate) budget: usize,
    pub(crate) share_masks: bool,
    observer: Option<Observer>,
    default_tap: OnceLock<String>,
}

impl<'m, M: TappedModel + ?Sized> Explainer<'m, M> {
    /// An explainer with the `literature` semantics, at the last spatial tap of the network.
    pub fn new(model: &'m M) -> Self {
        Self {
            model,
            taps: Vec::new(),
            semantics: Semantics::default(),
            parameters: Parameters::default(),
            region: None,
            budget: DEFAULT_BUDGET,
            share_masks: true,
            observer: None,
            default_tap: OnceLock::new(),
        }
    }

    /// Adds a tap to explain at. Without any, the last spatial tap of the network is taken, at the cost of
    /// one more forward pass of one image the first time.
    pub fn tap(mut self, name: impl Into<String>) -> Self {
        self.taps.push(name.into());
        self
    }

    /// Adds several taps; their maps are fused as the semantics say.
    pub fn taps<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.taps.extend(names.into_iter().map(Into::into));
        self
    }

    /// Sets the definitions to use.
    pub fn semantics(mut self, semantics: Semantics) -> Self {
        self.semantics = semantics;
        self
    }

    /// Sets the parameters of the methods.
    pub fn parameters(mut self, parameters: Parameters) -> Self {
        self.parameters = parameters;
        self
    }

    /// Sets the region over which heatmaps are normalised where the semantics say
    /// [`Pixels::Region`](crate::Pixels::Region): `[B, H, W]` or `[H, W]`, inside where not 0.
    pub fn region(mut self, region: Tensor) -> Self {
        self.region = Some(region);
        self
    }

    /// Sets how many bytes the score methods may use for the images they send through the network at once.
    ///
    /// The size of the network's own workspace is estimated from the activations it shows at its taps: with
    /// networks of `cnn-ops` and of stock candle about half the budget was allocated at the peak
    /// (`tests/memory.rs` counts). Buffers that operators keep from one call to the next come on top. At
    /// least one image is always sent; 512 MiB by default.
    pub fn memory_budget(mut self, bytes: usize) -> Self {
        self.budget = bytes;
        self
    }

    /// Whether identical masks share one forward pass, those of constant channels among them (the default). The
    /// maps are the same either way, byte for byte, as far as the network treats the images of a batch alike.
    pub fn share_masks(mut self, share: bool) -> Self {
        self.share_masks = share;
        self
    }

    /// Sets a function that is told about progress and may stop the work.
    pub fn observer(
        mut self,
        observer: impl Fn(&Progress) -> Control + Send + Sync + 'static,
    ) -> Self {
        self.observer = Some(std::sync::Arc::new(observer));
        self
    }

    /// The spatial taps the network calls for these images, in order: one forward pass.
    ///
    /// # Errors
    ///
    /// [`Error::ImageShape`], [`Error::Model`].
    pub fn list_taps(&self, images: &Tensor) -> Result<Vec<TapShape>> {
        observation::check_images(images)?;
        let mut lister = recorder::Lister::default();
        self.model
            .forward_tapped(images, &mut lister)
            .map_err(|source| Error::Model { source })?;
        Ok(lister.taps)
    }

    /// Runs the network once and keeps what the explanations need. Several targets can then be explained at
    /// one more backward pass each, and scores are kept for all of them.
    ///
    /// # Errors
    ///
    /// [`Error::ImageShape`], [`Error::TrainingMode`], [`Error::UnknownTap`], [`Error::NoSpatialTap`],
    /// [`Error::RepeatedTap`], [`Error::TapShape`], [`Error::NonFinite`], [`Error::Parameter`],
    /// [`Error::Model`].
    pub fn observe(&self, images: &Tensor) -> Result<Observation<'_, M>> {
        Observation::new(
            self,
            images,
            Wanted {
                gradients: true,
                full: false,
            },
        )
    }

    /// The heatmaps of one method, one target per image.
    ///
    /// # Errors
    ///
    /// As [`explain_all`](Self::explain_all).
    pub fn explain(&self, images: &Tensor, targets: &[Target], method: Method) -> Result<CamMaps> {
        let mut explanation = self.explain_all(images, targets, &[method])?;
        Ok(explanation.maps.remove(0))
    }

    /// The heatmaps of several methods from the fewest passes: one forward and one backward for all gradient
    /// methods at all taps, one score per distinct mask for all Score-CAM variants.
    ///
    /// # Shapes
    ///
    /// - `images`: `[B, channel, H, W]`
    /// - `targets`: `B`
    ///
    /// # Errors
    ///
    /// As [`observe`](Self::observe); [`Error::TargetCount`], [`Error::ClassOutOfRange`],
    /// [`Error::OutputShape`], [`Error::Disconnected`], [`Error::Missing`], [`Error::Region`],
    /// [`Error::Cancelled`].
    pub fn explain_all(
        &self,
        images: &Tensor,
        targets: &[Target],
        methods: &[Method],
    ) -> Result<Explanation> {
        if self.parameters.smoothing.test_time() {
            return smoothing::explain_transformed(self, images, targets, methods);
        }
        let full = methods.contains(&Method::FullGrad);
        let gradients = methods.iter().any(|m| m.needs_gradients());
        Observation::new(self, images, Wanted { gradients, full })?.explain(targets, methods)
    }

    /// The heatmaps of a rule of your own.
    ///
    /// # Errors
    ///
    /// As [`explain_all`](Self::explain_all), and whatever the rule returns.
    pub fn explain_rule(
        &self,
        images: &Tensor,
        targets: &[Target],
        rule: &dyn CamRule,
    ) -> Result<CamMaps> {
        let wanted = Wanted {
            gradients: rule.needs_gradients(),
            full: false,
        };
        Observation::new(self, images, wanted)?.explain_rule(targets, rule)
    }

    /// The same settings for another network.
    pub fn with_model<'n, N: TappedModel + ?Sized>(&self, model: &'n N) -> Explainer<'n, N> {
        Explainer {
            model,
            taps: self.taps.clone(),
            semantics: self.semantics.clone(),
            parameters: self.parameters.clone(),
            region: self.region.clone(),
            budget: self.budget,
            share_masks: self.share_masks,
            observer: self.observer.clone(),
            default_tap: OnceLock::new(),
        }
    }

    fn copy(&self) -> Explainer<'m, M> {
        let copy = self.with_model(self.model);
        if let Some(tap) = self.default_tap.get() {
            copy.default_tap.get_or_init(|| tap.clone());
        }
        copy
    }

    pub(crate) fn report(&self, stage: &str, done: usize, total: usize) -> Result<()> {
        let Some(observer) = &self.observer else {
            return Ok(());
        };
        let progress = Progress {
            stage: stage.to_owned(),
            done,
            total,
        };
        match observer(&progress) {
            Control::Continue => Ok(()),
            Control::Stop => Err(Error::Cancelled { done, total }),
        }
    }

    /// Names of the taps to explain at, and whether a pass was spent on finding out.
    fn resolve_taps(&self, images: &Tensor) -> Result<(Vec<String>, bool)> {
        if !self.taps.is_empty() {
            let mut taps = self.taps.clone();
            let mut seen = std::collections::HashSet::new();
            taps.retain(|t| seen.insert(t.clone()));
            return Ok((taps, false));
        }
        if let Some(name) = self.default_tap.get() {
            return Ok((vec![name.clone()], false));
        }
        let taps = self.list_taps(&images.narrow(0, 0, 1)?)?;
        let last = taps.iter().rev().find(|t| t.height * t.width > 1);
        let name = match last {
            Some(t) => t.name.clone(),
            None => {
                return Err(Error::NoSpatialTap {
                    available: taps.into_iter().map(|t| t.name).collect(),
                });
            }
        };
        Ok((vec![self.default_tap.get_or_init(|| name).clone()], true))
    }
}
