//! The thread with a loudspeaker whose beat is simulated: as fast as it goes.

use std::{
    sync::{Mutex, mpsc::sync_channel},
    time::Duration,
};

use bytes::Bytes;

use crate::{
    engine::ports::SOUND_BLOCK_TIME,
    logic::units::MediaTime,
    media::{
        opus::{FRAME_SAMPLES, MAX_PACKET_LEN, OpusEncoder},
        tone::{Found, find_chirps, generate},
    },
};

use super::*;

const DELAY: Duration = Duration::from_millis(35);
const SECONDS: u32 = 12;

/// Plays as much as is wanted, and ends the thread with it.
struct Loudspeaker {
    beats: u32,
    until: u32,
    began: Instant,
    clock: Clock,
    heard: Arc<Mutex<Vec<f32>>>,
    /// What the thread said before each block of what is heard.
    told: Arc<Mutex<Vec<Option<Heard>>>>,
    tally: Arc<Tally>,
    stop: Stop,
}

impl SoundSink for Loudspeaker {
    fn wait(&mut self) -> Instant {
        let due = self.began + SOUND_BLOCK_TIME * self.beats;
        self.told.lock().unwrap().push(self.tally.heard.get(self.clock.media(due)));
        self.beats += 1;
        if self.beats > self.until {
            self.stop.stop();
        }
        due
    }

    fn play(&mut self, block: &[f32; SOUND_BLOCK]) {
        self.heard.lock().unwrap().extend_from_slice(block);
    }

    fn delay(&self) -> Duration {
        DELAY
    }
}

struct Played {
    sound: Vec<f32>,
    told: Vec<Option<Heard>>,
    tally: Arc<Tally>,
    began: MediaTime,
}

/// Twelve seconds of the test sound, whose packets come as `way` says: after so many milliseconds, or not at all.
fn play(way: impl Fn(u32) -> Option<f64>) -> Played {
    play_repeated(way, |_| None)
}

/// The same with packets that come again.
fn play_repeated(way: impl Fn(u32) -> Option<f64>, again: impl Fn(u32) -> Option<f64>) -> Played {
    let clock = Clock::start();
    let began = clock.now();
    let (sender, packets) = sync_channel(usize::try_from(SECONDS * 100).unwrap());
    let mut encoder = OpusEncoder::new().unwrap();
    encoder.set_expected_loss(10).unwrap();
    let (mut samples, mut encoded) = ([0.0; FRAME_SAMPLES], [0; MAX_PACKET_LEN]);
    let mut coming = Vec::new();
    for n in 0..SECONDS * 50 {
        generate(MediaTime(u64::from(n) * 20_000), &mut samples);
        let len = encoder.encode(&samples, &mut encoded).unwrap();
        let packet = Packet {
            sequence: 2 * n as u16,
            timestamp: n * 960,
            marker: false,
            payload: Bytes::copy_from_slice(&encoded[..len]),
        };
        let at = |way_ms: f64| began + Duration::from_secs_f64((f64::from(n + 1) * 20.0 + way_ms) / 1e3);
        // Behind the next one, under the number after that.
        let repeated = Packet { sequence: packet.sequence + 3, ..packet.clone() };
        coming.extend(again(n).map(|way_ms| (at(way_ms), repeated)));
        coming.extend(way(n).map(|way_ms| (at(way_ms), packet)));
    }
    coming.sort_by_key(|(at, _)| *at);
    for (at, packet) in coming {
        sender.send((packet, at)).unwrap();
    }
    let (heard, told, tally, stop) =
        (Arc::default(), Arc::default(), Arc::<Tally>::default(), Stop::default());
    let sink = Loudspeaker {
        beats: 0,
        until: SECONDS * 100,
        began,
        clock,
        heard: Arc::clone(&heard),
        told: Arc::clone(&told),
        tally: tally.clone(),
        stop: stop.clone(),
    };
    let recv =
        AudioRecv { packets, sink: Box::new(sink), reference: None, tally: tally.clone(), clock, stop };
    drop(recv.start().unwrap());
    let (sound, told) = (heard.lock().unwrap().clone(), told.lock().unwrap().clone());
    Played { sound, told, tally, began: clock.media(began) }
}

fn apart_ms(found: &[Found]) -> Vec<f64> {
    found.windows(2).map(|pair| (pair[1].at_sample - pair[0].at_sample) / 48.0).collect()
}

#[test]
fn a_calm_call_is_heard_as_it_was_said_and_no_later_than_it_must() {
    let Played { sound, told, tally, began } = play(|n| Some(if n % 3 == 0 { 2.0 } else { 0.4 }));
    let found = find_chirps(&sound);
    assert_eq!(found.len(), 12, "{found:?}");
    assert!(apart_ms(&found).iter().all(|apart| (apart - 1_000.0).abs() < 0.2), "{:?}", apart_ms(&found));
    let counts = tally.sound();
    assert_eq!(
        (counts.concealed, counts.shortened_ms, counts.drawn_out_ms, counts.late),
        (0, 0, 0, 0),
        "{counts:?}"
    );
    assert!(counts.held_ms <= 30, "{counts:?}");
    // The chirp of a second is in the sound with the timestamp of that second, but for what Opus looks ahead.
    let lag_ms = OpusEncoder::new().unwrap().lookahead_samples().unwrap() as f64 / 48.0;
    for (second, chirp) in (0_u32..).zip(&found) {
        let at_ms = chirp.at_sample / 48.0 - lag_ms + DELAY.as_secs_f64() * 1e3;
        let heard = told[(chirp.at_sample / 480.0) as usize + 2].unwrap();
        let since_ms = f64::from(heard.rtp_timestamp) / 48.0 - f64::from(second) * 1e3;
        let told_ms = heard.at.since(began).as_secs_f64() * 1e3 - since_ms;
        assert!((told_ms - at_ms).abs() < 0.5, "second {second}: told {told_ms}, heard {at_ms}");
    }
}

#[test]
fn with_a_tenth_of_all_packets_lost_every_chirp_is_heard_and_there_is_never_silence() {
    let Played { sound, tally, .. } = play(|n| (n % 10 != 2).then_some(0.0));
    let found = find_chirps(&sound);
    assert_eq!(found.len(), 12, "{found:?}");
    // Opus gives no copy of what it takes for no voice, as most of the test sound.
    let counts = tally.sound();
    assert!((55..=62).contains(&(counts.recovered + counts.concealed)) && counts.recovered > 5, "{counts:?}");
    assert_eq!(tally.sound().lost_percent, 10);
    let first = found[0].at_sample as usize + 4_800;
    let softest = sound[first..].chunks_exact(SOUND_BLOCK).map(loudness).fold(1.0, f32::min);
    assert!(softest > 0.005, "{softest}");
}

#[test]
fn where_each_packet_is_sent_again_with_the_next_losses_are_not_heard_at_all() {
    let Played { sound, tally, .. } = play_repeated(|n| (n % 10 != 2).then_some(0.0), |_| Some(20.1));
    let found = find_chirps(&sound);
    assert_eq!(found.len(), 12, "{found:?}");
    let counts = tally.sound();
    assert!(counts.recovered + counts.concealed <= 6, "{counts:?}");
    assert_eq!(tally.sound().lost_percent, 10, "it is said how it would be without");
}

#[test]
fn jitter_that_comes_and_goes_lengthens_the_sound_and_shortens_it_again_without_a_hole() {
    let Played { sound, tally, .. } =
        play(|n| Some(if (100..300).contains(&n) { f64::from(n * 37 % 60) } else { 0.0 }));
    let found = find_chirps(&sound);
    assert_eq!(found.len(), 12, "{found:?}");
    let counts = tally.sound();
    assert!(counts.target_ms >= 40, "it is remembered for half a minute: {counts:?}");
    assert!(counts.concealed <= 5, "{counts:?}");
    let softest = sound[4_800..].chunks_exact(SOUND_BLOCK).map(loudness).fold(1.0, f32::min);
    assert!(softest > 0.01, "{softest}");
}

#[test]
fn when_nothing_comes_the_sound_fades_and_no_time_is_told() {
    let Played { sound, told, .. } = play(|n| (n < 250).then_some(0.0));
    assert_eq!(sound.len(), SECONDS as usize * 48_000, "every beat has its block");
    assert!(sound[8 * 48_000..].iter().all(|sample| *sample == 0.0));
    assert_eq!(told.last(), Some(&None));
    assert!(told[300].is_some());
}

fn loudness(samples: &[f32]) -> f32 {
    (samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len() as f32).sqrt()
}
