//! What the server shows to prove who it is, and where that comes from: a key of its own, files, or an authority.
//!
//! A certificate of our own is made anew from the same key at every start. So there is no second file to keep in step with
//! the names, it never nears its end, and the pin in the links, which is a digest of the key alone, stays what it is.
//! Files are read again when they change. All of it happens under live connections: what was agreed on stands, the next
//! handshake sees the new one.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, SanType};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use sightline_protocol::Pin;
use sightline_protocol::pinned::pin_of;

use crate::door::tls::{ACME, cryptography};
use crate::identity::data_folder::{DataError, DataFolder, read_bounded};
use crate::watching::metrics::Metrics;

/// The key of the certificate that the server makes itself.
const KEY_FILE: &str = "certificate.key";

/// How often certificate files are looked at. A change is used when it has stood still for as long: whoever renews writes
/// two files, one after the other.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What is known of the certificate that is shown now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CertificateFacts {
    /// By which clients know it where nobody vouches for it.
    pub pin: Pin,
    /// Whether somebody else signed it, so that clients need no pin.
    pub vouched_for: bool,
    /// When it ends. `None` where that is of no importance, as with one that is known by its pin.
    pub ends: Option<SystemTime>,
}

/// Why there is no certificate to show.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("{} cannot be read: {error}; the server's user needs the right to read it, and to enter its folders", file.display())]
    Unreadable {
        /// Which.
        file: PathBuf,
        /// The system's own words.
        error: std::io::Error,
    },
    /// The certificate's file holds none.
    #[error(
        "{} holds no certificate; it should be a PEM file with `BEGIN CERTIFICATE` in it, such as fullchain.pem",
        .0.display()
    )]
    NoCertificate(PathBuf),
    /// The key's file holds none.
    #[error(
        "{} holds no private key; it should be a PEM file with `BEGIN PRIVATE KEY` in it, such as privkey.pem",
        .0.display()
    )]
    NoKey(PathBuf),
    /// Both are there, and cannot be used.
    #[error("the certificate in {} cannot be used with the key in {}: {error}", chain.display(), key.display())]
    Unfit {
        /// The certificate's file.
        chain: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong.
        error: rustls::Error,
    },
    /// None could be made.
    #[error("no certificate could be made: {0}")]
    NotMade(String),
    /// The key in the data folder is of no use.
    #[error(transparent)]
    Data(#[from] DataError),
}

/// What every handshake is shown.
pub(crate) struct Badge {
    worn: RwLock<Worn>,
    /// Who answers an authority's checks, where there is one.
    challenges: OnceLock<Arc<dyn ResolvesServerCert>>,
    metrics: OnceLock<Arc<Metrics>>,
}

#[derive(Clone)]
struct Worn {
    key: Arc<CertifiedKey>,
    facts: CertificateFacts,
}

impl Badge {
    /// One for these hosts, signed by itself, with the key in the data folder; that key is made if it is not there.
    pub(crate) fn self_signed(
        hosts: &[String],
        folder: Option<&DataFolder>,
    ) -> Result<Self, CertificateError> {
        let key = match folder {
            Some(folder) => kept_key(folder)?,
            None => KeyPair::generate().map_err(not_made)?,
        };
        Ok(Self::wearing(sign_for(hosts, &key)?))
    }

    /// The one in these files.
    pub(crate) fn from_files(chain: &Path, key: &Path) -> Result<Self, CertificateError> {
        Ok(Self::wearing(Files::read(chain, key)?.understand(chain, key)?))
    }

    /// From now on shows another.
    #[cfg_attr(not(feature = "program"), expect(dead_code, reason = "only the program asks an authority"))]
    pub(crate) fn change(&self, chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> bool {
        match worn(chain, key) {
            Ok(worn) => {
                self.wear(worn);
                true
            }
            Err(_) => false,
        }
    }

    /// From now on answers an authority's checks as well.
    #[cfg_attr(not(feature = "program"), expect(dead_code, reason = "only the program asks an authority"))]
    pub(crate) fn answer_challenges(&self, by: Arc<dyn ResolvesServerCert>) {
        drop(self.challenges.set(by));
    }

    /// From now on its end is among the figures.
    pub(crate) fn tell_its_end_to(&self, metrics: Arc<Metrics>) {
        drop(self.metrics.set(metrics));
        self.tell_end(self.facts());
    }

    fn tell_end(&self, facts: CertificateFacts) {
        let ends = facts.ends.and_then(|ends| ends.duration_since(SystemTime::UNIX_EPOCH).ok());
        if let Some(metrics) = self.metrics.get() {
            metrics.door.certificate_ends.set(ends.map_or(0, |ends| ends.as_secs()));
        }
    }

    pub(crate) fn facts(&self) -> CertificateFacts {
        self.worn().facts
    }

    fn wearing(worn: Worn) -> Self {
        Self { worn: RwLock::new(worn), challenges: OnceLock::new(), metrics: OnceLock::new() }
    }

    fn wear(&self, new: Worn) {
        self.tell_end(new.facts);
        *self.worn.write().unwrap_or_else(PoisonError::into_inner) = new;
    }

    fn worn(&self) -> Worn {
        self.worn.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl std::fmt::Debug for Badge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Badge").field(&self.facts()).finish()
    }
}

impl ResolvesServerCert for Badge {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // Only an authority that checks names this alone (RFC 8737).
        let checks =
            hello.alpn().is_some_and(|mut names| names.next() == Some(ACME) && names.next().is_none());
        if checks { self.challenges.get()?.resolve(hello) } else { Some(self.worn().key) }
    }
}

/// Looks at certificate files for ever, and shows what they hold when it has changed and is good.
pub(crate) async fn watch(badge: Arc<Badge>, chain: PathBuf, key: PathBuf) {
    let mut judged = read_apart(&chain, &key).await;
    let mut before = judged.clone();
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let now = read_apart(&chain, &key).await;
        let still = now == before;
        before.clone_from(&now);
        if !still || now == judged {
            continue;
        }
        match now
            .as_ref()
            .map_err(Clone::clone)
            .and_then(|files| files.understand(&chain, &key).map_err(|error| error.to_string()))
        {
            Ok(worn) => {
                badge.wear(worn);
                tracing::info!("the certificate in {} has changed and is shown from now on", chain.display());
            }
            Err(error) => tracing::warn!("the certificate that was there before is still shown: {error}"),
        }
        judged = now;
    }
}

/// What the two files hold, or why that is not known, which is compared as well.
async fn read_apart(chain: &Path, key: &Path) -> Result<Files, String> {
    let (chain, key) = (chain.to_owned(), key.to_owned());
    let read = move || Files::read(&chain, &key).map_err(|error| error.to_string());
    tokio::task::spawn_blocking(read).await.unwrap_or_else(|error| Err(error.to_string()))
}

#[derive(Clone, PartialEq, Eq)]
struct Files {
    chain: Vec<u8>,
    key: Vec<u8>,
}

impl Files {
    fn read(chain: &Path, key: &Path) -> Result<Self, CertificateError> {
        let read = |file: &Path| {
            read_bounded(file).map_err(|error| CertificateError::Unreadable { file: file.to_owned(), error })
        };
        Ok(Self { chain: read(chain)?, key: read(key)? })
    }

    fn understand(&self, chain: &Path, key: &Path) -> Result<Worn, CertificateError> {
        let certificates: Vec<_> =
            CertificateDer::pem_slice_iter(&self.chain).collect::<Result<_, _>>().unwrap_or_default();
        if certificates.is_empty() {
            return Err(CertificateError::NoCertificate(chain.to_owned()));
        }
        let private =
            PrivateKeyDer::from_pem_slice(&self.key).map_err(|_| CertificateError::NoKey(key.to_owned()))?;
        worn(certificates, private).map_err(|error| CertificateError::Unfit {
            chain: chain.to_owned(),
            key: key.to_owned(),
            error,
        })
    }
}

fn worn(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Worn, rustls::Error> {
    let key = CertifiedKey::from_der(chain, key, &cryptography())?;
    let leaf = key.end_entity_cert()?;
    let unreadable = rustls::Error::InvalidCertificate(rustls::CertificateError::BadEncoding);
    let pin = pin_of(leaf).ok_or(unreadable)?;
    let facts = facts(pin, leaf);
    Ok(Worn { key: Arc::new(key), facts })
}

#[cfg(feature = "program")]
fn facts(pin: Pin, leaf: &CertificateDer<'_>) -> CertificateFacts {
    let Ok((_, leaf)) = x509_parser::parse_x509_certificate(leaf) else {
        return CertificateFacts { pin, vouched_for: true, ends: None };
    };
    let ends = u64::try_from(leaf.validity().not_after.timestamp()).unwrap_or(0);
    CertificateFacts {
        pin,
        vouched_for: leaf.issuer() != leaf.subject(),
        ends: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(ends)),
    }
}

/// The app's own server shows no other certificate than its own, of which all of this is known.
#[cfg(not(feature = "program"))]
const fn facts(pin: Pin, _leaf: &CertificateDer<'_>) -> CertificateFacts {
    CertificateFacts { pin, vouched_for: true, ends: None }
}

fn kept_key(folder: &DataFolder) -> Result<KeyPair, CertificateError> {
    if let Some(kept) = folder.read(KEY_FILE)? {
        let key = std::str::from_utf8(&kept).ok().and_then(|text| KeyPair::from_pem(text).ok());
        return key
            .ok_or_else(|| folder.damaged(KEY_FILE, "the private key of this server's certificate").into());
    }
    let key = KeyPair::generate().map_err(not_made)?;
    folder.write(KEY_FILE, key.serialize_pem().as_bytes())?;
    Ok(key)
}

fn sign_for(hosts: &[String], key: &KeyPair) -> Result<Worn, CertificateError> {
    // Its dates are of 1975 and 4096: clients that know the pin look at neither, and no clock has to be right.
    let mut params = CertificateParams::new(hosts).map_err(not_made)?;
    params.subject_alt_names.dedup_by(|a: &mut SanType, b| a == b);
    params.distinguished_name.push(DnType::CommonName, "Sightline server");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = params.self_signed(key).map_err(not_made)?;
    let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let worn = worn(vec![certificate.der().clone()], private).map_err(not_made)?;
    let facts = CertificateFacts { vouched_for: false, ends: None, ..worn.facts };
    Ok(Worn { facts, ..worn })
}

fn not_made(error: impl ToString) -> CertificateError {
    CertificateError::NotMade(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn the_pin_outlives_the_program_and_a_change_of_names() {
        let home = tempfile::tempdir().expect("a temporary folder");
        let folder = DataFolder::open(home.path()).expect("a folder");
        let first = Badge::self_signed(&hosts(&["192.0.2.1", "::1"]), Some(&folder)).expect("a certificate");
        let second = Badge::self_signed(&hosts(&["call.example.org"]), Some(&folder)).expect("a certificate");
        assert_eq!(first.facts().pin, second.facts().pin);
        let without = Badge::self_signed(&hosts(&["call.example.org"]), None).expect("a certificate");
        assert_ne!(first.facts().pin, without.facts().pin);
        assert!(!first.facts().vouched_for);
    }

    #[test]
    fn a_damaged_key_is_an_error_and_stays_as_it_is() {
        let home = tempfile::tempdir().expect("a temporary folder");
        let folder = DataFolder::open(home.path()).expect("a folder");
        for damage in [&b""[..], b"-----BEGIN PRIVATE KEY-----\nMIGH", b"\xff\xfe"] {
            folder.write(KEY_FILE, damage).expect("writable");
            let error = Badge::self_signed(&hosts(&["localhost"]), Some(&folder)).expect_err("damaged");
            assert!(error.to_string().contains("certificate.key is damaged"), "{error}");
            assert_eq!(folder.read(KEY_FILE).expect("readable").as_deref(), Some(damage));
        }
    }

    #[test]
    fn files_that_do_not_fit_are_told_apart() {
        let home = tempfile::tempdir().expect("a temporary folder");
        let file = |name: &str, text: &str| {
            let file = home.path().join(name);
            std::fs::write(&file, text).expect("writable");
            file
        };
        let (one, other) = (KeyPair::generate().expect("a key"), KeyPair::generate().expect("a key"));
        let params = CertificateParams::new(hosts(&["localhost"])).expect("a name");
        let chain = file("chain", &params.self_signed(&one).expect("signed").pem());
        let (one, other) = (file("one", &one.serialize_pem()), file("other", &other.serialize_pem()));
        let empty = file("empty", "");
        let said = |chain: &Path, key: &Path| {
            Badge::from_files(chain, key).err().map(|error| error.to_string()).unwrap_or_default()
        };
        assert_eq!(said(&chain, &one), "");
        assert!(said(&chain, &other).contains("cannot be used with the key"), "{}", said(&chain, &other));
        assert!(said(&empty, &one).contains("holds no certificate"));
        assert!(said(&chain, &empty).contains("holds no private key"));
        assert!(said(&home.path().join("absent"), &one).contains("absent cannot be read"));
    }
}
