use proptest::prelude::*;

use super::*;

const FRAME: Duration = Duration::from_micros(33_333);
/// What the path costs; the clocks differ by far more.
const PATH: Duration = Duration::from_millis(25);

/// A sender, a network and a screen on simulated time.
struct World {
    began: Instant,
    playout: Playout,
    captured: MediaTime,
    /// Nothing arrives before what was sent before it.
    last_arrival: Instant,
}

/// One picture's fate.
#[derive(Clone, Copy, Debug)]
struct Fate {
    waited: Duration,
    after_capture: Duration,
    due: Instant,
}

impl World {
    fn new() -> Self {
        let began = Instant::now();
        Self { began, playout: Playout::default(), captured: MediaTime(77_000_000_000), last_arrival: began }
    }

    fn capture_instant(&self) -> Instant {
        self.began + self.captured.since(MediaTime(77_000_000_000))
    }

    /// The next picture takes so much longer than the path costs.
    fn picture(&mut self, longer: Duration, sound_delay: Option<Duration>) -> Fate {
        self.captured = self.captured + FRAME;
        let captured_at = self.capture_instant();
        let now = (captured_at + PATH + longer).max(self.last_arrival);
        self.last_arrival = now;
        let sound = sound_delay.map(|delay| Sound { captured: self.captured, heard: captured_at + delay });
        let due = self.playout.due(self.captured, now, sound);
        Fate { waited: due - now, after_capture: due - captured_at, due }
    }
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn on_a_calm_network_every_picture_is_shown_on_arrival() {
    let mut world = World::new();
    for n in 0..300 {
        assert_eq!(world.picture(ms(n % 9), None).waited, Duration::ZERO, "picture {n}");
    }
}

#[test]
fn on_a_restless_network_pictures_come_evenly_and_no_later_than_they_must() {
    let mut world = World::new();
    let fates: Vec<Fate> = (0..300_u64).map(|n| world.picture(ms(n * 17 % 31), None)).collect();
    let steady = &fates[100..];
    for pair in steady.windows(2) {
        let apart = pair[1].due - pair[0].due;
        assert!(apart.abs_diff(FRAME) <= ms(3), "{apart:?} between two pictures");
    }
    assert!(steady.iter().all(|fate| fate.after_capture <= PATH + ms(31)));
}

#[test]
fn what_was_waited_for_is_not_waited_for_any_longer_when_the_network_calms_down() {
    let mut world = World::new();
    for n in 0..90_u64 {
        world.picture(ms(n * 17 % 60), None);
    }
    let calm: Vec<Fate> = (0..120).map(|_| world.picture(Duration::ZERO, None)).collect();
    assert!(calm[0].waited > ms(40));
    assert_eq!(calm[90].waited, Duration::ZERO, "three seconds later");
    assert!(calm.windows(2).all(|pair| pair[1].due - pair[0].due >= FRAME * 3 / 4 - ms(1)), "and none jumps");
}

#[test]
fn one_repaired_picture_delays_none_of_the_others() {
    let mut world = World::new();
    for n in 0..200 {
        let fate = world.picture(if n == 100 { ms(90) } else { Duration::ZERO }, None);
        assert!(fate.waited == Duration::ZERO, "picture {n} waited {:?}", fate.waited);
    }
}

#[test]
fn pictures_wait_for_sound_that_is_late_and_never_for_sound_that_is_early() {
    let mut world = World::new();
    for _ in 0..30 {
        assert_eq!(
            world.picture(Duration::ZERO, Some(ms(80))).waited,
            Duration::ZERO,
            "55 ms are not noticed"
        );
    }
    let late = (0..30).map(|_| world.picture(Duration::ZERO, Some(ms(200)))).last();
    assert_eq!(late.map(|fate| fate.after_capture), Some(ms(200) - MOST_AHEAD));
    let early = (0..200).map(|_| world.picture(Duration::ZERO, Some(ms(10)))).last();
    assert_eq!(early.map(|fate| fate.waited), Some(Duration::ZERO));
}

#[test]
fn pictures_that_are_behind_their_sound_already_wait_for_no_others() {
    let mut world = World::new();
    for n in 0..200_u64 {
        let fate = world.picture(ms(n * 37 % 130), Some(ms(30)));
        assert!(
            n < 100 || fate.waited == Duration::ZERO || fate.after_capture <= ms(30) + MOST_BEHIND,
            "{fate:?}"
        );
    }
    let without = (0..100_u64).map(|n| world.picture(ms(n * 37 % 130), None)).last();
    assert!(without.is_some_and(|fate| fate.after_capture > ms(30) + MOST_BEHIND), "{without:?}");
}

#[test]
fn sound_of_a_clock_that_has_nothing_to_do_with_the_pictures_changes_nothing() {
    let mut world = World::new();
    for _ in 0..30 {
        assert_eq!(world.picture(Duration::ZERO, Some(Duration::from_secs(40))).waited, Duration::ZERO);
    }
}

#[test]
fn a_path_that_becomes_longer_is_the_usual_one_after_a_while() {
    let mut world = World::new();
    for _ in 0..100 {
        world.picture(Duration::ZERO, None);
    }
    for n in 0..600 {
        let fate = world.picture(ms(80), None);
        assert_eq!(fate.waited, Duration::ZERO, "picture {n}: all take as long");
    }
    assert_eq!(world.picture(ms(72), None).waited, Duration::ZERO, "and what is quicker is not held up");
}

#[test]
fn a_sender_that_starts_anew_is_followed_and_what_it_shows_is_newer() {
    let mut world = World::new();
    for n in 0..50 {
        world.picture(ms(n * 13 % 50), None);
    }
    let before = world.picture(Duration::ZERO, None);
    assert!(before.waited > ms(30), "it is still to be shown");
    let now = world.last_arrival + ms(1);
    let due = world.playout.due(MediaTime(5), now, None);
    assert!(due >= before.due && due <= now + MOST_JITTER);
}

#[test]
fn of_several_that_are_due_the_newest_is_shown_and_a_bound_is_kept() {
    let now = Instant::now();
    let mut waiting = Waiting::default();
    for n in 0..5_u32 {
        waiting.push(now + ms(10) * n, n);
    }
    assert_eq!(waiting.take_due(now + ms(25)), Some(2));
    assert_eq!((waiting.take_due(now + ms(25)), waiting.overtaken()), (None, 2));
    assert_eq!(waiting.poll_timeout(), Some(now + ms(30)));
    for n in 0..100 {
        waiting.push(now + ms(1_000), n);
    }
    assert_eq!(waiting.pictures.len(), MOST_WAITING);
}

proptest! {
    #[test]
    fn whatever_the_network_does_order_is_kept_and_waiting_bounded(
        longer in proptest::collection::vec((0_u64..700, proptest::option::of(0_u64..3_000)), 1..400)
    ) {
        let mut world = World::new();
        let mut last = None;
        for (longer, sound) in longer {
            let fate = world.picture(ms(longer), sound.map(ms));
            prop_assert!(last <= Some(fate.due), "backwards");
            // Nothing waits longer than its limit, but for those before it.
            prop_assert!(fate.waited <= MOST_FOR_SOUND || Some(fate.due) == last);
            last = Some(fate.due);
        }
    }

    #[test]
    fn without_sound_no_picture_is_later_than_the_worst_of_the_network_or_the_limit(
        longer in proptest::collection::vec(0_u64..400, 10..200)
    ) {
        let mut world = World::new();
        let (first, mut last) = (longer[0], None);
        for longer in longer {
            let fate = world.picture(ms(longer), None);
            let waits = fate.waited > Duration::ZERO && Some(fate.due) != last;
            prop_assert!(!waits || fate.after_capture <= PATH + ms(first) + MOST_JITTER);
            last = Some(fate.due);
        }
    }
}
