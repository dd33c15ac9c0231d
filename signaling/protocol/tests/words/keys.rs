//! Keys: what is an address, and what a signature proves.

use proptest::prelude::*;
use sightline_protocol::keys::AddressError;
use sightline_protocol::switchboard::hello_signing_bytes;
use sightline_protocol::{Address, BadSignature, Challenge, Identity, Signature};

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

fn base64url(bytes: [u8; 32]) -> String {
    serde_json::to_string(&Challenge(bytes)).unwrap().trim_matches('"').to_owned()
}

#[test]
fn signing_is_ed25519_as_in_rfc_8032() {
    let secret = hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
    let identity = Identity::from_secret_bytes(secret.try_into().unwrap());
    let public = hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    assert_eq!(identity.address().as_bytes().to_vec(), public);
    let r = hex("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155");
    let s = hex("5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b");
    assert_eq!(identity.sign(b"").0.to_vec(), [r, s].concat());
}

#[test]
fn a_signature_holds_for_its_message_and_its_maker_alone() {
    let (ada, bob) = (Identity::generate().unwrap(), Identity::generate().unwrap());
    let signature = ada.sign(b"message");
    assert_eq!(ada.address().verify(b"message", &signature), Ok(()));
    assert_eq!(ada.address().verify(b"massage", &signature), Err(BadSignature));
    assert_eq!(bob.address().verify(b"message", &signature), Err(BadSignature));
    for bit in 0..512 {
        let mut changed = signature;
        changed.0[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(ada.address().verify(b"message", &changed), Err(BadSignature), "bit {bit}");
    }
    let text = serde_json::to_string(&signature).unwrap();
    assert_eq!(text.len(), 86 + 2);
    assert_eq!(serde_json::from_str::<Signature>(&text).unwrap(), signature);
}

#[test]
fn an_address_of_a_wrong_length_or_alphabet_is_refused() {
    let address = Identity::from_secret_bytes([1; 32]).address().to_string();
    assert_eq!(address.len(), Address::CHARS);
    assert_eq!(address[..42].parse::<Address>(), Err(AddressError::Length { found: 42 }));
    assert_eq!(format!("{address}A").parse::<Address>(), Err(AddressError::Length { found: 44 }));
    assert_eq!("".parse::<Address>(), Err(AddressError::Length { found: 0 }));
    for wrong in ["+", "/", "=", " ", "ä"] {
        assert_eq!(format!("{}{wrong}", &address[..42]).parse::<Address>(), Err(AddressError::Alphabet));
    }
}

#[test]
fn a_second_spelling_of_the_same_address_is_refused() {
    let address = Identity::from_secret_bytes([1; 32]).address().to_string();
    let spellings = (b'A'..=b'Z').chain(b'a'..=b'z').chain(b'0'..=b'9').chain([b'-', b'_']).filter(|last| {
        let spelling = format!("{}{}", &address[..42], char::from(*last));
        spelling.parse::<Address>().is_ok_and(|parsed| parsed.to_string() == address)
    });
    assert_eq!(spellings.count(), 1);
}

#[test]
fn points_that_anybody_could_sign_for_are_refused() {
    let small_order = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    ];
    for point in small_order {
        let bytes: [u8; 32] = hex(point).try_into().unwrap();
        assert_eq!(Address::from_bytes(bytes), Err(AddressError::NotAPoint), "{point}");
        let json = format!("\"{}\"", base64url(bytes));
        assert!(serde_json::from_str::<Address>(&json).is_err(), "{point}");
    }
}

#[test]
fn a_point_written_with_a_coordinate_above_the_prime_is_refused() {
    // y = p + 3, which decompresses like y = 3.
    let mut above = [0xff; 32];
    above[0] = 0xed + 3;
    above[31] = 0x7f;
    let mut below = [0; 32];
    below[0] = 3;
    assert!(Address::from_bytes(below).is_ok());
    assert_eq!(Address::from_bytes(above), Err(AddressError::NotAPoint));
}

#[test]
fn half_of_all_numbers_are_no_points_and_are_refused() {
    let points = (0..=255).filter(|n| {
        let mut bytes = [7; 32];
        bytes[0] = *n;
        Address::from_bytes(bytes).is_ok()
    });
    let points = points.count();
    assert!((90..166).contains(&points), "{points} of 256");
}

#[test]
fn secrets_are_not_printed() {
    let identity = Identity::from_secret_bytes([0xab; 32]);
    let printed = format!("{identity:?}");
    assert_eq!(printed, format!("Identity({}…)", identity.address().short()));
    assert_eq!(identity.address().short().len(), 8);
    assert_eq!(format!("{:?}", identity.address()), format!("Address({}…)", identity.address().short()));
}

#[test]
fn a_hello_for_one_server_challenge_or_key_is_good_for_no_other() {
    let (ada, bob) = (Identity::from_secret_bytes([1; 32]), Identity::from_secret_bytes([2; 32]));
    let [one, two] = [Challenge([1; 32]), Challenge([2; 32])];
    let good = hello_signing_bytes("calls.example", &one, &ada.address());
    assert_eq!(hello_signing_bytes("Calls.EXAMPLE", &one, &ada.address()), good);
    for other in [
        hello_signing_bytes("calls.example:8443", &one, &ada.address()),
        hello_signing_bytes("calls.example", &two, &ada.address()),
        hello_signing_bytes("calls.example", &one, &bob.address()),
    ] {
        assert_ne!(other, good);
        assert_eq!(ada.address().verify(&other, &ada.sign(&good)), Err(BadSignature));
    }
}

proptest! {
    #[test]
    fn an_address_survives_being_written(secret: [u8; 32]) {
        let address = Identity::from_secret_bytes(secret).address();
        prop_assert_eq!(address.to_string().parse(), Ok(address));
        prop_assert_eq!(Address::from_bytes(*address.as_bytes()), Ok(address));
        let json = serde_json::to_string(&address).unwrap();
        prop_assert_eq!(serde_json::from_str::<Address>(&json).unwrap(), address);
    }

    #[test]
    fn an_identity_survives_being_stored(secret: [u8; 32]) {
        let identity = Identity::from_secret_bytes(secret);
        prop_assert_eq!(*identity.secret_bytes(), secret);
        let again = Identity::from_secret_bytes(*identity.secret_bytes());
        prop_assert_eq!(again.address(), identity.address());
    }
}
