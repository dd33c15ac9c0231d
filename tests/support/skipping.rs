//! Tests that want a foreign program or a right, and what they do without it.

use std::io::{self, Write as _};

/// Says aloud that a test skipped because a program is absent; the test itself goes on to its end. Where everything is
/// meant to be tested, it fails instead.
pub(crate) fn skipped(program: &str, package: &str) {
    say_aloud(&format!("there is no `{program}` here (Debian: apt-get install {package})"));
}

/// The same where the system does not allow it something.
pub(crate) fn not_allowed(what: &str, why: &str) {
    say_aloud(&format!("it is not allowed {what}: {}", why.trim()));
}

fn say_aloud(why: &str) {
    let word = format!("SKIPPED, NOT TESTED: {why}");
    assert!(std::env::var_os("CI").is_none_or(|ci| ci.is_empty()), "{word}. In CI nothing is skipped");
    // Not by `eprintln`, which the test harness keeps to itself when a test passes.
    writeln!(io::stderr(), "{word}").ok();
}
