use proptest::prelude::*;

use super::*;

const KEY: u8 = 7;

fn starts_key(payload: &[u8]) -> bool {
    payload.first() == Some(&KEY)
}

/// Pictures of two packets each; every `key_every`th is a key frame.
fn stream(pictures: u16, key_every: u16) -> Vec<Packet> {
    (0..pictures)
        .flat_map(|n| {
            let first = if n % key_every == 0 { KEY } else { 1 };
            let packet = |i: u16, byte: u8| Packet {
                sequence: 65_530_u16.wrapping_add(n * 2 + i),
                timestamp: u32::from(n) * 3000,
                marker: i == 1,
                payload: Bytes::copy_from_slice(&[byte, n as u8]),
            };
            [packet(0, first), packet(1, 2)]
        })
        .collect()
}

#[test]
fn a_first_key_frame_with_a_hole_is_given_up_and_another_asked_for() {
    let now = Instant::now();
    let mut reassembly = Reassembly::new(starts_key);
    let packets = stream(40, 30);
    for (number, packet) in packets.into_iter().enumerate().filter(|(number, _)| *number != 1) {
        let now = now + Duration::from_millis(33) * (number as u32 / 2);
        reassembly.handle_timeout(now);
        reassembly.handle(packet, now);
        if number == 40 {
            assert!(reassembly.poll_ask(), "another is asked for");
            assert_eq!(timestamps(&mut reassembly), [0_u32; 0]);
        }
    }
    assert_eq!(timestamps(&mut reassembly), Vec::from_iter(30..40), "and gone on with when it comes");
}

fn timestamps(reassembly: &mut Reassembly) -> Vec<u32> {
    std::iter::from_fn(|| reassembly.poll_whole()).map(|whole| whole.timestamp / 3000).collect()
}

#[test]
fn pictures_come_out_whole_and_in_order_though_packets_overtake_each_other() {
    let now = Instant::now();
    let mut reassembly = Reassembly::new(starts_key);
    let mut packets = stream(6, 100);
    packets.swap(3, 6);
    packets.swap(8, 9);

    for packet in packets {
        reassembly.handle(packet.clone(), now);
        reassembly.handle(packet, now);
    }

    assert_eq!(timestamps(&mut reassembly), [0, 1, 2, 3, 4, 5]);
    assert_eq!(reassembly.counts().repeated, 12);
}

#[test]
fn a_picture_that_stays_incomplete_ends_in_a_request_for_a_key_frame() {
    let now = Instant::now();
    let mut reassembly = Reassembly::new(starts_key);
    let mut packets = stream(6, 4);
    packets.remove(5);
    let rest = packets.split_off(6);
    for packet in packets {
        reassembly.handle(packet, now);
    }
    assert_eq!(timestamps(&mut reassembly), [0, 1]);
    assert!(!reassembly.poll_ask());

    let later = reassembly.poll_timeout().unwrap();
    reassembly.handle_timeout(later);
    assert!(reassembly.poll_ask());
    assert!(!reassembly.poll_ask(), "asked once");

    for packet in rest {
        reassembly.handle(packet, later);
    }
    assert_eq!(timestamps(&mut reassembly), [4, 5], "from the next key frame on");
}

#[test]
fn a_whole_key_frame_behind_a_gap_ends_the_waiting_at_once() {
    let now = Instant::now();
    let mut reassembly = Reassembly::new(starts_key);
    let mut packets = stream(6, 4);
    packets.remove(5);
    for packet in packets {
        reassembly.handle(packet, now);
    }
    assert_eq!(timestamps(&mut reassembly), [0, 1, 4, 5]);
}

#[test]
fn a_sender_that_starts_anew_is_followed() {
    let now = Instant::now();
    let mut reassembly = Reassembly::new(starts_key);
    for packet in stream(3, 100) {
        reassembly.handle(packet, now);
    }
    for mut packet in stream(3, 100) {
        packet.sequence = packet.sequence.wrapping_add(20_000);
        reassembly.handle(packet, now);
    }
    assert_eq!(timestamps(&mut reassembly), [0, 1, 2, 0, 1, 2]);
}

proptest! {
    #[test]
    fn nothing_comes_twice_or_backwards_whatever_the_network_does(
        order in proptest::collection::vec((0_usize..80, 0_u64..40), 1..300)
    ) {
        let packets = stream(40, 7);
        let mut reassembly = Reassembly::new(starts_key);
        let mut now = Instant::now();
        let mut last = None;
        for (index, pause) in order {
            now += Duration::from_millis(pause);
            reassembly.handle_timeout(now);
            reassembly.handle(packets[index].clone(), now);
            while let Some(whole) = reassembly.poll_whole() {
                prop_assert_eq!(whole.payloads.len(), 2);
                prop_assert!(last < Some(whole.timestamp));
                last = Some(whole.timestamp);
            }
            prop_assert!(reassembly.waiting.len() <= MAX_WAITING);
        }
    }
}

/// A sender, a network that loses, repeats and is slow, and the one that puts together, on simulated time.
struct World {
    began: Instant,
    one_way: Duration,
    under_way: Vec<(Instant, Packet)>,
    /// What the sender has heard to ask for a key frame, and when.
    asked: Vec<Instant>,
    sequence: u16,
    picture: u32,
    reassembly: Reassembly,
    /// Pictures in the order in which they came out, with their time.
    out: Vec<(Instant, u32, bool)>,
}

/// What becomes of one packet: lost so many times, and each repetition takes a round trip and a little.
type Lost = u8;

const PACKETS: u16 = 4;
const FRAME: Duration = Duration::from_millis(33);
/// The layer below repeats this often at most.
const REPETITIONS: u8 = 2;

impl World {
    fn new(one_way: Duration) -> Self {
        let mut reassembly = Reassembly::new(starts_key);
        reassembly.set_round_trip(one_way * 2);
        Self {
            began: Instant::now(),
            one_way,
            under_way: Vec::new(),
            asked: Vec::new(),
            sequence: 65_000,
            picture: 0,
            reassembly,
            out: Vec::new(),
        }
    }

    /// Sends the next picture, its packets lost so often, and lets time pass until the one after it.
    fn picture(&mut self, lost: &[Lost]) {
        let now = self.began + FRAME * self.picture;
        let heard = self.asked.len();
        self.asked.retain(|at| *at > now);
        let key = self.picture == 0 || self.asked.len() < heard;
        for index in 0..PACKETS {
            let lost = lost[usize::from(index)];
            let first = if key && index == 0 { KEY } else { 1 };
            let payload = Bytes::copy_from_slice(&[first, index as u8]);
            let packet = Packet {
                sequence: self.sequence,
                timestamp: self.picture,
                marker: index + 1 == PACKETS,
                payload,
            };
            self.sequence = self.sequence.wrapping_add(1);
            if lost <= REPETITIONS {
                let late = (self.one_way * 2 + Duration::from_millis(20)) * u32::from(lost);
                self.under_way.push((now + self.one_way + late, packet));
            }
        }
        self.picture += 1;
        self.receive_until(now + FRAME);
    }

    fn receive_until(&mut self, end: Instant) {
        loop {
            self.under_way.sort_by_key(|(at, packet)| (*at, packet.sequence));
            let arrival = self.under_way.first().map(|(at, _)| *at).filter(|at| *at < end);
            let timeout = self.reassembly.poll_timeout().filter(|at| *at < end);
            let now = match (arrival, timeout) {
                (Some(arrival), Some(timeout)) if timeout < arrival => timeout,
                (None, Some(timeout)) => timeout,
                (Some(arrival), _) => arrival,
                (None, None) => return,
            };
            if Some(now) == arrival {
                let (_, packet) = self.under_way.remove(0);
                self.reassembly.handle(packet, now);
            } else {
                self.reassembly.handle_timeout(now);
            }
            if self.reassembly.poll_ask() {
                self.asked.push(now + self.one_way);
            }
            while let Some(whole) = self.reassembly.poll_whole() {
                assert_eq!(whole.payloads.len(), usize::from(PACKETS));
                assert!(whole.began <= whole.arrived && whole.arrived <= now);
                self.out.push((now, whole.timestamp, whole.key));
            }
        }
    }

    fn longest_silence(&self) -> Duration {
        self.out.windows(2).map(|pair| pair[1].0 - pair[0].0).max().unwrap_or_default()
    }
}

const NONE_LOST: [Lost; PACKETS as usize] = [0; PACKETS as usize];

#[test]
fn a_packet_that_is_repeated_costs_one_round_trip_and_no_key_frame() {
    for one_way in [1, 25, 100].map(Duration::from_millis) {
        let mut world = World::new(one_way);
        for n in 0..60 {
            world.picture(&if n == 20 { [0, 1, 0, 0] } else { NONE_LOST });
        }
        assert!(world.longest_silence() <= FRAME + one_way * 2 + Duration::from_millis(25), "{one_way:?}");
        assert_eq!(world.reassembly.counts().key_frames_asked, 0, "{one_way:?}");
        assert!(
            world.out.iter().map(|(_, picture, _)| *picture).eq(0..world.out.len() as u32),
            "none is left out"
        );
    }
}

#[test]
fn a_packet_that_never_comes_costs_patience_and_one_round_trip() {
    for one_way in [1, 25, 100].map(Duration::from_millis) {
        let mut world = World::new(one_way);
        for n in 0..60 {
            world.picture(&if n == 20 { [0, 9, 0, 0] } else { NONE_LOST });
        }
        let patience = world.reassembly.patience();
        assert!(world.longest_silence() <= patience + one_way * 2 + FRAME * 2, "{one_way:?}");
        assert_eq!(world.reassembly.counts().key_frames_asked, 1, "{one_way:?}");
    }
}

#[test]
fn a_repetition_that_comes_after_patience_has_ended_and_before_the_key_frame_is_used() {
    let now = Instant::now();
    let mut reassembly = Reassembly::new(starts_key);
    let mut packets = stream(6, 100);
    let late = packets.remove(5);
    for packet in packets {
        reassembly.handle(packet, now);
    }
    assert_eq!(timestamps(&mut reassembly), [0, 1]);
    let asked = reassembly.poll_timeout().unwrap();
    reassembly.handle_timeout(asked);
    assert!(reassembly.poll_ask());
    reassembly.handle(late, asked + Duration::from_millis(10));
    assert_eq!(timestamps(&mut reassembly), [2, 3, 4, 5]);
    assert_eq!(reassembly.poll_timeout(), None, "and nothing more is asked for");
}

proptest! {
    #[test]
    fn from_any_gaps_it_recovers_and_never_builds_on_what_is_missing(
        one_way in 1_u64..150,
        lost in proptest::collection::vec(proptest::array::uniform4(prop_oneof![12 => Just(0_u8), 1 => 1_u8..5]), 1..150),
    ) {
        let mut world = World::new(Duration::from_millis(one_way));
        for lost in &lost {
            world.picture(lost);
        }
        let (gaps_end, sent) = (world.began + FRAME * world.picture, world.picture);
        for _ in 0..60 {
            world.picture(&NONE_LOST);
        }
        let mut before = None;
        for (_, picture, key) in &world.out {
            prop_assert!(before < Some(*picture), "backwards");
            prop_assert!(*key || before.map(|before: u32| before + 1) == Some(*picture), "built on nothing");
            before = Some(*picture);
        }
        let again = world.out.iter().find(|(_, picture, _)| *picture >= sent).map(|(at, _, _)| *at);
        let limit = world.reassembly.patience() + Duration::from_millis(one_way * 4) + KEY_FRAME + FRAME * 3;
        prop_assert!(again.is_some_and(|at| at <= gaps_end + limit), "{again:?} is more than {limit:?} after {gaps_end:?}");
    }
}
