// What all kernels share. The files of this folder are joined in a fixed order, this one first, and
// compiled when the program runs, once for each element type. No file includes a header.

#ifndef REAL
#define REAL float
#endif

typedef REAL real;
typedef unsigned long long index_t;

// Threads of every block. The sums below rely on it being a power of two.
#define THREADS 256

// Runs over 0..n with all threads of the grid.
#define FOR_EACH(i, n)                                                                             \
  for (index_t i = (index_t)blockIdx.x * blockDim.x + threadIdx.x; i < (n);                        \
       i += (index_t)gridDim.x * blockDim.x)

// Runs over 0..n, every item with all threads of one block.
#define FOR_EACH_BLOCK(i, n) for (index_t i = blockIdx.x; i < (n); i += gridDim.x)

// Sum over the threads of the block, in an order that depends on nothing; every thread gets it.
__device__ double block_sum(double value, double* shared) {
  const unsigned t = threadIdx.x;
  __syncthreads();
  shared[t] = value;
  __syncthreads();
  for (unsigned step = THREADS / 2; step > 0; step /= 2) {
    if (t < step) shared[t] += shared[t + step];
    __syncthreads();
  }
  return shared[0];
}

// The larger of two numbers, NaN if either is.
__device__ double larger(double a, double b) { return (b > a || b != b) && a == a ? b : a; }

// Largest value over the threads of the block; every thread gets it.
__device__ double block_largest(double value, double* shared) {
  const unsigned t = threadIdx.x;
  __syncthreads();
  shared[t] = value;
  __syncthreads();
  for (unsigned step = THREADS / 2; step > 0; step /= 2) {
    if (t < step) shared[t] = larger(shared[t], shared[t + step]);
    __syncthreads();
  }
  return shared[0];
}
