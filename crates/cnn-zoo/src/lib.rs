//! CNN backbones on candle that can be trained, loaded, saved and explained.
#![forbid(unsafe_code)]
