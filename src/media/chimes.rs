//! The sounds of the app itself: a call that rings, one that is rung, *connected*, *ended*, a message, a test.
//!
//! They are computed, not played from files: a few soft bells, each a fundamental and two partials that fade sooner, with a
//! beginning of some milliseconds instead of a click. Those that go on repeat after a pause that is longer than their last
//! bell rings. How loud they are is fixed here, so that the loudest moment of any is far from clipping, and a ring is louder
//! than what only confirms.

use std::f64::consts::TAU;

use super::SAMPLE_RATE_HZ;

/// One of the app's own sounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Chime {
    /// Somebody calls us. Goes on.
    Incoming,
    /// It rings at somebody's. Goes on.
    RingingBack,
    /// A call stands.
    Connected,
    /// A call is over.
    Ended,
    /// Somebody wrote.
    Message,
    /// To hear whether a speaker can be heard.
    Test,
}

/// No moment of any sound is louder than this, of 1: beyond, small speakers rattle.
pub const LOUDEST: f32 = 0.5;

/// A bell begins over so long.
const ATTACK_S: f64 = 0.012;
/// And is silent after so long, faded out over the last of it.
const LASTS_S: f64 = 1.1;
const FADE_S: f64 = 0.1;
/// Each partial: how many times the fundamental, how loud, and after how long it has lost two thirds.
const PARTIALS: [(f64, f64, f64); 3] = [(1.0, 1.0, 0.34), (2.0, 0.22, 0.16), (3.98, 0.07, 0.06)];

const G4: f64 = 392.0;
const A4: f64 = 440.0;
const C5: f64 = 523.25;
const E5: f64 = 659.26;
const G5: f64 = 783.99;
const A5: f64 = 880.0;
const C6: f64 = 1046.5;

/// When a bell is struck, at which pitch, and how loud.
struct Bell(f64, f64, f64);

const INCOMING: &[Bell] = &[
    Bell(0.0, E5, 0.24),
    Bell(0.16, G5, 0.24),
    Bell(0.32, C6, 0.24),
    Bell(0.64, A5, 0.2),
    Bell(0.8, G5, 0.24),
];
const RINGING_BACK: &[Bell] =
    &[Bell(0.0, A4, 0.14), Bell(0.0, C5, 0.08), Bell(0.5, A4, 0.12), Bell(0.5, C5, 0.07)];
const CONNECTED: &[Bell] = &[Bell(0.0, G4, 0.16), Bell(0.11, C5, 0.18)];
const ENDED: &[Bell] = &[Bell(0.0, C5, 0.16), Bell(0.13, G4, 0.16)];
const MESSAGE: &[Bell] = &[Bell(0.0, E5, 0.13), Bell(0.08, A5, 0.13)];
const TEST: &[Bell] = &[Bell(0.0, C5, 0.2), Bell(0.25, E5, 0.2), Bell(0.5, G5, 0.2), Bell(0.75, C6, 0.2)];

impl Chime {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Incoming, Self::RingingBack, Self::Connected, Self::Ended, Self::Message, Self::Test];

    const fn bells(self) -> &'static [Bell] {
        match self {
            Self::Incoming => INCOMING,
            Self::RingingBack => RINGING_BACK,
            Self::Connected => CONNECTED,
            Self::Ended => ENDED,
            Self::Message => MESSAGE,
            Self::Test => TEST,
        }
    }

    /// After how many seconds it begins anew; nothing for what sounds once.
    const fn repeats_after_s(self) -> Option<f64> {
        match self {
            Self::Incoming => Some(2.8),
            Self::RingingBack => Some(4.0),
            Self::Connected | Self::Ended | Self::Message | Self::Test => None,
        }
    }

    /// Whether it goes on until it is stopped.
    pub const fn goes_on(self) -> bool {
        self.repeats_after_s().is_some()
    }

    /// How many samples there are of it, once.
    pub fn samples(self) -> u64 {
        let last = self.bells().iter().map(|Bell(at, ..)| *at).fold(0.0, f64::max);
        let seconds = self.repeats_after_s().unwrap_or(last + LASTS_S);
        (seconds * f64::from(SAMPLE_RATE_HZ)).ceil() as u64
    }

    fn sample(self, index: u64) -> f32 {
        let at = index as f64 / f64::from(SAMPLE_RATE_HZ);
        self.bells().iter().map(|Bell(since, hz, level)| level * strike(at - since, *hz)).sum::<f64>() as f32
    }
}

/// A bell of full loudness, `t` seconds after it was struck.
fn strike(t: f64, hz: f64) -> f64 {
    if !(0.0..LASTS_S).contains(&t) {
        return 0.0;
    }
    let begins = (t / ATTACK_S).min(1.0);
    let ends = ((LASTS_S - t) / FADE_S).min(1.0);
    let shape = (0.5 - 0.5 * (begins * TAU / 2.0).cos()) * ends;
    let partials = PARTIALS
        .iter()
        .map(|(times, level, fades)| level * (-t / fades).exp() * (TAU * hz * times * t).sin());
    shape * partials.sum::<f64>()
}

/// One of them as it is played, block by block.
#[derive(Clone, Copy, Debug)]
pub struct Tune {
    chime: Chime,
    next: u64,
}

impl Tune {
    /// From its beginning.
    pub const fn new(chime: Chime) -> Self {
        Self { chime, next: 0 }
    }

    /// Which it is.
    pub const fn chime(&self) -> Chime {
        self.chime
    }

    /// The next of it; silence where it is over.
    pub fn fill(&mut self, block: &mut [f32]) {
        let whole = self.chime.samples();
        for sample in block {
            if self.next == whole && self.chime.goes_on() {
                self.next = 0;
            }
            *sample = self.chime.sample(self.next);
            self.next = (self.next + 1).min(whole);
        }
    }

    /// Whether all of it was played; never of one that goes on.
    pub fn is_over(&self) -> bool {
        !self.chime.goes_on() && self.next == self.chime.samples()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(chime: Chime) -> Vec<f32> {
        let mut samples = vec![0.0; chime.samples() as usize];
        Tune::new(chime).fill(&mut samples);
        samples
    }

    fn loudest(samples: &[f32]) -> f32 {
        samples.iter().fold(0.0, |most: f32, sample| most.max(sample.abs()))
    }

    #[test]
    fn each_can_be_heard_and_none_comes_near_clipping() {
        for chime in Chime::ALL {
            let most = loudest(&whole(chime));
            assert!((0.1..=LOUDEST).contains(&most), "{chime:?} peaks at {most:.3}");
        }
        assert!(loudest(&whole(Chime::Incoming)) > loudest(&whole(Chime::RingingBack)));
        assert!(loudest(&whole(Chime::Incoming)) > loudest(&whole(Chime::Message)));
    }

    #[test]
    fn none_begins_ends_or_repeats_with_a_click() {
        for chime in Chime::ALL {
            let mut twice = vec![0.0; chime.samples() as usize * 2];
            Tune::new(chime).fill(&mut twice);
            let begins = loudest(&twice[..96]);
            assert!(begins < 0.02, "{chime:?}: {begins} within two milliseconds");
            let leap = twice.windows(2).fold(0.0, |most: f32, pair| most.max((pair[1] - pair[0]).abs()));
            // What a sine of its highest loud pitch does by itself.
            assert!(leap < 0.12, "{chime:?} leaps by {leap:.3}");
            assert!(twice.last().unwrap().abs() < 1e-4, "{chime:?}");
        }
    }

    #[test]
    fn what_confirms_is_short_and_what_rings_leaves_pauses() {
        let seconds = |chime: Chime| chime.samples() as f64 / f64::from(SAMPLE_RATE_HZ);
        for chime in [Chime::Connected, Chime::Ended, Chime::Message, Chime::Test] {
            assert!(!chime.goes_on() && seconds(chime) < 2.0, "{chime:?}");
        }
        for chime in [Chime::Incoming, Chime::RingingBack] {
            let samples = whole(chime);
            let tail = &samples[samples.len() - SAMPLE_RATE_HZ as usize / 2..];
            assert!(chime.goes_on() && loudest(tail) < 1e-4, "{chime:?}: silent before it begins anew");
        }
    }

    #[test]
    fn one_that_goes_on_is_never_over_and_the_others_are_once() {
        let mut block = [0.0; 480];
        let (mut ring, mut message) = (Tune::new(Chime::Incoming), Tune::new(Chime::Message));
        let blocks = Chime::Incoming.samples() as usize / 480 * 3;
        for _ in 0..blocks {
            ring.fill(&mut block);
            message.fill(&mut block);
        }
        assert_eq!(loudest(&block), 0.0);
        assert!(message.is_over() && !ring.is_over());
    }

    #[test]
    fn blocks_of_any_length_are_the_same_sound() {
        let once = whole(Chime::Test);
        let mut tune = Tune::new(Chime::Test);
        let mut in_parts = Vec::new();
        for length in [1, 480, 7, 48_000, 441].into_iter().cycle() {
            let mut part = vec![0.0; length];
            tune.fill(&mut part);
            in_parts.extend(part);
            if in_parts.len() >= once.len() {
                break;
            }
        }
        assert_eq!(in_parts[..once.len()], once);
    }
}
