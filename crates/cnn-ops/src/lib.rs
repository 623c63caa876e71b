//! Correct and fast differentiable CNN operators for candle.
