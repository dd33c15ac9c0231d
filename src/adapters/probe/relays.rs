//! The relay, asked over UDP, TCP and TLS. Without credentials it answers that it wants some (401), and that it answers is
//! all that can be known outside a call; with them an address is asked for, and given back.

use std::{
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};

use sightline_protocol::link::Pin;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UdpSocket,
    time::timeout,
};

use super::{
    CONNECT_WITHIN, RELAY_WITHIN, WAIT_FOR_LAST,
    certificate::of_line,
    stun::{Answer, Challenge, Credentials, HEAD_BYTES, Question, whole_length},
    udp::{any_like, ask_all, now, trouble_of},
};
use crate::{
    adapters::{
        line::{Place, Security, Stream, look_up, reach},
        proxy::Proxies,
    },
    logic::{
        doctor::{RelayTried, Trouble},
        servers::{ServerUrl, Transport},
    },
};

const UNAUTHENTICATED: u16 = 401;
const STALE_NONCE: u16 = 438;

/// One way to try.
#[derive(Clone, Debug)]
pub(super) struct Way {
    pub(super) door: ServerUrl,
    pub(super) guessed: bool,
    /// How to know it over TLS.
    pub(super) pin: Option<Pin>,
}

/// Tries it.
pub(super) async fn attempt(way: Way, proxies: &Proxies, who: Option<&Credentials>) -> RelayTried {
    let mut tried = RelayTried {
        door: way.door.clone(),
        guessed: way.guessed,
        connected_ms: None,
        answered_ms: None,
        relayed: None,
        trouble: None,
    };
    let outcome = timeout(RELAY_WITHIN, go(&way, proxies, who, &mut tried)).await;
    if let Err(trouble) = outcome.unwrap_or(Err(Trouble::Silent)) {
        tried.trouble = Some(trouble);
    }
    tried
}

async fn go(
    way: &Way,
    proxies: &Proxies,
    who: Option<&Credentials>,
    tried: &mut RelayTried,
) -> Result<(), Trouble> {
    let begun = now();
    let mut line = match way.door.transport {
        Transport::Udp => Line::datagrams(&way.door).await?,
        Transport::Tcp => Line::stream(way, Security::None, proxies).await?,
        Transport::Tls => Line::stream(way, Security::Tls { pin: way.pin, speaks: &[] }, proxies).await?,
    };
    if way.door.transport != Transport::Udp {
        tried.connected_ms = Some(ms(begun));
    }
    let question = Question::allocate(None).ok_or_else(nonsense)?;
    let (answer, took) = line.ask(&question).await?;
    tried.answered_ms = Some(took.as_secs_f64() * 1e3);
    match (answer.code, who) {
        (Some(UNAUTHENTICATED), None) => Ok(()),
        (Some(UNAUTHENTICATED), Some(who)) => allocate(&mut line, who, answer, tried).await,
        (Some(code), _) => Err(Trouble::Code { code }),
        // A relay that gives to everybody: nothing to complain of here.
        (None, _) => {
            tried.relayed = answer.relayed;
            Ok(())
        }
    }
}

async fn allocate(
    line: &mut Line,
    who: &Credentials,
    refusal: Answer,
    tried: &mut RelayTried,
) -> Result<(), Trouble> {
    let mut challenge = refusal.challenge.ok_or(Trouble::Code { code: UNAUTHENTICATED })?;
    // Once more where the nonce was too old, as RFC 8489 has it; whoever says so twice jokes.
    for _ in 0..2 {
        let question = Question::allocate(Some((who, &challenge))).ok_or_else(nonsense)?;
        let (answer, took) = line.ask(&question).await?;
        match (answer.code, answer.challenge) {
            (None, _) => {
                tried.relayed = Some(answer.relayed.ok_or_else(nonsense)?);
                tried.answered_ms = Some(took.as_secs_f64() * 1e3);
                give_back(line, who, &challenge).await;
                return Ok(());
            }
            (Some(STALE_NONCE), Some(fresh)) => challenge = fresh,
            (Some(code), _) => return Err(Trouble::Code { code }),
        }
    }
    Err(Trouble::Code { code: STALE_NONCE })
}

/// Whether it is taken back does not matter much: it runs out by itself.
async fn give_back(line: &mut Line, who: &Credentials, challenge: &Challenge) {
    if let Some(question) = Question::release(who, challenge) {
        timeout(Duration::from_millis(500), line.ask(&question)).await.ok();
    }
}

fn nonsense() -> Trouble {
    Trouble::Stranger { said: "an answer that a relay does not give".to_owned() }
}

enum Line {
    /// Connected, so that the system says where nothing listens.
    Udp(UdpSocket, SocketAddr),
    Stream(Box<dyn Stream>),
}

impl Line {
    async fn datagrams(door: &ServerUrl) -> Result<Self, Trouble> {
        let server = *look_up(&door.host, door.port).await.first().ok_or(Trouble::NoSuchName)?;
        let socket = UdpSocket::bind((any_like(server.ip()), 0)).await;
        let socket = socket.map_err(|error| trouble_of(&error))?;
        socket.connect(server).await.map_err(|error| trouble_of(&error))?;
        Ok(Self::Udp(socket, server))
    }

    async fn stream(way: &Way, security: Security<'_>, proxies: &Proxies) -> Result<Self, Trouble> {
        let name = way.door.to_string();
        let place = Place { name: &name, host: &way.door.host, port: way.door.port, security, from: &[] };
        match timeout(CONNECT_WITHIN, reach(&place, proxies, |_| ())).await {
            Ok(Ok(reached)) => Ok(Self::Stream(reached.stream)),
            Ok(Err(unreached)) => Err(of_line(unreached.error)),
            Err(_) => Err(Trouble::Silent),
        }
    }

    async fn ask(&mut self, question: &Question) -> Result<(Answer, Duration), Trouble> {
        match self {
            Self::Udp(socket, server) => {
                let heard = ask_all(socket, &[(*server, question.clone())], WAIT_FOR_LAST).await;
                let heard = heard.into_iter().next().unwrap_or(Err(Trouble::Silent))?;
                Ok((heard.answer, heard.took))
            }
            Self::Stream(stream) => {
                let begun = now();
                let answer = timeout(WAIT_FOR_LAST, ask_stream(stream, question)).await;
                let answer = answer.map_err(|_| Trouble::Silent)??;
                Ok((answer, now().saturating_duration_since(begun)))
            }
        }
    }
}

async fn ask_stream(stream: &mut Box<dyn Stream>, question: &Question) -> Result<Answer, Trouble> {
    let said = async {
        stream.write_all(&question.bytes).await?;
        stream.flush().await?;
        let mut message = vec![0; HEAD_BYTES];
        stream.read_exact(&mut message).await?;
        let Some(length) = whole_length(&message) else { return Ok(message) };
        message.resize(length, 0);
        stream.read_exact(&mut message[HEAD_BYTES..]).await?;
        io::Result::Ok(message)
    };
    let message = said.await.map_err(|error| trouble_of(&error))?;
    question.answered_by(&message).ok_or_else(|| Trouble::Stranger { said: first_words(&message) })
}

/// What a stranger said, so that a person may recognise it.
pub(super) fn first_words(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]);
    let words = text.chars().take_while(|c| !matches!(c, '\r' | '\n')).map(|c| match c {
        ' '..='~' => c,
        _ => '.',
    });
    words.collect()
}

fn ms(since: Instant) -> f64 {
    now().saturating_duration_since(since).as_secs_f64() * 1e3
}
