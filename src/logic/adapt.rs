//! What to spend on pictures: their size, how many a second, how many bits, and why not more.
//!
//! The size follows from the bits that there are, not the other way round: at each rate there is a size at which a face looks
//! best. It goes down at once and up only when there has been enough for a while, because each change costs a key frame. To
//! take steps by how coarse the encoder has become was tried by others: a good link then needs a quarter of a minute for its
//! full size.

use std::{
    fmt,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::missing;

/// From how many bits a second on a picture of so many pixels is worth its size; between them in proportion.
const WORTH: &[(f64, f64)] = &[
    (57_600.0, 0.0),
    (129_600.0, 300_000.0),
    (230_400.0, 500_000.0),
    (518_400.0, 800_000.0),
    (921_600.0, 1_500_000.0),
    (2_073_600.0, 3_000_000.0),
];
/// More bits than this do not show on so many pixels.
const SHOWS: &[(f64, f64)] = &[
    (57_600.0, 350_000.0),
    (129_600.0, 700_000.0),
    (230_400.0, 1_200_000.0),
    (518_400.0, 2_000_000.0),
    (921_600.0, 2_500_000.0),
    (2_073_600.0, 3_800_000.0),
];
/// What a picture can be made smaller by, in eighths.
const EIGHTHS: &[usize] = &[8, 6, 4, 3, 2];
/// A size that is in use stays until there is less than this part of what it is worth.
const STAYS: f64 = 0.8;
/// A larger one has to be affordable for so long, and for less where the call has just begun.
const AFFORDABLE_FOR: Duration = Duration::from_secs(1);
const AFFORDABLE_AT_FIRST: Duration = Duration::from_millis(150);
/// The first picture has to be there soon, and what the path carries is only guessed: it is of a size that is worth so much
/// less.
const FIRST: f64 = 1.5;
const BEGINNING: Duration = Duration::from_secs(4);
/// Below so many bits a second, fewer pictures: each is better then.
const FEWER: &[(u32, u32)] = &[(80_000, 10), (160_000, 15), (280_000, 24)];
/// Where to encode a picture takes this part of the time until the next, it has to be smaller; and it may be larger again
/// where a larger one would take that part.
const BUSY: f64 = 0.75;
const FREE: f64 = 0.5;
/// It is judged by so many pictures, and not again before so long: a computer is busy with something else now and then.
const ENCODED: u32 = 30;
const BUSY_FOR: Duration = Duration::from_secs(6);
/// What the other side draws may be this much smaller than what it is sent.
const DRAWN_SLACK: f64 = 0.93;

/// A packet of sound on the wire has this much around it, so many times a second.
const SOUND_AROUND_BPS: f64 = 68.0 * 8.0 * 50.0;
/// With so many of all packets lost each of sound is sent twice. The copies that Opus carries are coarse, and there are none of
/// what it takes for no voice.
const TWICE_FROM_LOSS: f64 = 0.03;
/// Below so much there is room for sound, or for a picture and sound, but not for sound twice as well.
const TWICE_FROM_BPS: u32 = 300_000;
/// What is said about packets, in parts of them.
const CONTROL: f64 = 0.985;
/// Of a packet of a picture this is picture.
const INSIDE: f64 = 0.94;
/// Repairs take no more than this from pictures.
const MOST_REPAIRS: f64 = 0.4;
/// Whatever the network says: below this nothing can be recognised.
const LEAST_BPS: f64 = 30_000.0;

/// What sound may have of so much altogether, without what is around its packets.
pub fn sound_bps(target_bps: u32) -> u32 {
    match target_bps {
        0..110_000 => 12_000,
        110_000..180_000 => 16_000,
        180_000..350_000 => 20_000,
        350_000..700_000 => 24_000,
        700_000..1_500_000 => 32_000,
        1_500_000.. => 40_000,
    }
}

/// Whether each packet of sound is sent twice, where there is room for so much altogether, and that part gets lost.
pub fn sends_sound_twice(target_bps: u32, loss: f64) -> bool {
    target_bps >= TWICE_FROM_BPS && loss >= TWICE_FROM_LOSS
}

/// What pictures may have of so much altogether, without what is around their packets. What has to be repeated is theirs.
pub fn picture_bps(target_bps: u32, loss: f64) -> u32 {
    let times = if sends_sound_twice(target_bps, loss) { 2.0 } else { 1.0 };
    let sound = times * (f64::from(sound_bps(target_bps)) + SOUND_AROUND_BPS);
    let rest = f64::from(target_bps) * CONTROL - sound;
    let repairs = (loss * f64::from(missing::questions(loss))).clamp(0.0, MOST_REPAIRS);
    (rest * INSIDE * (1.0 - repairs)).max(LEAST_BPS) as u32
}

/// What a call with pictures of that size can make use of altogether.
pub fn most_bps(width: usize, height: usize) -> u32 {
    let pictures = along(SHOWS, (width * height) as f64) / INSIDE;
    ((pictures + 40_000.0 + SOUND_AROUND_BPS) / CONTROL * 1.15) as u32
}

/// What there is to decide by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Situation {
    /// What the camera gives.
    pub source: (usize, usize),
    /// How many a second.
    pub fps: u32,
    /// What the path has room for.
    pub target_bps: u32,
    /// The part of the packets that is lost.
    pub loss: f64,
    /// The size at which the other side draws us, where it says.
    pub drawn: Option<(usize, usize)>,
    /// More than this nobody here wants to spend.
    pub most: Option<(usize, usize)>,
}

/// What is decided.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Of the picture.
    pub width: usize,
    /// Of the picture.
    pub height: usize,
    /// Pictures a second.
    pub fps: u32,
    /// For pictures, without what is around their packets.
    pub bitrate_bps: u32,
    /// Why not more.
    pub why: Why,
}

/// Why pictures are not larger.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// They are as the camera gives them.
    Camera,
    /// The path has room for so much.
    Network {
        /// Altogether.
        target_bps: u32,
    },
    /// The other side shows them no larger.
    Drawn {
        /// Its size.
        width: usize,
        /// Its size.
        height: usize,
    },
    /// Nobody here wants larger ones to be sent.
    Wished {
        /// Its size.
        width: usize,
        /// Its size.
        height: usize,
    },
    /// This computer does not encode larger ones in time.
    Encoder {
        /// One at the full size takes so long.
        takes_ms: f64,
    },
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Camera => f.write_str("the camera gives no more"),
            Self::Network { target_bps } => write!(f, "network {:.1} Mbit/s", f64::from(*target_bps) / 1e6),
            Self::Drawn { width, height } => write!(f, "the other side shows it at {width}×{height}"),
            Self::Wished { width, height } => write!(f, "no more than {width}×{height} is wished for"),
            Self::Encoder { takes_ms } => {
                write!(f, "this computer takes {takes_ms:.0} ms for a full picture")
            }
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { width, height, fps, bitrate_bps: _, why } = self;
        write!(f, "{width}×{height} at {fps} because: {why}")
    }
}

/// See the head of this file.
#[derive(Debug, Default)]
pub struct Adapt {
    began: Option<Instant>,
    eighths: Option<usize>,
    larger_since: Option<Instant>,
    encode_ns_per_pixel: f64,
    encoded: u32,
    /// No larger than this until then: this computer is too slow.
    slow: Option<(usize, Instant)>,
    /// What a full picture took when that was found.
    takes_ms: f64,
}

impl Adapt {
    /// A picture of so many pixels took so long to encode. Not the first of a size: that one sets the encoder up.
    pub fn note_encoding(&mut self, pixels: usize, took: Duration) {
        let ns = took.as_nanos() as f64 / pixels.max(1) as f64;
        self.encoded += 1;
        self.encode_ns_per_pixel += (ns - self.encode_ns_per_pixel) / f64::from(self.encoded.min(ENCODED));
    }

    /// What to send now.
    pub fn decide(&mut self, situation: &Situation, now: Instant) -> Plan {
        let began = *self.began.get_or_insert(now);
        let bits = f64::from(picture_bps(situation.target_bps, situation.loss));
        let fps = fewer(bits as u32).min(situation.fps);
        let pixels = |eighths| {
            let (width, height) = scaled(situation.source, eighths);
            (width * height) as f64
        };
        let by_bits = |part: f64| {
            let affordable = |&&eighths: &&usize| along(WORTH, pixels(eighths)) * part <= bits;
            *EIGHTHS.iter().find(affordable).unwrap_or(&EIGHTHS[EIGHTHS.len() - 1])
        };
        let (by_drawn, by_encoder) = (self.by_drawn(situation), self.by_encoder(situation, fps, now));
        let by_wish = by_wish(situation);
        let others = by_drawn.min(by_encoder).min(by_wish);
        let wanted = by_bits(1.0).min(others);
        let bearable = by_bits(STAYS).min(others);
        let eighths = match self.eighths {
            Some(current) if wanted > current => {
                let since = *self.larger_since.get_or_insert(now);
                let begins = now < began + BEGINNING;
                let waited = now >= since + if begins { AFFORDABLE_AT_FIRST } else { AFFORDABLE_FOR };
                if waited { wanted } else { current }
            }
            Some(current) if bearable < current => bearable,
            Some(current) => {
                self.larger_since = None;
                current
            }
            None => by_bits(FIRST).min(others),
        };
        if self.eighths != Some(eighths) {
            self.larger_since = None;
            self.eighths = Some(eighths);
        }
        let (width, height) = scaled(situation.source, eighths);
        let bitrate_bps = bits.min(along(SHOWS, pixels(eighths))) as u32;
        let why = self.why(situation, eighths, [by_wish, by_drawn, by_encoder]);
        Plan { width, height, fps, bitrate_bps, why }
    }

    fn why(&self, situation: &Situation, eighths: usize, by: [usize; 3]) -> Why {
        let [by_wish, by_drawn, by_encoder] = by;
        if eighths == EIGHTHS[0] {
            Why::Camera
        } else if let Some((width, height)) = situation.most.filter(|_| eighths == by_wish) {
            Why::Wished { width, height }
        } else if let Some((width, height)) = situation.drawn.filter(|_| eighths == by_drawn) {
            Why::Drawn { width, height }
        } else if eighths == by_encoder {
            Why::Encoder { takes_ms: self.takes_ms }
        } else {
            Why::Network { target_bps: situation.target_bps }
        }
    }

    /// The smallest that is not smaller than what is drawn.
    fn by_drawn(&self, situation: &Situation) -> usize {
        let Some((width, height)) = situation.drawn else { return EIGHTHS[0] };
        let enough = |&&eighths: &&usize| {
            let size = scaled(situation.source, eighths);
            size.0 as f64 >= width as f64 * DRAWN_SLACK || size.1 as f64 >= height as f64 * DRAWN_SLACK
        };
        *EIGHTHS.iter().rev().find(enough).unwrap_or(&EIGHTHS[0])
    }

    /// The largest that is encoded in time.
    fn by_encoder(&mut self, situation: &Situation, fps: u32, now: Instant) -> usize {
        let most = self.slow.map_or(EIGHTHS[0], |(most, _)| most);
        let rested = self.slow.is_none_or(|(_, until)| now >= until);
        let Some(current) = self.eighths.filter(|_| rested && self.encoded >= ENCODED) else { return most };
        let part = |eighths| {
            let (width, height) = scaled(situation.source, eighths);
            (width * height) as f64 * self.encode_ns_per_pixel / 1e9 * f64::from(fps)
        };
        let place = EIGHTHS.iter().position(|&eighths| eighths == current).unwrap_or_default();
        let most = if part(current) > BUSY {
            EIGHTHS[(place + 1).min(EIGHTHS.len() - 1)]
        } else {
            *EIGHTHS.iter().find(|&&eighths| eighths <= most || part(eighths) < FREE).unwrap_or(&most)
        };
        if self.slow.map_or(EIGHTHS[0], |(most, _)| most) != most {
            self.slow = (most != EIGHTHS[0]).then_some((most, now + BUSY_FOR));
            let full = (situation.source.0 * situation.source.1) as f64;
            self.takes_ms = full * self.encode_ns_per_pixel / 1e6;
            self.encoded = 0;
            self.encode_ns_per_pixel = 0.0;
        }
        most
    }
}

fn fewer(bits: u32) -> u32 {
    FEWER.iter().find(|(below, _)| bits < *below).map_or(u32::MAX, |(_, fps)| *fps)
}

/// Even sides, as the encoder needs them.
fn scaled((width, height): (usize, usize), eighths: usize) -> (usize, usize) {
    let side = |full: usize| if eighths == EIGHTHS[0] { full } else { (full * eighths / 16 * 2).max(16) };
    (side(width), side(height))
}

fn along(table: &[(f64, f64)], pixels: f64) -> f64 {
    let mut before = (0.0, 0.0);
    for &(at, value) in table {
        if pixels <= at {
            return before.1 + (value - before.1) * (pixels - before.0) / (at - before.0);
        }
        before = (at, value);
    }
    before.1 * pixels / before.0
}

/// The largest that is not larger than what is wished.
fn by_wish(situation: &Situation) -> usize {
    let Some(most) = situation.most else { return EIGHTHS[0] };
    let fits = |&&eighths: &&usize| {
        let size = scaled(situation.source, eighths);
        size.0 <= most.0 && size.1 <= most.1
    };
    *EIGHTHS.iter().find(fits).unwrap_or(&EIGHTHS[EIGHTHS.len() - 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    const HD: Situation =
        Situation { source: (1280, 720), fps: 30, target_bps: 3_000_000, loss: 0.0, drawn: None, most: None };

    fn at(adapt: &mut Adapt, target_bps: u32, now: Instant) -> Plan {
        adapt.decide(&Situation { target_bps, ..HD }, now)
    }

    fn settled(target_bps: u32) -> Plan {
        let (mut adapt, now) = (Adapt::default(), Instant::now());
        let later = now + AFFORDABLE_AT_FIRST;
        [now, now, later].map(|now| at(&mut adapt, target_bps, now))[2]
    }

    #[test]
    fn the_first_picture_is_small_and_soon() {
        assert_eq!(at(&mut Adapt::default(), 1_000_000, Instant::now()).width, 640);
        assert_eq!(settled(1_000_000).width, 960);
    }

    #[test]
    fn the_size_follows_the_bits() {
        let size = |target_bps| {
            let plan = settled(target_bps);
            (plan.width, plan.fps)
        };
        assert_eq!(size(3_000_000), (1280, 30));
        assert_eq!(size(1_000_000), (960, 30));
        assert_eq!(size(700_000), (640, 30));
        assert_eq!(size(450_000), (480, 30));
        assert_eq!(size(200_000), (320, 15));
        assert_eq!(size(0), (320, 10));
    }

    #[test]
    fn down_at_once_and_up_only_when_it_lasts() {
        let (mut adapt, mut now) = (Adapt::default(), Instant::now());
        assert_eq!(at(&mut adapt, 1_000_000, now).width, 640);
        at(&mut adapt, 3_000_000, now);
        now += AFFORDABLE_AT_FIRST;
        assert_eq!(at(&mut adapt, 3_000_000, now).width, 1280, "a call that begins waits for less");
        now += BEGINNING;
        assert_eq!(at(&mut adapt, 1_500_000, now).width, 1280, "a little less is borne");
        assert_eq!(at(&mut adapt, 700_000, now).width, 640);
        assert_eq!(at(&mut adapt, 3_000_000, now).width, 640);
        assert_eq!(at(&mut adapt, 600_000, now).width, 640, "it did not last");
        now += AFFORDABLE_FOR;
        assert_eq!(at(&mut adapt, 3_000_000, now).width, 640);
        now += AFFORDABLE_FOR;
        assert_eq!(at(&mut adapt, 3_000_000, now).width, 1280);
    }

    #[test]
    fn nothing_larger_is_sent_than_is_wished() {
        for (most, width) in [((640, 360), 640), ((320, 180), 320), ((700, 700), 640), ((1, 1), 320)] {
            let plan = Adapt::default().decide(&Situation { most: Some(most), ..HD }, Instant::now());
            assert_eq!((plan.width, plan.why), (width, Why::Wished { width: most.0, height: most.1 }));
        }
    }

    #[test]
    fn nothing_larger_is_sent_than_is_drawn_or_than_the_computer_can_encode() {
        let now = Instant::now();
        let drawn = Situation { drawn: Some((600, 338)), ..HD };
        let plan = Adapt::default().decide(&drawn, now);
        assert_eq!(plan.to_string(), "640×360 at 30 because: the other side shows it at 600×338");
        assert_eq!(plan.bitrate_bps, 1_200_000);
    }

    #[test]
    fn a_computer_that_is_too_slow_is_asked_for_less_until_it_is_not() {
        let (mut adapt, mut now) = (Adapt::default(), Instant::now());
        let encode = |adapt: &mut Adapt, took_ms: f64| {
            for _ in 0..3 * ENCODED {
                adapt.note_encoding(1280 * 720, Duration::from_secs_f64(took_ms / 1000.0));
            }
        };
        assert_eq!(adapt.decide(&HD, now).width, 1280);
        encode(&mut adapt, 10.0);
        assert_eq!(adapt.decide(&HD, now).width, 1280);
        encode(&mut adapt, 30.0);
        assert_eq!(adapt.decide(&HD, now).width, 960);
        encode(&mut adapt, 30.0);
        now += BUSY_FOR;
        let plan = adapt.decide(&HD, now);
        assert_eq!(plan.to_string(), "960×540 at 30 because: this computer takes 29 ms for a full picture");
        encode(&mut adapt, 10.0);
        let _ = adapt.decide(&HD, now);
        now += BUSY_FOR;
        assert_eq!(adapt.decide(&HD, now).width, 1280);
    }

    #[test]
    fn the_reason_is_said_in_words() {
        let plan = settled(700_000);
        assert_eq!(plan.to_string(), "640×360 at 30 because: network 0.7 Mbit/s");
    }

    #[test]
    fn sound_is_sent_twice_where_much_is_lost_and_the_picture_can_spare_it() {
        assert!(sends_sound_twice(500_000, 0.05));
        assert!(!sends_sound_twice(500_000, 0.02), "little is lost");
        assert!(!sends_sound_twice(250_000, 0.2), "there is no room");
        assert!(picture_bps(300_000, 0.05) > 150_000);
    }

    #[test]
    fn of_half_a_megabit_most_is_picture() {
        assert!(picture_bps(460_000, 0.0) > 370_000);
        assert!(picture_bps(60_000, 0.0) >= 30_000);
        assert!(most_bps(1280, 720) > 2_800_000);
    }
}
