//! What it costs that nobody on the way can read along.

use divan::Bencher;
use sightline_protocol::{
    call::{CallId, CallMessage, DescriptionKind, Frame},
    keys::Identity,
    seal::{Opened, Sealer},
};

const CALL: CallId = CallId([7; 16]);

fn identity() -> Identity {
    Identity::generate().expect("a machine that runs benchmarks has random numbers")
}

/// Both ends of a call whose handshake is done.
fn established() -> (Sealer, Sealer) {
    let (caller, callee) = (identity(), identity());
    let mut near = Sealer::caller(&caller, callee.address(), CALL);
    let mut far = Sealer::callee(&callee, caller.address(), CALL);
    hand_over(&mut near, &mut far, b"invite");
    hand_over(&mut far, &mut near, b"reached");
    (near, far)
}

fn hand_over(from: &mut Sealer, to: &mut Sealer, plain: &[u8]) {
    let sealed = from.seal(plain).expect("it may be sealed");
    assert!(matches!(to.open(&sealed), Ok(Opened::Plain(opened)) if opened == plain));
}

/// An offer, which is the longest message of a call.
fn offer() -> Vec<u8> {
    let message = CallMessage::Description {
        kind: DescriptionKind::Offer,
        generation: 1,
        sdp: "v=0\r\n".repeat(600),
        direct: false,
    };
    Frame { ack: 1, part: Some((2, message)) }.encode().expect("it fits")
}

#[divan::bench]
fn handshake_of_both_ends(bencher: Bencher<'_, '_>) {
    let (caller, callee) = (identity(), identity());
    bencher.bench_local(|| {
        let mut near = Sealer::caller(&caller, callee.address(), CALL);
        let mut far = Sealer::callee(&callee, caller.address(), CALL);
        hand_over(&mut near, &mut far, b"invite");
        hand_over(&mut far, &mut near, b"reached");
    });
}

#[divan::bench]
fn seal_and_open_an_offer(bencher: Bencher<'_, '_>) {
    let (mut near, mut far) = established();
    let offer = offer();
    bencher.bench_local(|| {
        let sealed = near.seal(&offer).expect("it may be sealed");
        far.open(&sealed).expect("it was sealed for this end")
    });
}

#[divan::bench]
fn encode_and_decode_an_offer(bencher: Bencher<'_, '_>) {
    let offer = offer();
    bencher.bench_local(|| Frame::decode(&offer).expect("it is one").encode().expect("it fits"));
}
