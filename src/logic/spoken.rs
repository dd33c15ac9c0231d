//! A short code that two people read to each other: it is the same at both ends where nobody stands in between.
//!
//! A call link carries a key, and a call is sealed for that key alone. What nobody can check but the two people is whether
//! the link itself came unchanged. The code is made of the hash of the call's handshake, which holds both lasting keys, the
//! fresh ones of both ends and the call's id; the descriptions with their fingerprints are sealed with what came of it. So
//! it stands for all of these, without waiting for a connection, and stays the same whatever connections the call has.
//!
//! Twelve digits are 39.8 bits. Somebody in between makes one of the two handshakes last, and could try fresh keys until
//! the codes are alike. Each trial costs `ROUNDS` times a hash, so 2⁵⁶ hashes are to be expected while the call rings.
//!
//! Words would be easier to say, but need a list for each language.

use sha2::{Digest, Sha256};

/// How often it is hashed: some hundredths of a second for us, too much for whoever has to try.
const ROUNDS: u32 = 1 << 16;
const GROUPS: usize = 3;
const GROUP: u64 = 10_000;

/// The code of the call whose handshake has this hash: three groups of four digits. Takes some hundredths of a second.
pub fn code(handshake_hash: &[u8; 32]) -> String {
    let mut digest = Sha256::new_with_prefix(b"sightline spoken code 1");
    digest.update(handshake_hash);
    let mut hash = digest.finalize();
    for _ in 1..ROUNDS {
        hash = Sha256::digest(hash);
    }
    let groups: Vec<_> = hash
        .as_chunks::<8>()
        .0
        .iter()
        .take(GROUPS)
        .map(|bytes| format!("{:04}", u64::from_be_bytes(*bytes) % GROUP))
        .collect();
    groups.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_three_groups_of_four_digits() {
        let code = code(&[7; 32]);
        let groups: Vec<_> = code.split(' ').collect();
        assert_eq!(groups.len(), GROUPS);
        assert!(groups.iter().all(|group| group.len() == 4 && group.bytes().all(|b| b.is_ascii_digit())));
    }

    #[test]
    fn the_code_is_the_same_for_one_handshake_and_another_for_each_other() {
        let first = code(&[7; 32]);
        assert_eq!(code(&[7; 32]), first);
        for bit in 0..8 {
            let mut other = [7; 32];
            other[31] ^= 1 << bit;
            assert_ne!(code(&other), first);
        }
    }
}
