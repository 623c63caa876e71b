// Linear maps of planes that act on rows and columns one after the other: averages, resampling,
// padding, and the adjoints of all of them.
//
//   y[r, c] = sum over the taps a of row r and b of column c: weight[a]*weight[b]*x[source[a], source[b]]
//
// Taps of output row r: start[r]..start[r + 1]; of output column c: start[out_h + 1 + c]..start[out_h + 2 + c].

struct Planes {
  unsigned in_h, in_w, out_h, out_w;
};

extern "C" __global__ void separable(const real* x, real* y, index_t planes, Planes s,
                                     const unsigned* start, const unsigned* source,
                                     const real* weight) {
  const index_t size = (index_t)s.out_h * s.out_w;
  const unsigned* column_start = start + s.out_h + 1;
  FOR_EACH(i, planes * size) {
    const index_t plane = i / size;
    const index_t pixel = i - plane * size;
    const unsigned r = pixel / s.out_w;
    const unsigned c = pixel - (index_t)r * s.out_w;
    const real* from = x + plane * s.in_h * s.in_w;
    real sum = 0;
    for (unsigned a = start[r]; a < start[r + 1]; ++a) {
      const real* line = from + (index_t)source[a] * s.in_w;
      real part = 0;
      for (unsigned b = column_start[c]; b < column_start[c + 1]; ++b) {
        part += weight[b] * line[source[b]];
      }
      sum += weight[a] * part;
    }
    y[i] = sum;
  }
}

// The same with a block for every output element, for many taps.
extern "C" __global__ void separable_wide(const real* x, real* y, index_t planes, Planes s,
                                          const unsigned* start, const unsigned* source,
                                          const real* weight) {
  __shared__ double shared[THREADS];
  const index_t size = (index_t)s.out_h * s.out_w;
  const unsigned* column_start = start + s.out_h + 1;
  FOR_EACH_BLOCK(i, planes * size) {
    const index_t plane = i / size;
    const index_t pixel = i - plane * size;
    const unsigned r = pixel / s.out_w;
    const unsigned c = pixel - (index_t)r * s.out_w;
    const real* from = x + plane * s.in_h * s.in_w;
    const unsigned columns = column_start[c + 1] - column_start[c];
    const index_t taps = (index_t)(start[r + 1] - start[r]) * columns;
    double sum = 0;
    for (index_t k = threadIdx.x; k < taps; k += THREADS) {
      const unsigned row = k / columns;
      const unsigned a = start[r] + row;
      const unsigned b = column_start[c] + (unsigned)(k - (index_t)row * columns);
      sum += (double)(weight[a] * weight[b]) * from[(index_t)source[a] * s.in_w + source[b]];
    }
    sum = block_sum(sum, shared);
    if (threadIdx.x == 0) y[i] = (real)sum;
  }
}

// Planes moved by (top, left) into planes of another size, zeros where nothing comes from:
//   y[r, c] = x[r + top, c + left]
extern "C" __global__ void shift_planes(const real* x, real* y, index_t planes, Planes s, int top,
                                        int left) {
  const index_t size = (index_t)s.out_h * s.out_w;
  FOR_EACH(i, planes * size) {
    const index_t plane = i / size;
    const index_t pixel = i - plane * size;
    const unsigned row = pixel / s.out_w;
    const long long r = (long long)row + top;
    const long long c = (long long)(pixel - (index_t)row * s.out_w) + left;
    const bool inside = r >= 0 && r < s.in_h && c >= 0 && c < s.in_w;
    y[i] = inside ? x[(plane * s.in_h + r) * s.in_w + c] : (real)0;
  }
}
