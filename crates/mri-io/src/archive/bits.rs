//! Numbers of any number of bits -> bytes.

/// Bits, the first of a byte lowest.
pub(super) struct Writer {
    bytes: Vec<u8>,
    /// Whole bytes of `bytes` that are written.
    at: usize,
    bits: u64,
    /// How many bits wait, fewer than 8 after every call.
    waiting: u32,
}

impl Writer {
    pub(super) fn new() -> Self {
        Self {
            bytes: vec![0; 64],
            at: 0,
            bits: 0,
            waiting: 0,
        }
    }

    /// Up to 56 bits.
    #[inline(always)]
    pub(super) fn put(&mut self, bits: u64, count: u32) {
        self.bits |= bits << self.waiting;
        self.waiting += count;
        if let Some(target) = self.bytes.get_mut(self.at..self.at + 8) {
            target.copy_from_slice(&self.bits.to_le_bytes());
        }
        self.at += self.waiting as usize / 8;
        self.bits >>= self.waiting & !7;
        self.waiting &= 7;
    }

    /// Makes room for so many bits more.
    pub(super) fn reserve(&mut self, bits: u64) {
        self.bytes.resize(self.at + bits as usize / 8 + 16, 0);
    }

    /// Whole bytes, after [`align`](Self::align).
    pub(super) fn copy(&mut self, bytes: &[u8]) {
        if let Some(target) = self.bytes.get_mut(self.at..self.at + bytes.len()) {
            target.copy_from_slice(bytes);
        }
        self.at += bytes.len();
    }

    /// Fills the last byte.
    pub(super) fn align(&mut self) {
        self.put(0, self.waiting.wrapping_neg() & 7);
    }

    /// The bytes, and the checksum of what they say.
    pub(super) fn finish(mut self, checksum: u32) -> Vec<u8> {
        self.reserve(64);
        self.align();
        self.put(u64::from(checksum.swap_bytes()), 32);
        self.bytes.truncate(self.at);
        self.bytes
    }
}
