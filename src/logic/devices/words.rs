//! Sentences about devices: what is in use, why, and what can be done.

use super::{DeviceKind, keeper::Cause};

/// It is in use, and nothing is to be explained.
pub(super) fn uses(kind: DeviceKind, name: &str) -> String {
    format!("The {kind} is {name}.")
}

/// It took another's place because somebody, or the system, wanted it.
pub(super) fn changed(kind: DeviceKind, name: &str, is_wished: bool) -> String {
    let why = if is_wished { "" } else { ", as this is what the system uses" };
    format!("The {kind} is now {name}{why}.")
}

/// It works again.
pub(super) fn again(kind: DeviceKind, name: &str, cause: &Cause) -> String {
    match cause {
        Cause::Unplugged => format!("The {kind} {name} is back, and in use again."),
        Cause::Absent => format!("The {kind} {name} is there now, and in use."),
        Cause::Busy | Cause::Forbidden | Cause::Silent | Cause::Broken(_) => {
            format!("The {kind} {name} works again.")
        }
    }
}

/// Another stands in for it.
pub(super) fn instead(kind: DeviceKind, lost: &str, cause: &Cause, used: &str) -> String {
    let (what, then) = said(kind, lost, cause);
    match then {
        Some(then) => format!("{what}; using {used}. {then}"),
        None => format!("{what}; using {used}."),
    }
}

/// There is none to use.
pub(super) fn nothing(kind: DeviceKind, lost: Option<(&str, &Cause)>) -> String {
    let goes_on = match kind {
        DeviceKind::Microphone => "They hear nothing of you meanwhile.",
        DeviceKind::Speaker => "You hear nothing of them meanwhile.",
        DeviceKind::Camera => "They see no picture of you meanwhile.",
    };
    match lost {
        None => format!("There is no {kind}; plug one in. {goes_on}"),
        Some((name, cause)) => {
            let (what, then) = said(kind, name, cause);
            let then = then.unwrap_or_else(|| "Plug it in again, or another.".to_owned());
            format!("{what}, and no other {kind} can be used. {then} {goes_on}")
        }
    }
}

/// What happened, and what can be done about it beside plugging something in.
fn said(kind: DeviceKind, name: &str, cause: &Cause) -> (String, Option<String>) {
    match cause {
        Cause::Unplugged => (format!("The {kind} {name} was unplugged"), None),
        Cause::Absent => (format!("The {kind} {name} is not there"), None),
        Cause::Busy => (
            format!("The {kind} {name} is held by another program"),
            Some("End that program, or its use of it; it is tried again by itself.".to_owned()),
        ),
        Cause::Forbidden => (
            format!("The system does not let Sightline use the {kind} {name}"),
            Some(format!("Allow it in the system's settings for privacy, under {kind}.")),
        ),
        Cause::Silent => (
            format!("The {kind} {name} does not answer any more"),
            Some("Unplug it and plug it in again, if it does not come back by itself.".to_owned()),
        ),
        Cause::Broken(why) => (
            format!("The {kind} {name} does not work ({})", why.trim().trim_end_matches('.')),
            Some("It is tried again by itself.".to_owned()),
        ),
    }
}
