// What candle's own kernels do, where `device_check` uses them, and the table of all kernels.
#pragma once

static size_t strided(size_t i, size_t nd, const size_t* dims, const size_t* strides) {
  size_t s = 0;
  for (size_t d = nd; d-- > 0;) {
    s += i % dims[d] * strides[d];
    i /= dims[d];
  }
  return s;
}
template <class T, class U, class F>
static void unary(size_t n, size_t nd, const size_t* info, const T* x, U* y, F f) {
  for (size_t i = 0; i < n; ++i) {
    T v = x ? x[info ? strided(i, nd, info, info + nd) : i] : (T)y[i];
    y[i] = f(v);
  }
}
template <class T, class F>
static void binary(size_t n, size_t nd, const size_t* info, const T* a, const T* b, T* y, F f) {
  for (size_t i = 0; i < n; ++i)
    y[i] = f(a[info ? strided(i, nd, info, info + nd) : i], b[info ? strided(i, nd, info, info + 2 * nd) : i]);
}
template <class T>
static void affine(size_t n, size_t nd, const size_t* info, const T* x, T* y, T m, T a) {
  unary(n, nd, info, x, y, [=](T v) { return v * m + a; });
}
template <class T>
static void copy(size_t n, size_t nd, const size_t* info, const T* x, T* y) {
  unary(n, nd, info, x, y, [](T v) { return v; });
}
template <class T>
static void vsqrt(size_t n, size_t nd, const size_t* info, const T* x, T* y) {
  unary(n, nd, info, x, y, [](T v) { return (T)std::sqrt(v); });
}
template <class T>
static void recip(size_t n, size_t nd, const size_t* info, const T* x, T* y) {
  unary(n, nd, info, x, y, [](T v) { return 1 / v; });
}
template <class T>
static void sqr(size_t n, size_t nd, const size_t* info, const T* x, T* y) {
  unary(n, nd, info, x, y, [](T v) { return v * v; });
}
template <class T>
static void neg(size_t n, size_t nd, const size_t* info, const T* x, T* y) {
  unary(n, nd, info, x, y, [](T v) { return -v; });
}
template <class T, class U>
static void cast(size_t n, size_t nd, const size_t* info, const T* x, U* y) {
  unary(n, nd, info, x, y, [](T v) { return (U)v; });
}
template <class T>
static void badd(size_t n, size_t nd, const size_t* i, const T* a, const T* b, T* y) {
  binary(n, nd, i, a, b, y, [](T p, T q) { return p + q; });
}
template <class T>
static void bsub(size_t n, size_t nd, const size_t* i, const T* a, const T* b, T* y) {
  binary(n, nd, i, a, b, y, [](T p, T q) { return p - q; });
}
template <class T>
static void bmul(size_t n, size_t nd, const size_t* i, const T* a, const T* b, T* y) {
  binary(n, nd, i, a, b, y, [](T p, T q) { return p * q; });
}
template <class T>
static void bdiv(size_t n, size_t nd, const size_t* i, const T* a, const T* b, T* y) {
  binary(n, nd, i, a, b, y, [](T p, T q) { return p / q; });
}
template <class T>
static void copy2d(const T* s, T* d, uint32_t d1, uint32_t d2, uint32_t ss, uint32_t ds) {
  for (size_t i = 0; i < d1; ++i)
    for (size_t j = 0; j < d2; ++j) d[i * ds + j] = s[i * ss + j];
}
template <class T>
static void const_set(size_t n, size_t nd, const size_t* info, const T v, T* y) {
  for (size_t i = 0; i < n; ++i) y[info ? strided(i, nd, info, info + nd) : i] = v;
}
template <class T>
static void fill(T* y, T v, size_t n) {
  for (size_t i = 0; i < n; ++i) y[i] = v;
}
template <class T>
static void fast_sum(size_t n, size_t per, size_t nd, const size_t* info, const T* x, T* y) {
  for (size_t o = 0; o < gridDim.x; ++o) {
    double s = 0;
    for (size_t i = o * per; i < (o + 1) * per && i < n; ++i) s += x[info ? strided(i, nd, info, info + nd) : i];
    y[o] = s;
  }
}
template <class T>
static void fast_sum_small(size_t dst, size_t per, size_t nd, const size_t* info, const T* x, T* y) {
  for (size_t o = 0; o < dst; ++o) {
    double s = 0;
    for (size_t i = o * per; i < (o + 1) * per; ++i) s += x[info ? strided(i, nd, info, info + nd) : i];
    y[o] = s;
  }
}
#define BOTH(n)                                           \
  candle[#n "_f32"] = {wrap(n<float>), false, #n "_f32"}; \
  candle[#n "_f64"] = {wrap(n<double>), false, #n "_f64"};
#define NAMED(k, n)                                       \
  candle[#k "_f32"] = {wrap(n<float>), false, #k "_f32"}; \
  candle[#k "_f64"] = {wrap(n<double>), false, #k "_f64"};
static bool ready = [] {
  OWN(separable, false)
  OWN(separable_wide, true) OWN(shift_planes, false) OWN(max_pool, false) OWN(max_pool_backward, false) OWN(
      channel_moments, true) OWN(channel_statistics, false) OWN(channel_products, true) OWN(channel_totals, false)
      OWN(batch_norm, false) OWN(batch_norm_coefficients, false) OWN(batch_norm_backward, false) OWN(scale_shift, false)
          OWN(round_to_element, false) OWN(im2col, false) OWN(col2im, false) OWN(stage_rows, false)
              OWN(depthwise, false) OWN(depthwise_input_gradient, false) OWN(depthwise_weight_gradient, true)
                  OWN(epilogue, false) OWN(clamp, false) OWN(clamp_backward, false) OWN(dropout, false)
                      OWN(cross_entropy_terms, true) OWN(cross_entropy_total, false) OWN(cross_entropy_backward, true)
                          BOTH(affine) NAMED(ucopy, copy) NAMED(usqrt, vsqrt) NAMED(urecip, recip) NAMED(usqr, sqr)
                              NAMED(uneg, neg) BOTH(badd) BOTH(bsub) BOTH(bmul) BOTH(bdiv) BOTH(copy2d) BOTH(const_set)
                                  BOTH(fill) BOTH(fast_sum) BOTH(fast_sum_small)
                                      candle["cast_f32_f64"] = {wrap(cast<float, double>), false, "cast_f32_f64"};
  candle["cast_f64_f32"] = {wrap(cast<double, float>), false, "cast_f64_f32"};
  return true;
}();
