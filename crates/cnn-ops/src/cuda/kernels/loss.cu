// Softmax cross entropy. A block takes one sample at a time.

__device__ double largest_logit(const real* z, index_t classes, double* shared) {
  double value = z[0];
  for (index_t j = threadIdx.x; j < classes; j += THREADS) value = larger(value, z[j]);
  return block_largest(value, shared);
}

__device__ double sum_of_exponentials(const real* z, index_t classes, double largest,
                                      double* shared) {
  double sum = 0;
  for (index_t j = threadIdx.x; j < classes; j += THREADS) sum += exp(z[j] - largest);
  return block_sum(sum, shared);
}

// terms[sample] = share*(log of the sum of exp z - z[label]), 0 where the share is.
extern "C" __global__ void cross_entropy_terms(const real* z, const unsigned* labels,
                                               const double* shares, double* terms, index_t batch,
                                               index_t classes) {
  __shared__ double shared[THREADS];
  FOR_EACH_BLOCK(sample, batch) {
    const real* logits = z + sample * classes;
    const double largest = largest_logit(logits, classes, shared);
    const double sum = sum_of_exponentials(logits, classes, largest, shared);
    if (threadIdx.x == 0) {
      const double share = shares[sample];
      terms[sample] = share > 0 ? share * (log(sum) - (logits[labels[sample]] - largest)) : 0;
    }
  }
}

// Adds the terms in order, by one thread.
extern "C" __global__ void cross_entropy_total(const double* terms, real* loss, index_t batch) {
  FOR_EACH(i, 1) {
    double sum = 0;
    for (index_t sample = 0; sample < batch; ++sample) sum += terms[sample];
    loss[i] = (real)sum;
  }
}

extern "C" __global__ void cross_entropy_backward(const real* z, const unsigned* labels,
                                                  const double* shares, const real* dy, real* dz,
                                                  index_t batch, index_t classes) {
  __shared__ double shared[THREADS];
  FOR_EACH_BLOCK(sample, batch) {
    const real* logits = z + sample * classes;
    const double largest = largest_logit(logits, classes, shared);
    const double sum = sum_of_exponentials(logits, classes, largest, shared);
    const double factor = (double)dy[0] * shares[sample];
    for (index_t j = threadIdx.x; j < classes; j += THREADS) {
      const double probability = exp(logits[j] - largest) / sum;
      dz[sample * classes + j] = (real)(factor * (probability - (j == labels[sample] ? 1 : 0)));
    }
  }
}
