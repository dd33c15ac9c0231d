//! The pure parts, told what to go through by a string of bytes: what the fuzz targets run, and the tests with their seeds.
//!
//! Not for use by anybody else, and only there with the feature `fuzzing`.

mod relay;
mod relay_calls;
mod script;
mod switchboard;

pub use relay::run as relay;
pub use relay_calls::run as relay_calls;
pub use switchboard::run as switchboard;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    fn replay(target: &str, run: fn(&[u8])) {
        let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/corpus").join(target);
        let seeds: Vec<_> = fs::read_dir(seeds).unwrap().map(|seed| seed.unwrap().path()).collect();
        assert!(!seeds.is_empty());
        for seed in seeds {
            run(&fs::read(seed).unwrap());
        }
    }

    #[test]
    fn the_relay_goes_through_every_seed() {
        replay("relay", super::relay);
    }

    #[test]
    fn two_calls_at_one_relay_go_through_every_seed() {
        replay("relay_calls", super::relay_calls);
    }

    #[test]
    fn the_switchboard_goes_through_every_seed() {
        replay("switchboard", super::switchboard);
    }
}
