//! Two clients and a server in a world in which connections break at any moment, words are lost with them, readers stall,
//! programs crash, servers are restarted, and now and then something is said twice. The clients are the session machine
//! that the app runs.
//!
//! Whatever happened: no envelope came twice, each came in order, of each that did not come its sender was told, and
//! whoever came back in time came back to its session. And when the world has calmed down both sides agree on what was said.

mod judge;
mod steps;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use sightline_protocol::session::{self, Parting, Post, Session as Client};
use sightline_protocol::{CallId, Identity, Sealed};

use super::super::*;
use super::desk::{CALL, NAME, check, person};
use steps::{Step, steps};

const TRAVEL: Duration = Duration::from_millis(20);

/// How often things happened in all runs together: a world in which nothing does proves nothing.
#[derive(Debug, Default)]
struct Happened {
    delivered: u64,
    resumed: u64,
    anew: u64,
    replayed: u64,
    offline: u64,
    slow: u64,
    lost: u64,
    cut_slow: u64,
}

struct World {
    now: Instant,
    switchboard: Switchboard,
    sockets: u64,
    connections: HashMap<SocketId, Connection>,
    people: [Program; 2],
    due: BTreeMap<(Instant, u64), Due>,
    order: u64,
    random: u64,
    letters: Vec<Letter>,
    happened: Happened,
}

/// One end of one connection, and what is on it.
struct Connection {
    whose: usize,
    life: u64,
    /// How much may still arrive, after a cut.
    up_left: Option<usize>,
    down_left: Option<usize>,
    up_by: Instant,
    down_by: Instant,
    stalled: VecDeque<Bytes>,
}

/// A person's program, in one of its lives.
struct Program {
    identity: Arc<Identity>,
    life: u64,
    client: Client,
    socket: Option<SocketId>,
    stalls: bool,
    /// How many sessions ended without being resumed, in all lives.
    sessions: u64,
    /// Since when its connection does not work.
    away: Option<Instant>,
    /// How many connections there had been when the program or the server last began anew, if its session went with
    /// that. A connection from before may still bring it the last words of the server before.
    excused: Option<u64>,
}

/// An envelope: who sent it when, and what became of it.
#[derive(Debug)]
struct Letter {
    from: usize,
    life: u64,
    id: u64,
    session: u64,
    came: u32,
    told: bool,
    refused: bool,
}

#[derive(Debug)]
enum Due {
    ToServer { socket: SocketId, text: String },
    ToClient { socket: SocketId, text: Bytes },
    ServerNotices { socket: SocketId, how: Ending },
    ClientNotices { socket: SocketId },
    Dial { who: usize, life: u64 },
    ServerIsBack,
}

fn limits() -> Limits {
    Limits {
        messages_per_second: 1000,
        message_burst: 1000,
        calls_per_minute: 100_000,
        waiting_messages: 24,
        resume_within: Duration::from_secs(30),
        ..Limits::default()
    }
}

fn switchboard(random: u64) -> Switchboard {
    Switchboard::new(Setup {
        names: vec![NAME.to_owned()],
        limits: limits(),
        stun: Vec::new(),
        relay: None,
        random,
        metrics: Arc::default(),
    })
}

impl World {
    fn new(random: u64) -> Self {
        let now = Instant::now();
        let people = [1, 2].map(|number| {
            let identity = Arc::new(person(number));
            let client = Client::new(Arc::clone(&identity), NAME.to_owned());
            Program {
                identity,
                life: 0,
                client,
                socket: None,
                stalls: false,
                sessions: 0,
                away: None,
                excused: Some(0),
            }
        });
        let mut world = Self {
            now,
            switchboard: switchboard(random),
            sockets: 0,
            connections: HashMap::new(),
            people,
            due: BTreeMap::new(),
            order: 0,
            random,
            letters: Vec::new(),
            happened: Happened::default(),
        };
        for who in 0..2 {
            world.plan(Duration::ZERO, Due::Dial { who, life: 0 });
        }
        world.run_for(Duration::from_secs(1));
        world
    }

    fn act(&mut self, step: &Step) {
        match *step {
            Step::Post { from, many } => (0..many).for_each(|_| self.post(from)),
            Step::Cut { who, up, down, server_notices, client_notices } => {
                self.cut(who, up, down, server_notices, Some(client_notices));
            }
            Step::Stall { who, stalls } => self.stall(who, stalls),
            Step::Leave { who } => {
                self.people[who].client.handle(session::Event::Leave, self.now);
                self.settle_client(who);
                self.begin_anew(who);
            }
            Step::Crash { who } => {
                let notices = self.dice(40_000);
                self.cut(who, 3, 0, notices, None);
                self.begin_anew(who);
            }
            Step::Restart => self.restart(),
            Step::Drain => {
                let random = self.dice(u64::MAX);
                self.switchboard.handle(Event::Closing { random }, self.now);
                self.settle_server();
                let back = self.dice(5000);
                self.plan(Duration::from_millis(back), Due::ServerIsBack);
            }
            Step::Wait { millis } => self.run_for(Duration::from_millis(millis)),
        }
        self.run_for(Duration::ZERO);
    }

    fn post(&mut self, from: usize) {
        let number = self.letters.len() as u64;
        let to = self.people[1 - from].identity.address();
        let sealed = Sealed(number.to_be_bytes().to_vec());
        let program = &mut self.people[from];
        if let Ok(id) = program.client.post(Post::Envelope { to, call: CALL, sealed }) {
            let (life, session) = (program.life, program.sessions);
            self.letters.push(Letter { from, life, id, session, came: 0, told: false, refused: false });
        }
        self.settle_client(from);
    }

    fn cut(&mut self, who: usize, up: usize, down: usize, server_notices: u64, client_notices: Option<u64>) {
        let Some(socket) = self.people[who].socket else { return };
        let Some(connection) = self.connections.get_mut(&socket) else { return };
        self.people[who].away.get_or_insert(self.now);
        connection.up_left.get_or_insert(up);
        connection.down_left.get_or_insert(down);
        self.plan(Duration::from_millis(server_notices), Due::ServerNotices { socket, how: Ending::Broken });
        if let Some(millis) = client_notices {
            self.plan(Duration::from_millis(millis), Due::ClientNotices { socket });
        }
    }

    fn stall(&mut self, who: usize, stalls: bool) {
        self.people[who].stalls = stalls;
        let Some(socket) = self.people[who].socket.filter(|_| !stalls) else { return };
        let held =
            self.connections.get_mut(&socket).map(|connection| std::mem::take(&mut connection.stalled));
        for text in held.into_iter().flatten() {
            self.send_down(socket, text);
        }
    }

    fn begin_anew(&mut self, who: usize) {
        let program = &mut self.people[who];
        program.life += 1;
        program.excused = Some(self.sockets);
        program.socket = None;
        program.sessions += 1;
        program.client = Client::new(Arc::clone(&program.identity), NAME.to_owned());
        let life = program.life;
        let pause = self.dice(3000);
        self.plan(Duration::from_millis(pause), Due::Dial { who, life });
    }

    fn restart(&mut self) {
        self.people.iter_mut().for_each(|program| program.excused = Some(self.sockets));
        self.switchboard = switchboard(self.random);
        let broken: Vec<SocketId> = self.connections.keys().copied().collect();
        for socket in broken {
            let left = self.dice(4) as usize;
            if let Some(connection) = self.connections.get_mut(&socket) {
                connection.up_left = Some(0);
                connection.down_left.get_or_insert(left);
            }
            let notices = self.dice(1000);
            self.plan(Duration::from_millis(notices), Due::ClientNotices { socket });
        }
    }

    fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let next = self.due.keys().next().map(|(at, _)| *at);
            let server = self.switchboard.poll_timeout().map(|(at, _)| at);
            let clients =
                self.people.iter().filter_map(|person| person.client.poll_timeout().map(|(at, _)| at));
            let wake = clients.chain(next).chain(server).min().filter(|at| *at <= end);
            let Some(wake) = wake else { break };
            self.now = self.now.max(wake);
            if next.is_some_and(|next| next <= wake) {
                let (_, due) = self.due.pop_first().expect("it was there");
                self.happen(due);
            } else {
                self.switchboard.handle_timeout(self.now);
                self.settle_server();
                for who in 0..2 {
                    self.people[who].client.handle_timeout(self.now);
                    self.settle_client(who);
                }
            }
            check(&self.switchboard);
        }
        self.now = end;
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::ToServer { socket, text } => {
                let Some(connection) = self.connections.get_mut(&socket) else { return };
                if arrives(&mut connection.up_left) {
                    let again = 1 + u32::from(!text.contains("hello") && self.dice(8) == 0);
                    for _ in 0..again {
                        self.switchboard.handle(Event::Said { socket, text: &text }, self.now);
                    }
                    self.settle_server();
                }
            }
            Due::ToClient { socket, text } => {
                let Some(connection) = self.connections.get_mut(&socket) else { return };
                let (who, life) = (connection.whose, connection.life);
                let program = &mut self.people[who];
                let is_heard = program.life == life && program.socket == Some(socket);
                if is_heard && arrives(&mut connection.down_left) {
                    let text = std::str::from_utf8(&text).expect("text");
                    program.client.handle(session::Event::Heard(text), self.now);
                    if text.contains("deliver") && self.dice(8) == 0 {
                        self.people[who].client.handle(session::Event::Heard(text), self.now);
                    }
                    self.settle_client(who);
                }
            }
            Due::ServerNotices { socket, how } => {
                self.switchboard.handle(Event::Closed { socket, how }, self.now);
                self.settle_server();
            }
            Due::ClientNotices { socket } => {
                let Some(connection) = self.connections.get(&socket) else { return };
                let (who, life) = (connection.whose, connection.life);
                if self.people[who].life == life && self.people[who].socket == Some(socket) {
                    self.people[who].client.handle(session::Event::Broken, self.now);
                    self.hang_up(who, None);
                    self.settle_client(who);
                }
            }
            Due::Dial { who, life } => self.dial(who, life),
            Due::ServerIsBack => self.restart(),
        }
    }

    fn dial(&mut self, who: usize, life: u64) {
        if self.people[who].life != life || self.people[who].socket.is_some() {
            return;
        }
        self.sockets += 1;
        let socket = SocketId(self.sockets);
        let connection = Connection {
            whose: who,
            life,
            up_left: None,
            down_left: None,
            up_by: self.now,
            down_by: self.now,
            stalled: VecDeque::new(),
        };
        self.connections.insert(socket, connection);
        self.people[who].socket = Some(socket);
        self.people[who].stalls = false;
        self.people[who].client.handle(session::Event::Connected, self.now);
        let challenge = super::desk::challenge_of(socket);
        let session = SessionId(self.sockets.to_be_bytes());
        let dice = Dice { challenge, session, token: super::desk::token_of(socket) };
        let peer = Ipv4Addr::LOCALHOST.into();
        self.switchboard.handle(Event::Opened { socket, peer, dice }, self.now);
        self.settle_server();
    }

    /// This person's program has no connection any more, and dials after a while.
    fn hang_up(&mut self, who: usize, pause: Option<Duration>) {
        let random = self.dice(3000);
        let program = &mut self.people[who];
        program.socket = None;
        let life = program.life;
        self.plan(pause.unwrap_or(Duration::from_millis(random)), Due::Dial { who, life });
    }

    fn settle_server(&mut self) {
        while let Some(effect) = self.switchboard.poll_effect() {
            match effect {
                Effect::Send { socket, text } => {
                    let Some(connection) = self.connections.get_mut(&socket) else { continue };
                    let program = &self.people[connection.whose];
                    if program.stalls && program.socket == Some(socket) {
                        connection.stalled.push_back(text);
                        if connection.stalled.len() > 12 {
                            self.happened.cut_slow += 1;
                            self.switchboard.handle(Event::Overflowed { socket }, self.now);
                        }
                    } else {
                        self.send_down(socket, text);
                    }
                }
                Effect::Close { socket, .. } => {
                    // After what is under way.
                    let by = self.connections[&socket].down_by.max(self.now);
                    self.plan(by - self.now, Due::ClientNotices { socket });
                }
                Effect::Cut { socket } => {
                    if let Some(connection) = self.connections.get_mut(&socket) {
                        let program = &mut self.people[connection.whose];
                        if program.socket == Some(socket) {
                            program.away.get_or_insert(self.now);
                        }
                        connection.stalled.clear();
                        connection.down_left.get_or_insert(0);
                    }
                    self.plan(TRAVEL, Due::ClientNotices { socket });
                }
                Effect::Tell(_) | Effect::Blame { .. } => {}
            }
        }
    }

    fn send_down(&mut self, socket: SocketId, text: Bytes) {
        let by = self.connections.get_mut(&socket).map(|connection| {
            connection.down_by = connection.down_by.max(self.now + TRAVEL);
            connection.down_by
        });
        if let Some(by) = by {
            self.plan(by - self.now, Due::ToClient { socket, text });
        }
    }

    fn settle_client(&mut self, who: usize) {
        while let Some(effect) = self.people[who].client.poll_effect() {
            self.take(who, effect);
        }
    }

    fn take(&mut self, who: usize, effect: session::Effect) {
        use session::Effect as Does;
        match effect {
            Does::Say(text) => {
                let Some(socket) = self.people[who].socket else { return };
                let Some(connection) = self.connections.get_mut(&socket) else { return };
                connection.up_by = connection.up_by.max(self.now + TRAVEL);
                let by = connection.up_by;
                self.plan(by - self.now, Due::ToServer { socket, text });
            }
            Does::Close(parting) => {
                if let Some(socket) = self.people[who].socket {
                    let by = self.connections[&socket].up_by.max(self.now);
                    self.plan(by - self.now, Due::ServerNotices { socket, how: Ending::Closed });
                }
                match parting {
                    Parting::Left => {}
                    Parting::Drain(pause) => self.hang_up(who, Some(pause)),
                    Parting::Ended { code: ErrorCode::ServerClosing, .. } => self.hang_up(who, None),
                    wrong @ (Parting::Replaced
                    | Parting::Incompatible { .. }
                    | Parting::Refused { .. }
                    | Parting::Ended { .. }
                    | Parting::Nonsense(_)) => panic!("{wrong:?}"),
                }
            }
            Does::Up { resumed, .. } => {
                let program = &mut self.people[who];
                let away = program.away.take().map_or(Duration::ZERO, |since| self.now - since);
                let is_excused = program.excused.is_some() || away >= limits().resume_within;
                program.excused = program.excused.filter(|before| program.socket <= Some(SocketId(*before)));
                assert!(resumed || is_excused, "{who} was away for {away:?} only, and its session is gone");
                if resumed {
                    self.happened.resumed += 1;
                    self.happened.replayed += program.client.unacknowledged() as u64;
                } else {
                    self.happened.anew += 1;
                    program.sessions += 1;
                }
            }
            Does::Delivered { from, sealed, .. } => {
                let number = u64::from_be_bytes(sealed.0.try_into().expect("a number")) as usize;
                let sender = self.letters[number].from;
                assert_eq!(from, self.people[sender].identity.address());
                assert_eq!(who, 1 - sender);
                let later =
                    self.letters[number + 1..].iter().find(|letter| letter.from == sender && letter.came > 0);
                assert!(later.is_none(), "letter {number} came after {later:?}");
                self.letters[number].came += 1;
                self.happened.delivered += 1;
            }
            Does::Offline { id, .. } => {
                self.happened.offline += 1;
                self.letter(who, id).told = true;
            }
            Does::Refused { id, code, .. } => {
                assert_eq!(code, ErrorCode::PeerSlow);
                self.happened.slow += 1;
                let letter = self.letter(who, id);
                letter.told = true;
                letter.refused = true;
            }
            Does::Lost { id } => {
                self.happened.lost += 1;
                self.letter(who, id).told = true;
            }
            Does::Presence { .. } | Does::Relay { .. } | Does::Complaint { .. } => panic!("{effect:?}"),
        }
    }

    /// The letter that this person's present session gave this number.
    fn letter(&mut self, who: usize, id: u64) -> &mut Letter {
        let life = self.people[who].life;
        let session = self.people[who].sessions;
        let mut candidates = self.letters.iter_mut().rev();
        let found = candidates.find(|letter| letter.from == who && letter.life == life && letter.id == id);
        let found = found.expect("the server answers what was said");
        assert_eq!(found.session, session, "an answer to what an older session said");
        found
    }

    fn plan(&mut self, after: Duration, due: Due) {
        self.order += 1;
        self.due.insert((self.now + after, self.order), due);
    }

    fn dice(&mut self, sides: u64) -> u64 {
        self.order += 1;
        scatter(self.random, self.order) % sides
    }
}

/// Whether one more gets through.
fn arrives(left: &mut Option<usize>) -> bool {
    match left {
        None => true,
        Some(0) => false,
        Some(left) => {
            *left -= 1;
            true
        }
    }
}

#[test]
fn no_envelope_comes_twice_or_late_and_of_each_that_is_lost_its_sender_is_told() {
    let total = RefCell::new(Happened::default());
    let mut runner = TestRunner::new(Config { cases: 1000, failure_persistence: None, ..Config::default() });
    runner
        .run(&(any::<u64>(), steps()), |(random, steps)| {
            let mut world = World::new(random);
            for step in &steps {
                world.act(step);
            }
            world.judge()?;
            let (seen, mut total) = (&world.happened, total.borrow_mut());
            total.delivered += seen.delivered;
            total.resumed += seen.resumed;
            total.anew += seen.anew;
            total.replayed += seen.replayed;
            total.offline += seen.offline;
            total.slow += seen.slow;
            total.lost += seen.lost;
            total.cut_slow += seen.cut_slow;
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
    let Happened { delivered, resumed, anew, replayed, offline, slow, lost, cut_slow } = total.into_inner();
    for (what, times) in [
        ("delivered", delivered),
        ("resumed", resumed),
        ("begun anew", anew),
        ("said again", replayed),
        ("told to be offline", offline),
        ("refused as too slow", slow),
        ("lost", lost),
        ("cut as too slow", cut_slow),
    ] {
        assert!(times > 20, "only {times} times {what}: these worlds prove little");
    }
}

/// What the machine of a client says is taken by the server as it is meant, in one calm life.
#[test]
fn in_a_calm_world_everything_comes() {
    let mut world = World::new(1);
    for _ in 0..10 {
        world.act(&Step::Post { from: 0, many: 3 });
        world.act(&Step::Post { from: 1, many: 3 });
        world.act(&Step::Wait { millis: 100 });
    }
    assert!(world.judge().is_ok());
    assert!(world.letters.iter().all(|letter| letter.came == 1 && !letter.told));
    assert_eq!(CALL, CallId([7; 16]));
}
