//! Clients that are broken, slow or mean. After each of them the server still serves the others.

use std::time::Duration;

use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use sightline_protocol::switchboard::encode;
use sightline_protocol::{ErrorCode, Identity, ToClient, ToServer};
use sightline_server::{Limits, Server};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::client::{Client, PATIENCE, Raw, envelope, frame, name, server, upgrade};

fn person() -> Identity {
    Identity::generate().expect("randomness")
}

fn quick() -> Limits {
    let short = Duration::from_millis(300);
    Limits { request_within: short, hello_within: short, ..Limits::default() }
}

async fn still_serves(server: &Server) {
    let (ada, bob) = (person(), person());
    let mut ada_there = Client::connect(server, &ada).await;
    let mut bob_there = Client::connect(server, &bob).await;
    ada_there.reaches(&mut bob_there, bob.address()).await;
}

#[tokio::test]
async fn a_hello_that_proves_nothing_is_refused() {
    let server = server(Limits::default()).await;
    let (ada, eve) = (person(), person());

    let mut forger = Client::open(&server).await;
    let ToServer::Hello { version, signature, resume, hidden, .. } = forger.hello(&eve, &name(&server))
    else {
        panic!()
    };
    forger.say(&ToServer::Hello { version, address: ada.address(), signature, resume, hidden }).await;
    assert_eq!(forger.last_words().await, (ErrorCode::AuthFailed, 1008), "another's address");

    let mut forwarder = Client::open(&server).await;
    let elsewhere = forwarder.hello(&ada, "call.example.org");
    forwarder.say(&elsewhere).await;
    assert_eq!(forwarder.last_words().await, (ErrorCode::AuthFailed, 1008), "signed for another server");

    let mut repeater = Client::open(&server).await;
    let again = Client::open(&server).await.hello(&ada, &name(&server));
    repeater.say(&again).await;
    assert_eq!(repeater.last_words().await, (ErrorCode::AuthFailed, 1008), "signed for another connection");
    still_serves(&server).await;
}

#[tokio::test]
async fn garbage_in_place_of_a_hello_gets_its_reason() {
    let server = server(Limits::default()).await;
    let not_utf8 = Frame::message(vec![0xff, 0xfe, 0xfd], OpCode::Data(Data::Text), true);
    let wrong_opcode = Frame::message(vec![1], OpCode::Data(Data::Reserved(5)), true);
    let cases = [
        ("text", Message::text("hello?"), ErrorCode::ProtoMalformed, 1008),
        (
            "an envelope",
            Message::text(encode(&envelope(1, person().address(), 3))),
            ErrorCode::ProtoUnexpected,
            1008,
        ),
        ("much text", Message::text("x".repeat(5000)), ErrorCode::ProtoTooLarge, 1009),
        ("binary", Message::binary(vec![1, 2, 3]), ErrorCode::ProtoMalformed, 1003),
        ("not UTF-8", Message::Frame(not_utf8), ErrorCode::ProtoMalformed, 1007),
        ("not WebSocket", Message::Frame(wrong_opcode), ErrorCode::ProtoMalformed, 1002),
    ];
    for (what, message, code, close_code) in cases {
        let mut client = Client::open(&server).await;
        client.send(message).await;
        assert_eq!(client.last_words().await, (code, close_code), "{what}");
    }
    still_serves(&server).await;
}

#[tokio::test]
async fn half_a_hello_and_then_silence_is_ended_by_the_deadline() {
    let server = server(quick()).await;
    let mut half = Raw::upgraded(&server).await;
    let whole = frame(b"{\"t\":\"hello\",\"version\":1,");
    half.send(&whole[..20]).await;
    let said = half.rest().await;
    assert!(said.contains("welcome") && said.contains("auth.timeout"), "{said}");
    still_serves(&server).await;
}

#[tokio::test]
async fn a_request_that_never_ends_is_not_waited_for() {
    let server = server(quick()).await;
    for start in ["", "GET /w", "GET /ws HTTP/1.1\r\nHost: localhost\r\n"] {
        let mut slow = Raw::open(&server).await;
        slow.send(start.as_bytes()).await;
        assert_eq!(slow.rest().await, "", "{start}");
    }
    let mut endless = Raw::open(&server).await;
    endless.send(&[b'x'; 9000]).await;
    assert!(endless.rest().await.starts_with("HTTP/1.1 431 "));
    still_serves(&server).await;
}

#[tokio::test]
async fn requests_that_are_no_websocket_are_answered_in_words() {
    let server = server(Limits::default()).await;
    let with_origin = upgrade().replace("Host:", "Origin: https://example.org\r\nHost:");
    let cases = [
        ("GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 200 "),
        ("GET /favicon.ico HTTP/1.1\r\n\r\n", "HTTP/1.1 404 "),
        ("GET /ws HTTP/1.1\r\n\r\n", "HTTP/1.1 426 "),
        ("POST /ws HTTP/1.1\r\n\r\n", "HTTP/1.1 405 "),
        ("\u{16}\u{3}\u{1}\r\n\r\n", "HTTP/1.1 400 "),
        (&with_origin, "HTTP/1.1 403 "),
    ];
    for (request, expected) in cases {
        let mut raw = Raw::open(&server).await;
        raw.send(request.as_bytes()).await;
        let answer = raw.rest().await;
        assert!(answer.starts_with(expected), "{request:.40}: {answer}");
        assert!(answer.ends_with(".\n"), "a sentence: {answer}");
    }
}

#[tokio::test]
async fn what_comes_right_behind_the_request_is_not_lost() {
    let server = server(Limits::default()).await;
    let mut eager = Raw::open(&server).await;
    eager.send(&[upgrade().as_bytes(), &frame(b"too early")].concat()).await;
    let said = eager.rest().await;
    assert!(said.contains("proto.malformed"), "{said}");
}

#[tokio::test]
async fn an_envelope_of_a_mebibyte_is_refused_and_nobody_else_notices() {
    let server = server(Limits::default()).await;
    let (ada, bob, eve) = (person(), person(), person());
    let mut ada_there = Client::connect(&server, &ada).await;
    let mut bob_there = Client::connect(&server, &bob).await;
    let mut eve_there = Client::connect(&server, &eve).await;

    eve_there.send(Message::text(encode(&envelope(1, ada.address(), 1024 * 1024)))).await;
    assert_eq!(eve_there.last_words().await, (ErrorCode::ProtoTooLarge, 1009));
    ada_there.reaches(&mut bob_there, bob.address()).await;
    bob_there.reaches(&mut ada_there, ada.address()).await;

    // In many small frames it is no better.
    let mut eve_there = Client::connect(&server, &eve).await;
    eve_there
        .web
        .feed(Message::Frame(Frame::message(vec![b'x'; 1000], OpCode::Data(Data::Text), false)))
        .await
        .unwrap();
    for _ in 0..200 {
        let more = Frame::message(vec![b'x'; 1000], OpCode::Data(Data::Continue), false);
        // It is closed somewhere on the way.
        if eve_there.web.feed(Message::Frame(more)).await.is_err() {
            break;
        }
    }
    drop(eve_there.web.flush().await);
    assert_eq!(eve_there.last_words().await, (ErrorCode::ProtoTooLarge, 1009));
    ada_there.reaches(&mut bob_there, bob.address()).await;
}

#[tokio::test]
async fn a_slow_reader_costs_nothing_and_the_others_go_on() {
    let server =
        server(Limits { messages_per_second: 100_000, message_burst: 100_000, ..Limits::default() }).await;
    let (ada, bob, eve, slow) = (person(), person(), person(), person());
    let mut ada_there = Client::connect(&server, &ada).await;
    let mut bob_there = Client::connect(&server, &bob).await;
    let mut eve_there = Client::connect(&server, &eve).await;
    let mut slow_there = Client::connect(&server, &slow).await;

    let mut refused = 0;
    for sent in 1..=1000 {
        eve_there.post(slow.address(), 30_000).await;
        if let Some(told) = eve_there.web.next().now_or_never() {
            let told = told.expect("not ended").expect("a message").into_text().expect("text");
            refused += usize::from(told.contains("peer.slow"));
        }
        if sent % 100 == 0 {
            ada_there.reaches(&mut bob_there, bob.address()).await;
            bob_there.reaches(&mut ada_there, ada.address()).await;
        }
        if sent % 16 == 0 {
            // Who does not acknowledge is refused as well, which is not what this is about.
            eve_there.say(&ToServer::Ack { n: refused as u64 }).await;
        }
    }
    assert!(refused > 500, "{refused}: only so much waits for a slow reader");

    // What was taken for it is there as soon as it reads.
    assert!(matches!(slow_there.hear().await, ToClient::Deliver { n: 1, .. }));
}

#[tokio::test]
async fn a_connection_that_answers_no_ping_is_ended_and_one_that_does_stays() {
    let ping_every = Duration::from_millis(100);
    let server = server(Limits { ping_every, hello_within: PATIENCE, ..Limits::default() }).await;
    let ada = person();
    let mut alive = Client::connect(&server, &ada).await;
    let alive = tokio::spawn(async move { alive.hear_anything().await });

    let deaf = Raw::upgraded(&server).await;
    let said = timeout(PATIENCE / 2, deaf.rest()).await.expect("long before the hello was due");
    assert!(said.contains("welcome") && !said.contains("error"), "{said}");
    assert!(!alive.is_finished(), "whoever answers stays connected");
    alive.abort();
}

#[tokio::test]
async fn a_flood_is_answered_with_its_reason_and_the_connection_holds() {
    let server = server(Limits { messages_per_second: 1, message_burst: 5, ..Limits::default() }).await;
    let mut flooder = Client::connect(&server, &person()).await;
    for _ in 0..10 {
        flooder.post(person().address(), 10).await;
    }
    let mut refused = 0;
    for _ in 0..10 {
        let heard = flooder.hear().await;
        if matches!(heard, ToClient::Error { code: ErrorCode::RateLimited, fatal: false, .. }) {
            refused += 1;
        } else {
            assert!(matches!(heard, ToClient::Offline { .. }), "{heard:?}");
        }
    }
    assert!((4..=5).contains(&refused), "{refused} of 10 refused with a burst of 5");
}

#[tokio::test]
async fn one_connection_too_many_is_turned_away_until_a_place_is_free() {
    let server = server(Limits { sockets: 2, ..Limits::default() }).await;
    let one = Client::open(&server).await;
    let _two = Client::open(&server).await;
    assert!(Raw::open(&server).await.rest().await.starts_with("HTTP/1.1 503 "));

    drop(one);
    let free = async {
        while !reached(&server).await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, free).await.expect("the place becomes free");
}

async fn reached(server: &Server) -> bool {
    let mut raw = Raw::open(server).await;
    raw.send(b"GET / HTTP/1.1\r\n\r\n").await;
    raw.rest().await.starts_with("HTTP/1.1 200 ")
}

#[tokio::test]
async fn noise_on_many_connections_harms_nobody() {
    let server = server(quick()).await;
    let mut noise = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..60_usize {
        let bytes: Vec<u8> = (0..round * 40)
            .map(|_| {
                noise ^= noise << 13;
                noise ^= noise >> 7;
                noise ^= noise << 17;
                noise.to_le_bytes()[3]
            })
            .collect();
        if round % 2 == 0 {
            let mut raw = Raw::open(&server).await;
            raw.send(&bytes).await;
        } else {
            let mut web = Raw::upgraded(&server).await.into_web().await;
            let message = Message::Frame(Frame::message(bytes, OpCode::Data(Data::Text), round % 3 == 0));
            web.send(message).await.expect("the server reads");
        }
    }
    still_serves(&server).await;
}
