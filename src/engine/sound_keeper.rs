//! The thread that opens, closes, watches and lists the sound devices of one kind.
//!
//! Opening may take hundreds of milliseconds and listing tens, so neither is for a sound thread or for the loop. A device is
//! open while a call uses it and not longer. What to open is decided by a [`Keeper`]; here it is done.

use std::{
    collections::VecDeque,
    io,
    marker::PhantomData,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    time::{Duration, Instant},
};

use tokio::sync::mpsc;

use crate::logic::devices::{Cause, Choice, Device, DeviceId, DeviceKind, Effect, Event, Keeper};

use super::{
    clock::Clock,
    ports::{
        DeviceNews,
        sound::{MakeDevices, OpenSound, SoundDevices},
    },
    ring::{Bell, Gauge, from_microphone, to_speaker},
    seat::Seat,
    sound_in::LiveIn,
    sound_out::LiveOut,
    thread::{Stop, Thread},
};

/// Wishes waiting for the thread. When it is full the next is refused; it is full only while a device is opened.
const ORDERS: usize = 16;
/// News kept for an engine that does not take them. When there are more, the oldest are forgotten.
const UNTOLD: usize = 16;
/// How often it is looked how the device does.
const LOOK: Duration = Duration::from_millis(100);
/// A device that passes nothing for so long is dead.
const SILENCE: Duration = Duration::from_millis(500);
/// The first time it may take longer: a sound server that was idle wakes up first. PulseAudio's null sink has then played two
/// seconds of silence in advance, and takes nothing until they are over.
const FIRST_SILENCE: Duration = Duration::from_secs(3);
/// How often frames are counted.
const COUNTED_OVER: Duration = Duration::from_secs(3);
/// Where fewer than this share of its frames pass, this computer does not keep up with a device, and is given more time.
const LEAST_SHARE: f64 = 0.97;
/// What a device gives or takes at once, to begin with.
const BUFFER: Duration = Duration::from_millis(10);
/// The most: beyond that it is the delay that disturbs.
const MOST_BUFFER: Duration = Duration::from_millis(40);
/// Errors without a sample in between, after which a device is dead. Some report thousands a second then.
const MOST_ERRORS: u64 = 50;

/// Which device is to be opened, and for whom.
pub(super) struct Request<'a> {
    id: &'a DeviceId,
    buffer: Duration,
    bell: Arc<Bell>,
    clock: Clock,
}

/// A kind of sound devices.
pub(super) trait Side: 'static {
    type Live: Send;
    const KIND: DeviceKind;
    const THREAD: &'static str;
    /// The numbers to watch a stream by.
    const GAUGE: fn(&Self::Live) -> Arc<Gauge>;
    /// What keeps a device open, and what a sound thread gets of it.
    fn open(devices: &mut dyn SoundDevices, request: Request<'_>) -> Result<(OpenSound, Self::Live), Cause>;
}

/// Microphones.
pub(super) struct Microphones;

impl Side for Microphones {
    type Live = LiveIn;
    const KIND: DeviceKind = DeviceKind::Microphone;
    const THREAD: &'static str = "microphone";
    const GAUGE: fn(&LiveIn) -> Arc<Gauge> = LiveIn::gauge;

    fn open(devices: &mut dyn SoundDevices, request: Request<'_>) -> Result<(OpenSound, LiveIn), Cause> {
        let (end, hearing) = from_microphone(request.bell, request.clock);
        let sound = devices.open_microphone(request.id, end, request.buffer)?;
        let live = LiveIn::new(hearing, sound.rate_hz)?;
        Ok((sound, live))
    }
}

/// Speakers.
pub(super) struct Speakers;

impl Side for Speakers {
    type Live = LiveOut;
    const KIND: DeviceKind = DeviceKind::Speaker;
    const THREAD: &'static str = "speaker";
    const GAUGE: fn(&LiveOut) -> Arc<Gauge> = LiveOut::gauge;

    fn open(devices: &mut dyn SoundDevices, request: Request<'_>) -> Result<(OpenSound, LiveOut), Cause> {
        let (end, playing) = to_speaker(request.bell, request.clock);
        let sound = devices.open_speaker(request.id, end, request.buffer)?;
        let live = LiveOut::new(playing, sound.rate_hz, request.clock)?;
        Ok((sound, live))
    }
}

enum Order<S: Side> {
    Use(Choice),
    Sit(Arc<Seat<Box<S::Live>>>),
}

/// Keeps a sound device of one kind.
pub(super) struct SoundKeeper<S: Side> {
    orders: SyncSender<Order<S>>,
    stop: Stop,
    _thread: Thread,
}

impl<S: Side> SoundKeeper<S> {
    pub(super) fn start(
        wish: Choice,
        make: MakeDevices,
        news: mpsc::Sender<DeviceNews>,
        clock: Clock,
    ) -> io::Result<Self> {
        let (orders, taken) = sync_channel(ORDERS);
        let stop = Stop::default();
        let asked = stop.clone();
        let thread = Thread::spawn(S::THREAD, move || {
            let mut work = Work::<S>::new(make(), wish, news, clock);
            work.keeper.handle(Event::Rest, clock.now());
            work.run(&taken, &asked);
        })?;
        Ok(Self { orders, stop, _thread: thread })
    }

    /// Another device, now and from now on.
    pub(super) fn use_device(&self, choice: Choice) {
        if self.orders.try_send(Order::Use(choice)).is_err() {
            tracing::warn!(kind = %S::KIND, "a wish for another device came while too many were waiting");
        }
    }

    /// A place at which a stream of the device will be found, as long as somebody sits there.
    pub(super) fn sit(&self) -> Arc<Seat<Box<S::Live>>> {
        let seat = Arc::<Seat<_>>::default();
        if self.orders.try_send(Order::Sit(seat.clone())).is_err() {
            tracing::error!(kind = %S::KIND, "the device was not asked for: its thread does not answer");
        }
        seat
    }
}

impl<S: Side> Drop for SoundKeeper<S> {
    fn drop(&mut self) {
        self.stop.stop();
    }
}

struct Open {
    sound: OpenSound,
    gauge: Arc<Gauge>,
    since: Instant,
    /// When frames were last counted, and how many there were.
    counted: (Instant, u64),
}

impl Open {
    /// Whether far fewer frames pass than should; asked again and again.
    fn starves(&mut self, now: Instant) -> bool {
        let (since, before) = self.counted;
        let passed = now.saturating_duration_since(since);
        if passed < COUNTED_OVER {
            return false;
        }
        let frames = self.gauge.frames();
        self.counted = (now, frames);
        let due = passed.as_secs_f64() * f64::from(self.sound.rate_hz);
        now.saturating_duration_since(self.since) >= FIRST_SILENCE + COUNTED_OVER
            && ((frames - before) as f64) < due * LEAST_SHARE
    }
}

struct Work<S: Side> {
    devices: Box<dyn SoundDevices>,
    keeper: Keeper,
    clock: Clock,
    news: mpsc::Sender<DeviceNews>,
    untold: VecDeque<DeviceNews>,
    listed: Option<Vec<Device>>,
    /// Why listing did not work the last time; said once.
    trouble: Option<String>,
    list_next: Instant,
    /// Somebody has asked for another device, which was not tried yet.
    wished: bool,
    seat: Option<Arc<Seat<Box<S::Live>>>>,
    buffer: Duration,
    open: Option<Open>,
    side: PhantomData<S>,
}

impl<S: Side> Work<S> {
    fn new(
        devices: Box<dyn SoundDevices>,
        wish: Choice,
        news: mpsc::Sender<DeviceNews>,
        clock: Clock,
    ) -> Self {
        Self {
            devices,
            keeper: Keeper::new(S::KIND, wish),
            clock,
            news,
            untold: VecDeque::new(),
            listed: None,
            trouble: None,
            list_next: clock.now(),
            wished: false,
            seat: None,
            buffer: BUFFER,
            open: None,
            side: PhantomData,
        }
    }

    fn run(mut self, orders: &Receiver<Order<S>>, stop: &Stop) {
        while !stop.is_set() {
            let now = self.clock.now();
            if now >= self.list_next {
                self.list(now);
            }
            if self.seat.take_if(|seat| seat.is_left()).is_some() {
                self.keeper.handle(Event::Rest, now);
            }
            if let Some(cause) = self.death(now) {
                // The list first: what is no longer there was unplugged, and did not just fall silent.
                self.list(now);
                self.put(None);
                self.keeper.handle(Event::Died(cause), now);
            }
            self.give_more_time(now);
            if self.keeper.poll_timeout().is_some_and(|(at, _)| at <= now) {
                self.keeper.handle_timeout(now);
            }
            self.carry_out();
            self.tell();
            match orders.recv_timeout(LOOK) {
                Ok(Order::Use(choice)) => {
                    self.wished = true;
                    self.keeper.handle(Event::Wish(choice), self.clock.now());
                }
                Ok(Order::Sit(seat)) => {
                    // Rings are made for one seat; another gets its own.
                    self.keeper.handle(Event::Rest, self.clock.now());
                    self.carry_out();
                    (self.seat, self.buffer) = (Some(seat), BUFFER);
                    self.list(self.clock.now());
                    self.keeper.handle(Event::Wake, self.clock.now());
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.put(None);
    }

    fn list(&mut self, now: Instant) {
        self.list_next = now + self.devices.list_every();
        match self.devices.list(S::KIND) {
            Ok(devices) => {
                self.trouble = None;
                if self.listed.as_ref() != Some(&devices) {
                    self.listed = Some(devices.clone());
                    self.untold.push_back(DeviceNews::Listed(S::KIND, devices.clone()));
                    self.keeper.handle(Event::Listed(devices), now);
                }
            }
            Err(why) if self.trouble.as_ref() != Some(&why) => {
                tracing::warn!(kind = %S::KIND, why, "sound devices could not be listed; it is tried again");
                self.trouble = Some(why);
            }
            Err(_) => {}
        }
    }

    fn death(&self, now: Instant) -> Option<Cause> {
        let Open { gauge, since, .. } = self.open.as_ref()?;
        if let Some(cause) = gauge.fatal() {
            return Some(cause);
        }
        let now_us = self.clock.media(now).as_micros();
        let silent = Duration::from_micros(now_us.saturating_sub(gauge.called_us()));
        let is_young = now.saturating_duration_since(*since) < FIRST_SILENCE;
        ((silent > SILENCE && !is_young) || gauge.errors() > MOST_ERRORS).then_some(Cause::Silent)
    }

    fn carry_out(&mut self) {
        while let Some(effect) = self.keeper.poll_effect() {
            match effect {
                Effect::Open(device) => {
                    let opened = match self.open(&device) {
                        // Whoever asks for it may ask for the same card by another name. At any other time what is
                        // busy never interrupts what is in use.
                        Err(Cause::Busy) if self.wished && self.open.is_some() => {
                            let opened = self.open_instead(&device);
                            if opened.is_err() {
                                self.keeper.handle(Event::Died(Cause::Silent), self.clock.now());
                            }
                            opened
                        }
                        opened => opened,
                    };
                    self.wished = false;
                    let event = match opened {
                        Ok(()) => Event::Opened,
                        Err(cause) => {
                            tracing::debug!(kind = %S::KIND, device = device.name, ?cause, "a device was not opened");
                            Event::Failed(cause)
                        }
                    };
                    self.keeper.handle(event, self.clock.now());
                }
                Effect::Close => self.put(None),
                Effect::Tell(in_use) => self.untold.push_back(DeviceNews::InUse(in_use)),
            }
        }
    }

    /// A larger buffer, where the smaller one was not enough for a computer that has much to do.
    fn give_more_time(&mut self, now: Instant) {
        let starves = self.open.as_mut().is_some_and(|open| open.starves(now));
        let Some(device) = self.keeper.in_use().cloned() else { return };
        if !starves || self.buffer >= MOST_BUFFER {
            return;
        }
        self.buffer = (self.buffer * 2).min(MOST_BUFFER);
        tracing::info!(kind = %S::KIND, device = device.name, buffer = ?self.buffer, "the device gets a larger buffer");
        let opened = match self.open(&device) {
            Err(Cause::Busy) => self.open_instead(&device),
            opened => opened,
        };
        if let Err(cause) = opened {
            self.put(None);
            self.keeper.handle(Event::Died(cause), now);
        }
    }

    /// Closes what is open first. A card of ALSA's that nothing mixes for is open once and not twice, and then it is this
    /// program itself that keeps it busy.
    fn open_instead(&mut self, device: &Device) -> Result<(), Cause> {
        self.put(None);
        self.open(device)
    }

    fn open(&mut self, device: &Device) -> Result<(), Cause> {
        let Some(seat) = &self.seat else { return Err(Cause::Silent) };
        let (bell, clock) = (seat.bell.clone(), self.clock);
        let request = Request { id: &device.id, buffer: self.buffer, bell, clock };
        let (sound, live) = S::open(&mut *self.devices, request)?;
        let (now, gauge) = (self.clock.now(), S::GAUGE(&live));
        self.put(Some((Box::new(live), Open { sound, gauge, since: now, counted: (now, 0) })));
        Ok(())
    }

    /// What was in use before is closed when the new one is in its place.
    fn put(&mut self, stream: Option<(Box<S::Live>, Open)>) {
        let (live, open) = stream.unzip();
        if let Some(seat) = &self.seat {
            seat.put(live);
        }
        self.open = open;
    }

    fn tell(&mut self) {
        while let Some(news) = self.untold.pop_front() {
            if let Err(mpsc::error::TrySendError::Full(news)) = self.news.try_send(news) {
                self.untold.push_front(news);
                break;
            }
        }
        while self.untold.len() > UNTOLD {
            self.untold.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use crate::engine::ports::sound::{MicrophoneEnd, SoundStream, SpeakerEnd};

    use super::*;

    /// Speakers of one card that nothing mixes for: open once and not twice, whatever they are called.
    struct Card(Arc<AtomicUsize>);

    struct Playing(Arc<AtomicUsize>);

    impl SoundStream for Playing {}

    impl Drop for Playing {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }

    impl SoundDevices for Card {
        fn list(&mut self, kind: DeviceKind) -> Result<Vec<Device>, String> {
            let named = |name: &str, is_default| {
                let id = DeviceId::new(name);
                Device { kind, id, name: name.to_owned(), is_default }
            };
            Ok(vec![named("mixer", true), named("card", false), named("held", false)])
        }

        fn open_microphone(
            &mut self,
            _: &DeviceId,
            _: MicrophoneEnd,
            _: Duration,
        ) -> Result<OpenSound, Cause> {
            Err(Cause::Absent)
        }

        fn open_speaker(&mut self, id: &DeviceId, _: SpeakerEnd, _: Duration) -> Result<OpenSound, Cause> {
            if id.as_str() == "held" || self.0.load(Ordering::SeqCst) > 0 {
                return Err(Cause::Busy);
            }
            self.0.fetch_add(1, Ordering::SeqCst);
            Ok(OpenSound { stream: Box::new(Playing(self.0.clone())), rate_hz: 48_000 })
        }
    }

    /// With the mixer in use, and what it tells.
    fn keeper() -> (Work<Speakers>, Arc<AtomicUsize>, mpsc::Receiver<DeviceNews>) {
        let (clock, open) = (Clock::start(), Arc::<AtomicUsize>::default());
        let (news, told) = mpsc::channel(UNTOLD);
        let mut work = Work::<Speakers>::new(Box::new(Card(open.clone())), Choice::Default, news, clock);
        work.seat = Some(Arc::default());
        work.list(clock.now());
        work.carry_out();
        (work, open, told)
    }

    fn in_use(work: &Work<Speakers>) -> &str {
        work.keeper.in_use().map_or("nothing", |device| &device.name)
    }

    #[test]
    fn the_same_card_by_another_name_is_no_other_program() {
        let (mut work, open, _told) = keeper();
        assert_eq!(in_use(&work), "mixer");
        work.wished = true;
        work.keeper.handle(Event::Wish(Choice::Id(DeviceId::new("card"))), work.clock.now());
        work.carry_out();
        assert_eq!((in_use(&work), open.load(Ordering::SeqCst)), ("card", 1));
    }

    #[test]
    fn what_another_program_holds_leaves_us_with_what_we_had() {
        let (mut work, open, _told) = keeper();
        work.wished = true;
        work.keeper.handle(Event::Wish(Choice::Id(DeviceId::new("held"))), work.clock.now());
        work.carry_out();
        assert_eq!((in_use(&work), open.load(Ordering::SeqCst)), ("mixer", 1));
        let said = work.untold.iter().rev().find_map(|news| match news {
            DeviceNews::InUse(in_use) => Some(in_use.words.clone()),
            DeviceNews::Listed(..) => None,
        });
        assert!(said.unwrap().contains("held by another program; using mixer"));
    }

    #[test]
    fn a_card_that_can_be_open_only_once_gets_its_larger_buffer() {
        let (mut work, open, _told) = keeper();
        let later = work.clock.now() + FIRST_SILENCE + COUNTED_OVER + COUNTED_OVER;
        work.give_more_time(later);
        assert_eq!((in_use(&work), open.load(Ordering::SeqCst)), ("mixer", 1));
        assert_eq!(work.buffer, BUFFER * 2);
    }
}
