//! A frame's number and time, written into the picture so that a machine can read it at the other end.
//!
//! 42 columns and 3 rows of cells, black or white, in the top left corner with a dark margin of one cell around. The
//! first and last column are marks of known colour, from which a reader takes what black and white have become;
//! between them are 120 bits, row by row: number (32), time (56), CRC-32 over both (32). A cell is a fiftieth part of the
//! picture or so (1/80 wide, 1/45 high: 16×16 pixels at 1280×720, 4×4 at 320×180), because a strip as wide as the
//! picture costs the encoder more bits than the picture, and smaller cells than a transform block do not survive.
//!
//! A strip that is not surely right is not read: marks without contrast, or a checksum that differs, give `None`.

use crc::{CRC_32_ISO_HDLC, Crc};

use crate::logic::units::MediaTime;

use super::frame::{Frame, FrameMut, NEUTRAL, Size};

const COLUMNS: usize = 42;
const ROWS: usize = 3;
const PAYLOAD_BITS: usize = (COLUMNS - 2) * ROWS;
/// Cells along the picture's width and height, were it filled with them.
const GRID: (usize, usize) = (80, 45);
/// Cells of margin on each side of the strip.
const MARGIN: usize = 1;

// Not quite black and white: the less the picture must jump from one frame to the next, the fewer bits it costs.
const DARK: u8 = 40;
const LIGHT: u8 = 215;
/// The marks must differ by this much, or there is no strip here.
const LEAST_CONTRAST: u32 = 60;

/// Times are written with this many bits: enough until the year 4253.
const TIME_BITS: u32 = 56;

static CHECKSUM: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// What the strip says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timecode {
    /// Of the frame, counted from 0 at the source.
    pub number: u32,
    /// When it was captured.
    pub captured: MediaTime,
}

impl Timecode {
    fn to_bits(self) -> u128 {
        let time = self.captured.as_micros() & ((1 << TIME_BITS) - 1);
        let message = u128::from(self.number) << TIME_BITS | u128::from(time);
        message << 32 | u128::from(checksum(message))
    }

    fn from_bits(bits: u128) -> Option<Self> {
        let message = bits >> 32;
        let time = message & ((1 << TIME_BITS) - 1);
        (u128::from(checksum(message)) == bits & u128::from(u32::MAX)).then(|| Self {
            number: u32::try_from(message >> TIME_BITS).expect("120 bits less 88 are 32"),
            captured: MediaTime(u64::try_from(time).expect("masked to 56 bits")),
        })
    }
}

fn checksum(message: u128) -> u32 {
    CHECKSUM.checksum(&message.to_be_bytes())
}

/// Draws the strip over whatever is in the corner.
pub fn write(frame: &mut FrameMut, timecode: Timecode) {
    let size = frame.size();
    let width = size.width();
    let bits = timecode.to_bits();
    let planes = frame.planes_mut();

    let (right, bottom) = corner(size, COLUMNS + 2 * MARGIN, ROWS + 2 * MARGIN);
    for row in planes.y.chunks_exact_mut(width).take(bottom) {
        row[..right].fill(DARK);
    }
    for plane in [planes.u, planes.v] {
        for row in plane.chunks_exact_mut(width / 2).take(bottom.div_ceil(2)) {
            row[..right.div_ceil(2)].fill(NEUTRAL);
        }
    }
    for row in 0..ROWS {
        for column in (0..COLUMNS).filter(|&column| is_light(bits, column, row)) {
            let (left, top) = corner(size, column + MARGIN, row + MARGIN);
            let (right, bottom) = corner(size, column + MARGIN + 1, row + MARGIN + 1);
            for line in planes.y[top * width..bottom * width].chunks_exact_mut(width) {
                line[left..right].fill(LIGHT);
            }
        }
    }
}

/// What the strip in the corner says, if there is one and it is surely right.
pub fn read(frame: &Frame) -> Option<Timecode> {
    let (size, luma) = (frame.size(), frame.planes().y);
    let cell = |column, row| cell_luma(size, luma, column, row);
    let (mut darkest_light, mut lightest_dark) = (u32::MAX, 0);
    let (mut dark, mut light) = (0, 0);
    for row in 0..ROWS {
        for column in [0, COLUMNS - 1] {
            let luma = cell(column, row);
            if is_light(0, column, row) {
                darkest_light = darkest_light.min(luma);
                light += luma;
            } else {
                lightest_dark = lightest_dark.max(luma);
                dark += luma;
            }
        }
    }
    if darkest_light < lightest_dark + LEAST_CONTRAST {
        return None;
    }
    // Three marks of each colour; between their means lies the border.
    let border = (dark + light) / 6;
    let mut bits = 0;
    for row in 0..ROWS {
        for column in 1..COLUMNS - 1 {
            bits = bits << 1 | u128::from(cell(column, row) > border);
        }
    }
    Timecode::from_bits(bits)
}

/// The marks are light, dark, light on the left and the reverse on the right; between them the bits, highest first.
const fn is_light(bits: u128, column: usize, row: usize) -> bool {
    if column == 0 {
        row.is_multiple_of(2)
    } else if column == COLUMNS - 1 {
        !row.is_multiple_of(2)
    } else {
        bits >> (PAYLOAD_BITS - 1 - (row * (COLUMNS - 2) + column - 1)) & 1 == 1
    }
}

/// The pixel at which a cell begins.
const fn corner(size: Size, column: usize, row: usize) -> (usize, usize) {
    (column * size.width() / GRID.0, row * size.height() / GRID.1)
}

/// The mean luma of a cell's inner half, which its neighbours have not bled into.
fn cell_luma(size: Size, luma: &[u8], column: usize, row: usize) -> u32 {
    let (left, top) = corner(size, column + MARGIN, row + MARGIN);
    let (right, bottom) = corner(size, column + MARGIN + 1, row + MARGIN + 1);
    let inner = |from: usize, to: usize| {
        let quarter = (to - from) / 4;
        from + quarter..(to - quarter).max(from + quarter + 1)
    };
    let (columns, rows) = (inner(left, right), inner(top, bottom));
    let pixels = u32::try_from(columns.len() * rows.len()).expect("a cell is small");
    let sum: u32 =
        rows.flat_map(|y| &luma[y * size.width()..][columns.clone()]).map(|&luma| u32::from(luma)).sum();
    sum / pixels
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{pool::Pool, scale::Scaler};

    const CODE: Timecode = Timecode { number: 0xDEAD_1234, captured: MediaTime(1_700_000_123_456_789) };

    struct Random(u64);

    impl Random {
        fn next(&mut self) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0
        }

        fn byte(&mut self) -> u8 {
            self.next().to_le_bytes()[3]
        }
    }

    fn with_strip(size: Size, pool: &Pool, code: Timecode) -> Frame {
        let mut frame = pool.frame(size);
        frame.fill(120);
        write(&mut frame, code);
        frame.freeze(MediaTime(0))
    }

    #[test]
    fn what_is_written_is_read_at_every_common_size() {
        let pool = Pool::default();
        for size in [
            "320x180",
            "320x240",
            "480x270",
            "640x360",
            "640x480",
            "960x540",
            "1280x720",
            "1920x1080",
            "360x640",
        ] {
            for number in [0, 1, 0x5555_5555, u32::MAX] {
                let code = Timecode { number, ..CODE };
                let frame = with_strip(size.parse().unwrap(), &pool, code);
                assert_eq!(read(&frame), Some(code), "{size}");
            }
        }
    }

    #[test]
    fn it_survives_scaling() {
        let pool = Pool::default();
        let mut scaler = Scaler::new(pool.clone());
        for (from, to) in [(Size::HD, Size::SMALL), (Size::SMALL, Size::HD), (Size::HD, Size::NHD)] {
            let scaled = scaler.scale(&with_strip(from, &pool, CODE), to);
            assert_eq!(read(&scaled), Some(CODE), "{from} to {to}");
        }
        let up_and_down = scaler.scale(&with_strip(Size::NHD, &pool, CODE), "854x480".parse().unwrap());
        assert_eq!(read(&up_and_down), Some(CODE));
    }

    #[test]
    fn it_is_read_through_noise_and_low_contrast() {
        let pool = Pool::default();
        let mut random = Random(88_172_645_463_325_252);
        let mut frame = pool.frame(Size::NHD);
        frame.fill(120);
        write(&mut frame, CODE);
        for luma in frame.planes_mut().y {
            *luma = *luma / 2 + random.byte() / 4 + 20;
        }
        assert_eq!(read(&frame.freeze(MediaTime(0))), Some(CODE));
    }

    #[test]
    fn a_picture_without_a_strip_has_no_timecode() {
        let pool = Pool::default();
        for luma in [0, 16, 128, 255] {
            let mut frame = pool.frame(Size::SMALL);
            frame.fill(luma);
            assert_eq!(read(&frame.freeze(MediaTime(0))), None);
        }
    }

    #[test]
    fn one_wrong_cell_makes_it_unreadable() {
        let pool = Pool::default();
        let size = Size::SMALL;
        for (column, row) in (1..COLUMNS - 1).flat_map(|column| (0..ROWS).map(move |row| (column, row))) {
            let mut frame = pool.frame(size);
            frame.fill(120);
            write(&mut frame, CODE);
            let (left, top) = corner(size, column + MARGIN, row + MARGIN);
            for y in top..top + 4 {
                for luma in &mut frame.planes_mut().y[y * size.width() + left..][..4] {
                    *luma = 255 - *luma;
                }
            }
            assert_eq!(read(&frame.freeze(MediaTime(0))), None, "column {column}, row {row}");
        }
    }

    #[test]
    fn nothing_is_read_from_a_hundred_thousand_random_pictures() {
        let pool = Pool::default();
        let size = Size::new(160, 90).unwrap();
        let mut random = Random(0x9E37_79B9_7F4A_7C15);
        for round in 0..100_000 {
            let mut frame = pool.frame(size);
            if round % 2 == 0 {
                // The hardest kind: right marks, clean cells, random bits between.
                write(&mut frame, CODE);
                for row in 0..ROWS {
                    for column in 1..COLUMNS - 1 {
                        let (left, top) = corner(size, column + MARGIN, row + MARGIN);
                        let luma = if random.next() & 0x100 == 0 { DARK } else { LIGHT };
                        for y in top..top + 2 {
                            frame.planes_mut().y[y * size.width() + left..][..2].fill(luma);
                        }
                    }
                }
            } else {
                let rows = corner(size, 0, ROWS + 2 * MARGIN).1 * size.width();
                for eight in frame.planes_mut().y[..rows].chunks_exact_mut(8) {
                    eight.copy_from_slice(&random.next().to_le_bytes());
                }
            }
            assert_eq!(read(&frame.freeze(MediaTime(0))), None, "round {round}");
        }
    }

    #[test]
    fn a_picture_too_small_for_a_strip_is_no_reason_to_panic() {
        let frame = with_strip(Size::new(16, 16).unwrap(), &Pool::default(), CODE);
        assert_eq!(read(&frame), None);
    }
}
