//! A link that runs: started between two ends, changed and asked while it does, ended when it is dropped.

use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::event::{EventfdFlags, eventfd};
use thiserror::Error;

use crate::cable::Cable;
use crate::change::Change;
use crate::control::Control;
use crate::device::{Device, End};
use crate::drop_log::DropLog;
use crate::pump::{Order, Pump};
use crate::script::{Directions, Script};
use crate::stats::Stats;

/// How many orders wait for the thread. It answers each before the next is given, so more than one comes only from several
/// threads; when it is full they wait.
const ORDERS: usize = 16;

/// How the link begins, and what is written of it.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// From which everything left to chance follows.
    pub seed: u64,
    /// What changes when; a change at nought is how it begins.
    pub script: Script,
    /// Where every drop is written down.
    pub drop_log: Option<PathBuf>,
    /// Where other programs may speak to it, see [`crate::tell`].
    pub control: Option<PathBuf>,
}

/// Two devices and the thread between them. Dropped, both are gone.
#[derive(Debug)]
pub struct Emulator {
    orders: SyncSender<Order>,
    bell: Arc<OwnedFd>,
    outcome: Receiver<Result<(), Error>>,
    thread: Option<JoinHandle<()>>,
}

/// Why there is no link, or no more.
#[derive(Debug, Error)]
pub enum Error {
    /// The system did not let us.
    #[error("{doing} needs the right {right}, which this process has not: run it as root")]
    NotAllowed {
        /// What was tried.
        doing: &'static str,
        /// What is missing.
        right: &'static str,
    },
    /// There is nothing of that name.
    #[error("there is no network namespace at {path}: `ip netns add NAME` makes one")]
    NoNamespace {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// There is something, but it cannot be entered.
    #[error("the network namespace {name} cannot be entered: {source}")]
    Namespace {
        /// What it was called.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// The kernel has no TUN devices.
    #[error(
        "there are no TUN devices here, /dev/net/tun is missing: {source}. `modprobe tun` may bring them"
    )]
    NoTun {
        /// What the system said.
        source: io::Error,
    },
    /// There is a device of that name.
    #[error("there is a device `{device}` in that network namespace already")]
    DeviceTaken {
        /// Its name.
        device: String,
    },
    /// The device cannot be as it was asked for.
    #[error("the device `{device}` cannot be set up: {source}")]
    Device {
        /// Its name.
        device: String,
        /// What the system said.
        source: io::Error,
    },
    /// The device was taken away while the link ran.
    #[error("the device `{device}` is gone: {source}")]
    DeviceGone {
        /// Its name.
        device: String,
        /// What the system said.
        source: io::Error,
    },
    /// The control socket cannot be.
    #[error("the control socket {path} cannot be opened: {source}")]
    Control {
        /// Where it was to be.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Drops cannot be written down.
    #[error("the log of drops cannot be written: {0}")]
    Log(io::Error),
    /// The thread could not be started, or could not wait.
    #[error("the emulator's thread cannot work: {0}")]
    Waiting(io::Error),
    /// It ended before this was asked of it.
    #[error("the emulator has ended")]
    Ended,
}

impl Error {
    /// Which right would have helped, where it is that.
    pub fn missing_right(&self) -> Option<&'static str> {
        if let Self::NotAllowed { right, .. } = self { Some(right) } else { None }
    }
}

impl Emulator {
    /// Makes both devices and carries packets between them until it is dropped. The caller stays in its own namespace.
    pub fn between(a: End, b: End, setup: Setup) -> Result<Self, Error> {
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK);
        let bell = Arc::new(bell.map_err(|error| Error::Waiting(error.into()))?);
        let (orders, received) = sync_channel(ORDERS);
        let (ready, is_ready) = sync_channel(1);
        let (told, outcome) = sync_channel(1);
        let its_bell = Arc::clone(&bell);
        let work = move || {
            let pump = match prepare([a, b], setup, received, its_bell) {
                Ok(pump) => pump,
                Err(error) => {
                    ready.send(Err(error)).ok();
                    return;
                }
            };
            ready.send(Ok(())).ok();
            told.send(pump.run()).ok();
        };
        let thread =
            thread::Builder::new().name("link-emulator".to_owned()).spawn(work).map_err(Error::Waiting)?;
        is_ready.recv().map_err(|_| Error::Ended)??;
        Ok(Self { orders, bell, outcome, thread: Some(thread) })
    }

    /// Changes it; when this returns, it is changed.
    pub fn set(&self, directions: Directions, change: Change) -> Result<(), Error> {
        self.ask(|done| Order::Set(directions, change, done))
    }

    /// What was counted until now. The log of drops is as new as this.
    pub fn stats(&self) -> Result<Stats, Error> {
        self.ask(Order::Stats)
    }

    /// Waits until it ends by itself, at most for so long. Whether it did.
    pub fn wait(&self, longest: Option<Duration>) -> Result<bool, Error> {
        let ended = match longest {
            Some(longest) => self.outcome.recv_timeout(longest),
            None => self.outcome.recv().map_err(RecvTimeoutError::from),
        };
        match ended {
            Ok(outcome) => outcome.map(|()| true),
            Err(RecvTimeoutError::Timeout) => Ok(false),
            Err(RecvTimeoutError::Disconnected) => Err(Error::Ended),
        }
    }

    fn ask<T>(&self, order: impl FnOnce(SyncSender<T>) -> Order) -> Result<T, Error> {
        let (answer, answered) = sync_channel(1);
        self.order(order(answer));
        answered.recv().map_err(|_| self.wait(Some(Duration::ZERO)).err().unwrap_or(Error::Ended))
    }

    /// A thread that has ended hears nothing; whoever waits for its answer notices.
    fn order(&self, order: Order) {
        self.orders.send(order).ok();
        rustix::io::write(&self.bell, &1_u64.to_ne_bytes()).ok();
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.order(Order::End);
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

fn prepare(ends: [End; 2], setup: Setup, orders: Receiver<Order>, bell: Arc<OwnedFd>) -> Result<Pump, Error> {
    let Setup { seed, script, drop_log, control } = setup;
    let log = drop_log.map(|path| DropLog::create(&path)).transpose().map_err(Error::Log)?;
    let control = control
        .map(|path| Control::open(&path).map_err(|source| Error::Control { path, source }))
        .transpose()?;
    let ends = Device::open_both(&ends)?;
    Ok(Pump { cable: Cable::new(seed, script), ends, log, control, orders, bell })
}
