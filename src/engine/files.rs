//! The files of a call: a thread of its own between the loop, the disk and the channel.
//!
//! What happens is decided by [`Files`]. A disk may take its time, so it is asked here and nowhere else; and what comes over the
//! channel need not pass the loop. Orders and sealed words come from the loop, and news go back to it: it is nudged.

mod disk;

use std::{
    collections::VecDeque,
    io,
    path::PathBuf,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use sightline_protocol::call::FileStep;
use tokio::sync::Notify;

use crate::logic::{
    course::Role,
    desk::Transfer,
    files::{Effect, Event, FileOrder, Files},
};

use self::disk::Disk;
use super::{
    clock::Clock,
    ports::{FrameSink, FrameTaker},
    room::RoomInUse,
    thread::Thread,
};

/// Orders and words that wait for the thread. One more is let go and logged: the disk hangs, or the other side babbles.
const INBOX: usize = 1024;
/// Bytes of frames that wait for it. What is more is let go; who sent it says it again.
const FRAME_BYTES: usize = 1024 * 1024;
/// Words that wait for the loop. While there are so many, nothing more is taken from the inbox.
const WORDS: usize = 256;
/// Between two looks at whether there is room for words, and at what the path has room for.
const LOOK: Duration = Duration::from_millis(100);

/// The loop's end.
pub(super) struct FileDesk {
    shared: Arc<Shared>,
    thread: Option<Thread>,
}

/// What the loop is to do.
#[derive(Debug, Default)]
pub(super) struct FileNews {
    /// To be said to the other side, sealed; the first first.
    pub(super) words: VecDeque<(u32, FileStep)>,
    /// How all files stand, where that changed.
    pub(super) transfers: Option<Arc<[Transfer]>>,
    /// What could not be done, in words.
    pub(super) problems: Vec<String>,
}

/// What the loop wants.
enum Wish {
    Offer(PathBuf),
    Order(u64, FileOrder),
    Said(u32, FileStep),
}

struct Shared {
    inbox: Mutex<Inbox>,
    filled: Condvar,
    news: Mutex<FileNews>,
    nudge: Arc<Notify>,
}

#[derive(Default)]
struct Inbox {
    wishes: VecDeque<Wish>,
    frames: VecDeque<Bytes>,
    frame_bytes: usize,
    channel: Option<(u32, Arc<dyn FrameSink>)>,
    is_connected: bool,
    /// The channel may be another, or have opened or closed.
    has_changed: bool,
    is_over: bool,
}

/// What the thread was woken with.
struct Woken {
    wishes: VecDeque<Wish>,
    frames: VecDeque<Bytes>,
    channel: Option<(u32, Arc<dyn FrameSink>)>,
    is_over: bool,
}

impl FileDesk {
    /// Of a call that has not begun yet. `nudge` is told when there is news.
    pub(super) fn new(nudge: Arc<Notify>) -> Self {
        let shared =
            Shared { inbox: Mutex::default(), filled: Condvar::new(), news: Mutex::default(), nudge };
        Self { shared: Arc::new(shared), thread: None }
    }

    /// Begins, once.
    pub(super) fn start(&mut self, role: Role, room: Arc<RoomInUse>, clock: Clock) -> io::Result<()> {
        if self.thread.is_none() {
            let worker = Worker {
                shared: self.shared.clone(),
                files: Files::new(role),
                disk: Disk::default(),
                room,
                clock,
            };
            self.thread = Some(Thread::spawn("files", move || worker.run())?);
        }
        Ok(())
    }

    /// Somebody wants to give a file.
    pub(super) fn offer(&self, path: PathBuf) {
        self.shared.wish(Wish::Offer(path));
    }

    /// Somebody wants something done about a file.
    pub(super) fn order(&self, id: u64, order: FileOrder) {
        self.shared.wish(Wish::Order(id, order));
    }

    /// The other side says something about a file.
    pub(super) fn hear(&self, file: u32, step: FileStep) {
        self.shared.wish(Wish::Said(file, step));
    }

    /// The call is carried by that leg now.
    pub(super) fn take_into_use(&self, generation: u32, channel: Arc<dyn FrameSink>) {
        self.shared.change(|inbox| {
            inbox.channel = Some((generation, channel));
            inbox.has_changed = true;
        });
    }

    /// Whether anything is carried at all.
    pub(super) fn set_connected(&self, is_connected: bool) {
        self.shared.change(|inbox| {
            inbox.is_connected = is_connected;
            inbox.has_changed = true;
        });
    }

    /// Where frames that came are put.
    pub(super) fn taker(&self) -> Arc<dyn FrameTaker> {
        self.shared.clone()
    }

    /// What is to be done.
    pub(super) fn take_news(&self) -> FileNews {
        std::mem::take(&mut *self.shared.news())
    }

    /// What could not be said comes back, and is said before everything else the next time.
    pub(super) fn put_back(&self, mut words: VecDeque<(u32, FileStep)>) {
        let mut news = self.shared.news();
        words.append(&mut news.words);
        news.words = words;
    }

    /// The call is over: no more is done, and what is not whole goes.
    pub(super) fn stop(&self) {
        self.shared.change(|inbox| {
            inbox.is_over = true;
            inbox.channel = None;
        });
    }

    /// Waits for its end, and says how all files stand. Blocks: not for the loop.
    pub(super) fn finish(&mut self) -> Option<Arc<[Transfer]>> {
        self.stop();
        self.thread = None;
        self.take_news().transfers
    }
}

impl Shared {
    fn wish(&self, wish: Wish) {
        self.change(|inbox| {
            if inbox.wishes.len() < INBOX {
                inbox.wishes.push_back(wish);
            } else {
                tracing::warn!("files: too much waits for the disk; something is let go");
            }
        });
    }

    fn change(&self, change: impl FnOnce(&mut Inbox)) {
        change(&mut self.inbox());
        self.filled.notify_one();
    }

    /// Waits for something, but not longer than that.
    fn wait(&self, limit: Option<Duration>, may_take: bool) -> Woken {
        let is_idle = |inbox: &mut Inbox| {
            let has_some = may_take && !(inbox.wishes.is_empty() && inbox.frames.is_empty());
            !(has_some || inbox.is_over || std::mem::take(&mut inbox.has_changed))
        };
        let inbox = self.inbox();
        let mut inbox = match limit {
            Some(limit) => {
                self.filled
                    .wait_timeout_while(inbox, limit, is_idle)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0
            }
            None => self.filled.wait_while(inbox, is_idle).unwrap_or_else(PoisonError::into_inner),
        };
        let (wishes, frames) = if may_take {
            inbox.frame_bytes = 0;
            (std::mem::take(&mut inbox.wishes), std::mem::take(&mut inbox.frames))
        } else {
            Default::default()
        };
        let channel = inbox.channel.clone().filter(|(_, channel)| inbox.is_connected && channel.is_open());
        Woken { wishes, frames, channel, is_over: inbox.is_over }
    }

    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn news(&self) -> MutexGuard<'_, FileNews> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FrameTaker for Shared {
    fn take(&self, frame: Bytes) {
        self.change(|inbox| {
            if inbox.frame_bytes + frame.len() <= FRAME_BYTES {
                inbox.frame_bytes += frame.len();
                inbox.frames.push_back(frame);
            }
        });
    }

    fn look(&self) {
        self.change(|inbox| inbox.has_changed = true);
    }
}

struct Worker {
    shared: Arc<Shared>,
    files: Files,
    disk: Disk,
    room: Arc<RoomInUse>,
    clock: Clock,
}

impl Worker {
    fn run(mut self) {
        loop {
            let may_take = self.shared.news().words.len() < WORDS;
            let due = self.files.poll_timeout().map(|(at, _)| at.saturating_duration_since(self.clock.now()));
            let limit = if may_take { due } else { Some(due.map_or(LOOK, |due| due.min(LOOK))) };
            let woken = self.shared.wait(limit, may_take);
            if woken.is_over {
                self.happen(Event::Over, None);
                return;
            }
            let channel = woken.channel.as_ref();
            let sink = channel.map(|(_, sink)| &**sink);
            self.happen(Event::Channel(channel.map(|(generation, _)| *generation)), sink);
            self.happen(Event::Media(self.room.look().target_bps), sink);
            for wish in woken.wishes {
                match wish {
                    Wish::Offer(path) => self.offer(path, sink),
                    Wish::Order(id, order) => self.happen(Event::Order(id, order), sink),
                    Wish::Said(file, step) => self.happen(Event::Said(file, step), sink),
                }
            }
            for frame in woken.frames {
                self.happen(Event::Frame(frame), sink);
            }
            self.files.handle_timeout(self.clock.now());
            self.carry_out(sink);
        }
    }

    fn offer(&mut self, path: PathBuf, sink: Option<&dyn FrameSink>) {
        let now = self.clock.now();
        let offered = Disk::look_at(&path).and_then(|found| {
            let file = self.files.offer(&found.name, found.size, now)?;
            self.disk.keep(file, found);
            Ok(())
        });
        if let Err(why) = offered {
            self.shared.news().problems.push(why);
            self.shared.nudge.notify_one();
        }
        self.files.handle_timeout(now);
        self.carry_out(sink);
    }

    fn happen(&mut self, event: Event, sink: Option<&dyn FrameSink>) {
        self.files.handle(event, self.clock.now());
        self.carry_out(sink);
    }

    fn carry_out(&mut self, sink: Option<&dyn FrameSink>) {
        while let Some(effect) = self.files.poll_effect() {
            let answer = match effect {
                Effect::Say(file, step) => {
                    self.shared.news().words.push_back((file, step));
                    self.shared.nudge.notify_one();
                    None
                }
                Effect::Send(frame) => {
                    let is_taken = sink.is_some_and(|sink| sink.send(frame.clone()));
                    (!is_taken).then_some(Event::NotTaken(frame))
                }
                Effect::Make { file, folder, name } => Some(
                    self.disk.make(file, &folder, &name).map_or_else(trouble(file), |()| Event::Made(file)),
                ),
                Effect::Write { file, bytes } => self.disk.write(file, &bytes).map_err(trouble(file)).err(),
                Effect::Finish { file } => Some(
                    self.disk.finish(file).map_or_else(trouble(file), |path| Event::Finished { file, path }),
                ),
                Effect::Discard { file } => {
                    self.disk.discard(file);
                    None
                }
                Effect::Read { file, at, len } => {
                    Some(self.disk.read(file, at, len).map_or_else(trouble(file), |bytes| Event::Read {
                        file,
                        at,
                        bytes,
                    }))
                }
                Effect::Close { file } => {
                    self.disk.close(file);
                    None
                }
                Effect::Tell(transfers) => {
                    self.shared.news().transfers = Some(transfers);
                    self.shared.nudge.notify_one();
                    None
                }
            };
            if let Some(event) = answer {
                self.files.handle(event, self.clock.now());
            }
        }
    }
}

fn trouble(file: u32) -> impl FnOnce(String) -> Event {
    move |why| Event::Trouble { file, why }
}
