//! Tests that want a foreign program, and what they do without it.

use std::io::{self, Write as _};

/// Says aloud that a test skipped, and why; the test itself goes on to its end. Where everything is meant to be tested, it
/// fails instead.
pub(crate) fn skipped(program: &str, package: &str) {
    let word =
        format!("SKIPPED, NOT TESTED: there is no `{program}` here (Debian: apt-get install {package})");
    assert!(std::env::var_os("CI").is_none_or(|ci| ci.is_empty()), "{word}. In CI nothing is skipped");
    // Not by `eprintln`, which the test harness keeps to itself when a test passes.
    writeln!(io::stderr(), "{word}").ok();
}
