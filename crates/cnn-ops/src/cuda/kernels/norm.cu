// Sums per channel and batch normalisation. A channel has `count` elements, batch times plane; its
// sums are taken by `splits` blocks in double precision and added in order.

struct Channels {
  index_t channels, plane, count, splits;
};

// Offset in the tensor of element `j` of a channel.
__device__ index_t channel_element(const Channels& s, index_t channel, index_t j) {
  const index_t image = j / s.plane;
  return (image * s.channels + channel) * s.plane + (j - image * s.plane);
}

// partial[channel][split] = (sum of x - pivot, sum of (x - pivot)^2), pivot the channel's first element.
extern "C" __global__ void channel_moments(const real* x, double* partial, Channels s) {
  __shared__ double shared[THREADS];
  const index_t per_split = (s.count + s.splits - 1) / s.splits;
  FOR_EACH_BLOCK(block, s.channels * s.splits) {
    const index_t channel = block / s.splits;
    const index_t begin = (block - channel * s.splits) * per_split;
    const index_t end = begin + per_split < s.count ? begin + per_split : s.count;
    const double pivot = x[channel * s.plane];
    double first = 0, second = 0;
    for (index_t j = begin + threadIdx.x; j < end; j += THREADS) {
      const double d = x[channel_element(s, channel, j)] - pivot;
      first += d;
      second += d * d;
    }
    first = block_sum(first, shared);
    second = block_sum(second, shared);
    if (threadIdx.x == 0) {
      partial[2 * block] = first;
      partial[2 * block + 1] = second;
    }
  }
}

// statistics[0..3][channel] = mean, biased variance, 1/sqrt(variance + eps) or 0 where that is infinite.
extern "C" __global__ void channel_statistics(const real* x, const double* partial,
                                              double* statistics, Channels s, double eps) {
  FOR_EACH(channel, s.channels) {
    double first = 0, second = 0;
    for (index_t i = channel * s.splits; i < (channel + 1) * s.splits; ++i) {
      first += partial[2 * i];
      second += partial[2 * i + 1];
    }
    first /= s.count;
    double variance = second / s.count - first * first;
    variance = variance < 0 ? 0 : variance;
    const double root = sqrt(variance + eps);
    statistics[channel] = x[channel * s.plane] + first;
    statistics[s.channels + channel] = variance;
    statistics[2 * s.channels + channel] = root > 0 ? 1 / root : 0;
  }
}

// partial[channel][split] = (sum of dy, sum of (x - mean)*dy); mean 0 if null, second sum 0 if x is null.
extern "C" __global__ void channel_products(const real* x, const real* dy, const double* mean,
                                            double* partial, Channels s) {
  __shared__ double shared[THREADS];
  const index_t per_split = (s.count + s.splits - 1) / s.splits;
  FOR_EACH_BLOCK(block, s.channels * s.splits) {
    const index_t channel = block / s.splits;
    const index_t begin = (block - channel * s.splits) * per_split;
    const index_t end = begin + per_split < s.count ? begin + per_split : s.count;
    const double centre = mean ? mean[channel] : 0;
    double first = 0, second = 0;
    for (index_t j = begin + threadIdx.x; j < end; j += THREADS) {
      const index_t at = channel_element(s, channel, j);
      const double d = dy[at];
      first += d;
      if (x) second += (x[at] - centre) * d;
    }
    first = block_sum(first, shared);
    second = block_sum(second, shared);
    if (threadIdx.x == 0) {
      partial[2 * block] = first;
      partial[2 * block + 1] = second;
    }
  }
}

// sums[0..2][channel] from the parts, in order.
extern "C" __global__ void channel_totals(const double* partial, double* sums, Channels s) {
  FOR_EACH(channel, s.channels) {
    double first = 0, second = 0;
    for (index_t i = channel * s.splits; i < (channel + 1) * s.splits; ++i) {
      first += partial[2 * i];
      second += partial[2 * i + 1];
    }
    sums[channel] = first;
    sums[s.channels + channel] = second;
  }
}

// y = (x - mean)*gamma*rstd + beta; gamma 1 if null.
extern "C" __global__ void batch_norm(const real* x, const real* gamma, const real* beta,
                                      const double* statistics, real* y, Channels s) {
  FOR_EACH(i, s.channels * s.count) {
    const index_t channel = (i / s.plane) % s.channels;
    const real mean = (real)statistics[channel];
    const real scale = (real)((gamma ? gamma[channel] : (real)1) * statistics[2 * s.channels + channel]);
    y[i] = (x[i] - mean) * scale + beta[channel];
  }
}

// From sums = (sum of dy, sum of (x - mean)*dy):
//   gradients[0..2][channel]    = dbeta, dgamma
//   coefficients[0..4][channel] = mean, scale, a, b   of   dx = scale*dy - a - b*(x - mean)
extern "C" __global__ void batch_norm_coefficients(const real* gamma, const double* statistics,
                                                   const double* sums, real* gradients,
                                                   real* coefficients, Channels s) {
  FOR_EACH(channel, s.channels) {
    const double rstd = statistics[2 * s.channels + channel];
    const double scale = (gamma ? gamma[channel] : (real)1) * rstd;
    const double dbeta = sums[channel];
    const double dgamma = sums[s.channels + channel] * rstd;
    gradients[channel] = (real)dbeta;
    gradients[s.channels + channel] = (real)dgamma;
    coefficients[channel] = (real)statistics[channel];
    coefficients[s.channels + channel] = (real)scale;
    coefficients[2 * s.channels + channel] = (real)(scale * dbeta / s.count);
    coefficients[3 * s.channels + channel] = (real)(scale * rstd * dgamma / s.count);
  }
}

extern "C" __global__ void batch_norm_backward(const real* x, const real* dy,
                                               const real* coefficients, real* dx, Channels s) {
  FOR_EACH(i, s.channels * s.count) {
    const index_t channel = (i / s.plane) % s.channels;
    const real mean = coefficients[channel], scale = coefficients[s.channels + channel];
    const real a = coefficients[2 * s.channels + channel];
    const real b = coefficients[3 * s.channels + channel];
    dx[i] = scale * dy[i] - a - b * (x[i] - mean);
  }
}

// y = x*scale[channel] + shift[channel]; shift 0 if null.
extern "C" __global__ void scale_shift(const real* x, const real* scale, const real* shift, real* y,
                                       Channels s) {
  FOR_EACH(i, s.channels * s.count) {
    const index_t channel = (i / s.plane) % s.channels;
    y[i] = x[i] * scale[channel] + (shift ? shift[channel] : (real)0);
  }
}

// Sums in double precision, as elements.
extern "C" __global__ void round_to_element(const double* x, real* y, index_t n) {
  FOR_EACH(i, n) { y[i] = (real)x[i]; }
}
