//! The program with a window: puts desk, engine, files and glass together.
//!
//! The window has the main thread, because systems want it so. Everything else runs on a runtime of its own, in one task
//! (`runner`) that owns the desk: wishes, what the engine tells and what helpers found come to it one after the other. It
//! publishes the newest snapshot (`counter`) and wakes the window.
//!
//! * `runner` the task; `translate` its words for the engine's.
//! * `counter` where window and task meet.
//! * `files` what is read at the start and kept afterwards; `choices` how settings become a file that people may edit.

mod choices;
mod counter;
mod files;
mod runner;
mod translate;

use std::{io::Write as _, net::IpAddr, path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context as _;
use sightline_protocol::{call::Media, keys::Identity};
use tokio::{
    runtime::{Builder, Runtime},
    task::JoinHandle,
    time::timeout,
};

use crate::{
    adapters::synthetic::{AudioChoice, VideoChoice},
    logic::desk::Wish,
    settings::Profile,
    ui::window,
};

pub use counter::Counter;
use files::Loaded;
use runner::Runner;

/// The program could not do what it was asked for.
const CANNOT: u8 = 2;
/// How long the last words and the last files may take when everything ends.
const END_WITHIN: Duration = Duration::from_secs(8);

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
    let hidden = prepared.is_hidden();
    let mut running = None;
    let opened = window::run(
        |wake| {
            let started = prepared.start(&runtime, wake);
            let counter = started.counter.clone();
            running = Some(started);
            Box::new(counter)
        },
        hidden,
    );
    if let Some(running) = running {
        runtime.block_on(running.end());
    }
    // A name that nobody answers for keeps a thread of the system busy for longer than anybody wants to wait.
    runtime.shutdown_background();
    Ok(opened?)
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
    pub fn start(self, runtime: &Runtime, wake: Box<dyn Fn() + Send + Sync>) -> Running {
        let (counter, ends) = Counter::new(wake);
        let counter = Arc::new(counter);
        if let Some(text) = self.options.link.clone() {
            counter.say(Wish::CallLink { text, media: Media { audio: true, video: true } });
        }
        let runner = Runner::new(self, runtime.handle().clone(), counter.clone(), ends);
        Running { counter, task: runtime.spawn(runner.run()) }
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
