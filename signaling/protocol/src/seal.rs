//! Sealing: what keeps a call's messages from the switchboard.
//!
//! One Noise IK handshake a call (`Noise_IK_25519_ChaChaPoly_BLAKE2s`, crate `snow`). The caller knows the
//! callee's key from the link; the callee learns the caller's in the first message and checks that it is the
//! one the switchboard named. The prologue holds the sealing version, the call and both whole addresses, so
//! an envelope opens in no other call, for nobody else, and not with the two parties swapped.
//!
//! The first message each side seals rides in its handshake message, so an invitation takes one envelope. It
//! has Noise's weaker properties: it can be played again by whoever recorded it, and it is readable to
//! whoever steals the callee's secret later. Everything after the answer is neither. That is why nobody is
//! asked to pick up before the caller has sealed something under the answer (see `README.md`).
//!
//! Later envelopes carry their nonce and may arrive in any order, because a switchboard that reconnects may
//! drop, repeat and reorder.
//!
//! **A failed `open` changes nothing**, so rubbish from the switchboard cannot break a call. The callee reads
//! every first message with a fresh handshake state and keeps it only if all is well. The caller cannot do
//! so: its state holds the ephemeral secret, `snow` can neither clone it nor build it anew with the same one
//! (except by a door marked "for testing only", which would also mean keeping that secret ourselves). It need
//! not: `snow` 0.10 restores the hashes when a read fails, overwrites the remote ephemeral at the next one,
//! and sets cipher key and nonce afresh before it uses them. `tests/sealing.rs` holds it to that, byte by
//! byte.

use std::fmt;

use snow::{Builder, HandshakeState, StatelessTransportState};
use zeroize::Zeroizing;

use crate::call::CallId;
use crate::keys::{Address, Identity};
use crate::limits::{MAX_PLAIN_BYTES, MAX_SEALED_BYTES};
use crate::replay::{ReplayWindow, Verdict};

/// The version of the sealing, at the head of every envelope and in the prologue.
///
/// Apart from [`PROTOCOL_VERSION`](crate::PROTOCOL_VERSION), because a callee that is too old for a caller
/// must still be able to open the invitation in order to say so.
pub const SEALING_VERSION: u8 = 1;

const PATTERN: &str = "Noise_IK_25519_ChaChaPoly_BLAKE2s";
const PROLOGUE_DOMAIN: &[u8] = b"sightline-seal";
const KEY_BYTES: usize = 32;
const TAG_BYTES: usize = 16;

const HEAD_BYTES: usize = 2;
const NONCE_BYTES: usize = 8;
/// Ephemeral key, sealed static key and its tag, tag of the payload.
const CALLER_HANDSHAKE_OVERHEAD: usize = KEY_BYTES + KEY_BYTES + TAG_BYTES + TAG_BYTES;

const _: () = assert!(HEAD_BYTES + CALLER_HANDSHAKE_OVERHEAD + MAX_PLAIN_BYTES <= MAX_SEALED_BYTES);

/// One side of one call's sealing.
pub struct Sealer {
    role: Role,
    secret: Zeroizing<[u8; KEY_BYTES]>,
    peer: [u8; KEY_BYTES],
    prologue: Vec<u8>,
    state: State,
    own_handshake: Option<Vec<u8>>,
    their_handshake: Option<Vec<u8>>,
    next_nonce: u64,
    opened: ReplayWindow,
}

/// What an envelope held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// What was sealed.
    Plain(Vec<u8>),
    /// The other side's handshake message again, byte for byte. Harmless; it tells the callee that its answer
    /// was lost and should be sent once more.
    Repeat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Caller,
    Callee,
}

/// ```text
/// caller:  Fresh ──seal──▶ Handshaking ──open answer──▶ Established
/// callee:  Fresh ──open──▶ Handshaking ──seal answer──▶ Established
/// ```
enum State {
    Fresh,
    Handshaking(Box<HandshakeState>),
    Established { transport: Box<StatelessTransportState>, handshake_hash: [u8; 32] },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    CallerHandshake = 1,
    CalleeHandshake = 2,
    Transport = 3,
}

impl Sealer {
    /// The side that rings `callee`.
    pub fn caller(identity: &Identity, callee: Address, call: CallId) -> Self {
        Self::new(Role::Caller, identity, callee, prologue(call, identity.address(), callee))
    }

    /// The side that is rung by `caller`, who is whom the switchboard says the envelope is from.
    pub fn callee(identity: &Identity, caller: Address, call: CallId) -> Self {
        Self::new(Role::Callee, identity, caller, prologue(call, caller, identity.address()))
    }

    fn new(role: Role, identity: &Identity, peer: Address, prologue: Vec<u8>) -> Self {
        Self {
            role,
            secret: identity.x25519_secret(),
            peer: peer.to_x25519(),
            prologue,
            state: State::Fresh,
            own_handshake: None,
            their_handshake: None,
            next_nonce: 0,
            opened: ReplayWindow::default(),
        }
    }

    /// Seals `plain` for the other side. The first one makes this side's handshake message; a callee can make
    /// it only after it has opened the caller's, and a caller can seal a second one only after it has opened
    /// the callee's.
    pub fn seal(&mut self, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        if plain.len() > MAX_PLAIN_BYTES {
            return Err(SealError::PlainTooLarge { bytes: plain.len() });
        }
        match (&mut self.state, self.role) {
            (State::Established { transport, .. }, Role::Caller | Role::Callee) => {
                let nonce = self.next_nonce;
                let mut sealed = head(Kind::Transport);
                sealed.extend_from_slice(&nonce.to_be_bytes());
                // Room and size are right, so only the last nonce, which Noise reserves, can be refused.
                append(&mut sealed, TAG_BYTES + plain.len(), |out| {
                    transport.write_message(nonce, plain, out)
                })
                .map_err(|_| SealError::Exhausted)?;
                self.next_nonce = nonce + 1;
                Ok(sealed)
            }
            (State::Fresh, Role::Caller) => {
                let mut handshake = self.new_handshake();
                let sealed = write_handshake(&mut handshake, Kind::CallerHandshake, plain)?;
                self.own_handshake = Some(sealed.clone());
                self.state = State::Handshaking(Box::new(handshake));
                Ok(sealed)
            }
            (State::Handshaking(handshake), Role::Callee) => {
                let sealed = write_handshake(handshake, Kind::CalleeHandshake, plain)?;
                self.own_handshake = Some(sealed.clone());
                self.establish();
                Ok(sealed)
            }
            (State::Fresh, Role::Callee) | (State::Handshaking(_), Role::Caller) => Err(SealError::NotYet),
        }
    }

    /// This side's handshake envelope once it was made, to be sent again until it is acknowledged.
    pub fn handshake_message(&self) -> Option<&[u8]> {
        self.own_handshake.as_deref()
    }

    /// Opens an envelope from the other side. An error means that nothing has changed.
    pub fn open(&mut self, sealed: &[u8]) -> Result<Opened, SealError> {
        if sealed.len() > MAX_SEALED_BYTES {
            return Err(SealError::TooLarge { bytes: sealed.len() });
        }
        let (&[version, kind], body) = sealed.split_first_chunk::<HEAD_BYTES>().ok_or(SealError::Cut)?;
        if version != SEALING_VERSION {
            return Err(SealError::Version { found: version });
        }
        let kind = match kind {
            1 => Kind::CallerHandshake,
            2 => Kind::CalleeHandshake,
            3 => Kind::Transport,
            found => return Err(SealError::Kind { found }),
        };
        match (kind, self.role) {
            (Kind::Transport, Role::Caller | Role::Callee) => self.open_transport(body),
            (Kind::CallerHandshake, Role::Callee) | (Kind::CalleeHandshake, Role::Caller) => {
                self.open_handshake(sealed, body)
            }
            (Kind::CallerHandshake, Role::Caller) | (Kind::CalleeHandshake, Role::Callee) => {
                Err(SealError::WrongDirection)
            }
        }
    }

    /// Whether both handshake messages are made and known here.
    pub const fn established(&self) -> bool {
        matches!(self.state, State::Established { .. })
    }

    /// A digest of the whole handshake, equal on both sides, once it is established.
    pub const fn handshake_hash(&self) -> Option<&[u8; 32]> {
        match &self.state {
            State::Established { handshake_hash, .. } => Some(handshake_hash),
            State::Fresh | State::Handshaking(_) => None,
        }
    }

    fn open_handshake(&mut self, sealed: &[u8], body: &[u8]) -> Result<Opened, SealError> {
        if let Some(known) = &self.their_handshake {
            return if known == sealed { Ok(Opened::Repeat) } else { Err(SealError::SecondHandshake) };
        }
        let plain = match (self.role, &mut self.state) {
            (Role::Callee, _) => {
                let mut handshake = self.new_handshake();
                let plain = read_handshake(&mut handshake, body)?;
                // Noise proved who owns the key that this message names; this proves that it is the caller.
                if handshake.get_remote_static() != Some(self.peer.as_slice()) {
                    return Err(SealError::NotTheCaller);
                }
                self.state = State::Handshaking(Box::new(handshake));
                plain
            }
            (Role::Caller, State::Handshaking(handshake)) => {
                let plain = read_handshake(handshake, body)?;
                self.establish();
                plain
            }
            (Role::Caller, State::Fresh | State::Established { .. }) => return Err(SealError::NotYet),
        };
        self.their_handshake = Some(sealed.to_vec());
        Ok(Opened::Plain(plain))
    }

    fn open_transport(&mut self, body: &[u8]) -> Result<Opened, SealError> {
        let (nonce, noise) = body.split_first_chunk::<NONCE_BYTES>().ok_or(SealError::Cut)?;
        let State::Established { transport, .. } = &self.state else { return Err(SealError::NotYet) };
        let nonce = u64::from_be_bytes(*nonce);
        match self.opened.ask(nonce) {
            Verdict::Fresh => {}
            Verdict::Repeated => return Err(SealError::Replayed),
            Verdict::TooOld => return Err(SealError::TooOld),
        }
        let mut plain = vec![0; noise.len()];
        let length = transport.read_message(nonce, noise, &mut plain).map_err(|_| SealError::Forged)?;
        plain.truncate(length);
        self.opened.note(nonce);
        Ok(Opened::Plain(plain))
    }

    fn new_handshake(&self) -> HandshakeState {
        let fixed = "the pattern is known, and it is given every key it needs once, 32 bytes long";
        let builder = Builder::new(PATTERN.parse().expect(fixed))
            .prologue(&self.prologue)
            .and_then(|builder| builder.local_private_key(self.secret.as_slice()))
            .expect(fixed);
        match self.role {
            Role::Caller => builder.remote_public_key(&self.peer).and_then(Builder::build_initiator),
            Role::Callee => builder.build_responder(),
        }
        .expect(fixed)
    }

    fn establish(&mut self) {
        self.state = match std::mem::replace(&mut self.state, State::Fresh) {
            State::Handshaking(handshake) => {
                let hash = handshake.get_handshake_hash().try_into();
                let handshake_hash = hash.expect("BLAKE2s makes 32 bytes");
                let transport = handshake.into_stateless_transport_mode();
                let transport = Box::new(transport.expect("both handshake messages are made and read"));
                State::Established { transport, handshake_hash }
            }
            other @ (State::Fresh | State::Established { .. }) => other,
        };
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer")
            .field("role", &self.role)
            .field("established", &self.established())
            .finish_non_exhaustive()
    }
}

fn prologue(call: CallId, caller: Address, callee: Address) -> Vec<u8> {
    [PROLOGUE_DOMAIN, &[SEALING_VERSION], &call.0, caller.as_bytes(), callee.as_bytes()].concat()
}

fn head(kind: Kind) -> Vec<u8> {
    vec![SEALING_VERSION, kind as u8]
}

fn write_handshake(handshake: &mut HandshakeState, kind: Kind, plain: &[u8]) -> Result<Vec<u8>, SealError> {
    let mut sealed = head(kind);
    // Room, size and turn are right, so only the making of the ephemeral key can fail.
    append(&mut sealed, CALLER_HANDSHAKE_OVERHEAD + plain.len(), |out| handshake.write_message(plain, out))
        .map_err(|_| SealError::NoRandomness)?;
    Ok(sealed)
}

fn read_handshake(handshake: &mut HandshakeState, body: &[u8]) -> Result<Vec<u8>, SealError> {
    let mut plain = vec![0; body.len()];
    let length = handshake
        .read_message(body, &mut plain)
        .map_err(|e| if e == snow::Error::Input { SealError::Cut } else { SealError::Forged })?;
    plain.truncate(length);
    Ok(plain)
}

/// Lets `write` fill up to `room` bytes after what `sealed` holds.
fn append(
    sealed: &mut Vec<u8>,
    room: usize,
    write: impl FnOnce(&mut [u8]) -> Result<usize, snow::Error>,
) -> Result<(), snow::Error> {
    let start = sealed.len();
    sealed.resize(start + room, 0);
    let written = write(&mut sealed[start..])?;
    sealed.truncate(start + written);
    Ok(())
}

/// Why an envelope cannot be made or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// More than may be sealed at once.
    #[error("at most {MAX_PLAIN_BYTES} bytes can be sealed at once, and these are {bytes}")]
    PlainTooLarge {
        /// How many there are.
        bytes: usize,
    },
    /// An envelope above the limit.
    #[error("an envelope has at most {MAX_SEALED_BYTES} bytes, and this one has {bytes}")]
    TooLarge {
        /// How many it has.
        bytes: usize,
    },
    /// Shorter than any of its kind.
    #[error("the envelope is cut short")]
    Cut,
    /// Another version of the sealing.
    #[error("the envelope is sealed in version {found}, and this program knows version {SEALING_VERSION}")]
    Version {
        /// Which it is.
        found: u8,
    },
    /// No kind of envelope.
    #[error("there is no envelope of kind {found}")]
    Kind {
        /// What it says it is.
        found: u8,
    },
    /// A kind that only this side sends.
    #[error("the envelope is of a kind that only this side sends; it was turned back")]
    WrongDirection,
    /// Before its time.
    #[error("the handshake of this call has not come that far yet")]
    NotYet,
    /// Not from the other party of this call, or changed on the way.
    #[error("the envelope does not belong to this call and these two parties, or was changed on the way")]
    Forged,
    /// Sealed by somebody other than the one whom the switchboard named.
    #[error("the invitation was sealed by somebody other than the one it is said to come from")]
    NotTheCaller,
    /// A handshake message where another was accepted already.
    #[error("this call already has a handshake from the other side, and this is a different one")]
    SecondHandshake,
    /// Opened before.
    #[error("the envelope was opened before")]
    Replayed,
    /// Behind the replay window.
    #[error("the envelope is too old to tell whether it was opened before")]
    TooOld,
    /// No more nonces.
    #[error("this call has used up its envelopes; call again")]
    Exhausted,
    /// The operating system failed.
    #[error("the operating system gave no random numbers; nothing can be sealed without them")]
    NoRandomness,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nonce_that_noise_reserves_is_never_used() {
        let [caller, callee] = [1, 2].map(|byte| Identity::from_secret_bytes([byte; 32]));
        let call = CallId([0; 16]);
        let mut ringing = Sealer::caller(&caller, callee.address(), call);
        let mut rung = Sealer::callee(&callee, caller.address(), call);
        rung.open(&ringing.seal(b"invite").unwrap()).unwrap();
        ringing.open(&rung.seal(b"reached").unwrap()).unwrap();

        ringing.next_nonce = u64::MAX - 1;
        let last = ringing.seal(b"last").unwrap();
        assert_eq!(rung.open(&last), Ok(Opened::Plain(b"last".to_vec())));
        assert_eq!(rung.open(&last), Err(SealError::Replayed));
        assert_eq!(ringing.seal(b"one more"), Err(SealError::Exhausted));
        assert_eq!(ringing.seal(b"one more"), Err(SealError::Exhausted));
    }
}
