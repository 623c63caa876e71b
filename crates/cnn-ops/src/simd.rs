//! Kernels compiled for several instruction sets, chosen at run time.
//!
//! A kernel is written once, in safe code that the compiler vectorises; [`kernel!`] compiles it
//! for AVX-512, for AVX2 with fused multiply-add, and for the target's baseline. The first two
//! round a multiply-add once, the last twice, so results agree to rounding between machines and
//! exactly on one machine.
#![allow(unsafe_code)]

use crate::element::Element;

/// Number of elements the kernels handle at once.
pub(crate) const LANES: usize = 16;

/// An instruction set that this machine has: only this module makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Level(Set);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Set {
    Portable,
    Avx2,
    Avx512,
}

impl Level {
    /// The best that this machine has.
    #[inline]
    pub(crate) fn detect() -> Self {
        if Self::has_avx512() {
            Self(Set::Avx512)
        } else if Self::has_avx2() {
            Self(Set::Avx2)
        } else {
            Self(Set::Portable)
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[inline]
    fn has_avx512() -> bool {
        is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("fma")
    }

    #[cfg(target_arch = "x86_64")]
    #[inline]
    fn has_avx2() -> bool {
        is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn has_avx512() -> bool {
        false
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn has_avx2() -> bool {
        false
    }

    #[inline]
    pub(crate) fn is_avx512(self) -> bool {
        self.0 == Set::Avx512
    }

    #[inline]
    pub(crate) fn is_avx2(self) -> bool {
        self.0 == Set::Avx2
    }

    /// Every level this machine has.
    #[cfg(test)]
    pub(crate) fn available() -> Vec<Self> {
        let mut levels = vec![Self(Set::Portable)];
        if Self::has_avx2() {
            levels.push(Self(Set::Avx2));
        }
        if Self::has_avx512() {
            levels.push(Self(Set::Avx512));
        }
        levels
    }
}

/// `a·b + c`, fused if `FMA`.
#[inline(always)]
pub(crate) fn multiply_add<T: Element, const FMA: bool>(a: T, b: T, c: T) -> T {
    if FMA {
        a.fused_mul_add(b, c)
    } else {
        a * b + c
    }
}

/// Defines a function generic over `T: Element` that runs the variant of its body for the best
/// level of this machine, and a module of the same name whose `at` takes the level.
///
/// Inside the body `FMA` tells whether fused multiply-add exists.
macro_rules! kernel {
    ($(#[$meta:meta])* fn $name:ident<T>($($arg:ident: $ty:ty),* $(,)?) $body:block) => {
        $(#[$meta])*
        #[inline]
        pub(crate) fn $name<T: crate::element::Element>($($arg: $ty),*) {
            $name::at::<T>(crate::simd::Level::detect(), $($arg),*);
        }

        #[allow(unsafe_code)]
        pub(crate) mod $name {
            #[allow(unused_imports)]
            use super::*;
            use crate::element::Element;
            use crate::simd::Level;

            /// Runs the variant for `level`.
            #[allow(clippy::too_many_arguments)]
            pub(crate) fn at<T: Element>(level: Level, $($arg: $ty),*) {
                #[cfg(target_arch = "x86_64")]
                if level.is_avx512() {
                    // SAFETY: a `Level` is made only where the machine has its features, and
                    // the body itself is safe.
                    return unsafe { avx512::<T>($($arg),*) };
                } else if level.is_avx2() {
                    // SAFETY: as above.
                    return unsafe { avx2::<T>($($arg),*) };
                }
                let _ = level;
                body::<T, false>($($arg),*);
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,fma")]
            #[allow(clippy::too_many_arguments)]
            fn avx512<T: Element>($($arg: $ty),*) {
                body::<T, true>($($arg),*);
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            #[allow(clippy::too_many_arguments)]
            fn avx2<T: Element>($($arg: $ty),*) {
                body::<T, true>($($arg),*);
            }

            #[inline(always)]
            #[allow(clippy::too_many_arguments)]
            #[allow(clippy::extra_unused_type_parameters)]
            fn body<T: Element, const FMA: bool>($($arg: $ty),*) $body
        }
    };
}
pub(crate) use kernel;

kernel! {
    /// Every `stride`-th element of `x`.
    fn copy_strided<T>(x: &[T], stride: usize, out: &mut [T]) {
        if stride == 2 {
            // Whole pairs, so that the loop reads vectors and shuffles them.
            let pairs = x.len() / 2;
            let whole = pairs.min(out.len());
            for (out, pair) in out[..whole].iter_mut().zip(x.chunks_exact(2)) {
                *out = pair[0];
            }
            if let (Some(out), Some(&x)) = (out.get_mut(whole), x.get(2 * whole)) {
                *out = x;
            }
        } else {
            for (out, &x) in out.iter_mut().zip(x.iter().step_by(stride)) {
                *out = x;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Level, copy_strided};

    #[test]
    fn every_level_copies_the_same() {
        for level in Level::available() {
            for n in 0..80 {
                let x: Vec<f32> = (0..n).map(|i| i as f32).collect();
                for stride in 1..5 {
                    let expected: Vec<f32> = x.iter().copied().step_by(stride).collect();
                    let mut out = vec![f32::NAN; expected.len()];
                    copy_strided::at(level, &x, stride, &mut out);
                    assert_eq!(out, expected);
                }
            }
        }
    }
}
