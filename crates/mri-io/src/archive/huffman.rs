//! Prefix codes of least expected length, as deflate writes them.

/// One code for each symbol.
pub(super) struct Codes {
    /// Bits of the code of each symbol; 0 for symbols that do not occur.
    pub(super) lengths: Vec<u8>,
    /// The code, its first bit lowest.
    pub(super) bits: Vec<u16>,
}

impl Codes {
    /// Codes of at most `limit` bits for symbols that occur so often; at least two get one.
    pub(super) fn new(counts: &[u32], limit: u8) -> Self {
        let lengths = lengths(counts, limit);
        let bits = canonical(&lengths);
        Self { lengths, bits }
    }

    /// Bits that the symbols take together.
    pub(super) fn cost(&self, counts: &[u32]) -> u64 {
        counts
            .iter()
            .zip(&self.lengths)
            .map(|(&count, &length)| u64::from(count) * u64::from(length))
            .sum()
    }
}

fn lengths(counts: &[u32], limit: u8) -> Vec<u8> {
    let mut order: Vec<(u32, usize)> = counts
        .iter()
        .enumerate()
        .filter(|(_, count)| **count > 0)
        .map(|(symbol, &count)| (count, symbol))
        .collect();
    // a code of one symbol would not be complete
    for (symbol, &count) in counts.iter().enumerate() {
        if order.len() < 2 && count == 0 {
            order.push((0, symbol));
        }
    }
    order.sort_unstable();
    let mut depths: Vec<usize> = order.iter().map(|(count, _)| *count as usize).collect();
    minimum_redundancy(&mut depths);
    let mut lengths = vec![0; counts.len()];
    for ((_, symbol), length) in order.iter().zip(limited(&depths, limit)) {
        lengths[*symbol] = length;
    }
    lengths
}

/// Counts in ascending order -> lengths of their codes, in place; for at least two counts.
///
/// # Source
///
/// Moffat and Katajainen, In-place calculation of minimum-redundancy codes, WADS 1995.
fn minimum_redundancy(a: &mut [usize]) {
    let n = a.len();
    if n < 2 {
        return;
    }
    a[0] += a[1];
    let (mut root, mut leaf) = (0, 2);
    for next in 1..n - 1 {
        // a[root] is a weight up to here, and the number of a parent from here
        let mut weight = 0;
        for turn in 0..2 {
            if leaf >= n || ((turn == 0 || root < next) && a[root] < a[leaf]) {
                weight += a[root];
                a[root] = next;
                root += 1;
            } else {
                weight += a[leaf];
                leaf += 1;
            }
        }
        a[next] = weight;
    }
    a[n - 2] = 0;
    for next in (0..n - 2).rev() {
        a[next] = a[a[next]] + 1;
    }
    let (mut free, mut depth) = (1, 0);
    let (mut inner, mut next) = (n - 1, n);
    while free > 0 {
        let mut used = 0;
        while inner > 0 && a[inner - 1] == depth {
            used += 1;
            inner -= 1;
        }
        while free > used {
            next -= 1;
            a[next] = depth;
            free -= 1;
        }
        free = 2 * used;
        depth += 1;
    }
}

/// Depths in descending order -> lengths of at most `limit`, of a complete code.
fn limited(depths: &[usize], limit: u8) -> Vec<u8> {
    let most = usize::from(limit);
    let mut numbers = vec![0_usize; most + 1];
    for &depth in depths {
        numbers[depth.min(most)] += 1;
    }
    let mut total: usize = (1..=most).map(|i| numbers[i] << (most - i)).sum();
    while total > 1 << most {
        // one of the longest moves beside a shorter one, which grows by a bit
        let Some(shorter) = (1..most).rev().find(|&i| numbers[i] > 0) else {
            break;
        };
        numbers[most] -= 1;
        numbers[shorter] -= 1;
        numbers[shorter + 1] += 2;
        total -= 1;
    }
    // the rarest come first and get the longest
    let longest_first = (1..=limit).rev();
    longest_first
        .flat_map(|length| std::iter::repeat_n(length, numbers[usize::from(length)]))
        .collect()
}

/// Lengths -> codes (RFC 1951, 3.2.2), their bits in reverse.
fn canonical(lengths: &[u8]) -> Vec<u16> {
    let mut numbers = [0_u16; 17];
    for &length in lengths {
        numbers[usize::from(length)] += 1;
    }
    numbers[0] = 0;
    let mut next = [0_u16; 17];
    for length in 1..next.len() {
        next[length] = (next[length - 1] + numbers[length - 1]) << 1;
    }
    lengths
        .iter()
        .map(|&length| {
            let code = next[usize::from(length)];
            next[usize::from(length)] += u16::from(length > 0);
            code.reverse_bits()
                .checked_shr(16 - u32::from(length))
                .unwrap_or(0)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kraft(lengths: &[u8]) -> f64 {
        let used = lengths.iter().filter(|length| **length > 0);
        used.map(|&length| 0.5_f64.powi(length.into())).sum()
    }

    #[test]
    fn lengths_are_those_of_the_textbook() {
        assert_eq!(lengths(&[5, 9, 12, 13, 16, 45], 15), [4, 4, 3, 3, 3, 1]);
        assert_eq!(lengths(&[0, 7, 0], 15), [1, 1, 0]);
        assert_eq!(lengths(&[0, 0, 0], 15), [1, 1, 0]);
    }

    #[test]
    fn codes_are_complete_within_every_limit() {
        // Fibonacci numbers make the deepest code there is
        let mut counts = vec![1_u32, 1];
        for i in 2..30 {
            counts.push(counts[i - 1] + counts[i - 2]);
        }
        assert_eq!(lengths(&counts, 31).iter().max(), Some(&29));
        for limit in [5, 7, 9, 14, 15] {
            let found = lengths(&counts, limit);
            assert!(found.iter().all(|&l| (1..=limit).contains(&l)), "{limit}");
            assert_eq!(kraft(&found), 1.0, "{limit}");
            assert!(found.is_sorted_by(|a, b| a >= b), "{limit}");
        }
    }

    #[test]
    fn codes_are_those_of_the_standard() {
        // RFC 1951, 3.2.2: 010 011 100 101 110 00 1110 1111
        let bits = canonical(&[3, 3, 3, 3, 3, 2, 4, 4]);
        let expected = [0b010, 0b110, 0b001, 0b101, 0b011, 0b00, 0b0111, 0b1111];
        assert_eq!(bits, expected);
    }
}
