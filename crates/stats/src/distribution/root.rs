//! Roots of monotone functions.

/// Root of an increasing function on (low, high) by Newton steps inside a shrinking bracket.
///
/// Falls back to the geometric mean of the bracket, so that roots near zero keep their digits.
pub(super) fn invert(
    f: impl Fn(f64) -> f64,
    derivative: impl Fn(f64) -> f64,
    low: f64,
    high: f64,
) -> f64 {
    let (mut low, mut high) = (low, high);
    let mut x = 0.5 * (low + high);
    for _ in 0..2000 {
        let value = f(x);
        if value == 0.0 {
            return x;
        }
        if value < 0.0 {
            low = x;
        } else {
            high = x;
        }
        let newton = x - value / derivative(x);
        let middle = if low > 0.0 {
            (low * high).sqrt()
        } else {
            high * 0.0625
        };
        let next = if newton > low && newton < high {
            newton
        } else {
            middle
        };
        if (next - x).abs() <= f64::EPSILON * x.abs() || next == 0.0 {
            return next;
        }
        x = next;
    }
    x
}

/// Root of a decreasing function on [low, high] by bisection with secant steps (Illinois rule).
pub(super) fn decreasing_root(f: impl Fn(f64) -> f64, low: f64, high: f64) -> f64 {
    let (mut low, mut high) = (low, high);
    let (mut at_low, mut at_high) = (f(low), f(high));
    let mut side = 0;
    for _ in 0..200 {
        let mut x = (low * at_high - high * at_low) / (at_high - at_low);
        if !(x > low && x < high) {
            x = 0.5 * (low + high);
        }
        let value = f(x);
        if value == 0.0 || (high - low) <= 2.0 * f64::EPSILON * x.abs() {
            return x;
        }
        if value > 0.0 {
            (low, at_low) = (x, value);
            if side == 1 {
                at_high *= 0.5;
            }
            side = 1;
        } else {
            (high, at_high) = (x, value);
            if side == -1 {
                at_low *= 0.5;
            }
            side = -1;
        }
    }
    0.5 * (low + high)
}
