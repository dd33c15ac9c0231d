//! What sealing allows and forbids, without its arithmetic.
//!
//! Only the envelope that opens a call can be opened by whoever knows nothing of that call; all others need the very
//! keys that the two ends agreed on, so that whoever restarted can neither read nor be read in the old call.

use std::collections::BTreeMap;

use sightline_protocol::call::{CallId, Frame};

use super::rng::Rng;

/// What the switchboard carries.
#[derive(Clone, Debug)]
pub(crate) struct Envelope {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) call: CallId,
    pub(crate) kind: Kind,
    pub(crate) frame: Frame,
    caller_key: u64,
    callee_key: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// The caller's first.
    Opening,
    /// The callee's first.
    Reply,
    Later,
}

/// What came out of an envelope.
pub(crate) enum Opened {
    Frame(Frame),
    /// The other side has not had our reply.
    ReplyAgain(Envelope),
    Nothing,
}

/// One device's keys; they are gone when it restarts.
#[derive(Default)]
pub(crate) struct Seals {
    calls: BTreeMap<CallId, Keys>,
}

enum Keys {
    Caller { own: u64, opening: Option<Envelope>, theirs: Option<u64> },
    Callee { own: u64, theirs: u64, reply: Option<Envelope> },
}

impl Seals {
    pub(crate) fn seal(
        &mut self,
        call: CallId,
        from: usize,
        to: usize,
        frame: &Frame,
        rng: &mut Rng,
    ) -> Envelope {
        let keys = self.calls.entry(call).or_insert_with(|| Keys::Caller {
            own: rng.next(),
            opening: None,
            theirs: None,
        });
        let envelope = |kind, caller_key, callee_key| {
            let frame = frame.clone();
            Envelope { from, to, call, kind, frame, caller_key, callee_key }
        };
        match keys {
            Keys::Caller { own, theirs: Some(theirs), .. } => envelope(Kind::Later, *own, *theirs),
            Keys::Caller { own, opening, theirs: None } => {
                opening.get_or_insert_with(|| envelope(Kind::Opening, *own, 0)).clone()
            }
            Keys::Callee { own, theirs, reply: Some(_) } => envelope(Kind::Later, *theirs, *own),
            Keys::Callee { own, theirs, reply } => reply.insert(envelope(Kind::Reply, *theirs, *own)).clone(),
        }
    }

    pub(crate) fn open(&mut self, envelope: Envelope, rng: &mut Rng) -> Opened {
        let Envelope { kind, call, caller_key, callee_key, .. } = envelope;
        match self.calls.get_mut(&call) {
            None if kind == Kind::Opening => {
                self.calls.insert(call, Keys::Callee { own: rng.next(), theirs: caller_key, reply: None });
                Opened::Frame(envelope.frame)
            }
            Some(Keys::Caller { own, theirs: theirs @ None, .. })
                if kind == Kind::Reply && *own == caller_key =>
            {
                *theirs = Some(callee_key);
                Opened::Frame(envelope.frame)
            }
            Some(Keys::Caller { own, theirs: Some(theirs), .. })
                if kind == Kind::Later && (*own, *theirs) == (caller_key, callee_key) =>
            {
                Opened::Frame(envelope.frame)
            }
            Some(Keys::Callee { own, theirs, .. })
                if kind == Kind::Later && (*theirs, *own) == (caller_key, callee_key) =>
            {
                Opened::Frame(envelope.frame)
            }
            Some(Keys::Callee { theirs, reply: Some(reply), .. })
                if kind == Kind::Opening && *theirs == caller_key =>
            {
                Opened::ReplyAgain(reply.clone())
            }
            Some(Keys::Caller { .. } | Keys::Callee { .. }) | None => Opened::Nothing,
        }
    }

    pub(crate) fn forget(&mut self, call: CallId) {
        self.calls.remove(&call);
    }
}
