use super::{stage::*, *};

const ECHO: VoiceSettings = VoiceSettings { echo: true, ..VoiceSettings::NOTHING };
const ECHO_AND_NOISE: VoiceSettings = VoiceSettings { echo: true, noise: true, gain: false };
const NOISE: VoiceSettings = VoiceSettings { noise: true, ..VoiceSettings::NOTHING };
const USUAL_DELAY: usize = 40;
/// What every microphone hears of itself.
const HISS_DB: f32 = -75.0;

fn clean(settings: VoiceSettings, played: &[f32], heard: &[f32]) -> (Vec<f32>, VoiceCleaner) {
    let mut cleaner = VoiceCleaner::new(settings);
    let mut out = Vec::with_capacity(heard.len());
    for (played, heard) in played.as_chunks().0.iter().zip(heard.as_chunks().0) {
        let mut block = *heard;
        cleaner.played(played);
        cleaner.clean(&mut block, Duration::ZERO);
        out.extend_from_slice(&block);
    }
    (out, cleaner)
}

fn small() -> Room {
    Room::new(1, [3.0, 2.5, 2.4], 0.2, 6.0)
}

fn living() -> Room {
    Room::new(2, [5.5, 4.2, 2.6], 0.45, 10.0)
}

fn hall() -> Room {
    Room::new(3, [9.0, 7.0, 3.2], 0.8, 14.0)
}

fn with_hiss(sound: &[f32]) -> Vec<f32> {
    add(sound, &fan(5, sound.len(), HISS_DB))
}

fn seconds(sound: &[f32], from: usize, to: usize) -> &[f32] {
    &sound[from * RATE..to * RATE]
}

/// By how many dB what was heard became quieter.
fn weakened(heard: &[f32], out: &[f32], from: usize, to: usize) -> f32 {
    level_db_of(seconds(heard, from, to)) - level_db_of(seconds(out, from, to))
}

fn likeness(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
    (dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()) as f32
}

fn peak(sound: &[f32]) -> f32 {
    sound.iter().fold(0.0, |most, sample| sample.abs().max(most))
}

#[test]
fn the_echo_of_three_rooms_and_an_overdriven_loudspeaker_is_gone() {
    let far = speech(11, 12.0, -20.0);
    for (name, room) in [("small", small()), ("living", living()), ("hall", hall())] {
        for (kind, speaker) in [("good", far.clone()), ("overdriven", overdriven(&far, 3.0))] {
            let heard = with_hiss(&room.hears(&speaker, USUAL_DELAY * RATE / 1000));
            let (out, _) = clean(ECHO_AND_NOISE, &far, &heard);
            let (soon, then) = (weakened(&heard, &out, 1, 4), weakened(&heard, &out, 5, 12));
            assert!(soon >= 20.0 && then >= 30.0, "{name}, {kind}: {soon:.1} dB soon, {then:.1} dB then");
        }
    }
}

#[test]
fn what_is_left_of_an_echo_is_not_taken_for_a_quiet_voice() {
    let far = speech(11, 12.0, -20.0);
    for (name, room) in [("small", small()), ("living", living())] {
        let heard = with_hiss(&room.hears(&far, USUAL_DELAY * RATE / 1000));
        let (out, _) = clean(VoiceSettings::default(), &far, &heard);
        let (soon, then) = (weakened(&heard, &out, 1, 4), weakened(&heard, &out, 5, 12));
        assert!(soon >= 20.0 && then >= 30.0, "{name}: {soon:.1} dB soon, {then:.1} dB then");
    }
}

#[test]
fn an_echo_is_found_however_late_it_comes_and_its_delay_is_known() {
    let far = speech(12, 10.0, -20.0);
    let room = living();
    for delay_ms in [20, 80, 160, 300] {
        let heard = with_hiss(&room.hears(&far, delay_ms * RATE / 1000));
        let (out, cleaner) = clean(ECHO_AND_NOISE, &far, &heard);
        let weakened = weakened(&heard, &out, 4, 10);
        let found = cleaner.figures().echo_delay_ms.unwrap() as usize;
        assert!(weakened >= 30.0, "{delay_ms} ms: {weakened:.1} dB");
        assert!(found.abs_diff(delay_ms) <= 12, "{found} instead of {delay_ms} ms");
    }
}

#[test]
fn a_loudspeaker_whose_clock_is_off_by_a_hundred_millionths_makes_no_difference() {
    let far = speech(13, 16.0, -20.0);
    for ppm in [-100.0, 100.0] {
        let heard = with_hiss(&living().hears(&off_by_ppm(&far, ppm), USUAL_DELAY * RATE / 1000));
        let (out, _) = clean(ECHO_AND_NOISE, &far, &heard);
        let weakened = weakened(&heard, &out, 5, 16);
        assert!(weakened >= 30.0, "{ppm} ppm: {weakened:.1} dB");
    }
}

/// Compared with the same voice without an echo, so that what is measured is what the echo costs, and nothing else.
#[test]
fn who_speaks_at_the_same_time_is_still_heard() {
    let far = speech(11, 14.0, -20.0);
    let mut near = speech(77, 14.0, -18.0);
    near[..6 * RATE].fill(0.0);
    for (name, room) in [("small", small()), ("living", living()), ("hall", hall())] {
        let echo = room.hears(&far, USUAL_DELAY * RATE / 1000);
        let (alone, _) = clean(ECHO_AND_NOISE, &vec![0.0; far.len()], &with_hiss(&near));
        let (both, _) = clean(ECHO_AND_NOISE, &far, &with_hiss(&add(&echo, &near)));
        let (alone, both) = (seconds(&alone, 6, 14), seconds(&both, 6, 14));
        let (lost, like) = (level_db_of(alone) - level_db_of(both), likeness(alone, both));
        assert!(lost.abs() < 4.0, "{name}: {lost:.1} dB lost");
        assert!(like > 0.8, "{name}: likeness {like:.2}");
    }
}

#[test]
fn noise_is_held_down_and_speech_is_not() {
    for noise_db in [-60.0, -50.0, -42.0] {
        let voice = speech(21, 12.0, -22.0);
        let noise = fan(9, voice.len(), noise_db);
        let nothing = vec![0.0; voice.len()];
        let (quiet, _) = clean(NOISE, &nothing, &noise);
        let (spoken, _) = clean(NOISE, &nothing, &add(&voice, &noise));
        let down = weakened(&noise, &quiet, 4, 12);
        let lost = active_level_db(seconds(&voice, 4, 12)) - active_level_db(seconds(&spoken, 4, 12));
        assert!(down >= 10.0, "{noise_db} dB: {down:.1} dB less noise");
        assert!(lost.abs() < 1.5, "{noise_db} dB: {lost:.1} dB less speech");
    }
}

#[test]
fn quiet_and_loud_voices_come_out_alike_and_none_is_clipped() {
    for level_db in [-45.0, -35.0, -25.0, -17.0] {
        let voice = speech(22, 16.0, level_db);
        let (out, _) = clean(VoiceSettings::default(), &vec![0.0; voice.len()], &with_hiss(&voice));
        let (level, peak) = (active_level_db(seconds(&out, 8, 16)), peak(&out));
        assert!((-26.0..=-16.0).contains(&level), "{level_db} dB became {level:.1} dB");
        assert!(peak < 1.0, "{level_db} dB: clipped");
    }
}

#[test]
fn nothing_asked_for_is_nothing_done() {
    let voice = speech(23, 1.0, -20.0);
    assert_eq!(clean(VoiceSettings::NOTHING, &voice, &voice).0, voice);
}

#[test]
fn it_can_be_switched_while_it_runs() {
    let far = speech(11, 15.0, -20.0);
    let heard = with_hiss(&small().hears(&far, USUAL_DELAY * RATE / 1000));
    let mut cleaner = VoiceCleaner::new(VoiceSettings::NOTHING);
    let mut out = Vec::new();
    for (number, (played, heard)) in far.as_chunks().0.iter().zip(heard.as_chunks().0).enumerate() {
        match number {
            500 => cleaner.set(ECHO),
            1_000 => cleaner.set(ECHO_AND_NOISE),
            1_400 => cleaner.set(VoiceSettings::NOTHING),
            _ => {}
        }
        let mut block = *heard;
        cleaner.played(played);
        cleaner.clean(&mut block, Duration::ZERO);
        out.extend_from_slice(&block);
    }
    assert_eq!(seconds(&out, 0, 5), seconds(&heard, 0, 5));
    assert!(weakened(&heard, &out, 7, 10) > 25.0);
    assert!(weakened(&heard, &out, 12, 14) > 25.0);
    assert_eq!(seconds(&out, 14, 15), seconds(&heard, 14, 15));
}

#[test]
fn gain_and_its_absence_leave_what_the_canceller_has_learned() {
    let far = speech(11, 10.0, -20.0);
    let heard = with_hiss(&small().hears(&far, USUAL_DELAY * RATE / 1000));
    let mut cleaner = VoiceCleaner::new(VoiceSettings::default());
    let mut out = Vec::new();
    for (number, (played, heard)) in far.as_chunks().0.iter().zip(heard.as_chunks().0).enumerate() {
        if number == 800 {
            cleaner.set(ECHO_AND_NOISE);
        }
        let mut block = *heard;
        cleaner.played(played);
        cleaner.clean(&mut block, Duration::ZERO);
        out.extend_from_slice(&block);
    }
    let after = weakened(&heard, &out, 8, 10);
    assert!(after > 40.0, "{after:.1} dB");
}

#[test]
fn what_is_no_sound_does_no_lasting_harm() {
    let mut cleaner = VoiceCleaner::new(VoiceSettings::default());
    for wild in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, -40.0] {
        let mut block = [wild; BLOCK_SAMPLES];
        cleaner.played(&block);
        cleaner.clean(&mut block, Duration::MAX);
        assert!(block.iter().all(|sample| sample.is_finite()), "{wild}");
    }
    let voice = speech(24, 6.0, -22.0);
    let mut out = Vec::new();
    for heard in voice.as_chunks().0 {
        let mut block = *heard;
        cleaner.played(&[0.0; BLOCK_SAMPLES]);
        cleaner.clean(&mut block, Duration::ZERO);
        out.extend_from_slice(&block);
    }
    assert!(active_level_db(seconds(&out, 3, 6)) > -30.0);
}
