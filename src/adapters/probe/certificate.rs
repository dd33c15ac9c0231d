//! What a certificate says of itself, and what the trouble of a line is in the doctor's words.

use rustls::pki_types::CertificateDer;
use sightline_protocol::pinned::pin_of;
use x509_parser::parse_x509_certificate;

use super::udp::trouble_of;
use crate::{
    adapters::line::LineError,
    logic::doctor::{CertificateSeen, Trouble},
};

/// What an issuer's name is cut to: it is written by whoever answers.
const MAX_ISSUER_CHARS: usize = 100;

/// What is told of a certificate; nothing where it is none.
pub(super) fn describe(certificate: &CertificateDer<'_>) -> Option<CertificateSeen> {
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

pub(super) fn of_line(error: LineError) -> Trouble {
    match error {
        LineError::NoSuchName(_) => Trouble::NoSuchName,
        LineError::NothingListens(_) => Trouble::Refused,
        LineError::WrongPin(_) => Trouble::WrongPin,
        LineError::UnknownAuthority(_) => Trouble::UnknownAuthority,
        LineError::WrongName { .. } => Trouble::WrongName,
        LineError::NotToday(_) => Trouble::NotToday,
        LineError::NotTls(_) => Trouble::NotTls,
        LineError::Unreachable { error, .. } | LineError::Tls { error, .. } => trouble_of(&error),
        LineError::Proxy { error, .. } => Trouble::Proxy { why: error.to_string() },
        LineError::NoAuthorities(_) | LineError::BadHost(_) => Trouble::Other { text: error.to_string() },
    }
}
