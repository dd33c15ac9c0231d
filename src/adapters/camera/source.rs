//! Pictures from the camera that is wished for, or from the one that stands in for it.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    engine::{
        ports::{DeviceNews, PictureSource, SourceEnded},
        thread::{Stop, Thread},
    },
    logic::{
        camera_modes::Wanted,
        devices::{Cause, Choice, Device, DeviceId, DeviceKind, Effect, Event, InUse, Keeper},
    },
    media::frame::{Frame, Size},
};

use super::{
    Shared,
    cards::Cards,
    device::{self, Desk, News},
};

/// A camera in use that gives no picture for so long has stalled.
const STALLED: Duration = Duration::from_secs(2);
/// A camera's first picture may take longer: some measure the light before.
const FIRST_PICTURE: Duration = Duration::from_secs(5);
/// How long a camera may take to be closed, before it is opened again or the call ends.
const CLOSING: Duration = Duration::from_millis(800);
/// The longest wait for a picture before it is looked at what else happened.
const SLICE: Duration = Duration::from_millis(100);

/// Pictures from the camera that is wished for.
pub struct CameraSource {
    shared: Arc<Shared>,
    size: Size,
    fps: u32,
    keeper: Keeper,
    choice: Choice,
    listed: Option<Vec<Device>>,
    desk: Arc<Desk>,
    /// Pending reports of the device threads.
    news: VecDeque<(u32, News)>,
    threads: u32,
    in_use: Option<Running>,
    opening: Option<Running>,
    /// Told to stop, and not closed yet.
    closing: Vec<Running>,
    rests: bool,
    cards: Cards,
}

/// A thread with a camera.
struct Running {
    number: u32,
    id: DeviceId,
    stop: Stop,
    thread: Thread,
    /// When its last picture came, or it began.
    heard: Instant,
}

impl CameraSource {
    pub(super) fn new(shared: Arc<Shared>, size: Size, fps: u32) -> Self {
        let choice = shared.common().choice.clone();
        Self {
            keeper: Keeper::new(DeviceKind::Camera, choice.clone()),
            choice,
            listed: None,
            desk: Arc::default(),
            news: VecDeque::new(),
            threads: 0,
            in_use: None,
            opening: None,
            closing: Vec::new(),
            rests: false,
            cards: Cards::new(size),
            shared,
            size,
            fps,
        }
    }

    /// Takes notice of what was wished, what is there, and what has waited long enough.
    fn look(&mut self, now: Instant) {
        let (choice, listed) = {
            let common = self.shared.common();
            let news = |ours: &Option<Vec<Device>>| common.listed.clone().filter(|_| common.listed != *ours);
            (Some(&common.choice).filter(|choice| **choice != self.choice).cloned(), news(&self.listed))
        };
        if let Some(choice) = choice {
            self.choice = choice.clone();
            self.handle(Event::Wish(choice), now);
        }
        if let Some(listed) = listed {
            self.listed = Some(listed.clone());
            let was_in_use = self.in_use.is_some();
            self.handle(Event::Listed(listed), now);
            if was_in_use && self.in_use.is_none() {
                self.cards.note(Cause::Unplugged);
            }
        }
        if self.keeper.poll_timeout().is_some_and(|(at, _)| at <= now) {
            self.keeper.handle_timeout(now);
            self.carry_out(now);
        }
        let overdue = |running: &mut Running, limit| now.saturating_duration_since(running.heard) > limit;
        if let Some(running) = self.in_use.take_if(|running| overdue(running, STALLED)) {
            self.let_go(running);
            self.died(Cause::Silent, now);
        }
        if let Some(running) = self.opening.take_if(|running| overdue(running, FIRST_PICTURE)) {
            self.let_go(running);
            self.failed(Cause::Silent, now);
        }
    }

    fn handle(&mut self, event: Event, now: Instant) {
        self.keeper.handle(event, now);
        self.carry_out(now);
    }

    fn died(&mut self, cause: Cause, now: Instant) {
        self.cards.note(cause.clone());
        self.handle(Event::Died(cause), now);
    }

    fn failed(&mut self, cause: Cause, now: Instant) {
        self.cards.note(cause.clone());
        self.handle(Event::Failed(cause), now);
    }

    fn carry_out(&mut self, now: Instant) {
        while let Some(effect) = self.keeper.poll_effect() {
            match effect {
                Effect::Open(device) => {
                    if let Err(cause) = self.open(&device) {
                        self.cards.note(cause.clone());
                        self.keeper.handle(Event::Failed(cause), now);
                    }
                }
                Effect::Close => {
                    if let Some(running) = self.in_use.take() {
                        self.let_go(running);
                    }
                }
                Effect::Tell(in_use) => self.tell(in_use),
            }
        }
    }

    fn tell(&self, in_use: InUse) {
        tracing::info!(words = in_use.words, "camera");
        self.shared.tell(DeviceNews::InUse(in_use));
    }

    fn open(&mut self, device: &Device) -> Result<(), Cause> {
        // Nobody else has it as long as we have; and it gives its handle back in its own time.
        if !self.wait_until_closed(|running| running.id == device.id) {
            return Err(Cause::Silent);
        }
        self.threads += 1;
        let (number, stop) = (self.threads, Stop::default());
        let work = device::Work {
            number,
            driver: self.shared.driver.clone(),
            id: device.id.clone(),
            wanted: Wanted {
                width: self.size.width() as u32,
                height: self.size.height() as u32,
                fps: self.fps,
            },
            clock: self.shared.clock,
            desk: self.desk.clone(),
            stop: stop.clone(),
        };
        let thread = Thread::spawn("camera-device", move || work.run())
            .map_err(|error| Cause::Broken(error.to_string()))?;
        let heard = self.shared.clock.now();
        self.opening = Some(Running { number, id: device.id.clone(), stop, thread, heard });
        Ok(())
    }

    fn let_go(&mut self, running: Running) {
        running.stop.stop();
        self.closing.push(running);
    }

    /// Whether those that are meant were closed in time.
    fn wait_until_closed(&mut self, meant: impl Fn(&Running) -> bool) -> bool {
        let until = self.shared.clock.now() + CLOSING;
        loop {
            self.take_closed();
            if !self.closing.iter().any(&meant) {
                return true;
            }
            let left = until.saturating_duration_since(self.shared.clock.now());
            if left.is_zero() {
                return false;
            }
            // Whoever waits for an end has no use for pictures; and while one lies there, nobody waits.
            self.desk.take_picture();
            self.desk.wait(left);
        }
    }

    /// Takes what was left on the desk; of that, what was told to stop and has is done with.
    fn take_closed(&mut self) {
        self.news.extend(self.desk.take_news());
        self.news.retain(|(number, news)| {
            let stopped = self.closing.iter().position(|running| running.number == *number);
            match (news, stopped) {
                (News::Closed, Some(at)) => {
                    drop(self.closing.swap_remove(at));
                    false
                }
                (News::Closed | News::Ended(_), _) => true,
            }
        });
    }

    fn take_news(&mut self, now: Instant) {
        self.take_closed();
        while let Some((number, news)) = self.news.pop_front() {
            let cause = match news {
                News::Ended(cause) => cause,
                News::Closed => Cause::Broken("its driver failed".to_owned()),
            };
            let is_it = |running: &mut Running| running.number == number;
            if let Some(running) = self.in_use.take_if(is_it) {
                self.let_go(running);
                self.take_closed();
                self.died(cause, now);
            } else if let Some(running) = self.opening.take_if(is_it) {
                self.let_go(running);
                self.take_closed();
                self.failed(cause, now);
            }
        }
    }

    fn take_picture(&mut self, now: Instant) -> Option<Frame> {
        let (number, picture) = self.desk.take_picture()?;
        if self.opening.as_ref().is_some_and(|running| running.number == number) {
            if let Some(before) = self.in_use.take() {
                self.let_go(before);
            }
            self.in_use = self.opening.take();
            self.handle(Event::Opened, now);
        }
        let running = self.in_use.as_mut().filter(|running| running.number == number)?;
        running.heard = now;
        self.cards.note_picture(now);
        Some(picture)
    }
}

impl PictureSource for CameraSource {
    fn next(&mut self) -> Result<Option<Frame>, SourceEnded> {
        let now = self.shared.clock.now();
        if std::mem::take(&mut self.rests) {
            self.handle(Event::Wake, now);
        }
        self.look(now);
        let until = now + SLICE;
        loop {
            let now = self.shared.clock.now();
            self.take_news(now);
            if let Some(picture) = self.take_picture(now) {
                return Ok(Some(picture));
            }
            if now >= until {
                break;
            }
            self.desk.wait(until - now);
        }
        let now = self.shared.clock.now();
        Ok(self.cards.due(now).map(|card| card.captured_at(self.shared.clock.media(now))))
    }

    fn rest(&mut self) {
        let now = self.shared.clock.now();
        if !std::mem::replace(&mut self.rests, true) {
            self.handle(Event::Rest, now);
            if let Some(running) = self.opening.take() {
                // As if it had opened, and were closed at once.
                self.let_go(running);
                self.handle(Event::Opened, now);
            }
        }
        self.take_closed();
        self.desk.take_picture();
    }
}

impl Drop for CameraSource {
    fn drop(&mut self) {
        for running in self.in_use.take().into_iter().chain(self.opening.take()).collect::<Vec<_>>() {
            self.let_go(running);
        }
        if !self.wait_until_closed(|_| true) {
            for running in self.closing.drain(..) {
                tracing::warn!(camera = %running.id, "a camera does not let itself be closed");
                running.thread.leave();
            }
        }
    }
}
