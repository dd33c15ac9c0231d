//! The keys of the calls: frames become sealed bytes and come out of them again.

use std::{collections::HashMap, sync::Arc};

use sightline_protocol::{
    call::{CallId, Frame},
    keys::{Address, Identity},
    seal::{Opened, SealError, Sealer},
};

/// All keys of this installation.
pub struct Keyring {
    identity: Arc<Identity>,
    sealers: HashMap<CallId, Held>,
}

struct Held {
    with: Address,
    sealer: Sealer,
}

/// What came out of sealed bytes.
#[derive(Debug, PartialEq, Eq)]
pub enum Content {
    /// A frame of the other side.
    Frame(Frame),
    /// The other side has not had our part of the handshake; here it is again.
    PostAgain(Vec<u8>),
    /// Nothing that matters.
    Nothing,
}

impl Keyring {
    /// The keys of an installation that is in no call.
    pub fn new(identity: Arc<Identity>) -> Self {
        Self { identity, sealers: HashMap::new() }
    }

    /// Our address.
    pub fn address(&self) -> Address {
        self.identity.address()
    }

    /// Seals a frame. The first of a call that we begin makes its keys.
    pub fn seal(&mut self, call: CallId, with: Address, frame: &Frame) -> Option<Vec<u8>> {
        let identity = &self.identity;
        let held = self
            .sealers
            .entry(call)
            .or_insert_with(|| Held { with, sealer: Sealer::caller(identity, with, call) });
        if !held.sealer.established()
            && let Some(handshake) = held.sealer.handshake_message()
        {
            return Some(handshake.to_vec());
        }
        let plain = match frame.encode() {
            Ok(plain) => plain,
            Err(error) => {
                tracing::error!(%error, "a message is too long to be sent");
                return None;
            }
        };
        held.sealer.seal(&plain).inspect_err(|error| tracing::debug!(%error, "not sealed")).ok()
    }

    /// Opens what came. For a call that is not known it may be somebody's first word.
    pub fn open(&mut self, call: CallId, from: Address, sealed: &[u8]) -> Result<Content, SealError> {
        if !self.sealers.contains_key(&call) {
            let mut sealer = Sealer::callee(&self.identity, from, call);
            let opened = sealer.open(sealed)?;
            self.sealers.insert(call, Held { with: from, sealer });
            return Ok(content(opened, None));
        }
        let Some(held) = self.sealers.get_mut(&call).filter(|held| held.with == from) else {
            return Ok(Content::Nothing);
        };
        let opened = held.sealer.open(sealed)?;
        Ok(content(opened, held.sealer.handshake_message()))
    }

    /// What stands for a call's keys: its handshake's hash, the same at both ends.
    pub fn handshake_hash(&self, call: CallId) -> Option<[u8; 32]> {
        self.sealers.get(&call)?.sealer.handshake_hash().copied()
    }

    /// The call is over, or never was one.
    pub fn forget(&mut self, call: CallId) {
        self.sealers.remove(&call);
    }
}

fn content(opened: Opened, our_handshake: Option<&[u8]>) -> Content {
    match opened {
        Opened::Plain(plain) => match Frame::decode(&plain) {
            Ok(frame) => Content::Frame(frame),
            Err(error) => {
                tracing::debug!(%error, "a sealed message is not one");
                Content::Nothing
            }
        },
        Opened::Repeat => our_handshake.map_or(Content::Nothing, |bytes| Content::PostAgain(bytes.to_vec())),
    }
}

#[cfg(test)]
mod tests {
    use sightline_protocol::call::CallMessage;

    use super::*;

    fn frame(message: CallMessage) -> Frame {
        Frame { ack: 0, part: Some((1, message)) }
    }

    #[test]
    fn a_lost_answer_is_posted_again_when_the_caller_repeats_itself() {
        let mut caller = Keyring::new(Arc::new(Identity::generate().unwrap()));
        let mut callee = Keyring::new(Arc::new(Identity::generate().unwrap()));
        let (from, to) = (caller.address(), callee.address());
        let call = CallId([7; 16]);
        let first = caller.seal(call, to, &frame(CallMessage::Ringing)).unwrap();
        assert_eq!(callee.open(call, from, &first), Ok(Content::Frame(frame(CallMessage::Ringing))));
        let answer = callee.seal(call, from, &frame(CallMessage::Reached)).unwrap();

        assert_eq!(caller.seal(call, to, &frame(CallMessage::Ringing)), Some(first.clone()));
        assert_eq!(callee.open(call, from, &first), Ok(Content::PostAgain(answer.clone())));

        assert_eq!(caller.open(call, to, &answer), Ok(Content::Frame(frame(CallMessage::Reached))));
        let next = caller.seal(call, to, &frame(CallMessage::Cancel)).unwrap();
        assert_eq!(callee.open(call, from, &next), Ok(Content::Frame(frame(CallMessage::Cancel))));
    }

    #[test]
    fn rubbish_leaves_no_keys_behind() {
        let mut keys = Keyring::new(Arc::new(Identity::generate().unwrap()));
        let stranger = Identity::generate().unwrap().address();
        assert!(keys.open(CallId([1; 16]), stranger, b"rubbish").is_err());
        assert!(keys.sealers.is_empty());
    }
}
