//! What the window says. Every sentence stands in this folder, so that it can be read through in one go and said in another
//! language; no page holds words of its own.
//!
//! The voice: calm, friendly, exact. Short sentences. The plain word before the technical one. What went wrong, then what to
//! do next.

use super::keys::Hotkey;

pub mod call;
pub mod chat;
pub mod desktop;
pub mod ended;
pub mod first_start;
pub mod help;
pub mod home;
pub mod notices;
pub mod panel;
pub mod settings;

/// The app's name.
pub const APP: &str = "Sightline";
/// What it is, in one line.
pub const TAGLINE: &str = "Video calls, and you can see the path between you.";
/// Where somebody has no name.
pub const NO_NAME: &str = "No name";

/// What a key does.
pub const fn hotkey(hotkey: Hotkey) -> &'static str {
    match hotkey {
        Hotkey::Microphone => "Microphone on or off",
        Hotkey::Camera => "Camera on or off",
        Hotkey::HangUp => "Hang up",
        Hotkey::Answer => "Answer the call that rings",
        Hotkey::Away => "Decline, or close what is open",
        Hotkey::Chat => "Chat and files",
        Hotkey::Panel => "How the call travels",
        Hotkey::FullScreen => "Full screen",
        Hotkey::CopyLink => "Copy my link",
        Hotkey::Settings => "Settings",
        Hotkey::Help => "Help",
        Hotkey::Quit => "Quit",
    }
}

/// A cause as the errors of this program say it, made a sentence of its own.
pub fn sentence(cause: &str) -> String {
    let mut letters = cause.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    let end = if cause.ends_with(['.', '?', '!']) { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}

/// A tooltip: what it does, and by which keys.
pub fn with_keys(what: &str, keys: &str) -> String {
    format!("{what}  ({keys})")
}

/// How long something took, as a clock shows it.
pub fn clock(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// How much data that is.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return format!("{bytes} bytes");
    }
    let mut value = bytes as f64 / 1000.0;
    let mut units = UNITS.iter();
    let mut unit = units.next().unwrap_or(&"kB");
    while value >= 999.95
        && let Some(next) = units.next()
    {
        value /= 1000.0;
        unit = next;
    }
    if value < 9.95 { format!("{value:.1} {unit}") } else { format!("{value:.0} {unit}") }
}

/// How long ago that was.
pub fn ago(now_unix_ms: u64, then_unix_ms: u64) -> String {
    let minutes = now_unix_ms.saturating_sub(then_unix_ms) / 60_000;
    match minutes {
        0 => "just now".to_owned(),
        1 => "a minute ago".to_owned(),
        2..60 => format!("{minutes} minutes ago"),
        60..120 => "an hour ago".to_owned(),
        120..1440 => format!("{} hours ago", minutes / 60),
        1440..2880 => "yesterday".to_owned(),
        _ => format!("{} days ago", minutes / 1440),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_becomes_a_sentence() {
        assert_eq!(sentence("this is not a link"), "This is not a link.");
        assert_eq!(sentence("is it a link?"), "Is it a link?");
        assert_eq!(sentence(""), ".");
    }

    #[test]
    fn amounts_are_said_as_people_say_them() {
        assert_eq!(
            [0, 999, 1000, 9_949, 9_960, 999_949, 999_950, 12_345_678, u64::MAX].map(bytes),
            [
                "0 bytes",
                "999 bytes",
                "1.0 kB",
                "9.9 kB",
                "10 kB",
                "1000 kB",
                "1.0 MB",
                "12 MB",
                "18446744 TB"
            ]
        );
        assert_eq!(
            [0, 59, 60, 3599, 3600, 36_061].map(clock),
            ["0:00", "0:59", "1:00", "59:59", "1:00:00", "10:01:01"]
        );
        let day = 86_400_000;
        assert_eq!(
            [0, 60_000, 300_000, 3_700_000, 7_300_000, day, 3 * day].map(|since| ago(since, 0)),
            [
                "just now",
                "a minute ago",
                "5 minutes ago",
                "an hour ago",
                "2 hours ago",
                "yesterday",
                "3 days ago"
            ]
        );
        assert_eq!(ago(0, day), "just now", "a clock that was set back");
    }
}
