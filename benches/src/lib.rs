//! The benches are in `benches/benches/`; run them with `cargo bench -p benches`. This library is empty.
#![forbid(unsafe_code)]
