//! The task that owns the desk.
//!
//! It waits for whatever comes first: a wish, a word of the engine, news of a helper, or the time that the desk named. Then it
//! does what the desk asks for, and shows how things stand. What takes long is done beside it, and comes back as news.

use std::{collections::HashSet, future::pending, time::Instant};

use sightline_protocol::{keys::Identity, link::ServerAddress};
use sightline_server::Server;
use tokio::{
    runtime::Handle as Runtime,
    sync::mpsc,
    time::{MissedTickBehavior, interval, sleep_until, timeout},
};

use std::{sync::Arc, time::Duration};

use crate::{
    adapters::{
        headless::Headless,
        probe::{self, Subject},
        synthetic::{AudioChoice, Hears, VideoChoice},
    },
    app::{DeviceWishes, Installation, server_here},
    engine::{
        api::{Command, Handle},
        clock::Clock,
    },
    logic::{
        desk::{Beginning, Desk, Effect, Heard, Kept, Moment, Order, Wish},
        doctor::diagnose,
        phone::Owner,
    },
    media::frame::Size,
    settings::Profile,
};

use super::{
    Counter, Options, Prepared,
    counter::Ends,
    files::{Files, Loaded},
    translate,
};

/// What is "two minutes ago" is said anew so often.
const AGES_EVERY: Duration = Duration::from_secs(60);
/// How long the last words may take.
const GOODBYE: Duration = Duration::from_secs(4);
/// Pictures a second.
const FPS: u32 = 30;

/// See the head of this file.
pub(super) struct Runner {
    options: Options,
    profile: Profile,
    clock: Clock,
    runtime: Runtime,
    counter: Arc<Counter>,
    ends: Ends,
    files: Files,
    desk: Desk,
    identity: Identity,
    engine: Option<Handle>,
    /// What was said before there was an engine.
    unsaid: Vec<Command>,
    owner: Owner,
    home: Option<ServerAddress>,
    server: Option<Server>,
    quitting: bool,
}

impl Runner {
    /// Everything is as it was left.
    pub(super) fn new(prepared: Prepared, runtime: Runtime, counter: Arc<Counter>, ends: Ends) -> Self {
        let Prepared { options, profile, identity, loaded } = prepared;
        let clock = Clock::start();
        let files = Files::start(profile.clone(), &loaded, counter.news());
        let at = Moment { now: clock.now(), unix_ms: clock.calendar_ms() };
        let Loaded { choices, contacts, links, history, troubles, .. } = loaded;
        let mut seed = [0; 32];
        if let Err(error) = getrandom::fill(&mut seed) {
            tracing::error!(%error, "the system gives no randomness; links that are made can be guessed");
        }
        let beginning = Beginning {
            address: identity.address(),
            choices,
            contacts,
            links,
            history,
            suggested_name: suggested_name(),
            profile: Some(profile.folder().to_owned()),
            seed,
        };
        let mut desk = Desk::new(beginning, at);
        for text in troubles {
            desk.hear(Heard::Problem { text, code: "file.damaged" }, at);
        }
        counter.publish(desk.snapshot(at));
        Self {
            options,
            profile,
            clock,
            runtime,
            counter,
            ends,
            files,
            desk,
            identity,
            engine: None,
            unsaid: Vec::new(),
            owner: Owner::default(),
            home: None,
            server: None,
            quitting: false,
        }
    }

    /// Runs until the person quits.
    pub(super) async fn run(mut self) {
        let mut ages = interval(AGES_EVERY);
        ages.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.carry_out().await;
        while !self.quitting {
            let wake = self.desk.poll_timeout(self.at()).map(|(when, _)| when);
            tokio::select! {
                wish = self.ends.wishes.recv() => self.desk.wish(wish.unwrap_or(Wish::Quit), self.at()),
                Some(heard) = self.ends.news.recv() => self.hear(heard),
                update = next(&mut self.engine) => {
                    if let Some(heard) = translate::heard(update, self.home.as_ref()) {
                        self.hear(heard);
                    }
                }
                _ = ages.tick() => self.publish(),
                () = at(wake) => self.desk.handle_timeout(self.at()),
            }
            self.carry_out().await;
        }
        self.end().await;
    }

    fn at(&self) -> Moment {
        Moment { now: self.clock.now(), unix_ms: self.clock.calendar_ms() }
    }

    fn hear(&mut self, heard: Heard) {
        self.desk.hear(heard, self.at());
    }

    fn publish(&mut self) {
        let at = self.at();
        self.counter.publish(self.desk.snapshot(at));
    }

    async fn carry_out(&mut self) {
        while let Some(effect) = self.desk.poll_effect() {
            self.act(effect).await;
        }
        if self.desk.take_changed() {
            self.publish();
        }
    }

    async fn act(&mut self, effect: Effect) {
        match effect {
            Effect::Engine(Order::Reach(server)) => self.reach(server).await,
            Effect::Engine(order) => {
                if let Order::Owner(owner) = &order {
                    self.owner = owner.clone();
                }
                translate::commands(order).into_iter().for_each(|command| self.say(command));
            }
            Effect::Keep(kept) => self.files.keep(kept),
            Effect::Host => self.host().await,
            Effect::StopHosting => {
                if let Some(server) = self.server.take() {
                    self.runtime.spawn(server.close());
                }
            }
            Effect::Examine(server) => self.examine(server),
            Effect::Quit => self.quitting = true,
            Effect::MakeEcho
            | Effect::EndEcho
            | Effect::ChooseFiles
            | Effect::SaveReport(_)
            | Effect::ShowFile(_)
            | Effect::TestSound
            | Effect::Ring(_)
            | Effect::Awake(_)
            | Effect::Notify(_)
            | Effect::Unnotify => {}
        }
    }

    fn say(&mut self, command: Command) {
        match &self.engine {
            Some(engine) => {
                if !engine.say(command) {
                    tracing::error!("the engine takes no more commands");
                }
            }
            None => self.unsaid.push(command),
        }
    }

    async fn host(&mut self) {
        let heard = match Server::bind(server_here(&self.profile, &self.options.bind)).await {
            Ok(server) => match server.links().into_iter().next() {
                Some(address) => {
                    self.server = Some(server);
                    Heard::Hosting { server: address }
                }
                None => Heard::NotHosting { why: "this computer has no address to be reached at".to_owned() },
            },
            Err(error) => Heard::NotHosting { why: error.to_string() },
        };
        self.hear(heard);
    }

    async fn reach(&mut self, server: Option<ServerAddress>) {
        self.home.clone_from(&server);
        let Some(server) = server else { return };
        if let Some(engine) = self.engine.take() {
            close(engine).await;
        }
        match self.installation(server) {
            Ok(installation) => {
                let engine = installation.start();
                for command in self.unsaid.drain(..) {
                    engine.say(command);
                }
                self.engine = Some(engine);
            }
            Err(error) => {
                self.hear(Heard::Problem { text: format!("{error:#}"), code: "desk.media" });
            }
        }
    }

    fn installation(&self, server: ServerAddress) -> anyhow::Result<Installation> {
        let snapshot = self.counter.newest();
        let [microphone, speaker, camera] = snapshot.shelf.chosen.clone();
        let hears = match &self.options.audio {
            Some(AudioChoice::Tone) => Some(Hears::Tone),
            Some(AudioChoice::File(path)) => Some(Hears::file(path)?),
            Some(AudioChoice::Device(_) | AudioChoice::None) | None => None,
        };
        let uses_sound_devices = matches!(&self.options.audio, None | Some(AudioChoice::Device(_)));
        let uses_camera = matches!(&self.options.video, None | Some(VideoChoice::Camera(_)));
        Ok(Installation {
            identity: Identity::from_secret_bytes(*self.identity.secret_bytes()),
            owner: self.owner.clone(),
            server,
            media: Headless {
                video: self.options.video.clone().unwrap_or(VideoChoice::None),
                hears,
                voice: translate::voice(&snapshot.preferences),
                size: Size::HD,
                fps: FPS,
                record: None,
                film: false,
                clock: self.clock,
            },
            devices: DeviceWishes {
                microphone: uses_sound_devices.then_some(microphone),
                speaker: uses_sound_devices.then_some(speaker),
                camera: uses_camera.then_some(camera),
            },
            path: translate::path(&snapshot.preferences),
            bind: self.options.bind.clone(),
            may_examine: HashSet::new(),
        })
    }

    fn examine(&self, server: ServerAddress) {
        let (news, clock) = (self.counter.news(), self.clock);
        self.runtime.spawn(async move {
            let seen = probe::examine(&Subject::new(server), clock).await;
            news.send(Heard::Examined(Ok(Arc::new(diagnose(&seen))))).await.ok();
        });
    }

    /// Lets the last words go out, keeps what the last call left behind, and says that all is done.
    async fn end(mut self) {
        if let Some(mut engine) = self.engine.take() {
            engine.say(Command::Close);
            let last = async {
                while let Some(update) = engine.next().await {
                    if let Some(heard) = translate::heard(update, self.home.as_ref()) {
                        self.desk.hear(heard, self.at());
                    }
                }
            };
            timeout(GOODBYE, last).await.ok();
        }
        while let Some(effect) = self.desk.poll_effect() {
            if let Effect::Keep(kept) = effect {
                self.files.keep(kept);
            }
        }
        if let Some(server) = self.server.take() {
            timeout(GOODBYE, server.close()).await.ok();
        }
        // Waits for the disk.
        drop(self.files);
        let at = Moment { now: self.clock.now(), unix_ms: self.clock.calendar_ms() };
        self.desk.hear(Heard::AllDone, at);
        self.counter.publish(self.desk.snapshot(at));
    }
}

/// What the system says that the person at it is called.
fn suggested_name() -> Option<String> {
    let name = std::env::var("USER").or_else(|_| std::env::var("USERNAME")).ok()?;
    let mut chars = name.chars();
    let first = chars.next()?;
    Some(first.to_uppercase().chain(chars).collect())
}

async fn close(mut engine: Handle) {
    engine.say(Command::Close);
    let ended = async { while engine.next().await.is_some() {} };
    timeout(GOODBYE, ended).await.ok();
}

async fn next(engine: &mut Option<Handle>) -> crate::engine::api::Update {
    match engine {
        Some(engine) => match engine.next().await {
            Some(update) => update,
            None => pending().await,
        },
        None => pending().await,
    }
}

async fn at(wake: Option<Instant>) {
    match wake {
        Some(wake) => sleep_until(wake.into()).await,
        None => pending().await,
    }
}
