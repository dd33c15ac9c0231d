//! Messages that the RFCs print, read as the relay reads them.

use stun_types::attribute::{
    Fingerprint, MessageIntegrity, Nonce, Realm, Software, Userhash, Username, XorMappedAddress,
};
use stun_types::message::{
    BINDING, IntegrityAlgorithm, LongTermKeyCredentials, MessageClass, MessageIntegrityCredentials,
    ShortTermCredentials,
};
use stun_types::prelude::*;

use super::world::at;
use crate::relay::stun;

/// Hexadecimal, with spaces to read by.
fn bytes(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|letter| letter.to_digit(16)).collect();
    digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()
}

fn short_term() -> MessageIntegrityCredentials {
    ShortTermCredentials::new("VOkJxbRl1RmTxUk/WvJxBt".to_owned()).into()
}

/// RFC 5769, 2.1.
#[test]
fn the_sample_request_is_read() {
    let request = bytes(
        "00010058 2112a442 b7e7a701 bc34d686 fa87dfae 80220010 5354554e 20746573 7420636c 69656e74
         00240004 6e0001ff 80290008 932ff9b1 51263b36 00060009 6576746a 3a683676 59202020
         00080014 9aeaa70c bfd8cb56 781ef2b5 b2d3f249 c1b571a2 80280004 e57a3bcf",
    );
    let message = stun::read(&request).unwrap();
    assert!(message.has_method(BINDING) && message.has_class(MessageClass::Request));
    assert_eq!(message.attribute::<Software>().unwrap().software(), "STUN test client");
    assert_eq!(message.attribute::<Username>().unwrap().username(), "evtj:h6vY");
    assert!(message.has_attribute(Fingerprint::TYPE));
    assert_eq!(message.validate_integrity(&short_term()).ok(), Some(IntegrityAlgorithm::Sha1));

    for place in 0..request.len() - 32 {
        let mut changed = request.clone();
        changed[place] ^= 0x80;
        let intact =
            stun::read(&changed).is_some_and(|message| message.validate_integrity(&short_term()).is_ok());
        assert!(!intact, "{place}");
    }
}

/// RFC 5769, 2.2.
#[test]
fn the_sample_ipv4_response_is_read() {
    let response = bytes(
        "0101003c 2112a442 b7e7a701 bc34d686 fa87dfae 8022000b 74657374 20766563 746f7220
         00200008 0001a147 e112a643 00080014 2b91f599 fd9e90c3 8c7489f9 2af9ba53 f06be7d7 80280004 c07d4c96",
    );
    let message = stun::read(&response).unwrap();
    let mapped = message.attribute::<XorMappedAddress>().unwrap();
    assert_eq!(mapped.addr(message.transaction_id()), at("192.0.2.1:32853"));
    assert_eq!(message.validate_integrity(&short_term()).ok(), Some(IntegrityAlgorithm::Sha1));
}

/// RFC 5769, 2.3.
#[test]
fn the_sample_ipv6_response_is_read() {
    let response = bytes(
        "01010048 2112a442 b7e7a701 bc34d686 fa87dfae 8022000b 74657374 20766563 746f7220
         00200014 0002a147 0113a9fa a5d3f179 bc25f4b5 bed2b9d9
         00080014 a382954e 4be67bf1 1784c97c 8292c275 bfe3ed41 80280004 c8fb0b4c",
    );
    let message = stun::read(&response).unwrap();
    let mapped = message.attribute::<XorMappedAddress>().unwrap();
    assert_eq!(mapped.addr(message.transaction_id()), at("[2001:db8:1234:5678:11:2233:4455:6677]:32853"));
    assert_eq!(message.validate_integrity(&short_term()).ok(), Some(IntegrityAlgorithm::Sha1));
}

/// RFC 5769, 2.4.
#[test]
fn the_sample_request_with_long_term_authentication_is_read() {
    let request = bytes(
        "00010060 2112a442 78ad3433 c6ad72c0 29da412e
         00060012 e3839ee3 8388e383 aae38383 e382afe3 82b90000
         0015001c 662f2f34 39396b39 35346436 4f4c3334 6f4c3946 53547679 36347341
         0014000b 6578616d 706c652e 6f726700 00080014 f6702465 6dd64a3e 02b8e071 2e85c9a2 8ca89666",
    );
    let message = stun::read(&request).unwrap();
    let (username, realm) = (message.attribute::<Username>().unwrap(), message.attribute::<Realm>().unwrap());
    assert_eq!(username.username(), "\u{30de}\u{30c8}\u{30ea}\u{30c3}\u{30af}\u{30b9}");
    assert_eq!(message.attribute::<Nonce>().unwrap().nonce(), "f//499k954d6OL34oL9FSTvy64sA");
    // The password after SASLprep, as the RFC gives it.
    let key =
        LongTermKeyCredentials::new(username.username().into(), "TheMatrIX".into(), realm.realm().into());
    assert_eq!(message.validate_integrity(&key.into()).ok(), Some(IntegrityAlgorithm::Sha1));
    assert!(message.has_attribute(MessageIntegrity::TYPE));
}

/// RFC 8489, appendix B.1, with its erratum 6268.
#[test]
fn the_sample_request_with_sha_256_is_read() {
    let request = bytes(
        "00010090 2112a442 78ad3433 c6ad72c0 29da412e
         001e0020 4a3cf38f ef6992bd a952c678 0417da0f 24819415 569e60b2 05c46e41 407f1704
         00150029 6f624d61 744a6f73 32414141 43662f2f 3439396b 39353464 364f4c33 346f4c39 46535476 79363473
                  41000000
         0014000b 6578616d 706c652e 6f726700 001d0004 00020000
         001c0020 b5c7bf00 5b6c52a2 1c51c5e8 92f81924 136296cb 927c4314 9309278c c6518e65",
    );
    let message = stun::read(&request).unwrap();
    let username = "\u{30de}\u{30c8}\u{30ea}\u{30c3}\u{30af}\u{30b9}";
    let realm = message.attribute::<Realm>().unwrap().realm().to_owned();
    assert_eq!(*message.attribute::<Userhash>().unwrap().hash(), Userhash::compute(username, &realm));
    let key = LongTermKeyCredentials::new(username.to_owned(), "TheMatrIX".into(), realm);
    assert_eq!(message.validate_integrity(&key.into()).ok(), Some(IntegrityAlgorithm::Sha256));
}
