//! What leaves, when, and with what on it.

use rtc::{interceptor::RTPHeaderExtension, rtcp::transport_feedbacks::transport_layer_nack::NackPair};

use super::{super::passing::tagged, *};
use crate::logic::evidence::Hindrance;

const SOUND: u32 = 1;
const PICTURES: u32 = 2;
const REPAIRS: u32 = 3;
const NUMBER_ID: u8 = 5;

fn departure(now: Instant) -> Departure {
    let mut departure = Departure::new(Arc::default(), Arc::default(), now);
    let numbers = RTPHeaderExtension { uri: NUMBERS_URI.into(), id: NUMBER_ID.into() };
    let info = |ssrc, mime: &str| StreamInfo {
        ssrc,
        mime_type: mime.into(),
        rtp_header_extensions: vec![numbers.clone()],
        ..StreamInfo::default()
    };
    departure.bind_local_stream(&info(SOUND, "audio/opus"));
    departure.bind_local_stream(&StreamInfo {
        ssrc_rtx: Some(REPAIRS),
        payload_type_rtx: Some(103),
        ..info(PICTURES, "video/H264")
    });
    departure
}

fn give(departure: &mut Departure, ssrc: u32, number: u16, bytes: usize, now: Instant) {
    let header = rtp::Header { version: 2, ssrc, sequence_number: number, ..rtp::Header::default() };
    let packet = rtp::Packet { header, payload: vec![0; bytes].into() };
    departure.handle_write(tagged(Packet::Rtp(packet), now)).unwrap();
}

/// The stream and the transport-wide number of each packet that has left.
fn left(departure: &mut Departure) -> Vec<(u32, u16)> {
    let mut seen = Vec::new();
    while let Some(tagged) = departure.poll_write() {
        if let Packet::Rtp(packet) = tagged.message.packet {
            let number = packet.header.get_extension(NUMBER_ID).unwrap();
            seen.push((packet.header.ssrc, u16::from_be_bytes(number[..].try_into().unwrap())));
        }
    }
    seen
}

#[test]
fn sound_leaves_at_once_though_a_key_frame_waits() {
    let now = Instant::now();
    let mut departure = departure(now);
    for number in 0..40 {
        give(&mut departure, PICTURES, number, 1100, now);
    }
    let first = left(&mut departure).len();
    assert!(first < 10, "{first} of 40 at once");
    give(&mut departure, SOUND, 0, 80, now);
    assert_eq!(left(&mut departure), [(SOUND, first as u16)]);
    assert!(departure.room.look().waiting > Duration::from_millis(50));

    let mut later = now;
    let mut count = first;
    while later < now + Duration::from_millis(400) {
        later += Duration::from_millis(1);
        departure.handle_timeout(later).unwrap();
        count += left(&mut departure).iter().filter(|(ssrc, _)| *ssrc == PICTURES).count();
    }
    assert_eq!(count, 40);
    assert_eq!(departure.room.look().waiting, Duration::ZERO);
}

#[test]
fn what_is_missed_leaves_again_with_a_number_of_its_own() {
    let now = Instant::now();
    let mut departure = departure(now);
    for number in 10..13 {
        give(&mut departure, PICTURES, number, 100, now);
    }
    let mut later = now;
    let mut before = Vec::new();
    while later < now + Duration::from_millis(100) {
        later += Duration::from_millis(1);
        departure.handle_timeout(later).unwrap();
        before.extend(left(&mut departure));
    }
    let nack = TransportLayerNack {
        media_ssrc: PICTURES,
        nacks: vec![NackPair { packet_id: 11, lost_packets: 0 }],
        ..TransportLayerNack::default()
    };
    departure.handle_read(tagged(Packet::Rtcp(vec![Box::new(nack)]), later)).unwrap();
    departure.handle_timeout(later + Duration::from_millis(50)).unwrap();
    let again = left(&mut departure);
    assert_eq!(again.first(), Some(&(REPAIRS, before.len() as u16)));
    assert!(departure.poll_read().is_some(), "others may want to hear it too");
}

#[test]
fn what_is_hindered_is_lost_or_late_and_the_rest_of_the_chain_takes_the_network_for_it() {
    let now = Instant::now();
    let mut departure = departure(now);
    departure.hindering.set(Hindrance { delay_ms: 300, ..Hindrance::default() });
    give(&mut departure, SOUND, 0, 80, now);
    assert_eq!(left(&mut departure), []);
    assert_eq!(departure.poll_timeout().map(|at| at <= now + Duration::from_millis(300)), Some(true));
    departure.handle_timeout(now + Duration::from_millis(300)).unwrap();
    assert_eq!(left(&mut departure), [(SOUND, 0)]);

    departure.hindering.set(Hindrance { loss_percent: 50, ..Hindrance::default() });
    let mut later = now + Duration::from_millis(300);
    for number in 1..=200 {
        later += Duration::from_millis(20);
        give(&mut departure, SOUND, number, 80, later);
    }
    let came = left(&mut departure);
    assert!((60..140).contains(&came.len()), "{} of 200", came.len());
    let last = came.last().map_or(0, |(_, number)| *number);
    assert!(usize::from(last) > came.len(), "those that are lost were numbered too");
}
