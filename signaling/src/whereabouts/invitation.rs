//! The one link that a host gives away, and the picture of it.

use sightline_protocol::ServerAddress;

use crate::identity::certificate::CertificateFacts;

/// The link to a server with this certificate: it carries the pin where nobody vouches for the certificate.
pub(crate) fn link(address: ServerAddress, certificate: Option<CertificateFacts>) -> ServerAddress {
    let pin = certificate.filter(|facts| !facts.vouched_for).map(|facts| facts.pin);
    ServerAddress { pin, ..address }
}

/// A QR code in half blocks, with its quiet zone, for a terminal with light letters on a dark ground; on a light one it
/// is inverted, which most readers take as well. `None` for a text that is too long for one.
#[cfg(feature = "program")]
pub fn qr(text: &str) -> Option<String> {
    use qrcode::render::unicode::Dense1x2;
    use qrcode::{EcLevel, QrCode};
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    // The letters are what is light, so the code's light squares are letters and its dark ones are left empty.
    Some(code.render().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).quiet_zone(true).build())
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use sightline_protocol::Pin;

    use super::*;

    #[test]
    fn a_pin_stands_in_the_link_where_nobody_vouches_for_the_certificate() {
        let address: ServerAddress = "https://192.0.2.7:8443/".parse().expect("an address");
        let facts = CertificateFacts { pin: Pin([7; 32]), vouched_for: false, ends: None };
        let pinned = link(address.clone(), Some(facts)).to_string();
        assert_eq!(pinned, "https://192.0.2.7:8443/#~BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc");
        assert_eq!(pinned.parse::<ServerAddress>().expect("a link").pin, Some(Pin([7; 32])));
        let public = CertificateFacts { vouched_for: true, ends: Some(SystemTime::UNIX_EPOCH), ..facts };
        assert_eq!(link(address.clone(), Some(public)).to_string(), "https://192.0.2.7:8443/");
        assert_eq!(link(address, None).to_string(), "https://192.0.2.7:8443/");
    }

    #[cfg(feature = "program")]
    #[test]
    fn the_code_has_its_quiet_zone_and_fits_a_terminal() {
        let text = format!("https://203.0.113.250:8443/#~{}", "A".repeat(43));
        let code = qr(&text).expect("short enough");
        let lines: Vec<_> = code.lines().collect();
        let wide = lines[0].chars().count();
        assert!(wide <= 60 && lines.len() <= 30, "{wide} x {}", lines.len());
        assert!(lines.iter().all(|line| line.chars().count() == wide));
        assert!(lines[0].chars().all(|c| c == '█'), "the quiet zone is light: {}", lines[0]);
        assert_eq!(qr(&"x".repeat(5000)), None);
    }
}
