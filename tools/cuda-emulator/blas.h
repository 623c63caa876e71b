// cuBLAS in plain loops, and as much of cuRAND as candle opens.
#pragma once

extern "C" {
R curandCreateGenerator(void** g, int) {
  *g = (void*)1;
  return 0;
}
R curandDestroyGenerator(void*) {
  return 0;
}
R curandSetPseudoRandomGeneratorSeed(void*, unsigned long long) {
  return 0;
}
R curandSetStream(void*, void*) {
  return 0;
}
R cublasCreate_v2(void** h) {
  *h = (void*)1;
  return 0;
}
R cublasDestroy_v2(void*) {
  return 0;
}
R cublasSetStream_v2(void*, void*) {
  return 0;
}
}
template <class T>
static R gemm(int ta, int tb, int m, int n, int k, T alpha, const T* a, int lda, long long sa, const T* b, int ldb,
              long long sb, T beta, T* c, int ldc, long long sc, int batch) {
  if (m < 0 || n < 0 || k < 0 || lda < (ta ? k : m) || ldb < (tb ? n : k) || ldc < m || batch < 0) {
    fprintf(stderr, "cuBLAS: invalid sizes m %d n %d k %d lda %d ldb %d ldc %d\n", m, n, k, lda, ldb, ldc);
    return 7;
  }
  std::vector<double> acc(m);
  for (int q = 0; q < batch; ++q)
    for (int j = 0; j < n; ++j) {
      for (auto& v : acc) v = 0;
      for (int l = 0; l < k; ++l) {
        double bv = b[q * sb + (tb ? j + (long long)l * ldb : l + (long long)j * ldb)];
        const T* ap = a + q * sa;
        if (ta)
          for (int i = 0; i < m; ++i) acc[i] += bv * ap[l + (long long)i * lda];
        else
          for (int i = 0; i < m; ++i) acc[i] += bv * ap[i + (long long)l * lda];
      }
      T* cp = c + q * sc + (long long)j * ldc;
      for (int i = 0; i < m; ++i) cp[i] = alpha * (T)acc[i] + (beta == 0 ? 0 : beta * cp[i]);
    }
  return 0;
}
extern "C" {
R cublasSgemmStridedBatched(void*, int ta, int tb, int m, int n, int k, const float* al, const float* a, int lda,
                            long long sa, const float* b, int ldb, long long sb, const float* be, float* c, int ldc,
                            long long sc, int q) {
  return gemm(ta, tb, m, n, k, *al, a, lda, sa, b, ldb, sb, *be, c, ldc, sc, q);
}
R cublasDgemmStridedBatched(void*, int ta, int tb, int m, int n, int k, const double* al, const double* a, int lda,
                            long long sa, const double* b, int ldb, long long sb, const double* be, double* c, int ldc,
                            long long sc, int q) {
  return gemm(ta, tb, m, n, k, *al, a, lda, sa, b, ldb, sb, *be, c, ldc, sc, q);
}
R cublasGemmStridedBatchedEx(void*, int ta, int tb, int m, int n, int k, const void* al, const void* a, int at, int lda,
                             long long sa, const void* b, int, int ldb, long long sb, const void* be, void* c, int,
                             int ldc, long long sc, int q, int, int) {
  if (at == 0)
    return gemm(ta, tb, m, n, k, *(float*)al, (float*)a, lda, sa, (float*)b, ldb, sb, *(float*)be, (float*)c, ldc, sc,
                q);
  return gemm(ta, tb, m, n, k, *(double*)al, (double*)a, lda, sa, (double*)b, ldb, sb, *(double*)be, (double*)c, ldc,
              sc, q);
}
}
