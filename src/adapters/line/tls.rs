//! Who is at the other end of a stream: the one key of a pin, or somebody whom the system's authorities vouch for. What was
//! shown is kept, so that a wrong one can be named.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, SignatureScheme,
    client::{
        Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::ring::default_provider,
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use sightline_protocol::{
    link::Pin,
    pinned::{Pinned, pin_of},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::LineError;

/// How TLS is begun with one server.
pub(in super::super) struct Greeting {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    pin: Option<Pin>,
    shown: Arc<Shown>,
}

impl Greeting {
    /// With a server of this pin, or with one that an authority vouches for. Reads the system's authorities, which takes
    /// a moment.
    pub(in super::super) async fn prepare(
        host: &str,
        pin: Option<Pin>,
        speaks: &[&[u8]],
    ) -> Result<Self, LineError> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| LineError::BadHost(host.to_owned()))?;
        let cryptography = Arc::new(default_provider());
        let judge: Arc<dyn ServerCertVerifier> = match pin {
            Some(pin) => Arc::new(Pinned::new(pin, Arc::clone(&cryptography))),
            None => {
                let ours = Arc::clone(&cryptography);
                let read =
                    tokio::task::spawn_blocking(move || rustls_platform_verifier::Verifier::new(ours)).await;
                let read = read.unwrap_or_else(|error| Err(TlsError::General(error.to_string())));
                Arc::new(read.map_err(LineError::NoAuthorities)?)
            }
        };
        let shown = Arc::new(Shown { judge, certificate: Mutex::default() });
        let mut config = ClientConfig::builder_with_provider(cryptography)
            .with_safe_default_protocol_versions()
            .map_err(LineError::NoAuthorities)?
            .dangerous()
            .with_custom_certificate_verifier(shown.clone())
            .with_no_client_auth();
        config.alpn_protocols = speaks.iter().map(|protocol| protocol.to_vec()).collect();
        // One line is kept for hours; there is nothing to resume.
        config.resumption = Resumption::disabled();
        Ok(Self { config: Arc::new(config), name, pin, shown })
    }

    /// Makes sure of who is there; `at` names them in the error. With it comes the pin of what was shown.
    pub(in super::super) async fn greet(
        &self,
        stream: TcpStream,
        at: String,
    ) -> Result<TlsStream<TcpStream>, (LineError, Option<Pin>)> {
        let connector = TlsConnector::from(Arc::clone(&self.config));
        let greeted = connector.connect(self.name.clone(), stream).await;
        greeted.map_err(|error| (why_no_tls(at, error, self.pin), self.shown().as_ref().and_then(pin_of)))
    }

    /// The certificate that was shown last, believed or not.
    pub(in super::super) fn shown(&self) -> Option<CertificateDer<'static>> {
        self.shown.certificate.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Lets another judge, and keeps what was shown.
#[derive(Debug)]
struct Shown {
    judge: Arc<dyn ServerCertVerifier>,
    certificate: Mutex<Option<CertificateDer<'static>>>,
}

impl ServerCertVerifier for Shown {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let shown = certificate.clone().into_owned();
        *self.certificate.lock().unwrap_or_else(PoisonError::into_inner) = Some(shown);
        self.judge.verify_server_cert(certificate, intermediates, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.judge.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.judge.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.judge.supported_verify_schemes()
    }
}

fn why_no_tls(at: String, error: io::Error, pin: Option<Pin>) -> LineError {
    let known = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>());
    match known {
        Some(TlsError::InvalidCertificate(why)) => why_no_trust(at, why, pin),
        Some(TlsError::InvalidMessage(_)) => LineError::NotTls(at),
        Some(_) | None => LineError::Tls { server: at, error },
    }
}

fn why_no_trust(server: String, why: &CertificateError, pin: Option<Pin>) -> LineError {
    // Whatever is wrong with it: with a pin nothing but the key is looked at.
    if pin.is_some() {
        return LineError::WrongPin(server);
    }
    if let CertificateError::NotValidForNameContext { presented, .. } = why {
        return LineError::WrongName { server, names: plainly(presented) };
    }
    let not_today = matches!(
        why,
        CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. }
    );
    if not_today {
        LineError::NotToday(server)
    } else if *why == CertificateError::NotValidForName {
        LineError::WrongName { server, names: "another name".to_owned() }
    } else {
        LineError::UnknownAuthority(server)
    }
}

/// The names alone, of what the library writes as `DnsName("call.example.org")`.
fn plainly(presented: &[String]) -> String {
    let name = |text: &String| text.split('"').nth(1).unwrap_or(text).to_owned();
    presented.iter().map(name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn every_reason_not_to_trust_has_its_sentence() {
        let said = |why, pin| why_no_trust("https://a.example/".to_owned(), &why, pin).to_string();
        let time = UnixTime::since_unix_epoch(Duration::ZERO);
        let ended = CertificateError::ExpiredContext { time, not_after: time };
        assert!(said(ended.clone(), None).contains("not valid today"), "{}", said(ended.clone(), None));
        assert!(said(CertificateError::NotValidYet, None).contains("not valid today"));
        assert!(said(CertificateError::UnknownIssuer, None).contains("vouches"));
        let elsewhere = CertificateError::NotValidForNameContext {
            expected: ServerName::try_from("a.example").unwrap(),
            presented: vec!["DnsName(\"b.example\")".to_owned()],
        };
        assert!(said(elsewhere, None).contains("is for b.example;"));
        assert!(said(ended, Some(Pin([0; 32]))).contains("not the server the link is for"));
    }
}
