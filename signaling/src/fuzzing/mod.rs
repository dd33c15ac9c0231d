//! The pure parts, told what to go through by a string of bytes: what the fuzz targets run, and the tests with their seeds.
//!
//! Not for use by anybody else, and only there with the feature `fuzzing`.

mod relay;

pub use relay::run as relay;

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
}
