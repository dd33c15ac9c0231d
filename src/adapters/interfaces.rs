//! The addresses of this computer at which a call can reach it.
//!
//! We list them ourselves: `webrtc` 0.21 has no filter, and binds what it is told.

use std::net::{IpAddr, Ipv4Addr};

/// Addresses to bind: the wished ones, or every usable one. Where there is no network at all, loopback remains, so that
/// two installations on one computer can still call each other.
pub(super) fn to_bind(wished: &[IpAddr]) -> Vec<IpAddr> {
    if !wished.is_empty() {
        return wished.to_vec();
    }
    let interfaces = if_addrs::get_if_addrs().unwrap_or_else(|error| {
        tracing::warn!(%error, "the network interfaces cannot be listed");
        Vec::new()
    });
    let mut usable: Vec<_> =
        interfaces.iter().filter(|interface| interface.is_oper_up()).map(if_addrs::Interface::ip).collect();
    usable.retain(|address| is_usable(*address));
    usable.sort_unstable();
    usable.dedup();
    if usable.is_empty() {
        usable.push(Ipv4Addr::LOCALHOST.into());
    }
    usable
}

fn is_usable(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            !(address.is_loopback() || address.is_link_local() || address.is_unspecified())
        }
        IpAddr::V6(address) => {
            !(address.is_loopback() || address.is_unicast_link_local() || address.is_unspecified())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_always_something_to_bind() {
        assert!(!to_bind(&[]).is_empty());
        let wished = [IpAddr::from([127, 0, 0, 2])];
        assert_eq!(to_bind(&wished), wished);
    }

    #[test]
    fn addresses_that_lead_nowhere_are_not_offered() {
        for (address, usable) in [
            ("127.0.0.1", false),
            ("169.254.3.4", false),
            ("192.168.1.4", true),
            ("fe80::1", false),
            ("2001:db8::1", true),
        ] {
            assert_eq!(is_usable(address.parse().unwrap()), usable, "{address}");
        }
    }
}
