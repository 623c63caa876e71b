//! The standard normal distribution.

use crate::Alternative;

const INV_SQRT_2PI: f64 = 0.398_942_280_401_432_7;

/// P(Z ≤ x) for a standard normal Z.
///
/// ```text
/// Φ(x) = erfc(−x/√2) / 2
/// ```
///
/// Relative error about 1e-15 in the lower tail too (`scipy.stats.norm.cdf`).
///
/// # Source
///
/// Rational approximations of Cody, *Mathematics of Computation* 23 (1969) 631.
///
/// # Examples
///
/// ```
/// assert_eq!(cam_stats::distribution::normal_cdf(0.0), 0.5);
/// ```
#[must_use]
pub fn normal_cdf(x: f64) -> f64 {
    normal_sf(-x)
}

/// P(Z > x) for a standard normal Z, right down to the smallest numbers.
///
/// ```text
/// 1 − Φ(x) = erfc(x/√2) / 2
/// ```
///
/// # Examples
///
/// ```
/// let p = cam_stats::distribution::normal_sf(37.0);
/// assert!((p / 5.725571222524577e-300 - 1.0).abs() < 1e-12);
/// ```
///
/// # Source
///
/// Rational approximations of Cody, *Mathematics of Computation* 23 (1969) 631.
#[must_use]
pub fn normal_sf(x: f64) -> f64 {
    if x.is_nan() {
        return f64::NAN;
    }
    let y = x.abs();
    if y <= 0.674_489_75 {
        return 0.5 - centre(x);
    }
    // Beyond, not even a subnormal number is left.
    if y > 39.0 {
        return if x > 0.0 { 0.0 } else { 1.0 };
    }
    let upper = if y <= 32f64.sqrt() {
        shoulder(y)
    } else {
        tail(y)
    };
    if x > 0.0 { upper } else { 1.0 - upper }
}

/// Φ(x) − ½ near zero.
fn centre(x: f64) -> f64 {
    const A: [f64; 5] = [
        2.235_252_035_460_683_9,
        161.028_231_068_555_88,
        1_067.689_485_460_371,
        18_154.981_253_343_56,
        0.065_682_337_918_207_45,
    ];
    const B: [f64; 4] = [
        47.202_581_904_688_245,
        976.098_551_737_776_7,
        10_260.932_208_618_979,
        45_507.789_335_026_73,
    ];
    let s = x * x;
    let mut numerator = A[4] * s;
    let mut denominator = s;
    for i in 0..3 {
        numerator = (numerator + A[i]) * s;
        denominator = (denominator + B[i]) * s;
    }
    x * (numerator + A[3]) / (denominator + B[3])
}

fn shoulder(y: f64) -> f64 {
    const C: [f64; 9] = [
        0.398_941_512_088_134_66,
        8.883_149_794_388_377,
        93.506_656_132_177_85,
        597.270_276_394_800_3,
        2_494.537_585_290_372_6,
        6_848.190_450_536_283,
        11_602.651_437_647_35,
        9_842.714_838_383_978,
        1.076_557_677_372_019_2e-8,
    ];
    const D: [f64; 8] = [
        22.266_688_044_328_117,
        235.387_901_782_625,
        1_519.377_599_407_554_7,
        6_485.558_298_266_761,
        18_615.571_640_885_097,
        34_900.952_721_145_98,
        38_912.003_286_093_27,
        19_685.429_676_859_992,
    ];
    let mut numerator = C[8] * y;
    let mut denominator = y;
    for i in 0..7 {
        numerator = (numerator + C[i]) * y;
        denominator = (denominator + D[i]) * y;
    }
    (numerator + C[7]) / (denominator + D[7]) * gaussian(y)
}

fn tail(y: f64) -> f64 {
    const P: [f64; 6] = [
        0.215_898_534_057_957,
        0.127_401_161_160_247_36,
        0.022_235_277_870_649_807,
        0.001_421_619_193_227_893_4,
        2.911_287_495_116_879_3e-5,
        0.023_073_441_764_940_174,
    ];
    const Q: [f64; 5] = [
        1.284_260_096_144_911,
        0.468_238_212_480_865_1,
        0.065_988_137_868_928_56,
        0.003_782_396_332_027_582_4,
        7.297_515_550_839_662e-5,
    ];
    let s = 1.0 / (y * y);
    let mut numerator = P[5] * s;
    let mut denominator = s;
    for i in 0..4 {
        numerator = (numerator + P[i]) * s;
        denominator = (denominator + Q[i]) * s;
    }
    let correction = s * (numerator + P[4]) / (denominator + Q[4]);
    (INV_SQRT_2PI - correction) / y * gaussian(y)
}

/// exp(−y²/2), with the square split so that its rounding does not reach the exponent.
fn gaussian(y: f64) -> f64 {
    let coarse = (y * 16.0).trunc() / 16.0;
    let rest = (y - coarse) * (y + coarse);
    (-coarse * coarse * 0.5).exp() * (-rest * 0.5).exp()
}

/// Density of the standard normal.
pub(crate) fn density(x: f64) -> f64 {
    INV_SQRT_2PI * gaussian(x.abs().min(64.0))
}

/// The x with P(Z ≤ x) = p; ±∞ at 0 and 1, NaN outside [0, 1].
///
/// ```text
/// Φ(x) = p
/// ```
///
/// # Examples
///
/// ```
/// use cam_stats::distribution::normal_quantile;
/// assert!((normal_quantile(0.975) - 1.959963984540054).abs() < 1e-15);
/// ```
///
/// # Source
///
/// Wichura, algorithm AS 241 (PPND16), *Applied Statistics* 37 (1988) 477.
#[must_use]
pub fn normal_quantile(p: f64) -> f64 {
    const A: [f64; 8] = [
        3.387_132_872_796_366_5,
        133.141_667_891_784_38,
        1_971.590_950_306_551_3,
        13_731.693_765_509_46,
        45_921.953_931_549_87,
        67_265.770_927_008_7,
        33_430.575_583_588_13,
        2_509.080_928_730_122_7,
    ];
    const B: [f64; 8] = [
        1.0,
        42.313_330_701_600_91,
        687.187_007_492_057_9,
        5_394.196_021_424_751,
        21_213.794_301_586_597,
        39_307.895_800_092_71,
        28_729.085_735_721_943,
        5_226.495_278_852_854,
    ];
    const C: [f64; 8] = [
        1.423_437_110_749_683_5,
        4.630_337_846_156_546,
        5.769_497_221_460_691,
        3.647_848_324_763_204_5,
        1.270_458_252_452_368_4,
        0.241_780_725_177_450_6,
        0.022_723_844_989_269_184,
        7.745_450_142_783_414e-4,
    ];
    const D: [f64; 8] = [
        1.0,
        2.053_191_626_637_759,
        1.676_384_830_183_803_8,
        0.689_767_334_985_1,
        0.148_103_976_427_480_08,
        0.015_198_666_563_616_457,
        5.475_938_084_995_345e-4,
        1.050_750_071_644_416_9e-9,
    ];
    const E: [f64; 8] = [
        6.657_904_643_501_103,
        5.463_784_911_164_114,
        1.784_826_539_917_291_3,
        0.296_560_571_828_504_87,
        0.026_532_189_526_576_124,
        0.001_242_660_947_388_078_4,
        2.711_555_568_743_487_6e-5,
        2.010_334_399_292_288_1e-7,
    ];
    const F: [f64; 8] = [
        1.0,
        0.599_832_206_555_888,
        0.136_929_880_922_735_8,
        0.014_875_361_290_850_615,
        7.868_691_311_456_133e-4,
        1.846_318_317_510_054_8e-5,
        1.421_511_758_316_446e-7,
        2.044_263_103_389_939_8e-15,
    ];
    if !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180_625 - q * q;
        return q * polynomial(&A, r) / polynomial(&B, r);
    }
    let small = if q < 0.0 { p } else { 1.0 - p };
    if small == 0.0 {
        return q.signum() * f64::INFINITY;
    }
    let r = (-small.ln()).sqrt();
    let magnitude = if r <= 5.0 {
        polynomial(&C, r - 1.6) / polynomial(&D, r - 1.6)
    } else {
        polynomial(&E, r - 5.0) / polynomial(&F, r - 5.0)
    };
    q.signum() * magnitude
}

/// Σ c_i x^i.
pub(crate) fn polynomial(coefficients: &[f64], x: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, c| sum * x + c)
}

/// p-value of a standard normal statistic.
pub(crate) fn normal_p_value(z: f64, alternative: Alternative) -> f64 {
    alternative.from_tails(normal_cdf(z), normal_sf(z))
}

/// The z that cuts (1 − level)/2 off each tail.
pub(crate) fn two_sided_z(level: f64) -> f64 {
    -normal_quantile((1.0 - level) / 2.0)
}
