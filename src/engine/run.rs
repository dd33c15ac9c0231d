//! The one loop: everything that happens comes here, is decided by the phone, and goes out again.

mod beats;
mod mail;
mod network;
mod talk;
mod trials;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    future::pending,
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use sightline_protocol::{
    call::{CallId, Frame},
    keys::{Address, Identity},
    link::ServerAddress,
};
use tokio::{
    sync::{Notify, mpsc},
    time::{MissedTickBehavior, interval, sleep_until},
};

use crate::{
    logic::{
        call::{Call, PeerEvent},
        course::{EndReason, Stage},
        devices::{Device, DeviceKind, InUse},
        legs::{LegEffect, LegWhy},
        path::PathPolicy,
        phone::{Effect, Event, Owner, Phone},
    },
    media::voice::VoiceSettings,
};

use super::{
    api::{Command, Handle, Update},
    calling::{Calling, Surroundings},
    clock::Clock,
    consulting::Consulting,
    glass::Preview,
    keyring::Keyring,
    lines::Lines,
    ports::{
        DeviceNews, Doctor, Envelope, Exchange, Mail as _, MediaMaker, NetworkEvent, NetworkWatch, PeerMaker,
        PeerNews, PeerReport,
        program::{Journal, Processor},
    },
    spoken_code::SpokenCode,
};

/// Wishes waiting for the loop. When it is full the next one is refused, and whoever wishes is told.
const COMMANDS: usize = 64;
/// News waiting for whoever listens. When it is full statistics are dropped and everything else waits for room.
const UPDATES: usize = 1024;
/// Reports of peer connections waiting for the loop. When it is full the peer connection waits.
const REPORTS: usize = 256;
/// How often statistics are told.
const BEAT: Duration = Duration::from_secs(1);
/// How often it is looked whether the legs still hear anything.
const LISTEN: Duration = Duration::from_millis(100);
/// How long the last words may take when everything ends.
const GOODBYE: Duration = Duration::from_secs(1);

/// What an engine is made of.
pub struct Parts {
    /// Our keys.
    pub identity: Arc<Identity>,
    /// Our name and links.
    pub owner: Owner,
    /// Where we are reached; nothing where that is said later.
    pub server: Option<ServerAddress>,
    /// Whoever asks a server hears that we are not connected.
    pub hidden: bool,
    /// Which paths are allowed.
    pub path: PathPolicy,
    /// The local addresses to use; all usable ones where empty.
    pub bind: Vec<IpAddr>,
    /// Pictures a second that the source gives.
    pub fps: u32,
    /// The time.
    pub clock: Clock,
    /// Opens the ways to switchboards.
    pub exchange: Box<dyn Exchange>,
    /// Watches the network of this computer.
    pub network: Box<dyn NetworkWatch>,
    /// What it reports.
    pub network_events: mpsc::Receiver<NetworkEvent>,
    /// Who may ask what this computer's network looks like.
    pub may_examine: HashSet<Address>,
    /// Looks at it for them.
    pub doctor: Box<dyn Doctor>,
    /// Makes peer connections.
    pub peers: Box<dyn PeerMaker>,
    /// Makes the ends of media.
    pub media: Box<dyn MediaMaker>,
    /// What happens to the devices that they stand for.
    pub device_news: mpsc::Receiver<DeviceNews>,
    /// Knows what this program costs.
    pub processor: Box<dyn Processor>,
    /// Keeps what it notes.
    pub journal: Arc<dyn Journal>,
}

/// Starts the loop on the runtime that this is called from.
pub fn start(parts: Parts) -> Handle {
    let (commands, wishes) = mpsc::channel(COMMANDS);
    let (told, updates) = mpsc::channel(UPDATES);
    let (reports, reported) = mpsc::channel(REPORTS);
    let (consulting, looked) = Consulting::new(parts.may_examine, parts.owner.contacts.clone(), parts.doctor);
    let mut lines = Lines::new(parts.exchange, parts.path, parts.hidden);
    lines.reach(parts.server);
    let engine = Engine {
        clock: parts.clock,
        phone: Phone::new(parts.owner),
        keys: Keyring::new(parts.identity),
        path: parts.path,
        bind: parts.bind,
        ahead: Vec::new(),
        lines,
        consulting,
        fps: parts.fps,
        voice: parts.media.voice(),
        network: parts.network,
        peers: parts.peers,
        media: parts.media,
        devices: BTreeMap::new(),
        devices_in_use: BTreeMap::new(),
        processor: parts.processor,
        journal: parts.journal,
        reports,
        told,
        calls: HashMap::new(),
        file_news: Arc::default(),
        urged: None,
        most: None,
        preview: None,
    };
    tokio::spawn(engine.run(wishes, parts.network_events, parts.device_news, reported, looked));
    Handle { commands, updates }
}

struct Engine {
    clock: Clock,
    phone: Phone,
    keys: Keyring,
    path: PathPolicy,
    bind: Vec<IpAddr>,
    /// Where a call should move to after the last change of the network; empty where there is nothing to choose.
    ahead: Vec<IpAddr>,
    lines: Lines,
    consulting: Consulting,
    fps: u32,
    voice: VoiceSettings,
    /// Kept, as it ends when it is dropped.
    network: Box<dyn NetworkWatch>,
    peers: Box<dyn PeerMaker>,
    media: Box<dyn MediaMaker>,
    /// All that there are, kind by kind.
    devices: BTreeMap<DeviceKind, Vec<Device>>,
    devices_in_use: BTreeMap<DeviceKind, InUse>,
    processor: Box<dyn Processor>,
    journal: Arc<dyn Journal>,
    reports: mpsc::Sender<PeerReport>,
    told: mpsc::Sender<Update>,
    calls: HashMap<CallId, Calling>,
    /// There is news of the files of a call.
    file_news: Arc<Notify>,
    urged: Option<Instant>,
    /// Pictures no larger than this are wanted.
    most: Option<(u16, u16)>,
    /// Camera and microphone, opened for a look without a call.
    preview: Option<Preview>,
}

impl Engine {
    async fn run(
        mut self,
        mut wishes: mpsc::Receiver<Command>,
        mut network: mpsc::Receiver<NetworkEvent>,
        mut devices: mpsc::Receiver<DeviceNews>,
        mut reported: mpsc::Receiver<PeerReport>,
        mut looked: mpsc::Receiver<Option<String>>,
    ) {
        let mut beat = interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut listen = interval(LISTEN);
        listen.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut closing: Option<Instant> = None;
        self.tell_network(self.network.look().interfaces).await;
        loop {
            let now = self.clock.now();
            if closing.is_some_and(|deadline| now >= deadline || self.phone.is_settled()) {
                break;
            }
            let legs = self.calls.values().filter_map(Calling::poll_timeout).min();
            let phone = self.phone.poll_timeout().map(|(at, _)| at);
            let desks = [self.lines.poll_timeout(), self.consulting.poll_timeout()];
            let wake = [phone, legs, closing].into_iter().chain(desks).flatten().min();
            tokio::select! {
                wish = wishes.recv(), if closing.is_none() => match wish {
                    None | Some(Command::Close) => {
                        closing = Some(now + GOODBYE);
                        self.handle(Event::HangUp).await;
                    }
                    Some(wish) => self.take_wish(wish).await,
                },
                (line, event) = self.lines.next() => self.take_mail(line, event).await,
                Some(event) = network.recv() => self.take_network(event).await,
                Some(news) = devices.recv() => self.take_device_news(news).await,
                Some(report) = reported.recv() => self.take_report(report).await,
                Some(seen) = looked.recv() => {
                    self.consulting.note_seen(seen, self.clock.now());
                    self.consult().await;
                }
                () = self.file_news.notified() => self.take_file_news().await,
                _ = beat.tick() => {
                    self.tell_statistics();
                    self.tell_drawn().await;
                    self.take_file_news().await;
                }
                _ = listen.tick() => {
                    self.urge_switchboard();
                    self.tell_hearing().await;
                    self.tell_speaking().await;
                    self.tell_chat().await;
                    self.settle_searches().await;
                }
                () = at(wake) => {
                    // What came while the loop was busy with something else is no silence.
                    self.tell_hearing().await;
                    self.lines.handle_timeout(self.clock.now());
                    self.consulting.handle_timeout(self.clock.now());
                    self.consult().await;
                    self.phone.handle_timeout(self.clock.now());
                    self.open_waiting_legs();
                    self.carry_out().await;
                }
            }
        }
        for (_, calling) in self.calls.drain() {
            finish(calling, self.told.clone());
        }
        // So that the servers know at once that nobody is here, and do not wait for us to come back.
        self.lines.goodbye(GOODBYE).await;
    }

    async fn take_wish(&mut self, wish: Command) {
        match wish {
            Command::Dial { .. } if self.phone.current().is_some() => {
                let why = "There is a call already; end it before you begin another.".to_owned();
                self.tell(Update::NotDialled { why }).await;
            }
            Command::Dial { to, server, token, media } => match CallId::random() {
                Ok(call) if self.lines.carry(call, server) => {
                    self.handle(Event::Dial { call, to, media, token }).await;
                }
                Ok(_) => {
                    let why = "There is no server to call over; choose one first.".to_owned();
                    self.tell(Update::NotDialled { why }).await;
                }
                Err(error) => self.tell(Update::NotDialled { why: error.to_string() }).await,
            },
            Command::Accept { media } => self.handle(Event::Accept { media }).await,
            Command::HangUp | Command::Close => self.handle(Event::HangUp).await,
            Command::Use { kind, choice } => self.media.use_device(kind, choice),
            Command::Status(status) => {
                if let Some(calling) = self.phone.current().and_then(|call| self.calls.get(&call.id())) {
                    calling.set_status(status);
                }
                self.handle(Event::Status(status)).await;
            }
            Command::Drawn { width, height } => {
                if let Some(calling) = self.phone.current().and_then(|call| self.calls.get_mut(&call.id())) {
                    calling.set_drawn_here(width, height);
                }
            }
            Command::Owner(owner) => {
                self.consulting.note_contacts(&owner.contacts);
                self.phone.set_owner(owner);
            }
            Command::LetContactsExamine(may) => self.consulting.let_contacts(may),
            Command::Path(policy) => {
                self.path = policy;
                self.lines.set_policy(policy);
            }
            Command::Trial(trial) => self.take_trial(trial).await,
            Command::Spend(most) => {
                self.most = most;
                self.calls.values_mut().for_each(|calling| calling.set_most(most));
            }
            Command::Hide(hidden) => self.lines.set_hidden(hidden),
            Command::Ask(who) => self.lines.ask(who),
            Command::Reach(server) => {
                let is_up = self.lines.reach(server.clone());
                self.tell(Update::Home { server }).await;
                if is_up {
                    self.tell(Update::SwitchboardUp).await;
                }
            }
            Command::Say { text } => self.say(&text).await,
            Command::OfferFile { path } => self.offer_file(path).await,
            Command::File { id, order } => {
                if let Some(calling) = self.phone.current().and_then(|call| self.calls.get(&call.id())) {
                    calling.files.order(id, order);
                }
            }
            Command::Preview { on } => self.preview(on).await,
            Command::Voice(settings) => {
                self.voice = settings;
                self.calls.values().for_each(|calling| calling.set_voice(settings));
            }
        }
    }

    async fn take_device_news(&mut self, news: DeviceNews) {
        match news {
            DeviceNews::Listed(kind, devices) => {
                for calling in self.calls.values_mut() {
                    calling.notes.recorder.know_devices(&devices);
                }
                self.devices.insert(kind, devices);
                let devices = self.devices.values().flatten().cloned().collect();
                self.tell(Update::Devices(devices)).await;
            }
            DeviceNews::InUse(in_use) => {
                for calling in self.calls.values_mut() {
                    let t_ms = calling.t_ms();
                    calling.notes.recorder.note_device(t_ms, &in_use);
                }
                self.devices_in_use.insert(in_use.kind, in_use.clone());
                self.tell(Update::Device(in_use)).await;
            }
        }
    }

    async fn consult(&mut self) {
        for with in self.consulting.carry_out(&mut self.keys, &mut self.lines) {
            self.tell(Update::Consulted { with }).await;
        }
    }

    async fn take_report(&mut self, PeerReport { call, generation, news }: PeerReport) {
        let Some(calling) = self.calls.get_mut(&call) else { return };
        let t_ms = calling.t_ms();
        match news {
            PeerNews::Event(event) => {
                if let PeerEvent::Candidate(candidate) = &event {
                    calling.path.note_local(t_ms, generation, &candidate.line);
                } else if matches!(event, PeerEvent::CandidatesDone) {
                    calling.path.note_local_done(t_ms, generation);
                } else if let PeerEvent::Link(link) = event {
                    calling.report.note_link(t_ms, link);
                    calling.path.note_link(t_ms, generation, link);
                    self.tell(Update::Link { call, link }).await;
                } else if let PeerEvent::Description { kind, sdp } = &event {
                    calling.note_our_description(generation, *kind, sdp);
                }
                self.handle(Event::Peer { call, generation, event }).await;
            }
            PeerNews::KeyFrameWanted => calling.key_frame_wanted(),
            PeerNews::Path { .. } if calling.leg_in_use() != Some(generation) => {}
            PeerNews::Path { in_use, encryption } => {
                let moved = calling.path.take_in_use(t_ms, generation, in_use);
                calling.report.encryption = encryption;
                calling.note_round_trip();
                if moved {
                    // Where only a relay may be used there is no better path to look for.
                    let relayed = calling.path.route().is_relayed() && !calling.policy.needs_relay();
                    let path = Box::new(calling.path.report());
                    self.tell(Update::Path { call, path }).await;
                    let event = PeerEvent::Route { relayed };
                    self.handle(Event::Peer { call, generation, event }).await;
                }
            }
            PeerNews::Sightings(sightings) => {
                if calling.path.note_sightings(t_ms, generation, *sightings) {
                    let path = Box::new(calling.path.report());
                    self.tell(Update::Path { call, path }).await;
                }
            }
            PeerNews::Said(sealed) => self.take_said(call, &sealed).await,
            PeerNews::Broken(why) => {
                let text = format!("This computer's end of the connection does not work: {why}");
                self.tell(Update::Problem { text }).await;
                self.handle(Event::Peer { call, generation, event: PeerEvent::Broken }).await;
            }
        }
    }

    async fn handle(&mut self, event: Event) {
        self.phone.handle(event, self.clock.now());
        self.carry_out().await;
    }

    async fn carry_out(&mut self) {
        while let Some(effect) = self.phone.poll_effect() {
            match effect {
                Effect::Post { call, to, frame } => self.post(call, to, &frame),
                Effect::Leg { call, leg } => {
                    let generation = leg.generation();
                    if let LegEffect::Open { why: LegWhy::Silence | LegWhy::TookTooLong, .. } = leg {
                        self.lines.probe();
                    }
                    let media = self.phone.call(call).map(Call::media);
                    let taken = match self.calling_and_surroundings(call) {
                        (Some(calling), around) => {
                            calling.set_media(media);
                            calling.leg(leg, &around)
                        }
                        (None, _) => true,
                    };
                    if !taken {
                        tracing::error!("a peer connection takes no more orders");
                        let event = PeerEvent::Broken;
                        self.phone.handle(Event::Peer { call, generation, event }, self.clock.now());
                    }
                }
                Effect::Stage { call, peer, stage } => self.take_stage(call, peer, stage).await,
                Effect::Status { call, status } => {
                    if let Some(calling) = self.calls.get_mut(&call) {
                        calling.note_their_status(status);
                    }
                    self.tell(Update::TheirStatus { call, status }).await;
                }
                Effect::Drawn { call, width, height } => {
                    if let Some(calling) = self.calls.get(&call) {
                        calling.set_drawn_there(width, height);
                    }
                }
                Effect::Chat { call, text } => self.hear(call, &text),
                Effect::File { call, file, step } => {
                    if let Some(calling) = self.calls.get(&call) {
                        calling.files.hear(file, step);
                    }
                }
                Effect::TurnedAway { from, name } => self.tell(Update::TurnedAway { from, name }).await,
                Effect::Forget { call } => {
                    self.keys.forget(call);
                    self.lines.access_over(call, self.clock.now());
                    self.lines.forget(call);
                }
            }
        }
    }

    fn post(&mut self, call: CallId, to: Address, frame: &Frame) {
        let Some(sealed) = self.keys.seal(call, to, frame) else { return };
        let is_said = self.calls.get(&call).is_some_and(|calling| calling.say(&sealed));
        if self.lines.post(Envelope { with: to, call, sealed }) {
            self.lines.envelope_posted(call, to, self.clock.now());
        } else if !is_said {
            tracing::debug!("an envelope was not taken; it will be sent again");
        }
    }

    async fn take_stage(&mut self, call: CallId, peer: Address, stage: Stage) {
        if matches!(stage, Stage::Inviting | Stage::RingingHere)
            && let Some(known) = self.phone.call(call)
        {
            let (nudge, journal) = (self.file_news.clone(), self.journal.clone());
            let mut calling = Calling::new(known, self.path, self.voice, nudge, journal, self.clock);
            for devices in self.devices.values() {
                calling.notes.recorder.know_devices(devices);
            }
            for in_use in self.devices_in_use.values() {
                calling.notes.recorder.begin_with_device(in_use);
            }
            calling.set_most(self.most);
            calling.note_switchboard(self.lines.is_up(call));
            calling.note_interfaces(self.network.look().interfaces);
            self.calls.insert(call, calling);
            let (role, media, token) = (known.role(), known.media(), known.token().cloned());
            self.tell(Update::Began { call, peer, role, media, token }).await;
        }
        if stage == Stage::Connecting
            && let Some(media) = self.phone.call(call).map(Call::media)
        {
            let code = self.keys.handshake_hash(call).map(SpokenCode::of);
            if let (Some(code), Some(calling)) = (&code, self.calls.get_mut(&call)) {
                calling.notes.code = Some(code.clone());
                let code = code.clone();
                tokio::task::spawn_blocking(move || code.get().len());
            }
            self.tell(Update::Agreed { call, media, code }).await;
        }
        let name = self.phone.call(call).and_then(|call| call.their_name().map(str::to_owned));
        if matches!(stage, Stage::Ended { .. }) {
            self.end_chat(call).await;
        }
        let Some(calling) = self.calls.get_mut(&call) else { return };
        calling.note_stage(stage);
        if let Stage::Ended { reason: EndReason::ConnectFailed(_) | EndReason::Lost, by: _ } = stage {
            // What is closed is told before the end, so that the last sentence can name it.
            let path = Box::new(calling.path.report());
            self.tell(Update::Path { call, path }).await;
        }
        self.tell(Update::Stage { call, peer, stage, name }).await;
        if stage == Stage::Connecting
            && let Some(preview) = &self.preview
        {
            // It has time to let go of its devices until the call takes them.
            preview.stop();
        }
        if stage == Stage::Connected {
            self.preview(false).await;
            let problems = match self.calling_and_surroundings(call) {
                (Some(calling), mut around) => calling.start_media(&mut around),
                (None, _) => Vec::new(),
            };
            for text in problems {
                self.tell(Update::Problem { text }).await;
            }
        }
        if matches!(stage, Stage::Ended { .. })
            && let Some(calling) = self.calls.remove(&call)
        {
            self.lines.over(call, peer);
            finish(calling, self.told.clone());
        }
    }

    fn calling_and_surroundings(&mut self, call: CallId) -> (Option<&mut Calling>, Surroundings<'_>) {
        let around = Surroundings {
            path: self.calls.get(&call).map_or(self.path, |calling| calling.policy),
            bind: &self.bind,
            ahead: &self.ahead,
            servers: self.lines.servers(call, self.clock.now()),
            servers_decided: self.lines.is_decided(call),
            fps: self.fps,
            peers: &*self.peers,
            media: &mut *self.media,
            reports: &self.reports,
        };
        (self.calls.get_mut(&call), around)
    }

    fn open_waiting_legs(&mut self) {
        let calls: Vec<_> = self.calls.keys().copied().collect();
        for call in calls {
            if let (Some(calling), around) = self.calling_and_surroundings(call) {
                calling.open_waiting(&around);
            }
        }
    }

    async fn tell(&mut self, update: Update) {
        // Nobody listening is no reason to stop: the last words still have to go out.
        self.told.send(update).await.ok();
    }
}

/// Waiting for media threads and files is not for the loop.
fn finish(mut calling: Calling, told: mpsc::Sender<Update>) {
    tokio::task::spawn_blocking(move || {
        let (call, files) = (calling.id(), calling.finish_files());
        if let Some(files) = files {
            told.blocking_send(Update::Files { call, files }).ok();
        }
        let report = Box::new(calling.finish());
        told.blocking_send(Update::Over { report }).ok();
    });
}

async fn at(wake: Option<Instant>) {
    match wake {
        Some(wake) => sleep_until(wake.into()).await,
        None => pending().await,
    }
}
