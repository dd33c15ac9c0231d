//! A second implementation of the sealing, written from the specification with nothing but a Noise library.
//!
//! It makes the vectors that `README.md` prints (its ephemeral keys are fixed, which ours never are) and it
//! talks to ours, so that page, vectors and code cannot drift apart.

use std::fmt::Write as _;

use curve25519_dalek::edwards::CompressedEdwardsY;
use sightline_protocol::switchboard::hello_signing_bytes;
use sightline_protocol::{CallId, Challenge, Identity, Opened, SealError, Sealer};
use snow::{Builder, HandshakeState, StatelessTransportState};

const SPECIFICATION: &str = include_str!("../../README.md");
const CALL: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

struct Party {
    identity: Identity,
    x25519_secret: [u8; 32],
    x25519_public: [u8; 32],
    ephemeral: [u8; 32],
}

impl Party {
    fn new(seed: u8, ephemeral: u8) -> Self {
        let identity = Identity::from_secret_bytes([seed; 32]);
        let x25519_secret = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]).to_scalar_bytes();
        let point = CompressedEdwardsY(*identity.address().as_bytes()).decompress().unwrap();
        Self { identity, x25519_secret, x25519_public: point.to_montgomery().0, ephemeral: [ephemeral; 32] }
    }
}

fn parties() -> [Party; 2] {
    [Party::new(1, 3), Party::new(2, 4)]
}

fn prologue(caller: &Party, callee: &Party) -> Vec<u8> {
    let mut bytes = b"sightline-seal\x01".to_vec();
    bytes.extend(CALL);
    bytes.extend(caller.identity.address().as_bytes());
    bytes.extend(callee.identity.address().as_bytes());
    bytes
}

fn initiator(own: &Party, callee_key: &[u8; 32], prologue: &[u8]) -> HandshakeState {
    Builder::new("Noise_IK_25519_ChaChaPoly_BLAKE2s".parse().unwrap())
        .prologue(prologue)
        .and_then(|builder| builder.local_private_key(&own.x25519_secret))
        .and_then(|builder| builder.remote_public_key(callee_key))
        .map(|builder| builder.fixed_ephemeral_key_for_testing_only(&own.ephemeral))
        .and_then(Builder::build_initiator)
        .unwrap()
}

fn responder(own: &Party, prologue: &[u8]) -> HandshakeState {
    Builder::new("Noise_IK_25519_ChaChaPoly_BLAKE2s".parse().unwrap())
        .prologue(prologue)
        .and_then(|builder| builder.local_private_key(&own.x25519_secret))
        .map(|builder| builder.fixed_ephemeral_key_for_testing_only(&own.ephemeral))
        .and_then(Builder::build_responder)
        .unwrap()
}

fn write(state: &mut HandshakeState, kind: u8, plain: &[u8]) -> Vec<u8> {
    let mut noise = [0; 1000];
    let length = state.write_message(plain, &mut noise).unwrap();
    [&[1, kind], &noise[..length]].concat()
}

fn read(state: &mut HandshakeState, sealed: &[u8]) -> Vec<u8> {
    let mut plain = [0; 1000];
    let length = state.read_message(&sealed[2..], &mut plain).unwrap();
    plain[..length].to_vec()
}

fn write_transport(state: &StatelessTransportState, nonce: u64, plain: &[u8]) -> Vec<u8> {
    let mut noise = [0; 1000];
    let length = state.write_message(nonce, plain, &mut noise).unwrap();
    [&[1, 3], nonce.to_be_bytes().as_slice(), &noise[..length]].concat()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

#[test]
fn the_specification_prints_the_vectors_of_a_sealed_call() {
    let [ada, bob] = parties();
    let prologue = prologue(&ada, &bob);
    let (mut caller, mut callee) =
        (initiator(&ada, &bob.x25519_public, &prologue), responder(&bob, &prologue));
    let invite = write(&mut caller, 1, b"invite");
    assert_eq!(read(&mut callee, &invite), b"invite");
    let answer = write(&mut callee, 2, b"reached");
    assert_eq!(read(&mut caller, &answer), b"reached");
    let hash = caller.get_handshake_hash().to_vec();
    let there = write_transport(&caller.into_stateless_transport_mode().unwrap(), 0, b"there");
    let back = write_transport(&callee.into_stateless_transport_mode().unwrap(), 0, b"back");
    let challenge = Challenge([9; 32]);
    let signed = hello_signing_bytes("calls.example", &challenge, &ada.identity.address());

    let vectors = [
        ("ada, Ed25519 public", hex(ada.identity.address().as_bytes())),
        ("ada, X25519 secret", hex(&ada.x25519_secret)),
        ("ada, X25519 public", hex(&ada.x25519_public)),
        ("bob, Ed25519 public", hex(bob.identity.address().as_bytes())),
        ("bob, X25519 secret", hex(&bob.x25519_secret)),
        ("bob, X25519 public", hex(&bob.x25519_public)),
        ("signed by ada's hello", hex(&signed)),
        ("ada's signature", hex(&ada.identity.sign(&signed).0)),
        ("prologue", hex(&prologue)),
        ("envelope \"invite\"", hex(&invite)),
        ("envelope \"reached\"", hex(&answer)),
        ("handshake hash", hex(&hash)),
        ("ada's envelope \"there\"", hex(&there)),
        ("bob's envelope \"back\"", hex(&back)),
    ];
    let written: String = vectors.iter().map(|(name, value)| format!("{name:24}{value}\n")).collect();
    assert!(SPECIFICATION.contains(&written), "README.md does not print\n{written}");
}

#[test]
fn the_other_implementation_rings_ours() {
    let [ada, bob] = parties();
    let mut theirs = initiator(&ada, &bob.x25519_public, &prologue(&ada, &bob));
    let mut ours = Sealer::callee(&bob.identity, ada.identity.address(), CallId(CALL));
    assert_eq!(ours.open(&write(&mut theirs, 1, b"invite")), Ok(Opened::Plain(b"invite".to_vec())));
    assert_eq!(read(&mut theirs, &ours.seal(b"reached").unwrap()), b"reached");
    assert_eq!(ours.handshake_hash().unwrap().as_slice(), theirs.get_handshake_hash());
    let theirs = theirs.into_stateless_transport_mode().unwrap();
    assert_eq!(ours.open(&write_transport(&theirs, 7, b"there")), Ok(Opened::Plain(b"there".to_vec())));
    assert_eq!(ours.open(&write_transport(&theirs, 0, b"late")), Ok(Opened::Plain(b"late".to_vec())));
    assert_eq!(ours.open(&write_transport(&theirs, 7, b"there")), Err(SealError::Replayed));
}

#[test]
fn ours_rings_the_other_implementation() {
    let [ada, bob] = parties();
    let mut theirs = responder(&bob, &prologue(&ada, &bob));
    let mut ours = Sealer::caller(&ada.identity, bob.identity.address(), CallId(CALL));
    assert_eq!(read(&mut theirs, &ours.seal(b"invite").unwrap()), b"invite");
    assert_eq!(theirs.get_remote_static(), Some(ada.x25519_public.as_slice()));
    assert_eq!(ours.open(&write(&mut theirs, 2, b"reached")), Ok(Opened::Plain(b"reached".to_vec())));
    let there = ours.seal(b"there").unwrap();
    assert_eq!(there[..10], [1, 3, 0, 0, 0, 0, 0, 0, 0, 0]);
    let mut plain = [0; 100];
    let theirs = theirs.into_stateless_transport_mode().unwrap();
    let length = theirs.read_message(0, &there[10..], &mut plain).unwrap();
    assert_eq!(&plain[..length], b"there");
}

/// Whoever knows both addresses can write Ada's into the prologue, but has only their own key to prove.
#[test]
fn a_prologue_that_names_somebody_else_does_not_help_a_forger() {
    let [ada, bob] = parties();
    let mut eve = Party::new(5, 6);
    let mut forged = initiator(&eve, &bob.x25519_public, &prologue(&ada, &bob));
    let mut callee = Sealer::callee(&bob.identity, ada.identity.address(), CallId(CALL));
    assert_eq!(callee.open(&write(&mut forged, 1, b"invite")), Err(SealError::NotTheCaller));
    assert_eq!(callee.seal(b"reached"), Err(SealError::NotYet));

    // Ada's public key in place of her own does not help either: Noise proves the secret.
    eve.x25519_secret = ada.x25519_public;
    let mut forged = initiator(&eve, &bob.x25519_public, &prologue(&ada, &bob));
    assert_eq!(callee.open(&write(&mut forged, 1, b"invite")), Err(SealError::NotTheCaller));

    let mut genuine = initiator(&ada, &bob.x25519_public, &prologue(&ada, &bob));
    assert_eq!(callee.open(&write(&mut genuine, 1, b"invite")), Ok(Opened::Plain(b"invite".to_vec())));
}

/// An answer by somebody who is not the callee, before the true one.
#[test]
fn an_impostors_answer_is_refused_and_the_true_one_still_opens() {
    let [ada, bob] = parties();
    let eve = Party::new(5, 6);
    let mut caller = Sealer::caller(&ada.identity, bob.identity.address(), CallId(CALL));
    let invite = caller.seal(b"invite").unwrap();

    // Eve cannot read the invitation, so she answers one of her own making.
    let mut own = initiator(&ada, &eve.x25519_public, &prologue(&ada, &bob));
    let mut impostor = responder(&eve, &prologue(&ada, &bob));
    read(&mut impostor, &write(&mut own, 1, b"invite"));
    assert_eq!(caller.open(&write(&mut impostor, 2, b"reached")), Err(SealError::Forged));

    let mut callee = Sealer::callee(&bob.identity, ada.identity.address(), CallId(CALL));
    callee.open(&invite).unwrap();
    let answer = callee.seal(b"reached").unwrap();
    assert_eq!(caller.open(&answer), Ok(Opened::Plain(b"reached".to_vec())));
}
