//! Where this computer is reached from: what its interfaces say, and where they say nothing of use, what others see.
//!
//! A rented server has its public address on an interface, and nobody is asked. At home, or with a provider that
//! translates addresses, only somebody outside can tell: a few public STUN servers are asked, which learn that this
//! address asked them and nothing else. Each family of addresses is looked at by itself, since many a home has public
//! addresses of version 6 and shares one of version 4.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use stun_types::attribute::XorMappedAddress;
use stun_types::message::{BINDING, Message, MessageWriteVec};
use stun_types::prelude::*;
use tokio::net::UdpSocket;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// Asked where nothing else is named. Of different owners, so that one of them may be away.
pub const STUN_SERVERS: [&str; 3] =
    ["stun.cloudflare.com:3478", "stun.l.google.com:19302", "stun.nextcloud.com:3478"];

/// A question that got lost is asked again after this long.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// Addresses of one family that are told of. A computer has one or two; more are left out.
const MOST_OF_A_FAMILY: usize = 4;

/// Where this computer can be reached, as far as it can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicAddresses {
    /// The addresses to give to others, the likeliest first.
    pub ips: Vec<IpAddr>,
    /// Those of its interfaces, whether or not they mean anything elsewhere.
    pub local: Vec<IpAddr>,
    /// How version 4 and version 6 were found.
    pub found: [Found; 2],
}

/// How the addresses of one family were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// An interface has them.
    OnInterface(Vec<IpAddr>),
    /// Somebody outside saw it: this computer is behind a translation of addresses.
    Seen {
        /// What was seen.
        ip: IpAddr,
        /// Who saw it.
        by: String,
    },
    /// Only addresses of the network around it are known.
    OnlyNearby(Vec<IpAddr>),
    /// There are none.
    Nothing,
}

impl PublicAddresses {
    /// How each family was found, as sentences for the person who started the server.
    pub fn in_words(&self) -> Vec<String> {
        let families = self.found.iter().zip(["IPv4", "IPv6"]);
        families.filter_map(|(found, family)| found.in_words(family)).collect()
    }

    /// Whether an address is one of this computer's own.
    pub fn is_local(&self, ip: IpAddr) -> bool {
        self.local.contains(&ip)
    }
}

impl Found {
    fn ips(&self) -> Vec<IpAddr> {
        match self {
            Self::OnInterface(ips) | Self::OnlyNearby(ips) => ips.clone(),
            Self::Seen { ip, by: _ } => vec![*ip],
            Self::Nothing => Vec::new(),
        }
    }

    fn in_words(&self, family: &str) -> Option<String> {
        match self {
            Self::OnInterface(ips) => Some(format!("{family}: {}, on this computer itself", list(ips))),
            Self::Seen { ip, by } => Some(format!(
                "{family}: {ip}, as {by} sees it; this computer is behind a router, which has to forward the ports to it"
            )),
            Self::OnlyNearby(ips) => Some(format!(
                "{family}: only {}, which nobody outside this network can reach; where this is not enough, give the \
                 public address with --public-ip",
                list(ips)
            )),
            Self::Nothing => None,
        }
    }
}

/// Finds the addresses of this computer. Where an interface has no public one, `ask`s those STUN servers (`host:port`),
/// for at most so long; asks nobody where there are none to ask.
pub async fn find(ask: &[String], within: Duration) -> PublicAddresses {
    let local = local_addresses();
    let (v4, v6): (Vec<IpAddr>, Vec<IpAddr>) = local.iter().partition(|ip| ip.is_ipv4());
    let found = tokio::join!(find_family(v4, ask, within), find_family(v6, ask, within));
    combine(local, found.into())
}

/// At which addresses a server that listens on these is reached, as far as this computer knows.
pub(crate) fn of_listening(listening: &[SocketAddr]) -> Vec<IpAddr> {
    let mut local = None;
    let mut ips = Vec::new();
    for at in listening {
        if at.ip().is_unspecified() {
            let local: &Vec<IpAddr> = local.get_or_insert_with(local_addresses);
            ips.extend(local.iter().filter(|ip| ip.is_ipv4() == at.is_ipv4()));
        } else {
            ips.push(at.ip());
        }
    }
    let mut known = std::collections::HashSet::new();
    ips.retain(|ip| known.insert(*ip));
    ips
}

/// The addresses at which the networks around this computer know it; where there is no network, loopback.
pub(crate) fn nearby() -> Vec<IpAddr> {
    let all = local_addresses();
    let mut nearby: Vec<_> = all.iter().copied().filter(|ip| !is_public(*ip)).collect();
    if nearby.is_empty() {
        nearby = all;
    }
    if nearby.is_empty() {
        nearby.push(Ipv4Addr::LOCALHOST.into());
    }
    nearby.truncate(MOST_OF_A_FAMILY);
    nearby
}

/// The addresses of this computer in the networks around it, the one that leads outside first.
pub(crate) fn local_addresses() -> Vec<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_else(|error| {
        tracing::warn!(%error, "the network interfaces cannot be listed");
        Vec::new()
    });
    let mut ips: Vec<_> = interfaces
        .iter()
        .filter(|interface| interface.is_oper_up() && !is_for_machines_inside(&interface.name))
        .map(if_addrs::Interface::ip)
        .filter(|ip| leads_somewhere(*ip))
        .collect();
    ips.sort_unstable();
    ips.dedup();
    let outside = [
        way_out(Ipv4Addr::new(192, 0, 2, 1).into()),
        way_out(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into()),
    ];
    ips.sort_by_key(|ip| !outside.contains(&Some(*ip)));
    ips
}

async fn find_family(local: Vec<IpAddr>, ask: &[String], within: Duration) -> Found {
    let (mut public, mut nearby): (Vec<_>, Vec<_>) = local.into_iter().partition(|ip| is_public(*ip));
    public.truncate(MOST_OF_A_FAMILY);
    nearby.truncate(MOST_OF_A_FAMILY);
    if !public.is_empty() {
        return Found::OnInterface(public);
    }
    let Some(ours) = nearby.first() else { return Found::Nothing };
    match ask_all(ask, ours.is_ipv4(), within).await {
        Some((ip, by)) => Found::Seen { ip, by },
        None => Found::OnlyNearby(nearby),
    }
}

/// What can be reached from anywhere goes before what cannot, and version 4, which everybody has, before version 6.
fn combine(local: Vec<IpAddr>, found: [Found; 2]) -> PublicAddresses {
    let nearby = |found: &Found| matches!(found, Found::OnlyNearby(_));
    let everywhere = found.iter().filter(|found| !nearby(found)).flat_map(Found::ips);
    let mut ips: Vec<_> = everywhere.collect();
    if ips.is_empty() {
        ips = found.iter().flat_map(Found::ips).collect();
    }
    PublicAddresses { ips, local, found }
}

/// Asks all of them at once; the first answer counts.
async fn ask_all(servers: &[String], v4: bool, within: Duration) -> Option<(IpAddr, String)> {
    let mut asked = JoinSet::new();
    for server in servers {
        asked.spawn(ask_one(server.clone(), v4));
    }
    let first = async {
        while let Some(answer) = asked.join_next().await {
            if let Ok(Some(answer)) = answer {
                return Some(answer);
            }
        }
        None
    };
    timeout(within, first).await.ok().flatten()
}

async fn ask_one(server: String, v4: bool) -> Option<(IpAddr, String)> {
    let address = tokio::net::lookup_host(&server).await.ok()?.find(|address| address.is_ipv4() == v4)?;
    let any: IpAddr = if v4 { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).await.ok()?;
    socket.connect(address).await.ok()?;
    let ip = binding(&socket).await.ok()?.ip().to_canonical();
    // Whoever answers with an address that leads nowhere is nearby, or jokes.
    is_public(ip).then_some((ip, server))
}

/// Asks over a connected socket, again and again, how we are seen. The caller bounds the time.
pub(crate) async fn binding(socket: &UdpSocket) -> std::io::Result<SocketAddr> {
    let question = question();
    let mut answer = [0; 1500];
    loop {
        socket.send(&question).await?;
        let heard = tokio::select! {
            heard = socket.recv(&mut answer) => heard?,
            () = sleep(ASK_AGAIN_AFTER) => continue,
        };
        if let Some(seen) = seen_in(&answer[..heard], &question) {
            return Ok(seen);
        }
    }
}

/// A STUN binding request.
pub(crate) fn question() -> Vec<u8> {
    Message::builder_request(BINDING, MessageWriteVec::new()).finish()
}

/// The address that a success answer to our question names.
pub(crate) fn seen_in(answer: &[u8], question: &[u8]) -> Option<SocketAddr> {
    let (answer, question) = (Message::from_bytes(answer).ok()?, Message::from_bytes(question).ok()?);
    let ours = answer.transaction_id() == question.transaction_id() && answer.has_method(BINDING);
    let mapped = answer.attribute::<XorMappedAddress>().ok()?;
    (ours && answer.is_response()).then(|| mapped.addr(answer.transaction_id()))
}

/// Our own address on the way to somewhere far. Connecting a datagram socket sends nothing.
fn way_out(far: IpAddr) -> Option<IpAddr> {
    let any: IpAddr = if far.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = std::net::UdpSocket::bind((any, 0)).ok()?;
    socket.connect((far, 9)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// Bridges to containers and virtual machines, by the names that their makers give them: nobody else is behind them.
fn is_for_machines_inside(interface: &str) -> bool {
    ["docker", "br-", "veth", "virbr", "cni", "podman", "lxcbr"]
        .iter()
        .any(|start| interface.starts_with(start))
}

fn leads_somewhere(ip: IpAddr) -> bool {
    let link_local = match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    !(ip.is_loopback() || ip.is_unspecified() || ip.is_multicast() || link_local)
}

/// Whether an address means the same everywhere. The standard library's own answer is not stable yet.
pub(crate) fn is_public(ip: IpAddr) -> bool {
    let inside = |ranges: &[&str]| {
        ranges.iter().any(|range| range.parse::<ipnet::IpNet>().is_ok_and(|range| range.contains(&ip)))
    };
    leads_somewhere(ip)
        && match ip {
            IpAddr::V4(ip) => {
                let shared = ["0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "198.18.0.0/15", "240.0.0.0/4"];
                !(ip.is_private() || ip.is_documentation() || inside(&shared))
            }
            // Only this range is given out.
            IpAddr::V6(_) => {
                inside(&["2000::/3"]) && !inside(&["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"])
            }
        }
}

fn list(ips: &[IpAddr]) -> String {
    ips.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn addresses_that_mean_something_else_elsewhere_are_not_public() {
        for public in ["1.1.1.1", "100.128.0.1", "172.32.0.1", "2a01:4f8::1", "2620:0:2d0:200::7"] {
            assert!(is_public(ip(public)), "{public}");
        }
        for other in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "192.168.0.1",
            "198.18.0.1",
            "203.0.113.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "ff02::1",
            "2001:db8::1",
            "2002:c000:204::1",
            "2001::1",
            "64:ff9b::1",
        ] {
            assert!(!is_public(ip(other)), "{other}");
        }
    }

    #[tokio::test]
    async fn an_address_on_an_interface_needs_nobody_to_be_asked() {
        let found = find_family(
            vec![ip("10.0.0.2"), ip("198.51.0.7")],
            &["nowhere.invalid:1".to_owned()],
            Duration::ZERO,
        )
        .await;
        assert_eq!(found, Found::OnInterface(vec![ip("198.51.0.7")]));
    }

    #[tokio::test]
    async fn where_nobody_answers_in_time_the_addresses_nearby_remain() {
        let silent = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
        let server = silent.local_addr().expect("bound").to_string();
        let start = std::time::Instant::now();
        let found = find_family(
            vec![ip("10.0.0.2")],
            &[server, "nowhere.invalid:1".to_owned()],
            Duration::from_millis(300),
        )
        .await;
        assert_eq!(found, Found::OnlyNearby(vec![ip("10.0.0.2")]));
        assert!(start.elapsed() < Duration::from_secs(3));
        assert_eq!(find_family(Vec::new(), &[], Duration::ZERO).await, Found::Nothing);
    }

    #[test]
    fn what_is_reached_from_everywhere_goes_before_what_is_not() {
        let behind = Found::Seen { ip: ip("198.51.0.9"), by: "stun.example.org".to_owned() };
        let nearby = Found::OnlyNearby(vec![ip("fc00::7")]);
        let both = combine(vec![ip("10.0.0.2"), ip("fc00::7")], [behind.clone(), nearby.clone()]);
        assert_eq!(both.ips, [ip("198.51.0.9")]);
        assert!(both.in_words()[0].contains("forward the ports"), "{:?}", both.in_words());
        assert!(both.is_local(ip("10.0.0.2")) && !both.is_local(ip("198.51.0.9")));
        let only = combine(Vec::new(), [Found::OnlyNearby(vec![ip("10.0.0.2")]), nearby]);
        assert_eq!(only.ips, [ip("10.0.0.2"), ip("fc00::7")]);
        assert_eq!(combine(Vec::new(), [Found::Nothing, Found::Nothing]).in_words(), Vec::<String>::new());
    }

    #[tokio::test]
    async fn a_question_that_got_lost_is_asked_again_and_a_wrong_answer_ignored() {
        let server = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
        let client = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
        client.connect(server.local_addr().expect("bound")).await.expect("loopback");
        let answering = async {
            let mut question = [0; 100];
            server.recv_from(&mut question).await.expect("a question");
            let (heard, from) = server.recv_from(&mut question).await.expect("the question again");
            server.send_to(b"no STUN", from).await.expect("loopback");
            let question = Message::from_bytes(&question[..heard]).expect("STUN");
            let mut answer = Message::builder_success(&question, MessageWriteVec::new());
            let mapped = XorMappedAddress::new(
                "198.51.0.7:99".parse().expect("an address"),
                question.transaction_id(),
            );
            answer.add_attribute(&mapped).expect("room");
            server.send_to(&answer.finish(), from).await.expect("loopback");
        };
        let (seen, ()) = tokio::join!(binding(&client), answering);
        assert_eq!(seen.expect("an answer").to_string(), "198.51.0.7:99");
    }
}
