//! A call on simulated time: packets over a network that is asked for, and a listener that plays them as the engine does.

use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::logic::packet::Packet;

use super::super::{Counts, Jitter, Only, Play, STEP, Stretch};

/// SplitMix64: the same on every computer.
#[derive(Clone, Debug)]
pub(super) struct Chance(pub(super) u64);

impl Chance {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    pub(super) fn percent(&mut self, percent: f64) -> bool {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64 * 100.0 < percent
    }
}

/// An Opus packet of speech with a copy of the one before it, 20 ms, that carries its number.
pub(super) fn packet(n: u32) -> Packet {
    long_packet(n, 9, 960)
}

/// The same of another length: of that setting, which is so many samples.
pub(super) fn long_packet(n: u32, setting: u8, samples: u32) -> Packet {
    let copy = if setting == 11 {
        0b0001_0000
    } else if setting == 10 {
        0b0010_0000
    } else {
        0b0100_0000
    };
    let mut payload = vec![setting << 3, copy];
    payload.extend(n.to_be_bytes());
    Packet {
        sequence: n as u16,
        timestamp: n.wrapping_mul(samples),
        marker: false,
        payload: Bytes::from(payload),
    }
}

pub(super) fn number(payload: &Bytes) -> u32 {
    u32::from_be_bytes([payload[2], payload[3], payload[4], payload[5]])
}

pub(super) fn ms(ms: f64) -> Duration {
    Duration::from_nanos((ms * 1e6).max(0.0) as u64)
}

/// What sound of a sender comes when, and is played how.
pub(super) struct Call {
    pub(super) jitter: Jitter,
    pub(super) chance: Chance,
    began: Instant,
    beats: u32,
    pending: usize,
    /// Not yet come: when they do, since the beginning.
    coming: Vec<(Duration, Packet)>,
    /// Numbers of the packets that were played, and when.
    pub(super) played: Vec<(u32, Duration)>,
    /// What each beat of ten milliseconds was made of, first of all.
    pub(super) told: Vec<Play>,
    /// How many of a hundred pieces are silence, and how many of the others can be changed in length.
    pub(super) silent_percent: f64,
    pub(super) alike_percent: f64,
}

impl Call {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            jitter: Jitter::default(),
            chance: Chance(seed),
            began: Instant::now() + Duration::from_secs(3_600),
            beats: 0,
            pending: 0,
            coming: Vec::new(),
            played: Vec::new(),
            told: Vec::new(),
            silent_percent: 20.0,
            alike_percent: 60.0,
        }
    }

    pub(super) fn comes(&mut self, at: Duration, packet: Packet) {
        let place = self.coming.partition_point(|(other, _)| *other > at);
        self.coming.insert(place, (at, packet));
    }

    pub(super) fn began(&self) -> Instant {
        self.began
    }

    pub(super) fn now(&self) -> Duration {
        Duration::from_millis(10) * self.beats
    }

    /// Plays until then.
    pub(super) fn play_until(&mut self, end: Duration) {
        while self.now() < end {
            self.beat();
        }
    }

    fn beat(&mut self) {
        let since = self.now();
        let now = self.began + since;
        while self.coming.last().is_some_and(|(at, _)| *at <= since) {
            if let Some((at, packet)) = self.coming.pop() {
                self.jitter.handle(packet, self.began + at);
            }
        }
        let mut asked = 0;
        while self.pending < STEP as usize {
            let play = self.jitter.next(now, self.pending);
            asked += 1;
            assert!(asked <= 8, "a block takes {asked} answers: {:?}", self.told.last());
            self.pending += match &play {
                Play::Packet { payload, stretch } => {
                    if payload.len() >= 6 {
                        self.played.push((number(payload), since));
                    }
                    let samples = super::super::OpusPacket::read(payload).unwrap().samples as usize;
                    samples.strict_add_signed(self.stretch(*stretch, samples))
                }
                Play::Recover { samples, .. } | Play::Conceal { samples } => *samples,
                Play::Wait => STEP as usize,
            };
            self.told.push(play);
        }
        self.pending -= STEP as usize;
        self.beats += 1;
    }

    fn stretch(&mut self, stretch: Stretch, samples: usize) -> isize {
        let (at_most, only, sign) = match stretch {
            Stretch::None => return 0,
            Stretch::Shrink { at_most, only } => (at_most, only, -1),
            Stretch::Grow { at_most, only } => (at_most, only, 1),
        };
        let in_silence = self.chance.percent(self.silent_percent);
        let alike = self.chance.percent(self.alike_percent);
        let possible = match only {
            Only::InSilence => in_silence,
            Only::Alike => in_silence || alike,
            Only::RoughlyAlike => true,
        };
        let pitch = if in_silence { samples / 2 } else { 240 + self.chance.below(240) as usize };
        let by = if in_silence { pitch.min(at_most) } else { pitch };
        if !possible || by > at_most || by > samples / 2 {
            return 0;
        }
        let by = sign * by as isize;
        self.jitter.stretched(by);
        by
    }

    /// How long a sample was held on average, from when its packet came until it was played.
    pub(super) fn held(&self) -> Duration {
        self.jitter.counts().held()
    }

    pub(super) fn concealed_percent(&self) -> f64 {
        let Counts { played, recovered, concealed, .. } = self.jitter.counts();
        concealed as f64 * 100.0 / (played + recovered + concealed) as f64
    }
}

/// What a network does to a packet of that number: how long it takes, or that it is lost.
pub(super) type Network = fn(&mut Weather, u32) -> Option<f64>;

/// The chance of a network, and what it remembers.
pub(super) struct Weather {
    pub(super) chance: Chance,
    pub(super) bad_until: u32,
}

/// A call over that network, for so long.
pub(super) fn call(seed: u64, network: Network, lasting: Duration) -> Call {
    let mut call = Call::new(seed);
    let mut weather = Weather { chance: Chance(!seed), bad_until: 0 };
    let phase_ms = weather.chance.below(10_000) as f64 / 1e3;
    for n in 0..u32::try_from(lasting.as_millis() / 20).unwrap() {
        if let Some(way_ms) = network(&mut weather, n) {
            call.comes(ms(f64::from(n) * 20.0 + phase_ms + way_ms), packet(n));
        }
    }
    call.play_until(lasting);
    call
}

/// The same with a sender that sends each packet once more behind the next one.
pub(super) fn repeated_call(seed: u64, network: Network, lasting: Duration) -> Call {
    let mut call = Call::new(seed);
    let mut weather = Weather { chance: Chance(!seed), bad_until: 0 };
    for n in 0..u32::try_from(lasting.as_millis() / 20).unwrap() {
        for (sent, delay_ms) in [(Some(n), 0.0), (n.checked_sub(1), 0.1)] {
            let (Some(sent), Some(way_ms)) = (sent, network(&mut weather, n)) else { continue };
            let sequence = if sent == n { 2 * n } else { 2 * n + 1 };
            let at = ms(f64::from(n) * 20.0 + 3.0 + way_ms + delay_ms);
            call.comes(at, Packet { sequence: sequence as u16, ..packet(sent) });
        }
    }
    call.play_until(lasting);
    call
}

pub(super) fn calm(weather: &mut Weather, _: u32) -> Option<f64> {
    Some(25.0 + weather.chance.below(2_000) as f64 / 1e3)
}

pub(super) fn uniform_30(weather: &mut Weather, _: u32) -> Option<f64> {
    Some(25.0 + weather.chance.below(30_000) as f64 / 1e3)
}

pub(super) fn losing<const PERCENT: u32>(weather: &mut Weather, n: u32) -> Option<f64> {
    let lost = weather.chance.percent(f64::from(PERCENT));
    calm(weather, n).filter(|_| !lost)
}

/// A tenth is lost, three at a time.
pub(super) fn losing_in_bursts(weather: &mut Weather, n: u32) -> Option<f64> {
    if n >= weather.bad_until && weather.chance.percent(10.0 / 3.0) {
        weather.bad_until = n + 1 + weather.chance.below(5) as u32;
    }
    calm(weather, n).filter(|_| n >= weather.bad_until)
}

/// Every few seconds nothing passes for up to 120 ms, and then all of it at once.
pub(super) fn wireless(weather: &mut Weather, n: u32) -> Option<f64> {
    if n >= weather.bad_until && weather.chance.percent(0.7) {
        weather.bad_until = n + 1 + weather.chance.below(6) as u32;
    }
    let stalled = 20.0 * f64::from(weather.bad_until.saturating_sub(n));
    Some(calm(weather, n)?.max(25.0 + stalled) + weather.chance.below(4_000) as f64 / 1e3)
}
