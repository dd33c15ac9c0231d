//! Credentials of the relay: made by the switchboard, checked here, kept nowhere.
//!
//! The usual REST form: the user name says until when it holds and for whom, the password is an HMAC of the user name.
//! Whoever has the secret can check both, so that an operator may give the same secret to another TURN server. SHA-1 is
//! what that form says; as an HMAC it has no known weakness.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::hmac;
use sightline_protocol::CallId;

use super::{Party, ScopeId};

/// What a client proves itself with.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) username: String,
    pub(crate) password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}

/// The scope of a call. Always the same for the same call and the same secret, so that what was granted before a restart
/// and after it belongs together. Whoever does not have the secret cannot look for two calls with one scope.
pub(crate) fn scope(secret: &[u8], call: CallId, lower: &[u8; 32], higher: &[u8; 32]) -> ScopeId {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let tag = hmac::sign(&key, &[b"scope".as_slice(), &call.0, lower, higher].concat());
    ScopeId(tag.as_ref().iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// Credentials for one party of one call.
pub(crate) fn mint(secret: &[u8], scope: ScopeId, party: Party, expires_unix: u64) -> Credentials {
    let letter = match party {
        Party::Lower => 'a',
        Party::Higher => 'b',
    };
    let username = format!("{expires_unix}:{:016x}-{letter}", scope.0);
    let password = password(secret, &username);
    Credentials { username, password }
}

/// The password that belongs to a user name.
pub(crate) fn password(secret: &[u8], username: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    BASE64.encode(hmac::sign(&key, username.as_bytes()))
}

/// Until when a user name holds, in seconds since 1970, and what follows the colon.
pub(crate) fn expiry(username: &str) -> Option<(u64, &str)> {
    let (expires, rest) = username.split_once(':')?;
    let all_digits = !expires.is_empty() && expires.bytes().all(|byte| byte.is_ascii_digit());
    Some((expires.parse().ok().filter(|_| all_digits)?, rest))
}

/// For whom a user name is, from what follows its colon. Only what `mint` writes is read: one spelling for each party.
pub(crate) fn holder(rest: &str) -> Option<(ScopeId, Party)> {
    let (scope, letter) = rest.split_once('-')?;
    let hexadecimal =
        scope.len() == 16 && scope.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let scope = u64::from_str_radix(scope, 16).ok().filter(|_| hexadecimal)?;
    match letter {
        "a" => Some((ScopeId(scope), Party::Lower)),
        "b" => Some((ScopeId(scope), Party::Higher)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_minted_is_read_again() {
        let minted = mint(b"secret", ScopeId(0xfeed), Party::Higher, 1_700_000_000);
        assert_eq!(minted.username, "1700000000:000000000000feed-b");
        let (expires, rest) = expiry(&minted.username).unwrap();
        assert_eq!((expires, holder(rest)), (1_700_000_000, Some((ScopeId(0xfeed), Party::Higher))));
        assert_eq!(password(b"secret", &minted.username), minted.password);
        assert_ne!(password(b"another", &minted.username), minted.password);
    }

    #[test]
    fn the_password_is_what_other_servers_compute() {
        // printf %s 1700000000:000000000000feed-b | openssl dgst -sha1 -hmac secret -binary | base64
        let expected = "xZ4ltRBkzm5KUvncDgup8fMB0og=";
        assert_eq!(password(b"secret", "1700000000:000000000000feed-b"), expected);
    }

    #[test]
    fn another_spelling_is_nobody() {
        for rest in [
            "",
            "feed-b",
            "000000000000FEED-b",
            "+00000000000feed-b",
            "000000000000feed",
            "000000000000feed-c",
            "000000000000feed-ab",
        ] {
            assert_eq!(holder(rest), None, "{rest}");
        }
    }

    #[test]
    fn a_user_name_without_a_time_does_not_hold() {
        for username in ["", "alice", ":alice", "+5:alice", "soon:alice", "99999999999999999999999:alice"] {
            assert_eq!(expiry(username), None, "{username}");
        }
    }

    #[test]
    fn a_password_is_not_written_to_a_log() {
        let minted = mint(b"secret", ScopeId(1), Party::Lower, 1);
        assert!(!format!("{minted:?}").contains(&minted.password));
    }
}
