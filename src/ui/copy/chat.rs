//! What is said around messages and files.

use super::bytes;
use crate::logic::{
    course::Side,
    desk::{MessageState, TransferState},
};

/// The panel.
pub const HEADING: &str = "Chat and files";
/// Nothing was written yet.
pub const EMPTY: &str = "Nothing written yet.";
/// Who reads it.
pub const EMPTY_HINT: &str =
    "Messages and files go straight to the other side, encrypted. They are gone when the call is put away.";
/// Where one writes.
pub const WRITE: &str = "Write a message";
/// Sends it.
pub const SEND: &str = "Send";
/// Which keys do what.
pub const SEND_KEYS: &str = "Enter sends, Shift+Enter starts a new line";
/// Chooses files.
pub const ADD_FILES: &str = "Send files";
/// While files are held over the window.
pub const DROP_HERE: &str = "Drop to offer these files to the other side";
/// Over the files.
pub const FILES: &str = "Files";
/// Takes it.
pub const ACCEPT: &str = "Accept";
/// Does not take it.
pub const DECLINE: &str = "Decline";
/// Holds it.
pub const PAUSE: &str = "Pause";
/// Goes on.
pub const GO_ON: &str = "Go on";
/// Stops it for good.
pub const CANCEL: &str = "Cancel";
/// Shows where it is.
pub const SHOW: &str = "Show in folder";
/// Over a link that calls.
pub const CALL_LINK_QUESTION: &str = "This link calls somebody. Your call ends first.";
/// The same, where there is no call.
pub const CALL_LINK_QUESTION_IDLE: &str = "This link calls somebody.";
/// Does so.
pub const CALL_LINK: &str = "Hang up and call";
/// Does so, where there is no call.
pub const CALL_LINK_IDLE: &str = "Call";
/// Copies it.
pub const COPY_LINK: &str = "Copy link";
/// Does nothing.
pub const NOT_NOW: &str = "Not now";
/// By us.
pub const YOU: &str = "You";
/// By them.
pub const THEY: &str = "They";

/// What became of a message.
pub const fn mark(state: MessageState) -> &'static str {
    match state {
        MessageState::Waiting => "waiting",
        MessageState::Sent => "sent",
        MessageState::Delivered => "delivered",
        MessageState::Failed => "not delivered",
    }
}

/// A message, for a screen reader.
pub fn message(from: &str, text: &str, mark: Option<&str>) -> String {
    match mark {
        Some(mark) => format!("{from}: {text} ({mark})"),
        None => format!("{from}: {text}"),
    }
}

/// How a file stands.
pub fn transfer(state: &TransferState, from: Side, done: u64, size: u64, rate: Option<f64>) -> String {
    match state {
        TransferState::Offered if from == Side::Us => format!("{} · waiting for them to accept", bytes(size)),
        TransferState::Offered => format!("{} · they offer it", bytes(size)),
        TransferState::Waiting => format!("{} of {} · waiting", bytes(done), bytes(size)),
        TransferState::Going => {
            let rate = rate.filter(|rate| rate.is_finite() && *rate > 0.0);
            let left = rate.map(|rate| (size.saturating_sub(done)) as f64 / rate);
            let rate = rate.map(|rate| format!(" · {}/s", bytes(rate as u64))).unwrap_or_default();
            let left = left.map(|left| format!(" · {}", time_left(left))).unwrap_or_default();
            format!("{} of {}{rate}{left}", bytes(done), bytes(size))
        }
        TransferState::Paused { by } => {
            let who = match by {
                Side::Us => "paused by you",
                Side::Them => "paused by them",
                Side::Nobody => "paused until the connection is back",
            };
            format!("{} of {} · {who}", bytes(done), bytes(size))
        }
        TransferState::Done { .. } if from == Side::Us => format!("{} · arrived whole", bytes(size)),
        TransferState::Done { .. } => format!("{} · received whole, checked", bytes(size)),
        TransferState::Failed { why } => format!("Failed: {why}"),
        TransferState::Declined if from == Side::Us => "They declined it".to_owned(),
        TransferState::Declined => "You declined it".to_owned(),
        TransferState::Cancelled { by } => match by {
            Side::Us => "Cancelled by you".to_owned(),
            Side::Them => "Cancelled by them".to_owned(),
            Side::Nobody => "Cancelled".to_owned(),
        },
    }
}

fn time_left(seconds: f64) -> String {
    match seconds {
        seconds if seconds < 60.0 => format!("{:.0} s left", seconds.max(1.0)),
        seconds if seconds < 3600.0 => format!("{:.0} min left", seconds / 60.0),
        seconds => format!("{:.1} h left", seconds / 3600.0),
    }
}

/// A control of a file, named with the file: there are several.
pub fn for_file(action: &str, name: &str) -> String {
    format!("{action}: {name}")
}

/// The file's progress, for a screen reader.
pub fn progress(name: &str) -> String {
    format!("Progress of {name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_goes_says_how_long_it_still_takes() {
        let line = transfer(&TransferState::Going, Side::Us, 2_000_000, 10_000_000, Some(1_000_000.0));
        assert_eq!(line, "2.0 MB of 10 MB · 1.0 MB/s · 8 s left");
        let line = transfer(&TransferState::Going, Side::Us, 0, 10, Some(0.0));
        assert_eq!(line, "0 bytes of 10 bytes");
    }
}
