//! How a file's tensors differ from a network's.

use std::fmt;

/// A tensor that has another shape in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misshaped {
    /// The tensor.
    pub name: String,
    /// Shape in the network.
    pub expected: Vec<usize>,
    /// Shape in the file.
    pub found: Vec<usize>,
}

/// Every difference between the names and shapes of a file and of a network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mismatch {
    /// In the network, not in the file; with the closest unexpected name, if one is near.
    pub missing: Vec<String>,
    /// In the file, not in the network.
    pub unexpected: Vec<String>,
    /// In both, with different shapes.
    pub misshaped: Vec<Misshaped>,
}

impl Mismatch {
    /// Whether there is no difference.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.unexpected.is_empty() && self.misshaped.is_empty()
    }

    /// The name among `unexpected` that is closest to `name`, if fewer than half of its letters
    /// would have to change.
    #[must_use]
    pub fn closest(&self, name: &str) -> Option<&str> {
        self.unexpected
            .iter()
            .map(|other| (edit_distance(name, other), other))
            .min()
            .filter(|(distance, _)| distance * 2 < name.len())
            .map(|(_, other)| other.as_str())
    }

    pub(crate) fn finish(&mut self) {
        self.unexpected.sort();
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "does not match the network ({} missing, {} unexpected, {} of another shape); \
             nothing was changed",
            self.missing.len(),
            self.unexpected.len(),
            self.misshaped.len()
        )?;
        for name in &self.missing {
            write!(f, "\n  missing {name}")?;
            if let Some(other) = self.closest(name) {
                write!(f, " (the file has {other})")?;
            }
        }
        for name in &self.unexpected {
            write!(f, "\n  unexpected {name}")?;
        }
        for m in &self.misshaped {
            write!(
                f,
                "\n  {} is {:?} in the file, {:?} in the network",
                m.name, m.found, m.expected
            )?;
        }
        Ok(())
    }
}

/// Insertions, deletions and substitutions that turn one text into the other (Levenshtein).
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, &y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_known_by_hand() {
        assert_eq!(edit_distance("kitten", "sitting"), 3);
        assert_eq!(edit_distance("norm.1", "norm1"), 1);
        assert_eq!(edit_distance("", "abc"), 3);
    }

    #[test]
    fn message_lists_everything_and_the_closest_name() {
        let mismatch = Mismatch {
            missing: vec!["features.norm1.weight".into(), "fc.bias".into()],
            unexpected: vec!["features.norm.1.weight".into()],
            misshaped: vec![Misshaped {
                name: "conv1.weight".into(),
                expected: vec![64, 1, 7, 7],
                found: vec![64, 3, 7, 7],
            }],
        };
        assert_eq!(
            mismatch.to_string(),
            "does not match the network (2 missing, 1 unexpected, 1 of another shape); nothing \
             was changed\n  missing features.norm1.weight (the file has features.norm.1.weight)\n  \
             missing fc.bias\n  unexpected features.norm.1.weight\n  conv1.weight is [64, 3, 7, 7] \
             in the file, [64, 1, 7, 7] in the network"
        );
    }
}
