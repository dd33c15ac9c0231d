//! TLS as `line` speaks it, with a look at the certificate that came, whether it is believed or not.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::{
    ClientConfig, DigitallySignedStruct, Error as TlsError, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use sightline_protocol::{link::ServerAddress, pinned::pin_of};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;
use x509_parser::parse_x509_certificate;

use super::{CONNECT_WITHIN, udp::trouble_of};
use crate::{
    adapters::line::{self, LineError, Stream},
    logic::doctor::{CertificateSeen, Trouble},
};

/// What an issuer's name is cut to: it is written by whoever answers.
const MAX_ISSUER_CHARS: usize = 100;

/// Makes sure of who is there, and remembers what was shown.
#[derive(Clone)]
pub(super) struct Greeter {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    server: ServerAddress,
    seen: Arc<Mutex<Option<CertificateSeen>>>,
}

impl Greeter {
    /// For this server.
    pub(super) async fn new(server: &ServerAddress) -> Result<Self, Trouble> {
        let inner = line::verifier_for(server.pin).await.map_err(of_line)?;
        let name = line::host_name(&server.host).map_err(of_line)?;
        let seen = Arc::new(Mutex::new(None));
        let recording = Recording { inner, seen: Arc::clone(&seen) };
        let config = line::config_with(Arc::new(recording)).map_err(of_line)?;
        Ok(Self { config, name, server: server.clone(), seen })
    }

    /// The same for its relay, which is no HTTP server.
    pub(super) fn for_relay(&self) -> Self {
        let mut config = ClientConfig::clone(&self.config);
        config.alpn_protocols.clear();
        Self { config: Arc::new(config), ..self.clone() }
    }

    /// Speaks TLS over this stream.
    pub(super) async fn greet(&self, stream: TcpStream) -> Result<Box<dyn Stream>, Trouble> {
        let connector = TlsConnector::from(Arc::clone(&self.config));
        match timeout(CONNECT_WITHIN, connector.connect(self.name.clone(), stream)).await {
            Ok(Ok(stream)) => Ok(Box::new(stream)),
            Ok(Err(error)) => Err(of_line(line::why_no_tls(&self.server, error))),
            Err(_) => Err(Trouble::Silent),
        }
    }

    /// The certificate that came last.
    pub(super) fn certificate(&self) -> Option<CertificateSeen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn of_line(error: LineError) -> Trouble {
    match error {
        LineError::NoSuchName(_) => Trouble::NoSuchName,
        LineError::NothingListens(_) => Trouble::Refused,
        LineError::WrongPin(_) => Trouble::WrongPin,
        LineError::UnknownAuthority(_) => Trouble::UnknownAuthority,
        LineError::WrongName { .. } => Trouble::WrongName,
        LineError::NotToday(_) => Trouble::NotToday,
        LineError::NotTls(_) => Trouble::NotTls,
        LineError::Unreachable { error, .. } | LineError::Tls { error, .. } => trouble_of(&error),
        LineError::NoAuthorities(_) | LineError::BadHost(_) => Trouble::Other { text: error.to_string() },
    }
}

/// Lets somebody else judge, and writes down what was judged.
#[derive(Debug)]
struct Recording {
    inner: Arc<dyn ServerCertVerifier>,
    seen: Arc<Mutex<Option<CertificateSeen>>>,
}

impl ServerCertVerifier for Recording {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = describe(certificate);
        self.inner.verify_server_cert(certificate, intermediates, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.inner.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.inner.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

fn describe(certificate: &CertificateDer<'_>) -> Option<CertificateSeen> {
    let pin = pin_of(certificate)?.to_string();
    let (_, parsed) = parse_x509_certificate(certificate).ok()?;
    let issuer: String =
        parsed.issuer().to_string().chars().filter(|c| !c.is_control()).take(MAX_ISSUER_CHARS).collect();
    Some(CertificateSeen {
        pin,
        issuer,
        not_before_unix: parsed.validity().not_before.timestamp(),
        not_after_unix: parsed.validity().not_after.timestamp(),
    })
}
