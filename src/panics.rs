//! A fault in the program becomes a report in a file and a sentence, not a window that is gone.
//!
//! The report lies in the profile's folder and goes nowhere by itself. It says where in the program it happened, and how it
//! got there; what looks like an address, a key or a link is left out of it, since the message of a fault may quote
//! anything. The next start learns of it once.

use std::{
    backtrace::Backtrace,
    fmt::Write as _,
    fs,
    io::{self, Write as _},
    net::{IpAddr, SocketAddr},
    panic::PanicHookInfo,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use crate::adapters::awake;

/// Reports that are kept; the oldest goes first.
const KEPT: usize = 10;
/// Reports of one run: a thread that fails again and again says the same.
const OF_ONE_RUN: u32 = 3;
/// What is kept of a message and of a way to it.
const LONGEST: usize = 64 * 1024;
/// A run of so many letters and digits may be a key or a token.
const LIKE_A_KEY: usize = 22;
const ENDING: &str = "txt";
/// Names the newest report that somebody was told of.
const TOLD: &str = "told";

/// From now on a fault is reported in `folder`, which is made when it is needed.
pub fn watch(folder: PathBuf) {
    let reported = AtomicU32::new(0);
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |fault| {
        let thread = std::thread::current();
        if thread.name() == Some(awake::THREAD) {
            tracing::info!("the desktop that kept the screen on has gone away");
            return;
        }
        if reported.fetch_add(1, Ordering::Relaxed) >= OF_ONE_RUN {
            return usual(fault);
        }
        let report = report(fault, thread.name().unwrap_or("without a name"));
        let sentence = match keep(&folder, &report) {
            Ok(file) => format!(
                "Sightline met a fault in itself. What is known of it is in {}; it names no addresses and no keys. \
                 Please pass it on to whoever gave you this program.",
                file.display()
            ),
            Err(error) => format!(
                "Sightline met a fault in itself, and could not write what is known of it to {}: {error}.\n{report}",
                folder.display()
            ),
        };
        // Where nobody reads, nobody can be told.
        writeln!(io::stderr(), "{sentence}").ok();
    }));
}

/// The newest report that was written since this was last asked.
pub fn news(folder: &Path) -> Option<PathBuf> {
    let newest = reports(folder).pop()?;
    let name = newest.file_name()?.to_string_lossy().into_owned();
    let told = folder.join(TOLD);
    if fs::read_to_string(&told).is_ok_and(|before| before == name) {
        return None;
    }
    // Where it cannot be noted, it is told again.
    fs::write(told, name).ok();
    Some(newest)
}

fn report(fault: &PanicHookInfo<'_>, thread: &str) -> String {
    let mut text = String::new();
    let (name, version) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    writeln!(text, "{name} {version}, {} {}", std::env::consts::OS, std::env::consts::ARCH).ok();
    writeln!(text, "thread: {thread}").ok();
    if let Some(place) = fault.location() {
        writeln!(text, "place: {}:{}", place.file(), place.line()).ok();
    }
    let message = fault.payload_as_str().unwrap_or("it says nothing");
    writeln!(text, "message: {}", without_secrets(message)).ok();
    writeln!(text, "\n{}", Backtrace::force_capture()).ok();
    if text.len() > LONGEST {
        text.truncate(text.floor_char_boundary(LONGEST));
    }
    text
}

/// Writes it, and lets the oldest go.
fn keep(folder: &Path, report: &str) -> io::Result<PathBuf> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
    // Later than the last one, whatever the clock says: their names are their order.
    let newest = reports(folder).last().and_then(|file| file.file_stem()?.to_str()?.parse::<u128>().ok());
    let moment = now.max(newest.map_or(0, |newest| newest + 1));
    let file = folder.join(format!("{moment:017}.{ENDING}"));
    fs::write(&file, report)?;
    let mut all = reports(folder);
    let too_many = all.len().saturating_sub(KEPT);
    for oldest in all.drain(..too_many) {
        fs::remove_file(oldest).ok();
    }
    Ok(file)
}

/// The oldest first: their names begin with the time.
fn reports(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut reports: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|ending| ending == ENDING)).collect();
    reports.sort();
    reports
}

/// The words as they are, but for those that look like an address, a link or a key.
fn without_secrets(text: &str) -> String {
    let ends_word = |c: char| {
        c.is_whitespace()
            || matches!(c, '"' | '\'' | '`' | '(' | ')' | ',' | ';' | '{' | '}' | '<' | '>' | '=')
    };
    text.split_inclusive(ends_word)
        .map(|part| {
            let end = part.chars().next_back().filter(|c| ends_word(*c));
            let word = end.map_or(part, |c| &part[..part.len() - c.len_utf8()]);
            if is_secret(word) {
                format!("(left out){}", end.map_or_else(String::new, String::from))
            } else {
                part.to_owned()
            }
        })
        .collect()
}

fn is_secret(word: &str) -> bool {
    let bare = word.trim_matches(|c: char| matches!(c, '[' | ']' | '.' | ':' | '!' | '?'));
    let has_long_run = word
        .split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_')))
        .any(|run| run.len() >= LIKE_A_KEY && (run.contains(|c: char| c.is_ascii_digit()) || is_mixed(run)));
    let bare_of_zone = bare.split('%').next().unwrap_or_default();
    bare_of_zone.parse::<IpAddr>().is_ok()
        || word.trim_end_matches(['.', ':', '!', '?']).parse::<SocketAddr>().is_ok()
        || word.contains("://")
        || word.starts_with("sightline:")
        || word.contains('@')
        || has_long_run
}

/// Capitals within a word: names of ours in snake case have none, and those of types are rarely so long.
fn is_mixed(run: &str) -> bool {
    run.contains(|c: char| c.is_ascii_uppercase()) && !run.contains('_') && run.len() >= 2 * LIKE_A_KEY - 8
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn what_may_tell_on_somebody_is_left_out() {
        for secret in [
            "192.0.2.7",
            "192.0.2.7:443",
            "[2001:db8::7]:443",
            "2001:db8::7",
            "fe80::1%eth0",
            "https://calls.example.org/#zWFtxJYDkOLrgJNqRwXaxrD3nNNRNkecpMHaJyUuGnQ",
            "sightline:https://x",
            "zWFtxJYDkOLrgJNqRwXaxrD3nNNRNkecpMHaJyUuGnQ",
            "ada@example.org",
        ] {
            for said in
                [format!("no way to {secret} was found"), format!("(\"{secret}\")"), format!("at {secret}.")]
            {
                let told = without_secrets(&said);
                assert!(!told.contains(secret) && told.contains("(left out)"), "{told}");
            }
        }
    }

    #[test]
    fn what_says_where_it_happened_stays() {
        let message = "called `Option::unwrap()` on a `None` value: index out of bounds: the len is 3 but the index is 99";
        assert_eq!(without_secrets(message), message);
        let ours = "the_longest_name_that_anybody_gave, a list that is never empty";
        assert_eq!(without_secrets(ours), ours);
    }

    #[test]
    fn the_last_ten_reports_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let crashes = folder.path().join("crashes");
        for number in 0..KEPT + 5 {
            keep(&crashes, &format!("number {number}")).unwrap();
        }
        let kept: Vec<_> = reports(&crashes).iter().map(|file| fs::read_to_string(file).unwrap()).collect();
        let expected: Vec<_> = (5..KEPT + 5).map(|number| format!("number {number}")).collect();
        assert_eq!(kept, expected);
    }

    #[test]
    fn a_report_is_told_of_once() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(news(folder.path()), None);
        let first = keep(folder.path(), "one").unwrap();
        assert_eq!(news(folder.path()), Some(first));
        assert_eq!(news(folder.path()), None);
        let second = keep(folder.path(), "two").unwrap();
        assert_eq!(news(folder.path()), Some(second));
    }

    const FOLDER: &str = "SIGHTLINE_TEST_CRASHES";

    #[test]
    #[ignore = "it panics, and is run by the next one"]
    fn one_that_panics() {
        if let Some(folder) = std::env::var_os(FOLDER) {
            watch(folder.into());
            std::thread::Builder::new()
                .name("unlucky".to_owned())
                .spawn(|| panic!("nobody answers at 192.0.2.7:443"))
                .unwrap()
                .join()
                .ok();
        }
    }

    #[test]
    fn a_panic_becomes_a_report_and_a_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let ran = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "--nocapture", "panics::tests::one_that_panics"])
            .env(FOLDER, folder.path().join("crashes"))
            .output()
            .unwrap();
        let file = news(&folder.path().join("crashes")).expect("a report");
        let (report, said) = (fs::read_to_string(&file).unwrap(), String::from_utf8_lossy(&ran.stderr));
        assert!(said.contains(&file.display().to_string()), "{said}");
        for part in ["thread: unlucky", "place: src/panics.rs", "message: nobody answers at (left out)"] {
            assert!(report.contains(part), "{report}");
        }
        assert!(!report.contains("192.0.2.7"));
    }
}
