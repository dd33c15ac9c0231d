//! What is said of a call that is over: why, and what to do now.

use crate::logic::{
    course::{EndReason, Side, Step},
    desk::Complaint,
};

/// Calls them again, with pictures.
pub const REDIAL_VIDEO: &str = "Call again with video";
/// Calls them again, without pictures.
pub const REDIAL_SOUND: &str = "Call again, sound only";
/// Writes the report.
pub const SAVE_REPORT: &str = "Save report";
/// What is in the report.
pub const REPORT_HINT: &str =
    "What the call did, second by second, without addresses. End its name in .html for a page.";
/// It is not written yet.
pub const REPORT_IS_MADE: &str = "The report is being written";
/// Takes them in.
pub const SAVE_CONTACT: &str = "Save as contact";
/// Puts the page away.
pub const DONE: &str = "Done";
/// The first tap.
pub const HOW_WAS_IT: &str = "How was the call?";
/// Fine.
pub const WAS_GOOD: &str = "Good";
/// Not fine.
pub const WAS_BAD: &str = "Not good";
/// The second tap.
pub const WHAT_WAS_WRONG: &str = "What was wrong?";
/// Where the answer goes.
pub const STAYS_HERE: &str = "Kept in the report on this computer. Nobody else is told.";
/// After the answer.
pub const THANKS: &str = "Thank you. It is in the report.";
/// Opens what was written.
pub const SHOW_MESSAGES: &str = "Show messages and files";
/// Closes it again.
pub const HIDE_MESSAGES: &str = "Hide messages and files";
/// Once more with oneself.
pub const ECHO_AGAIN: &str = "Test again";

/// Why a call is over, and what to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Why {
    /// In a few words.
    pub title: &'static str,
    /// The next step.
    pub next: &'static str,
}

/// The words for a reason.
pub const fn why(reason: EndReason, by: Side) -> Why {
    let (title, next) = match reason {
        EndReason::Normal => match by {
            Side::Us => ("Call ended", "You hung up."),
            Side::Them => ("Call ended", "They hung up."),
            Side::Nobody => ("Call ended", "The program was closed."),
        },
        EndReason::Declined => match by {
            Side::Us => ("Declined", "They were told that you cannot talk now. Call them when you can."),
            Side::Them | Side::Nobody => {
                ("They cannot talk now", "They declined. Try again later, or write to them another way.")
            }
        },
        EndReason::Busy => {
            ("They are in another call", "They will see that you called. Try again in a while.")
        }
        EndReason::Cancelled => match by {
            Side::Us => ("Call cancelled", "They will see that you called."),
            Side::Them | Side::Nobody => ("Missed call", "They gave up before you answered. Call them back."),
        },
        EndReason::NoAnswer => match by {
            Side::Us => ("Missed call", "It rang here, and nobody answered. Call them back."),
            Side::Them | Side::Nobody => {
                ("No answer", "It rang at their computer. They will see that you called.")
            }
        },
        EndReason::Unreachable => (
            "They are not connected",
            "Their Sightline is closed, or their computer is offline. Ask them another way to start it.",
        ),
        EndReason::ConnectFailed(step) => ("No connection", connect_failed(step)),
        EndReason::Lost => (
            "Connection lost",
            "The network went away and did not come back in time. Check yours, then call again.",
        ),
        EndReason::RefusedLink => (
            "This link no longer works",
            "It was used, has expired or was taken back. Ask them for a new one.",
        ),
        EndReason::IncompatibleVersion => (
            "The two programs do not fit together",
            "One of them is older. Update Sightline on both computers, then call again.",
        ),
        EndReason::Replaced => (
            "Continued in another call",
            "You rang each other at the same moment. The other call goes on; there is nothing to do.",
        ),
    };
    Why { title, next }
}

const fn connect_failed(step: Step) -> &'static str {
    match step {
        Step::OurSide => {
            "This computer could not set up its end. Restart Sightline; if that does not help, save the report."
        }
        Step::Description => {
            "They answered, but nothing more came from them. Call again; their server may have lost it."
        }
        Step::Candidates => {
            "Their computer named no address to reach it at. Ask them to check their network, then call again."
        }
        Step::Checks => {
            "They answered, but no path between you works. Try another network, or a server with a relay."
        }
        Step::Encryption => {
            "A path works, but no encryption was agreed on. Call again; if it happens again, save the report."
        }
    }
}

/// What may have been wrong.
pub const fn complaint(complaint: Complaint) -> &'static str {
    match complaint {
        Complaint::SoundHere => "I could not hear them well",
        Complaint::SoundThere => "They could not hear me well",
        Complaint::Echo => "There was an echo",
        Complaint::Frozen => "The picture stood still",
        Complaint::Blurred => "The picture was blurred",
        Complaint::Delay => "There was too much delay",
        Complaint::BrokeOff => "It broke off",
    }
}

/// How long, and which way.
pub fn facts(talked_ms: Option<u64>, path: Option<&str>) -> Option<String> {
    let talked = talked_ms.map(|ms| format!("You talked for {}.", super::clock(ms / 1000)));
    let path = talked.is_some().then_some(path).flatten().map(|path| format!("{path}."));
    match (talked, path) {
        (Some(talked), Some(path)) => Some(format!("{talked} {path}")),
        (one, other) => one.or(other),
    }
}

/// The same, said aloud.
pub fn aloud(why: Why, name: &str) -> String {
    format!("{}: {name}. {}", why.title, why.next)
}

/// Where the report is.
pub fn saved_at(path: &str) -> String {
    format!("Report saved: {path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIDES: [Side; 3] = [Side::Us, Side::Them, Side::Nobody];
    const REASONS: [EndReason; 15] = [
        EndReason::Normal,
        EndReason::Declined,
        EndReason::Busy,
        EndReason::Cancelled,
        EndReason::NoAnswer,
        EndReason::Unreachable,
        EndReason::ConnectFailed(Step::OurSide),
        EndReason::ConnectFailed(Step::Description),
        EndReason::ConnectFailed(Step::Candidates),
        EndReason::ConnectFailed(Step::Checks),
        EndReason::ConnectFailed(Step::Encryption),
        EndReason::Lost,
        EndReason::RefusedLink,
        EndReason::IncompatibleVersion,
        EndReason::Replaced,
    ];

    #[test]
    fn every_reason_has_a_next_step_of_its_own() {
        let mut seen = std::collections::BTreeMap::new();
        for reason in REASONS {
            for by in SIDES {
                let why = why(reason, by);
                assert!(why.next.ends_with('.'), "{}", why.next);
                if let Some(other) = seen.insert(why.next, reason) {
                    assert_eq!(other, reason, "{} is said of both", why.next);
                }
            }
        }
    }
}
