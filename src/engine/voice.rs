//! Our sound is cleaned before it is sent: what `audio-send` does to each block, and what others ask of it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicI32, AtomicU8, AtomicU64, Ordering},
};

use crate::{
    logic::report::VoiceReport,
    media::{
        level::SpeechMeter,
        voice::{VoiceCleaner, VoiceSettings},
    },
};

use super::{ports::SOUND_BLOCK, reference::ReferenceOut};

/// How long somebody is muted before what is said then counts: the end of a sentence does not. In blocks.
const MUTED_FOR: u64 = 150;
/// How long nothing more is said of speaking while muted. In blocks.
const SAID_FOR: u64 = 1_000;
/// How often figures are told. In blocks.
const TELL_EVERY: u64 = 100;
/// Of a figure that there is not.
const NONE: i32 = i32::MIN;

/// What others ask of the cleaning, and what it tells them. Without a lock: a media thread waits for nobody.
#[derive(Debug)]
pub struct VoiceWish {
    settings: AtomicU8,
    spoke_while_muted: AtomicBool,
    told: Told,
}

#[derive(Debug, Default)]
struct Told {
    enhancement_db: Figure,
    loss_db: Figure,
    delay_ms: Figure,
    speech_db: Figure,
    missing: AtomicU64,
    let_go: AtomicU64,
    spoken_while_muted: AtomicU64,
}

#[derive(Debug)]
struct Figure(AtomicI32);

impl Default for Figure {
    fn default() -> Self {
        Self(AtomicI32::new(NONE))
    }
}

impl Figure {
    fn set(&self, value: Option<f32>) {
        self.0.store(value.map_or(NONE, |value| (value * 10.0).round() as i32), Ordering::Relaxed);
    }

    fn get(&self) -> Option<f32> {
        let tenths = self.0.load(Ordering::Relaxed);
        (tenths != NONE).then_some(tenths as f32 / 10.0)
    }
}

impl VoiceWish {
    /// To begin with.
    pub fn new(settings: VoiceSettings) -> Self {
        Self {
            settings: AtomicU8::new(to_bits(settings)),
            spoke_while_muted: AtomicBool::default(),
            told: Told::default(),
        }
    }

    /// From the next block on.
    pub fn set(&self, settings: VoiceSettings) {
        self.settings.store(to_bits(settings), Ordering::Relaxed);
    }

    /// What is done now.
    pub fn settings(&self) -> VoiceSettings {
        from_bits(self.settings.load(Ordering::Relaxed))
    }

    /// Whether somebody spoke while muted since this was last asked.
    pub fn take_spoke_while_muted(&self) -> bool {
        self.spoke_while_muted.swap(false, Ordering::Relaxed)
    }

    /// How it goes.
    pub fn report(&self) -> VoiceReport {
        let VoiceSettings { echo, noise, gain } = self.settings();
        let told = &self.told;
        VoiceReport {
            echo_cancelling: echo,
            noise_suppression: noise,
            gain_control: gain,
            echo_return_loss_enhancement_db: told.enhancement_db.get(),
            echo_return_loss_db: told.loss_db.get(),
            echo_delay_ms: told.delay_ms.get(),
            speech_db: told.speech_db.get(),
            spoken_while_muted: told.spoken_while_muted.load(Ordering::Relaxed),
            played_missing: told.missing.load(Ordering::Relaxed),
            played_let_go: told.let_go.load(Ordering::Relaxed),
        }
    }
}

fn to_bits(VoiceSettings { echo, noise, gain }: VoiceSettings) -> u8 {
    u8::from(echo) | u8::from(noise) << 1 | u8::from(gain) << 2
}

fn from_bits(bits: u8) -> VoiceSettings {
    VoiceSettings { echo: bits & 1 != 0, noise: bits & 2 != 0, gain: bits & 4 != 0 }
}

/// Cleans block by block. Once it is made, only another wish makes it allocate.
pub struct Voice {
    cleaner: VoiceCleaner,
    meter: SpeechMeter,
    reference: ReferenceOut,
    wish: Arc<VoiceWish>,
    blocks: u64,
    muted_since: Option<u64>,
    said_at: Option<u64>,
}

impl Voice {
    /// One that takes out what comes by `reference`, and does as is wished.
    pub fn new(reference: ReferenceOut, wish: Arc<VoiceWish>) -> Self {
        Self {
            cleaner: VoiceCleaner::new(wish.settings()),
            meter: SpeechMeter::default(),
            reference,
            wish,
            blocks: 0,
            muted_since: None,
            said_at: None,
        }
    }

    /// Makes of what was heard what is to be sent. Where it is muted that is silence, but everything else goes on, so that
    /// the canceller knows the room when it is wanted again.
    pub fn handle(&mut self, block: &mut [f32; SOUND_BLOCK], muted: bool) {
        self.cleaner.set(self.wish.settings());
        let mut played = [0.0; SOUND_BLOCK];
        let delay = self.reference.next(&mut played);
        self.cleaner.played(&played);
        self.cleaner.clean(block, delay);
        self.meter.hear(block);
        self.blocks += 1;
        if muted {
            block.fill(0.0);
            self.note_muted();
        } else {
            self.muted_since = None;
        }
        if self.blocks.is_multiple_of(TELL_EVERY) {
            self.tell();
        }
    }

    fn note_muted(&mut self) {
        let since = *self.muted_since.get_or_insert(self.blocks);
        let said_enough = self.said_at.is_some_and(|at| self.blocks < at + SAID_FOR);
        if self.meter.is_speaking() && self.blocks >= since + MUTED_FOR && !said_enough {
            self.said_at = Some(self.blocks);
            self.wish.told.spoken_while_muted.fetch_add(1, Ordering::Relaxed);
            self.wish.spoke_while_muted.store(true, Ordering::Relaxed);
        }
    }

    fn tell(&self) {
        let (figures, counts, told) = (self.cleaner.figures(), self.reference.counts(), &self.wish.told);
        told.enhancement_db.set(figures.echo_return_loss_enhancement_db);
        told.loss_db.set(figures.echo_return_loss_db);
        told.delay_ms.set(figures.echo_delay_ms.map(|ms| ms as f32));
        told.speech_db.set(self.meter.level_db());
        told.missing.store(counts.missing, Ordering::Relaxed);
        told.let_go.store(counts.let_go, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        engine::reference::{self, ReferenceIn},
        media::voice::stage::{RATE, Room, fan, level_db_of, speech},
    };
    use std::time::Duration;

    struct Desk {
        voice: Voice,
        wish: Arc<VoiceWish>,
        played: ReferenceIn,
        /// In which block it was said that somebody speaks while muted.
        said: Vec<usize>,
        block: usize,
    }

    impl Desk {
        fn new(settings: VoiceSettings) -> Self {
            let wish = Arc::new(VoiceWish::new(settings));
            let (played, reference) = reference::pair();
            let voice = Voice::new(reference, wish.clone());
            Self { voice, wish, played, said: Vec::new(), block: 0 }
        }

        fn hear(&mut self, heard: &[f32], muted: bool) -> Vec<f32> {
            self.hear_with(heard, &vec![0.0; heard.len()], muted)
        }

        fn hear_with(&mut self, heard: &[f32], far: &[f32], muted: bool) -> Vec<f32> {
            let mut sent = Vec::new();
            for (heard, far) in heard.as_chunks().0.iter().zip(far.as_chunks::<SOUND_BLOCK>().0) {
                let mut block = *heard;
                self.played.played(far, Duration::from_millis(40));
                self.voice.handle(&mut block, muted);
                if self.wish.take_spoke_while_muted() {
                    self.said.push(self.block);
                }
                self.block += 1;
                sent.extend_from_slice(&block);
            }
            sent
        }
    }

    #[test]
    fn what_is_muted_is_silent_from_its_first_sample_and_comes_back_at_once() {
        let mut desk = Desk::new(VoiceSettings::default());
        let voice = speech(1, 6.0, -20.0);
        let (before, after) = voice.split_at(3 * RATE);
        desk.hear(before, false);
        assert!(desk.hear(before, true).iter().all(|sample| *sample == 0.0));
        let sent = desk.hear(after, false);
        assert!(level_db_of(&sent[..RATE]) > -35.0, "{}", level_db_of(&sent[..RATE]));
    }

    #[test]
    fn who_speaks_while_muted_is_told_once_in_a_while() {
        let mut desk = Desk::new(VoiceSettings::default());
        let voice = speech(2, 24.0, -25.0);
        desk.hear(&voice[..5 * RATE], false);
        assert_eq!(desk.said, [0; 0], "the microphone is on");
        desk.hear(&voice, true);
        let [first, second, third] = desk.said[..] else { panic!("{:?}", desk.said) };
        assert!((650..800).contains(&first), "{first}");
        assert!((first + 1_000..first + 1_150).contains(&second), "{first}, {second}");
        assert!((second + 1_000..second + 1_150).contains(&third), "{second}, {third}");
        assert_eq!(desk.wish.report().spoken_while_muted, 3);
    }

    #[test]
    fn the_end_of_a_sentence_and_noise_and_silence_are_not_told() {
        let mut desk = Desk::new(VoiceSettings::default());
        let voice = speech(3, 5.0, -25.0);
        desk.hear(&voice, false);
        desk.hear(&voice[..RATE / 2], true);
        desk.hear(&vec![0.0; 2 * RATE], true);
        desk.hear(&fan(4, 8 * RATE, -40.0), true);
        assert_eq!(desk.said, [0; 0]);
    }

    #[test]
    fn the_echo_of_the_other_side_is_nobody_who_speaks_here() {
        let far = speech(5, 12.0, -20.0);
        let echo = Room::new(6, [5.5, 4.2, 2.6], 0.45, 10.0).hears(&far, RATE / 25);
        let told = |settings| {
            let mut desk = Desk::new(settings);
            desk.hear_with(&echo, &far, true);
            (desk.said, desk.wish.report())
        };
        let (said, report) = told(VoiceSettings::default());
        assert_eq!(said, [0; 0]);
        let delay_ms = report.echo_delay_ms.unwrap();
        assert!((20.0..40.0).contains(&delay_ms), "{delay_ms} ms: 40 without the 10 that are held back");
        assert!(report.echo_return_loss_enhancement_db.unwrap() > 3.0, "{report:?}");
        assert_eq!(told(VoiceSettings::NOTHING).0.len(), 2, "nobody knows better without the canceller");
    }

    #[test]
    fn wishes_are_kept_bit_by_bit() {
        for bits in 0..8 {
            assert_eq!(to_bits(from_bits(bits)), bits);
        }
        let wish = VoiceWish::new(VoiceSettings::default());
        wish.set(VoiceSettings { noise: false, ..VoiceSettings::default() });
        let report = wish.report();
        assert!(report.echo_cancelling && !report.noise_suppression && report.gain_control);
        assert_eq!(report.echo_delay_ms, None, "nothing was heard yet");
    }
}
