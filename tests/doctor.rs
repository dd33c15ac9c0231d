//! The doctor, over real sockets on loopback: at a server of ours, and at servers that are none.

use std::{
    net::{SocketAddr, TcpListener as StdListener, UdpSocket as StdSocket},
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::Value;
use sightline::{
    adapters::probe::{Subject, WITHIN, allocate, examine},
    engine::clock::Clock,
    logic::{
        doctor::{About, Filtering, Mapping, Observations, Trouble, Verdict, diagnose},
        servers::{RelayAccess, Transport},
    },
};
use sightline_protocol::{Pin, Scheme, ServerAddress};
use sightline_server::{Config, Reach, RelayConfig, Server};
use stun_types::{
    attribute::{ErrorCode, Nonce, Realm},
    message::{Message, MessageWriteVec},
    prelude::*,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, UdpSocket},
    time::timeout,
};

use crate::support::programs::{Program, ended_within};

const SECRET: &str = "a secret of this test";
/// Good until the year 2096 with that secret:
/// `printf %s 4000000000:doctor | openssl dgst -sha1 -hmac 'a secret of this test' -binary | base64`.
const USERNAME: &str = "4000000000:doctor";
const PASSWORD: &str = "waP5PAXn7cabWObrJL99SBqfRdM=";

fn on(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// A port of loopback that is free for both protocols, and stays so for as long as it takes to bind it.
fn free_port() -> u16 {
    loop {
        let listener = StdListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        if StdSocket::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

async fn server(turn_udp: Vec<SocketAddr>) -> Server {
    let turn_tcp = turn_udp.first().copied().into_iter().collect();
    let relay = RelayConfig {
        secret: Some(SECRET.as_bytes().to_vec()),
        reach: Reach::Public,
        ..RelayConfig::default()
    };
    let https = vec![on("127.0.0.1:0")];
    Server::bind(Config { https, turn_udp, turn_tcp, relay, ..Config::silent() }).await.unwrap()
}

async fn ordinary_server() -> Server {
    server(vec![SocketAddr::new(on("127.0.0.1:0").ip(), free_port())]).await
}

fn link(server: &Server) -> ServerAddress {
    server.links().remove(0)
}

async fn look_at(server: ServerAddress) -> Observations {
    timeout(WITHIN, examine(&Subject::new(server), Clock::start())).await.expect("it ends in time")
}

#[tokio::test(flavor = "multi_thread")]
async fn at_a_server_of_ours_everything_is_found_and_good() {
    let server = ordinary_server().await;
    let seen = look_at(link(&server)).await;
    let diagnosis = diagnose(&seen);
    assert_eq!(diagnosis.verdict, Verdict::Good, "{diagnosis:#?}");
    let came = seen.server.certificate.as_ref().unwrap();
    assert_eq!(came.pin, link(&server).pin.unwrap().to_string());
    assert!(came.not_before_unix < came.not_after_unix);
    assert!(seen.server.clock_ahead_ms.unwrap().abs() < 5_000, "{:?}", seen.server.clock_ahead_ms);
    assert_eq!(seen.relay_transports(), [Transport::Udp, Transport::Tcp, Transport::Tls]);
    assert!(seen.relays.iter().all(|tried| tried.relayed.is_none()), "nobody outside a call is given one");
    assert_eq!(seen.nats[0].mapping, Mapping::NoNat);
    assert!(seen.took_ms < 2_000, "{} ms", seen.took_ms);
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_two_addresses_tells_who_may_send_to_us() {
    let places = ["127.0.0.1:0", "127.0.0.1:0", "127.0.0.2:0", "127.0.0.2:0"].map(on);
    // RFC 5780 wants the same two ports at both addresses.
    let (one, other) = (free_port(), free_port());
    let ports = [one, other, one, other];
    let places = places.iter().zip(ports).map(|(place, port)| SocketAddr::new(place.ip(), port)).collect();
    let server = server(places).await;
    let seen = look_at(link(&server)).await;
    assert_eq!(seen.nats[0].filtering, Filtering::Open, "{:?}", seen.nats);
    assert_eq!(seen.nats[0].mapping, Mapping::NoNat);
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_a_second_port_tells_whether_another_port_gets_through() {
    let places = [free_port(), free_port()].map(|port| SocketAddr::new(on("127.0.0.1:0").ip(), port));
    let server = server(places.to_vec()).await;
    let seen = look_at(link(&server)).await;
    assert_eq!(seen.stun.iter().filter(|asked| asked.mapped.is_some()).count(), 2, "{:?}", seen.stun);
    assert_eq!(seen.nats[0].filtering, Filtering::Open, "{:?}", seen.nats);
}

fn access(doors: &[String]) -> RelayAccess {
    RelayAccess {
        doors: doors.iter().map(|door| door.parse().unwrap()).collect(),
        username: USERNAME.to_owned(),
        password: PASSWORD.to_owned(),
        pin: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_credentials_an_address_is_lent_over_every_transport_and_given_back() {
    let server = ordinary_server().await;
    let (udp, tls) = (server.addresses().turn_udp[0], server.addresses().https[0]);
    let doors =
        [format!("turn:{udp}"), format!("turn:{udp}?transport=tcp"), format!("turns:{tls}?transport=tcp")];
    let access = RelayAccess { pin: link(&server).pin, ..access(&doors) };
    let tried = allocate(&access).await;
    assert_eq!(tried.len(), 3);
    for way in &tried {
        assert!(way.relayed.is_some() && way.answers(), "{way:?}");
    }
    assert_eq!(server.allocations(), 0, "what is not needed any more is given back");

    let stranger = RelayAccess { password: "wrong".to_owned(), ..access };
    for way in allocate(&stranger).await {
        assert_eq!(way.trouble, Some(Trouble::Code { code: 401 }), "{way:?}");
    }
}

/// A relay that asks who we are, and then refuses with this code.
async fn relay_that_refuses(code: u16) -> (String, tokio::task::JoinHandle<()>) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let door = format!("turn:{}", socket.local_addr().unwrap());
    let relay = tokio::spawn(async move {
        let mut bytes = [0; 2000];
        while let Ok((length, from)) = socket.recv_from(&mut bytes).await {
            let asked = Message::from_bytes(&bytes[..length]).unwrap();
            let is_signed = asked.attribute::<Nonce>().is_ok();
            let mut answer = Message::builder_error(&asked, MessageWriteVec::new());
            let code = ErrorCode::new(if is_signed { code } else { 401 }, "").unwrap();
            answer.add_attribute(&code).unwrap();
            answer.add_attribute(&Realm::new("here").unwrap()).unwrap();
            answer.add_attribute(&Nonce::new("once").unwrap()).unwrap();
            socket.send_to(&answer.finish(), from).await.unwrap();
        }
    });
    (door, relay)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_refuses_is_told_by_its_code() {
    for code in [403, 437, 438, 441, 442, 486, 508] {
        let (door, relay) = relay_that_refuses(code).await;
        let tried = allocate(&access(&[door])).await.remove(0);
        assert_eq!(tried.trouble, Some(Trouble::Code { code }), "{tried:?}");
        assert!(!tried.answers());
        relay.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_rubbish_and_closed_doors_are_told_apart() {
    let silent = StdSocket::bind("127.0.0.1:0").unwrap();
    let rubbish = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let closed = free_port();
    let stranger = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let doors = [
        format!("turn:{}", silent.local_addr().unwrap()),
        format!("turn:{}", rubbish.local_addr().unwrap()),
        format!("turn:127.0.0.1:{closed}?transport=tcp"),
        format!("turn:{}?transport=tcp", stranger.local_addr().unwrap()),
        format!("turns:{}?transport=tcp", stranger.local_addr().unwrap()),
    ];
    let babble = tokio::spawn(async move {
        let mut bytes = [0; 2000];
        while let Ok((_, from)) = rubbish.recv_from(&mut bytes).await {
            rubbish.send_to(b"\x01\x01\xff\xff what?", from).await.unwrap();
        }
    });
    let ssh = tokio::spawn(async move {
        while let Ok((mut stream, _)) = stranger.accept().await {
            stream.write_all(b"SSH-2.0-something_long_enough\r\n").await.ok();
            stream.read_buf(&mut Vec::new()).await.ok();
        }
    });
    let access = RelayAccess { pin: Some(Pin([1; 32])), ..access(&doors) };
    let tried = timeout(WITHIN, allocate(&access)).await.unwrap();
    let troubles: Vec<_> = tried.into_iter().map(|way| way.trouble.unwrap()).collect();
    let told = Trouble::Stranger { said: "SSH-2.0-something_lo".to_owned() };
    assert_eq!(troubles, [Trouble::Silent, Trouble::Silent, Trouble::Refused, told, Trouble::NotTls]);
    babble.abort();
    ssh.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_certificate_than_the_links_is_named_with_the_one_that_came() {
    let (real, false_one) = (ordinary_server().await, ordinary_server().await);
    let misled = ServerAddress { pin: link(&real).pin, ..link(&false_one) };
    let seen = look_at(misled).await;
    assert_eq!(seen.server.trouble, Some(Trouble::WrongPin));
    let diagnosis = diagnose(&seen);
    assert_eq!(diagnosis.verdict, Verdict::NoServer);
    let (came, wanted) = (link(&false_one).pin.unwrap().to_string(), link(&real).pin.unwrap().to_string());
    let said = diagnosis.findings.iter().find(|found| found.about == About::Certificate).unwrap();
    assert!(said.what.contains(&came) && said.what.contains(&wanted), "{}", said.what);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_wants_us_to_log_in_first_is_recognised() {
    let portal = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = StdListener::bind("127.0.0.1:0").unwrap();
    let port = nobody.local_addr().unwrap().port();
    drop(nobody);
    let subject = Subject {
        server: ServerAddress { scheme: Scheme::Https, host: "127.0.0.1".into(), port, pin: None },
        plain_port: portal.local_addr().unwrap().port(),
    };
    let page = tokio::spawn(async move {
        while let Ok((mut stream, _)) = portal.accept().await {
            stream.read_buf(&mut Vec::new()).await.ok();
            let page =
                "HTTP/1.1 302 Found\r\nLocation: http://login.hotel.example/\r\nConnection: close\r\n\r\n";
            stream.write_all(page.as_bytes()).await.ok();
        }
    });
    let seen = timeout(WITHIN, examine(&subject, Clock::start())).await.unwrap();
    let diagnosis = diagnose(&seen);
    assert!(diagnosis.findings.iter().any(|found| found.about == About::CaptivePortal), "{diagnosis:#?}");
    page.abort();
}

fn doctor(server: &str, more: &[&str]) -> (i32, String, Duration) {
    let folder = tempfile::tempdir().unwrap();
    let profile = folder.path().to_str().unwrap();
    let begun = std::time::Instant::now();
    let args = [&["doctor", "--profile", profile, "--server", server], more].concat();
    let ended = Program::run(&args);
    assert!(ended_within(begun, Duration::from_secs(10)), "{:?}", begun.elapsed());
    (ended.code, ended.output + &ended.errors, begun.elapsed())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_says_it_in_words_or_as_one_document_and_ends_by_its_verdict() {
    let server = ordinary_server().await;
    let address = link(&server).to_string();
    let (words, json) =
        tokio::task::spawn_blocking(move || (doctor(&address, &[]), doctor(&address, &["--json"])))
            .await
            .unwrap();
    assert_eq!((words.0, json.0), (0, 0), "{} {}", words.1, json.1);
    assert!(words.1.starts_with("Calls will work from here.\n"), "{}", words.1);
    assert!(words.1.find("The relay answers").unwrap() < words.1.find("Figures:").unwrap());
    let document: Value = serde_json::from_str(&json.1).unwrap();
    assert_eq!((&document["schema_version"], &document["verdict"]), (&1.into(), &"good".into()));
    assert_eq!(document["observations"]["nats"][0]["mapping"], "no_nat");
}

#[test]
fn where_nothing_answers_it_ends_in_time_with_the_code_of_no_server() {
    // They take connections, and say nothing ever.
    let silent = StdListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let pin = "A".repeat(43);
    let (code, said, took) = doctor(&format!("https://{address}/#~{pin}"), &[]);
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("does not answer"), "{said}");
    assert!(took > Duration::from_secs(1), "it was given a chance: {took:?}");
    let (code, said, _) = doctor("https://no-such-name.invalid/", &["--json"]);
    assert_eq!(code, 3, "{said}");
    let document: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(document["observations"]["server"]["trouble"]["what"], "no_such_name");
}

#[test]
fn a_link_that_is_none_gets_a_sentence_and_the_code_for_usage() {
    let (code, said, _) = doctor("nonsense", &[]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("link"), "{said}");
}

/// Everything of two installations and the server between them.
struct Two {
    server: Server,
    folder: tempfile::TempDir,
}

impl Two {
    async fn new() -> Self {
        Self { server: ordinary_server().await, folder: tempfile::tempdir().unwrap() }
    }

    fn profile(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn link_of(&self, name: &str) -> String {
        let (profile, server) = (self.profile(name), link(&self.server).to_string());
        Program::run(&["link", "--profile", profile.to_str().unwrap(), "--server", &server])
            .output
            .trim()
            .into()
    }

    fn answers(&self, name: &str) -> Program {
        let server = link(&self.server).to_string();
        let mut command = Command::new(env!("CARGO_BIN_EXE_sightline"));
        command.args(["answer", "--events", "--bind", "127.0.0.1", "--server", &server]);
        command.stderr(Stdio::piped());
        Program::spawn(&mut command, &self.profile(name), &["--size", "320x180"])
    }

    fn asks(&self, name: &str, link: &str) -> (i32, Value) {
        let profile = self.profile(name);
        let args = ["doctor", "--json", "--profile", profile.to_str().unwrap(), "--with", link];
        let ended = Program::run(&args);
        let document = serde_json::from_str(&ended.output);
        (ended.code, document.unwrap_or_else(|_| panic!("{} {}", ended.output, ended.errors)))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_doctors_consult_and_their_prediction_is_held_against_the_call() {
    let two = Two::new().await;
    tokio::task::spawn_blocking(move || {
        let ada = two.link_of("ada");
        std::fs::create_dir_all(two.profile("blaise")).unwrap();
        let settings = format!("may_examine = [\"{ada}\"]\n");
        std::fs::write(two.profile("blaise").join("settings.toml"), settings).unwrap();
        let mut blaise = two.answers("blaise");
        let link = blaise.link();

        let (code, document) = two.asks("ada", &link);
        let contact = &document["contact"];
        assert_eq!((code, &contact["outcome"]), (0, &"answered".into()), "{document:#}");
        assert_eq!(contact["prediction"]["route"], "direct", "{document:#}");
        let theirs: Observations = serde_json::from_value(contact["observations"].clone()).unwrap();
        assert!(theirs.udp_answers() && theirs.server.certificate.is_none(), "{theirs:?}");
        let relays = document["observations"]["relays"].as_array().unwrap();
        assert_eq!(relays.len(), 3, "{document:#}");
        assert!(relays.iter().all(|tried| tried["relayed"].is_string()), "{relays:?}");
        blaise.wait_for("told", |event| event["event"] == "consulted");

        let report = two.profile("ada").join("report.json");
        let caller = Program::run(&[
            "call",
            &link,
            "--profile",
            two.profile("ada").to_str().unwrap(),
            "--bind",
            "127.0.0.1",
            "--size",
            "320x180",
            "--duration",
            "1",
            "--report",
            report.to_str().unwrap(),
        ]);
        assert_eq!(caller.code, 0, "{} {}", caller.output, caller.errors);
        let report: Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
        assert_eq!(report["prediction"]["outcome"]["score"], "right", "{report:#}");
        assert_eq!(blaise.ended(Duration::from_secs(20)).code, 0);
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_not_ask_hears_nothing_and_nobody_rings() {
    let two = Two::new().await;
    tokio::task::spawn_blocking(move || {
        let mut blaise = two.answers("blaise");
        let (code, document) = two.asks("eve", &blaise.link());
        assert_eq!((code, &document["contact"]["outcome"]), (3, &"silent".into()), "{document:#}");
        assert_eq!(document["verdict"], "good", "the own side was looked at all the same");
        blaise.interrupt();
        let blaise = blaise.ended(Duration::from_secs(20));
        assert!(
            !blaise.output.contains("ringing") && !blaise.output.contains("consulted"),
            "{}",
            blaise.output
        );

        let nobody = two.link_of("nobody");
        let (code, document) = two.asks("eve", &nobody);
        assert_eq!((code, &document["contact"]["outcome"]), (3, &"offline".into()), "{document:#}");
    })
    .await
    .unwrap();
}
