//! Plays the app's own sounds on a speaker: a thread that sleeps until something rings.
//!
//! The speaker is opened as a call opens one, by a keeper and a seat of its own, and only while something sounds: a call may
//! use another at the same time. A sound begins when the device does, so that the beginning of a short one is not lost while
//! the device opens. It is stopped within a block of ten milliseconds, faded out in it.

use std::{
    io,
    sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel},
    time::Duration,
};

use tokio::sync::mpsc;

use crate::{
    logic::devices::Choice,
    media::chimes::{Chime, Tune},
};

use super::{
    clock::Clock,
    ports::{SOUND_BLOCK, SoundSink, sound::MakeDevices},
    sound_keeper::{SoundKeeper, Speakers},
    sound_out::SoundOut,
    thread::Thread,
};

/// Wishes waiting for the thread. When it is full the newest is dropped, with a line in the log; it is full only where a
/// device does not open.
const WISHES: usize = 16;
/// A sound that is played once is not worth more waiting for a speaker than this: by then it means nothing.
const GIVES_UP: Duration = Duration::from_secs(3);
/// How long the last of a sound may take out of the device.
const LONGEST_REST: Duration = Duration::from_millis(400);
/// And where it was stopped.
const SHORT_REST: Duration = Duration::from_millis(60);

/// Makes the way to the devices of this computer, each time that something sounds.
pub type Devices = Box<dyn Fn() -> MakeDevices + Send>;

enum Wish {
    Play(Chime),
    Stop,
    Use(Choice),
}

/// Plays the app's own sounds. Dropping it ends the one that sounds.
pub struct Ringer {
    wishes: SyncSender<Wish>,
}

impl Ringer {
    /// Starts the thread; nothing is opened yet.
    pub fn start(choice: Choice, devices: Devices, clock: Clock) -> io::Result<Self> {
        let (wishes, taken) = sync_channel(WISHES);
        let work = Work { wishes: taken, choice, devices, clock };
        // Nobody waits for its end: a device may hang, and the program shall not.
        Thread::spawn("ringer", move || work.run())?.leave();
        Ok(Self { wishes })
    }

    /// This sounds from now on, in the place of what sounded. Never waits.
    pub fn play(&self, chime: Chime) {
        self.wish(Wish::Play(chime));
    }

    /// Nothing sounds any more. Never waits.
    pub fn stop(&self) {
        self.wish(Wish::Stop);
    }

    /// On another speaker, now and from now on. Never waits.
    pub fn use_device(&self, choice: Choice) {
        self.wish(Wish::Use(choice));
    }

    fn wish(&self, wish: Wish) {
        if self.wishes.try_send(wish).is_err() {
            tracing::warn!("a sound of the app was dropped: its thread does not answer");
        }
    }
}

struct Work {
    wishes: Receiver<Wish>,
    choice: Choice,
    devices: Devices,
    clock: Clock,
}

/// What comes after the block that is playing.
enum Next {
    Same,
    Other(Chime),
    Silence,
}

impl Work {
    fn run(mut self) {
        while let Ok(wish) = self.wishes.recv() {
            match wish {
                Wish::Play(chime) => {
                    if let Err(error) = self.sound(chime) {
                        tracing::warn!(%error, "a sound of the app could not be played");
                    }
                }
                Wish::Stop => {}
                Wish::Use(choice) => self.choice = choice,
            }
        }
    }

    /// Until it is over or stopped, and whatever was wished for in its place.
    fn sound(&mut self, chime: Chime) -> io::Result<()> {
        // What becomes of the device is told by the calls that use one; here nobody listens.
        let (news, _) = mpsc::channel(1);
        let keeper = SoundKeeper::<Speakers>::start(self.choice.clone(), (self.devices)(), news, self.clock)?;
        let mut out = SoundOut::new(keeper.sit(), self.clock);
        let mut tune = Tune::new(chime);
        let mut asked = self.clock.now();
        let mut block = [0.0; SOUND_BLOCK];
        let rest = loop {
            out.wait();
            let next = self.next(&keeper);
            // None yet, or one that takes nothing yet: the sound waits with it.
            if !out.has_room() {
                let waited = self.clock.now().saturating_duration_since(asked);
                match next {
                    Next::Silence => break Duration::ZERO,
                    Next::Other(chime) => (tune, asked) = (Tune::new(chime), self.clock.now()),
                    Next::Same if waited > GIVES_UP && !tune.chime().goes_on() => {
                        tracing::info!(chime = ?tune.chime(), "there was no speaker for a sound of the app");
                        break Duration::ZERO;
                    }
                    Next::Same => {}
                }
                continue;
            }
            tune.fill(&mut block);
            if !matches!(next, Next::Same) {
                fade_out(&mut block);
            }
            out.play(&block);
            match next {
                Next::Silence => break SHORT_REST,
                Next::Other(chime) => (tune, asked) = (Tune::new(chime), self.clock.now()),
                Next::Same if tune.is_over() => break LONGEST_REST,
                Next::Same => {}
            }
        };
        self.clock.sleep_until(self.clock.now() + out.delay().min(rest));
        Ok(())
    }

    /// The last of what was wished for meanwhile.
    fn next(&mut self, keeper: &SoundKeeper<Speakers>) -> Next {
        let mut next = Next::Same;
        loop {
            match self.wishes.try_recv() {
                Ok(Wish::Play(chime)) => next = Next::Other(chime),
                Ok(Wish::Stop) => next = Next::Silence,
                Ok(Wish::Use(choice)) => {
                    keeper.use_device(choice.clone());
                    self.choice = choice;
                }
                Err(TryRecvError::Empty) => return next,
                Err(TryRecvError::Disconnected) => return Next::Silence,
            }
        }
    }
}

fn fade_out(block: &mut [f32; SOUND_BLOCK]) {
    for (left, sample) in (1..=SOUND_BLOCK).rev().zip(block) {
        *sample *= left as f32 / SOUND_BLOCK as f32;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    };

    use crate::{
        engine::{
            ports::sound::{MicrophoneEnd, OpenSound, SoundDevices, SoundStream, SpeakerEnd},
            thread::Stop,
        },
        logic::devices::{Cause, Device, DeviceId, DeviceKind},
    };

    use super::*;

    /// A speaker that remembers what it was given, in real time.
    #[derive(Clone, Default)]
    struct Room {
        heard: Arc<Mutex<Vec<f32>>>,
        open: Arc<AtomicUsize>,
        opened: Arc<AtomicUsize>,
    }

    struct Speaker {
        open: Arc<AtomicUsize>,
        stop: Stop,
        _thread: Thread,
    }

    impl SoundStream for Speaker {}

    impl Drop for Speaker {
        fn drop(&mut self) {
            self.stop.stop();
            self.open.fetch_sub(1, Ordering::SeqCst);
        }
    }

    impl SoundDevices for Room {
        fn list(&mut self, kind: DeviceKind) -> Result<Vec<Device>, String> {
            Ok(vec![Device { kind, id: DeviceId::new("room"), name: "Room".to_owned(), is_default: true }])
        }

        fn open_microphone(
            &mut self,
            _: &DeviceId,
            _: MicrophoneEnd,
            _: Duration,
        ) -> Result<OpenSound, Cause> {
            Err(Cause::Absent)
        }

        fn open_speaker(
            &mut self,
            _: &DeviceId,
            mut end: SpeakerEnd,
            _: Duration,
        ) -> Result<OpenSound, Cause> {
            let (stop, heard) = (Stop::default(), self.heard.clone());
            let asked = stop.clone();
            let thread = Thread::spawn("test-room", move || {
                let mut beat = Clock::start().beat(Duration::from_millis(10));
                while !asked.is_set() {
                    beat.wait();
                    let mut heard = heard.lock().unwrap();
                    end.play(SOUND_BLOCK, Duration::ZERO, |sample| heard.push(sample));
                }
            });
            self.open.fetch_add(1, Ordering::SeqCst);
            self.opened.fetch_add(1, Ordering::SeqCst);
            let stream =
                Speaker { open: self.open.clone(), stop, _thread: thread.map_err(|_| Cause::Absent)? };
            Ok(OpenSound { stream: Box::new(stream), rate_hz: 48_000 })
        }
    }

    fn ringer() -> (Ringer, Room, Clock) {
        let (room, clock) = (Room::default(), Clock::start());
        let there = room.clone();
        let devices: Devices = Box::new(move || {
            let room = there.clone();
            Box::new(move || Box::new(room))
        });
        (Ringer::start(Choice::Default, devices, clock).unwrap(), room, clock)
    }

    /// Waits until it is so, for five seconds at most.
    fn until(clock: &Clock, what: &str, is_so: impl Fn() -> bool) {
        let latest = clock.now() + Duration::from_secs(5);
        while !is_so() {
            assert!(clock.now() < latest, "{what}");
            clock.sleep_until(clock.now() + Duration::from_millis(5));
        }
    }

    #[test]
    fn a_sound_is_played_whole_and_the_speaker_closed_after_it() {
        let (ringer, room, clock) = ringer();
        ringer.play(Chime::Message);
        until(&clock, "the speaker opens", || room.opened.load(Ordering::SeqCst) == 1);
        until(&clock, "the speaker closes", || room.open.load(Ordering::SeqCst) == 0);
        let heard = room.heard.lock().unwrap();
        let begins = heard.iter().position(|sample| *sample != 0.0).unwrap();
        let mut whole = vec![0.0; Chime::Message.samples() as usize];
        Tune::new(Chime::Message).fill(&mut whole);
        let energy = |samples: &[f32]| samples.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>();
        let share = energy(&heard[begins..]) / energy(&whole);
        assert!((0.8..1.2).contains(&share), "{share:.2} of the sound was heard");
    }

    #[test]
    fn what_rings_is_stopped_softly_and_at_once() {
        let (ringer, room, clock) = ringer();
        ringer.play(Chime::Incoming);
        let is_heard = || room.heard.lock().unwrap().iter().any(|sample| sample.abs() > 0.1);
        until(&clock, "it rings", is_heard);
        ringer.stop();
        let stopped = clock.now();
        until(&clock, "the speaker closes", || room.open.load(Ordering::SeqCst) == 0);
        let took = clock.now() - stopped;
        assert!(took < Duration::from_secs(1), "it rang on for {took:?}");
        let heard = room.heard.lock().unwrap();
        let leap = heard.windows(2).fold(0.0, |most: f32, pair| most.max((pair[1] - pair[0]).abs()));
        assert!(leap < 0.15, "a click of {leap:.2}");
    }

    #[test]
    fn another_sound_takes_its_place_on_the_same_speaker() {
        let (ringer, room, clock) = ringer();
        ringer.play(Chime::RingingBack);
        until(&clock, "it rings", || room.heard.lock().unwrap().iter().any(|sample| sample.abs() > 0.05));
        ringer.play(Chime::Connected);
        until(&clock, "the speaker closes", || room.open.load(Ordering::SeqCst) == 0);
        assert_eq!(room.opened.load(Ordering::SeqCst), 1);
    }
}
