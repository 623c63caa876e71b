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
/// # Errors
///
/// As [`Explainer::explain_all`] for each network.
///
/// # Source
///
/// Adebayo et al. 2018 (arXiv 1810.03292), sections 3 and 4.
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
