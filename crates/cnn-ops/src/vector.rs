//! Sixteen `f32` at once, in explicit SIMD.
#![allow(unsafe_code)]

/// Lanes of a vector.
pub(crate) const LANES: usize = 16;

/// Arithmetic on [`LANES`] numbers.
///
/// # Safety
///
/// Every method may use instructions that the machine must have; callers are generic functions
/// inlined into one that enables them, reached through [`crate::simd::Level`].
pub(crate) trait Vector: Copy {
    unsafe fn load(x: &[f32]) -> Self;
    /// Elements `0, stride, 2·stride, …`.
    unsafe fn gather(x: &[f32], stride: usize) -> Self;
    unsafe fn store(self, y: &mut [f32]);
    unsafe fn splat(x: f32) -> Self;
    /// Asks for the cache lines of `x`, which is read soon.
    #[inline(always)]
    unsafe fn fetch(x: &[f32]) {
        let _ = x;
    }
    unsafe fn add(self, other: Self) -> Self;
    unsafe fn sub(self, other: Self) -> Self;
    unsafe fn mul(self, other: Self) -> Self;
    /// `self·a + b`.
    unsafe fn mul_add(self, a: Self, b: Self) -> Self;
    /// Element `4·i + k` of the four vectors together goes to lane `i` of vector `k`.
    unsafe fn split4(v: [Self; 4]) -> [Self; 4];
    /// The inverse of `split4`.
    unsafe fn merge4(v: [Self; 4]) -> [Self; 4];
}

/// Plain arrays.
#[derive(Clone, Copy)]
pub(crate) struct Portable([f32; LANES]);

impl Portable {
    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        Self(std::array::from_fn(|i| f(self.0[i], other.0[i])))
    }

    fn flat(v: [Self; 4], index: impl Fn(usize) -> usize) -> [Self; 4] {
        std::array::from_fn(|k| {
            Self(std::array::from_fn(|i| {
                let at = index(LANES * k + i);
                v[at / LANES].0[at % LANES]
            }))
        })
    }
}

impl Vector for Portable {
    #[inline(always)]
    unsafe fn load(x: &[f32]) -> Self {
        let x = &x[..LANES];
        Self(std::array::from_fn(|i| x[i]))
    }
    #[inline(always)]
    unsafe fn gather(x: &[f32], stride: usize) -> Self {
        Self(std::array::from_fn(|i| x[i * stride]))
    }
    #[inline(always)]
    unsafe fn store(self, y: &mut [f32]) {
        y[..LANES].copy_from_slice(&self.0);
    }
    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        Self([x; LANES])
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        self.zip(other, |a, b| a - b)
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        self.zip(other, |a, b| a * b)
    }
    #[inline(always)]
    unsafe fn mul_add(self, a: Self, b: Self) -> Self {
        self.zip(a, |x, a| x * a).zip(b, |p, b| p + b)
    }
    #[inline(always)]
    unsafe fn split4(v: [Self; 4]) -> [Self; 4] {
        Self::flat(v, |at| 4 * (at % LANES) + at / LANES)
    }
    #[inline(always)]
    unsafe fn merge4(v: [Self; 4]) -> [Self; 4] {
        Self::flat(v, |at| LANES * (at % 4) + at / 4)
    }
}

#[cfg(target_arch = "x86_64")]
pub(crate) use x86::{Avx2, Avx512};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{LANES, Portable, Vector};

    /// One AVX-512 register.
    #[derive(Clone, Copy)]
    pub(crate) struct Avx512(__m512);

    // SAFETY of the bodies: slices are checked to hold a whole vector, loads and stores are
    // unaligned, and the trait's contract provides the instructions.
    impl Vector for Avx512 {
        #[inline(always)]
        unsafe fn load(x: &[f32]) -> Self {
            // SAFETY: see above.
            unsafe { Self(_mm512_loadu_ps(x[..LANES].as_ptr())) }
        }
        #[inline(always)]
        unsafe fn gather(x: &[f32], stride: usize) -> Self {
            assert!(stride <= 1 << 16 && (LANES - 1) * stride < x.len());
            // SAFETY: see above; the largest index was just checked and fits 32 bits.
            unsafe {
                let lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
                let index = _mm512_mullo_epi32(lanes, _mm512_set1_epi32(stride as i32));
                Self(_mm512_i32gather_ps::<4>(index, x.as_ptr()))
            }
        }
        #[inline(always)]
        unsafe fn store(self, y: &mut [f32]) {
            // SAFETY: see above.
            unsafe { _mm512_storeu_ps(y[..LANES].as_mut_ptr(), self.0) }
        }
        #[inline(always)]
        unsafe fn splat(x: f32) -> Self {
            // SAFETY: see above.
            unsafe { Self(_mm512_set1_ps(x)) }
        }
        #[inline(always)]
        unsafe fn fetch(x: &[f32]) {
            for line in x.chunks(LANES) {
                // SAFETY: see above; a prefetch never faults.
                unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) }
            }
        }
        #[inline(always)]
        unsafe fn add(self, other: Self) -> Self {
            // SAFETY: see above.
            unsafe { Self(_mm512_add_ps(self.0, other.0)) }
        }
        #[inline(always)]
        unsafe fn sub(self, other: Self) -> Self {
            // SAFETY: see above.
            unsafe { Self(_mm512_sub_ps(self.0, other.0)) }
        }
        #[inline(always)]
        unsafe fn mul(self, other: Self) -> Self {
            // SAFETY: see above.
            unsafe { Self(_mm512_mul_ps(self.0, other.0)) }
        }
        #[inline(always)]
        unsafe fn mul_add(self, a: Self, b: Self) -> Self {
            // SAFETY: see above.
            unsafe { Self(_mm512_fmadd_ps(self.0, a.0, b.0)) }
        }
        #[inline(always)]
        unsafe fn split4(v: [Self; 4]) -> [Self; 4] {
            // SAFETY: see above.
            unsafe {
                let even =
                    _mm512_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28, 1, 5, 9, 13, 17, 21, 25, 29);
                let odd =
                    _mm512_setr_epi32(2, 6, 10, 14, 18, 22, 26, 30, 3, 7, 11, 15, 19, 23, 27, 31);
                let a = _mm512_permutex2var_ps(v[0].0, even, v[1].0);
                let b = _mm512_permutex2var_ps(v[2].0, even, v[3].0);
                let c = _mm512_permutex2var_ps(v[0].0, odd, v[1].0);
                let d = _mm512_permutex2var_ps(v[2].0, odd, v[3].0);
                [
                    Self(_mm512_shuffle_f32x4::<0b01_00_01_00>(a, b)),
                    Self(_mm512_shuffle_f32x4::<0b11_10_11_10>(a, b)),
                    Self(_mm512_shuffle_f32x4::<0b01_00_01_00>(c, d)),
                    Self(_mm512_shuffle_f32x4::<0b11_10_11_10>(c, d)),
                ]
            }
        }
        #[inline(always)]
        unsafe fn merge4(v: [Self; 4]) -> [Self; 4] {
            // SAFETY: see above.
            unsafe {
                let low =
                    _mm512_setr_epi32(0, 8, 16, 24, 1, 9, 17, 25, 2, 10, 18, 26, 3, 11, 19, 27);
                let high =
                    _mm512_setr_epi32(4, 12, 20, 28, 5, 13, 21, 29, 6, 14, 22, 30, 7, 15, 23, 31);
                let a = _mm512_shuffle_f32x4::<0b01_00_01_00>(v[0].0, v[1].0);
                let b = _mm512_shuffle_f32x4::<0b11_10_11_10>(v[0].0, v[1].0);
                let c = _mm512_shuffle_f32x4::<0b01_00_01_00>(v[2].0, v[3].0);
                let d = _mm512_shuffle_f32x4::<0b11_10_11_10>(v[2].0, v[3].0);
                [
                    Self(_mm512_permutex2var_ps(a, low, c)),
                    Self(_mm512_permutex2var_ps(a, high, c)),
                    Self(_mm512_permutex2var_ps(b, low, d)),
                    Self(_mm512_permutex2var_ps(b, high, d)),
                ]
            }
        }
    }

    /// Two AVX registers.
    #[derive(Clone, Copy)]
    pub(crate) struct Avx2([__m256; 2]);

    impl Avx2 {
        #[inline(always)]
        unsafe fn shuffle(v: [Self; 4], f: unsafe fn([Portable; 4]) -> [Portable; 4]) -> [Self; 4] {
            let mut buffer = [0f32; LANES];
            // SAFETY: see above; plain arrays need no instructions.
            unsafe {
                // `from_fn`, not `map`: only the former is inlined with the caller's instructions.
                let out = f(std::array::from_fn(|k| {
                    v[k].store(&mut buffer);
                    Portable::load(&buffer)
                }));
                std::array::from_fn(|k| {
                    out[k].store(&mut buffer);
                    Self::load(&buffer)
                })
            }
        }
    }

    impl Vector for Avx2 {
        #[inline(always)]
        unsafe fn load(x: &[f32]) -> Self {
            let x = &x[..LANES];
            // SAFETY: see above.
            unsafe {
                Self([
                    _mm256_loadu_ps(x.as_ptr()),
                    _mm256_loadu_ps(x[8..].as_ptr()),
                ])
            }
        }
        #[inline(always)]
        unsafe fn gather(x: &[f32], stride: usize) -> Self {
            let all: [f32; LANES] = std::array::from_fn(|i| x[i * stride]);
            // SAFETY: see above.
            unsafe { Self::load(&all) }
        }
        #[inline(always)]
        unsafe fn store(self, y: &mut [f32]) {
            let y = &mut y[..LANES];
            // SAFETY: see above.
            unsafe {
                _mm256_storeu_ps(y.as_mut_ptr(), self.0[0]);
                _mm256_storeu_ps(y[8..].as_mut_ptr(), self.0[1]);
            }
        }
        #[inline(always)]
        unsafe fn splat(x: f32) -> Self {
            // SAFETY: see above.
            unsafe { Self([_mm256_set1_ps(x); 2]) }
        }
        #[inline(always)]
        unsafe fn add(self, o: Self) -> Self {
            // SAFETY: see above.
            unsafe {
                Self([
                    _mm256_add_ps(self.0[0], o.0[0]),
                    _mm256_add_ps(self.0[1], o.0[1]),
                ])
            }
        }
        #[inline(always)]
        unsafe fn sub(self, o: Self) -> Self {
            // SAFETY: see above.
            unsafe {
                Self([
                    _mm256_sub_ps(self.0[0], o.0[0]),
                    _mm256_sub_ps(self.0[1], o.0[1]),
                ])
            }
        }
        #[inline(always)]
        unsafe fn mul(self, o: Self) -> Self {
            // SAFETY: see above.
            unsafe {
                Self([
                    _mm256_mul_ps(self.0[0], o.0[0]),
                    _mm256_mul_ps(self.0[1], o.0[1]),
                ])
            }
        }
        #[inline(always)]
        unsafe fn mul_add(self, a: Self, b: Self) -> Self {
            // SAFETY: see above.
            unsafe {
                Self([
                    _mm256_fmadd_ps(self.0[0], a.0[0], b.0[0]),
                    _mm256_fmadd_ps(self.0[1], a.0[1], b.0[1]),
                ])
            }
        }
        #[inline(always)]
        unsafe fn split4(v: [Self; 4]) -> [Self; 4] {
            // SAFETY: see above.
            unsafe { Self::shuffle(v, Portable::split4) }
        }
        #[inline(always)]
        unsafe fn merge4(v: [Self; 4]) -> [Self; 4] {
            // SAFETY: see above.
            unsafe { Self::shuffle(v, Portable::merge4) }
        }
    }
}

/// Defines a function that runs `$body`, generic over `V: Vector`, with the vectors of this
/// machine, and a module of the same name whose `at` takes the level.
macro_rules! vector_kernel {
    ($(#[$meta:meta])* fn $name:ident<V>($($arg:ident: $ty:ty),* $(,)?) $body:block) => {
        $(#[$meta])*
        #[inline]
        #[allow(clippy::too_many_arguments)]
        pub(crate) fn $name($($arg: $ty),*) {
            $name::at(crate::simd::Level::detect(), $($arg),*);
        }

        #[allow(unsafe_code)]
        pub(crate) mod $name {
            #[allow(unused_imports)]
            use super::*;
            use crate::simd::Level;
            use crate::vector::{Portable, Vector};
            #[cfg(target_arch = "x86_64")]
            use crate::vector::{Avx2, Avx512};

            /// Runs the variant for `level`.
            #[allow(clippy::too_many_arguments)]
            pub(crate) fn at(level: Level, $($arg: $ty),*) {
                #[cfg(target_arch = "x86_64")]
                if level.is_avx512() {
                    // SAFETY: a `Level` is made only where the machine has its features.
                    return unsafe { avx512($($arg),*) };
                } else if level.is_avx2() {
                    // SAFETY: as above.
                    return unsafe { avx2($($arg),*) };
                }
                let _ = level;
                // SAFETY: plain arrays need no instructions.
                unsafe { body::<Portable>($($arg),*) };
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,fma")]
            #[allow(clippy::too_many_arguments)]
            fn avx512($($arg: $ty),*) {
                // SAFETY: this function enables the features.
                unsafe { body::<Avx512>($($arg),*) };
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            #[allow(clippy::too_many_arguments)]
            fn avx2($($arg: $ty),*) {
                // SAFETY: this function enables the features.
                unsafe { body::<Avx2>($($arg),*) };
            }

            /// # Safety
            ///
            /// The machine has the instructions of `V`.
            #[inline(always)]
            #[allow(clippy::too_many_arguments)]
            unsafe fn body<V: Vector>($($arg: $ty),*) {
                // SAFETY: vectors are used under this function's own contract.
                unsafe { $body }
            }
        }
    };
}
pub(crate) use vector_kernel;
