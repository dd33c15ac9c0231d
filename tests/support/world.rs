//! Phones, the mail between them and the paths between their peer connections, on a clock that nobody waits for.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
    time::{Duration, Instant},
};

use sightline::logic::{
    call::PeerEvent,
    course::{EndReason, Link, Role, Side, Stage, Status},
    legs::LegWhy,
    phone::{Effect, Event, Owner, Phone},
};
use sightline_protocol::{
    call::{CallId, CallMessage, Frame, Media},
    keys::{Address, Identity},
    link::LinkToken,
};

use super::{
    faults::Faults,
    peer::Peer,
    rng::Rng,
    seals::{Envelope, Kind, Opened, Seals},
    telling::{brief, said, short},
    wires::End,
};

pub(crate) const MEDIA: Media = Media { audio: true, video: true };
/// A phone that is woken more often than this at one instant spins.
const MOST_WAKES: u32 = 8;

static ADDRESSES: LazyLock<Vec<Address>> =
    LazyLock::new(|| (0..3).map(|_| Identity::generate().expect("randomness").address()).collect());

/// What people and the world do. Devices are numbered.
#[derive(Clone, Debug)]
pub(crate) enum Deed {
    Dial {
        from: usize,
        to: usize,
    },
    DialAs {
        from: usize,
        to: usize,
        call: CallId,
        token: Option<LinkToken>,
    },
    Accept(usize),
    HangUp(usize),
    Status(usize),
    Crash(usize),
    Restart(usize),
    /// The switchboard is gone for a while.
    Outage(Duration),
    /// No peer connection hears another for a while.
    Cut(Duration),
    /// A device has no connection to the switchboard for a while.
    Away(usize, Duration),
    /// Whatever a device has open is dead from now on; what it opens later works. It may hear of it, and after how long.
    NetworkChange(usize, Option<Duration>),
    /// The path of the connection that a device uses is gone for ever, and nobody is told.
    Flush(usize),
    /// A device notices something around it.
    Around(usize, LegWhy),
    /// Somebody plays a recorded invite again.
    Replay,
}

pub(super) enum Due {
    Deed(Deed),
    Mail(Box<Envelope>),
    Offline { of: Whose, to: usize },
    Work(End),
    Peer(End, PeerEvent),
    Link(End, Link),
    Silence(End),
    Healing(End),
    Failing(End, u32),
    Listen(Whose),
}

/// One device's part in one call, between two restarts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Whose {
    pub(crate) device: usize,
    pub(crate) life: u32,
    pub(crate) call: CallId,
}

/// What was seen of it.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) role: Role,
    pub(crate) with: usize,
    pub(crate) stages: Vec<(Instant, Stage)>,
    pub(crate) ended: Option<(Instant, EndReason, Side)>,
    /// When the device went down while this call was on its mind.
    pub(crate) crashed: Option<Instant>,
    pub(crate) has_heard: bool,
    /// Candidates of each connection: ours, and theirs that it was given.
    pub(crate) named: BTreeMap<u32, Vec<String>>,
    pub(crate) got: BTreeMap<u32, Vec<String>>,
    pub(crate) statuses: Vec<Status>,
    pub(crate) opened: BTreeSet<u32>,
    pub(crate) closed: BTreeSet<u32>,
    pub(crate) in_use: Option<u32>,
    /// When something last came, and on which connection.
    pub(crate) heard: Option<(Instant, u32)>,
    /// A stranger must not learn yet where this end can be reached.
    pub(super) is_hidden: bool,
    pub(super) is_listening: bool,
    pub(super) is_forgotten: bool,
}

pub(crate) struct Device {
    pub(crate) phone: Phone,
    pub(crate) turned_away: Vec<(Address, Option<String>)>,
    owner: Owner,
    pub(super) life: u32,
    is_up: bool,
    away_until: Instant,
    seals: Seals,
    pub(super) peers: BTreeMap<(CallId, u32), Peer>,
    /// Counts the networks that it has been in.
    pub(super) network: u32,
    wakes: (Option<Instant>, u32),
    /// When its phone wants to be woken, and why: asked once after each thing that it did.
    wake: Option<(Instant, &'static str)>,
}

pub(crate) struct World {
    pub(crate) begin: Instant,
    pub(crate) now: Instant,
    pub(crate) rng: Rng,
    pub(crate) faults: Faults,
    pub(crate) devices: Vec<Device>,
    pub(crate) seen: BTreeMap<Whose, Seen>,
    /// What must never happen, and did.
    pub(crate) wrongs: Vec<String>,
    pub(crate) log: Option<Vec<String>>,
    /// What is not carried; for stories about what is missing.
    pub(crate) censor: fn(&Envelope) -> bool,
    agenda: BTreeMap<(Instant, u64), Due>,
    pub(super) planned: u64,
    losses: BTreeMap<(usize, CallId, Kind, u32), u32>,
    invites: Vec<Envelope>,
    outage_until: Instant,
    pub(super) cut_until: Instant,
    /// Without a relay nothing is found.
    pub(crate) needs_relay: bool,
    /// Otherwise both ends are connected and say nothing.
    pub(crate) sends_media: bool,
}

pub(crate) fn address(device: usize) -> Address {
    ADDRESSES[device]
}

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

impl World {
    pub(crate) fn new(seed: u64, faults: Faults, devices: usize) -> Self {
        let begin = Instant::now();
        let owners = ["Ada", "Ben", "Cas"];
        let mut rng = Rng::new(seed);
        let device = |number: usize| {
            let contacts = ADDRESSES.iter().copied().filter(|_| rng.chance(faults.contact_percent)).collect();
            let owner = Owner { name: Some(owners[number].to_owned()), contacts, ..Owner::default() };
            Device {
                phone: Phone::new(owner.clone()),
                turned_away: Vec::new(),
                owner,
                life: 0,
                is_up: true,
                away_until: begin,
                seals: Seals::default(),
                peers: BTreeMap::new(),
                network: 0,
                wakes: (None, 0),
                wake: None,
            }
        };
        let devices = (0..devices).map(device).collect();
        Self {
            begin,
            now: begin,
            rng,
            faults,
            devices,
            seen: BTreeMap::new(),
            wrongs: Vec::new(),
            log: None,
            censor: |_| false,
            agenda: BTreeMap::new(),
            planned: 0,
            losses: BTreeMap::new(),
            invites: Vec::new(),
            outage_until: begin,
            cut_until: begin,
            needs_relay: false,
            sends_media: true,
        }
    }

    pub(crate) fn plan(&mut self, after: Duration, deed: Deed) {
        self.due(after, Due::Deed(deed));
    }

    /// Does it now.
    pub(crate) fn act(&mut self, deed: Deed) {
        self.note(|| format!("{deed:?}"));
        match deed {
            Deed::Dial { from, to } => {
                let mut id = [0; 16];
                id[..8].copy_from_slice(&self.rng.next().to_be_bytes());
                self.act(Deed::DialAs { from, to, call: CallId(id), token: None });
            }
            Deed::DialAs { from, to, call, token } => {
                self.tell(from, Event::Dial { call, to: address(to), media: MEDIA, token });
            }
            Deed::Accept(device) => self.tell(device, Event::Accept { media: MEDIA }),
            Deed::HangUp(device) => self.tell(device, Event::HangUp),
            Deed::Status(device) => {
                let muted = self.rng.chance(50);
                self.tell(device, Event::Status(Status { muted, ..Status::default() }));
            }
            Deed::Crash(device) => self.crash(device),
            Deed::Restart(device) => self.devices[device].is_up = true,
            Deed::Outage(time) => {
                self.outage_until = self.outage_until.max(self.now + time);
                for device in 0..self.devices.len() {
                    let back = time + self.rng.millis(0..500);
                    self.plan(back, Deed::Around(device, LegWhy::ServerBack));
                }
            }
            Deed::Away(device, time) => {
                self.devices[device].away_until = self.now + time;
                self.plan(time, Deed::Around(device, LegWhy::ServerBack));
            }
            Deed::Cut(time) => self.cut(time),
            Deed::NetworkChange(device, noticed) => {
                self.change_network(device);
                if let Some(after) = noticed {
                    self.plan(after, Deed::Around(device, LegWhy::NetworkChanged));
                }
            }
            Deed::Flush(device) => self.flush(device),
            Deed::Around(device, why) => self.tell(device, Event::Around { why }),
            Deed::Replay => {
                if !self.invites.is_empty() {
                    let at = self.rng.index(self.invites.len());
                    let invite = self.invites[at].clone();
                    self.due(Duration::ZERO, Due::Mail(Box::new(invite)));
                }
            }
        }
    }

    pub(crate) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.step(end) {}
        self.now = end;
    }

    /// Runs until no call is known to any phone. `false` if that does not come.
    pub(crate) fn run_until_quiet(&mut self, time: Duration) -> bool {
        let end = self.now + time;
        while self.step(end) {}
        self.devices
            .iter()
            .all(|device| device.phone.poll_timeout().is_none() && device.phone.current().is_none())
    }

    pub(crate) fn stages(&self, device: usize, call: CallId) -> Vec<Stage> {
        let mine = self.seen.iter().filter(|(whose, _)| whose.device == device && whose.call == call);
        mine.flat_map(|(_, seen)| seen.stages.iter().map(|(_, stage)| *stage)).collect()
    }

    /// The call that matters to that device, and how it stands.
    pub(crate) fn standing(&self, device: usize) -> Option<(CallId, Stage)> {
        let call = self.devices[device].phone.current()?.id();
        Some((call, *self.stages(device, call).last()?))
    }

    pub(crate) fn set_token(&mut self, device: usize, token: LinkToken) {
        let device = &mut self.devices[device];
        device.owner.tokens.insert(token);
        device.phone = Phone::new(device.owner.clone());
    }

    fn step(&mut self, end: Instant) -> bool {
        let phone = self
            .devices
            .iter()
            .enumerate()
            .filter(|(_, device)| device.is_up)
            .filter_map(|(number, device)| Some((device.wake?, number)))
            .min_by_key(|((at, _), _)| *at);
        let agenda = self.agenda.first_key_value().map(|((at, _), _)| *at);
        match (phone, agenda) {
            (Some(((at, why), number)), agenda) if at <= end && agenda.is_none_or(|agenda| at <= agenda) => {
                self.now = self.now.max(at);
                self.wake(number, why)
            }
            (_, Some(at)) if at <= end => {
                self.now = self.now.max(at);
                if let Some((_, due)) = self.agenda.pop_first() {
                    self.happen(due);
                }
                true
            }
            _ => false,
        }
    }

    fn wake(&mut self, number: usize, why: &str) -> bool {
        self.note(|| format!("{number} wakes: {why}"));
        let now = self.now;
        let device = &mut self.devices[number];
        let (last, times) = device.wakes;
        device.wakes = (Some(now), if last == Some(now) { times + 1 } else { 1 });
        if device.wakes.1 > MOST_WAKES {
            self.wrongs.push(format!("{number} spins: {why}"));
            return false;
        }
        device.phone.handle_timeout(now);
        self.carry_out(number);
        true
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::Deed(deed) => self.act(deed),
            Due::Mail(envelope) => self.deliver(*envelope),
            Due::Offline { of, to } => {
                if self.is_alive(of) {
                    self.note(|| format!("{} hears that {to} is offline", of.device));
                    self.tell(of.device, Event::Offline { call: of.call, to: address(to) });
                }
            }
            Due::Work(end) => self.work(end),
            Due::Peer(end, event) => self.peer_says(end, event),
            Due::Link(end, link) => self.link_becomes(end, link),
            Due::Silence(end) => self.fall_silent(end),
            Due::Healing(end) => self.heal(end),
            Due::Failing(end, interruption) => self.fail(end, interruption),
            Due::Listen(whose) => self.listen(whose),
        }
    }

    pub(crate) fn tell(&mut self, number: usize, event: Event) {
        if self.devices[number].is_up {
            let now = self.now;
            self.devices[number].phone.handle(event, now);
            self.carry_out(number);
        }
    }

    fn crash(&mut self, number: usize) {
        self.leave(number);
        let device = &mut self.devices[number];
        let life = device.life;
        device.phone = Phone::new(device.owner.clone());
        device.wake = None;
        device.life += 1;
        device.is_up = false;
        device.seals = Seals::default();
        device.peers.clear();
        for (whose, seen) in &mut self.seen {
            if whose.device == number && whose.life == life && !seen.is_forgotten {
                seen.crashed = Some(self.now);
            }
        }
    }

    fn carry_out(&mut self, number: usize) {
        while let Some(effect) = self.devices[number].phone.poll_effect() {
            self.note(|| format!("{number}: {}", brief(&effect)));
            let life = self.devices[number].life;
            let whose = |call| Whose { device: number, life, call };
            match effect {
                Effect::Post { call, to, frame } => self.post(whose(call), to, &frame),
                Effect::Leg { call, leg } => self.leg(whose(call), leg),
                Effect::Stage { call, peer: _, stage } => self.take_stage(whose(call), stage),
                Effect::Status { call, status } => self.seen_of(whose(call)).statuses.push(status),
                Effect::Drawn { .. } | Effect::Chat { .. } | Effect::File { .. } => {}
                Effect::TurnedAway { from, name } => self.devices[number].turned_away.push((from, name)),
                Effect::Forget { call } => {
                    self.seen_of(whose(call)).is_forgotten = true;
                    self.devices[number].seals.forget(call);
                }
            }
        }
        let device = &mut self.devices[number];
        device.wake = device.phone.poll_timeout();
    }

    fn take_stage(&mut self, whose: Whose, stage: Stage) {
        let now = self.now;
        let seen = self.seen_of(whose);
        seen.stages.push((now, stage));
        let was_over = seen.ended.is_some();
        if let Stage::Ended { reason, by } = stage {
            seen.ended = Some((now, reason, by));
        }
        self.wrong_if(was_over, || {
            format!("{} shows {stage:?} after the end of {}", whose.device, whose.call)
        });
        if matches!(stage, Stage::Connecting | Stage::Connected) {
            self.seen_of(whose).is_hidden = false;
        }
        let is_up = stage == Stage::Reconnecting && self.any_up(whose);
        self.wrong_if(is_up, || format!("{} says reconnecting while a connection is up", whose.device));
        if stage == Stage::RingingHere {
            super::rules::check_ring(self, whose);
            let time = self.rng.millis(100..8_000);
            let choice = self.rng.below(100);
            if choice < self.faults.accept_percent {
                self.plan(time, Deed::Accept(whose.device));
            } else if choice < self.faults.accept_percent + self.faults.decline_percent {
                self.plan(time, Deed::HangUp(whose.device));
            }
        }
    }

    fn post(&mut self, whose: Whose, to: Address, frame: &Frame) {
        let Seen { is_forgotten, is_hidden, .. } = *self.seen_of(whose);
        let part = frame.part.as_ref().map(|(_, message)| message);
        let tells = matches!(part, Some(CallMessage::Description { .. } | CallMessage::Candidates { .. }));
        self.wrong_if(is_hidden && tells, || format!("{} shows itself to a stranger", whose.device));
        self.wrong_if(is_forgotten, || format!("{} speaks in {}, which it forgot", whose.device, whose.call));
        let Some(to) = ADDRESSES.iter().position(|known| *known == to) else { return };
        let device = &mut self.devices[whose.device];
        let envelope = device.seals.seal(whose.call, whose.device, to, frame, &mut self.rng);
        if envelope.kind == Kind::Opening {
            self.invites.push(envelope.clone());
        }
        self.carry(whose, envelope);
    }

    fn carry(&mut self, whose: Whose, envelope: Envelope) {
        let away = |number: usize| self.now < self.devices[number].away_until;
        if self.now < self.outage_until || away(whose.device) || (self.censor)(&envelope) {
            return;
        }
        let delay = self.rng.millis(self.faults.delay_ms.clone());
        if away(envelope.to) || !self.devices[envelope.to].is_up {
            self.due(delay, Due::Offline { of: whose, to: envelope.to });
            return;
        }
        let message = (whose.device, whose.call, envelope.kind, number_of(&envelope.frame));
        let losses = self.losses.entry(message).or_default();
        if *losses < self.faults.most_losses && self.rng.chance(self.faults.lost_percent) {
            *losses += 1;
            return;
        }
        if self.rng.chance(self.faults.repeated_percent) {
            let later = self.rng.millis(self.faults.delay_ms.clone());
            self.due(later, Due::Mail(Box::new(envelope.clone())));
        }
        self.due(delay, Due::Mail(Box::new(envelope)));
    }

    fn deliver(&mut self, envelope: Envelope) {
        let Envelope { from, to, call, .. } = envelope;
        let device = &mut self.devices[to];
        if !device.is_up || self.now < device.away_until {
            return;
        }
        let whose = Whose { device: to, life: device.life, call };
        self.losses.remove(&(from, call, envelope.kind, number_of(&envelope.frame)));
        match device.seals.open(envelope, &mut self.rng) {
            Opened::Nothing => {}
            Opened::ReplyAgain(envelope) => self.carry(whose, envelope),
            Opened::Frame(frame) => {
                self.note(|| format!("{to} gets of {from} in {}: {}", short(call), said(&frame)));
                if let Some(seen) = self.seen.get_mut(&whose) {
                    seen.has_heard |= seen.ended.is_none();
                }
                self.tell(to, Event::Frame { call, from: address(from), frame });
                if !self.devices[to].phone.knows(call) {
                    self.devices[to].seals.forget(call);
                }
            }
        }
    }

    pub(super) fn is_alive(&self, whose: Whose) -> bool {
        self.devices[whose.device].life == whose.life
    }

    pub(super) fn seen_of(&mut self, whose: Whose) -> &mut Seen {
        if !self.seen.contains_key(&whose) {
            let seen = self.first_sight_of(whose);
            self.seen.insert(whose, seen);
        }
        self.seen.get_mut(&whose).expect("it was just seen")
    }

    fn first_sight_of(&self, whose: Whose) -> Seen {
        let call = self.devices[whose.device].phone.call(whose.call);
        let role = call.map(|call| call.role());
        let with = call.and_then(|call| ADDRESSES.iter().position(|known| *known == call.peer()));
        let knows = call.is_some_and(|call| self.devices[whose.device].owner.contacts.contains(&call.peer()));
        Seen {
            role: role.unwrap_or(Role::Callee),
            with: with.unwrap_or(whose.device),
            stages: Vec::new(),
            ended: None,
            crashed: None,
            has_heard: false,
            named: BTreeMap::new(),
            got: BTreeMap::new(),
            statuses: Vec::new(),
            opened: BTreeSet::new(),
            closed: BTreeSet::new(),
            in_use: None,
            heard: None,
            is_hidden: role == Some(Role::Callee) && !knows,
            is_listening: false,
            is_forgotten: false,
        }
    }

    pub(super) fn due(&mut self, after: Duration, due: Due) {
        self.planned += 1;
        self.agenda.insert((self.now + after, self.planned), due);
    }

    pub(super) fn wrong_if(&mut self, wrong: bool, what: impl FnOnce() -> String) {
        if wrong {
            self.wrongs.push(what());
        }
    }

    pub(super) fn note(&mut self, what: impl FnOnce() -> String) {
        let t_ms = self.now.saturating_duration_since(self.begin).as_millis();
        if let Some(log) = &mut self.log {
            log.push(format!("{t_ms:>7} ms  {}", what()));
        }
    }
}

fn number_of(frame: &Frame) -> u32 {
    frame.part.as_ref().map_or(0, |(number, _)| *number)
}
