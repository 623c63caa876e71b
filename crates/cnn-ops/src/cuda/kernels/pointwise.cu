// Rectifiers and dropout.

// Written so that NaN fails every comparison and stays.
extern "C" __global__ void clamp(const real* x, real* y, real upper, index_t n) {
  FOR_EACH(i, n) {
    const real v = x[i] < 0 ? (real)0 : x[i];
    y[i] = v > upper ? upper : v;
  }
}

extern "C" __global__ void clamp_backward(const real* y, const real* dy, real* dx, real upper,
                                          index_t n) {
  FOR_EACH(i, n) { dx[i] = y[i] > 0 && y[i] < upper ? dy[i] : (real)0; }
}

struct Key {
  unsigned words[8];
};

__device__ unsigned rotate(unsigned v, int by) { return v << by | v >> (32 - by); }

__device__ void quarter_round(unsigned& a, unsigned& b, unsigned& c, unsigned& d) {
  a += b;
  d = rotate(d ^ a, 16);
  c += d;
  b = rotate(b ^ c, 12);
  a += b;
  d = rotate(d ^ a, 8);
  c += d;
  b = rotate(b ^ c, 7);
}

// Words drawn from one stream of the generator.
#define STREAM_WORDS 4096

// Zeros where the element's word of ChaCha8 lies below `threshold`, x*scale elsewhere. A thread
// draws one block of the generator, sixteen words.
extern "C" __global__ void dropout(const real* x, real* y, Key key, index_t threshold, real scale,
                                   index_t n) {
  FOR_EACH(block, (n + 15) / 16) {
    const index_t stream = block / (STREAM_WORDS / 16), counter = block % (STREAM_WORDS / 16);
    unsigned s[16] = {0x61707865u, 0x3320646eu, 0x79622d32u, 0x6b206574u};
    for (int i = 0; i < 8; ++i) s[4 + i] = key.words[i];
    s[12] = (unsigned)counter;
    s[13] = 0;
    s[14] = (unsigned)stream;
    s[15] = (unsigned)(stream >> 32);
    unsigned first[16];
    for (int i = 0; i < 16; ++i) first[i] = s[i];
    for (int round = 0; round < 4; ++round) {
      for (int i = 0; i < 4; ++i) quarter_round(s[i], s[4 + i], s[8 + i], s[12 + i]);
      quarter_round(s[0], s[5], s[10], s[15]);
      quarter_round(s[1], s[6], s[11], s[12]);
      quarter_round(s[2], s[7], s[8], s[13]);
      quarter_round(s[3], s[4], s[9], s[14]);
    }
    for (int i = 0; i < 16 && block * 16 + i < n; ++i) {
      const index_t at = block * 16 + i;
      y[at] = s[i] + first[i] >= threshold ? x[at] * scale : (real)0;
    }
  }
}
