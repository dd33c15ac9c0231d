//! A certificate that everybody trusts, asked for and renewed by ACME (RFC 8555), proved by TLS-ALPN-01 (RFC 8737): the
//! authority connects to port 443 of the name, and finds there what only we can show. So no other port has to be open.
//!
//! `rustls-acme` speaks it. What is ours: its files lie in the data folder, for their owner alone, and a damaged one is
//! complained about instead of replaced; what fails is told in words, with what to look at; and after a failure we wait
//! longer than it would, since authorities allow five failures an hour and count.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use rustls_acme::acme::{Auth, Identifier, LETS_ENCRYPT_PRODUCTION_DIRECTORY};
use rustls_acme::{AccountCache, AcmeConfig, AcmeState, CertCache, EventError, EventOk, OrderError};
use sightline_protocol::ServerAddress;

use crate::door::tls::client_trusting;
use crate::identity::certificate::Badge;
use crate::identity::data_folder::{DataError, DataFolder, read_bounded};

/// The first pause after a failure; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(120);

/// The longest pause. A certificate is renewed weeks before its end, so that this loses nothing.
const LONGEST_PAUSE: Duration = Duration::from_secs(6 * 3600);

/// What is wanted of whom.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wish<'a> {
    pub(crate) domain: &'a str,
    pub(crate) contact: Option<&'a str>,
    pub(crate) directory: Option<&'a str>,
    pub(crate) authority_root: Option<&'a Path>,
}

/// Why no authority can be asked.
#[derive(Debug, thiserror::Error)]
pub enum AcmeError {
    /// Not a name that anybody vouches for.
    #[error(
        "`{0}` is not a domain that a certificate can be had for; give a name such as call.example.org that leads to \
         this server, without port or https://"
    )]
    BadDomain(String),
    /// The authority's own certificate.
    #[error("the certificate of the authority in {} cannot be used: {why}", file.display())]
    BadRoot {
        /// Which file.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// What is kept from earlier.
    #[error(transparent)]
    Data(#[from] DataError),
}

/// Looks at everything that can be wrong before anybody is asked, and gives back the work of asking, for ever.
pub(crate) fn prepare(
    wish: Wish<'_>,
    folder: Option<Arc<DataFolder>>,
    badge: Arc<Badge>,
) -> Result<impl Future<Output = ()> + Send + 'static, AcmeError> {
    let domain = wish.domain.to_owned();
    if !is_domain(&domain) {
        return Err(AcmeError::BadDomain(domain));
    }
    let directory = wish.directory.unwrap_or(LETS_ENCRYPT_PRODUCTION_DIRECTORY).to_owned();
    let kept = Kept::new(folder, Arc::clone(&badge), &domain, &directory);
    kept.check()?;
    let config = AcmeConfig::new([&domain]).cache(kept).directory(&directory);
    let config = config.contact(wish.contact.map(|contact| format!("mailto:{contact}")));
    let config = match wish.authority_root {
        Some(file) => config.client_tls_config(trusting(file)?),
        None => config,
    };
    let state = config.state();
    badge.answer_challenges(state.resolver());
    Ok(work(state, domain, directory))
}

async fn work(mut state: AcmeState<DataError>, domain: String, directory: String) {
    let mut pause = FIRST_PAUSE;
    while let Some(event) = state.next().await {
        match event {
            Ok(EventOk::DeployedNewCert) => {
                pause = FIRST_PAUSE;
                tracing::info!("there is a new certificate for {domain}");
            }
            Ok(EventOk::DeployedCachedCert) => tracing::debug!("the certificate for {domain} is still there"),
            Ok(EventOk::CertCacheStore | EventOk::AccountCacheStore) => {}
            Err(EventError::Order(why)) => {
                tracing::warn!(
                    "no certificate for {domain} could be had: {}. It is tried again in {} minutes",
                    in_words(&why, &domain, &directory),
                    pause.as_secs() / 60,
                );
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            Err(EventError::CertCacheStore(why) | EventError::AccountCacheStore(why)) => {
                tracing::error!(
                    "what the authority gave cannot be kept, and is lost at the next start: {why}"
                );
            }
            Err(EventError::CertCacheLoad(why) | EventError::AccountCacheLoad(why)) => {
                tracing::error!("{why}");
            }
            Err(EventError::CachedCertParse(why) | EventError::NewCertParse(why)) => {
                tracing::error!("the certificate for {domain} cannot be used: {why}");
            }
        }
    }
}

/// What went wrong, and what to look at.
fn in_words(why: &OrderError, domain: &str, directory: &str) -> String {
    let look = format!(
        "Does {domain} lead to this computer's public address, and does its port 443 arrive at this program? A \
         firewall, a router or another web server may be in between"
    );
    match why {
        OrderError::BadAuth(refused) => format!("the authority says: {}. {look}", said(refused)),
        OrderError::TooManyAttemptsAuth(_) => format!("the authority did not come to look. {look}"),
        OrderError::BadOrder(order) => {
            let said = order.error.as_ref().and_then(|problem| problem.detail.as_deref());
            format!("the authority refuses it: {}", said.unwrap_or("it does not say why"))
        }
        OrderError::ProcessingTimeout(_) => "the authority takes too long".to_owned(),
        OrderError::Acme(error) => {
            format!(
                "asking {directory} failed ({error}). Can this computer reach it, and is its clock right?"
            )
        }
        OrderError::Rcgen(error) => error.to_string(),
    }
}

fn said(refused: &Auth) -> String {
    let Identifier::Dns(name) = &refused.identifier;
    let details = refused.challenges.iter().filter_map(|challenge| challenge.error.as_ref()?.detail.clone());
    let details: Vec<_> = details.collect();
    if details.is_empty() { format!("it could not make sure of {name}") } else { details.join("; ") }
}

/// A host name with a dot in it, and no address.
fn is_domain(domain: &str) -> bool {
    let address = format!("https://{domain}/").parse::<ServerAddress>();
    let is_host = address.is_ok_and(|address| address.host == domain && address.name() == domain);
    is_host && domain.contains('.') && domain.parse::<std::net::IpAddr>().is_err()
}

fn trusting(file: &Path) -> Result<Arc<ClientConfig>, AcmeError> {
    let bad = |why: String| AcmeError::BadRoot { file: file.to_owned(), why };
    let bytes = read_bounded(file).map_err(|error| bad(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&bytes) {
        let certificate = certificate.map_err(|error| bad(error.to_string()))?;
        roots.add(certificate).map_err(|error| bad(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(bad("it holds no certificate in PEM form".to_owned()));
    }
    Ok(client_trusting(roots))
}

/// What is kept of an account and its certificate, and shown as soon as it is there.
struct Kept {
    folder: Option<Arc<DataFolder>>,
    badge: Arc<Badge>,
    certificate_file: String,
    account_file: String,
}

impl Kept {
    fn new(folder: Option<Arc<DataFolder>>, badge: Arc<Badge>, domain: &str, directory: &str) -> Self {
        // What one authority gave is of no use to another; the first letters of a digest tell them apart.
        let whose: String = digest(&SHA256, directory.as_bytes()).as_ref()[..4]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Self {
            folder,
            badge,
            certificate_file: format!("acme-{domain}-{whose}.pem"),
            account_file: format!("acme-account-{whose}.key"),
        }
    }

    /// Whether what is there can be used. A damaged file would otherwise be replaced without a word.
    fn check(&self) -> Result<(), DataError> {
        let Some(folder) = &self.folder else { return Ok(()) };
        if let Some(kept) = folder.read(&self.account_file)? {
            let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &kept, &SystemRandom::new());
            if key.is_err() {
                return Err(folder.damaged(&self.account_file, "the key of an account with an authority"));
            }
        }
        match folder.read(&self.certificate_file)? {
            Some(kept) if !self.show(&kept) => Err(folder
                .damaged(&self.certificate_file, "a private key and a certificate that belong together")),
            Some(_) | None => Ok(()),
        }
    }

    /// Shows a key and its certificates, PEM one after the other. Whether they were any.
    fn show(&self, pem: &[u8]) -> bool {
        let chain = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>().unwrap_or_default();
        let key = PrivateKeyDer::from_pem_slice(pem).ok();
        key.is_some_and(|key| !chain.is_empty() && self.badge.change(chain, key))
    }

    fn read(&self, file: &str) -> Result<Option<Vec<u8>>, DataError> {
        self.folder.as_ref().map_or(Ok(None), |folder| folder.read(file))
    }

    fn write(&self, file: &str, bytes: &[u8]) -> Result<(), DataError> {
        self.folder.as_ref().map_or(Ok(()), |folder| folder.write(file, bytes))
    }
}

// The files are small and written a few times a year, so no thread of their own is kept for them.
#[async_trait]
impl CertCache for Kept {
    type EC = DataError;

    async fn load_cert(&self, _: &[String], _: &str) -> Result<Option<Vec<u8>>, DataError> {
        self.read(&self.certificate_file)
    }

    async fn store_cert(&self, _: &[String], _: &str, pem: &[u8]) -> Result<(), DataError> {
        self.show(pem);
        self.write(&self.certificate_file, pem)
    }
}

#[async_trait]
impl AccountCache for Kept {
    type EA = DataError;

    async fn load_account(&self, _: &[String], _: &str) -> Result<Option<Vec<u8>>, DataError> {
        self.read(&self.account_file)
    }

    async fn store_account(&self, _: &[String], _: &str, key: &[u8]) -> Result<(), DataError> {
        self.write(&self.account_file, key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIRECTORY: &str = "https://authority.example/dir";

    fn badge() -> Arc<Badge> {
        Arc::new(Badge::self_signed(&["call.example.org".to_owned()], None).expect("a certificate"))
    }

    fn wish(domain: &str) -> Wish<'_> {
        Wish { domain, contact: None, directory: Some(DIRECTORY), authority_root: None }
    }

    #[test]
    fn only_a_domain_can_be_vouched_for() {
        for good in ["call.example.org", "a-b.example"] {
            assert!(is_domain(good), "{good}");
        }
        for bad in [
            "",
            "localhost",
            "192.0.2.1",
            "::1",
            "call.example.org:8443",
            "https://a.b",
            "Call.Example.org",
            "../x.y",
        ] {
            assert!(!is_domain(bad), "{bad}");
            assert!(prepare(wish(bad), None, badge()).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_was_kept_is_shown_at_once_and_what_is_damaged_is_left_alone() {
        let home = tempfile::tempdir().expect("a temporary folder");
        let folder = Arc::new(DataFolder::open(home.path()).expect("a folder"));
        let badge = badge();
        let kept = Kept::new(Some(Arc::clone(&folder)), Arc::clone(&badge), "call.example.org", DIRECTORY);
        let made =
            rcgen::generate_simple_self_signed(["call.example.org".to_owned()]).expect("a certificate");
        let pem = format!("{}\n{}", made.signing_key.serialize_pem(), made.cert.pem());
        folder.write(&kept.certificate_file, pem.as_bytes()).expect("writable");
        let before = badge.facts();
        kept.check().expect("it is whole");
        assert_ne!(badge.facts().pin, before.pin);
        assert!(badge.facts().ends.is_some(), "the end of such a certificate matters");

        for (file, whole) in [(&kept.certificate_file, pem.as_bytes()), (&kept.account_file, &b"x"[..])] {
            let cut = &whole[..whole.len() / 2];
            folder.write(file, cut).expect("writable");
            let error =
                prepare(wish("call.example.org"), Some(Arc::clone(&folder)), Arc::clone(&badge)).err();
            let said = error.map(|error| error.to_string()).unwrap_or_default();
            assert!(said.contains(file.as_str()) && said.contains("damaged"), "{said}");
            assert_eq!(folder.read(file).expect("readable").as_deref(), Some(cut));
        }
    }

    #[test]
    fn an_authority_without_a_certificate_is_not_believed() {
        let home = tempfile::tempdir().expect("a temporary folder");
        let file = home.path().join("root.pem");
        std::fs::write(&file, "nothing").expect("writable");
        let error =
            prepare(Wish { authority_root: Some(&file), ..wish("call.example.org") }, None, badge()).err();
        assert!(matches!(error, Some(AcmeError::BadRoot { .. })), "{error:?}");
    }
}
