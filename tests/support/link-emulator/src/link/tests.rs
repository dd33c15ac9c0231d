//! What holds for a link whatever it is asked for and whatever comes.

use proptest::prelude::*;

use super::*;
use crate::conditions::{Loss, Share};

const MS: Duration = Duration::from_millis(1);

/// A packet that says its number.
fn packet(number: usize, size: usize) -> Vec<u8> {
    let mut packet = vec![0; size.max(8)];
    packet[..8].copy_from_slice(&(number as u64).to_be_bytes());
    packet
}

fn number(packet: &[u8]) -> usize {
    usize::try_from(u64::from_be_bytes(packet[..8].try_into().unwrap())).unwrap()
}

#[derive(Clone, Debug)]
enum Step {
    Arrive(usize),
    Wait(Duration),
    Change(String),
}

/// What came of it: each landing with its time.
struct Outcome {
    landed: Vec<(Duration, Vec<u8>)>,
    drops: Vec<Dropped>,
    counts: Counts,
}

fn run(seed: u64, steps: &[Step]) -> Outcome {
    let mut link = Link::new(seed, Direction::Up);
    let (mut now, mut arrived) = (Duration::ZERO, 0);
    let mut outcome = Outcome { landed: Vec::new(), drops: Vec::new(), counts: Counts::default() };
    for step in steps {
        match step {
            Step::Arrive(size) => {
                link.arrive(packet(arrived, *size), now);
                arrived += 1;
            }
            Step::Wait(time) => {
                land(&mut link, now + *time, &mut outcome);
                now += *time;
            }
            Step::Change(words) => link.set(&words.parse().unwrap(), now),
        }
    }
    let held = link.counts(now).held;
    assert_eq!(
        arrived as u64 + link.counts(now).doubled,
        outcome.landed.len() as u64 + link.counts(now).dropped.total() + held,
        "every packet lands, is dropped, or is held"
    );
    land(&mut link, Duration::MAX, &mut outcome);
    outcome.drops = std::iter::from_fn(|| link.poll_drop()).collect();
    outcome.counts = link.counts(now);
    outcome
}

/// Goes from one timeout to the next, as a shell does.
fn land(link: &mut Link, until: Duration, outcome: &mut Outcome) {
    while let Some(next) = link.poll_timeout().filter(|next| *next <= until) {
        while let Some(packet) = link.poll_departure(next) {
            outcome.landed.push((next, packet));
        }
    }
}

fn arrivals() -> impl Strategy<Value = Step> {
    prop_oneof![3 => (40_usize..1500).prop_map(Step::Arrive), 2 => waits()]
}

fn waits() -> impl Strategy<Value = Step> {
    (0_u64..30_000).prop_map(|us| Step::Wait(Duration::from_micros(us)))
}

fn changes() -> impl Strategy<Value = Step> {
    let words = prop_oneof![
        (0..200_u32).prop_map(|ms| format!("delay={ms}")),
        (0..100_u32).prop_map(|ms| format!("jitter={ms}")),
        (0..=100_u32).prop_map(|share| format!("loss={share}")),
        (1..40_u32).prop_map(|share| format!("loss={share} burst=3")),
        (0..=100_u32).prop_map(|share| format!("duplicate={share}")),
        (1..5000_u32).prop_map(|rate| format!("rate={rate}")),
        (0..500_u32).prop_map(|ms| format!("queue={ms}")),
        (68..1500_u32).prop_map(|mtu| format!("mtu={mtu}")),
        Just("blackout".to_owned()),
        Just("clear".to_owned()),
        Just("rate=off".to_owned()),
    ];
    words.prop_map(Step::Change)
}

fn anything() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(prop_oneof![8 => arrivals(), 1 => changes()], 1..300)
}

proptest! {
    #[test]
    fn without_reordering_packets_land_in_order_whatever_changes(seed: u64, steps in anything()) {
        let outcome = run(seed, &steps);
        prop_assert!(outcome.landed.is_sorted_by_key(|(_, packet)| number(packet)));
        prop_assert!(outcome.landed.is_sorted_by_key(|(at, _)| *at));
    }

    #[test]
    fn the_same_seed_makes_the_same_fates(seed: u64, steps in anything()) {
        let (one, other) = (run(seed, &steps), run(seed, &steps));
        prop_assert_eq!(one.landed, other.landed);
        prop_assert_eq!(one.drops, other.drops);
        prop_assert_eq!(one.counts, other.counts);
    }

    #[test]
    fn every_drop_is_written_down_with_its_cause(seed: u64, steps in anything()) {
        let outcome = run(seed, &steps);
        let mut counted = crate::stats::Drops::default();
        for dropped in &outcome.drops {
            counted.add(dropped.cause);
        }
        prop_assert_eq!(counted, outcome.counts.dropped);
    }

    /// In any stretch of time no more bits land than the rate has room for, the stretch's first packet not counted.
    #[test]
    fn the_rate_is_never_exceeded(
        rate in 20_u64..5000, queue in 0_u64..400, steps in prop::collection::vec(arrivals(), 1..300),
    ) {
        let setting = Step::Change(format!("rate={rate} queue={queue}"));
        let outcome = run(1, &[&[setting], &steps[..]].concat());
        let sizes: Vec<_> = outcome.landed.iter().map(|(at, packet)| (*at, bits(packet))).collect();
        for first in 0..sizes.len() {
            let mut sent = 0;
            for (at, bits) in &sizes[first + 1..] {
                sent += bits;
                let room = (*at - sizes[first].0).as_nanos() * u128::from(rate * 1000);
                prop_assert!(u128::from(sent) * 1_000_000_000 <= room, "{sent} bits are too many");
            }
        }
    }

    #[test]
    fn no_packet_waits_longer_than_the_queue_allows(
        rate in 20_u64..5000, queue in 0_u64..400, steps in prop::collection::vec(arrivals(), 1..300),
    ) {
        let setting = Step::Change(format!("rate={rate} queue={queue}"));
        let outcome = run(1, &[&[setting], &steps[..]].concat());
        prop_assert!(outcome.counts.longest_queue_us <= queue * 1000, "{}", outcome.counts.longest_queue_us);
    }

    #[test]
    fn the_link_is_never_idle_while_a_packet_waits(
        rate in 20_u64..5000, sizes in prop::collection::vec(40_usize..1500, 1..100),
    ) {
        let steps: Vec<_> = [Step::Change(format!("rate={rate} queue=60s"))]
            .into_iter()
            .chain(sizes.iter().map(|size| Step::Arrive(*size)))
            .collect();
        let outcome = run(1, &steps);
        let rate = BitsPerSecond::new(rate * 1000).unwrap();
        let landed: Duration = outcome.landed.iter().map(|(_, packet)| rate.time_for(bits(packet))).sum();
        prop_assert_eq!(outcome.landed.last().map(|(at, _)| *at), Some(landed));
    }
}

#[test]
fn a_perfect_link_hands_on_at_once() {
    let mut link = Link::new(1, Direction::Up);
    link.arrive(packet(0, 100), 5 * MS);
    assert_eq!(link.poll_timeout(), Some(5 * MS));
    assert_eq!(link.poll_departure(5 * MS), Some(packet(0, 100)));
    assert_eq!((link.poll_timeout(), link.poll_departure(5 * MS)), (None, None));
}

#[test]
fn with_reordering_a_packet_may_overtake_and_each_stays_within_its_jitter() {
    let mut steps = vec![Step::Change("delay=50 jitter=20 reorder=on".to_owned())];
    for _ in 0..500 {
        steps.extend([Step::Arrive(100), Step::Wait(MS)]);
    }
    let outcome = run(1, &steps);
    assert!(!outcome.landed.is_sorted_by_key(|(_, packet)| number(packet)));
    for (at, packet) in &outcome.landed {
        let flight = *at - MS * u32::try_from(number(packet)).unwrap();
        assert!((30 * MS..=70 * MS).contains(&flight), "{flight:?}");
    }
}

#[test]
fn jitter_greater_than_the_delay_never_sends_a_packet_back_in_time() {
    let mut steps = vec![Step::Change("delay=2 jitter=20 reorder=on".to_owned())];
    for _ in 0..200 {
        steps.extend([Step::Arrive(100), Step::Wait(MS)]);
    }
    for (at, packet) in run(3, &steps).landed {
        assert!(at >= MS * u32::try_from(number(&packet)).unwrap());
    }
}

#[test]
fn a_copy_follows_its_packet() {
    let outcome = run(1, &[Step::Change("duplicate=100".to_owned()), Step::Arrive(100), Step::Arrive(100)]);
    let landed: Vec<_> = outcome.landed.iter().map(|(_, packet)| number(packet)).collect();
    assert_eq!(landed, [0, 0, 1, 1]);
    assert_eq!(outcome.counts.doubled, 2);
}

#[test]
fn each_drop_has_its_cause_time_and_size() {
    let mut link = Link::new(1, Direction::Down);
    let mut drop = |words: &str, sizes: &[usize], at| {
        link.set(&words.parse().unwrap(), at);
        for size in sizes {
            link.arrive(packet(0, *size), at);
        }
        link.poll_drop()
    };
    let dropped = |cause, size, at| Some(Dropped { at, direction: Direction::Down, size, cause });
    assert_eq!(drop("loss=100", &[100], MS), dropped(Cause::Loss, 100, MS));
    assert_eq!(drop("clear blackout", &[200], 2 * MS), dropped(Cause::Blackout, 200, 2 * MS));
    assert_eq!(drop("clear mtu=500", &[500, 501], 3 * MS), dropped(Cause::TooLong, 501, 3 * MS));
    assert_eq!(drop("clear rate=1 queue=0", &[100, 101], 4 * MS), dropped(Cause::Queue, 101, 4 * MS));
}

#[test]
fn a_packet_that_was_not_taken_at_the_other_end_was_dropped_and_not_delivered() {
    let mut link = Link::new(1, Direction::Up);
    link.arrive(packet(0, 100), MS);
    let packet = link.poll_departure(MS).unwrap();
    link.refused(packet.len(), MS);
    let counts = link.counts(MS);
    assert_eq!((counts.delivered, counts.delivered_bytes, counts.dropped.refused), (0, 0, 1));
}

#[test]
fn a_packet_that_is_fetched_after_its_time_is_counted_as_late() {
    let mut link = Link::new(1, Direction::Up);
    link.set(&"delay=20".parse().unwrap(), Duration::ZERO);
    for _ in 0..3 {
        link.arrive(packet(0, 100), Duration::ZERO);
    }
    for fetched in [20 * MS, 21 * MS, 21 * MS + Duration::from_micros(1)] {
        link.poll_departure(fetched).unwrap();
    }
    let counts = link.counts(22 * MS);
    assert_eq!((counts.late, counts.longest_late_us), (1, 1001));
}

#[test]
fn what_is_cut_off_while_it_waits_does_not_arrive() {
    let mut link = Link::new(1, Direction::Up);
    link.set(&"rate=8".parse().unwrap(), Duration::ZERO);
    for _ in 0..3 {
        link.arrive(packet(0, 100), Duration::ZERO);
    }
    link.set(&"blackout".parse().unwrap(), 150 * MS);
    link.set(&"blackout=off".parse().unwrap(), 250 * MS);
    let counts = link.counts(1000 * MS);
    assert_eq!((counts.dropped.blackout, counts.held), (1, 2), "the first had left, the third left after");
}

#[test]
fn a_queue_that_became_too_long_loses_its_end() {
    let mut link = Link::new(1, Direction::Up);
    // A packet of 100 ms at this rate: ten wait up to 900 ms.
    link.set(&"rate=8 queue=2s".parse().unwrap(), Duration::ZERO);
    for _ in 0..10 {
        link.arrive(packet(0, 100), Duration::ZERO);
    }
    link.set(&"queue=400 rate=7.99".parse().unwrap(), Duration::ZERO);
    let counts = link.counts(Duration::ZERO);
    assert_eq!((counts.held, counts.dropped.queue), (4, 6));
    assert!(counts.queue_us > 400_000);
}

#[test]
fn a_rate_that_is_lifted_lets_everything_go_at_once() {
    let mut link = Link::new(1, Direction::Up);
    link.set(&"rate=8 queue=2s".parse().unwrap(), Duration::ZERO);
    for _ in 0..5 {
        link.arrive(packet(0, 100), Duration::ZERO);
    }
    link.set(&"rate=off".parse().unwrap(), 10 * MS);
    assert_eq!(std::iter::from_fn(|| link.poll_departure(10 * MS)).count(), 5);
    link.set(&"rate=8".parse().unwrap(), 11 * MS);
    assert_eq!(link.counts(11 * MS).queue_us, 0);
}

#[test]
fn what_is_held_is_bounded() {
    let mut link = Link::new(1, Direction::Up);
    link.set(&"delay=60s".parse().unwrap(), Duration::ZERO);
    for number in 0..=MAX_HELD_PACKETS {
        link.arrive(packet(number, 40), Duration::ZERO);
    }
    assert_eq!(link.counts(Duration::ZERO).dropped.overflow, 1);

    let mut link = Link::new(1, Direction::Up);
    link.set(&"delay=60s".parse().unwrap(), Duration::ZERO);
    for number in 0..=MAX_HELD_BYTES / 65_536 {
        link.arrive(packet(number, 65_536), Duration::ZERO);
    }
    assert_eq!(link.counts(Duration::ZERO).dropped.overflow, 1);
}

#[test]
fn loss_takes_its_share_of_the_rate() {
    // 1000 bits each at 100 kbit/s: those that are lost leave gaps of whole packets.
    let half = Loss::Random(Share::percent(50.0).unwrap());
    let mut link = Link::new(1, Direction::Up);
    link.set(&"rate=100 queue=60s loss=50".parse().unwrap(), Duration::ZERO);
    assert_eq!(link.conditions().loss, half);
    for number in 0..100 {
        link.arrive(packet(number, 125), Duration::ZERO);
    }
    while let Some(now) = link.poll_timeout() {
        while let Some(packet) = link.poll_departure(now) {
            assert_eq!(now, 10 * MS * u32::try_from(number(&packet) + 1).unwrap());
        }
    }
    let counts = link.counts(1000 * MS);
    assert_eq!(counts.delivered + counts.dropped.loss, 100);
    assert!((30..=70).contains(&counts.delivered), "{}", counts.delivered);
}
