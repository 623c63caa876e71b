// Maximum pooling.

struct Window {
  int in_h, in_w, out_h, out_w, kh, kw, sh, sw, top, left;
};

// Position in its plane of the first maximum under output (r, c); of the last NaN if there is one.
__device__ unsigned first_maximum(const real* x, const Window& w, int r, int c) {
  int row = r * w.sh - w.top, column = c * w.sw - w.left;
  const int row_end = row + w.kh < w.in_h ? row + w.kh : w.in_h;
  const int column_end = column + w.kw < w.in_w ? column + w.kw : w.in_w;
  row = row > 0 ? row : 0;
  column = column > 0 ? column : 0;
  unsigned at = (unsigned)row * w.in_w + column;
  real best = x[at];
  for (; row < row_end; ++row) {
    for (int j = column; j < column_end; ++j) {
      const unsigned here = (unsigned)row * w.in_w + j;
      const real v = x[here];
      if (v > best || v != v) {
        best = v;
        at = here;
      }
    }
  }
  return at;
}

// Writes the maximum of every window to `y` and its position to `at`, each unless null.
extern "C" __global__ void max_pool(const real* x, real* y, unsigned* at, index_t planes, Window w) {
  const index_t size = (index_t)w.out_h * w.out_w;
  FOR_EACH(i, planes * size) {
    const index_t plane = i / size;
    const unsigned pixel = i - plane * size;
    const int r = pixel / w.out_w;
    const real* from = x + plane * w.in_h * w.in_w;
    const unsigned position = first_maximum(from, w, r, pixel - (unsigned)r * w.out_w);
    if (y) y[i] = from[position];
    if (at) at[i] = position;
  }
}

// Every input element gathers the gradients of the windows whose maximum it is.
extern "C" __global__ void max_pool_backward(const real* dy, const unsigned* at, real* dx,
                                             index_t planes, Window w) {
  const index_t size = (index_t)w.in_h * w.in_w;
  FOR_EACH(i, planes * size) {
    const index_t plane = i / size;
    const unsigned own = i - plane * size;
    const int row = own / w.in_w, column = own - (unsigned)row * w.in_w;
    const int above = row + w.top - w.kh + 1, before = column + w.left - w.kw + 1;
    const int first_c = before > 0 ? (before + w.sw - 1) / w.sw : 0;
    int r = above > 0 ? (above + w.sh - 1) / w.sh : 0;
    real sum = 0;
    for (; r < w.out_h && r * w.sh <= row + w.top; ++r) {
      for (int c = first_c; c < w.out_w && c * w.sw <= column + w.left; ++c) {
        const index_t o = (plane * w.out_h + r) * w.out_w + c;
        if (at[o] == own) sum += dy[o];
      }
    }
    dx[i] = sum;
  }
}
