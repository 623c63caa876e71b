// Threads of a block as fibers, so that a barrier can wait for all of them. x86-64 with the System V ABI.
#pragma once

struct uint3_ {
  unsigned x, y, z;
};
static uint3_ blockIdx, threadIdx, blockDim, gridDim;
static void syncthreads();
#define __global__
#define __device__ static
#define __shared__ static
#define __syncthreads syncthreads
#define __noinline__

extern "C" void fiber_switch(void** save, void* load);
asm(R"(
.text
.globl fiber_switch
fiber_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
)");
struct Fiber {
  void* sp;
  char* stack;
  bool done;
};
static Fiber fibers[1024];
static void* scheduler_sp;
static int current = -1;
static std::function<void()> const* body;
static long syncs = 0;
static bool use_fibers = false;
static void syncthreads() {
  ++syncs;
  if (!use_fibers) {
    fprintf(stderr, "__syncthreads in a kernel run without fibers\n");
    abort();
  }
  int me = current;
  fiber_switch(&fibers[me].sp, scheduler_sp);
}
extern "C" void fiber_entry() {
  (*body)();
  int me = current;
  fibers[me].done = true;
  fiber_switch(&fibers[me].sp, scheduler_sp);
  abort();
}
static const size_t STACK = 64 << 10;
static void run_block(unsigned threads, const std::function<void()>& f) {
  body = &f;
  use_fibers = true;
  bool reverse = getenv("REVERSE") != nullptr;
  for (unsigned t = 0; t < threads; ++t) {
    if (!fibers[t].stack) fibers[t].stack = (char*)malloc(STACK);
    void** sp = (void**)(((uintptr_t)fibers[t].stack + STACK) & ~15ull);
    *--sp = nullptr;  // alignment: entry sees rsp = 16n + 8
    *--sp = (void*)fiber_entry;
    for (int i = 0; i < 6; ++i) *--sp = nullptr;
    fibers[t].sp = sp;
    fibers[t].done = false;
  }
  while (true) {
    unsigned done = 0, waiting = 0;
    for (unsigned i = 0; i < threads; ++i) {
      unsigned t = reverse ? threads - 1 - i : i;
      current = t;
      threadIdx = {t, 0, 0};
      fiber_switch(&scheduler_sp, fibers[t].sp);
      fibers[t].done ? ++done : ++waiting;
    }
    if (done && waiting) {
      fprintf(stderr, "divergent __syncthreads\n");
      abort();
    }
    if (done) break;
  }
  use_fibers = false;
}
