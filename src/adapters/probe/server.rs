//! The server and its switchboard: the name, each address of it, TLS, and whether it gets to know us.
//!
//! It is asked under a key made for the purpose: a second connection with the profile's own would end the first.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use futures_util::{SinkExt as _, StreamExt as _};
use sightline_protocol::{
    PROTOCOL_VERSION,
    keys::Identity,
    limits::MAX_MESSAGE_BYTES,
    link::{Scheme, ServerAddress},
    session::{Effect, Event, Parting, Session},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::oneshot,
    task::JoinSet,
    time::timeout,
};
use tokio_tungstenite::{
    client_async_with_config,
    tungstenite::{
        Error as SocketError, Message,
        http::{HeaderMap, header::DATE},
        protocol::WebSocketConfig,
    },
};

use super::{
    CONNECT_WITHIN, RESOLVE_WITHIN, SERVER_WITHIN,
    certificate::{describe, of_line},
    udp::{now, trouble_of},
};
use crate::{
    adapters::{
        line::{Greeting, Stream, look_up},
        proxy::Proxies,
    },
    engine::clock::Clock,
    logic::doctor::{Dialled, PlainHttp, Server, Trouble, Wanted},
};

/// How long the switchboard may take to get to know us.
const READY_WITHIN: Duration = Duration::from_secs(3);
/// Of an answer to a plain request, so much is read.
const MAX_HEAD_BYTES: usize = 4096;
/// What a header may have to tell.
const MAX_LOCATION_CHARS: usize = 200;

/// What is known of a server before it is dialled.
pub(super) fn expected(server: &ServerAddress) -> Server {
    let wanted = match (server.scheme, server.pin) {
        (Scheme::Http, _) => Wanted::Nothing,
        (Scheme::Https, Some(pin)) => Wanted::Pin { pin: pin.to_string() },
        (Scheme::Https, None) => Wanted::Authority,
    };
    Server { name: server.name(), wanted, ..Server::default() }
}

/// The addresses of a name, and how long they took.
pub(super) async fn resolve(host: &str) -> (Vec<IpAddr>, Option<u64>) {
    if let Ok(ip) = host.parse() {
        return (vec![ip], None);
    }
    let begun = now();
    let found = timeout(RESOLVE_WITHIN, look_up(host, 0)).await.unwrap_or_default();
    let mut addresses: Vec<_> = found.iter().map(SocketAddr::ip).collect();
    addresses.dedup();
    (addresses, Some(ms_since(begun)))
}

/// Dials every address, and speaks with the first that answers. Where it says that it answers STUN is told at once.
pub(super) async fn examine(
    server: &ServerAddress,
    mut seen: Server,
    proxies: &Proxies,
    clock: Clock,
    ready: oneshot::Sender<Vec<String>>,
) -> Server {
    let begun = now();
    let proxy = match proxies.to(&server.host, server.port) {
        Ok(proxy) => proxy,
        Err(error) => {
            seen.trouble = Some(Trouble::Proxy { why: error.to_string() });
            return seen;
        }
    };
    seen.proxy = proxy.map(ToString::to_string);
    // Behind a proxy it is the proxy that looks names up and reaches the server.
    let (ips, port) = match proxy {
        None => (seen.resolved.clone(), server.port),
        Some(proxy) => (resolve(&proxy.host).await.0, proxy.port),
    };
    let (dialled_one, first) = oneshot::channel();
    let spoken = async {
        // The sender is gone where no address was left to hope for.
        let mut stream = first.await.map_err(|_| Trouble::NoRoute)?;
        if let Some(proxy) = proxy {
            let led = proxy.connect(&mut stream, &server.host, server.port).await;
            led.map_err(|error| Trouble::Proxy { why: error.to_string() })?;
        }
        speak(server, &mut seen, stream, clock).await
    };
    let (dialled, spoken) = tokio::join!(dial_all(port, &ips, dialled_one), timeout(SERVER_WITHIN, spoken));
    seen.dialled = dialled;
    let nobody = seen.dialled.iter().all(|dialled| dialled.ms.is_none());
    let spoken = match spoken.unwrap_or(Err(Trouble::Silent)) {
        Err(_) if nobody => Err(why_nobody(&seen)),
        spoken => spoken,
    };
    match spoken {
        Ok(stun) => {
            seen.ready_ms = Some(ms_since(begun));
            seen.stun.clone_from(&stun);
            // Nobody waits any more where this took too long.
            ready.send(stun).ok();
        }
        Err(trouble) => seen.trouble = Some(trouble),
    }
    seen
}

/// Dials all of them, and gives the first that answers away at once.
async fn dial_all(port: u16, ips: &[IpAddr], first: oneshot::Sender<TcpStream>) -> Vec<Dialled> {
    let mut tries = JoinSet::new();
    for ip in ips {
        let address = SocketAddr::new(*ip, port);
        tries.spawn(async move {
            let begun = now();
            let outcome = timeout(CONNECT_WITHIN, TcpStream::connect(address)).await;
            (address, ms_since(begun), outcome.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into())))
        });
    }
    let (mut dialled, mut first) = (Vec::new(), Some(first));
    while let Some(tried) = tries.join_next().await {
        let Ok((address, ms, outcome)) = tried else { continue };
        let (ms, trouble) = match outcome {
            Ok(stream) => {
                stream.set_nodelay(true).ok();
                if let Some(first) = first.take() {
                    first.send(stream).ok();
                }
                (Some(ms), None)
            }
            Err(error) => (None, Some(trouble_of(&error))),
        };
        dialled.push(Dialled { address, ms, trouble });
    }
    dialled.sort_by_key(|dialled| dialled.address);
    dialled
}

/// Where several addresses fail differently, what says most.
fn why_nobody(seen: &Server) -> Trouble {
    if seen.resolved.is_empty() && seen.proxy.is_none() {
        return Trouble::NoSuchName;
    }
    let troubles = || seen.dialled.iter().filter_map(|dialled| dialled.trouble.clone());
    let telling = troubles().find(|trouble| *trouble == Trouble::Refused);
    telling.or_else(|| troubles().find(|trouble| *trouble != Trouble::NoRoute)).unwrap_or(Trouble::NoRoute)
}

async fn speak(
    server: &ServerAddress,
    seen: &mut Server,
    stream: TcpStream,
    clock: Clock,
) -> Result<Vec<String>, Trouble> {
    let stream: Box<dyn Stream> = match server.scheme {
        Scheme::Http => Box::new(stream),
        Scheme::Https => {
            let greeting = Greeting::prepare(&server.host, server.pin, &[b"http/1.1"]).await;
            let greeting = greeting.map_err(of_line)?;
            let begun = now();
            let greeted = greeting.greet(stream, server.to_string()).await;
            seen.certificate = greeting.shown().as_ref().and_then(describe);
            let stream = greeted.map_err(|(error, _)| of_line(error))?;
            seen.tls_ms = Some(ms_since(begun));
            Box::new(stream)
        }
    };
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_MESSAGE_BYTES));
    let upgraded =
        timeout(READY_WITHIN, client_async_with_config(server.websocket_url(), stream, Some(config)));
    let mut line = match upgraded.await.map_err(|_| Trouble::Silent)? {
        Ok((line, response)) => {
            seen.clock_ahead_ms = clock_ahead_ms(response.headers(), clock);
            line
        }
        Err(SocketError::Http(response)) => {
            seen.clock_ahead_ms = clock_ahead_ms(response.headers(), clock);
            return Err(Trouble::Stranger { said: format!("HTTP {}", response.status()) });
        }
        Err(SocketError::Io(error)) => return Err(trouble_of(&error)),
        Err(error) => return Err(Trouble::Stranger { said: error.to_string() }),
    };
    let identity = Identity::generate().map_err(|error| Trouble::Other { text: error.to_string() })?;
    let mut session = Session::new(Arc::new(identity), server.name());
    session.handle(Event::Connected, now());
    let until_ready = async {
        loop {
            while let Some(effect) = session.poll_effect() {
                match effect {
                    Effect::Say(text) => line.send(Message::text(text)).await.map_err(of_socket)?,
                    Effect::Up { stun, .. } => return Ok(stun),
                    Effect::Close(parting) => return Err(why_parted(parting)),
                    Effect::Delivered { .. }
                    | Effect::Offline { .. }
                    | Effect::Refused { .. }
                    | Effect::Lost { .. }
                    | Effect::Presence { .. }
                    | Effect::Relay { .. }
                    | Effect::Complaint { .. } => {}
                }
            }
            match line.next().await {
                None | Some(Ok(Message::Close(_))) => return Err(Trouble::Cut),
                Some(Ok(Message::Text(text))) => session.handle(Event::Heard(text.as_str()), now()),
                Some(Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Err(error)) => return Err(of_socket(error)),
            }
        }
    };
    let stun = timeout(READY_WITHIN, until_ready).await.map_err(|_| Trouble::Silent)??;
    // So that it does not wait for us to come back.
    session.handle(Event::Leave, now());
    while let Some(effect) = session.poll_effect() {
        if let Effect::Say(text) = effect {
            line.send(Message::text(text)).await.ok();
        }
    }
    timeout(Duration::from_millis(200), line.close(None)).await.ok();
    Ok(stun)
}

fn of_socket(error: SocketError) -> Trouble {
    if let SocketError::Io(error) = error {
        return trouble_of(&error);
    }
    Trouble::Stranger { said: error.to_string() }
}

fn why_parted(parting: Parting) -> Trouble {
    match parting {
        Parting::Incompatible { version } => Trouble::Other {
            text: format!("the server speaks version {version} and this program version {PROTOCOL_VERSION}"),
        },
        Parting::Refused { code, text } | Parting::Ended { code, text } => {
            Trouble::Other { text: format!("{text} ({code})") }
        }
        Parting::Drain(_) => Trouble::Other { text: "the server is being stopped".to_owned() },
        Parting::Nonsense(said) => Trouble::Stranger { said },
        Parting::Left | Parting::Replaced => Trouble::Cut,
    }
}

/// What the server's answer says of its time is cut to whole seconds; on the average it is half a second later.
fn clock_ahead_ms(headers: &HeaderMap, clock: Clock) -> Option<i64> {
    let theirs = httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()?;
    let theirs = theirs.duration_since(UNIX_EPOCH).ok()?.as_millis();
    let ours = i64::try_from(clock.unix_ms()).ok()?;
    Some(ours - i64::try_from(theirs).ok()? - 500)
}

/// Asks the same host without TLS: whoever wants us to log in first answers in its place.
pub(super) async fn plain_http(host: &str, at: SocketAddr, within: Duration) -> Option<PlainHttp> {
    let asked = async {
        let mut stream = TcpStream::connect(at).await.ok()?;
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut head = Vec::new();
        while head.len() < MAX_HEAD_BYTES && !head.windows(4).any(|end| end == b"\r\n\r\n") {
            if stream.read_buf(&mut head).await.ok()? == 0 {
                break;
            }
        }
        Some(head)
    };
    status_of(&timeout(within, asked).await.ok()??)
}

fn status_of(head: &[u8]) -> Option<PlainHttp> {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.lines();
    let first = lines.next()?.strip_prefix("HTTP/1.")?;
    let status = first.split_whitespace().nth(1)?.parse().ok()?;
    let location = lines.take_while(|line| !line.is_empty()).find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("location")
            .then(|| value.trim().chars().filter(|c| !c.is_control()).take(MAX_LOCATION_CHARS).collect())
    });
    Some(PlainHttp { status, location })
}

fn ms_since(begun: std::time::Instant) -> u64 {
    u64::try_from(now().saturating_duration_since(begun).as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_a_plain_answer_is_understood() {
        let portal =
            b"HTTP/1.1 302 Found\r\nServer: x\r\nlocation: http://login.hotel.example/?u=1\r\n\r\n<html>";
        let said = status_of(portal).unwrap();
        assert_eq!(said.status, 302);
        assert_eq!(said.location.as_deref(), Some("http://login.hotel.example/?u=1"));
        assert_eq!(status_of(b"HTTP/1.0 200 OK\r\n\r\nLocation: no").unwrap().location, None);
        for rubbish in [&b"SSH-2.0-x\r\n"[..], b"", b"HTTP/1.1", b"HTTP/1.1 many\r\n", &[0xff; 50]] {
            assert_eq!(status_of(rubbish), None);
        }
    }
}
