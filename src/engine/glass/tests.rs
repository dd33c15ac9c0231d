use std::{
    f32::consts::TAU,
    sync::{Mutex, atomic::AtomicUsize},
    time::{Duration, Instant},
};

use super::*;
use crate::{
    engine::ports::{
        MediaMaker, PictureSink, PictureSource, SOUND_BLOCK, SoundSink, SoundSource, SourceEnded,
    },
    logic::units::MediaTime,
    media::{frame::Size, pool::Pool},
};

fn frame(luma: u8) -> Frame {
    let mut frame = Pool::new(1).frame(Size::SMALL);
    frame.fill(luma);
    frame.freeze(MediaTime(u64::from(luma)))
}

fn luma(news: &PictureNews) -> Option<u8> {
    match news {
        PictureNews::New(frame) => Some(frame.planes().y[0]),
        PictureNews::Same | PictureNews::Gone => None,
    }
}

/// A glass, and how often it woke the window.
fn glass() -> (Arc<Glass>, Arc<AtomicUsize>) {
    let (glass, woken) = (Arc::new(Glass::default()), Arc::new(AtomicUsize::default()));
    let count = woken.clone();
    glass.wake_by(Box::new(move || {
        count.fetch_add(1, Ordering::Relaxed);
    }));
    (glass, woken)
}

fn tone(loud: f32) -> [f32; SOUND_BLOCK] {
    std::array::from_fn(|index| loud * (index as f32 * TAU * 10.0 / SOUND_BLOCK as f32).sin())
}

#[test]
fn the_newest_picture_wins_and_is_seen_once() {
    let (glass, _) = glass();
    assert!(matches!(glass.theirs(), PictureNews::Same));
    glass.show_theirs(&frame(20));
    glass.show_theirs(&frame(30));
    glass.show_ours(&frame(40));
    assert_eq!(luma(&glass.theirs()), Some(30));
    assert!(matches!(glass.theirs(), PictureNews::Same));
    assert_eq!(luma(&glass.ours()), Some(40));
    glass.show_theirs(&frame(50));
    glass.no_picture_of_theirs();
    assert!(matches!(glass.theirs(), PictureNews::Gone));
    assert!(matches!(glass.theirs(), PictureNews::Same));
}

#[test]
fn a_picture_is_shared_and_not_copied() {
    let (glass, _) = glass();
    let shown = frame(20);
    glass.show_ours(&shown);
    let PictureNews::New(seen) = glass.ours() else { panic!("nothing to be seen") };
    assert!(std::ptr::eq(seen.i420(), shown.i420()));
}

#[test]
fn a_window_that_does_not_look_is_woken_once() {
    let (glass, woken) = glass();
    for luma in 20..60 {
        glass.show_theirs(&frame(luma));
        glass.show_ours(&frame(luma));
    }
    assert_eq!(woken.load(Ordering::Relaxed), 1);
    glass.theirs();
    glass.show_theirs(&frame(60));
    assert_eq!(woken.load(Ordering::Relaxed), 2);
}

#[test]
fn what_comes_between_two_pictures_of_theirs_is_drawn_with_the_next() {
    let (glass, woken) = glass();
    let draw = || {
        let before = woken.load(Ordering::Relaxed);
        glass.theirs();
        before
    };
    for luma in 20..50 {
        glass.show_theirs(&frame(luma));
        assert_eq!(draw(), usize::from(luma) - 19, "once for each of theirs");
        glass.show_ours(&frame(luma));
        glass.come_along();
    }
    for _ in 0..MOST_RIDES {
        glass.show_ours(&frame(60));
    }
    let before = draw();
    glass.show_ours(&frame(61));
    assert_eq!(draw(), before + 1, "theirs stand still: ours move nevertheless");
    glass.show_theirs(&frame(62));
    glass.no_picture_of_theirs();
    let before = draw();
    glass.show_ours(&frame(63));
    assert_eq!(draw(), before + 1, "there are no more of theirs to wait for");
}

#[test]
fn a_meter_rises_at_once_falls_slowly_and_keeps_its_peak_for_a_second() {
    let mut level = Level::default();
    level.hear(&tone(1.0));
    assert!(level.now() > 0.9, "{}", level.now());
    let loudest = level.peak();
    for _ in 0..10 {
        level.hear(&tone(0.0));
    }
    assert!(level.now() > 0.6, "a syllable is not over yet: {}", level.now());
    for _ in 0..85 {
        level.hear(&tone(0.0));
    }
    assert_eq!((level.now(), level.peak()), (0.0, loudest));
    for _ in 0..100 {
        level.hear(&tone(0.0));
    }
    assert_eq!(level.peak(), 0.0);
}

#[test]
fn speech_is_in_the_middle_of_the_meter_and_noise_at_its_foot() {
    let after = |loud| {
        let mut level = Level::default();
        level.hear(&tone(loud));
        level.now()
    };
    assert!((0.4..0.8).contains(&after(0.1)), "{}", after(0.1));
    assert!(after(0.001) < 0.1, "{}", after(0.001));
    assert_eq!(after(0.0), 0.0);
    assert_eq!(after(9.0), 1.0);
    assert!((0.0..=1.0).contains(&after(f32::NAN)), "what is no number is no level");
}

#[test]
fn what_goes_through_the_ends_shows_on_the_glass_and_goes_when_they_do() {
    let (glass, woken) = glass();
    let mut media = OnGlass::new(Box::new(Made::default()), glass.clone());
    let mut camera = media.picture_source().unwrap().unwrap();
    let mut microphone = media.sound_source().unwrap().unwrap();
    let mut screen = media.picture_sink().unwrap();
    let mut speaker = media.sound_sink().unwrap();

    camera.next().unwrap();
    screen.show(&frame(77), MediaTime(0), MediaTime(0));
    microphone.read(&mut [0.0; SOUND_BLOCK]).unwrap();
    speaker.play(&tone(0.5));
    assert_eq!((luma(&glass.ours()), luma(&glass.theirs())), (Some(100), Some(77)));
    assert!(glass.meters.microphone.now() > 0.5 && glass.meters.theirs.now() > 0.5);

    camera.rest();
    assert!(matches!(glass.ours(), PictureNews::Gone), "the camera is off");
    camera.rest();
    assert!(matches!(glass.ours(), PictureNews::Same), "and stays so without a word");

    let before = woken.load(Ordering::Relaxed);
    drop((camera, microphone, screen, speaker));
    assert!(matches!(glass.theirs(), PictureNews::Gone));
    assert_eq!((glass.meters.microphone.now(), glass.meters.theirs.now()), (0.0, 0.0));
    assert!(woken.load(Ordering::Relaxed) > before);
}

#[test]
fn a_meter_wakes_only_who_looks_at_it() {
    let (glass, woken) = glass();
    let mut media = OnGlass::new(Box::new(Made::default()), glass.clone());
    let mut microphone = media.sound_source().unwrap().unwrap();
    let mut hear = |blocks| {
        for _ in 0..blocks {
            microphone.read(&mut [0.0; SOUND_BLOCK]).unwrap();
        }
    };
    hear(100);
    assert_eq!(woken.load(Ordering::Relaxed), 0, "nobody looks");
    for _ in 0..4 {
        glass.meters.microphone.now();
        glass.theirs();
        hear(25);
    }
    assert_eq!(woken.load(Ordering::Relaxed), 4, "once for each look");
}

#[test]
fn a_preview_opens_camera_and_microphone_once_and_closes_both() {
    let (glass, _) = glass();
    let made = Made::default();
    let open = made.open.clone();
    let mut media = OnGlass::new(Box::new(made), glass.clone());
    let (preview, problems) = Preview::start(&mut media);
    assert!(problems.is_empty(), "{problems:?}");
    let began = Instant::now();
    while luma(&glass.ours()).is_none() || glass.meters.microphone.now() == 0.0 {
        assert!(began.elapsed() < Duration::from_secs(20), "nothing to be seen or heard");
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(*open.lock().unwrap(), 2);
    preview.stop();
    drop(preview);
    assert_eq!(*open.lock().unwrap(), 0, "both are closed when that returns");
    assert_eq!(glass.meters.microphone.now(), 0.0);
}

/// A camera, a microphone, a screen and a speaker, and how many of the first two are open.
#[derive(Default)]
struct Made {
    open: Arc<Mutex<u32>>,
}

struct Open(Arc<Mutex<u32>>);

impl Open {
    fn new(count: &Arc<Mutex<u32>>) -> Self {
        *count.lock().unwrap() += 1;
        Self(count.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        *self.0.lock().unwrap() -= 1;
    }
}

impl MediaMaker for Made {
    fn picture_source(&mut self) -> Result<Option<Box<dyn PictureSource>>, SourceEnded> {
        Ok(Some(Box::new(Open::new(&self.open))))
    }

    fn sound_source(&mut self) -> Result<Option<Box<dyn SoundSource>>, SourceEnded> {
        Ok(Some(Box::new(Open::new(&self.open))))
    }

    fn picture_sink(&mut self) -> Result<Box<dyn PictureSink>, SourceEnded> {
        Ok(Box::new(Nobody))
    }

    fn sound_sink(&mut self) -> Result<Box<dyn SoundSink>, SourceEnded> {
        Ok(Box::new(Nobody))
    }
}

impl PictureSource for Open {
    fn next(&mut self) -> Result<Option<Frame>, SourceEnded> {
        std::thread::sleep(Duration::from_millis(1));
        Ok(Some(frame(100)))
    }
}

impl SoundSource for Open {
    fn read(&mut self, block: &mut [f32; SOUND_BLOCK]) -> Result<MediaTime, SourceEnded> {
        std::thread::sleep(Duration::from_micros(100));
        *block = tone(0.5);
        Ok(MediaTime(0))
    }
}

struct Nobody;

impl PictureSink for Nobody {
    fn show(&mut self, _: &Frame, _: MediaTime, _: MediaTime) {}
}

impl SoundSink for Nobody {
    fn wait(&mut self) -> Instant {
        Instant::now()
    }

    fn play(&mut self, _: &[f32; SOUND_BLOCK]) {}
}
