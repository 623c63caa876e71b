//! Bytes -> a zlib stream of literals and runs of one byte.
//!
//! Deflate with another encoder: what it writes is a stream like any other, with a prefix code of
//! its own for every [`PIECE`]. Only repetitions of the byte before are looked for. The bytes of
//! noise have no longer repetitions, and the search for them takes most of the time of a general
//! encoder.
//!
//! # Source
//!
//! RFC 1950 and 1951. The strategy is that of zlib's `Z_RLE`.

use zlib_rs::adler32::adler32;

use super::bits::Writer;
use super::huffman::Codes;

/// Bytes that share a code.
const PIECE: usize = 1 << 15;
/// Bytes that are searched for runs at once.
const SPAN: usize = 64;
/// Bits of the longest code: four of them and seven bits left over fit into 64 bits.
const LONGEST: u8 = 14;
const SHORTEST_RUN: usize = 3;
const LONGEST_RUN: usize = 258;
/// Symbol behind the last of a piece.
const END: usize = 256;
/// Symbols of literals, the end and lengths of runs.
const SYMBOLS: usize = 286;
/// Order in which the lengths of the codes of lengths are written.
const ORDER: [usize; 19] = [
    16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
];

/// The zlib stream of some bytes.
///
/// No longer than the bytes by more than 5 for every [`PIECE`], and 11.
pub(super) fn compress(bytes: &[u8]) -> Vec<u8> {
    let mut writer = Writer::new();
    // window of 32 KiB; "fast algorithm", as zlib says at level 4
    writer.put(0x5e78, 16);
    let mut tokens = Tokens::new();
    let mut start = 0;
    loop {
        let end = bytes.len().min(start + PIECE);
        tokens.find(bytes, start, end);
        writer.piece(&bytes[start..end], &tokens, end == bytes.len());
        start = end;
        if start == bytes.len() {
            break;
        }
    }
    writer.finish(adler32(1, bytes))
}

/// Literals, then a run of the byte before it.
struct Run {
    literals: usize,
    length: usize,
}

/// What a piece consists of.
struct Tokens {
    runs: Vec<Run>,
    /// How often each symbol occurs.
    counts: [u32; SYMBOLS],
    /// Bits behind the symbols of runs.
    extra_bits: u64,
}

impl Tokens {
    fn new() -> Self {
        Self {
            runs: Vec::new(),
            counts: [0; SYMBOLS],
            extra_bits: 0,
        }
    }

    fn find(&mut self, bytes: &[u8], start: usize, end: usize) {
        self.runs.clear();
        self.counts = [0; SYMBOLS];
        self.counts[END] = 1;
        self.extra_bits = 0;
        let (mut at, mut literal) = (start, start);
        while at < end {
            let stop = end.min(at + SPAN);
            let window = at.checked_sub(1).and_then(|from| bytes.get(from..stop + 2));
            if window.is_some_and(|window| !has_run(window)) {
                at = stop;
                continue;
            }
            while at < stop {
                let length = run_length(bytes, at, end);
                if length < SHORTEST_RUN {
                    at += 1;
                    continue;
                }
                let (symbol, extra, _) = length_symbol(length);
                self.counts[symbol] += 1;
                self.extra_bits += u64::from(extra) + 1;
                self.runs.push(Run {
                    literals: at - literal,
                    length,
                });
                at += length;
                literal = at;
            }
        }
        self.count_literals(&bytes[start..end]);
    }

    /// In four tables, so that equal bytes do not wait for each other.
    fn count_literals(&mut self, piece: &[u8]) {
        let mut tables = [[0_u32; 256]; 4];
        let mut rest = piece;
        let lengths = self.runs.iter().map(|run| (run.literals, run.length));
        for (literals, length) in lengths.chain([(usize::MAX, 0)]) {
            let (part, after) = rest.split_at(literals.min(rest.len()));
            let fours = part.chunks_exact(4);
            for &byte in fours.remainder() {
                tables[0][usize::from(byte)] += 1;
            }
            for four in fours {
                for (table, &byte) in tables.iter_mut().zip(four) {
                    table[usize::from(byte)] += 1;
                }
            }
            rest = after.get(length..).unwrap_or_default();
        }
        for table in tables {
            for (count, more) in self.counts.iter_mut().zip(table) {
                *count += more;
            }
        }
    }
}

/// Whether a run starts behind the first byte of the window and before its last two.
fn has_run(window: &[u8]) -> bool {
    let n = window.len() - 3;
    let [a, b, c, d] = [0, 1, 2, 3].map(|by| &window[by..by + n]);
    let mut found = 0;
    for i in 0..n {
        found |= u8::from(a[i] == b[i]) & u8::from(b[i] == c[i]) & u8::from(c[i] == d[i]);
    }
    found != 0
}

/// How many bytes from here on equal the one before, up to the longest run.
fn run_length(bytes: &[u8], at: usize, end: usize) -> usize {
    let Some(before) = at.checked_sub(1).and_then(|i| bytes.get(i)) else {
        return 0;
    };
    let rest = &bytes[at..end.min(at + LONGEST_RUN)];
    let eights = rest
        .chunks_exact(8)
        .take_while(|eight| **eight == [*before; 8])
        .count();
    let more = rest[8 * eights..].iter().take_while(|b| *b == before);
    8 * eights + more.count()
}

/// Symbol of the length of a run, and the number and value of the bits behind it.
fn length_symbol(length: usize) -> (usize, u32, u64) {
    let short = length - SHORTEST_RUN;
    match length {
        LONGEST_RUN => (285, 0, 0),
        3..=10 => (257 + short, 0, 0),
        _ => {
            let extra = short.ilog2() - 2;
            let symbol = 257 + 4 * extra as usize + (short >> extra);
            (symbol, extra, (short & ((1 << extra) - 1)) as u64)
        }
    }
}

impl Writer {
    fn piece(&mut self, piece: &[u8], tokens: &Tokens, last: bool) {
        let symbols = Codes::new(&tokens.counts, LONGEST);
        let distances = Codes::new(&[1, 1], LONGEST);
        let lengths = Lengths::new(&[&symbols.lengths, &distances.lengths]);
        let cost = lengths.cost() + symbols.cost(&tokens.counts) + tokens.extra_bits;
        if cost > 8 * (piece.len() as u64 + 4) {
            return self.stored(piece, last);
        }
        self.reserve(cost + 64);
        // a block with a code of its own
        self.put(u64::from(last) | 2 << 1, 3);
        self.put((SYMBOLS - 257) as u64 | 1 << 5, 10);
        lengths.write(self);
        let table: Vec<(u64, u32)> = symbols
            .bits
            .iter()
            .zip(&symbols.lengths)
            .map(|(&bits, &length)| (u64::from(bits), u32::from(length)))
            .collect();
        let mut rest = piece;
        for run in &tokens.runs {
            let (literals, after) = rest.split_at(run.literals);
            self.literals(literals, &table);
            let (symbol, extra, value) = length_symbol(run.length);
            let (bits, length) = table[symbol];
            // the distance, 1, is one bit and zero
            self.put(bits | value << length, length + extra + 1);
            rest = &after[run.length..];
        }
        self.literals(rest, &table);
        let (bits, length) = table[END];
        self.put(bits, length);
    }

    fn literals(&mut self, bytes: &[u8], table: &[(u64, u32)]) {
        let Some(table) = table.first_chunk::<256>() else {
            return;
        };
        let fours = bytes.chunks_exact(4);
        let rest = fours.remainder();
        for four in fours {
            let [a, b, c, d] = [0, 1, 2, 3].map(|i| table[usize::from(four[i])]);
            let (front, back) = (a.0 | b.0 << a.1, c.0 | d.0 << c.1);
            let half = a.1 + b.1;
            self.put(front | back << half, half + c.1 + d.1);
        }
        for &byte in rest {
            let (bits, length) = table[usize::from(byte)];
            self.put(bits, length);
        }
    }

    /// A block of the bytes as they are, shorter than 64 KiB.
    fn stored(&mut self, piece: &[u8], last: bool) {
        self.reserve(8 * (piece.len() as u64 + 8));
        self.put(u64::from(last), 3);
        self.align();
        let length = piece.len() as u64;
        self.put(length | (!length & 0xffff) << 16, 32);
        self.copy(piece);
    }
}

/// The lengths of all codes as a piece begins with them: themselves, or "so many more of the last
/// one", or "so many zeros".
struct Lengths {
    /// Symbol, and value and number of the bits behind it.
    words: Vec<(usize, u64, u32)>,
    counts: [u32; 19],
    codes: Codes,
}

impl Lengths {
    fn new(lengths: &[&[u8]]) -> Self {
        let all = lengths.concat();
        let mut words = Vec::new();
        for same in all.chunk_by(|a, b| a == b) {
            let (value, mut left) = (usize::from(same[0]), same.len());
            if value > 0 {
                words.push((value, 0, 0));
                left -= 1;
            }
            while left > 0 {
                let (symbol, least, most, bits) = match (value, left) {
                    (0, 11..) => (18, 11, 138, 7),
                    (0, 3..) => (17, 3, 10, 3),
                    (_, 3..) => (16, 3, 6, 2),
                    _ => (value, 1, 1, 0),
                };
                let taken = left.min(most);
                words.push((symbol, (taken - least) as u64, bits));
                left -= taken;
            }
        }
        let mut counts = [0; 19];
        for (symbol, ..) in &words {
            counts[*symbol] += 1;
        }
        let codes = Codes::new(&counts, 7);
        Self {
            words,
            counts,
            codes,
        }
    }

    /// Bits of a piece before its first symbol.
    fn cost(&self) -> u64 {
        let behind: u32 = self.words.iter().map(|(_, _, bits)| bits).sum();
        3 + 14 + 3 * 19 + self.codes.cost(&self.counts) + u64::from(behind)
    }

    fn write(&self, writer: &mut Writer) {
        writer.put(ORDER.len() as u64 - 4, 4);
        for symbol in ORDER {
            writer.put(self.codes.lengths[symbol].into(), 3);
        }
        for &(symbol, value, bits) in &self.words {
            let length = u32::from(self.codes.lengths[symbol]);
            let code = u64::from(self.codes.bits[symbol]);
            writer.put(code | value << length, length + bits);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use zlib_rs::{InflateConfig, ReturnCode};

    use super::*;

    fn check(bytes: &[u8]) -> usize {
        let packed = compress(bytes);
        let mut unpacked = vec![0; bytes.len()];
        let (found, code) =
            zlib_rs::decompress_slice(&mut unpacked, &packed, InflateConfig::default());
        assert_eq!(code, ReturnCode::Ok);
        assert!(found == bytes, "{} bytes", bytes.len());
        let pieces = bytes.len().div_ceil(PIECE).max(1);
        assert!(packed.len() <= bytes.len() + 5 * pieces + 11);
        packed.len()
    }

    fn noise(length: usize, mask: u32) -> Vec<u8> {
        let mut state = 1_u32;
        let next = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((state >> 24) & mask) as u8
        };
        (0..length).map(next).collect()
    }

    #[test]
    fn bytes_come_back() {
        for length in [
            0,
            1,
            2,
            3,
            4,
            5,
            63,
            64,
            65,
            PIECE - 1,
            PIECE,
            PIECE + 1,
            3 * PIECE,
        ] {
            check(&vec![0; length]);
            check(&noise(length, 0xff));
            check(&noise(length, 0x01));
            check(&noise(length, 0x0f));
        }
    }

    #[test]
    fn runs_of_every_length_come_back() {
        let runs = (1..600).flat_map(|n| std::iter::repeat_n((n % 3) as u8, n));
        check(&runs.collect::<Vec<_>>());
    }

    #[test]
    fn rare_symbols_keep_codes_short() {
        // counts like Fibonacci numbers make the deepest code
        let mut bytes = Vec::new();
        let (mut a, mut b) = (1, 1);
        for value in 0..21_u8 {
            bytes.extend(std::iter::repeat_n([value, 255 - value], a).flatten());
            (a, b) = (b, a + b);
        }
        check(&bytes);
    }

    #[test]
    fn nothing_is_small_and_noise_keeps_its_entropy() {
        assert!(check(&vec![7; 1 << 16]) < 400);
        let four_bits = check(&noise(1 << 16, 0x0f));
        assert!(four_bits < (1 << 15) + 600, "{four_bits}");
    }

    proptest! {
        #[test]
        fn any_bytes_come_back(
            runs in prop::collection::vec((any::<u8>(), 1_usize..300), 0..300),
            mask in any::<u8>(),
        ) {
            let bytes: Vec<u8> = runs
                .iter()
                .flat_map(|&(value, n)| std::iter::repeat_n(value & mask, if n > 200 { n } else { 1 }))
                .collect();
            check(&bytes);
        }
    }
}
