//! Relays to go over: ours, coturn's, and some that are none; and what can stand before one.

use std::{
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use ring::hmac;
use sightline::logic::servers::{RelayAccess, ServerUrl, Service, Transport};
use sightline_protocol::Pin;
use sightline_server::{Config, Limits, Reach, RelayConfig, RelayLimits, Server};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::support::skipping::skipped;

pub(super) const SECRET: &str = "a secret that both sides know";
pub(super) fn on(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// Our server, which relays between programs on this computer, for whoever has the secret.
pub(super) async fn server() -> Server {
    let here = || vec![on("127.0.0.1:0")];
    let config = Config {
        turn_udp: here(),
        turn_tcp: here(),
        https: here(),
        relay: RelayConfig {
            secret: Some(SECRET.into()),
            reach: Reach::Public,
            allow: vec!["127.0.0.0/8".parse().unwrap()],
            ..RelayConfig::default()
        },
        limits: Limits {
            relay: RelayLimits { answers_per_second: 1000, ..RelayLimits::default() },
            ..Limits::default()
        },
        ..Config::loopback()
    };
    Server::bind(config).await.unwrap()
}

pub(super) fn door(transport: Transport, at: SocketAddr) -> ServerUrl {
    ServerUrl { service: Service::Turn, transport, host: at.ip().to_string(), port: at.port() }
}

/// The server's way of that kind.
pub(super) fn door_of(server: &Server, transport: Transport) -> ServerUrl {
    let addresses = server.addresses();
    let at = match transport {
        Transport::Udp => addresses.turn_udp[0],
        Transport::Tcp => addresses.turn_tcp[0],
        Transport::Tls => addresses.https[0],
    };
    door(transport, at)
}

pub(super) fn pin(server: &Server) -> Option<Pin> {
    server.certificate().map(|certificate| certificate.pin)
}

/// The right to go through that door, as somebody.
pub(super) fn access(who: &str, door: &ServerUrl, pin: Option<Pin>) -> RelayAccess {
    // Not so late that coturn, which counts in 31 bits, takes it for the past.
    let expires = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + Duration::from_secs(3600);
    let username = format!("{}:{who}", expires.as_secs());
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, SECRET.as_bytes());
    let password = BASE64_STANDARD.encode(hmac::sign(&key, username.as_bytes()));
    RelayAccess { doors: vec![door.clone()], username, password, pin }
}

/// The same for both parties.
pub(super) fn for_both(door: &ServerUrl, pin: Option<Pin>) -> [RelayAccess; 2] {
    ["ada", "bob"].map(|who| access(who, door, pin))
}

/// Hands streams on to another address, and can cut them.
pub(super) struct Between {
    pub(super) at: SocketAddr,
    pub(super) streams: Arc<AtomicUsize>,
    under_way: Arc<Mutex<Vec<JoinHandle<()>>>>,
    accepting: JoinHandle<()>,
}

impl Between {
    /// As fast as it goes, or with so many bytes a second towards the relay.
    pub(super) async fn start(to: SocketAddr, bytes_per_second: Option<u32>) -> Self {
        let listener = match bytes_per_second {
            None => TcpListener::bind(on("127.0.0.1:0")).await.unwrap(),
            // A slow link holds little itself: what waits, waits at the sender.
            Some(_) => {
                let socket = tokio::net::TcpSocket::new_v4().unwrap();
                socket.set_recv_buffer_size(4096).unwrap();
                socket.bind(on("127.0.0.1:0")).unwrap();
                socket.listen(16).unwrap()
            }
        };
        let at = listener.local_addr().unwrap();
        let (streams, under_way) =
            (Arc::<AtomicUsize>::default(), Arc::<Mutex<Vec<JoinHandle<()>>>>::default());
        let (count, tasks) = (streams.clone(), under_way.clone());
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tasks.lock().unwrap().push(tokio::spawn(hand_on(stream, to, bytes_per_second)));
            }
        });
        Self { at, streams, under_way, accepting }
    }

    pub(super) fn cut(&self) {
        for task in self.under_way.lock().unwrap().drain(..) {
            task.abort();
        }
    }
}

impl Drop for Between {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

async fn hand_on(mut near: TcpStream, to: SocketAddr, bytes_per_second: Option<u32>) {
    let Ok(mut far) = TcpStream::connect(to).await else { return };
    far.set_nodelay(true).ok();
    near.set_nodelay(true).ok();
    let Some(rate) = bytes_per_second else {
        copy_bidirectional(&mut near, &mut far).await.ok();
        return;
    };
    let ((mut from_near, mut to_near), (mut from_far, mut to_far)) = (near.split(), far.split());
    let slowly = async {
        let mut bytes = vec![0; 1024];
        let mut due = Instant::now();
        while let Ok(length @ 1..) = from_near.read(&mut bytes).await {
            due = due.max(Instant::now()) + Duration::from_secs(length as u64) / rate;
            tokio::time::sleep_until(due.into()).await;
            if to_far.write_all(&bytes[..length]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = slowly => {}
        _ = tokio::io::copy(&mut from_far, &mut to_near) => {}
    }
}

/// A proxy that knows one name, and may refuse.
pub(super) struct Proxy {
    pub(super) at: SocketAddr,
    /// The first lines and the authorizations it was asked with.
    pub(super) asked: Arc<Mutex<Vec<String>>>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    pub(super) async fn start(leads_to: Option<SocketAddr>) -> Self {
        let listener = TcpListener::bind(on("127.0.0.1:0")).await.unwrap();
        let at = listener.local_addr().unwrap();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let heads = asked.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(lead(stream, leads_to, heads.clone()));
            }
        });
        Self { at, asked, accepting }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn lead(mut near: TcpStream, leads_to: Option<SocketAddr>, heads: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = near.read_u8().await else { return };
        head.push(byte);
    }
    heads.lock().unwrap().push(String::from_utf8(head).unwrap());
    let Some(to) = leads_to else {
        near.write_all(b"HTTP/1.1 403 Not through me\r\nContent-Length: 0\r\n\r\n").await.ok();
        return;
    };
    near.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.ok();
    hand_on(near, to, None).await;
}

/// coturn's server. Ends with this.
pub(super) struct Coturn {
    program: Child,
    pub(super) port: u16,
    pub(super) tls_port: u16,
    pub(super) pin: Pin,
    _home: tempfile::TempDir,
}

impl Coturn {
    /// Nothing, and a loud word, where there is none.
    pub(super) async fn start() -> Option<Self> {
        let home = tempfile::tempdir().unwrap();
        let file = |name: &str| home.path().join(name).to_string_lossy().into_owned();
        let key = rcgen::KeyPair::generate().unwrap();
        let named = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = named.self_signed(&key).unwrap();
        std::fs::write(file("certificate.pem"), certificate.pem()).unwrap();
        std::fs::write(file("key.pem"), key.serialize_pem()).unwrap();
        let pin = sightline_protocol::pinned::pin_of(certificate.der()).unwrap();
        let [port, tls_port] = free_ports();
        let ports = [port, tls_port].map(|port| port.to_string());
        let program = Command::new("turnserver")
            .args([
                "-n",
                "-L",
                "127.0.0.1",
                "-E",
                "127.0.0.1",
                "-p",
                &ports[0],
                "--tls-listening-port",
                &ports[1],
            ])
            .args(["--use-auth-secret", "--static-auth-secret", SECRET, "--realm", "test", "--fingerprint"])
            .args(["--allow-loopback-peers", "--no-cli", "--log-file", "stdout", "--simple-log"])
            .args(["--cert", &file("certificate.pem"), "--pkey", &file("key.pem")])
            .args(["--pidfile", &file("pid"), "--userdb", &file("db")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(program) = program else {
            skipped("turnserver", "coturn");
            return None;
        };
        let coturn = Self { program, port, tls_port, pin, _home: home };
        for port in [port, tls_port] {
            let began = Instant::now();
            while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                assert!(began.elapsed() < Duration::from_secs(20), "coturn listens");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        Some(coturn)
    }
}

impl Drop for Coturn {
    fn drop(&mut self) {
        drop((self.program.kill(), self.program.wait()));
    }
}

/// Free for datagrams and for streams.
fn free_ports() -> [u16; 2] {
    let take = || loop {
        let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = udp.local_addr().unwrap().port();
        if let Ok(tcp) = std::net::TcpListener::bind(("127.0.0.1", port)) {
            break (udp, tcp, port);
        }
    };
    let ports = [take(), take()];
    ports.map(|(_, _, port)| port)
}
