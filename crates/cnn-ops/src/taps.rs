//! Sparse matrices of one axis of a separable map.

/// Which inputs an output is the weighted sum of, for every output along one axis.
///
/// Output `i` has the taps `start[i]..start[i + 1]` of `source` and `weight`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Taps {
    pub(crate) start: Vec<u32>,
    pub(crate) source: Vec<u32>,
    pub(crate) weight: Vec<f64>,
}

impl Taps {
    /// From the taps of every output; sizes are those of maps, far below 2³².
    pub(crate) fn new<I: IntoIterator<Item = (usize, f64)>>(
        outputs: impl IntoIterator<Item = I>,
    ) -> Self {
        let mut taps = Self {
            start: vec![0],
            source: Vec::new(),
            weight: Vec::new(),
        };
        for output in outputs {
            for (source, weight) in output {
                taps.source.push(source as u32);
                taps.weight.push(weight);
            }
            taps.start.push(taps.source.len() as u32);
        }
        taps
    }

    /// Number of outputs.
    pub(crate) fn len(&self) -> usize {
        self.start.len() - 1
    }

    /// Number of taps of all outputs.
    #[cfg(feature = "cuda")]
    pub(crate) fn sources(&self) -> usize {
        self.source.len()
    }

    /// Taps of the output that has most.
    #[cfg(feature = "cuda")]
    pub(crate) fn longest(&self) -> usize {
        let lengths = self.start.windows(2).map(|s| s[1] - s[0]);
        lengths.max().unwrap_or(0) as usize
    }

    /// Whether all sources lie below `inputs`.
    pub(crate) fn fits(&self, inputs: usize) -> bool {
        self.source.iter().all(|&s| (s as usize) < inputs)
    }

    /// The taps of the adjoint, which has `inputs` outputs. Each lists its sources in order.
    pub(crate) fn transposed(&self, inputs: usize) -> Self {
        let mut start = vec![0u32; inputs + 1];
        for &s in &self.source {
            start[s as usize + 1] += 1;
        }
        for i in 0..inputs {
            start[i + 1] += start[i];
        }
        let mut next = start.clone();
        let mut source = vec![0; self.source.len()];
        let mut weight = vec![0.0; self.source.len()];
        for (output, range) in self.start.windows(2).enumerate() {
            for tap in range[0] as usize..range[1] as usize {
                let to = &mut next[self.source[tap] as usize];
                source[*to as usize] = output as u32;
                weight[*to as usize] = self.weight[tap];
                *to += 1;
            }
        }
        Self {
            start,
            source,
            weight,
        }
    }
}
