//! Tails and quantiles against mpmath, down to 1e-300.

mod common;

use cam_stats::distribution::*;
use common::{list, load};

/// Largest relative error over the rows (arguments, expected).
fn worst(name: &str, f: impl Fn(&[f64]) -> f64) -> f64 {
    let tails = load("mpmath/tails.json");
    let rows = tails[name].as_array().map_or(&[][..], Vec::as_slice);
    assert!(rows.len() >= 20, "{name} has {} rows", rows.len());
    let errors = rows.iter().map(|row| {
        let row = list(row);
        let (arguments, wanted) = row.split_at(row.len() - 1);
        let error = (f(arguments) / wanted[0] - 1.0).abs();
        // Without NaN in the fold a NaN would go unnoticed.
        if error.is_nan() { f64::INFINITY } else { error }
    });
    errors.fold(0.0, f64::max)
}

/// Bounds are about four times the error measured; the deepest tails lose the digits of their
/// exponent, ln(1e-300)·2⁻⁵³ ≈ 8e-14.
#[test]
fn tails_agree_with_mpmath() {
    let bound = |name: &str, error: f64, limit: f64| {
        assert!(error <= limit, "{name}: relative error {error:e}");
    };
    bound("normal_sf", worst("normal_sf", |a| normal_sf(a[0])), 4e-15);
    bound(
        "normal_quantile",
        worst("normal_quantile", |a| normal_quantile(a[0])),
        4e-15,
    );
    bound(
        "chi_squared_sf",
        worst("chi_squared_sf", |a| chi_squared_sf(a[0], a[1])),
        1e-12,
    );
    bound("t_sf", worst("t_sf", |a| student_t_sf(a[0], a[1])), 1e-12);
    bound("f_sf", worst("f_sf", |a| f_sf(a[0], a[1], a[2])), 1e-12);
    bound(
        "t_quantile",
        worst("t_quantile", |a| student_t_quantile(a[0], a[1])),
        1e-13,
    );
    bound(
        "beta_quantile",
        worst("beta_quantile", |a| beta_quantile(a[0], a[1], a[2])),
        1e-13,
    );
    bound(
        "range_sf",
        worst("range_sf", |a| studentized_range_sf(a[0], a[1] as usize)),
        1e-12,
    );
}

#[test]
fn both_tails_add_up() {
    for i in -60..=60 {
        let x = f64::from(i) / 5.0;
        assert!((normal_cdf(x) + normal_sf(x) - 1.0).abs() < 1e-15);
        assert!((student_t_cdf(x, 3.0) + student_t_sf(x, 3.0) - 1.0).abs() < 1e-15);
        let y = x.abs();
        assert!((chi_squared_cdf(y, 4.0) + chi_squared_sf(y, 4.0) - 1.0).abs() < 1e-15);
        let u = y / 12.0;
        assert!((beta_cdf(u, 0.5, 3.0) + beta_sf(u, 0.5, 3.0) - 1.0).abs() < 1e-15);
    }
}

#[test]
fn quantiles_invert_the_distribution() {
    for p in [1e-12, 0.001, 0.025, 0.3, 0.5, 0.8, 0.975, 0.999] {
        assert!((normal_cdf(normal_quantile(p)) / p - 1.0).abs() < 1e-13);
        assert!((student_t_cdf(student_t_quantile(p, 7.0), 7.0) / p - 1.0).abs() < 1e-13);
        assert!((beta_cdf(beta_quantile(p, 2.5, 0.7), 2.5, 0.7) / p - 1.0).abs() < 1e-12);
        assert!((f_sf(f_quantile(p, 3.0, 8.0), 3.0, 8.0) - (1.0 - p)).abs() < 1e-14);
        assert!((studentized_range_sf(studentized_range_isf(p, 4), 4) / p - 1.0).abs() < 1e-11);
    }
}

#[test]
fn limits_and_nonsense() {
    assert_eq!(normal_sf(f64::INFINITY), 0.0);
    assert_eq!(normal_cdf(f64::NEG_INFINITY), 0.0);
    assert!(normal_sf(f64::NAN).is_nan());
    assert_eq!(normal_quantile(0.0), f64::NEG_INFINITY);
    assert_eq!(normal_quantile(1.0), f64::INFINITY);
    assert!(normal_quantile(1.5).is_nan());
    assert_eq!(chi_squared_sf(0.0, 3.0), 1.0);
    assert_eq!(chi_squared_sf(f64::INFINITY, 3.0), 0.0);
    assert!(chi_squared_sf(1.0, -1.0).is_nan());
    assert_eq!(student_t_sf(f64::INFINITY, 3.0), 0.0);
    assert_eq!(student_t_sf(2.0, f64::INFINITY), normal_sf(2.0));
    assert!(student_t_sf(f64::NAN, 3.0).is_nan());
    assert!(student_t_sf(1.0, 0.0).is_nan());
    assert_eq!(student_t_quantile(0.5, 4.0), 0.0);
    assert_eq!(f_sf(f64::INFINITY, 2.0, 3.0), 0.0);
    assert_eq!(beta_cdf(0.0, 1.0, 2.0), 0.0);
    assert_eq!(beta_sf(1.0, 1.0, 2.0), 0.0);
    assert_eq!(studentized_range_sf(0.0, 3), 1.0);
    assert_eq!(studentized_range_sf(100.0, 3), 0.0);
    assert!(studentized_range_sf(1.0, 1).is_nan());
}
