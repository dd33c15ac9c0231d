//! The words of home: my link, a link to call, people, and calls that were.

use crate::logic::{
    course::{EndReason, Side},
    desk::{EchoTest, LinkKind, Outcome, Presence, Recent, ServerState},
};

/// Over the field in which somebody else's link is put.
pub const CALL: &str = "Call someone";
/// The field's name.
pub const THEIR_LINK: &str = "Their link";
/// In the empty field.
pub const THEIR_LINK_HINT: &str = "Paste a link: https://… or sightline:…";
/// Under the empty field.
pub const CALL_HOW: &str = "Ask them for their link. It stands on this page of their Sightline.";
/// With pictures.
pub const VIDEO_CALL: &str = "Video call";
/// Without pictures.
pub const SOUND_CALL: &str = "Sound only";
/// Takes whoever the link belongs to into the contacts.
pub const SAVE: &str = "Save";
/// The same for a screen reader.
pub const SAVE_LINK: &str = "Save this link as contact";
/// Takes somebody of a call into the contacts.
pub const SAVE_CONTACT: &str = "Save as contact";
/// The link in the field is one's own.
pub const OWN_LINK: &str = "This is your own link. Use the echo test to hear yourself.";
/// The link in the field is of somebody unknown.
pub const NEW_LINK_TO: &str = "A link to somebody new";

/// Over one's own link.
pub const MY_LINK: &str = "Your link";
/// What it is for.
pub const MY_LINK_WHAT: &str = "Whoever has it can ring you. Send it to people you want to hear from.";
/// There is none without a server.
pub const NO_LINK: &str = "You get a link as soon as you have a server to be reached at.";
/// Puts it into the clipboard.
pub const COPY_LINK: &str = "Copy link";
/// It was.
pub const COPIED: &str = "Copied";
/// Shows it as a pattern.
pub const QR: &str = "QR code";
/// What the pattern is, for whoever cannot see it.
pub const QR_NAME: &str = "QR code of your link";
/// What to do with the pattern.
pub const QR_HOW: &str = "Point a phone's camera at it.";
/// Opens the links that were given out for a while.
pub const OTHER_LINKS: &str = "Other links";
/// What they are for.
pub const OTHER_LINKS_WHAT: &str = "For somebody who should ring you once, or only for some time.";
/// What it is for, noted beside it.
pub const NOTE: &str = "Note";
/// In the empty note.
pub const NOTE_HINT: &str = "Who it is for (only you see this)";
/// How long the new one holds.
pub const HOLDS: &str = "How long the link holds";
/// For one call.
pub const ONE_CALL: &str = "One call";
/// For a day.
pub const ONE_DAY: &str = "A day";
/// For a week.
pub const ONE_WEEK: &str = "A week";
/// For a month.
pub const ONE_MONTH: &str = "A month";
/// Makes it.
pub const MAKE_LINK: &str = "New link";
/// Makes it invalid.
pub const REVOKE: &str = "Revoke";

/// Over the people.
pub const CONTACTS: &str = "Contacts";
/// Over the calls that were.
pub const RECENT: &str = "Recent calls";
/// What both lie in.
pub const LISTS: &str = "Lists";
/// Finds people.
pub const SEARCH: &str = "Search contacts";
/// Takes somebody in.
pub const ADD: &str = "Add contact";
/// What they are to be called.
pub const THEIR_NAME: &str = "Their name";
/// In the empty field.
pub const THEIR_NAME_HINT: &str = "How you call them";
/// Takes them in.
pub const ADD_DONE: &str = "Add";
/// Leaves things as they were.
pub const CANCEL: &str = "Cancel";
/// Keeps the new name.
pub const SAVE_NAME: &str = "Save name";
/// Nobody is known yet.
pub const NO_CONTACTS: &str = "Nobody here yet";
/// What to do about it.
pub const NO_CONTACTS_NEXT: &str =
    "Add somebody by their link, or send them yours and save them after the call.";
/// Nobody is called that.
pub const NOBODY_FOUND: &str = "Nobody is called that";
/// What to do about it.
pub const NOBODY_FOUND_NEXT: &str = "Try a shorter part of the name.";
/// There were no calls.
pub const NO_RECENTS: &str = "No calls yet";
/// What to do about it.
pub const NO_RECENTS_NEXT: &str = "Try the echo test: you speak, and hear how others will hear you.";
/// Forgets them all.
pub const FORGET_ALL: &str = "Forget all";
/// Forgets one.
pub const FORGET: &str = "Forget this call";
/// Another name.
pub const RENAME: &str = "Rename";
/// Lets them go.
pub const REMOVE: &str = "Remove";
/// They only ever called us.
pub const NO_WAY_BACK: &str = "There is no link to them. Ask them for one, and add them by it.";
/// Somebody without a name.
pub const SOMEBODY: &str = "Somebody without a name";

/// Over the call with oneself.
pub const ECHO: &str = "Echo test";
/// What it is.
pub const ECHO_WHAT: &str = "Speak, and hear yourself as others will.";

/// To the settings, for whoever has no server.
pub const CHOOSE_SERVER: &str = "Choose a server";
/// To the settings.
pub const SETTINGS: &str = "Settings";
/// To the help.
pub const HELP: &str = "Help";

/// On the button of the echo test.
pub const fn echo_button(test: EchoTest) -> &'static str {
    match test {
        EchoTest::Idle => "Start",
        EchoTest::Starting => "Starting…",
        EchoTest::Running => "Running",
    }
}

/// On a control that does something with one of several: "Call Ada with video".
pub fn call_with_video(name: &str) -> String {
    format!("Call {name} with video")
}

/// Without pictures.
pub fn call_with_sound(name: &str) -> String {
    format!("Call {name}, sound only")
}

/// What else can be done about somebody.
pub fn more_about(name: &str) -> String {
    format!("More about {name}")
}

/// What else can be done about a call.
pub fn more_about_call(name: &str) -> String {
    format!("More about the call with {name}")
}

/// Somebody who is no contact: nothing proves what they call themselves.
pub fn claims(name: &str) -> String {
    format!("“{name}”, not a contact")
}

/// Several short things beside each other.
pub fn beside(parts: &[Option<&str>]) -> String {
    parts.iter().flatten().copied().collect::<Vec<_>>().join(" · ")
}

/// The link in the field is of somebody known.
pub fn calls(name: &str) -> String {
    format!("This is {name}")
}

/// The link in the field is of somebody unknown.
pub fn calls_new(server: &str) -> String {
    format!("{NEW_LINK_TO}, reached at {server}")
}

/// The tab of the people.
pub fn contacts(count: usize) -> String {
    if count == 0 { CONTACTS.to_owned() } else { format!("{CONTACTS} ({count})") }
}

/// The tab of the calls.
pub fn recents(missed: usize) -> String {
    if missed == 0 { RECENT.to_owned() } else { format!("{RECENT} ({missed} missed)") }
}

/// How many links there are beside the lasting one.
pub fn other_links(count: usize) -> String {
    if count == 0 { OTHER_LINKS.to_owned() } else { format!("{OTHER_LINKS} ({count})") }
}

/// How long a link holds.
pub fn link_kind(kind: LinkKind, now_unix_ms: u64) -> String {
    match kind {
        LinkKind::Lasting => "Always".to_owned(),
        LinkKind::OneTime => "For one call".to_owned(),
        LinkKind::Until { unix_ms } => format!("For another {}", left(unix_ms.saturating_sub(now_unix_ms))),
    }
}

fn left(ms: u64) -> String {
    let minutes = ms / 60_000;
    match minutes {
        0..2 => "minute".to_owned(),
        2..120 => format!("{minutes} minutes"),
        120..2880 => format!("{} hours", minutes / 60),
        _ => format!("{} days", minutes / 1440),
    }
}

/// Whether somebody can be reached.
pub const fn presence(presence: Presence) -> &'static str {
    match presence {
        Presence::Unknown => "Not known whether they are there",
        Presence::Online => "Online",
        Presence::Offline => "Not connected",
    }
}

/// What became of a call, in a few words.
pub const fn outcome(recent: &Recent) -> &'static str {
    match recent.outcome {
        Outcome::Talked => "Talked",
        Outcome::Missed => "Missed",
        Outcome::Declined { by: Side::Us } => "You declined",
        Outcome::Declined { by: Side::Them | Side::Nobody } => "They declined",
        Outcome::Failed { why } => failed(why),
    }
}

const fn failed(why: EndReason) -> &'static str {
    match why {
        EndReason::Normal => "Ended before it began",
        EndReason::Declined => "They declined",
        EndReason::Busy => "They were in another call",
        EndReason::Cancelled => "Cancelled",
        EndReason::NoAnswer => "No answer",
        EndReason::Unreachable => "They were not connected",
        EndReason::ConnectFailed(_) => "No path was found",
        EndReason::Lost => "The connection was lost",
        EndReason::RefusedLink => "The link was not good any more",
        EndReason::IncompatibleVersion => "The versions do not fit together",
        EndReason::Replaced => "Another call took its place",
    }
}

/// The server, in one line; and whether calls come in.
pub fn server(state: &ServerState, name: &str) -> String {
    match state {
        ServerState::None => "There is no server yet: nobody can reach you.".to_owned(),
        ServerState::Idle => format!("{name} is not in use."),
        ServerState::Connecting => format!("Connecting to {name}…"),
        ServerState::Up => format!("You can be reached at {name}."),
        ServerState::Down { why } | ServerState::Refused { why } => why.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_a_link_is_said_in_the_unit_that_people_would_take() {
        let hour = 3_600_000;
        for (ms, expected) in
            [(0, "minute"), (hour, "60 minutes"), (5 * hour, "5 hours"), (72 * hour, "3 days")]
        {
            assert_eq!(link_kind(LinkKind::Until { unix_ms: ms + 7 }, 7), format!("For another {expected}"));
        }
        assert_eq!(
            link_kind(LinkKind::Until { unix_ms: 1 }, 7),
            "For another minute",
            "a clock that was set"
        );
    }
}
