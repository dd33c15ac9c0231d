//! From a call to its relay: the switchboard gives its two parties credentials, a foreign client relays with them, and
//! when the call is over they are good for nothing.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use sightline_protocol::{ErrorCode, Identity, ToClient, ToServer};
use sightline_server::{Config, RelayConfig, Server};

use crate::client::{CALL, Client};
use crate::foreign::{Echo, run_for};

/// A relay that reaches the other party of a call alone; and parties on this computer, where they were seen.
async fn server() -> Server {
    server_at("127.0.0.1:0", None).await
}

async fn server_at(turn: &str, data: Option<PathBuf>) -> Server {
    let allow = vec!["127.0.0.0/8".parse().expect("a range")];
    let relay = RelayConfig { allow, ..RelayConfig::default() };
    let turn_udp = vec![turn.parse().expect("an address")];
    Server::bind(Config { turn_udp, data, relay, ..Config::loopback() }).await.expect("free ports")
}

struct Pair {
    ada: (Identity, Client),
    bob: (Identity, Client),
}

impl Pair {
    /// Two clients, and one envelope each way.
    async fn in_a_call(server: &Server) -> Self {
        let [ada, bob] = [(); 2].map(|()| Identity::generate().expect("randomness"));
        let (here, there) = (Client::connect(server, &ada).await, Client::connect(server, &bob).await);
        let mut pair = Self { ada: (ada, here), bob: (bob, there) };
        let (ada, bob) = (pair.ada.0.address(), pair.bob.0.address());
        pair.ada.1.post(bob, 300).await;
        assert!(matches!(pair.bob.1.hear().await, ToClient::Deliver { .. }));
        pair.bob.1.post(ada, 300).await;
        assert!(matches!(pair.ada.1.hear().await, ToClient::Deliver { .. }));
        pair
    }

    /// What Ada is given for the call.
    async fn credentials(&mut self) -> (Vec<String>, String, String) {
        let with = self.bob.0.address();
        let heard = ask(&mut self.ada.1, |id| ToServer::Relay { id, call: CALL, with }).await;
        let ToClient::Relay { urls, username, password, .. } = heard else {
            panic!("expected credentials, heard {heard:?}");
        };
        (urls, username, password.0)
    }
}

async fn ask(client: &mut Client, ask: impl FnOnce(u64) -> ToServer) -> ToClient {
    client.said += 1;
    let question = ask(client.said);
    client.say(&question).await;
    client.hear().await
}

/// How long coturn's client is let. Refused, it may go on asking for as long as it is.
const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_secs(10);

/// What coturn's client says, sending ten packets.
async fn uclient(port: u16, echo: u16, (user, password): (&str, &str), within: Duration) -> Option<String> {
    let (port, peer) = (port.to_string(), echo.to_string());
    let who = ["-c", "-n", "10", "-z", "20", "-m", "1", "-u", user, "-w", password];
    let there = ["-p", &port, "-e", "127.0.0.1", "-r", &peer, "127.0.0.1"];
    let said = run_for("turnutils_uclient", &[&who[..], &there].concat(), within).await;
    said.map(|(said, _)| said)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_parties_of_a_call_are_relayed_until_it_is_over() {
    let (server, Some(echo)) = (server().await, Echo::start()) else { return };
    let mut pair = Pair::in_a_call(&server).await;
    let (urls, user, password) = pair.credentials().await;
    let port = server.addresses().turn_udp[0].port();
    assert_eq!(urls, [format!("turn:127.0.0.1:{port}?transport=udp")]);

    let Some(said) = uclient(port, echo.port, (&user, &password), LONG).await else { return };
    assert!(said.contains("Total lost packets 0 (0.000000%)"), "{said}");

    // The password is for this user name: with a later time in it, it does not fit.
    let later = user.replacen(&user[..10], "4102444800", 1);
    let Some(said) = uclient(port, echo.port, (&later, &password), SHORT).await else { return };
    assert!(said.contains("Cannot complete Allocation") && !said.contains("tot_recv_msgs"), "{said}");

    let (ada, bob) = (pair.ada.0.address(), pair.bob.0.address());
    pair.bob.1.said += 1;
    let over = ToServer::Over { id: pair.bob.1.said, call: CALL, with: ada };
    pair.bob.1.say(&over).await;
    let heard = ask(&mut pair.bob.1, |id| ToServer::Relay { id, call: CALL, with: ada }).await;
    assert!(matches!(heard, ToClient::Error { code: ErrorCode::CallUnknown, .. }), "{heard:?}");
    let heard = ask(&mut pair.ada.1, |id| ToServer::Relay { id, call: CALL, with: bob }).await;
    assert!(matches!(heard, ToClient::Error { code: ErrorCode::CallUnknown, .. }), "{heard:?}");
    let Some(said) = uclient(port, echo.port, (&user, &password), SHORT).await else { return };
    assert!(said.contains("error 403") && !said.contains("tot_recv_msgs"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_relayed_by_a_server_that_was_started_anew_before_its_switchboard_knows_of_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = || Some(folder.path().to_owned());
    let server = server_at("127.0.0.1:0", data()).await;
    let mut pair = Pair::in_a_call(&server).await;
    let (_, user, password) = pair.credentials().await;
    let turn = server.addresses().turn_udp[0];
    server.close().await;

    let server = server_at(&turn.to_string(), data()).await;
    // Two allocations of the call, and packets from one to the other.
    let (port, who) = (turn.port().to_string(), ["-y", "-c", "-n", "10", "-z", "20", "-m", "1"]);
    let rest = ["-u", &user, "-w", &password, "-p", &port, "127.0.0.1"];
    let Some((said, _)) = run_for("turnutils_uclient", &[&who[..], &rest].concat(), LONG).await else {
        return;
    };
    assert!(said.contains("Total lost packets 0 (0.000000%)"), "{said}");

    // And what is granted from now on is for the same call.
    let (ada, bob) = (&pair.ada.0, &pair.bob.0);
    let (mut here, mut there) = (Client::connect(&server, ada).await, Client::connect(&server, bob).await);
    there.post(ada.address(), 300).await;
    assert!(matches!(here.hear().await, ToClient::Deliver { .. }));
    here.post(bob.address(), 300).await;
    assert!(matches!(there.hear().await, ToClient::Deliver { .. }));
    let with = bob.address();
    let heard = ask(&mut here, |id| ToServer::Relay { id, call: CALL, with }).await;
    let ToClient::Relay { username, .. } = heard else { panic!("expected credentials, heard {heard:?}") };
    let holder = |name: &str| name.split_once(':').map(|(_, holder)| holder.to_owned());
    assert_eq!(holder(&username), holder(&user));
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_in_no_call_gets_no_relay() {
    let server = server().await;
    let mut pair = Pair::in_a_call(&server).await;
    let mallory = Identity::generate().expect("randomness");
    let mut stranger = Client::connect(&server, &mallory).await;
    let with = pair.bob.0.address();
    let heard = ask(&mut stranger, |id| ToServer::Relay { id, call: CALL, with }).await;
    assert!(matches!(heard, ToClient::Error { code: ErrorCode::CallUnknown, .. }), "{heard:?}");

    // Ringing is not enough: the other one has to answer.
    stranger.post(with, 300).await;
    assert!(matches!(pair.bob.1.hear().await, ToClient::Deliver { .. }));
    let heard = ask(&mut stranger, |id| ToServer::Relay { id, call: CALL, with }).await;
    assert!(matches!(heard, ToClient::Error { code: ErrorCode::CallUnknown, .. }), "{heard:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_asked_to_stop_waits_for_a_relayed_call_as_long_as_it_may() {
    let (server, Some(echo)) = (server().await, Echo::start()) else { return };
    let mut pair = Pair::in_a_call(&server).await;
    let (_, user, password) = pair.credentials().await;
    let (port, peer) = (server.addresses().turn_udp[0].port(), echo.port);
    // That client never gives its allocation back.
    let call = tokio::spawn(async move { uclient(port, peer, (&user, &password), LONG).await });
    let began = Instant::now();
    while server.allocations() == 0 {
        if call.is_finished() {
            return; // There is no such client here, which was said aloud.
        }
        assert!(began.elapsed() < Duration::from_secs(20), "the client allocates");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (asked, within) = (Instant::now(), Duration::from_millis(1500));
    server.drain(within).await;
    assert!(asked.elapsed() >= within, "it waited for {:?} alone", asked.elapsed());
    call.abort();
}
