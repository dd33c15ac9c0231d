//! Once they are warm, the threads that handle sound ask for no memory: an allocator may make them wait.
//!
//! There is one exception. The crate behind the echo canceller takes small pieces for each block and gives them back before it
//! is done, which an allocator serves from what the thread has at hand; that it stays at that is tested. What C code asks for
//! by itself is not seen; Opus asks for nothing once it exists.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
        mpsc::{Sender, SyncSender, channel, sync_channel},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use sightline::{
    engine::{
        audio_recv::AudioRecv,
        audio_send::AudioSend,
        clock::Clock,
        counters::Tally,
        ports::{PacketSink, SOUND_BLOCK, SOUND_BLOCK_TIME, SoundSink, SoundSource, SourceEnded},
        reference::{self, ReferenceIn},
        room::RoomInUse,
        thread::Stop,
        voice::{Voice, VoiceWish},
    },
    logic::{packet::Packet, units::MediaTime},
    media::{
        opus::{FRAME_SAMPLES, MAX_PACKET_LEN, OpusEncoder},
        tone,
        voice::VoiceSettings,
    },
};

use crate::support::memory::{Asked, asked, forget_largest};

/// Three seconds: everything has begun, and has been through each of its states.
const WARM_AFTER: u64 = 300;
const UNTIL: u64 = 3_000;

/// Speaks as fast as it is listened to, plays what it hears a moment later, and sees what that cost its thread.
struct Microphone {
    block: u64,
    reference: ReferenceIn,
    at_first: Asked,
    cost: Sender<(Asked, Asked)>,
}

impl SoundSource for Microphone {
    fn read(&mut self, block: &mut [f32; SOUND_BLOCK]) -> Result<MediaTime, SourceEnded> {
        if self.block == WARM_AFTER {
            forget_largest();
            self.at_first = asked();
        } else if self.block == UNTIL {
            assert!(self.cost.send((self.at_first, asked())).is_ok(), "whoever counts waits for it");
            return Err(SourceEnded("enough was heard".to_owned()));
        }
        let heard = MediaTime(self.block * 10_000);
        tone::generate(heard + Duration::from_millis(300), block);
        self.reference.played(block, Duration::from_millis(30));
        tone::generate(heard, block);
        // Somebody who shouts as well, with pauses.
        if (self.block / 60).is_multiple_of(2) {
            for (at, sample) in block.iter_mut().enumerate() {
                *sample += 0.4 * (at as f32 * 0.02).sin() * (at as f32 / 200.0).fract();
            }
        }
        self.block += 1;
        Ok(heard)
    }
}

/// Keeps as many packets as are kept to be sent again.
struct Kept {
    packets: Mutex<Vec<Bytes>>,
    sent: AtomicU64,
}

impl PacketSink for Kept {
    fn send(&self, payload: Bytes, _: u32, _: bool) -> bool {
        let mut packets = self.packets.lock().unwrap();
        let at = self.sent.fetch_add(1, Ordering::Relaxed) as usize % packets.len();
        packets[at] = payload;
        true
    }
}

/// What `audio-send` asked for until it was warm, and until the end.
fn cost_of_sending(settings: VoiceSettings) -> (Asked, Asked) {
    let (played, reference) = reference::pair();
    let (cost, costs) = channel();
    let kept = Arc::new(Kept { packets: Mutex::new(vec![Bytes::new(); 256]), sent: AtomicU64::new(0) });
    let room = RoomInUse::default();
    room.look();
    let thread = AudioSend {
        source: Box::new(Microphone { block: 0, reference: played, at_first: asked(), cost }),
        sink: kept.clone(),
        muted: Arc::default(),
        room: room.sound(),
        voice: Voice::new(reference, Arc::new(VoiceWish::new(settings))),
        tally: Arc::<Tally>::default(),
        stop: Stop::default(),
    }
    .start()
    .unwrap();
    let cost = costs.recv_timeout(Duration::from_secs(60)).unwrap();
    drop(thread);
    assert_eq!(kept.sent.load(Ordering::Relaxed), UNTIL / 2);
    cost
}

#[test]
fn audio_send_asks_for_no_memory_once_it_is_warm() {
    let (warm, end) = cost_of_sending(VoiceSettings::NOTHING);
    assert_eq!(end, warm, "in {} blocks", UNTIL - WARM_AFTER);
}

#[test]
fn cleaning_a_voice_takes_small_pieces_of_memory_and_gives_all_of_them_back() {
    let (warm, end) = cost_of_sending(VoiceSettings::default());
    let a_block = (end.times - warm.times) as f64 / (UNTIL - WARM_AFTER) as f64;
    let more_held = end.held_bytes - warm.held_bytes;
    assert!(more_held.abs() <= 1_024, "{more_held} bytes more are held");
    assert!(a_block <= 160.0, "{a_block:.0} times a block");
    assert!(end.largest <= 4_096, "{} bytes at once", end.largest);
}

/// Plays as fast as it is given something, and has packets come as they do: some late, some never.
struct Loudspeaker {
    began: Instant,
    beat: u64,
    ready: Vec<Bytes>,
    network: SyncSender<(Packet, Instant)>,
    stop: Stop,
    at_first: Asked,
    cost: Sender<(Asked, Asked)>,
}

impl Loudspeaker {
    fn packet_comes(&self, number: u64, due: Instant) {
        let payload = self.ready[number as usize % self.ready.len()].clone();
        let (sequence, timestamp) = (number as u16, 960 * number as u32);
        self.network.send((Packet { sequence, timestamp, marker: false, payload }, due)).unwrap();
    }
}

impl SoundSink for Loudspeaker {
    fn wait(&mut self) -> Instant {
        let due = self.began + self.beat as u32 * SOUND_BLOCK_TIME;
        if self.beat.is_multiple_of(2) {
            let number = self.beat / 2;
            let is_late = |number: u64| number % 50 == 23;
            if number % 20 != 7 && !is_late(number) {
                self.packet_comes(number, due);
            }
            if number > 2 && is_late(number - 2) {
                self.packet_comes(number - 2, due);
            }
        }
        if self.beat == WARM_AFTER {
            self.at_first = asked();
        } else if self.beat == UNTIL {
            self.cost.send((self.at_first, asked())).unwrap();
            self.stop.stop();
        }
        self.beat += 1;
        due
    }

    fn play(&mut self, _: &[f32; SOUND_BLOCK]) {}
}

#[test]
fn audio_recv_asks_for_no_memory_once_it_is_warm() {
    let mut encoder = OpusEncoder::new().unwrap();
    encoder.set_expected_loss(10).unwrap();
    let ready: Vec<Bytes> = (0..100)
        .map(|number| {
            let (mut frame, mut packet) = ([0.0; FRAME_SAMPLES], [0; MAX_PACKET_LEN]);
            tone::generate(MediaTime(number * 20_000), &mut frame);
            let len = encoder.encode(&frame, &mut packet).unwrap();
            Bytes::copy_from_slice(&packet[..len])
        })
        .collect();
    // Shared once, they are ready for it.
    let _again = ready.clone();
    let (clock, stop, tally) = (Clock::start(), Stop::default(), Arc::<Tally>::default());
    let (network, packets) = sync_channel(64);
    let (cost, costs) = channel();
    let (played, _reference) = reference::pair();
    let loudspeaker = Loudspeaker {
        began: clock.now(),
        beat: 0,
        ready,
        network,
        stop: stop.clone(),
        at_first: asked(),
        cost,
    };
    let thread = AudioRecv {
        packets,
        sink: Box::new(loudspeaker),
        reference: Some(played),
        tally: tally.clone(),
        clock,
        stop,
    }
    .start()
    .unwrap();
    let (warm, end) = costs.recv_timeout(Duration::from_secs(60)).unwrap();
    drop(thread);
    let sound = tally.sound();
    // What is lost of a tone is made up: Opus carries copies of voices alone.
    assert!(sound.played > UNTIL / 3 && sound.recovered + sound.concealed > 0, "{sound:?}");
    assert_eq!(end.times, warm.times, "in {} blocks", UNTIL - WARM_AFTER);
}

#[test]
fn asking_for_memory_is_seen() {
    let before = asked();
    let piece = std::hint::black_box(vec![0_u8; 100_000]);
    assert_eq!(asked().held_bytes - before.held_bytes, 100_000);
    drop(piece);
    let Asked { times, held_bytes, largest } = asked();
    assert_eq!((times - before.times, held_bytes), (2, before.held_bytes));
    assert!(largest >= 100_000);
}
