//! Where the window and the task that owns the desk meet: the newest snapshot lies here, and wishes are left here.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::sync::mpsc;

use crate::{
    engine::api::Glass,
    logic::desk::{Heard, Snapshot, Wish},
    ui::{scene::Loudness, window},
};

/// Wishes waiting for the desk. When it is full the next one is refused, and logged: a person does not press that fast.
const WISHES: usize = 256;
/// News of helpers waiting for the desk. When it is full whoever has news waits.
const NEWS: usize = 64;

/// Wakes the window, once there is one.
#[derive(Clone, Default)]
pub(super) struct Waker(Arc<OnceLock<Box<dyn Fn() + Send + Sync>>>);

impl Waker {
    /// There is one now.
    pub(super) fn set(&self, wake: Box<dyn Fn() + Send + Sync>) {
        self.0.set(wake).ok();
    }

    pub(super) fn wake(&self) {
        if let Some(wake) = self.0.get() {
            wake();
        }
    }
}

/// Held by the window.
pub struct Counter {
    newest: Mutex<Arc<Snapshot>>,
    wishes: mpsc::Sender<Wish>,
    news: mpsc::Sender<Heard>,
    wake: Arc<dyn Fn() + Send + Sync>,
    glass: Arc<Glass>,
}

/// Held by the task that owns the desk.
pub(super) struct Ends {
    pub(super) wishes: mpsc::Receiver<Wish>,
    pub(super) news: mpsc::Receiver<Heard>,
}

impl Counter {
    /// Nothing lies here yet.
    pub(super) fn new(wake: Box<dyn Fn() + Send + Sync>) -> (Self, Ends) {
        let (wishes, wished) = mpsc::channel(WISHES);
        let (news, told) = mpsc::channel(NEWS);
        let (wake, glass): (Arc<dyn Fn() + Send + Sync>, _) = (wake.into(), Arc::new(Glass::default()));
        let wakes = wake.clone();
        glass.wake_by(Box::new(move || wakes()));
        let counter = Self { newest: Mutex::default(), wishes, news, wake, glass };
        (counter, Ends { wishes: wished, news: told })
    }

    /// How things stand now.
    pub fn newest(&self) -> Arc<Snapshot> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Somebody wants this. Never waits: `false` where it is refused.
    pub fn say(&self, wish: Wish) -> bool {
        let taken = self.wishes.try_send(wish).is_ok();
        if !taken {
            tracing::warn!("a wish was refused: too many are waiting, or everything has ended");
        }
        taken
    }

    /// Where pictures are seen, and how loud it is.
    pub(super) fn shared_glass(&self) -> Arc<Glass> {
        self.glass.clone()
    }

    /// Where helpers leave their news.
    pub(super) fn news(&self) -> mpsc::Sender<Heard> {
        self.news.clone()
    }

    /// This is how things stand from now on.
    pub(super) fn publish(&self, snapshot: Snapshot) {
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
        (self.wake)();
    }
}

impl window::Desk for Arc<Counter> {
    fn snapshot(&self) -> Arc<Snapshot> {
        self.newest()
    }

    fn loudness(&self) -> Loudness {
        let meters = &self.glass.meters;
        Loudness { here: meters.microphone.now(), there: meters.theirs.now() }
    }

    fn glass(&self) -> Option<&Glass> {
        Some(&self.glass)
    }

    fn wish(&self, wish: Wish) {
        self.say(wish);
    }
}
