//! Other people's STUN and TURN clients against our server: coturn's (Debian: `coturn`).
//!
//! Their exit code says nothing of success, so what they print is read. The flag `-c` is in each run of the load
//! generator: without it, it asks for a second, reserved port, which our server does not have.

use std::net::{SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sightline_server::{Config, Limits, Reach, RelayConfig, RelayLimits, Server};
use tokio::time::{Instant, sleep};

use crate::skipping::skipped;

const SECRET: &str = "a secret that both sides know";

/// For one run of a client. The longest takes a few seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that relays between programs on this computer, for whoever has the secret.
async fn server(turn_udp: &[&str]) -> Server {
    let any = |text: &&str| text.parse().expect("an address");
    let config = Config {
        turn_udp: turn_udp.iter().map(any).collect(),
        turn_tcp: vec![any(&"127.0.0.1:0")],
        https: vec![any(&"127.0.0.1:0")],
        relay: RelayConfig {
            secret: Some(SECRET.into()),
            reach: Reach::Public,
            allow: vec!["127.0.0.0/8".parse().expect("a range")],
            ports: 20_000..=29_999,
            ..RelayConfig::default()
        },
        limits: Limits {
            relay: RelayLimits {
                answers_per_second: 1000,
                bytes_per_second: 100_000_000,
                ..RelayLimits::default()
            },
            ..Limits::default()
        },
        ..Config::loopback()
    };
    Server::bind(config).await.expect("free ports")
}

/// A program that ends with this, whatever becomes of who started it.
struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        drop((self.0.kill(), self.0.wait()));
    }
}

/// coturn's peer, which sends back what it gets. Ends with this.
pub(crate) struct Echo {
    _program: Ending,
    pub(crate) port: u16,
}

impl Echo {
    pub(crate) fn start() -> Option<Self> {
        let port = free_port();
        let program = Command::new("turnutils_peer")
            .args(["-L", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        match program {
            Ok(program) => Some(Self { _program: Ending(program), port }),
            Err(_) => {
                skipped("turnutils_peer", "coturn");
                None
            }
        }
    }
}

fn free_port() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    socket.local_addr().expect("an address").port()
}

/// What a program of coturn's said to the end; `None`, and a loud word, where there is no such program.
pub(crate) async fn run(program: &str, arguments: &[&str]) -> Option<String> {
    let (said, ended) = run_for(program, arguments, PATIENCE).await?;
    assert!(ended, "{program} {arguments:?} does not end");
    Some(said)
}

/// What it said within so long, and whether it had ended by then.
pub(crate) async fn run_for(program: &str, arguments: &[&str], time: Duration) -> Option<(String, bool)> {
    let said = tempfile::NamedTempFile::new().expect("a file");
    let write = || Stdio::from(said.reopen().expect("a file"));
    let running =
        Command::new(program).args(arguments).stdin(Stdio::null()).stdout(write()).stderr(write()).spawn();
    let Ok(running) = running else {
        skipped(program, "coturn");
        return None;
    };
    let mut running = Ending(running);
    let until = Instant::now() + time;
    let ended = loop {
        if running.0.try_wait().expect("a child").is_some() {
            break true;
        }
        if Instant::now() > until {
            break false;
        }
        sleep(Duration::from_millis(20)).await;
    };
    Some((String::from_utf8_lossy(&std::fs::read(said.path()).expect("a file")).into_owned(), ended))
}

/// Runs coturn's load generator, and checks that everything came back.
async fn uclient(server: SocketAddr, echo: &Echo, arguments: &str) {
    let (host, port, peer) = (server.ip().to_string(), server.port().to_string(), echo.port.to_string());
    // Two clients that send ten packets each, as somebody new each time: one may have only so many allocations.
    let somebody = format!("somebody{}", arguments.replace(' ', ""));
    let mut all = vec!["-c", "-n", "10", "-z", "5", "-m", "2", "-u", &somebody, "-W", SECRET];
    all.extend(["-p", &port, "-e", "127.0.0.1", "-r", &peer]);
    all.extend(arguments.split_whitespace());
    all.push(&host);
    let Some(said) = run("turnutils_uclient", &all).await else { return };
    assert!(said.contains("tot_send_msgs=20, tot_recv_msgs=20"), "{arguments:?}: {said}");
    assert!(said.contains("Total lost packets 0 (0.000000%)"), "{arguments:?}: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn coturns_client_relays_over_udp() {
    let (server, Some(echo)) = (server(&["127.0.0.1:0"]).await, Echo::start()) else { return };
    let at = server.addresses().turn_udp[0];
    // On channels; by indications; of every usual size; padded; between two of its clients.
    tokio::join!(
        uclient(at, &echo, ""),
        uclient(at, &echo, "-s"),
        uclient(at, &echo, "-l 1200 -g"),
        uclient(at, &echo, "-D -l 101"),
        uclient(at, &echo, "-y"),
        uclient(at, &echo, "-y -s -l 1101"),
        uclient(at, &echo, "-G -X"),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn coturns_client_relays_over_tcp() {
    let (server, Some(echo)) = (server(&["127.0.0.1:0"]).await, Echo::start()) else { return };
    let at = server.addresses().turn_tcp[0];
    tokio::join!(
        uclient(at, &echo, "-t"),
        uclient(at, &echo, "-t -s -l 1101"),
        uclient(at, &echo, "-t -y"),
        uclient(at, &echo, "-t -l 1203"),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn coturns_client_relays_over_tls_on_the_port_of_the_web_pages() {
    let (server, Some(echo)) = (server(&["127.0.0.1:0"]).await, Echo::start()) else { return };
    let at = server.addresses().https[0];
    tokio::join!(
        uclient(at, &echo, "-t -S"),
        uclient(at, &echo, "-t -S -s -l 1101"),
        // Several messages at once go to each of the two: it takes one from each TLS record.
        uclient(at, &echo, "-t -S -y -z 1"),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn coturns_client_is_refused_with_a_wrong_secret() {
    let (server, Some(echo)) = (server(&["127.0.0.1:0"]).await, Echo::start()) else { return };
    let port = server.addresses().turn_udp[0].port().to_string();
    let peer = echo.port.to_string();
    let arguments = [
        "-c",
        "-u",
        "somebody",
        "-W",
        "another secret",
        "-p",
        &port,
        "-e",
        "127.0.0.1",
        "-r",
        &peer,
        "127.0.0.1",
    ];
    let Some(said) = run("turnutils_uclient", &arguments).await else { return };
    assert!(said.contains("Cannot complete Allocation"), "{said}");
    assert!(!said.contains("tot_recv_msgs"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stun_client_finds_out_where_it_is_seen() {
    let server = server(&["127.0.0.1:0"]).await;
    let port = server.addresses().turn_udp[0].port().to_string();
    let Some(said) = run("turnutils_stunclient", &["-p", &port, "127.0.0.1"]).await else { return };
    assert!(said.contains("UDP reflexive addr: 127.0.0.1:"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_finds_out_how_its_nat_behaves() {
    // Two addresses and two ports, as RFC 5780 wants them.
    let (one, other) = (free_port(), free_port());
    let four = ["127.0.0.1", "127.0.0.2"].map(|ip| [one, other].map(|port| format!("{ip}:{port}"))).concat();
    let four: Vec<_> = four.iter().map(String::as_str).collect();
    let _server = server(&four).await;
    let port = one.to_string();
    let both = ["-m", "-f", "-p", &port, "-L", "127.0.0.1", "127.0.0.1"];
    let Some(said) = run("turnutils_natdiscovery", &both).await else { return };
    assert!(said.contains(&format!("Other addr: : 127.0.0.2:{other}")), "{said}");
    assert!(said.contains("No NAT! (Endpoint Independent Mapping)"), "{said}");
    // That needs an answer from another address and another port than were asked.
    assert!(said.contains("NAT with Endpoint Independent Filtering!"), "{said}");
    for (ip, port) in [("127.0.0.1", one), ("127.0.0.2", one), ("127.0.0.2", other)] {
        assert!(said.contains(&format!("Response origin: : {ip}:{port}")), "{ip}:{port}: {said}");
    }
}
