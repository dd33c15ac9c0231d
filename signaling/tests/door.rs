//! The door: one port for everything inside TLS, over real sockets on loopback.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use sightline_protocol::switchboard::{decode, hello_signing_bytes};
use sightline_protocol::{Identity, PROTOCOL_VERSION, Pin, ServerAddress, ToClient, ToServer};
use sightline_server::{Certificate, Config, Limits, Server, Verdict, Way, pinned_client};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;

use crate::client::{PATIENCE, upgrade};

/// A STUN binding request (RFC 8489): type, no attributes, the magic cookie, a transaction.
const BINDING: &[u8] = b"\x00\x01\x00\x00\x21\x12\xa4\x42twelve bytes";
const BINDING_SUCCESS: &[u8] = b"\x01\x01";

fn any() -> SocketAddr {
    "127.0.0.1:0".parse().expect("an address")
}

fn only_tls() -> Config {
    Config { https: vec![any()], ..Config::silent() }
}

fn with_relay() -> Config {
    Config { turn_udp: vec![any()], turn_tcp: vec![any()], ..only_tls() }
}

async fn bind(config: Config) -> Server {
    Server::bind(config).await.expect("free ports on loopback")
}

fn https(server: &Server) -> SocketAddr {
    server.addresses().https[0]
}

fn pin(server: &Server) -> Pin {
    server.certificate().expect("it listens with TLS").pin
}

async fn dial_as(server: &Server, config: Arc<ClientConfig>) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(https(server)).await?;
    let name = ServerName::from(https(server).ip());
    timeout(PATIENCE, TlsConnector::from(config).connect(name, stream)).await.expect("in time")
}

async fn dial(server: &Server) -> TlsStream<TcpStream> {
    dial_as(server, pinned_client(pin(server))).await.expect("the server that is pinned")
}

/// All that comes until the server ends the connection, however it does.
async fn rest(mut stream: impl tokio::io::AsyncRead + Unpin) -> String {
    let mut bytes = Vec::new();
    drop(timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("the server ends the connection"));
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn ask(server: &Server, request: &str) -> String {
    let mut stream = dial(server).await;
    stream.write_all(request.as_bytes()).await.expect("the server reads");
    rest(stream).await
}

#[tokio::test]
async fn a_client_with_the_link_says_hello_over_tls() {
    let server = bind(only_tls()).await;
    let link: ServerAddress = server.links()[0].to_string().parse().expect("a link");
    assert_eq!(link.pin, Some(pin(&server)));
    let config = pinned_client(link.pin.expect("nobody vouches for it"));
    let stream = dial_as(&server, config).await.expect("the right one");
    let (mut web, _) = client_async(link.websocket_url(), stream).await.expect("a WebSocket");
    let Some(Ok(Message::Text(text))) = web.next().await else { panic!("no welcome") };
    let Ok(ToClient::Welcome { challenge, .. }) = decode(text.as_str()) else { panic!("{text}") };
    let who = Identity::generate().expect("randomness");
    let signature = who.sign(&hello_signing_bytes(&link.name(), &challenge, &who.address()));
    let hello = ToServer::Hello {
        version: PROTOCOL_VERSION,
        address: who.address(),
        signature,
        resume: None,
        hidden: false,
    };
    let hello = Message::text(sightline_protocol::switchboard::encode(&hello));
    futures_util::SinkExt::send(&mut web, hello).await.expect("the server reads");
    let Some(Ok(Message::Text(text))) = web.next().await else { panic!("no answer") };
    assert!(matches!(decode(text.as_str()), Ok(ToClient::Ready { .. })), "{text}");
}

#[tokio::test]
async fn another_pin_is_refused_and_the_server_goes_on() {
    let server = bind(only_tls()).await;
    let error = dial_as(&server, pinned_client(Pin([9; 32]))).await.expect_err("not that one");
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidData, "{error}");
    assert!(ask(&server, "GET / HTTP/1.1\r\n\r\n").await.contains("Sightline"));
}

#[tokio::test]
async fn the_pin_is_the_same_after_a_restart_and_the_data_folder_private() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let data = home.path().join("data");
    let config = || Config { data: Some(data.clone()), ..with_relay() };
    let server = bind(config()).await;
    let before = pin(&server);
    server.close().await;
    let server = bind(config()).await;
    assert_eq!(pin(&server), before);
    let mut kept: Vec<_> = std::fs::read_dir(&data)
        .expect("made")
        .map(|entry| entry.expect("readable").file_name().into_string().expect("plain"))
        .collect();
    kept.sort();
    assert_eq!(kept, ["certificate.key", "lock", "relay.secret"]);
    #[cfg(unix)]
    for file in kept {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(data.join(&file)).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let second = Server::bind(config()).await.expect_err("the folder is in use");
    assert!(second.to_string().contains("used by another server"), "{second}");
    server.close().await;
    std::fs::write(data.join("certificate.key"), "rubbish").expect("writable");
    let damaged = Server::bind(config()).await.expect_err("it is damaged");
    assert!(damaged.to_string().contains("certificate.key is damaged"), "{damaged}");
    assert_eq!(std::fs::read(data.join("certificate.key")).expect("it is there"), b"rubbish");
}

#[tokio::test]
async fn stun_is_answered_over_tls_and_tcp_and_udp_on_their_ports() {
    let server = bind(with_relay()).await;
    let mut tls = dial(&server).await;
    tls.write_all(BINDING).await.expect("the server reads");
    let mut answer = [0; 32];
    timeout(PATIENCE, tls.read_exact(&mut answer)).await.expect("in time").expect("an answer");
    assert!(answer.starts_with(BINDING_SUCCESS) && answer[8..20] == BINDING[8..], "{answer:x?}");

    let checks = server.test_itself().await;
    let ways: Vec<_> = checks.iter().map(|check| check.way).collect();
    assert_eq!(ways, [Way::Https, Way::StunUdp, Way::StunTcp, Way::StunTls]);
    for check in checks {
        assert_eq!((check.verdict, check.inside), (Verdict::Answered, true), "{}", check.in_words());
    }
}

#[tokio::test]
async fn whoever_speaks_plain_http_to_the_tls_port_is_told_so() {
    let server = bind(only_tls()).await;
    let mut plain = TcpStream::connect(https(&server)).await.expect("it listens");
    plain.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("the server reads");
    let answer = rest(plain).await;
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("https://"), "{answer}");
}

#[tokio::test]
async fn inside_tls_requests_are_answered_and_nonsense_is_not() {
    let server = bind(only_tls()).await;
    for (request, expected) in [
        ("GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 200 "),
        ("HEAD / HTTP/1.1\r\n\r\n", "HTTP/1.1 200 "),
        ("GET /healthz HTTP/1.1\r\n\r\n", "HTTP/1.1 200 "),
        ("GET /readyz HTTP/1.1\r\n\r\n", "HTTP/1.1 200 "),
        ("GET /metrics HTTP/1.1\r\n\r\n", "HTTP/1.1 404 "),
        ("GET /ws HTTP/1.1\r\n\r\n", "HTTP/1.1 426 "),
    ] {
        let answer = ask(&server, request).await;
        assert!(answer.starts_with(expected), "{request}: {answer}");
        assert!(!answer.contains("Strict-Transport-Security"), "a browser would be locked out: {answer}");
    }
    let with_origin = upgrade().replace("Host:", "Origin: https://example.org\r\nHost:");
    assert!(ask(&server, &with_origin).await.starts_with("HTTP/1.1 403 "));
    assert_eq!(ask(&server, "\u{7f}nonsense").await, "", "neither HTTP nor STUN");
    assert_eq!(ask(&server, "\u{0}\u{1}\u{0}\u{0}").await, "", "there is no relay here");
}

#[tokio::test]
async fn half_a_handshake_and_half_a_request_end_by_the_deadline() {
    let request_within = Duration::from_millis(500);
    let server = bind(Config { limits: Limits { request_within, ..Limits::default() }, ..only_tls() }).await;
    let start = Instant::now();
    let silent = TcpStream::connect(https(&server)).await.expect("it listens");
    let mut half = TcpStream::connect(https(&server)).await.expect("it listens");
    half.write_all(&[0x16, 3, 1, 2, 0, 1, 0]).await.expect("the server reads");
    let mut slow = dial(&server).await;
    slow.write_all(b"GET /ws HTTP/1.1\r\nHost: lo").await.expect("the server reads");
    let quiet = dial(&server).await;
    let said = tokio::join!(rest(silent), rest(half), rest(slow), rest(quiet));
    assert_eq!(said, (String::new(), String::new(), String::new(), String::new()));
    assert!(start.elapsed() < PATIENCE / 2, "{:?}", start.elapsed());
    let dripping = async {
        let mut stream = dial(&server).await;
        while stream.write_all(b"A").await.is_ok() && stream.flush().await.is_ok() {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, dripping).await.expect("a byte at a time buys no time");
}

#[tokio::test]
async fn handshakes_under_way_are_bounded_and_the_next_waits() {
    let request_within = Duration::from_secs(1);
    let limits = Limits { handshakes: 2, request_within, ..Limits::default() };
    let server = bind(Config { limits, ..only_tls() }).await;
    let mut stuck = Vec::new();
    for _ in 0..2 {
        stuck.push(TcpStream::connect(https(&server)).await.expect("it listens"));
    }
    sleep(Duration::from_millis(200)).await;
    let start = Instant::now();
    let served = dial(&server).await;
    assert!(start.elapsed() > Duration::from_millis(300), "it waited for a place: {:?}", start.elapsed());
    // A handshake that is over makes room, though its connection stays.
    let more = dial(&server).await;
    let and_more = dial(&server).await;
    drop((served, more, and_more, stuck));
}

#[tokio::test]
async fn one_source_gets_so_many_connections_and_no_more() {
    let limits = Limits { sockets_per_source: 3, ..Limits::default() };
    let server = bind(Config { limits, ..with_relay() }).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut stream = dial(&server).await;
        stream.write_all(upgrade().as_bytes()).await.expect("the server reads");
        held.push(stream);
    }
    let error = dial_as(&server, pinned_client(pin(&server))).await.expect_err("one too many");
    assert_ne!(error.kind(), std::io::ErrorKind::InvalidData, "{error}");
    let turn = TcpStream::connect(server.addresses().turn_tcp[0]).await.expect("the kernel takes it");
    assert_eq!(rest(turn).await, "", "the same on the relay's own port");
    drop(held.pop());
    let again = async {
        while dial_as(&server, pinned_client(pin(&server))).await.is_err() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, again).await.expect("a place is free again");
    let figures = server.status().figures();
    assert!(!figures.contains("turned_away_total{reason=\"source\"} 0"), "{figures}");
}

#[tokio::test]
async fn only_a_trusted_proxy_speaks_for_others() {
    let limits = Limits { sockets_per_source: 1, ..Limits::default() };
    let trusting = vec!["127.0.0.0/8".parse().expect("a range")];
    for (trusted_proxies, expected) in [(trusting, "HTTP/1.1 429 "), (Vec::new(), "HTTP/1.1 101 ")] {
        let http = Some(any());
        let server = bind(Config { http, trusted_proxies, limits, ..Config::silent() }).await;
        let http = server.addresses().http.expect("it listens");
        let upgrade_for = |who: &str| upgrade().replace("Host:", &format!("X-Forwarded-For: {who}\r\nHost:"));
        let mut held = Vec::new();
        for (who, expected) in
            [("192.0.2.1", "HTTP/1.1 101 "), ("192.0.2.2", "HTTP/1.1 101 "), ("192.0.2.1", expected)]
        {
            let mut stream = TcpStream::connect(http).await.expect("it listens");
            stream.write_all(upgrade_for(who).as_bytes()).await.expect("the server reads");
            let mut start = [0; 13];
            timeout(PATIENCE, stream.read_exact(&mut start)).await.expect("in time").expect("an answer");
            assert_eq!(String::from_utf8_lossy(&start), expected, "{who}");
            held.push(stream);
        }
    }
}

fn write_certificate(chain: &Path, key: &Path) -> Pin {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    std::fs::write(chain, made.cert.pem()).expect("writable");
    std::fs::write(key, made.signing_key.serialize_pem()).expect("writable");
    let spki = rcgen::PublicKeyData::subject_public_key_info(&made.signing_key);
    Pin(ring::digest::digest(&ring::digest::SHA256, &spki).as_ref().try_into().expect("32 bytes"))
}

#[tokio::test]
async fn a_changed_certificate_is_shown_under_live_connections_and_a_bad_one_is_not() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let (chain, key) = (home.path().join("chain.pem"), home.path().join("key.pem"));
    let first = write_certificate(&chain, &key);
    let certificate = Certificate::Files { chain: chain.clone(), key: key.clone() };
    let request_within = 2 * PATIENCE;
    let limits = Limits { request_within, ..Limits::default() };
    let server = bind(Config { certificate, limits, ..only_tls() }).await;
    assert_eq!(pin(&server), first);
    let mut lasting = dial(&server).await;

    std::fs::write(&key, "half a key").expect("writable");
    sleep(Duration::from_secs(5)).await;
    assert_eq!(pin(&server), first, "what was there before is still shown");
    dial(&server).await;

    let second = write_certificate(&chain, &key);
    let changed = async {
        while pin(&server) != second {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, changed).await.expect("it is looked at every few seconds");
    dial_as(&server, pinned_client(second)).await.expect("the new one");
    assert!(dial_as(&server, pinned_client(first)).await.is_err(), "and no longer the old one");
    lasting.write_all(b"GET / HTTP/1.1\r\n\r\n").await.expect("the server reads");
    assert!(rest(lasting).await.contains("Sightline"), "a connection outlives the change");
}

#[tokio::test]
async fn without_its_files_a_server_does_not_start_and_says_which() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let file = |name: &str| home.path().join(name);
    let certificate = Certificate::Files { chain: file("chain.pem"), key: file("key.pem") };
    let error = Server::bind(Config { certificate, ..only_tls() }).await.expect_err("nothing is there");
    assert!(error.to_string().contains("chain.pem cannot be read"), "{error}");
}

#[tokio::test]
async fn a_server_for_the_networks_around_needs_nothing_but_its_start() {
    let server = bind(Config::lan(&[])).await;
    let links = server.links();
    assert!(!links.is_empty() && links.iter().all(|link| link.pin.is_some()), "{links:?}");
    for check in server.test_itself().await {
        assert_eq!((check.verdict, check.inside), (Verdict::Answered, true), "{}", check.in_words());
    }
    server.close().await;
}

#[tokio::test]
async fn a_server_that_drains_tells_its_clients_and_waits_for_no_idle_relay() {
    let server = bind(with_relay()).await;
    let link = server.links().remove(0);
    let (mut web, _) = client_async(link.websocket_url(), dial(&server).await).await.expect("a WebSocket");
    assert!(matches!(web.next().await, Some(Ok(Message::Text(_)))), "welcome");
    let mut turn = dial(&server).await;
    turn.write_all(BINDING).await.expect("the server reads");
    turn.read_exact(&mut [0; 32]).await.expect("an answer");
    let status = server.status();
    let at = https(&server);
    let draining = tokio::spawn(server.drain(Duration::from_secs(600)));
    let mut last = None;
    while let Some(Ok(message)) = timeout(PATIENCE, web.next()).await.expect("it is told") {
        last = Some(message);
    }
    assert!(matches!(last, Some(Message::Close(_))), "{last:?}");
    timeout(PATIENCE / 2, draining).await.expect("nothing is relayed").expect("no panic");
    assert!(status.ready().is_err());
    assert!(TcpStream::connect(at).await.is_err(), "nobody listens any more");
}
