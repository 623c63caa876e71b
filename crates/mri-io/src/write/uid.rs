//! Names -> unique identifiers.

use sha2::{Digest, Sha256};

/// The UID of `role` in what `name` names: same name and role, same UID.
///
/// A UUID of version 8 (RFC 9562) from the SHA-256 digest, below the root 2.25 (PS3.5 B.2).
pub(crate) fn uid(name: &str, role: &str) -> String {
    let mut hash = Sha256::new();
    // the length keeps "a" + "bc" apart from "ab" + "c"
    hash.update((name.len() as u64).to_le_bytes());
    hash.update(name);
    hash.update(role);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.finalize()[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    format!("2.25.{}", u128::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::uid;

    #[test]
    fn uids_are_short_enough_and_follow_from_their_name() {
        let all: Vec<String> = (0..200)
            .map(|i| uid(&format!("scan {i}"), "series"))
            .collect();
        assert!(all.iter().all(|u| u.len() <= 64 && u.starts_with("2.25.")));
        assert_eq!(all[7], uid("scan 7", "series"));
        assert_ne!(all[7], uid("scan 7", "study"));
        assert_ne!(uid("a", "bc"), uid("ab", "c"));
        let distinct: std::collections::HashSet<&String> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }
}
