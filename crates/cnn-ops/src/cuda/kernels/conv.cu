// Patches for matrix products, depthwise convolutions, and what follows a convolution.

struct Conv {
  int batch, channels, in_h, in_w, filters, kh, kw, out_h, out_w, sh, sw, dh, dw, top, left, groups;
};

// A part of the output: `length` pixels from `first_pixel` on of `images` images. Element (row, image,
// pixel) of the patch matrix of `group` lies at row*row_stride + image*image_stride + pixel.
struct Tile {
  int group, first_image, images, first_pixel, length;
  index_t row_stride, image_stride;
};

extern "C" __global__ void im2col(const real* x, real* columns, Conv g, Tile t) {
  const int group_channels = g.channels / g.groups, kernel = g.kh * g.kw;
  const index_t rows = (index_t)group_channels * kernel;
  FOR_EACH(i, rows * t.images * t.length) {
    const index_t rest = i / t.length;
    const int p = i - rest * t.length;
    const int image = rest / rows;
    const index_t row = rest - image * rows;
    const int channel = row / kernel, element = row - (index_t)channel * kernel;
    const int u = element / g.kw, v = element - u * g.kw;
    const int pixel = t.first_pixel + p;
    const int r = pixel / g.out_w, c = pixel - r * g.out_w;
    const int from_r = r * g.sh + u * g.dh - g.top, from_c = c * g.sw + v * g.dw - g.left;
    real value = 0;
    if (from_r >= 0 && from_r < g.in_h && from_c >= 0 && from_c < g.in_w) {
      const index_t plane =
          (index_t)(t.first_image + image) * g.channels + t.group * group_channels + channel;
      value = x[(plane * g.in_h + from_r) * g.in_w + from_c];
    }
    columns[row * t.row_stride + image * t.image_stride + p] = value;
  }
}

// Adds to every input element of the group what the patches of the tile hold of it.
extern "C" __global__ void col2im(const real* columns, real* dx, Conv g, Tile t) {
  const int group_channels = g.channels / g.groups;
  const index_t plane_size = (index_t)g.in_h * g.in_w;
  FOR_EACH(i, (index_t)t.images * group_channels * plane_size) {
    const index_t plane = i / plane_size;
    const index_t at = i - plane * plane_size;
    const int row = at / g.in_w, column = at - (index_t)row * g.in_w;
    const int image = plane / group_channels, channel = plane - (index_t)image * group_channels;
    const real* from = columns + image * t.image_stride;
    real sum = 0;
    for (int u = 0; u < g.kh; ++u) {
      const int down = row + g.top - u * g.dh;
      if (down < 0 || down % g.sh != 0 || down / g.sh >= g.out_h) continue;
      for (int v = 0; v < g.kw; ++v) {
        const int right = column + g.left - v * g.dw;
        if (right < 0 || right % g.sw != 0 || right / g.sw >= g.out_w) continue;
        const int p = down / g.sh * g.out_w + right / g.sw - t.first_pixel;
        if (p < 0 || p >= t.length) continue;
        sum += from[((index_t)(channel * g.kh + u) * g.kw + v) * t.row_stride + p];
      }
    }
    const index_t to =
        (index_t)(t.first_image + image) * g.channels + t.group * group_channels + channel;
    dx[to * plane_size + at] += sum;
  }
}

// The output gradient of a tile with one row per filter: staged[f][image*length + pixel].
extern "C" __global__ void stage_rows(const real* dy, real* staged, Conv g, Tile t) {
  const int group_filters = g.filters / g.groups;
  const index_t pixels = (index_t)g.out_h * g.out_w;
  FOR_EACH(i, (index_t)group_filters * t.images * t.length) {
    const index_t rest = i / t.length;
    const index_t filter = rest / t.images;
    const index_t from = (t.first_image + (rest - filter * t.images)) * g.filters +
                         (index_t)t.group * group_filters + filter;
    staged[i] = dy[from * pixels + t.first_pixel + (i - rest * t.length)];
  }
}

// One input channel per group.
extern "C" __global__ void depthwise(const real* x, const real* w, real* y, Conv g) {
  const int per_channel = g.filters / g.channels;
  const index_t pixels = (index_t)g.out_h * g.out_w;
  FOR_EACH(i, g.batch * pixels * g.filters) {
    const index_t plane = i / pixels;
    const int pixel = i - plane * pixels;
    const int image = plane / g.filters, filter = plane - (index_t)image * g.filters;
    const int r = pixel / g.out_w, c = pixel - r * g.out_w;
    const index_t channel = (index_t)image * g.channels + filter / per_channel;
    const real* from = x + channel * g.in_h * g.in_w;
    const real* kernel = w + (index_t)filter * g.kh * g.kw;
    real sum = 0;
    for (int u = 0; u < g.kh; ++u) {
      const int row = r * g.sh + u * g.dh - g.top;
      if (row < 0 || row >= g.in_h) continue;
      for (int v = 0; v < g.kw; ++v) {
        const int column = c * g.sw + v * g.dw - g.left;
        if (column < 0 || column >= g.in_w) continue;
        sum += kernel[u * g.kw + v] * from[(index_t)row * g.in_w + column];
      }
    }
    y[i] = sum;
  }
}

extern "C" __global__ void depthwise_input_gradient(const real* dy, const real* w, real* dx, Conv g) {
  const int per_channel = g.filters / g.channels;
  const index_t plane_size = (index_t)g.in_h * g.in_w;
  FOR_EACH(i, g.batch * plane_size * g.channels) {
    const index_t plane = i / plane_size;
    const index_t at = i - plane * plane_size;
    const int row = at / g.in_w, column = at - (index_t)row * g.in_w;
    const int image = plane / g.channels, channel = plane - (index_t)image * g.channels;
    real sum = 0;
    for (int f = channel * per_channel; f < (channel + 1) * per_channel; ++f) {
      const real* from = dy + ((index_t)image * g.filters + f) * g.out_h * g.out_w;
      const real* kernel = w + (index_t)f * g.kh * g.kw;
      for (int u = 0; u < g.kh; ++u) {
        const int down = row + g.top - u * g.dh;
        if (down < 0 || down % g.sh != 0 || down / g.sh >= g.out_h) continue;
        for (int v = 0; v < g.kw; ++v) {
          const int right = column + g.left - v * g.dw;
          if (right < 0 || right % g.sw != 0 || right / g.sw >= g.out_w) continue;
          sum += kernel[u * g.kw + v] * from[(index_t)(down / g.sh) * g.out_w + right / g.sw];
        }
      }
    }
    dx[i] = sum;
  }
}

// A block for every weight.
extern "C" __global__ void depthwise_weight_gradient(const real* dy, const real* x, real* dw, Conv g) {
  __shared__ double shared[THREADS];
  const int per_channel = g.filters / g.channels, kernel = g.kh * g.kw;
  const index_t pixels = (index_t)g.out_h * g.out_w;
  FOR_EACH_BLOCK(block, (index_t)g.filters * kernel) {
    const int filter = block / kernel, element = block - (index_t)filter * kernel;
    const int u = element / g.kw, v = element - u * g.kw;
    double sum = 0;
    for (index_t j = threadIdx.x; j < g.batch * pixels; j += THREADS) {
      const index_t image = j / pixels;
      const int pixel = j - image * pixels;
      const int r = pixel / g.out_w, c = pixel - r * g.out_w;
      const int row = r * g.sh + u * g.dh - g.top, column = c * g.sw + v * g.dw - g.left;
      if (row < 0 || row >= g.in_h || column < 0 || column >= g.in_w) continue;
      const index_t channel = image * g.channels + filter / per_channel;
      sum += (double)dy[(image * g.filters + filter) * pixels + pixel] *
             x[(channel * g.in_h + row) * g.in_w + column];
    }
    sum = block_sum(sum, shared);
    if (threadIdx.x == 0) dw[block] = (real)sum;
  }
}

// y = act(y + bias[filter] + residual), in place; bias and residual may be null.
extern "C" __global__ void epilogue(real* y, const real* bias, const real* residual, int relu,
                                    index_t filters, index_t pixels, index_t n) {
  FOR_EACH(i, n) {
    real value = y[i];
    if (bias) value += bias[(i / pixels) % filters];
    if (residual) value += residual[i];
    y[i] = relu && value < 0 ? (real)0 : value;
  }
}
