//! TLS, both ends: what the door speaks, and how a client knows a server by its pin.
//!
//! No session tickets and no session cache: a client keeps one connection for hours, so resuming would save next to
//! nothing, and each ticket would be sent to everybody. `ring` is the only provider, so that a build needs no C compiler
//! beyond the one it has already.

use std::sync::Arc;

#[cfg(feature = "program")]
use rustls::RootCertStore;
use rustls::crypto::{CryptoProvider, ring as provider};
use rustls::server::{NoServerSessionStorage, ResolvesServerCert};
use rustls::{ClientConfig, ConfigBuilder, ServerConfig, WantsVerifier};
use sightline_protocol::Pin;
use sightline_protocol::pinned::Pinned;

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

/// A client that knows its server by the pin alone.
pub fn pinned_client(pin: Pin) -> Arc<ClientConfig> {
    let pinned = Pinned::new(pin, cryptography());
    let mut config =
        client().dangerous().with_custom_certificate_verifier(Arc::new(pinned)).with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled();
    Arc::new(config)
}
