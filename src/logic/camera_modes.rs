//! Which of a camera's modes to take.
//!
//! A camera offers some dozens of sizes, rates and formats, and rarely just the one that is wanted. What is missing costs
//! the viewer, what is too much costs this computer, and the format costs only a little of its time: so a mode is judged
//! first by what it lacks, and the format decides between modes that give the same. Ratios count, not differences: 15 for
//! 30 is as bad as 30 for 60.

use std::cmp::Ordering;

/// How a camera's pixels come, those first that take the least work to become ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PixelFormat {
    /// Only to be taken apart.
    Nv12,
    /// Half of its colours to be left out.
    Yuyv,
    /// To be decoded. At larger sizes many cameras have their full rate in no other.
    Mjpeg,
    /// Without colours (infrared cameras, mostly).
    Grey,
}

/// The time from one picture to the next, in seconds, as a fraction: cameras take no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Interval {
    /// Above the line.
    pub numerator: u32,
    /// Below the line.
    pub denominator: u32,
}

impl Interval {
    /// Of a rate in pictures a second.
    pub const fn of_fps(fps: u32) -> Self {
        Self { numerator: 1, denominator: fps }
    }

    /// Pictures a second; 0 where the fraction says nothing.
    pub fn fps(self) -> f64 {
        if self.numerator == 0 { 0.0 } else { f64::from(self.denominator) / f64::from(self.numerator) }
    }
}

/// One way in which a camera can give pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mode {
    /// How the pixels come.
    pub format: PixelFormat,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// How often.
    pub interval: Interval,
}

/// What is wanted of a camera.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// Pictures a second.
    pub fps: u32,
}

/// What a mode costs for each doubling by which it differs from what is wanted. A rate cut to a third is worse than a
/// size cut to a quarter: movement is what a call is for.
mod cost {
    /// The rate is too low.
    pub(super) const SLOWER: f64 = 4.0;
    /// The rate is too high: pictures are left out.
    pub(super) const FASTER: f64 = 0.5;
    /// Pixels are missing.
    pub(super) const SMALLER: f64 = 2.0;
    /// Pixels have to be brought here, converted, and scaled away.
    pub(super) const LARGER: f64 = 1.0;
    /// The shape is another, so some of the picture is cut off or a border drawn.
    pub(super) const OTHER_SHAPE: f64 = 1.5;
    /// There are no colours. More than all else together can be.
    pub(super) const NO_COLOUR: f64 = 1000.0;
}

/// The best of `modes`; `None` where none can be used at all.
pub fn best(modes: &[Mode], wanted: Wanted) -> Option<Mode> {
    modes.iter().copied().filter(|mode| is_usable(*mode)).min_by(|a, b| compare(*a, *b, wanted))
}

fn is_usable(mode: Mode) -> bool {
    mode.width > 0 && mode.height > 0 && mode.interval.fps() > 0.0
}

/// Equal for equal modes alone, so the order in which a camera lists them says nothing.
fn compare(a: Mode, b: Mode, wanted: Wanted) -> Ordering {
    let size = |mode: Mode| (mode.width, mode.height);
    let fraction = |mode: Mode| (mode.interval.numerator, mode.interval.denominator);
    misfit(a, wanted)
        .total_cmp(&misfit(b, wanted))
        .then(a.format.cmp(&b.format))
        .then(size(a).cmp(&size(b)))
        .then(fraction(a).cmp(&fraction(b)))
}

fn misfit(mode: Mode, wanted: Wanted) -> f64 {
    let (width, height) = (f64::from(wanted.width.max(1)), f64::from(wanted.height.max(1)));
    let doublings = |has: f64, wanted: f64, below: f64, above: f64| {
        let doublings = (has / wanted).log2();
        if doublings < 0.0 { -doublings * below } else { doublings * above }
    };
    let rate = doublings(mode.interval.fps(), f64::from(wanted.fps.max(1)), cost::SLOWER, cost::FASTER);
    let (has_width, has_height) = (f64::from(mode.width), f64::from(mode.height));
    let size = doublings(has_width * has_height, width * height, cost::SMALLER, cost::LARGER);
    let shape = doublings(has_width * height, has_height * width, cost::OTHER_SHAPE, cost::OTHER_SHAPE);
    let colour = if mode.format == PixelFormat::Grey { cost::NO_COLOUR } else { 0.0 };
    rate + size + shape + colour
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{PixelFormat::*, *};

    const HD30: Wanted = Wanted { width: 1280, height: 720, fps: 30 };

    fn mode(format: PixelFormat, width: u32, height: u32, fps: u32) -> Mode {
        Mode { format, width, height, interval: Interval::of_fps(fps) }
    }

    #[test]
    fn a_full_rate_is_worth_decoding() {
        let usual = [mode(Yuyv, 1280, 720, 10), mode(Mjpeg, 1280, 720, 30), mode(Yuyv, 640, 480, 30)];
        assert_eq!(best(&usual, HD30), Some(usual[1]));
    }

    #[test]
    fn of_what_gives_the_same_the_least_work_is_taken() {
        let same = [mode(Mjpeg, 1280, 720, 30), mode(Nv12, 1280, 720, 30), mode(Yuyv, 1280, 720, 30)];
        assert_eq!(best(&same, HD30), Some(same[1]));
        assert_eq!(best(&[same[0], same[2]], HD30), Some(same[2]));
    }

    #[test]
    fn the_shape_of_the_picture_is_kept_where_that_can_be() {
        let vga = mode(Yuyv, 640, 480, 30);
        let wide = mode(Yuyv, 640, 360, 30);
        assert_eq!(best(&[vga, wide], Wanted { width: 640, height: 360, fps: 30 }), Some(wide));
        assert_eq!(best(&[vga], HD30), Some(vga));
    }

    #[test]
    fn a_slow_large_picture_loses_against_a_smooth_smaller_one() {
        let usb2 = [mode(Yuyv, 1280, 720, 5), mode(Yuyv, 640, 360, 30)];
        assert_eq!(best(&usb2, HD30), Some(usb2[1]));
    }

    #[test]
    fn an_infrared_camera_is_better_than_none_and_worse_than_any_other() {
        let grey = mode(Grey, 1280, 720, 30);
        assert_eq!(best(&[grey], HD30), Some(grey));
        assert_eq!(best(&[grey, mode(Mjpeg, 160, 120, 5)], HD30), Some(mode(Mjpeg, 160, 120, 5)));
    }

    #[test]
    fn rates_that_are_no_whole_numbers_count_too() {
        let ntsc =
            Mode { interval: Interval { numerator: 1001, denominator: 30_000 }, ..mode(Yuyv, 1280, 720, 1) };
        assert_eq!(best(&[mode(Yuyv, 1280, 720, 15), ntsc], HD30), Some(ntsc));
        let slow = Mode { interval: Interval { numerator: 2, denominator: 15 }, ..ntsc };
        assert_eq!(best(&[slow], HD30), Some(slow));
    }

    #[test]
    fn a_mode_without_pixels_or_rate_is_none() {
        let nonsense = [
            mode(Yuyv, 0, 720, 30),
            mode(Yuyv, 1280, 0, 30),
            mode(Yuyv, 1280, 720, 0),
            Mode { interval: Interval { numerator: 0, denominator: 30 }, ..mode(Yuyv, 1280, 720, 30) },
        ];
        assert_eq!(best(&nonsense, HD30), None);
        assert_eq!(best(&[], HD30), None);
    }

    fn any_format() -> impl Strategy<Value = PixelFormat> {
        prop::sample::select(vec![Nv12, Yuyv, Mjpeg, Grey])
    }

    fn any_mode() -> impl Strategy<Value = Mode> {
        let sides = prop::sample::select(vec![
            (160, 120),
            (320, 180),
            (640, 360),
            (640, 480),
            (1280, 720),
            (1920, 1080),
        ]);
        let interval =
            (0_u32..4, 0_u32..61).prop_map(|(numerator, denominator)| Interval { numerator, denominator });
        (any_format(), prop_oneof![4 => sides, 1 => (0_u32..5000, 0_u32..5000)], interval)
            .prop_map(|(format, (width, height), interval)| Mode { format, width, height, interval })
    }

    fn any_wish() -> impl Strategy<Value = Wanted> {
        (0_u32..4000, 0_u32..3000, 0_u32..61).prop_map(|(width, height, fps)| Wanted { width, height, fps })
    }

    proptest! {
        #[test]
        fn what_is_wanted_is_taken_whatever_else_there_is(
            mut modes in prop::collection::vec(any_mode(), 0..20), at in 0_usize..20, format in any_format(),
        ) {
            prop_assume!(format != Grey);
            let exact = mode(format, 1280, 720, 30);
            modes.insert(at.min(modes.len()), exact);
            let best = best(&modes, HD30).unwrap();
            prop_assert_eq!((best.width, best.height), (1280, 720));
            prop_assert!((best.interval.fps() - 30.0).abs() < 0.001);
            prop_assert!(best.format <= format);
        }

        #[test]
        fn the_order_of_the_list_says_nothing(modes in prop::collection::vec(any_mode(), 0..20), wanted in any_wish()) {
            let mut turned = modes.clone();
            turned.reverse();
            prop_assert_eq!(best(&modes, wanted), best(&turned, wanted));
        }

        #[test]
        fn no_mode_is_taken_that_another_beats_in_everything(
            modes in prop::collection::vec(any_mode(), 1..20), wanted in any_wish(),
        ) {
            if let Some(best) = best(&modes, wanted) {
                prop_assert!(modes.contains(&best));
                for other in modes.iter().filter(|other| is_usable(**other)) {
                    let same_size = (other.width, other.height) == (best.width, best.height);
                    let nearer = |mode: Mode| (mode.interval.fps() / f64::from(wanted.fps.max(1))).min(1.0);
                    let beats = same_size && other.format < best.format && nearer(*other) >= nearer(best)
                        && other.interval.fps() <= best.interval.fps().max(f64::from(wanted.fps));
                    prop_assert!(!beats, "{:?} was taken and not {:?}", best, other);
                }
            } else {
                prop_assert!(modes.iter().all(|mode| !is_usable(*mode)));
            }
        }
    }
}
