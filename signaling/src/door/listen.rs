//! Taking TCP ports: all of a kind at one number, at the first of the wished ones that may be had.

use std::io;
use std::net::{IpAddr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

use crate::server::BindError;

/// Connections that the kernel holds until they are accepted. When it is full the kernel ignores new ones, and clients
/// try again by themselves.
const BACKLOG: i32 = 1024;

/// What the kernel keeps for one connection, each way. A few messages: enough for any call, and it bounds what somebody
/// who never reads can make us hold.
const KERNEL_BUFFER_BYTES: usize = 128 * 1024;

/// How often another free port is tried, where one is wanted on several addresses at once.
const TRIES_FOR_A_COMMON_PORT: usize = 16;

/// Listens on every one of these addresses, or with one of those ports instead on every one of them.
pub(crate) fn listen_on(
    wished: &[SocketAddr],
    instead: &[u16],
) -> Result<Vec<(TcpListener, SocketAddr)>, BindError> {
    let first = listen_on_all(wished);
    let Err(refused) = first else { return first };
    if !matches!(refused, BindError::InUse(_) | BindError::NotAllowed(_)) {
        return Err(refused);
    }
    for port in instead {
        let moved: Vec<_> = wished.iter().map(|address| SocketAddr::new(address.ip(), *port)).collect();
        if let Ok(listeners) = listen_on_all(&moved) {
            tracing::info!("{refused}; so port {port} it is");
            return Ok(listeners);
        }
    }
    // Why the first wish failed is what has to be put right.
    Err(refused)
}

fn listen_on_all(wished: &[SocketAddr]) -> Result<Vec<(TcpListener, SocketAddr)>, BindError> {
    let mut tries = TRIES_FOR_A_COMMON_PORT;
    loop {
        match listen_in_common(wished) {
            Err(BindError::InUse(_)) if tries > 1 && wished.len() > 1 && wished[0].port() == 0 => tries -= 1,
            other => return other,
        }
    }
}

/// Where any free port will do, all take the one that the first of them got: it stands in one link.
fn listen_in_common(wished: &[SocketAddr]) -> Result<Vec<(TcpListener, SocketAddr)>, BindError> {
    let mut listeners: Vec<(TcpListener, SocketAddr)> = Vec::new();
    for address in wished {
        let common = listeners.first().map_or(0, |(_, first)| first.port());
        let port = if address.port() == 0 { common } else { address.port() };
        match listen(SocketAddr::new(address.ip(), port)) {
            Ok(listener) => listeners.push(listener),
            // A computer without version 6 is still a computer.
            Err(error) if is_without_family(&error, address.ip()) && wished.len() > 1 => {
                tracing::debug!(%error, "there is no IPv6 here");
            }
            Err(error) => return Err(BindError::of(SocketAddr::new(address.ip(), port), error)),
        }
    }
    match (listeners.first(), wished.first()) {
        (None, Some(address)) => Err(BindError::of(*address, io::ErrorKind::AddrNotAvailable.into())),
        (Some(_), _) | (None, None) => Ok(listeners),
    }
}

fn is_without_family(error: &io::Error, wished: IpAddr) -> bool {
    // Linux says this by a number that has no kind: address family not supported.
    const EAFNOSUPPORT: i32 = 97;
    wished == IpAddr::from([0_u16; 8])
        && (error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(EAFNOSUPPORT))
}

fn listen(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // On Unix this only allows to listen again at once after a restart; on Windows it would share the port.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        // Version 4 has a socket of its own, whatever the system would do by itself.
        socket.set_only_v6(true)?;
    }
    socket.set_send_buffer_size(KERNEL_BUFFER_BYTES)?;
    socket.set_recv_buffer_size(KERNEL_BUFFER_BYTES)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    let listener = TcpListener::from_std(socket.into())?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    #[tokio::test]
    async fn several_addresses_share_one_free_port() {
        let listening = listen_on(&[on("127.0.0.1:0"), on("127.0.0.2:0")], &[]).expect("free ports");
        assert_eq!(listening.len(), 2);
        assert_eq!(listening[0].1.port(), listening[1].1.port());
        assert_ne!(listening[0].1.port(), 0);
    }

    #[tokio::test]
    async fn the_first_port_that_may_be_had_is_taken_and_its_like_on_every_address() {
        let taken = listen_on(&[on("127.0.0.2:0")], &[]).expect("a free port");
        let spare = listen_on(&[on("127.0.0.1:0")], &[]).expect("a free port")[0].1.port();
        let wished = [SocketAddr::new(on("127.0.0.1:0").ip(), taken[0].1.port()), taken[0].1];
        let refused = listen_on(&wished, &[]).expect_err("one of them is taken");
        assert!(matches!(refused, BindError::InUse(at) if at == taken[0].1), "{refused}");
        let moved = listen_on(&wished, &[taken[0].1.port(), spare]).expect("another port");
        assert!(moved.iter().all(|(_, address)| address.port() == spare));
        assert_eq!(moved.len(), 2);
    }

    #[tokio::test]
    async fn an_address_of_another_computer_is_told_apart() {
        let refused = listen_on(&[on("192.0.2.1:0")], &[1]).expect_err("not ours");
        assert!(matches!(refused, BindError::NotOurs(_)), "{refused}");
    }
}
