//! The seeds of the fuzz target `words`, and what it found, once each.

use std::fs;
use std::path::Path;

#[path = "../../../../tests/fuzz/src/words.rs"]
mod words;

#[test]
fn every_seed_is_read_as_a_stranger_would_send_it() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus/words");
    let mut count = 0;
    for seed in fs::read_dir(seeds).unwrap() {
        words::run(&fs::read(seed.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count > 40, "{count} seeds");
}
