use super::{Similarity, similarity};
use crate::{Explainer, Method, Result, TappedModel, Target};
use candle_core::Tensor;

/// Similarity of maps before and after something was randomised.
#[derive(Debug, Clone, PartialEq)]
pub struct RandomisationStage {
    /// What was randomised by then.
    pub name: String,
    /// One entry per image.
    pub similarities: Vec<Similarity>,
}

/// Sanity checks: does the map change when the network is randomised?
///
/// Give the same network with its weights randomised from the output down, one stage after the other (cascading
/// randomisation), or trained on permuted labels (label randomisation). A map that stays the same does not explain
/// what the network has learnt. [`Target::Argmax`] is the class that the first network gives the image, in every stage.
///
/// ```text
/// stage -> similarity(m(network), m(randomised network))
/// ```
///
/// # Shapes
///
/// - `images`: `[B, channel, H, W]`; `targets`: `B`; returns one stage per network, each with `B` similarities
///
/// # Errors
///
/// As [`Explainer::explain_all`] for each network.
///
/// # Source
///
/// Adebayo et al. 2018 (arXiv 1810.03292), sections 3 and 4.
///
/// # Examples
///
/// ```
/// use cam_methods::evaluate::randomisation_check;
/// use cam_methods::{Explainer, Method, Tap, Target};
/// use candle_core::{Device, Tensor};
///
/// let net = |x: &Tensor, tap: &mut dyn Tap| tap.visit("relu", x.relu()?)?.mean((2, 3));
/// let images = Tensor::arange(0f32, 128., &Device::Cpu)?.reshape((1, 2, 8, 8))?.affine(1e-2, 0.)?;
/// let other = |x: &Tensor, tap: &mut dyn Tap| tap.visit("relu", x.affine(-1., 1.)?.relu()?)?.mean((2, 3));
/// let explainer = Explainer::new(&net).tap("relu");
/// let stages = randomisation_check(&explainer, &images, &[Target::Class(1)], Method::GradCam, &[("other", &other)])?;
/// assert!(stages[0].similarities[0].spearman.is_some_and(|r| r < 0.0)); // the map follows the network
/// # Ok::<(), cam_methods::Error>(())
/// ```
pub fn randomisation_check<M: TappedModel + ?Sized>(
    explainer: &Explainer<'_, M>,
    images: &Tensor,
    targets: &[Target],
    method: Method,
    stages: &[(&str, &dyn TappedModel)],
) -> Result<Vec<RandomisationStage>> {
    let (_, _, height, width) = images.dims4()?;
    let first = explainer.explain_all(images, targets, &[method])?;
    let targets = super::fixed(targets, &first);
    let original = super::map_values(&first.maps[0].up, images)?;
    stages
        .iter()
        .map(|(name, model)| {
            let maps = explainer
                .with_model(*model)
                .explain(images, &targets, method)?
                .up;
            let maps = super::map_values(&maps, images)?;
            let similarities = original
                .iter()
                .zip(&maps)
                .map(|(a, b)| similarity(a, b, [height, width]))
                .collect::<Result<_>>()?;
            Ok(RandomisationStage {
                name: (*name).to_owned(),
                similarities,
            })
        })
        .collect()
}
