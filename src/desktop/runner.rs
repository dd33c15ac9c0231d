//! The task that owns the desk.
//!
//! It waits for whatever comes first: a wish, a word of the engine, news of a helper, or the time that the desk named. Then it
//! does what the desk asks for, and shows how things stand. What takes long is done beside it, and comes back as news.

use std::{
    collections::HashSet,
    fs,
    future::pending,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use sightline_protocol::{keys::Identity, link::ServerAddress};
use sightline_server::Server;
use tokio::{
    runtime::Handle as Runtime,
    sync::{mpsc, oneshot},
    time::{MissedTickBehavior, interval, sleep_until, timeout},
};

use crate::{
    adapters::{
        headless::Headless,
        probe::{self, Subject},
        synthetic::{AudioChoice, Hears, VideoChoice},
        tray::TrayPress,
    },
    app::{DeviceWishes, Installation, may_examine, server_here},
    engine::{
        api::{Command, Glass, Handle, Update},
        clock::Clock,
    },
    logic::{
        desk::{Beginning, Desk, Effect, Heard, Moment, Order, Snapshot, Wish},
        devices::DeviceKind,
        doctor::{PARTS, Progress, diagnose},
        phone::Owner,
        report::CallReport,
    },
    panics,
    settings::{Profile, Settings},
    ui::copy,
};

use super::{
    Counter, Options, Prepared,
    counter::Ends,
    echo::Echo,
    files::{self, Files, Loaded},
    outfit::{self, Outfit, Outside},
    translate,
};

/// What is "two minutes ago" is said anew so often.
const AGES_EVERY: Duration = Duration::from_secs(60);
/// How long the last words may take.
const GOODBYE: Duration = Duration::from_secs(4);

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
    engine: Handle,
    outfit: Outfit,
    outside: mpsc::Receiver<Outside>,
    echo: Option<Echo>,
    making_echo: Option<oneshot::Receiver<Echo>>,
    home: Option<ServerAddress>,
    server: Option<Server>,
    quitting: bool,
}

impl Runner {
    /// Everything is as it was left.
    pub(super) fn new(
        prepared: Prepared,
        runtime: Runtime,
        counter: Arc<Counter>,
        ends: Ends,
    ) -> anyhow::Result<Self> {
        let Prepared { options, profile, identity, loaded } = prepared;
        let clock = Clock::start();
        let files = Files::start(profile.clone(), &loaded, counter.news());
        let at = Moment { now: clock.now(), unix_ms: clock.calendar_ms() };
        let Loaded { choices, settings, contacts, links, history, troubles, .. } = loaded;
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
        if let Some(report) = panics::news(&profile.crashes_folder()) {
            let text = copy::desktop::met_a_fault(&report.display().to_string());
            desk.hear(Heard::Problem { text, code: "app.fault" }, at);
        }
        for text in troubles {
            desk.hear(Heard::Problem { text, code: "file.damaged" }, at);
        }
        let snapshot = desk.snapshot(at);
        let uses_sound_devices = matches!(&options.audio, None | Some(AudioChoice::Device(_)));
        let speaker = uses_sound_devices.then(|| snapshot.shelf.chosen[1].clone());
        let (outfit, outside) = Outfit::start(&runtime, speaker, clock);
        let installation =
            installation(&options, &identity, &settings, &snapshot, counter.shared_glass(), clock)?;
        let engine = {
            let _on = runtime.enter();
            installation.start()
        };
        counter.publish(snapshot);
        Ok(Self {
            options,
            profile,
            clock,
            runtime,
            counter,
            ends,
            files,
            desk,
            engine,
            outfit,
            outside,
            echo: None,
            making_echo: None,
            home: None,
            server: None,
            quitting: false,
        })
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
                Some(update) = self.engine.next() => self.take(update),
                Some(outside) = self.outside.recv() => self.take_outside(&outside),
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
        if matches!(heard, Heard::EchoReady { .. }) {
            self.echo = self.making_echo.take().and_then(|mut made| made.try_recv().ok());
        }
        self.desk.hear(heard, self.at());
    }

    fn take(&mut self, update: Update) {
        if let Update::Home { server } = &update {
            self.home.clone_from(server);
        }
        if let Update::Agreed { call, media: _, code: Some(code) } = &update {
            let (call, code, news) = (*call, code.clone(), self.counter.news());
            self.runtime.spawn_blocking(move || {
                news.blocking_send(Heard::Code { call, code: code.get().to_owned() }).ok();
            });
        }
        if let Some(heard) = translate::heard(update, self.home.as_ref()) {
            self.hear(heard);
        }
    }

    fn take_outside(&mut self, outside: &Outside) {
        match outside {
            Outside::HasTray(is_there) => self.hear(Heard::Tray(*is_there)),
            Outside::Notice(_) | Outside::Tray(TrayPress::Open) => self.hear(Heard::Called),
            Outside::Tray(_) => {}
        }
        if let Some(wish) = outfit::wish(outside, &self.counter.newest()) {
            self.desk.wish(wish, self.at());
        }
    }

    fn publish(&mut self) {
        let at = self.at();
        let snapshot = self.desk.snapshot(at);
        self.outfit.show(&snapshot);
        self.counter.publish(snapshot);
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
            Effect::Engine(order) => {
                if let Order::Use { kind: DeviceKind::Speaker, choice } = &order {
                    self.outfit.use_speaker(choice.clone());
                }
                translate::commands(order, &self.downloads())
                    .into_iter()
                    .for_each(|command| self.say(command));
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
            Effect::MakeEcho => self.make_echo(),
            Effect::EndEcho => self.echo.take().into_iter().for_each(Echo::leave),
            Effect::ChooseFiles => self.outfit.choose_files(&self.counter),
            Effect::ChooseDownloads => self.outfit.choose_downloads(&self.counter),
            Effect::SaveReport(report) => self.save_report(report),
            Effect::ShowFile(path) => show(&path),
            Effect::TestSound => self.outfit.test_sound(),
            Effect::Ring(bell) => self.outfit.ring(bell),
            Effect::Awake(awake) => self.outfit.keep_awake(awake),
            Effect::Notify(what) => self.outfit.notify(what),
            Effect::Unnotify => self.outfit.hush(),
        }
    }

    fn make_echo(&mut self) {
        let Some(server) = self.home.clone() else {
            let why = "no server is set up yet".to_owned();
            return self.hear(Heard::EchoFailed { why });
        };
        let (news, bind, clock) = (self.counter.news(), self.options.bind.clone(), self.clock);
        let (made, echo) = oneshot::channel();
        self.making_echo = Some(echo);
        self.runtime.spawn(async move {
            let heard = match Echo::start(server.clone(), bind, clock).await {
                Ok((echo, to)) => {
                    made.send(echo).ok();
                    Heard::EchoReady { to, server }
                }
                Err(error) => Heard::EchoFailed { why: error.to_string() },
            };
            news.send(heard).await.ok();
        });
    }

    fn save_report(&self, report: Arc<CallReport>) {
        let name = format!("sightline-call-{}.json", report.call.get(..8).unwrap_or_default());
        self.outfit.choose_where(&self.counter, name, move |counter, path| {
            let heard = match fs::write(&path, files::to_be_saved(&report, &path)) {
                Ok(()) => Heard::ReportSaved(path),
                Err(error) => Heard::Problem {
                    text: format!("The report cannot be written to {}: {error}", path.display()),
                    code: "report.not_saved",
                },
            };
            counter.news().blocking_send(heard).ok();
        });
    }

    /// Where files go that come: what was chosen, or the system's own folder for them.
    fn downloads(&self) -> PathBuf {
        let chosen = self.counter.newest().preferences.downloads.clone();
        let usual = || directories::UserDirs::new()?.download_dir().map(Path::to_owned);
        chosen.or_else(usual).unwrap_or_else(|| self.profile.folder().join("downloads"))
    }

    fn say(&mut self, command: Command) {
        if !self.engine.say(command) {
            tracing::error!("the engine takes no more commands");
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

    fn examine(&self, server: ServerAddress) {
        let (news, clock) = (self.counter.news(), self.clock);
        self.runtime.spawn(async move {
            let (told, mut parts) = mpsc::channel(PARTS);
            let subject = Subject::new(server.clone());
            let telling = async {
                let mut progress = Progress::new(clock.unix_ms());
                while let Some(part) = parts.recv().await {
                    let findings = progress.take(part);
                    news.send(Heard::Found { server: server.clone(), findings }).await.ok();
                }
            };
            let (seen, ()) = tokio::join!(probe::examine_and_tell(&subject, clock, told), telling);
            news.send(Heard::Examined { server, outcome: Ok(Arc::new(diagnose(&seen))) }).await.ok();
        });
    }

    /// Lets the last words go out, keeps what the last call left behind, and says that all is done.
    async fn end(mut self) {
        self.engine.say(Command::Close);
        let last = async {
            while let Some(update) = self.engine.next().await {
                self.take(update);
            }
        };
        timeout(GOODBYE, last).await.ok();
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

/// What makes calls, as things were chosen. It is reached nowhere yet.
fn installation(
    options: &Options,
    identity: &Identity,
    settings: &Settings,
    snapshot: &Snapshot,
    glass: Arc<Glass>,
    clock: Clock,
) -> anyhow::Result<Installation> {
    let [microphone, speaker, camera] = snapshot.shelf.chosen.clone();
    let hears = match &options.audio {
        Some(AudioChoice::Tone) => Some(Hears::Tone),
        Some(AudioChoice::File(path)) => Some(Hears::file(path)?),
        Some(AudioChoice::Device(_) | AudioChoice::None) | None => None,
    };
    let uses_sound_devices = matches!(&options.audio, None | Some(AudioChoice::Device(_)));
    let uses_camera = matches!(&options.video, None | Some(VideoChoice::Camera(_)));
    Ok(Installation {
        identity: Identity::from_secret_bytes(*identity.secret_bytes()),
        owner: Owner::default(),
        server: None,
        hidden: !snapshot.preferences.show_online,
        media: Headless {
            video: options.video.clone().unwrap_or(VideoChoice::None),
            hears,
            voice: translate::voice(&snapshot.preferences),
            ..Headless::silent(clock)
        },
        others: None,
        glass: Some(glass),
        devices: DeviceWishes {
            microphone: uses_sound_devices.then_some(microphone),
            speaker: uses_sound_devices.then_some(speaker),
            camera: uses_camera.then_some(camera),
        },
        path: translate::path(&snapshot.preferences),
        bind: options.bind.clone(),
        // Whether contacts may is a preference, and applies at once.
        may_examine: may_examine(&settings.may_examine, &HashSet::new())?,
    })
}

/// Shows a file where it lies, in the system's own program for files. It is never opened.
fn show(path: &Path) {
    let Some(folder) = path.parent() else { return };
    let program = if cfg!(target_os = "macos") {
        "open"
    } else if cfg!(windows) {
        "explorer"
    } else {
        "xdg-open"
    };
    if let Err(error) = std::process::Command::new(program).arg(folder).spawn() {
        tracing::warn!(%error, "the folder of a file cannot be shown");
    }
}

async fn at(wake: Option<Instant>) {
    match wake {
        Some(wake) => sleep_until(wake.into()).await,
        None => pending().await,
    }
}
