//! TLS, both ends: what the door speaks, and how a client knows a server by its pin.
//!
//! No session tickets and no session cache: a client keeps one connection for hours, so resuming would save next to
//! nothing, and each ticket would be sent to everybody. `ring` is the only provider, so that a build needs no C compiler
//! beyond the one it has already.

use std::sync::Arc;

use ring::digest::{SHA256, digest};
#[cfg(feature = "program")]
use rustls::RootCertStore;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring as provider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::{NoServerSessionStorage, ParsedCertificate, ResolvesServerCert};
use rustls::{
    CertificateError, ClientConfig, ConfigBuilder, DigitallySignedStruct, Error as TlsError, ServerConfig,
    SignatureScheme, WantsVerifier,
};
use sightline_protocol::Pin;

/// What an authority's checks ask for (RFC 8737); no other client does.
pub(crate) const ACME: &[u8] = b"acme-tls/1";

/// What is understood inside: HTTP, and STUN and TURN by the names of RFC 7443. Who names none of them is served too,
/// who names only others is refused.
const PROTOCOLS: [&[u8]; 4] = [b"http/1.1", b"stun.turn", b"stun.nat-discovery", ACME];

/// The one provider of cryptography.
pub(crate) fn cryptography() -> Arc<CryptoProvider> {
    Arc::new(provider::default_provider())
}

/// A client, of which it is still to be said whom it believes.
fn client() -> ConfigBuilder<ClientConfig, WantsVerifier> {
    ClientConfig::builder_with_provider(cryptography())
        .with_safe_default_protocol_versions()
        .expect("ring has cipher suites for TLS 1.2 and 1.3")
}

/// A client that believes whom these vouch for.
#[cfg(feature = "program")]
pub(crate) fn client_trusting(roots: RootCertStore) -> Arc<ClientConfig> {
    Arc::new(client().with_root_certificates(roots).with_no_client_auth())
}

/// What the door speaks.
pub(crate) fn for_server(certificates: Arc<dyn ResolvesServerCert>) -> Arc<ServerConfig> {
    let mut config = ServerConfig::builder_with_provider(cryptography())
        .with_safe_default_protocol_versions()
        .expect("ring has cipher suites for TLS 1.2 and 1.3")
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.alpn_protocols = PROTOCOLS.iter().map(|name| name.to_vec()).collect();
    Arc::new(config)
}

/// The pin of a certificate; `None` where it is no certificate.
pub(crate) fn pin_of(certificate: &CertificateDer<'_>) -> Option<Pin> {
    let parsed = ParsedCertificate::try_from(certificate).ok()?;
    let digest = digest(&SHA256, &parsed.subject_public_key_info());
    Some(Pin(digest.as_ref().try_into().expect("SHA-256 has 32 bytes")))
}

/// A client that knows its server by the pin alone: neither names nor dates nor authorities count.
pub fn pinned_client(pin: Pin) -> Arc<ClientConfig> {
    let pinned = Pinned { pin, cryptography: cryptography() };
    let mut config =
        client().dangerous().with_custom_certificate_verifier(Arc::new(pinned)).with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled();
    Arc::new(config)
}

/// Checks that the other side has the private key of the one certificate that is expected.
#[derive(Debug)]
struct Pinned {
    pin: Pin,
    cryptography: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        if pin_of(certificate) == Some(self.pin) {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(TlsError::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.cryptography.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.cryptography.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.cryptography.signature_verification_algorithms.supported_schemes()
    }
}
