//! A TURN client, as small as a load generator needs it: one allocation, one channel, and then ChannelData.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use ring::hmac;
use stun_types::attribute::{AttributeType, ErrorCode, Nonce, RawAttribute, Realm, Username, XorSocketAddr};
use stun_types::message::{
    IntegrityAlgorithm, LongTermKeyCredentials, Message, MessageClass, MessageIntegrityCredentials,
    MessageType, MessageWriteVec, Method, TransactionId,
};
use stun_types::prelude::*;

use crate::process::SECRET;

const ALLOCATE: Method = Method::new(0x003);
const CHANNEL_BIND: Method = Method::new(0x009);
const CHANNEL_NUMBER: AttributeType = AttributeType::new(0x000c);
const LIFETIME: AttributeType = AttributeType::new(0x000d);
const XOR_PEER_ADDRESS: AttributeType = AttributeType::new(0x0012);
const XOR_RELAYED_ADDRESS: AttributeType = AttributeType::new(0x0016);
const REQUESTED_TRANSPORT: AttributeType = AttributeType::new(0x0019);
const UDP: u8 = 17;

/// The one channel of each client.
pub(crate) const CHANNEL: u16 = 0x4001;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Allocates at `server`, binds the channel to `peer`, and says at which address the peer is reached back.
pub(crate) fn open(
    socket: &UdpSocket,
    server: SocketAddr,
    peer: SocketAddr,
    number: u64,
) -> Result<SocketAddr> {
    socket.connect(server)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let until = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs() + 3600;
    // As the switchboard would write it, so that both relays take it.
    let username = format!("{until}:{number:016x}-a");
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, SECRET.as_bytes());
    let password = base64::engine::general_purpose::STANDARD.encode(hmac::sign(&key, username.as_bytes()));

    let allocate = |message: &mut MessageWriteVec| -> Result<()> {
        message.add_attribute(&RawAttribute::new(REQUESTED_TRANSPORT, &[UDP, 0, 0, 0]))?;
        message.add_attribute(&RawAttribute::new(LIFETIME, &3600_u32.to_be_bytes()))?;
        Ok(())
    };
    let mut first = request(ALLOCATE, TransactionId::generate());
    allocate(&mut first)?;
    let challenge = ask(socket, &first.finish())?;
    let challenge = Message::from_bytes(&challenge)?;
    let (realm, nonce) = (
        challenge.attribute::<Realm>()?.realm().to_owned(),
        challenge.attribute::<Nonce>()?.nonce().to_owned(),
    );
    let credentials: MessageIntegrityCredentials =
        LongTermKeyCredentials::new(username.clone(), password, realm.clone()).into();
    let signed = |mut message: MessageWriteVec| -> Result<Vec<u8>> {
        message.add_attribute(&Username::new(&username)?)?;
        message.add_attribute(&Realm::new(&realm)?)?;
        message.add_attribute(&Nonce::new(&nonce)?)?;
        message.add_message_integrity(&credentials, IntegrityAlgorithm::Sha1)?;
        Ok(message.finish())
    };

    let mut second = request(ALLOCATE, TransactionId::generate());
    allocate(&mut second)?;
    let answer = granted(ask(socket, &signed(second)?)?)?;
    let answer = Message::from_bytes(&answer)?;
    let relayed = answer.raw_attribute(XOR_RELAYED_ADDRESS).context("an allocation has an address")?;
    let relayed = XorSocketAddr::from_raw(&relayed)?.addr(answer.transaction_id());

    let transaction = TransactionId::generate();
    let mut bind = request(CHANNEL_BIND, transaction);
    bind.add_attribute(&RawAttribute::new(CHANNEL_NUMBER, &(u32::from(CHANNEL) << 16).to_be_bytes()))?;
    bind.add_attribute(&XorSocketAddr::new(peer, transaction).to_raw(XOR_PEER_ADDRESS))?;
    granted(ask(socket, &signed(bind)?)?)?;
    Ok(relayed)
}

/// A request without credentials, as strangers send it.
pub(crate) fn stranger() -> Vec<u8> {
    let mut message = request(ALLOCATE, TransactionId::generate());
    message
        .add_attribute(&RawAttribute::new(REQUESTED_TRANSPORT, &[UDP, 0, 0, 0]))
        .expect("there is room for one attribute");
    message.finish()
}

fn request(method: Method, transaction: TransactionId) -> MessageWriteVec {
    Message::builder(
        MessageType::from_class_method(MessageClass::Request, method),
        transaction,
        MessageWriteVec::new(),
    )
}

fn ask(socket: &UdpSocket, request: &[u8]) -> Result<Vec<u8>> {
    socket.send(request)?;
    let mut answer = [0; 1500];
    let length = socket.recv(&mut answer).context("the relay does not answer")?;
    Ok(answer[..length].to_vec())
}

fn granted(answer: Vec<u8>) -> Result<Vec<u8>> {
    let message = Message::from_bytes(&answer)?;
    if message.has_class(MessageClass::Success) {
        return Ok(answer);
    }
    let code = message.attribute::<ErrorCode>().map(|error| error.code());
    bail!("the relay refuses: {code:?}")
}
