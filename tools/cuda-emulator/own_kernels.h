// The kernels of cnn-ops, compiled as C++ for each element type.
#pragma once

struct Kernel {
  std::function<void(void**)> call;
  bool fibers;
  std::string name;
  long launches = 0;
};
static std::map<std::string, Kernel> own[2], candle;
template <class... A, size_t... I>
static void unpack(void (*f)(A...), void** p, std::index_sequence<I...>) {
  f(*(A*)p[I]...);
}
template <class... A>
static std::function<void(void**)> wrap(void (*f)(A...)) {
  return [f](void** p) { unpack(f, p, std::index_sequence_for<A...>{}); };
}
namespace single {
#define REAL float
#include "all_float.inc"
}  // namespace single
#undef REAL
#undef FOR_EACH
#undef FOR_EACH_BLOCK
#undef THREADS
#undef STREAM_WORDS
namespace dual {
#define REAL double
#include "all_double.inc"
}  // namespace dual
#undef REAL
#define OWN(n, f)                        \
  own[0][#n] = {wrap(single::n), f, #n}; \
  own[1][#n] = {wrap(dual::n), f, #n};
