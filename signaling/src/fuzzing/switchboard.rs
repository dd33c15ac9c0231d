//! The switchboard: clients that say anything in any order, come, break off and come back.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use sightline_protocol::switchboard::{decode, encode, hello_signing_bytes};
use sightline_protocol::{
    Address, CallId, Challenge, Identity, PROTOCOL_VERSION, Resume, Sealed, ToClient, ToServer, Token,
};

use super::script::Script;
use crate::config::Limits;
use crate::relay::{Epoch, News, ScopeId};
use crate::switchboard::{
    Dice, Effect, Ending, Event, RelayOffer, SessionId, Setup, SocketId, Switchboard, Unreadable,
};
use crate::watching::metrics::Metrics;

const NAME: &str = "127.0.0.1:4711";

/// Whoever may be connected, and at the end somebody who never is. Made once: their keys cost more than a script.
static IDENTITIES: LazyLock<[(Identity, Address); 4]> = LazyLock::new(|| {
    [1, 2, 3, 9].map(|secret| {
        let identity = Identity::from_secret_bytes([secret; 32]);
        let address = identity.address();
        (identity, address)
    })
});

/// Connections at once; the oldest gives its place to one more.
const MOST_SOCKETS: usize = 8;

/// More effects of one event than this are too many.
const MOST_EFFECTS: usize = 2000;

/// Runs a script. After each step the switchboard has kept its promises.
pub fn run(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let mut world = World::new();
    while let Some(()) = world.step(&mut script) {
        world.settle();
    }
    world.end();
}

struct World {
    switchboard: Switchboard,
    metrics: Arc<Metrics>,
    now: Instant,
    /// What each identity was given to come back with.
    resumes: HashMap<Address, Resume>,
    lines: Vec<Line>,
    sockets: u64,
    /// Calls that the relays were told of.
    scopes: HashMap<ScopeId, bool>,
}

struct Line {
    socket: SocketId,
    challenge: Challenge,
    who: Option<Address>,
    /// The next number to say, and the highest that was heard.
    next: u64,
    heard: Option<u64>,
    /// What it said that it had heard, when it came back.
    claimed: u64,
}

impl World {
    fn new() -> Self {
        let (now, metrics) = (Instant::now(), Arc::new(Metrics::default()));
        let epoch = Epoch { at: now, unix: Duration::from_secs(1_700_000_000) };
        let limits = Limits {
            waiting_messages: 6,
            waiting_bytes: 8 * 1024,
            calls: 4,
            message_burst: 20,
            calls_per_minute: 10,
            questions_per_minute: 10,
            ..Limits::default()
        };
        let switchboard = Switchboard::new(Setup {
            names: vec![NAME.to_owned()],
            limits,
            stun: Vec::new(),
            relay: Some(RelayOffer { urls: Vec::new(), secret: b"secret".to_vec(), epoch }),
            random: 200,
            metrics: Arc::clone(&metrics),
        });
        Self {
            switchboard,
            metrics,
            now,
            resumes: HashMap::new(),
            lines: Vec::new(),
            sockets: 0,
            scopes: HashMap::new(),
        }
    }

    /// One step of the script; `None` at its end.
    fn step(&mut self, script: &mut Script<'_>) -> Option<()> {
        match script.byte()? % 14 {
            0 => self.open(script.byte()?),
            1 => {
                let (line, bytes) = (self.line(script)?, script.bytes()?);
                let text = String::from_utf8_lossy(bytes).into_owned();
                self.say_text(line, &text);
            }
            2 | 3 => {
                let (line, who, kind) = (self.line(script)?, script.pick(3)?, script.byte()?);
                let Some(line) = self.lines.get_mut(line) else { return Some(()) };
                let (identity, address) = &IDENTITIES[who];
                let address = *address;
                let mut signature = identity.sign(&hello_signing_bytes(NAME, &line.challenge, &address));
                if kind & 0xf0 == 0xf0 {
                    signature = identity.sign(b"something else");
                }
                let resume = (kind & 1 != 0).then(|| self.resumes.get(&address).cloned()).flatten();
                let resume =
                    resume.map(|resume| Resume { received: resume.received + u64::from(kind & 2), ..resume });
                if line.heard.is_none() {
                    // A second hello changes nothing.
                    line.who = Some(address);
                    line.claimed = resume.as_ref().map_or(0, |resume| resume.received);
                }
                let (socket, hello) = (
                    line.socket,
                    ToServer::Hello { version: PROTOCOL_VERSION, address, signature, resume, hidden: false },
                );
                self.say(socket, &hello);
            }
            4..=6 => {
                let (line, to, call, size) =
                    (self.line(script)?, script.pick(4)?, script.pick(3)?, script.byte()?);
                let (to, call) = (IDENTITIES[to].1, CallId([call as u8; 16]));
                let ack = (size & 1 != 0).then(|| self.lines.get(line).and_then(|line| line.heard)).flatten();
                let sealed = Sealed(vec![0x5a; usize::from(size) * 16]);
                self.numbered(line, |id| ToServer::Send { id, to, call, sealed, ack });
            }
            7 => {
                let (line, offset) = (self.line(script)?, script.byte()?);
                let Some(line) = self.lines.get(line) else { return Some(()) };
                let n = line.heard.unwrap_or_default().wrapping_add(u64::from(offset & 0x0f) / 14);
                let socket = line.socket;
                self.say(socket, &ToServer::Ack { n });
            }
            8 => {
                let (line, kind, with, call) =
                    (self.line(script)?, script.byte()?, script.pick(4)?, script.pick(3)?);
                let (with, call) = (IDENTITIES[with].1, CallId([call as u8; 16]));
                self.numbered(line, |id| match kind % 4 {
                    0 => ToServer::Ask { id, to: with },
                    1 | 2 => ToServer::Relay { id, call, with },
                    _ => ToServer::Over { id, call, with },
                });
            }
            9 => {
                let (line, kind) = (self.line(script)?, script.byte()?);
                let Some(socket) = self.lines.get(line).map(|line| line.socket) else { return Some(()) };
                match kind % 6 {
                    0 => self.say(socket, &ToServer::Bye),
                    1 => self.handle(Event::Unreadable { socket, why: Unreadable::Binary }),
                    2 => self.handle(Event::Unreadable { socket, why: Unreadable::TooLong }),
                    3 => self.handle(Event::Overflowed { socket }),
                    _ => {}
                }
            }
            10 | 11 => {
                let (line, kind) = (self.line(script)?, script.byte()?);
                if line < self.lines.len() {
                    let Line { socket, .. } = self.lines.remove(line);
                    let how = if kind & 7 == 0 { Ending::Closed } else { Ending::Broken };
                    self.handle(Event::Closed { socket, how });
                }
            }
            12 => self.wait(Duration::from_millis(u64::from(script.number()?))),
            _ => {
                // Rarely, since nobody is let in after it.
                if script.number()? == 0 {
                    self.handle(Event::Closing { random: 5 });
                } else {
                    self.wait(Duration::from_secs(1));
                }
            }
        }
        Some(())
    }

    fn line(&self, script: &mut Script<'_>) -> Option<usize> {
        script.pick(self.lines.len())
    }

    fn open(&mut self, place: u8) {
        if self.lines.len() >= MOST_SOCKETS {
            let Line { socket, .. } = self.lines.remove(0);
            self.handle(Event::Closed { socket, how: Ending::Broken });
            self.settle();
        }
        self.sockets += 1;
        let (socket, number) = (SocketId(self.sockets), self.sockets.to_be_bytes());
        let wide = |start: u8| {
            let mut bytes = [start; 32];
            bytes[..8].copy_from_slice(&number);
            bytes
        };
        let challenge = Challenge(wide(1));
        self.lines.push(Line { socket, challenge, who: None, next: 1, heard: None, claimed: 0 });
        let dice = Dice { challenge, session: SessionId(number), token: Token(wide(2)) };
        let peer = IpAddr::from([20, 0, 0, place % 3]);
        self.handle(Event::Opened { socket, peer, dice });
    }

    fn numbered(&mut self, line: usize, message: impl FnOnce(u64) -> ToServer) {
        let Some(line) = self.lines.get_mut(line) else { return };
        let (socket, id) = (line.socket, line.next);
        line.next += 1;
        self.say(socket, &message(id));
    }

    fn say_text(&mut self, line: usize, text: &str) {
        if let Some(socket) = self.lines.get(line).map(|line| line.socket) {
            self.handle(Event::Said { socket, text });
        }
    }

    fn say(&mut self, socket: SocketId, message: &ToServer) {
        self.handle(Event::Said { socket, text: &encode(message) });
    }

    fn handle(&mut self, event: Event<'_>) {
        self.switchboard.handle(event, self.now);
    }

    fn wait(&mut self, time: Duration) {
        self.now += time;
        self.switchboard.handle_timeout(self.now);
        let due = self.switchboard.poll_timeout();
        assert!(due.is_none_or(|(due, _)| due > self.now), "what is due is done: {due:?}");
    }

    /// Takes what is to be done, and holds it against what must be.
    fn settle(&mut self) {
        let mut effects = 0;
        while let Some(effect) = self.switchboard.poll_effect() {
            effects += 1;
            assert!(effects < MOST_EFFECTS, "one event has a bounded effect");
            match effect {
                Effect::Send { socket, text } => {
                    let text = std::str::from_utf8(&text).expect("a message is text");
                    let message = decode(text).expect("the switchboard speaks the protocol");
                    self.hear(socket, message);
                }
                // Nothing more is sent there: a line that is gone is not found again.
                Effect::Close { socket, .. } | Effect::Cut { socket } => {
                    let before = self.lines.len();
                    self.lines.retain(|line| line.socket != socket);
                    assert_eq!(self.lines.len() + 1, before, "a connection ends once");
                }
                Effect::Tell(News::Opened { scope }) => {
                    assert_ne!(self.scopes.insert(scope, true), Some(true), "a call begins once");
                }
                Effect::Tell(News::Seen { scope, .. }) => {
                    assert_eq!(self.scopes.get(&scope), Some(&true), "a party of a call that is on");
                }
                Effect::Tell(News::Ended { scope }) => {
                    assert_eq!(self.scopes.insert(scope, false), Some(true), "a call ends once");
                }
                Effect::Tell(
                    news @ (News::Vouched { .. } | News::Allocated { .. } | News::Released { .. }),
                ) => {
                    panic!("only relays allocate: {news:?}");
                }
                Effect::Blame { .. } => {}
            }
        }
    }

    fn hear(&mut self, socket: SocketId, message: ToClient) {
        let line = self.lines.iter_mut().find(|line| line.socket == socket);
        let line = line.expect("a message goes to a connection that is there");
        let n = match message {
            ToClient::Ready { session, token, resumed, received, .. } => {
                line.next = received + 1;
                let who = line.who.expect("whoever is greeted has said who they are");
                let before = if resumed { line.claimed } else { 0 };
                if let Some(token) = token {
                    self.resumes.insert(who, Resume { session, token, received: before });
                }
                line.heard = Some(before);
                return;
            }
            ToClient::Deliver { n, .. }
            | ToClient::Offline { n, .. }
            | ToClient::Presence { n, .. }
            | ToClient::Relay { n, .. }
            | ToClient::Error { n: Some(n), .. } => n,
            ToClient::Welcome { .. }
            | ToClient::Ack { .. }
            | ToClient::Replaced
            | ToClient::Drain { .. }
            | ToClient::Error { n: None, .. }
            | ToClient::Unknown => return,
        };
        // Nothing is missing and nothing comes twice, over all connections of a session.
        let expected = line.heard.expect("only whoever is greeted is told anything") + 1;
        assert_eq!(n, expected, "what must not be missed comes in order");
        line.heard = Some(n);
        if let Some(resume) = line.who.and_then(|who| self.resumes.get_mut(&who)) {
            resume.received = n;
        }
    }

    /// Everybody goes, and after a while nothing of them is left.
    fn end(mut self) {
        for Line { socket, .. } in std::mem::take(&mut self.lines) {
            self.handle(Event::Closed { socket, how: Ending::Broken });
            self.settle();
        }
        self.wait(Duration::from_secs(24 * 3600));
        self.settle();
        assert_eq!(self.switchboard.poll_timeout(), None, "nothing is waited for any more");
        assert_eq!(self.metrics.switchboard.sessions.get(), 0);
        assert_eq!(self.metrics.switchboard.sessions_away.get(), 0);
        assert!(self.scopes.values().all(|on| !on), "calls end: {:?}", self.scopes);
    }
}
