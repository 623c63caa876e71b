// cuDNN in plain loops; sizes, types and the algorithm asked for are checked.
#pragma once

struct Desc {
  int dtype = -1, d[4] = {0};
  int pad[2], stride[2], dil[2], groups = 1, math = 0;
};
struct Perf {
  int algo;
  int status;
  float time;
  size_t memory;
  int determinism;
  int math;
  int reserved[3];
};
static const size_t WS = 1000;
static long convs[3];
static bool consistent(Desc* x, Desc* w, Desc* c, Desc* y) {
  if (x->dtype != w->dtype || x->dtype != y->dtype || c->math != 3) {
    fprintf(stderr, "cuDNN: types\n");
    return false;
  }
  if (x->d[1] != w->d[1] * c->groups || w->d[0] != y->d[1] || w->d[0] % c->groups || x->d[0] != y->d[0]) {
    fprintf(stderr, "cuDNN: channels\n");
    return false;
  }
  for (int i = 0; i < 2; ++i) {
    int span = (w->d[2 + i] - 1) * c->dil[i] + 1;
    if ((x->d[2 + i] + 2 * c->pad[i] - span) / c->stride[i] + 1 != y->d[2 + i] || x->d[2 + i] + 2 * c->pad[i] < span) {
      fprintf(stderr, "cuDNN: size %d: in %d pad %d span %d stride %d out %d\n", i, x->d[2 + i], c->pad[i], span,
              c->stride[i], y->d[2 + i]);
      return false;
    }
  }
  return true;
}
template <class T>
static void conv(int pass, Desc* X, Desc* W, Desc* C, Desc* Y, T* x, T* w, T* y) {
  ++convs[pass];
  size_t nx = 1, nw = 1, ny = 1;
  for (int i = 0; i < 4; ++i) nx *= X->d[i], nw *= W->d[i], ny *= Y->d[i];
  std::vector<double> out(pass == 0 ? ny : pass == 1 ? nx : nw);
  int gc = W->d[1], gf = W->d[0] / C->groups;
  for (int b = 0; b < X->d[0]; ++b)
    for (int o = 0; o < W->d[0]; ++o)
      for (int i = 0; i < Y->d[2]; ++i)
        for (int j = 0; j < Y->d[3]; ++j)
          for (int c = 0; c < gc; ++c)
            for (int u = 0; u < W->d[2]; ++u)
              for (int v = 0; v < W->d[3]; ++v) {
                int r = i * C->stride[0] + u * C->dil[0] - C->pad[0], s = j * C->stride[1] + v * C->dil[1] - C->pad[1];
                if (r < 0 || r >= X->d[2] || s < 0 || s >= X->d[3]) continue;
                size_t xi = (((size_t)b * X->d[1] + o / gf * gc + c) * X->d[2] + r) * X->d[3] + s,
                       wi = (((size_t)o * gc + c) * W->d[2] + u) * W->d[3] + v,
                       yi = (((size_t)b * W->d[0] + o) * Y->d[2] + i) * Y->d[3] + j;
                if (pass == 0)
                  out[yi] += (double)x[xi] * w[wi];
                else if (pass == 1)
                  out[xi] += (double)y[yi] * w[wi];
                else
                  out[wi] += (double)y[yi] * x[xi];
              }
  T* to = pass == 0 ? y : pass == 1 ? x : w;
  for (size_t i = 0; i < out.size(); ++i) to[i] = out[i];
}
static R execute(int pass, Desc* x, Desc* w, Desc* c, Desc* y, const void* px, const void* pw, const void* py, void* ws,
                 size_t n, const void* al, const void* be, int algo) {
  if (!consistent(x, w, c, y) || algo != 2 || n < WS || !ws) {
    fprintf(stderr, "cuDNN: refused, algo %d workspace %zu\n", algo, n);
    return 2000;
  }
  memset(ws, 1, n);
  bool f = x->dtype == 0;
  if ((f ? *(float*)al : *(double*)al) != 1 || (f ? *(float*)be : *(double*)be) != 0) {
    fprintf(stderr, "cuDNN: scale\n");
    return 2000;
  }
  if (getenv("CUDNN_REFUSES")) return 3000;
  if (f)
    conv(pass, x, w, c, y, (float*)px, (float*)pw, (float*)py);
  else
    conv(pass, x, w, c, y, (double*)px, (double*)pw, (double*)py);
  return 0;
}
static R rank(int asked, int* found, Perf* p) {
  if (getenv("CUDNN_NOTHING")) {
    *found = 0;
    return 0;
  }
  int n = asked < 4 ? asked : 4;
  for (int i = 0; i < n; ++i) p[i] = {i, i == 1 ? 3000 : 0, 1.f, WS, i != 0, 3, {0, 0, 0}};
  *found = n;
  return 0;
}
extern "C" {
R cudnnCreate(void** h) {
  *h = malloc(1);
  return 0;
}
R cudnnDestroy(void* h) {
  free(h);
  if (getenv("EMU_STATS")) fprintf(stderr, "cuDNN passes %ld %ld %ld\n", convs[0], convs[1], convs[2]);
  return 0;
}
R cudnnSetStream(void*, void*) {
  return 0;
}
#define CREATE(N)              \
  R cudnnCreate##N(void** d) { \
    *d = new Desc;             \
    return 0;                  \
  }                            \
  R cudnnDestroy##N(void* d) { \
    delete (Desc*)d;           \
    return 0;                  \
  }
CREATE(ConvolutionDescriptor)
CREATE(FilterDescriptor) CREATE(TensorDescriptor) R
    cudnnSetTensor4dDescriptor(Desc* d, int, int t, int a, int b, int c, int e) {
  d->dtype = t;
  d->d[0] = a;
  d->d[1] = b;
  d->d[2] = c;
  d->d[3] = e;
  return a > 0 && b > 0 && c > 0 && e > 0 ? 0 : 2000;
}
R cudnnSetTensor4dDescriptorEx() {
  return 2000;
}
R cudnnSetFilter4dDescriptor(Desc* d, int t, int, int a, int b, int c, int e) {
  d->dtype = t;
  d->d[0] = a;
  d->d[1] = b;
  d->d[2] = c;
  d->d[3] = e;
  return a > 0 && b > 0 && c > 0 && e > 0 ? 0 : 2000;
}
R cudnnSetConvolution2dDescriptor(Desc* d, int ph, int pw, int sh, int sw, int dh, int dw, int mode, int t) {
  d->pad[0] = ph;
  d->pad[1] = pw;
  d->stride[0] = sh;
  d->stride[1] = sw;
  d->dil[0] = dh;
  d->dil[1] = dw;
  d->dtype = t;
  return mode == 1 ? 0 : 2000;
}
R cudnnSetConvolutionGroupCount(Desc* d, int g) {
  d->groups = g;
  return 0;
}
R cudnnSetConvolutionMathType(Desc* d, int m) {
  d->math = m;
  return 0;
}
R cudnnGetConvolutionForwardAlgorithm_v7(void*, Desc* x, Desc* w, Desc* c, Desc* y, int n, int* f, Perf* p) {
  return consistent(x, w, c, y) ? rank(n, f, p) : 2000;
}
R cudnnGetConvolutionBackwardDataAlgorithm_v7(void*, Desc* w, Desc* dy, Desc* c, Desc* dx, int n, int* f, Perf* p) {
  return consistent(dx, w, c, dy) ? rank(n, f, p) : 2000;
}
R cudnnGetConvolutionBackwardFilterAlgorithm_v7(void*, Desc* x, Desc* dy, Desc* c, Desc* dw, int n, int* f, Perf* p) {
  return consistent(x, dw, c, dy) ? rank(n, f, p) : 2000;
}
R cudnnGetConvolutionForwardWorkspaceSize(void*, Desc* x, Desc* w, Desc* c, Desc* y, int a, size_t* n) {
  *n = WS;
  return consistent(x, w, c, y) ? 0 : 2000;
}
R cudnnGetConvolutionBackwardDataWorkspaceSize(void*, Desc* w, Desc* dy, Desc* c, Desc* dx, int a, size_t* n) {
  *n = WS;
  return consistent(dx, w, c, dy) ? 0 : 2000;
}
R cudnnGetConvolutionBackwardFilterWorkspaceSize(void*, Desc* x, Desc* dy, Desc* c, Desc* dw, int a, size_t* n) {
  *n = WS;
  return consistent(x, dw, c, dy) ? 0 : 2000;
}
R cudnnConvolutionForward(void*, const void* al, Desc* xd, const void* x, Desc* wd, const void* w, Desc* c, int algo,
                          void* ws, size_t n, const void* be, Desc* yd, void* y) {
  return execute(0, xd, wd, c, yd, x, w, y, ws, n, al, be, algo);
}
R cudnnConvolutionBackwardData(void*, const void* al, Desc* wd, const void* w, Desc* dyd, const void* dy, Desc* c,
                               int algo, void* ws, size_t n, const void* be, Desc* dxd, void* dx) {
  return execute(1, dxd, wd, c, dyd, dx, w, dy, ws, n, al, be, algo);
}
R cudnnConvolutionBackwardFilter(void*, const void* al, Desc* xd, const void* x, Desc* dyd, const void* dy, Desc* c,
                                 int algo, void* ws, size_t n, const void* be, Desc* dwd, void* dw) {
  return execute(2, xd, dwd, c, dyd, x, dw, dy, ws, n, al, be, algo);
}
}
