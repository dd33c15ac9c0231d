//! How loud somebody speaks, and whether anybody does.
//!
//! Speech stands out from what is there all the time, and it moves: it swells and falls with every syllable. A fan does
//! neither, a hum does not move, and a key that is struck is over before it counts.

use super::voice::BLOCK_SAMPLES;

/// What is quieter is nobody who speaks to this microphone.
const LEAST_DB: f32 = -55.0;
/// By how much speech stands out from what is always there.
const ABOVE_FLOOR_DB: f32 = 9.0;
/// By how much the level of speech falls again and again.
const LEAST_FALL_DB: f32 = 6.0;
/// How many blocks it may take until it does: a bit more than a long syllable.
const RECENT: usize = 40;
/// How fast the level that is compared follows, a block. Noise is uneven, from one block to the next.
const SMOOTH: f32 = 0.4;
/// The floor is the quietest block of the last three seconds or so, kept in parts so that an old one can be forgotten.
const FLOOR_PARTS: usize = 8;
const BLOCKS_IN_PART: u32 = 40;
/// So many blocks of speech, and the pauses between them weigh half, until somebody is said to speak.
const SPEAKS_AT: f32 = 20.0;
/// And so much of it is held against pauses, until nobody is said to speak any more.
const MOST_EVIDENCE: f32 = 40.0;
/// How fast the level of speech follows, a block.
const FOLLOW: f32 = 1.0 / 200.0;
/// Of silence itself.
const SILENCE_DB: f32 = -100.0;

/// Listens to a stream of sound, block by block.
#[derive(Clone, Debug)]
pub struct SpeechMeter {
    below: f32,
    above: f32,
    smooth: f32,
    recent: [f32; RECENT],
    next: usize,
    floor: [f32; FLOOR_PARTS],
    in_part: u32,
    evidence: f32,
    speaking: bool,
    power: Option<f32>,
}

impl Default for SpeechMeter {
    fn default() -> Self {
        Self {
            below: 0.0,
            above: 0.0,
            smooth: 0.0,
            recent: [SILENCE_DB; RECENT],
            next: 0,
            floor: [0.0; FLOOR_PARTS],
            in_part: 0,
            evidence: 0.0,
            speaking: false,
            power: None,
        }
    }
}

impl SpeechMeter {
    /// Listens to the next 10 ms, and says whether they were speech.
    pub fn hear(&mut self, block: &[f32; BLOCK_SAMPLES]) -> bool {
        let power = self.power_in_the_band_of_speech(block);
        self.smooth += SMOOTH * (power - self.smooth);
        self.recent[self.next] = to_db(self.smooth);
        self.next = (self.next + 1) % RECENT;
        let db = to_db(power);
        let stands_out = db > (self.floor_db() + ABOVE_FLOOR_DB).max(LEAST_DB);
        self.lower_the_floor(db);
        let is_speech = stands_out && self.moves();
        self.evidence = (self.evidence + if is_speech { 1.0 } else { -0.5 }).clamp(0.0, MOST_EVIDENCE);
        if self.evidence >= SPEAKS_AT {
            self.speaking = true;
        } else if self.evidence <= 0.0 {
            self.speaking = false;
        }
        if is_speech && self.speaking {
            let power = mean_square(block);
            let before = self.power.unwrap_or(power);
            self.power = Some(before + FOLLOW * (power - before));
        }
        is_speech
    }

    /// Whether somebody speaks. Pauses between words do not count as silence, nor a cough as speech.
    pub fn is_speaking(&self) -> bool {
        self.speaking
    }

    /// The level of what was spoken in the last seconds, where anything was; 0 is as loud as it goes.
    pub fn level_db(&self) -> Option<f32> {
        self.power.map(to_db)
    }

    /// From 100 Hz to 4 kHz, roughly: what rumbles and what hisses is not asked.
    fn power_in_the_band_of_speech(&mut self, block: &[f32; BLOCK_SAMPLES]) -> f32 {
        const BELOW: f32 = 0.013;
        const ABOVE: f32 = 0.41;
        let mut sum = 0.0;
        for sample in block {
            self.below += BELOW * (sample - self.below);
            self.above += ABOVE * (sample - self.below - self.above);
            sum += self.above * self.above;
        }
        sum / BLOCK_SAMPLES as f32
    }

    fn floor_db(&self) -> f32 {
        self.floor.iter().copied().fold(0.0, f32::min)
    }

    fn lower_the_floor(&mut self, db: f32) {
        self.floor[0] = self.floor[0].min(db);
        self.in_part += 1;
        if self.in_part == BLOCKS_IN_PART {
            self.in_part = 0;
            self.floor.rotate_right(1);
            self.floor[0] = db;
        }
    }

    /// Whether the level has fallen within the last blocks. That it rose is not enough: so does that of a fan which is
    /// switched on.
    fn moves(&self) -> bool {
        let (after, before) = self.recent.split_at(self.next);
        let mut highest = SILENCE_DB;
        before.iter().chain(after).any(|&db| {
            highest = highest.max(db);
            highest - db >= LEAST_FALL_DB
        })
    }
}

fn mean_square(block: &[f32]) -> f32 {
    block.iter().map(|sample| sample * sample).sum::<f32>() / block.len() as f32
}

fn to_db(power: f32) -> f32 {
    (10.0 * power.max(1e-10).log10()).max(SILENCE_DB)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::voice::stage::{Chance, RATE, add, fan, speech};

    /// The share of the time in which somebody is said to speak, and the level at the end.
    fn listen(sound: &[f32]) -> (f32, SpeechMeter) {
        let mut meter = SpeechMeter::default();
        let blocks = sound.as_chunks().0;
        let speaking = blocks
            .iter()
            .filter(|block| {
                meter.hear(block);
                meter.is_speaking()
            })
            .count();
        (speaking as f32 / blocks.len() as f32, meter)
    }

    #[test]
    fn speech_is_heard_in_silence_and_in_noise_and_its_level_is_known() {
        for (seed, level_db, noise_db) in
            [(1, -20.0, -90.0), (2, -35.0, -60.0), (3, -25.0, -45.0), (4, -12.0, -50.0)]
        {
            let voice = speech(seed, 12.0, level_db);
            let (share, meter) = listen(&add(&voice, &fan(seed + 10, voice.len(), noise_db)));
            assert!(share > 0.8, "{level_db} dB in {noise_db} dB: {share}");
            let heard_db = meter.level_db().unwrap();
            assert!((heard_db - level_db).abs() < 4.0, "{level_db} dB was taken for {heard_db}");
        }
    }

    #[test]
    fn nobody_speaks_where_there_is_silence_noise_a_hum_or_typing() {
        let seconds = 12 * RATE;
        let hum: Vec<f32> = (0..seconds).map(|at| 0.1 * (at as f32 * 0.026).sin()).collect();
        let mut late_fan = fan(7, seconds, -35.0);
        late_fan[..4 * RATE].fill(0.0);
        let mut chance = Chance::new(3);
        let mut typing = fan(8, seconds, -70.0);
        for stroke in (0..seconds - RATE).step_by(RATE / 7) {
            for at in 0..RATE / 50 {
                typing[stroke + at] += 0.2 * chance.between(-1.0, 1.0) * (-(at as f32) / 300.0).exp();
            }
        }
        for (name, sound) in [
            ("silence", vec![0.0; seconds]),
            ("a fan", fan(7, seconds, -30.0)),
            ("a fan that is switched on", late_fan),
            ("a hum", hum),
            ("typing", typing),
            ("somebody far away", speech(5, 12.0, -65.0)),
        ] {
            let (share, _) = listen(&sound);
            assert!(share < 0.04, "{name}: {share}");
        }
    }

    #[test]
    fn somebody_who_begins_is_heard_within_half_a_second_and_who_ends_within_one() {
        let mut sound = vec![0.0; 2 * RATE];
        sound.extend(speech(9, 3.0, -22.0));
        sound.extend(vec![0.0; 2 * RATE]);
        let mut meter = SpeechMeter::default();
        let spoke: Vec<bool> = sound
            .as_chunks()
            .0
            .iter()
            .map(|block| {
                meter.hear(block);
                meter.is_speaking()
            })
            .collect();
        let began = spoke.iter().position(|spoke| *spoke).unwrap();
        let ended = spoke.iter().rposition(|spoke| *spoke).unwrap();
        assert!((200..250).contains(&began), "{began}");
        assert!((480..600).contains(&ended), "{ended}");
    }
}
