//! Where the window and the task that owns the desk meet: the newest snapshot lies here, and wishes are left here.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

use crate::{
    logic::desk::{Heard, Snapshot, Wish},
    ui::{scene::Loudness, window},
};

/// Wishes waiting for the desk. When it is full the next one is refused, and logged: a person does not press that fast.
const WISHES: usize = 256;
/// News of helpers waiting for the desk. When it is full whoever has news waits.
const NEWS: usize = 64;

/// Held by the window.
pub struct Counter {
    newest: Mutex<Arc<Snapshot>>,
    wishes: mpsc::Sender<Wish>,
    news: mpsc::Sender<Heard>,
    wake: Box<dyn Fn() + Send + Sync>,
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
        (Self { newest: Mutex::default(), wishes, news, wake }, Ends { wishes: wished, news: told })
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
        Loudness::default()
    }

    fn wish(&self, wish: Wish) {
        self.say(wish);
    }
}
