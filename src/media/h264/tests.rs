//! Encoder and decoder, each tried against the other.

use std::time::Duration;

use super::*;
use crate::{
    logic::units::MediaTime,
    media::{
        frame::Size,
        pattern::Pattern,
        pool::Pool,
        psnr::luma_psnr,
        rtp_h264::{MAX_PAYLOAD_LEN, assemble, is_key_frame, packetise, starts_frame},
        timecode,
    },
};

const FPS: u32 = 30;

fn encoder(bitrate_bps: u32) -> Encoder {
    Encoder::new(EncoderSettings { fps: FPS, bitrate_bps })
}

fn at(number: u32) -> MediaTime {
    MediaTime(1_700_000_000_000_000) + Duration::from_micros(u64::from(number) * 1_000_000 / u64::from(FPS))
}

/// A second and more of the pattern through `encoder`: the bits of each second's frames, skipped ones as nothing.
fn seconds(encoder: &mut Encoder, pattern: &Pattern, from: u32, seconds: u32) -> Vec<u32> {
    let one = |second: u32| {
        let frames = from + second * FPS..from + (second + 1) * FPS;
        frames
            .filter_map(|number| encoder.encode(&pattern.render(number, at(number)), false).unwrap())
            .map(|encoded| u32::try_from(encoded.annexb.len()).unwrap() * 8)
            .sum()
    };
    (0..seconds).map(one).collect()
}

#[test]
fn only_the_first_the_forced_and_the_resized_are_key_frames() {
    let pool = Pool::default();
    let (large, small) = (Pattern::new(Size::NHD, pool.clone()), Pattern::new(Size::SMALL, pool));
    let mut encoder = encoder(800_000);
    let mut keys = Vec::new();
    for number in 0..400 {
        let pattern = if (200..300).contains(&number) { &small } else { &large };
        let encoded = encoder.encode(&pattern.render(number, at(number)), number == 150).unwrap();
        if encoded.is_some_and(|encoded| encoded.key) {
            keys.push(number);
        }
    }
    assert_eq!(keys, [0, 150, 200, 300]);
}

#[test]
fn the_stream_is_constrained_baseline_with_its_parameters_before_each_key_frame() {
    let pattern = Pattern::new(Size::HD, Pool::default());
    let mut encoder = encoder(1_000_000);
    for number in [0, 1] {
        let key = encoder.encode(&pattern.render(number, at(number)), true).unwrap().unwrap();
        // Start code, SPS header, then profile 66 with constraint sets 0 and 1, and level 3.1.
        assert_eq!(key.annexb[..5], [0, 0, 0, 1, 0x67]);
        assert_eq!((key.annexb[5], key.annexb[6] & 0xC0, key.annexb[7]), (66, 0xC0, 31));
    }
}

#[test]
fn the_bitrate_goes_up_and_down_without_a_key_frame() {
    let pattern = Pattern::new(Size::HD, Pool::default());
    let mut encoder = encoder(200_000);
    let mut number = 0;
    for (target, least, most) in
        [(200_000, 150_000, 230_000), (600_000, 450_000, 660_000), (150_000, 110_000, 170_000)]
    {
        encoder.set_bitrate(target).unwrap();
        let bits = seconds(&mut encoder, &pattern, number, 4);
        number += 4 * FPS;
        let settled = (bits[2] + bits[3]) / 2;
        assert!((least..=most).contains(&settled), "{target} bit/s became {bits:?}");
    }
    let key =
        |number| encoder.encode(&pattern.render(number, at(number)), false).unwrap().is_some_and(|e| e.key);
    assert!(!(number..number + 5).any(key));
}

#[test]
fn a_bitrate_set_before_a_size_change_holds_after_it() {
    let pool = Pool::default();
    let mut encoder = encoder(100_000);
    seconds(&mut encoder, &Pattern::new(Size::SMALL, pool.clone()), 0, 1);
    encoder.set_bitrate(600_000).unwrap();
    let bits = seconds(&mut encoder, &Pattern::new(Size::HD, pool), FPS, 4);
    assert!((450_000..=660_000).contains(&bits[3]), "{bits:?}");
}

#[test]
fn a_bitrate_beyond_reason_is_brought_within_it() {
    let pattern = Pattern::new(Size::SMALL, Pool::default());
    let mut encoder = encoder(0);
    assert_eq!(encoder.bitrate_bps(), MIN_BITRATE_BPS);
    encoder.encode(&pattern.render(0, at(0)), false).unwrap();
    for bitrate_bps in [u32::MAX, 1, 300_000] {
        encoder.set_bitrate(bitrate_bps).unwrap();
        encoder.encode(&pattern.render(1, at(1)), false).unwrap();
    }
    assert_eq!(encoder.bitrate_bps(), 300_000);
}

#[test]
fn a_call_at_720p_is_sharp_in_its_bitrate() {
    let pattern = Pattern::new(Size::HD, Pool::default());
    let mut encoder = encoder(1_200_000);
    let mut decoder = Decoder::new(Pool::default()).unwrap();
    let (mut bits, mut worst, mut delivered) = (0, f64::INFINITY, 0);
    for number in 0..4 * FPS {
        let frame = pattern.render(number, at(number));
        let Some(encoded) = encoder.encode(&frame, false).unwrap() else { continue };
        let shown = decoder.decode(&encoded.annexb, at(number)).unwrap().unwrap();
        if number >= 2 * FPS {
            delivered += 1;
            bits += encoded.annexb.len() * 8;
            worst = worst.min(luma_psnr(&frame, &shown).unwrap());
        }
    }
    let bps = bits / 2;
    assert!(worst >= 38.0, "{worst:.1} dB");
    assert!(delivered >= 58, "{delivered} of 60");
    assert!((300_000..=1_350_000).contains(&bps), "{bps} bit/s");
}

#[test]
fn nothing_is_left_behind_where_something_passed() {
    for (size, bitrate_bps) in [(Size::NHD, 600_000), (Size::HD, 1_200_000)] {
        let (width, height) = (size.width(), size.height());
        let wall = Pattern::new(size, Pool::default()).render(0, at(0));
        let mut encoder = encoder(bitrate_bps);
        let mut decoder = Decoder::new(Pool::default()).unwrap();
        let mut last = None;
        for number in 0..3 * FPS + 5 {
            let mut frame = Pool::default().frame(size);
            frame.i420_mut().copy_from_slice(wall.i420());
            if number < 3 * FPS {
                // A chequered thing with a colour of its own goes from edge to edge.
                let side = height / 8;
                let left = ((width - side) * number as usize / (3 * FPS) as usize) & !1;
                let planes = frame.planes_mut();
                for row in height / 3..height / 3 + side {
                    for (x, luma) in planes.y[row * width..][left..left + side].iter_mut().enumerate() {
                        *luma = if (x / 4 + row / 4).is_multiple_of(2) { 30 } else { 220 };
                    }
                }
                for row in height / 6..height / 6 + side / 2 {
                    planes.u[row * width / 2..][left / 2..(left + side) / 2].fill(60);
                    planes.v[row * width / 2..][left / 2..(left + side) / 2].fill(190);
                }
            }
            let frame = frame.freeze(at(number));
            if let Some(encoded) = encoder.encode(&frame, false).unwrap() {
                last = decoder.decode(&encoded.annexb, at(number)).unwrap();
            }
        }
        let last = last.unwrap();
        let farthest = |here: &[u8], there: &[u8]| {
            here.iter().zip(there).map(|(here, there)| here.abs_diff(*there)).max().unwrap()
        };
        let (meant, shown) = (wall.planes(), last.planes());
        let luma = farthest(meant.y, shown.y);
        let chroma = farthest(meant.u, shown.u).max(farthest(meant.v, shown.v));
        let psnr = luma_psnr(&wall, &last).unwrap();
        assert!(luma <= 10 && chroma <= 10 && psnr >= 49.0, "{size}: {luma}, {chroma}, {psnr:.1} dB");
    }
}

#[test]
fn every_delivered_frame_tells_its_number_and_time_at_100_kbit_a_second() {
    for size in [Size::HD, Size::NHD, Size::SMALL] {
        let pattern = Pattern::new(size, Pool::default());
        let mut encoder = encoder(100_000);
        let mut decoder = Decoder::new(Pool::default()).unwrap();
        let (mut delivered, mut bytes) = (0, 0);
        for number in 0..4 * FPS {
            let Some(encoded) = encoder.encode(&pattern.render(number, at(number)), false).unwrap() else {
                continue;
            };
            bytes += encoded.annexb.len();
            let shown = decoder.decode(&encoded.annexb, at(number)).unwrap().unwrap();
            let read = timecode::read(&shown);
            let sent = timecode::Timecode { number, captured: at(number) };
            assert_eq!(read, Some(sent), "frame {number} at {size}");
            delivered += 1;
        }
        let bps = bytes * 8 / 4;
        assert!(delivered >= 60 && bps < 115_000, "{size}: {delivered} of 120 frames, {bps} bit/s");
    }
}

#[test]
fn sizes_that_are_no_multiple_of_a_macroblock_come_back_whole() {
    for (width, height) in [(642, 362), (322, 178), (176, 144), (18, 16), (360, 640)] {
        let size = Size::new(width, height).unwrap();
        let frame = Pattern::new(size, Pool::default()).render(0, at(0));
        let encoded = encoder(1_000_000).encode(&frame, false).unwrap().unwrap();
        let back = Decoder::new(Pool::default()).unwrap().decode(&encoded.annexb, at(9)).unwrap().unwrap();
        assert_eq!((back.size(), back.captured()), (size, at(9)));
        let psnr = luma_psnr(&frame, &back).unwrap();
        assert!(psnr > 25.0, "{size}: {psnr:.1} dB");
    }
}

#[test]
fn the_decoder_follows_a_change_of_size() {
    let pool = Pool::default();
    let mut encoder = encoder(500_000);
    let mut decoder = Decoder::new(pool.clone()).unwrap();
    for (number, size) in [Size::NHD, Size::HD, Size::SMALL, Size::HD].into_iter().enumerate() {
        let number = u32::try_from(number).unwrap();
        let frame = Pattern::new(size, pool.clone()).render(number, at(number));
        let encoded = encoder.encode(&frame, false).unwrap().unwrap();
        assert_eq!(decoder.decode(&encoded.annexb, at(0)).unwrap().unwrap().size(), size);
    }
}

/// What a receiver does: after an error, wait for a key frame.
#[test]
fn after_a_lost_picture_a_key_frame_mends_everything() {
    let pattern = Pattern::new(Size::NHD, Pool::default());
    let mut encoder = encoder(600_000);
    let mut decoder = Decoder::new(Pool::default()).unwrap();
    let mut refused = 0;
    for number in 0..30 {
        let frame = pattern.render(number, at(number));
        let encoded = encoder.encode(&frame, number == 20).unwrap().unwrap();
        let cut = encoded.annexb.len() / 3;
        let arrived = if number == 10 { &encoded.annexb[..cut] } else { &encoded.annexb[..] };
        let shown = decoder.decode(arrived, at(number));
        match shown {
            Err(_) => refused += 1,
            Ok(shown) if number >= 20 => {
                let psnr = luma_psnr(&frame, &shown.unwrap()).unwrap();
                assert!(psnr > 25.0, "frame {number}: {psnr:.1} dB");
            }
            Ok(_) => {}
        }
    }
    assert!(refused > 0, "the damage went unnoticed");
}

#[test]
fn rubbish_is_refused_and_never_a_panic() {
    let pattern = Pattern::new(Size::SMALL, Pool::default());
    let mut encoder = encoder(300_000);
    let good: Vec<_> = (0..4)
        .map(|number| {
            encoder.encode(&pattern.render(number, at(number)), number == 2).unwrap().unwrap().annexb
        })
        .collect();
    let mut random = 0x2545_F491_4F6C_DD1D_u64;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random >> 16).unwrap()
    };
    for round in 0..300 {
        let mut decoder = Decoder::new(Pool::default()).unwrap();
        for _ in 0..4 {
            let mut unit = good[next() % good.len()].to_vec();
            match round % 3 {
                0 => (0..1 + next() % 8).for_each(|_| {
                    let at = next() % unit.len();
                    unit[at] = next().to_le_bytes()[0];
                }),
                1 => unit.truncate(next() % unit.len()),
                _ => unit[4..].iter_mut().for_each(|byte| *byte = next().to_le_bytes()[0]),
            }
            // Whatever it makes of it, it stays alive and the picture has a size.
            if let Ok(Some(frame)) = decoder.decode(&unit, at(0)) {
                assert!(frame.size().luma_len() > 0);
            }
        }
        let recovered = decoder.decode(&good[2], at(1));
        if let Ok(Some(frame)) = recovered {
            assert_eq!(frame.size(), Size::SMALL);
        }
    }
}

#[test]
fn nothing_and_far_too_much_are_answered_before_the_codec_sees_them() {
    let mut decoder = Decoder::new(Pool::default()).unwrap();
    assert!(decoder.decode(&[], at(0)).unwrap().is_none());
    let endless = vec![0; MAX_ACCESS_UNIT_LEN + 1];
    assert_eq!(decoder.decode(&endless, at(0)).unwrap_err(), DecodeError::TooLong(endless.len()));
}

#[test]
fn packets_carry_a_picture_from_encoder_to_decoder() {
    let pattern = Pattern::new(Size::HD, Pool::default());
    let mut encoder = encoder(1_500_000);
    let mut decoder = Decoder::new(Pool::default()).unwrap();
    for number in 0..5 {
        let encoded = encoder.encode(&pattern.render(number, at(number)), false).unwrap().unwrap();
        let payloads = packetise(&encoded.annexb, MAX_PAYLOAD_LEN);
        assert!(payloads.iter().all(|payload| payload.len() <= MAX_PAYLOAD_LEN));
        let starts: Vec<_> = payloads.iter().map(|payload| starts_frame(payload)).collect();
        let key = payloads.iter().all(|payload| is_key_frame(payload));
        assert_eq!((starts[0], key), (true, number == 0));
        // Behind the parameter sets the first slice begins a picture too.
        assert!(!starts[2..].contains(&true), "{starts:?}");
        let unit = assemble(&payloads).unwrap();
        assert_eq!(unit, encoded.annexb);
        let shown = decoder.decode(&unit, at(number)).unwrap().unwrap();
        assert_eq!(timecode::read(&shown).map(|code| code.number), Some(number));
    }
}
