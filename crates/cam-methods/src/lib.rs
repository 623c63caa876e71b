//! Class activation maps (Grad-CAM, Score-CAM and kin) for any candle network.
#![forbid(unsafe_code)]
