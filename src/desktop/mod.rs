//! The program with a window: puts desk, engine, files and glass together.
//!
//! The window has the main thread, because systems want it so. Everything else runs on a runtime of its own, in one task
//! (`runner`) that owns the desk: wishes, what the engine tells and what helpers found come to it one after the other. It
//! publishes the newest snapshot (`counter`) and wakes the window.
//!
//! * `runner` the task; `translate` its words for the engine's.
//! * `counter` where window and task meet.
//! * `outfit` tray, notices, dialogs, our own sounds; `echo` the other end of a call with oneself.
//! * `files` what is read at the start and kept afterwards; `choices` how settings become a file that people may edit.

mod choices;
mod counter;
mod echo;
mod files;
mod outfit;
mod runner;
mod translate;

use std::{io::Write as _, net::IpAddr, path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Context as _, ensure};
use sightline_protocol::{call::Media, keys::Identity};
use sightline_server::asked_to_stop;
use tokio::{
    runtime::{Builder, Runtime},
    sync::mpsc,
    task::JoinHandle,
    time::timeout,
};

use crate::{
    adapters::{
        handover::{self, Request, Start},
        synthetic::{AudioChoice, VideoChoice},
    },
    engine::clock::Clock,
    logic::desk::{Heard, Wish, call_link},
    settings::Profile,
    ui::window,
};

pub use counter::Counter;
use counter::Waker;
use files::Loaded;
use runner::Runner;

/// The program could not do what it was asked for.
const CANNOT: u8 = 2;
/// How long the last words and the last files may take when everything ends.
const END_WITHIN: Duration = Duration::from_secs(8);

/// Requests of other starts that wait. When it is full the next start waits, and says so when that takes long.
const REQUESTS: usize = 4;
const BOTH: Media = Media { audio: true, video: true };

/// What the program with a window is started with.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The folder with key and settings.
    pub profile: Option<PathBuf>,
    /// Somebody to call at once.
    pub link: Option<String>,
    /// Start without a window, where an icon keeps the app reachable.
    pub hidden: bool,
    /// What stands in for the camera.
    pub video: Option<VideoChoice>,
    /// What stands in for the microphone.
    pub audio: Option<AudioChoice>,
    /// The local addresses to use; all usable ones where empty.
    pub bind: Vec<IpAddr>,
}

/// Runs it until it is closed for good.
pub fn run(options: Options) -> ExitCode {
    match open(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            writeln!(std::io::stderr().lock(), "{error:#}").ok();
            CANNOT.into()
        }
    }
}

fn open(options: Options) -> anyhow::Result<()> {
    let runtime = Builder::new_multi_thread().enable_all().build().context("the system gives no threads")?;
    let prepared = Prepared::new(options)?;
    crate::panics::watch(prepared.profile.crashes_folder());
    let request = match prepared.options.link.as_deref().map(call_link).transpose()? {
        Some(link) => Request::Call(Box::new(link)),
        None => Request::Raise,
    };
    let first = match handover::start(prepared.profile.folder(), &request, Clock::start())? {
        Start::First(first) => first,
        Start::HandedOver => return Ok(()),
    };
    ensure!(
        has_display(),
        "there is no display to open a window on: neither WAYLAND_DISPLAY nor DISPLAY is set. `sightline call` and `sightline \
         answer` work without a window"
    );
    let hidden = prepared.is_hidden();
    let waker = Waker::default();
    let wakes = waker.clone();
    let running = prepared.start(&runtime, Box::new(move || wakes.wake()))?;
    let counter = running.counter.clone();
    let (requests, requested) = mpsc::channel(REQUESTS);
    first.listen(runtime.handle(), requests);
    runtime.spawn(obey(requested, counter.clone()));
    end_when_asked(&runtime, counter.clone());
    let opened = window::run(
        |wake| {
            waker.set(wake);
            Box::new(counter)
        },
        hidden,
    );
    runtime.block_on(running.end());
    // A name that nobody answers for keeps a thread of the system busy for longer than anybody wants to wait.
    runtime.shutdown_background();
    Ok(opened?)
}

/// Where it can be known before anything is started: other systems always have one.
fn has_display() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !cfg!(target_os = "linux") || ["WAYLAND_DISPLAY", "WAYLAND_SOCKET", "DISPLAY"].into_iter().any(is_set)
}

/// The system, or a person at a terminal, asks the program to stop: it ends as it does when somebody quits.
fn end_when_asked(runtime: &Runtime, counter: Arc<Counter>) {
    let _on = runtime.enter();
    match asked_to_stop() {
        Ok(asked) => {
            runtime.spawn(async move {
                asked.await;
                tracing::info!("asked to stop");
                counter.say(Wish::Quit);
            });
        }
        Err(error) => tracing::warn!(%error, "signals cannot be heard; a call is not ended cleanly by them"),
    }
}

/// What other starts of the program hand over.
async fn obey(mut requested: mpsc::Receiver<Request>, counter: Arc<Counter>) {
    while let Some(request) = requested.recv().await {
        counter.news().send(Heard::Called).await.ok();
        if let Request::Call(link) = request {
            counter.say(Wish::CallLink { text: link.to_string(), media: BOTH });
        }
    }
}

/// Everything that is read before a window opens.
pub struct Prepared {
    options: Options,
    profile: Profile,
    identity: Identity,
    loaded: Loaded,
}

impl Prepared {
    /// Reads it. A key that is damaged is the only thing that nothing can go on without.
    pub fn new(options: Options) -> anyhow::Result<Self> {
        let profile = Profile::at(options.profile.as_deref())?;
        let identity = profile.identity()?;
        let loaded = Loaded::read(&profile);
        Ok(Self { options, profile, identity, loaded })
    }

    /// No window is to be seen at first.
    pub fn is_hidden(&self) -> bool {
        self.options.hidden || self.loaded.choices.preferences.start_hidden
    }

    /// Starts everything but the window, which is woken by `wake` whenever something is new.
    pub fn start(self, runtime: &Runtime, wake: Box<dyn Fn() + Send + Sync>) -> anyhow::Result<Running> {
        let (counter, ends) = Counter::new(wake);
        let counter = Arc::new(counter);
        if let Some(text) = self.options.link.clone() {
            counter.say(Wish::CallLink { text, media: BOTH });
        }
        let runner = Runner::new(self, runtime.handle().clone(), counter.clone(), ends)?;
        Ok(Running { counter, task: runtime.spawn(runner.run()) })
    }
}

/// Everything but the window.
pub struct Running {
    /// Where the window comes to.
    pub counter: Arc<Counter>,
    task: JoinHandle<()>,
}

impl Running {
    /// Whatever closed the window: the other side is told, and what is kept is written.
    pub async fn end(mut self) {
        self.counter.say(Wish::Quit);
        if timeout(END_WITHIN, &mut self.task).await.is_err() {
            tracing::error!("the program did not end cleanly in time");
        }
    }
}
