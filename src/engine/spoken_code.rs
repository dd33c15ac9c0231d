//! The code of one call, made once: the window, the command line and the report all want it, and making it takes tens of
//! milliseconds. Whoever asks first makes it, so ask away from what must not wait.

use std::sync::{Arc, OnceLock};

use crate::logic::spoken;

/// See the head of this file. Clones share it.
#[derive(Clone, Debug)]
pub struct SpokenCode {
    handshake_hash: [u8; 32],
    made: Arc<OnceLock<String>>,
}

impl SpokenCode {
    /// Of the call whose handshake has this hash: see [`spoken`].
    pub(super) fn of(handshake_hash: [u8; 32]) -> Self {
        Self { handshake_hash, made: Arc::default() }
    }

    /// The code. Takes its time where nobody asked before.
    pub fn get(&self) -> &str {
        self.made.get_or_init(|| spoken::code(&self.handshake_hash))
    }

    /// The code, where it is made already.
    pub(super) fn made(&self) -> Option<&str> {
        self.made.get().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_made_when_it_is_asked_for_and_shared_by_all_that_hold_it() {
        let code = SpokenCode::of([7; 32]);
        let other = code.clone();
        assert_eq!(other.made(), None);
        assert_eq!(code.get(), spoken::code(&[7; 32]));
        assert_eq!(other.made(), Some(code.get()));
    }
}
