//! Where a name leads, and which of its addresses answers first.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use tokio::{
    net::{TcpSocket, TcpStream, UdpSocket, lookup_host},
    task::JoinSet,
    time::timeout,
};

/// How long one address has before the next is tried beside it.
const NEXT_ADDRESS_AFTER: Duration = Duration::from_millis(250);
/// Addresses of one name that are tried. What comes behind is left out: a name with more is a mistake or a trick.
const MAX_ADDRESSES: usize = 8;

/// All addresses of a host, none where its name means nothing.
pub(in super::super) async fn look_up(host: &str, port: u16) -> Vec<SocketAddr> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return vec![SocketAddr::new(ip, port)];
    }
    let found = lookup_host((host, port)).await;
    in_turns(found.map(Iterator::collect).unwrap_or_default())
}

/// Version 6 and version 4 in turns, version 6 first, each in the order of the resolver.
fn in_turns(found: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let (v6, v4): (Vec<_>, Vec<_>) = found.into_iter().partition(SocketAddr::is_ipv6);
    let (mut v6, mut v4) = (v6.into_iter(), v4.into_iter());
    let mut turns = Vec::new();
    loop {
        let pair = [v6.next(), v4.next()];
        if pair == [None, None] || turns.len() >= MAX_ADDRESSES {
            return turns;
        }
        turns.extend(pair.into_iter().flatten());
    }
}

/// The first of them that answers, each begun a little after the one before, or at once after a failure. Where addresses of
/// ours are wished, it comes from one of these.
pub(super) async fn connect_any(addresses: Vec<SocketAddr>, from: &[IpAddr]) -> io::Result<TcpStream> {
    let mut waiting = addresses.into_iter();
    let mut tries = JoinSet::new();
    let mut failed = None;
    loop {
        let next = waiting.next();
        let is_last = next.is_none();
        if let Some(address) = next {
            tries.spawn(connect(address, from.to_vec()));
        }
        let outcome = if is_last {
            tries.join_next().await
        } else {
            match timeout(NEXT_ADDRESS_AFTER, tries.join_next()).await {
                Ok(outcome) => outcome,
                Err(_) => continue,
            }
        };
        match outcome {
            Some(Ok(Ok(stream))) => return Ok(stream),
            Some(Ok(Err(error))) => failed = Some(error),
            Some(Err(fault)) => failed = Some(io::Error::other(fault)),
            None => return Err(failed.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into())),
        }
    }
}

async fn connect(address: SocketAddr, from: Vec<IpAddr>) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    if !from.is_empty() {
        let usual = usual_source(address).await;
        let wished = from.iter().find(|ip| Some(**ip) == usual);
        let wished = wished.or_else(|| from.iter().find(|ip| ip.is_ipv4() == address.is_ipv4()));
        let wished = wished.ok_or(io::ErrorKind::AddrNotAvailable)?;
        socket.bind(SocketAddr::new(*wished, 0))?;
    }
    socket.connect(address).await
}

/// Which address of ours the system would use to send there. Nothing is sent.
pub(in super::super) async fn usual_source(to: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = if to.is_ipv4() { [0; 4].into() } else { [0; 16].into() };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0)).await.ok()?;
    socket.connect(to).await.ok()?;
    socket.local_addr().ok().map(|local| local.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn both_versions_of_ip_are_tried_in_turns() {
        let found = ["1.1.1.1:1", "1.0.0.1:1", "[2606::1]:1", "8.8.8.8:1"].map(on).to_vec();
        assert_eq!(in_turns(found), ["[2606::1]:1", "1.1.1.1:1", "1.0.0.1:1", "8.8.8.8:1"].map(on));
        assert_eq!(in_turns(vec![on("1.1.1.1:1"); 100]).len(), MAX_ADDRESSES);
        assert!(in_turns(Vec::new()).is_empty());
    }

    #[tokio::test]
    async fn an_address_that_refuses_does_not_hold_up_the_next() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let deaf = tokio::net::TcpListener::bind("127.0.0.2:0").await.unwrap().local_addr().unwrap();
        let there = listener.local_addr().unwrap();
        let stream = connect_any(vec![deaf, deaf, there], &[]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), there);
        let refused = connect_any(vec![deaf, deaf], &[]).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    }

    #[tokio::test]
    async fn a_stream_comes_from_the_address_that_is_wished() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let there = listener.local_addr().unwrap();
        let from = ["::1", "127.0.0.3"].map(|ip| ip.parse().unwrap());
        let stream = connect_any(vec![there], &from).await.unwrap();
        assert_eq!(stream.local_addr().unwrap().ip(), from[1]);
        let other_version = connect_any(vec![there], &from[..1]).await.unwrap_err();
        assert_eq!(other_version.kind(), io::ErrorKind::AddrNotAvailable);
    }
}
