//! What the loudspeaker really plays, on its way to the echo canceller.
//!
//! Two threads, and with real devices two clocks: whoever plays says what it played, and `audio-send` takes as much of it
//! as the microphone has heard. A ring stands between them, and nobody waits for the other.
//!
//! The canceller forgives a delay that stays, and not one that moves: so a little is held back, as much as the two may be
//! out of step, and it is only let go where more than that has been waiting for a whole second.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use rtrb::{Consumer, Producer, RingBuffer};

use super::ports::SOUND_BLOCK;

/// Samples that were played and not yet asked for: half a second. When it is full, what is played is not told, and counted.
const PLAYED: usize = 50 * SOUND_BLOCK;
/// What is held back at first against the two being out of step. More would eat up the way of the echo, which is all the
/// time that there is: what was played has to be told before it is heard.
const HELD_BACK: usize = SOUND_BLOCK;
/// So much at most, where that was not enough: a device that takes much at once is late with it as well.
const MOST_HELD_BACK: usize = 8 * SOUND_BLOCK;
/// More than this for a whole second, and the rest is let go.
const TOO_MUCH: usize = HELD_BACK + 2 * SOUND_BLOCK;
/// So many blocks are a second.
const SECOND: u32 = 100;

/// A way for what is played: the end of whoever plays, and that of whoever wants to know.
pub fn pair() -> (ReferenceIn, ReferenceOut) {
    let (samples, played) = RingBuffer::new(PLAYED);
    let shared = Arc::new(Shared::default());
    let out = ReferenceOut {
        played,
        shared: shared.clone(),
        begun: false,
        hold: HELD_BACK,
        least: usize::MAX,
        blocks: 0,
        counts: ReferenceCounts::default(),
    };
    (ReferenceIn { samples, shared }, out)
}

#[derive(Debug, Default)]
struct Shared {
    delay_us: AtomicU32,
    not_told: AtomicU64,
}

/// The end of whoever plays.
#[derive(Debug)]
pub struct ReferenceIn {
    samples: Producer<f32>,
    shared: Arc<Shared>,
}

impl ReferenceIn {
    /// This is played now, and will be heard so much later. Any number of samples; never waits, locks or allocates.
    pub fn played(&mut self, samples: &[f32], delay: Duration) {
        let delay_us = u32::try_from(delay.as_micros()).unwrap_or(u32::MAX);
        self.shared.delay_us.store(delay_us, Ordering::Relaxed);
        if self.samples.push_entire_slice(samples).is_err() {
            self.shared.not_told.fetch_add(samples.len() as u64, Ordering::Relaxed);
        }
    }
}

/// What went wrong on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReferenceCounts {
    /// Blocks for which silence was taken, as nothing was there in time.
    pub missing: u64,
    /// Samples that were let go, as too many were waiting.
    pub let_go: u64,
}

/// The end of whoever wants to know.
#[derive(Debug)]
pub struct ReferenceOut {
    played: Consumer<f32>,
    shared: Arc<Shared>,
    begun: bool,
    hold: usize,
    /// The least that has been left over in this second.
    least: usize,
    blocks: u32,
    counts: ReferenceCounts,
}

impl ReferenceOut {
    /// What was played in the next 10 ms, and how long after now it is heard; silence where nothing is known of it.
    pub fn next(&mut self, block: &mut [f32; SOUND_BLOCK]) -> Duration {
        let waiting = self.played.slots();
        if !self.begun && waiting >= SOUND_BLOCK + self.hold {
            self.let_go(waiting - SOUND_BLOCK - self.hold);
            self.begun = true;
            self.begin_second();
        }
        if !self.begun || self.played.pop_entire_slice(block).is_err() {
            if std::mem::take(&mut self.begun) {
                self.counts.missing += 1;
                self.hold = (self.hold + SOUND_BLOCK).min(MOST_HELD_BACK);
            }
            block.fill(0.0);
            return Duration::ZERO;
        }
        self.least = self.least.min(self.played.slots());
        self.blocks += 1;
        if self.blocks == SECOND {
            if self.least > TOO_MUCH {
                self.let_go(self.least - HELD_BACK);
            }
            self.begin_second();
        }
        let held_back = Duration::from_micros(self.played.slots() as u64 * 1000 / 48);
        Duration::from_micros(self.shared.delay_us.load(Ordering::Relaxed).into()).saturating_sub(held_back)
    }

    /// What went wrong so far.
    pub fn counts(&self) -> ReferenceCounts {
        let not_told = self.shared.not_told.load(Ordering::Relaxed);
        ReferenceCounts { let_go: self.counts.let_go + not_told, ..self.counts }
    }

    fn begin_second(&mut self) {
        (self.least, self.blocks) = (usize::MAX, 0);
    }

    fn let_go(&mut self, samples: usize) {
        if let Ok(gone) = self.played.read_chunk(samples) {
            gone.commit_all();
            self.counts.let_go += samples as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELAY: Duration = Duration::from_millis(40);

    /// Counts what it plays, from one on, so that a sample tells where it was.
    struct Counting(ReferenceIn, usize);

    impl Counting {
        fn play(&mut self, samples: usize) {
            let block: Vec<f32> = (self.1 + 1..=self.1 + samples).map(|at| at as f32).collect();
            self.1 += samples;
            self.0.played(&block, DELAY);
        }
    }

    fn start() -> (Counting, ReferenceOut) {
        let (played, out) = pair();
        (Counting(played, 0), out)
    }

    fn first_of_next(out: &mut ReferenceOut) -> f32 {
        let mut block = [0.0; SOUND_BLOCK];
        out.next(&mut block);
        assert!(block.windows(2).all(|two| two[1] == two[0] + 1.0 || block == [0.0; SOUND_BLOCK]), "a seam");
        block[0]
    }

    #[test]
    fn what_is_played_comes_out_in_order_a_little_later() {
        let (mut played, mut out) = start();
        assert_eq!(first_of_next(&mut out), 0.0, "nothing was played yet");
        played.play(480);
        assert_eq!(first_of_next(&mut out), 0.0, "one block is held back");
        played.play(480);
        let firsts: Vec<f32> = (0..1000)
            .map(|_| {
                let first = first_of_next(&mut out);
                played.play(480);
                first
            })
            .collect();
        assert!(firsts.iter().zip(0..).all(|(first, at)| *first == (at * 480 + 1) as f32));
        assert_eq!(out.counts(), ReferenceCounts::default());
    }

    #[test]
    fn whoever_plays_much_at_once_is_soon_followed_without_a_seam() {
        for at_once in [2, 3, 5, 8] {
            let (mut played, mut out) = start();
            let mut last = 0.0;
            for round in 0..2_000 {
                if round % at_once == 0 {
                    played.play(at_once * 480);
                }
                let first = first_of_next(&mut out);
                assert!(round < 300 || first == last + 480.0, "{at_once}, {round}: {last}, then {first}");
                last = first;
            }
            assert!(out.hold <= at_once * 480, "{} held back for {at_once} blocks at once", out.hold);
        }
    }

    #[test]
    fn a_pause_of_whoever_plays_is_silence_and_afterwards_the_newest_comes_first() {
        let (mut played, mut out) = start();
        played.play(960);
        first_of_next(&mut out);
        first_of_next(&mut out);
        assert_eq!(first_of_next(&mut out), 0.0);
        assert_eq!(out.counts().missing, 1, "counted once");
        assert_eq!(first_of_next(&mut out), 0.0);
        played.play(4_800);
        assert_eq!(first_of_next(&mut out), (960 + 4_800 - 1_440 + 1) as f32, "a block more than before");
        assert_eq!(out.counts(), ReferenceCounts { missing: 1, let_go: 4_800 - 1_440 });
    }

    #[test]
    fn what_is_too_much_for_a_whole_second_is_let_go_and_not_before() {
        let (mut played, mut out) = start();
        played.play(960);
        for _ in 0..50 {
            first_of_next(&mut out);
            played.play(480);
        }
        played.play(10 * 480);
        for _ in 0..120 {
            first_of_next(&mut out);
            assert!(out.counts().let_go == 0 || out.counts().let_go == 9 * 480 + 480);
            played.play(480);
        }
        for _ in 0..120 {
            first_of_next(&mut out);
            played.play(480);
        }
        assert_eq!(out.played.slots(), 960, "one is held back, the other was just played");
    }

    #[test]
    fn nobody_who_listens_costs_nothing_but_what_is_not_told() {
        let (mut played, mut out) = start();
        for _ in 0..100 {
            played.play(480);
        }
        assert_eq!(out.counts().let_go, 50 * 480);
        assert_eq!(first_of_next(&mut out), (48 * 480 + 1) as f32, "the newest of what is there");
    }

    #[test]
    fn the_delay_is_what_is_left_of_it() {
        let (mut played, mut out) = start();
        played.play(960);
        let mut block = [0.0; SOUND_BLOCK];
        assert_eq!(out.next(&mut block), DELAY - Duration::from_millis(10));
    }
}
