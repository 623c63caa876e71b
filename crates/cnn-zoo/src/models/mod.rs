//! One file per family.

mod densenet;
mod inception;
mod inception_resnet;
mod patch;
mod resnet;
mod u_net;
mod vgg;
mod xception;

use crate::architecture::Architecture;
use crate::builder::Builder;
use crate::error::Result;
use crate::pass::Pass;
use crate::tape::Map;

/// What a network computes, written once for evaluation, training and measuring.
pub(crate) trait Topology: Send + Sync {
    /// From the images to the last spatial activation.
    fn features(&self, images: &Map, pass: &mut Pass<'_>) -> Result<Map>;

    /// From the last spatial activation to the logits.
    fn head(&self, features: &Map, pass: &mut Pass<'_>) -> Result<Map>;

    /// The name of the last spatial activation.
    fn default_tap(&self) -> &'static str;

    /// Whether only images of the configured size fit.
    fn fixes_input_size(&self) -> bool {
        false
    }
}

/// Builds the layers of the configured network.
pub(crate) fn topology(builder: &mut Builder<'_>) -> Result<Box<dyn Topology>> {
    Ok(match builder.config().architecture {
        Architecture::ResNet50 => Box::new(resnet::ResNet50::new(builder)?),
        Architecture::Vgg16 => Box::new(vgg::Vgg16::new(builder)?),
        Architecture::DenseNet121 => Box::new(densenet::DenseNet121::new(builder)?),
        Architecture::InceptionV3 => Box::new(inception::v3(builder)?),
        Architecture::InceptionV4 => Box::new(inception::v4(builder)?),
        Architecture::InceptionResNetV2 => {
            Box::new(inception_resnet::InceptionResNetV2::new(builder)?)
        }
        Architecture::PatchV3 => Box::new(patch::Patch::new(builder, 128)?),
        Architecture::PatchV6 => Box::new(patch::Patch::new(builder, 256)?),
        Architecture::UNet => Box::new(u_net::UNet::new(builder)?),
        Architecture::Xception => Box::new(xception::Xception::new(builder)?),
    })
}
