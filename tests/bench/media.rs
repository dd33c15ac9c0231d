//! What one picture costs, step by step, at 1280×720.
//!
//! The numbers are per picture; at 30 a second, 10 ms are a third of a core.

use divan::Bencher;
use sightline::{
    logic::units::MediaTime,
    media::{
        convert,
        frame::{Frame, Size},
        h264::{Decoder, EncodedFrame, Encoder, EncoderSettings},
        mjpeg::MjpegDecoder,
        pattern::Pattern,
        pool::Pool,
        rtp_h264::{MAX_PAYLOAD_LEN, assemble, packetise},
        scale::Scaler,
        timecode,
    },
};
use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};

const SETTINGS: EncoderSettings = EncoderSettings { fps: 30, bitrate_bps: 1_500_000 };

fn frames(size: Size, count: u32) -> Vec<Frame> {
    let pattern = Pattern::new(size, Pool::default());
    (0..count).map(|number| pattern.render(number, MediaTime(u64::from(number) * 33_333))).collect()
}

fn encoded(count: u32) -> Vec<EncodedFrame> {
    let mut encoder = Encoder::new(SETTINGS);
    let encode = |frame| encoder.encode(frame, false).expect("the pattern can be encoded");
    frames(Size::HD, count).iter().filter_map(encode).collect()
}

#[divan::bench]
fn draw_the_pattern(bencher: Bencher<'_, '_>) {
    let pattern = Pattern::new(Size::HD, Pool::default());
    let mut number = 0;
    bencher.bench_local(|| {
        number += 1;
        pattern.render(number, MediaTime(0))
    });
}

#[divan::bench(sample_count = 300)]
fn encode_and_packetise(bencher: Bencher<'_, '_>) {
    let frames = frames(Size::HD, 60);
    let mut encoder = Encoder::new(SETTINGS);
    let mut next = 0_u32;
    bencher.bench_local(|| {
        let frame = &frames[next as usize % frames.len()];
        next += 1;
        let frame = frame.clone().captured_at(MediaTime(u64::from(next) * 33_333));
        let encoded = encoder.encode(&frame, false).expect("the pattern can be encoded");
        encoded.map(|encoded| packetise(&encoded.annexb, MAX_PAYLOAD_LEN))
    });
}

#[divan::bench(sample_count = 300)]
fn reassemble_and_decode(bencher: Bencher<'_, '_>) {
    // From one key frame to the next, so that the last of the round is followed by the first.
    let packets: Vec<_> =
        encoded(60).iter().map(|encoded| packetise(&encoded.annexb, MAX_PAYLOAD_LEN)).collect();
    let mut decoder = Decoder::new(Pool::default()).expect("there is a decoder");
    let mut next = 0;
    bencher.bench_local(|| {
        let unit = assemble(&packets[next % packets.len()]).expect("nothing is missing");
        next += 1;
        decoder.decode(&unit, MediaTime(0)).expect("nothing is damaged")
    });
}

#[divan::bench]
fn convert_to_rgba(bencher: Bencher<'_, '_>) {
    let frames = frames(Size::HD, 1);
    let mut rgba = Vec::new();
    bencher.bench_local(|| {
        convert::to_rgba(&frames[0], &mut rgba);
        rgba.last().copied()
    });
}

#[divan::bench]
fn convert_from_yuyv(bencher: Bencher<'_, '_>) {
    let yuyv = vec![100; Size::HD.luma_len() * 2];
    let pool = Pool::default();
    bencher.bench_local(|| {
        convert::from_yuyv(&yuyv, Size::HD.width() * 2, Size::HD, &pool).expect("the length fits")
    });
}

#[divan::bench]
fn convert_from_nv12(bencher: Bencher<'_, '_>) {
    let nv12 = vec![100; Size::HD.i420_len()];
    let pool = Pool::default();
    bencher.bench_local(|| {
        convert::from_nv12(&nv12, Size::HD.width(), Size::HD, &pool).expect("the length fits")
    });
}

/// As most webcams send them: 4:2:2, about 3 bits a pixel.
#[divan::bench(args = [Subsamp::Sub2x1, Subsamp::Sub2x2])]
fn decode_from_mjpeg(bencher: Bencher<'_, '_>, subsamp: Subsamp) {
    let mut rgba = Vec::new();
    convert::to_rgba(&frames(Size::HD, 1)[0], &mut rgba);
    let (width, height) = (Size::HD.width(), Size::HD.height());
    let image = Image { pixels: &rgba[..], width, pitch: width * 4, height, format: PixelFormat::RGBA };
    let mut compressor = Compressor::new().expect("there is a compressor");
    compressor.set_subsamp(subsamp).expect("it knows this arrangement");
    compressor.set_quality(90).expect("it knows this quality");
    let jpeg = compressor.compress_to_vec(image).expect("the pattern can be compressed");
    let mut decoder = MjpegDecoder::new(Pool::default()).expect("there is a decoder");
    bencher.bench_local(|| decoder.decode(&jpeg).expect("nothing is damaged"));
}

#[divan::bench]
fn scale_to_half(bencher: Bencher<'_, '_>) {
    let frames = frames(Size::HD, 1);
    let mut scaler = Scaler::new(Pool::default());
    bencher.bench_local(|| scaler.scale(&frames[0], Size::NHD));
}

#[divan::bench]
fn read_the_timecode(bencher: Bencher<'_, '_>) {
    let frames = frames(Size::HD, 1);
    bencher.bench_local(|| timecode::read(&frames[0]));
}
