//! Nonces without memory.
//!
//! A nonce is the time it was made at and an HMAC of that time and of the address it was given to. Whoever brings it back
//! has shown that answers reach it there, and until then nothing was kept: a flood of requests fills no table. A table of
//! nonces is what let other servers be filled.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use ring::hmac;

/// How long one may be used. After that the client is given another, in one more round trip.
pub(super) const NONCE_FOR: Duration = Duration::from_secs(600);

/// RFC 8489's mark of a nonce that says what the server can do, and the one thing said: bit 0, password algorithms. A
/// nonce that was meddled with on its way does not come back with its HMAC right.
const COOKIE: &str = "obMatJos2gAAA";
const TIME_BYTES: usize = 4;
const HMAC_BYTES: usize = 8;

pub(super) struct Nonces {
    key: hmac::Key,
}

impl Nonces {
    pub(super) fn new(key: &[u8]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, key) }
    }

    pub(super) fn make(&self, remote: SocketAddr, unix_seconds: u64) -> String {
        let mut bytes = [0; TIME_BYTES + HMAC_BYTES];
        let time = (unix_seconds as u32).to_be_bytes();
        bytes[..TIME_BYTES].copy_from_slice(&time);
        bytes[TIME_BYTES..].copy_from_slice(&self.proof(remote, time));
        let mut nonce = COOKIE.to_owned();
        BASE64.encode_string(bytes, &mut nonce);
        nonce
    }

    /// Whether this one was made for this address, and is not too old.
    pub(super) fn holds(&self, nonce: &str, remote: SocketAddr, unix_seconds: u64) -> bool {
        let Some(bytes) = nonce.strip_prefix(COOKIE).and_then(|rest| BASE64.decode(rest).ok()) else {
            return false;
        };
        let Some((time, proof)) = bytes.split_first_chunk::<TIME_BYTES>() else { return false };
        let Ok(proof) = <[u8; HMAC_BYTES]>::try_from(proof) else { return false };
        // Thirty-two bits of seconds come round in 2106; the difference holds beyond.
        let age = (unix_seconds as u32).wrapping_sub(u32::from_be_bytes(*time));
        u64::from(age) < NONCE_FOR.as_secs()
            // As numbers: compared at once, in one time.
            && u64::from_be_bytes(proof) == u64::from_be_bytes(self.proof(remote, *time))
    }

    fn proof(&self, remote: SocketAddr, time: [u8; TIME_BYTES]) -> [u8; HMAC_BYTES] {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(b"nonce");
        context.update(&time);
        match remote.ip() {
            IpAddr::V4(ip) => context.update(&ip.octets()),
            IpAddr::V6(ip) => context.update(&ip.octets()),
        }
        context.update(&remote.port().to_be_bytes());
        let mut proof = [0; HMAC_BYTES];
        proof.copy_from_slice(&context.sign().as_ref()[..HMAC_BYTES]);
        proof
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000;

    fn at(address: &str) -> SocketAddr {
        address.parse().unwrap()
    }

    #[test]
    fn a_nonce_holds_for_its_time_at_its_address() {
        let nonces = Nonces::new(b"key");
        let nonce = nonces.make(at("192.0.2.1:5"), NOW);
        assert!(nonces.holds(&nonce, at("192.0.2.1:5"), NOW));
        assert!(nonces.holds(&nonce, at("192.0.2.1:5"), NOW + 599));
        assert!(!nonces.holds(&nonce, at("192.0.2.1:5"), NOW + 600));
        assert!(!nonces.holds(&nonce, at("192.0.2.1:5"), NOW - 1));
        assert!(!nonces.holds(&nonce, at("192.0.2.1:6"), NOW));
        assert!(!nonces.holds(&nonce, at("192.0.2.2:5"), NOW));
    }

    #[test]
    fn another_thread_with_the_same_key_takes_it() {
        let nonce = Nonces::new(b"key").make(at("[2001:db8::1]:5"), NOW);
        assert!(Nonces::new(b"key").holds(&nonce, at("[2001:db8::1]:5"), NOW));
        assert!(!Nonces::new(b"another").holds(&nonce, at("[2001:db8::1]:5"), NOW));
    }

    #[test]
    fn every_change_of_a_nonce_is_noticed() {
        let nonces = Nonces::new(b"key");
        let nonce = nonces.make(at("192.0.2.1:5"), NOW);
        for place in 0..nonce.len() {
            let mut changed = nonce.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(!nonces.holds(&changed, at("192.0.2.1:5"), NOW), "{changed}");
        }
        for cut in 0..nonce.len() {
            assert!(!nonces.holds(&nonce[..cut], at("192.0.2.1:5"), NOW));
        }
    }
}
