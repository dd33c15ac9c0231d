//! What to spend on pictures.
//!
//! For now a fixed share of bits per pixel, which is what a calm network of some Mbit/s carries. The network is not asked.

/// Bits for one pixel of one picture.
const BITS_PER_PIXEL: f64 = 0.075;
/// Below this a face is not recognised.
const LEAST_BPS: f64 = 150_000.0;
/// Above this more bits do not show in a call.
const MOST_BPS: f64 = 2_500_000.0;

/// The bitrate for pictures of that size and rate.
pub fn bitrate_bps(width: usize, height: usize, fps: u32) -> u32 {
    let pixels = (width * height) as f64;
    (pixels * f64::from(fps) * BITS_PER_PIXEL).clamp(LEAST_BPS, MOST_BPS) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_follow_the_size_within_limits() {
        assert_eq!(bitrate_bps(1280, 720, 30), 2_073_600);
        assert_eq!(bitrate_bps(320, 180, 10), 150_000);
        assert_eq!(bitrate_bps(3840, 2160, 60), 2_500_000);
    }
}
