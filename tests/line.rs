//! The line to a server with TLS, over real sockets on loopback: who is believed, and what is said to a person otherwise.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use sightline::adapters::line::{LineError, dial};
use sightline_protocol::{Pin, Scheme, ServerAddress};
use sightline_server::{Certificate, Config, Server};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    time::timeout,
};

async fn server() -> Server {
    let any = "127.0.0.1:0".parse().unwrap();
    Server::bind(Config { https: vec![any], ..Config::silent() }).await.unwrap()
}

fn link(server: &Server) -> ServerAddress {
    server.links().remove(0)
}

async fn refused(server: &ServerAddress) -> LineError {
    match timeout(Duration::from_secs(20), dial(server)).await.unwrap() {
        Ok(_) => panic!("{server} was believed"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn the_server_that_the_link_is_for_is_believed_by_its_pin_alone() {
    let server = server().await;
    let link = link(&server);
    assert!(link.pin.is_some(), "{link}");
    for host in ["127.0.0.1", "localhost"] {
        let mut line = dial(&ServerAddress { host: host.to_owned(), ..link.clone() }).await.unwrap();
        line.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        timeout(Duration::from_secs(20), line.read_to_string(&mut answer)).await.unwrap().unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("Sightline"), "{answer}");
    }
}

#[tokio::test]
async fn another_server_than_the_links_is_refused_and_stays_so() {
    let (real, false_one) = (server().await, server().await);
    let misled = ServerAddress { pin: link(&real).pin, ..link(&false_one) };
    let error = refused(&misled).await;
    assert!(matches!(error, LineError::WrongPin(_)) && !error.may_pass(), "{error}");
    assert!(error.to_string().contains("not the server the link is for"), "{error}");
}

#[tokio::test]
async fn without_a_pin_nobody_is_believed_who_vouches_for_itself() {
    let server = server().await;
    let error = refused(&ServerAddress { pin: None, ..link(&server) }).await;
    let known = matches!(error, LineError::UnknownAuthority(_) | LineError::NoAuthorities(_));
    assert!(known && !error.may_pass(), "{error}");
}

/// What the program says to a person when it is to wait for calls at this server, up to a word, or to its end. The system's
/// authorities are those in a file of ours, where the system is one that can be told so.
fn program_says(server: &ServerAddress, authorities: &Path, until: &str) -> String {
    let profile = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_sightline"))
        .args(["answer", "--events", "--server", &server.to_string(), "--profile"])
        .arg(profile.path())
        .env("SSL_CERT_FILE", authorities)
        .env_remove("SSL_CERT_DIR")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok) {
        said += &line;
        if line.contains(until) {
            break;
        }
    }
    child.kill().ok();
    child.wait().unwrap();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    said
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn the_program_believes_the_systems_authorities_and_the_pin_and_nobody_else() {
    let home = tempfile::tempdir().unwrap();
    let file = |name: &str| home.path().join(name);
    let (chain, key) = (file("chain.pem"), file("key.pem"));
    let authority = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "An authority of this test");
    let root = params.self_signed(&authority).unwrap();
    let issuer = Issuer::new(params, authority);
    let ours = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&ours, &issuer).unwrap();
    std::fs::write(&chain, certificate.pem()).unwrap();
    std::fs::write(&key, ours.serialize_pem()).unwrap();
    std::fs::write(file("root.pem"), root.pem()).unwrap();
    let other = CertificateParams::new(vec!["x".to_owned()]).unwrap().self_signed(&ours).unwrap();
    std::fs::write(file("other.pem"), other.pem()).unwrap();

    let any = "127.0.0.1:0".parse().unwrap();
    let certificate = Certificate::Files { chain, key };
    let server = Server::bind(Config { https: vec![any], certificate, ..Config::silent() }).await.unwrap();
    let named = ServerAddress { host: "localhost".to_owned(), pin: None, ..link(&server) };
    let by_number = ServerAddress { pin: None, ..link(&server) };
    let pinned = ServerAddress { pin: Some(server.certificate().unwrap().pin), ..by_number.clone() };
    for (address, authorities, expected) in [
        (&named, "root.pem", "\"waiting\""),
        (&pinned, "other.pem", "\"waiting\""),
        (&named, "other.pem", "nobody that this computer trusts vouches for"),
        (&by_number, "root.pem", "its certificate is for localhost"),
    ] {
        let (address, authorities) = (address.clone(), file(authorities));
        let said = tokio::task::spawn_blocking(move || program_says(&address, &authorities, expected));
        let said = timeout(Duration::from_secs(60), said).await.unwrap().unwrap();
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

#[tokio::test]
async fn what_is_no_tls_or_nothing_at_all_is_called_so() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let at = |host: &str, port| ServerAddress {
        scheme: Scheme::Https,
        host: host.to_owned(),
        port,
        pin: Some(Pin([1; 32])),
    };
    let babble = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"SSH-2.0-something\r\n").await.unwrap();
        stream.read_to_end(&mut Vec::new()).await.ok();
    });
    let error = refused(&at("127.0.0.1", port)).await;
    assert!(matches!(error, LineError::NotTls(_)) && error.may_pass(), "{error}");
    babble.await.unwrap();
    let error = refused(&at("127.0.0.1", port)).await;
    assert!(matches!(error, LineError::NothingListens(_)) && error.may_pass(), "{error}");
    let error = refused(&at("no-such-name.invalid", port)).await;
    assert!(matches!(error, LineError::NoSuchName(_)) && error.may_pass(), "{error}");
}
