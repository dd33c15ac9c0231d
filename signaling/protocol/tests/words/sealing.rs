//! Sealing: what the switchboard, or anybody on the way, can do to an envelope. Nothing but lose it.

use proptest::prelude::*;
use sightline_protocol::limits::{MAX_PLAIN_BYTES, MAX_SEALED_BYTES, REPLAY_WINDOW};
use sightline_protocol::{CallId, Identity, Opened, SealError, Sealer};

const CALL: CallId = CallId([5; 16]);

fn ada() -> Identity {
    Identity::from_secret_bytes([1; 32])
}

fn bob() -> Identity {
    Identity::from_secret_bytes([2; 32])
}

fn eve() -> Identity {
    Identity::from_secret_bytes([3; 32])
}

fn plain(bytes: &[u8]) -> Result<Opened, SealError> {
    Ok(Opened::Plain(bytes.to_vec()))
}

/// Ada rings Bob.
struct Call {
    caller: Sealer,
    callee: Sealer,
    invite: Vec<u8>,
    answer: Vec<u8>,
}

impl Call {
    /// The answer is made, and has not arrived.
    fn answered() -> Self {
        let mut caller = Sealer::caller(&ada(), bob().address(), CALL);
        let mut callee = Sealer::callee(&bob(), ada().address(), CALL);
        let invite = caller.seal(b"invite").unwrap();
        assert_eq!(callee.open(&invite), plain(b"invite"));
        let answer = callee.seal(b"reached").unwrap();
        Self { caller, callee, invite, answer }
    }

    fn established() -> Self {
        let mut call = Self::answered();
        assert_eq!(call.caller.open(&call.answer), plain(b"reached"));
        call
    }
}

/// Every way to cut `sealed`, to lengthen it, and to flip one bit of it.
fn damaged(sealed: &[u8]) -> Vec<Vec<u8>> {
    let cut = (0..sealed.len()).map(|length| sealed[..length].to_vec());
    let longer = [[sealed, &[0]].concat(), [sealed, sealed].concat(), [sealed, &[0xff; 16]].concat()];
    let flipped = (0..sealed.len() * 8).map(|bit| {
        let mut copy = sealed.to_vec();
        copy[bit / 8] ^= 1 << (bit % 8);
        copy
    });
    cut.chain(longer).chain(flipped).collect()
}

#[test]
fn a_sealer_may_live_in_any_thread() {
    fn assert_send<T: Send + Sync>() {}
    assert_send::<Sealer>();
}

#[test]
fn a_call_is_sealed_both_ways() {
    let Call { mut caller, mut callee, .. } = Call::established();
    assert!(caller.established() && callee.established());
    assert_eq!(caller.handshake_hash(), callee.handshake_hash());
    assert!(caller.handshake_hash().is_some());
    for n in 0..100_u8 {
        let (there, back) = (caller.seal(&[n, 1]).unwrap(), callee.seal(&[n, 2]).unwrap());
        assert_eq!(callee.open(&there), plain(&[n, 1]));
        assert_eq!(caller.open(&back), plain(&[n, 2]));
    }
    let nothing = caller.seal(b"").unwrap();
    assert_eq!(callee.open(&nothing), plain(b""));
}

#[test]
fn an_envelope_shows_nothing_of_what_it_holds_or_who_the_caller_is() {
    let secret = b"a text that would be recognised anywhere";
    let mut caller = Sealer::caller(&ada(), bob().address(), CALL);
    let invite = caller.seal(secret).unwrap();
    for visible in [secret.as_slice(), ada().address().as_bytes(), bob().address().as_bytes()] {
        assert!(!invite.windows(8).any(|window| visible.windows(8).any(|part| part == window)));
    }
    assert_eq!(format!("{caller:?}"), "Sealer { role: Caller, established: false, .. }");
}

#[test]
fn nobody_can_seal_before_their_turn() {
    let mut caller = Sealer::caller(&ada(), bob().address(), CALL);
    let mut callee = Sealer::callee(&bob(), ada().address(), CALL);
    assert_eq!(callee.seal(b"reached"), Err(SealError::NotYet));
    assert_eq!(caller.handshake_message(), None);
    let invite = caller.seal(b"invite").unwrap();
    assert_eq!(caller.handshake_message(), Some(invite.as_slice()));
    assert_eq!(caller.seal(b"second"), Err(SealError::NotYet));
    assert_eq!((caller.established(), caller.handshake_hash()), (false, None));
    callee.open(&invite).unwrap();
    assert!(!callee.established());
    let answer = callee.seal(b"reached").unwrap();
    assert_eq!(callee.handshake_message(), Some(answer.as_slice()));
    assert!(callee.established());
}

#[test]
fn a_handshake_message_again_is_recognised_and_changes_nothing() {
    let mut call = Call::answered();
    assert_eq!(call.callee.open(&call.invite), Ok(Opened::Repeat));
    call.caller.open(&call.answer).unwrap();
    assert_eq!(call.caller.open(&call.answer), Ok(Opened::Repeat));
    assert_eq!(call.callee.open(&call.invite), Ok(Opened::Repeat));
    let ack = call.caller.seal(b"ack").unwrap();
    assert_eq!(call.callee.open(&ack), plain(b"ack"));
}

#[test]
fn a_second_handshake_in_the_same_call_is_refused() {
    let mut call = Call::answered();
    let other_invite = Sealer::caller(&ada(), bob().address(), CALL).seal(b"invite").unwrap();
    assert_eq!(call.callee.open(&other_invite), Err(SealError::SecondHandshake));

    let mut other_callee = Sealer::callee(&bob(), ada().address(), CALL);
    other_callee.open(&call.invite).unwrap();
    let other_answer = other_callee.seal(b"reached").unwrap();
    call.caller.open(&call.answer).unwrap();
    assert_eq!(call.caller.open(&other_answer), Err(SealError::SecondHandshake));
}

#[test]
fn a_transport_envelope_before_the_answer_waits() {
    let mut call = Call::answered();
    let early = call.callee.seal(b"ringing").unwrap();
    assert_eq!(call.caller.open(&early), Err(SealError::NotYet));
    call.caller.open(&call.answer).unwrap();
    assert_eq!(call.caller.open(&early), plain(b"ringing"));

    let mut fresh = Sealer::callee(&bob(), ada().address(), CALL);
    assert_eq!(fresh.open(&early), Err(SealError::NotYet));
}

#[test]
fn a_damaged_invitation_is_refused_and_the_true_one_still_opens() {
    let invite = Sealer::caller(&ada(), bob().address(), CALL).seal(b"invite").unwrap();
    let mut callee = Sealer::callee(&bob(), ada().address(), CALL);
    for rubbish in damaged(&invite) {
        assert!(callee.open(&rubbish).is_err());
        assert_eq!(callee.seal(b"reached"), Err(SealError::NotYet));
    }
    assert_eq!(callee.open(&invite), plain(b"invite"));
}

#[test]
fn a_damaged_answer_is_refused_and_the_true_one_still_opens() {
    let mut call = Call::answered();
    for rubbish in damaged(&call.answer) {
        assert!(call.caller.open(&rubbish).is_err());
        assert!(!call.caller.established());
    }
    assert_eq!(call.caller.open(&call.answer), plain(b"reached"));
    assert_eq!(call.caller.handshake_hash(), call.callee.handshake_hash());
    let there = call.caller.seal(b"there").unwrap();
    assert_eq!(call.callee.open(&there), plain(b"there"));
    let back = call.callee.seal(b"back").unwrap();
    assert_eq!(call.caller.open(&back), plain(b"back"));
}

#[test]
fn a_damaged_transport_envelope_is_refused_and_the_true_one_still_opens() {
    let mut call = Call::established();
    for _ in 0..3 {
        let sealed = call.caller.seal(b"there").unwrap();
        for rubbish in damaged(&sealed) {
            assert!(call.callee.open(&rubbish).is_err());
        }
        assert_eq!(call.callee.open(&sealed), plain(b"there"));
    }
}

#[test]
fn each_kind_of_damage_has_its_name() {
    let mut call = Call::established();
    let sealed = call.caller.seal(b"there").unwrap();
    let with = |at: usize, value: u8| {
        let mut copy = sealed.clone();
        copy[at] = value;
        copy
    };
    assert_eq!(call.callee.open(&[]), Err(SealError::Cut));
    assert_eq!(call.callee.open(&sealed[..1]), Err(SealError::Cut));
    assert_eq!(call.callee.open(&sealed[..9]), Err(SealError::Cut));
    assert_eq!(call.callee.open(&with(0, 2)), Err(SealError::Version { found: 2 }));
    assert_eq!(call.callee.open(&with(1, 0)), Err(SealError::Kind { found: 0 }));
    assert_eq!(call.callee.open(&with(1, 2)), Err(SealError::WrongDirection));
    assert_eq!(call.callee.open(&with(1, 1)), Err(SealError::SecondHandshake));
    assert_eq!(call.callee.open(&with(9, 1)), Err(SealError::Forged));
    let huge = vec![1; MAX_SEALED_BYTES + 1];
    assert_eq!(call.callee.open(&huge), Err(SealError::TooLarge { bytes: huge.len() }));
    let cut = Sealer::callee(&bob(), ada().address(), CALL).open(&call.invite[..20]);
    assert_eq!(cut, Err(SealError::Cut));
}

#[test]
fn a_repeated_envelope_is_refused() {
    let mut call = Call::established();
    let sealed: Vec<_> = (0..50).map(|n| call.caller.seal(&[n]).unwrap()).collect();
    for (n, envelope) in (0..).zip(&sealed) {
        assert_eq!(call.callee.open(envelope), plain(&[n]));
    }
    for envelope in &sealed {
        assert_eq!(call.callee.open(envelope), Err(SealError::Replayed));
    }
}

#[test]
fn what_falls_out_of_the_window_is_too_old() {
    let mut call = Call::established();
    let sealed: Vec<_> = (0..REPLAY_WINDOW + 2).map(|_| call.caller.seal(b"x").unwrap()).collect();
    assert_eq!(call.callee.open(&sealed[REPLAY_WINDOW as usize]), plain(b"x"));
    assert_eq!(call.callee.open(&sealed[0]), Err(SealError::TooOld));
    assert_eq!(call.callee.open(&sealed[1]), plain(b"x"));
    assert_eq!(call.callee.open(&sealed[REPLAY_WINDOW as usize + 1]), plain(b"x"));
    assert_eq!(call.callee.open(&sealed[1]), Err(SealError::TooOld));
    assert_eq!(call.callee.open(&sealed[2]), plain(b"x"));
}

#[test]
fn a_forged_nonce_does_not_move_the_window() {
    let mut call = Call::established();
    let sealed = call.caller.seal(b"there").unwrap();
    let mut far = sealed.clone();
    far[2..10].copy_from_slice(&(u64::MAX - 1).to_be_bytes());
    assert_eq!(call.callee.open(&far), Err(SealError::Forged));
    far[2..10].copy_from_slice(&u64::MAX.to_be_bytes());
    assert_eq!(call.callee.open(&far), Err(SealError::Forged));
    assert_eq!(call.callee.open(&sealed), plain(b"there"));
}

#[test]
fn an_envelope_opens_in_no_other_call() {
    let mut call = Call::established();
    let other = CallId([6; 16]);
    let transport = call.caller.seal(b"there").unwrap();

    let mut callee = Sealer::callee(&bob(), ada().address(), other);
    assert_eq!(callee.open(&call.invite), Err(SealError::Forged));
    let mut caller = Sealer::caller(&ada(), bob().address(), other);
    let invite = caller.seal(b"invite").unwrap();
    assert_eq!(caller.open(&call.answer), Err(SealError::Forged));
    callee.open(&invite).unwrap();
    caller.open(&callee.seal(b"reached").unwrap()).unwrap();
    assert_eq!(callee.open(&transport), Err(SealError::Forged));
}

#[test]
fn an_envelope_opens_in_no_later_handshake_of_the_same_call() {
    let mut before = Call::established();
    let mut after = Call::established();
    let old = before.caller.seal(b"there").unwrap();
    assert_eq!(after.callee.open(&old), Err(SealError::Forged));
}

#[test]
fn an_envelope_opens_for_nobody_else() {
    let mut call = Call::established();
    let envelopes = [
        call.invite.clone(),
        call.answer.clone(),
        call.caller.seal(b"there").unwrap(),
        call.callee.seal(b"back").unwrap(),
    ];
    // Eve saw every envelope and knows both public keys, and takes either place in every way she can.
    let mut eves = vec![
        Sealer::callee(&eve(), ada().address(), CALL),
        Sealer::callee(&eve(), bob().address(), CALL),
        Sealer::caller(&eve(), ada().address(), CALL),
        Sealer::caller(&eve(), bob().address(), CALL),
    ];
    for calling in &mut eves[2..] {
        calling.seal(b"invite").unwrap();
    }
    for sealer in &mut eves {
        for envelope in &envelopes {
            assert!(sealer.open(envelope).is_err());
        }
    }
}

#[test]
fn the_two_parties_cannot_be_swapped() {
    let mut call = Call::established();
    let there = call.caller.seal(b"there").unwrap();
    // A switchboard that turns envelopes back to their sender.
    assert_eq!(call.caller.open(&there), Err(SealError::Forged));
    assert_eq!(call.caller.open(&call.invite), Err(SealError::WrongDirection));
    assert_eq!(call.callee.open(&call.answer), Err(SealError::WrongDirection));
    // One that says the invitation came from the other side.
    let mut swapped = Sealer::callee(&ada(), bob().address(), CALL);
    assert_eq!(swapped.open(&call.invite), Err(SealError::Forged));
}

#[test]
fn an_invitation_from_somebody_else_is_refused() {
    // The switchboard says that Eve's invitation is Ada's.
    let forged = Sealer::caller(&eve(), bob().address(), CALL).seal(b"invite").unwrap();
    let mut callee = Sealer::callee(&bob(), ada().address(), CALL);
    assert_eq!(callee.open(&forged), Err(SealError::Forged));
    // And that Ada's is Eve's.
    let genuine = Sealer::caller(&ada(), bob().address(), CALL).seal(b"invite").unwrap();
    let mut misled = Sealer::callee(&bob(), eve().address(), CALL);
    assert_eq!(misled.open(&genuine), Err(SealError::Forged));
    assert_eq!(callee.open(&genuine), plain(b"invite"));
}

#[test]
fn what_is_too_large_is_refused_and_the_next_is_sealed() {
    let mut caller = Sealer::caller(&ada(), bob().address(), CALL);
    let mut callee = Sealer::callee(&bob(), ada().address(), CALL);
    let largest = vec![b'x'; MAX_PLAIN_BYTES];
    let above = vec![b'x'; MAX_PLAIN_BYTES + 1];
    let refused = Err(SealError::PlainTooLarge { bytes: above.len() });

    assert_eq!(caller.seal(&above), refused);
    let invite = caller.seal(&largest).unwrap();
    assert!(invite.len() <= MAX_SEALED_BYTES);
    assert_eq!(callee.open(&invite), plain(&largest));
    assert_eq!(callee.seal(&above), refused);
    assert_eq!(caller.open(&callee.seal(&largest).unwrap()), plain(&largest));
    assert_eq!(caller.seal(&above), refused);
    assert_eq!(callee.open(&caller.seal(&largest).unwrap()), plain(&largest));
}

proptest! {
    #[test]
    fn any_order_within_the_window_opens_each_envelope_once(
        order in Just((0..REPLAY_WINDOW as usize).collect::<Vec<_>>()).prop_shuffle(),
        again in prop::collection::vec(0..REPLAY_WINDOW as usize, 0..50),
    ) {
        let mut call = Call::established();
        let sealed: Vec<_> = (0..order.len()).map(|n| call.caller.seal(&n.to_be_bytes()).unwrap()).collect();
        for n in order {
            prop_assert_eq!(call.callee.open(&sealed[n]), plain(&n.to_be_bytes()));
        }
        for n in again {
            prop_assert_eq!(call.callee.open(&sealed[n]), Err(SealError::Replayed));
        }
    }

    #[test]
    fn anything_can_be_sealed(first: Vec<u8>, second: Vec<u8>, third: Vec<u8>) {
        let mut caller = Sealer::caller(&ada(), bob().address(), CALL);
        let mut callee = Sealer::callee(&bob(), ada().address(), CALL);
        prop_assert_eq!(callee.open(&caller.seal(&first).unwrap()), plain(&first));
        prop_assert_eq!(caller.open(&callee.seal(&second).unwrap()), plain(&second));
        prop_assert_eq!(callee.open(&caller.seal(&third).unwrap()), plain(&third));
    }
}
