//! Whether names of multicast DNS can be looked up here. Browsers that were not granted a camera or a microphone put such a
//! name (`….local`) in the place of each address of their computer.
//!
//! `webrtc` 0.21 joins the multicast group before anything else, and a connection that cannot is a connection that fails:
//! with loopback alone, or where no route takes multicast, no call came about. Looking for an interface with the right
//! flags is not enough, as the kernel wants a route too; so what the library will do is tried first, with its own socket.
//! It asks on one interface, the one that the system prefers, and for IPv4 addresses alone. A name that nobody answers for
//! is one candidate less.

use std::{net::IpAddr, time::Duration};

use rtc::{ice::mdns::MulticastDnsMode, mdns::MulticastSocket};

use crate::logic::path::PathPolicy;

/// How long a name is asked for, once a second. By default the library asks as long as the connection lives.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Names are looked up, where that is possible and of use; none of ours are given out.
pub(super) fn mode(bound: &[IpAddr], path: PathPolicy) -> MulticastDnsMode {
    // Whoever may not have our address shall not be able to make us ask aloud for a name of their choice either.
    let of_use = !path.needs_relay() && bound.iter().any(|address| !address.is_loopback());
    if !of_use {
        return MulticastDnsMode::Disabled;
    }
    match MulticastSocket::new().into_std() {
        Ok(_) => MulticastDnsMode::QueryOnly,
        Err(error) => {
            tracing::debug!(%error, "names of multicast DNS are not looked up");
            MulticastDnsMode::Disabled
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_within_this_computer_and_a_relayed_one_ask_nobody() {
        let (here, there) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([192, 0, 2, 1]));
        for (bound, path) in [
            (&[here][..], PathPolicy::Any),
            (&[], PathPolicy::Any),
            (&[here, there], PathPolicy::Relay),
            (&[there], PathPolicy::RelayTls),
        ] {
            assert_eq!(mode(bound, path), MulticastDnsMode::Disabled, "{bound:?} {path:?}");
        }
    }
}
