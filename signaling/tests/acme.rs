//! A certificate from an authority: Debian's `pebble`, which behaves like the real ones and trusts nobody's DNS but ours.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use sightline_server::{Certificate, Config, Limits, Server};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::skipping::skipped;

const DOMAIN: &str = "call.sightline.test";

/// So short that a renewal, after two thirds of it, is seen within the test.
const VALID_FOR_SECONDS: u64 = 15;

/// An authority needs a few seconds to come and look.
const PATIENCE: Duration = Duration::from_secs(60);

/// The authority and its DNS, which end with this.
struct Authority {
    running: [Child; 2],
    directory: String,
    management: u16,
    root: std::path::PathBuf,
}

impl Authority {
    /// `None`, and a loud word, where there is none to be had.
    async fn start(home: &Path, tls_port: u16) -> Option<Self> {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let (root, key) = (home.join("authority.pem"), home.join("authority.key"));
        std::fs::write(&root, made.cert.pem()).expect("writable");
        std::fs::write(&key, made.signing_key.serialize_pem()).expect("writable");
        let [acme, management, http, dns, dns_management] = free_ports().await;
        let config = serde_json::json!({ "pebble": {
            "listenAddress": format!("127.0.0.1:{acme}"),
            "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": root, "privateKey": key,
            "httpPort": http, "tlsPort": tls_port,
            "certificateValidityPeriod": VALID_FOR_SECONDS,
        }});
        let config_file = home.join("pebble.json");
        std::fs::write(&config_file, config.to_string()).expect("writable");
        let dns = format!("127.0.0.1:{dns}");
        let names = Command::new("pebble-challtestsrv")
            .args(["-dns01", &dns, "-http01", "", "-https01", "", "-tlsalpn01", "", "-defaultIPv6", ""])
            .args(["-management", &format!("127.0.0.1:{dns_management}")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(names) = names else {
            skipped("pebble-challtestsrv", "pebble");
            return None;
        };
        let authority = Command::new("pebble")
            .args(["-config", config_file.to_str().expect("a plain path"), "-dnsserver", &dns])
            .envs([("PEBBLE_VA_NOSLEEP", "1"), ("PEBBLE_WFE_NONCEREJECT", "0"), ("PEBBLE_AUTHZREUSE", "0")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it comes with the other one");
        let directory = format!("https://localhost:{acme}/dir");
        let started = Self { running: [names, authority], directory, management, root };
        timeout(PATIENCE, async {
            while TcpStream::connect(("127.0.0.1", acme)).await.is_err() {
                sleep(Duration::from_millis(50)).await;
            }
        })
        .await
        .expect("the authority starts");
        Some(started)
    }

    /// A client that believes whom this authority vouches for.
    async fn believer(&self) -> Arc<ClientConfig> {
        let ours = trusting(&std::fs::read(&self.root).expect("just written"));
        let mut asked = dial(self.management, "localhost", &ours).await.expect("its own certificate is good");
        asked.write_all(b"GET /roots/0 HTTP/1.0\r\n\r\n").await.expect("it reads");
        let mut answer = Vec::new();
        drop(asked.read_to_end(&mut answer).await);
        trusting(&answer)
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        for child in &mut self.running {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

async fn free_ports<const N: usize>() -> [u16; N] {
    let mut held = Vec::new();
    for _ in 0..N {
        held.push(TcpListener::bind("127.0.0.1:0").await.expect("a free port"));
    }
    let ports: Vec<_> = held.iter().map(|listener| listener.local_addr().expect("bound").port()).collect();
    ports.try_into().expect("as many")
}

fn trusting(pem: &[u8]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(pem).expect("a certificate")).expect("a root");
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("TLS 1.2 and 1.3");
    Arc::new(config.with_root_certificates(roots).with_no_client_auth())
}

async fn dial(port: u16, name: &str, config: &Arc<ClientConfig>) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    TlsConnector::from(Arc::clone(config)).connect(name, stream).await
}

async fn request(stream: &mut TlsStream<TcpStream>, path: &str) -> String {
    let head = format!("GET {path} HTTP/1.1\r\nHost: {DOMAIN}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.expect("the server reads");
    let mut answer = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut answer)).await.expect("in time").expect("an answer");
    answer
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let waited = timeout(PATIENCE, async {
        while !is_so() {
            sleep(Duration::from_millis(100)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("not in time: {what}"));
}

#[tokio::test]
async fn a_certificate_is_had_from_an_authority_renewed_in_time_and_kept() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let [port] = free_ports().await;
    let Some(authority) = Authority::start(home.path(), port).await else { return };
    let config = || Config {
        https: vec![format!("127.0.0.1:{port}").parse().expect("an address")],
        data: Some(home.path().join("data")),
        certificate: Certificate::Acme {
            domain: DOMAIN.to_owned(),
            contact: Some("host@sightline.test".to_owned()),
            directory: Some(authority.directory.clone()),
            authority_root: Some(authority.root.clone()),
        },
        // A connection is to say nothing until the renewal.
        limits: Limits { request_within: 2 * PATIENCE, ..Limits::default() },
        ..Config::silent()
    };

    let server = Server::bind(config()).await.expect("it starts without");
    assert_eq!(
        server.links()[0].to_string(),
        format!("https://{DOMAIN}:{port}/"),
        "such a link needs no pin"
    );
    let own = server.certificate().expect("it listens with TLS");
    assert!(!own.vouched_for && server.ready().is_err(), "{own:?}");
    let pinned = sightline_server::pinned_client(own.pin);
    let mut early = dial(port, DOMAIN, &pinned).await.expect("there is one of its own until then");
    let answer = request(&mut early, "/readyz").await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && !answer.contains("Strict-Transport"), "{answer}");

    let facts = || server.certificate().expect("it listens with TLS");
    until("the first certificate", || facts().vouched_for).await;
    let first = facts();
    assert!(first.ends.is_some() && server.ready().is_ok(), "{first:?}");
    let believer = authority.believer().await;
    let mut lasting =
        dial(port, DOMAIN, &believer).await.expect("everybody who trusts the authority trusts it");
    let mut other = dial(port, DOMAIN, &believer).await.expect("again");
    let answer = request(&mut other, "/readyz").await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("Strict-Transport-Security"), "{answer}");
    assert!(dial(port, "other.sightline.test", &believer).await.is_err(), "and only under its name");

    until("the renewal", || facts().pin != first.pin).await;
    let second = facts();
    assert!(second.vouched_for && second.ends > first.ends, "{second:?}");
    assert!(request(&mut lasting, "/").await.contains("Sightline"), "a connection outlives a renewal");
    dial(port, DOMAIN, &believer).await.expect("the new one is good as well");
    server.close().await;

    let again = Server::bind(config()).await.expect("the port is free again");
    let kept = again.certificate().expect("it listens with TLS");
    assert!(kept.vouched_for && kept.ends >= second.ends, "what was kept is shown at once: {kept:?}");
}
