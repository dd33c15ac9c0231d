//! Questions over UDP: how others see us, who may send to us, and whether we reach ourselves from outside.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::{Duration, Instant},
};

use tokio::{
    net::UdpSocket,
    time::{sleep_until, timeout},
};

use super::{
    HAIRPIN_WITHIN, TRIES_AFTER, UNSURE_WITHIN, WAIT_FOR_LAST,
    stun::{Answer, From, MAX_ANSWER_BYTES, Question},
};
use crate::{
    adapters::line::usual_source,
    logic::doctor::{Family, Filtering, Mapping, Nat, StunAsked, Trouble},
};

/// When a packet to ourselves is sent again.
const HAIRPIN_AFTER: [Duration; 3] = [Duration::ZERO, Duration::from_millis(150), Duration::from_millis(300)];

/// An answer, and how long it took.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    pub(super) answer: Answer,
    pub(super) took: Duration,
}

/// Asks all servers of one family from one socket, and then what stands between.
pub(super) async fn examine(servers: &[SocketAddr], guessed: bool) -> (Vec<StunAsked>, Option<Nat>) {
    let Some(first) = servers.first() else { return (Vec::new(), None) };
    let socket = match bind_towards(*first).await {
        Ok(socket) => socket,
        Err(trouble) => {
            let asked = servers.iter().map(|server| StunAsked {
                server: *server,
                guessed,
                mapped: None,
                ms: None,
                trouble: Some(trouble.clone()),
            });
            return (asked.collect(), None);
        }
    };
    let questions: Vec<_> =
        servers.iter().map(|server| (*server, Question::binding(From::SameAddress))).collect();
    let heard = ask_all(&socket, &questions, WAIT_FOR_LAST).await;
    let asked = servers.iter().zip(&heard).map(|(server, heard)| asked_of(*server, guessed, heard));
    let asked: Vec<_> = asked.collect();
    let nat = nat(&socket, servers, &heard).await;
    (asked, nat)
}

fn asked_of(server: SocketAddr, guessed: bool, heard: &Result<Heard, Trouble>) -> StunAsked {
    let mapped = heard.as_ref().ok().and_then(|heard| heard.answer.mapped);
    let trouble = match heard {
        Ok(Heard { answer: Answer { code: Some(code), .. }, .. }) => Some(Trouble::Code { code: *code }),
        Ok(Heard { answer: Answer { mapped: None, .. }, .. }) => {
            Some(Trouble::Stranger { said: "an answer without an address".to_owned() })
        }
        Ok(_) => None,
        Err(trouble) => Some(trouble.clone()),
    };
    let ms = heard.as_ref().ok().map(|heard| heard.took.as_secs_f64() * 1e3);
    StunAsked { server, guessed, mapped, ms, trouble }
}

async fn nat(socket: &UdpSocket, servers: &[SocketAddr], heard: &[Result<Heard, Trouble>]) -> Option<Nat> {
    let answered: Vec<_> = servers
        .iter()
        .zip(heard)
        .filter_map(|(server, heard)| Some((*server, heard.as_ref().ok()?.answer.clone())))
        .filter(|(_, answer)| answer.mapped.is_some())
        .collect();
    let (server, answer) = answered.first()?;
    let public = answer.mapped?;
    let port = socket.local_addr().ok()?.port();
    let local = SocketAddr::new(usual_source(*server).await?, port);
    let elsewhere = async {
        // Where the server can answer from elsewhere it can be asked there too.
        let other = answer.other.filter(|other| other.is_ipv4() == server.is_ipv4());
        let Some(other) = other.filter(|other| !servers.contains(other)) else { return Vec::new() };
        let places = [SocketAddr::new(other.ip(), server.port()), other];
        let questions = places.map(|place| (place, Question::binding(From::SameAddress)));
        ask_all(socket, &questions, UNSURE_WITHIN).await
    };
    let filtering = filtering(*server);
    let is_behind = public != local;
    let hairpin = async { if is_behind { hairpin(*server).await } else { None } };
    let (elsewhere, filtering, hairpin) = tokio::join!(elsewhere, filtering, hairpin);
    let others = answered[1..].iter().filter_map(|(_, answer)| answer.mapped);
    let mut others = others.chain(elsewhere.iter().flatten().filter_map(|heard| heard.answer.mapped));
    let mapping = match others.next() {
        _ if !is_behind => Mapping::NoNat,
        None => Mapping::Unknown,
        Some(one) if one == public && others.all(|other| other == public) => Mapping::Same,
        Some(_) => Mapping::Varies,
    };
    Some(Nat { family: Family::of(public.ip()), local, public, mapping, filtering, hairpin })
}

/// From whom answers get through to a socket that has sent to this server alone.
async fn filtering(server: SocketAddr) -> Filtering {
    let Ok(socket) = bind_towards(server).await else { return Filtering::Unknown };
    let questions = [From::SameAddress, From::OtherAddress, From::OtherPort]
        .map(|from| (server, Question::binding(from)));
    let heard = ask_all(&socket, &questions, UNSURE_WITHIN).await;
    let code = |heard: &Result<Heard, Trouble>| heard.as_ref().ok().map(|heard| heard.answer.code);
    match [code(&heard[0]), code(&heard[1]), code(&heard[2])] {
        [_, Some(None), _] => Filtering::Open,
        // A server with one address alone refuses to answer from another.
        [_, Some(Some(_)), Some(None)] => Filtering::Open,
        [_, Some(Some(_)), None] => Filtering::AtLeastByPort,
        [_, _, Some(Some(_))] | [None, None, None] => Filtering::Unknown,
        [_, None, Some(None)] => Filtering::ByAddress,
        [Some(_), None, None] => Filtering::ByAddressAndPort,
    }
}

/// Two sockets of ours send to each other's public address. Both send, so that no filter is in the way of both.
async fn hairpin(server: SocketAddr) -> Option<bool> {
    let (one, other) = (bind_towards(server).await.ok()?, bind_towards(server).await.ok()?);
    let ask = [(server, Question::binding(From::SameAddress))];
    let (at_one, at_other) =
        tokio::join!(ask_all(&one, &ask, UNSURE_WITHIN), ask_all(&other, &ask, UNSURE_WITHIN));
    let mapped = |heard: &[Result<Heard, Trouble>]| heard.first()?.as_ref().ok()?.answer.mapped;
    let (at_one, at_other) = (mapped(&at_one)?, mapped(&at_other)?);
    let (to_other, to_one) = (Question::binding(From::SameAddress), Question::binding(From::SameAddress));
    let send = async {
        let begun = now();
        for after in HAIRPIN_AFTER {
            sleep_until((begun + after).into()).await;
            one.send_to(&to_other.bytes, at_other).await.ok();
            other.send_to(&to_one.bytes, at_one).await.ok();
        }
        std::future::pending::<()>().await;
    };
    let arrived = async {
        tokio::select! {
            () = arrives(&one, &to_one) => {}
            () = arrives(&other, &to_other) => {}
            () = send => {}
        }
    };
    Some(timeout(HAIRPIN_WITHIN, arrived).await.is_ok())
}

async fn arrives(socket: &UdpSocket, question: &Question) {
    let mut bytes = [0; MAX_ANSWER_BYTES];
    loop {
        match socket.recv_from(&mut bytes).await {
            Ok((length, _)) if question.is(&bytes[..length]) => return,
            Ok(_) => {}
            Err(error) => rest_after(&error).await,
        }
    }
}

/// Asks several at once from one socket, and each again until it answers.
pub(super) async fn ask_all(
    socket: &UdpSocket,
    questions: &[(SocketAddr, Question)],
    within: Duration,
) -> Vec<Result<Heard, Trouble>> {
    let begun = now();
    let end = begun + within;
    let mut sent = vec![begun; questions.len()];
    let mut heard: Vec<Result<Heard, Trouble>> = vec![Err(Trouble::Silent); questions.len()];
    let mut tries = TRIES_AFTER.iter().map(|after| begun + *after).filter(|at| *at < end);
    let mut next = tries.next();
    let mut bytes = [0; MAX_ANSWER_BYTES];
    loop {
        tokio::select! {
            biased;
            arrived = socket.recv_from(&mut bytes) => match arrived {
                Ok((length, _)) => {
                    let answer = questions.iter().enumerate().find_map(|(index, (_, question))| {
                        Some((index, question.answered_by(&bytes[..length])?))
                    });
                    if let Some((index, answer)) = answer.filter(|(index, _)| heard[*index].is_err()) {
                        let took = now().saturating_duration_since(sent[index]);
                        heard[index] = Ok(Heard { answer, took });
                    }
                    if heard.iter().all(Result::is_ok) {
                        return heard;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused && questions.len() == 1 => {
                    heard[0] = Err(Trouble::Refused);
                    return heard;
                }
                Err(error) => rest_after(&error).await,
            },
            () = sleep_until(next.unwrap_or(end).into()) => {
                if next.is_none() {
                    return heard;
                }
                next = tries.next();
                for (index, (to, question)) in questions.iter().enumerate() {
                    if heard[index].is_ok() {
                        continue;
                    }
                    sent[index] = now();
                    if let Err(error) = send(socket, &question.bytes, *to).await {
                        heard[index] = Err(trouble_of(&error));
                    }
                }
            }
        }
    }
}

/// To whom a socket is connected, the system says more of: that nothing listens there.
async fn send(socket: &UdpSocket, bytes: &[u8], to: SocketAddr) -> io::Result<usize> {
    match socket.peer_addr() {
        Ok(_) => socket.send(bytes).await,
        Err(_) => socket.send_to(bytes, to).await,
    }
}

/// A socket from which this server can be asked. It is not connected: others are to answer too.
async fn bind_towards(server: SocketAddr) -> Result<UdpSocket, Trouble> {
    // Where there is no way, sending would only be refused packet for packet.
    if usual_source(server).await.is_none() {
        return Err(Trouble::NoRoute);
    }
    UdpSocket::bind((any_like(server.ip()), 0)).await.map_err(|error| trouble_of(&error))
}

/// Some systems report on a socket what became of an earlier packet. A pause keeps a broken one from costing a processor.
async fn rest_after(error: &io::Error) {
    tracing::debug!(%error, "a socket complains");
    tokio::time::sleep(Duration::from_millis(20)).await;
}

pub(super) fn trouble_of(error: &io::Error) -> Trouble {
    use io::ErrorKind as Kind;
    const NO_ROUTE: [Kind; 4] =
        [Kind::NetworkUnreachable, Kind::HostUnreachable, Kind::AddrNotAvailable, Kind::NetworkDown];
    const CUT: [Kind; 4] =
        [Kind::UnexpectedEof, Kind::ConnectionReset, Kind::ConnectionAborted, Kind::BrokenPipe];
    let kind = error.kind();
    if kind == Kind::ConnectionRefused {
        Trouble::Refused
    } else if kind == Kind::TimedOut {
        Trouble::Silent
    } else if NO_ROUTE.contains(&kind) {
        Trouble::NoRoute
    } else if CUT.contains(&kind) {
        Trouble::Cut
    } else {
        Trouble::Other { text: error.to_string() }
    }
}

/// The address that stands for all of a family.
pub(super) const fn any_like(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}

pub(super) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
