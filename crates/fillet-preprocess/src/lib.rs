//! From MR volumes of fish fillets to foreground masks, normalised slices, augmented batches and leak-free splits; phantom scans with known truth.
#![forbid(unsafe_code)]
