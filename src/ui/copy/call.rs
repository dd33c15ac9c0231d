//! What is said while it rings and while a call is held.

use crate::logic::{
    course::Stage,
    desk::{QualityWord, Who},
    path::{Edge, EdgeStatus, Node, PathReport, RelayUse, Route},
    servers::Transport,
    units::RoundTrip,
};

/// Somebody without any name.
pub const NOBODY_KNOWN: &str = "Someone new";
/// A contact that nobody gave a name.
pub const UNNAMED_CONTACT: &str = "A contact without a name";
/// Beside a name that is only claimed.
pub const NOT_PROVEN: &str = "New to you. Anybody can use any name.";
/// Beside a contact.
pub const KNOWN: &str = "In your contacts, and this is their key";
/// It rings here, with pictures.
pub const CALLS_WITH_VIDEO: &str = "Incoming video call";
/// It rings here, without pictures.
pub const CALLS_WITH_SOUND: &str = "Incoming sound call";
/// Takes the call with pictures.
pub const ACCEPT_VIDEO: &str = "Accept with video";
/// Takes the call without pictures.
pub const ACCEPT_SOUND: &str = "Sound only";
/// Takes a call that has no pictures.
pub const ACCEPT: &str = "Accept";
/// Does not take the call.
pub const DECLINE: &str = "Decline";
/// Which keys do that.
pub const KEYS_WITH_VIDEO: &str = "Enter accepts with video, Esc declines";
/// Which keys do that.
pub const KEYS_WITH_SOUND: &str = "Enter accepts, Esc declines";
/// Nobody sees us before that.
pub const NOT_SEEN_YET: &str = "Your camera and microphone stay off until you accept.";
/// Gives up a call that nobody took.
pub const CANCEL: &str = "Cancel call";
/// On the way out of a call with oneself.
pub const ECHO_TEST: &str = "Echo test";
/// What to do in a call with oneself.
pub const ECHO_TEST_HINT: &str = "Speak: what you hear is yourself, over the real path.";

/// For a screen reader; whether it is on is said besides.
pub const MICROPHONE: &str = "Microphone";
/// For a screen reader; whether it is on is said besides.
pub const CAMERA: &str = "Camera";
/// What does not fit beside the others.
pub const MORE: &str = "More";
/// The microphone, which is on.
pub const MUTE: &str = "Turn microphone off";
/// The microphone, which is off.
pub const UNMUTE: &str = "Turn microphone on";
/// The camera, which is on.
pub const CAMERA_OFF: &str = "Turn camera off";
/// The camera, which is off.
pub const CAMERA_ON: &str = "Turn camera on";
/// The screen.
pub const SHARE_SCREEN: &str = "Show your screen";
/// Why not.
pub const NO_SCREEN_YET: &str = "This version cannot show your screen.";
/// Opens the chat.
pub const CHAT_OPEN: &str = "Open chat and files";
/// Closes the chat.
pub const CHAT_CLOSE: &str = "Close chat and files";
/// Opens the panel with the path.
pub const PATH_OPEN: &str = "Show the path of the call";
/// Closes it.
pub const PATH_CLOSE: &str = "Hide the path of the call";
/// The whole screen.
pub const FULL_SCREEN: &str = "Full screen";
/// And back.
pub const LEAVE_FULL_SCREEN: &str = "Leave full screen";
/// The end.
pub const HANG_UP: &str = "Hang up";
/// The small button beside the microphone's.
pub const SOUND_DEVICES: &str = "Choose microphone and speaker";
/// The small button beside the camera's.
pub const PICTURE_DEVICES: &str = "Choose camera";
/// Over a list.
pub const MICROPHONES: &str = "Microphone";
/// Over a list.
pub const SPEAKERS: &str = "Speaker";
/// Over a list.
pub const CAMERAS: &str = "Camera";
/// Whichever the system takes.
pub const SYSTEM_CHOICE: &str = "As the system chooses";
/// In place of a list.
pub const NO_DEVICE: &str = "None found";
/// Somebody talks into a microphone that is off.
pub const SPEAKING_WHILE_MUTED: &str = "You are muted. Press Ctrl+D to be heard.";

/// Our own picture.
pub const OWN_PICTURE: &str = "Your own picture";
/// What can be done with it.
pub const OWN_PICTURE_HINT: &str = "Drag it, or use the arrow keys, to move it to another corner.";
/// Away with it; they still see us.
pub const HIDE_OWN: &str = "Hide your own picture";
/// Back with it.
pub const SHOW_OWN: &str = "Show your own picture";
/// Where it is.
pub const AT_TOP_LEFT: &str = "top left";
/// Where it is.
pub const AT_TOP_RIGHT: &str = "top right";
/// Where it is.
pub const AT_BOTTOM_LEFT: &str = "bottom left";
/// Where it is.
pub const AT_BOTTOM_RIGHT: &str = "bottom right";
/// Where to.
pub const TO_TOP_LEFT: &str = "Move to the top left";
/// Where to.
pub const TO_TOP_RIGHT: &str = "Move to the top right";
/// Where to.
pub const TO_BOTTOM_LEFT: &str = "Move to the bottom left";
/// Where to.
pub const TO_BOTTOM_RIGHT: &str = "Move to the bottom right";
/// Our camera is off.
pub const OWN_CAMERA_IS_OFF: &str = "Camera off";
/// In the place of one's own picture, until there is one.
pub const OWN_CAMERA_OPENS: &str = "Camera opens";
/// While it rings there, and one sees oneself already.
pub const ONLY_YOU_SEE_YOURSELF: &str = "Only you see your picture until they answer";

/// Beside their name.
pub const THEY_ARE_MUTED: &str = "Microphone off";
/// Beside their name.
pub const THEIR_CAMERA_IS_OFF: &str = "Camera off";
/// Beside their name.
pub const THEY_SHOW_THEIR_SCREEN: &str = "Shows their screen";
/// Their first picture has not come.
pub const NO_PICTURE_YET: &str = "Their picture is on its way";
/// There are none in this call.
pub const CALLS_WITHOUT_PICTURES: &str = "Sound only";
/// For a screen reader: whose picture this is.
pub const THEIR_PICTURE: &str = "Their picture";
/// For a screen reader.
pub const SPEAKING: &str = "Speaking";

/// The connection is being looked for anew.
pub const RECONNECTING: &str = "Reconnecting";
/// What is being done about it where nothing more is known.
pub const RECONNECTING_HINT: &str = "Nothing comes through. Other paths are being tried; stay in the call.";
/// Before the path is known.
pub const NO_PATH_YET: &str = "Finding a path";

/// Not measured yet.
pub const NOT_KNOWN_YET: &str = "not known yet";
/// Closes a panel.
pub const CLOSE_PANEL: &str = "Close this panel";

/// The small button with the lock, for a contact.
pub const CODE_KNOWN: &str = "Key known: compare the code";
/// The small button with the lock, for somebody new.
pub const CODE_NEW: &str = "Key new to you: compare the code";
/// Over the words.
pub const CODE_HEADING: &str = "Is nobody in between?";
/// What to do with the words.
pub const CODE_HINT: &str =
    "Read these words to each other. If both of you see the same ones, nobody is listening in between.";
/// Before there are any.
pub const CODE_NOT_YET: &str = "The words to compare appear as soon as the call is connected.";
/// A contact's key.
pub const KEY_IS_KNOWN: &str = "Their key is the one in your contacts.";
/// A stranger's key.
pub const KEY_IS_NEW: &str = "Their key is new to you. Compare the words, then save them as a contact.";
/// Takes them in.
pub const SAVE_CONTACT: &str = "Save as contact";

/// What somebody is called, whoever they are. A name that is only claimed is none.
pub fn name_of(who: &Who) -> String {
    match (&who.name, who.is_contact) {
        (Some(name), _) => name.clone(),
        (None, true) => who.claimed.clone().unwrap_or_else(|| UNNAMED_CONTACT.to_owned()),
        (None, false) => NOBODY_KNOWN.to_owned(),
    }
}

/// The same in a call: by then a claimed name is said as one.
pub fn name_in_call(who: &Who) -> String {
    match (&who.name, &who.claimed) {
        (Some(name), _) => name.clone(),
        (None, Some(claimed)) if who.is_contact => claimed.clone(),
        (None, Some(claimed)) => format!("“{claimed}”"),
        (None, None) => name_of(who),
    }
}

/// How a call on its way stands.
pub const fn outgoing(stage: Stage) -> &'static str {
    match stage {
        Stage::Inviting => "Calling",
        Stage::Reached => "Found them, about to ring",
        Stage::RingingThere => "Ringing",
        Stage::RingingHere => "Rings here",
        Stage::Connecting => "Answered, connecting",
        Stage::Connected => "Connected",
        Stage::Reconnecting => RECONNECTING,
        Stage::Ended { .. } => "Ended",
    }
}

/// What is being tried while a call connects; `None` while there is nothing to tell.
pub fn trying(stage: Stage, path: Option<&PathReport>) -> Option<&'static str> {
    if stage != Stage::Connecting {
        return None;
    }
    let Some(path) = path else { return Some("Trying the direct path") };
    let relay_only = path.policy.needs_relay();
    let direct_failed = path.pairs.iter().any(|pair| pair.state == crate::logic::path::PairState::Failed);
    Some(match (path.closed.is_some(), relay_only, direct_failed) {
        (true, _, _) => "Nothing works yet, still trying",
        (false, true, _) => "Trying the relay, as you chose",
        (false, false, true) => "Trying the direct path and the relay",
        (false, false, false) => "Trying the direct path",
    })
}

/// The one plain line: direct or relayed, by whom, and how long there and back.
pub fn path_line(path: Option<&PathReport>, round_trip_ms: Option<f64>) -> String {
    let Some(path) = path.filter(|path| path.route != Route::None) else { return NO_PATH_YET.to_owned() };
    let how = path.in_use.as_ref().map_or_else(
        || if path.route.is_relayed() { "Relayed".to_owned() } else { "Direct".to_owned() },
        |in_use| match (&in_use.our_relay, &in_use.their_relay) {
            (None, None) => "Direct".to_owned(),
            (Some(ours), None) => format!("Relayed by {}", server_over(ours)),
            (None, Some(theirs)) => format!("Relayed by {}", server_over(theirs)),
            (Some(ours), Some(theirs)) if ours.server == theirs.server => {
                format!("Relayed by {}", server_over(ours))
            }
            (Some(ours), Some(theirs)) => {
                format!("Relayed twice, by {} and {}", server_over(ours), theirs.server)
            }
        },
    );
    match round_trip_ms.or_else(|| path.in_use.as_ref().and_then(|in_use| in_use.pair.round_trip_ms)) {
        Some(trip) => format!("{how} · {}", milliseconds(trip)),
        None => how,
    }
}

fn server_over(relay: &RelayUse) -> String {
    match relay.over {
        Some(over @ (Transport::Tcp | Transport::Tls)) => format!("{} over {}", relay.server, over.name()),
        Some(Transport::Udp) | None => relay.server.clone(),
    }
}

/// A round trip.
pub fn milliseconds(trip: f64) -> String {
    RoundTrip { ms: trip }.to_string()
}

/// Direct or relayed, for the panel.
pub const fn route(route: Route) -> &'static str {
    match route {
        Route::None => "none yet",
        Route::Direct => "direct, from computer to computer",
        Route::RelayedByUs => "relayed at your end",
        Route::RelayedByThem => "relayed at their end",
        Route::RelayedByBoth => "relayed at both ends",
    }
}

/// A place on the path.
pub fn place(node: &Node) -> String {
    match node {
        Node::Us => "You".to_owned(),
        Node::OurNat => "your router".to_owned(),
        Node::Server { server, .. } => server.host.clone(),
        Node::TheirRelay { address } => format!("their relay {address}"),
        Node::TheirNat => "their router".to_owned(),
        Node::Them => "them".to_owned(),
    }
}

/// How a step of the path stands.
pub const fn edge(status: EdgeStatus) -> &'static str {
    match status {
        EdgeStatus::Works => "works",
        EdgeStatus::Failed => "does not work",
        EdgeStatus::Untried => "not tried",
        EdgeStatus::Unknown => NOT_KNOWN_YET,
    }
}

/// A step: from where to where, by what.
pub fn step(edge: &Edge) -> String {
    let over = edge.over.map(|over| format!(" · {}", over.name())).unwrap_or_default();
    format!("{} → {}{over}", place(&edge.from), place(&edge.to))
}

/// How it stands, whether the call goes by it, and how long there and back.
pub fn step_state(edge: &Edge) -> String {
    let in_use = if edge.in_use { format!(", {IN_USE}") } else { String::new() };
    let trip = edge.round_trip_ms.map(|trip| format!(" · {}", milliseconds(trip))).unwrap_or_default();
    format!("{}{in_use}{trip}", self::edge(edge.status))
}

/// The line about the path, for a screen reader.
pub fn path_said(line: &str, quality: &str) -> String {
    format!("Path: {line}. Quality: {quality}")
}

/// This step carries the call.
pub const IN_USE: &str = "in use";

/// How good it is.
pub const fn quality(word: QualityWord) -> &'static str {
    match word {
        QualityWord::Unknown => "Quality not known yet",
        QualityWord::Good => "Good",
        QualityWord::Fair => "Fair",
        QualityWord::Poor => "Poor",
    }
}

/// For a screen reader: the call time.
pub fn lasted(clock: &str) -> String {
    format!("Call time {clock}")
}

/// Our own picture, and where a menu or an arrow moved it.
pub fn own_picture(corner: &str) -> String {
    format!("{OWN_PICTURE}, {corner}")
}

/// Chat and files, with how many are unread.
pub fn chat_button(open: bool, unread: usize) -> String {
    match (open, unread) {
        (true, _) => CHAT_CLOSE.to_owned(),
        (false, 0) => CHAT_OPEN.to_owned(),
        (false, 1) => format!("{CHAT_OPEN}, 1 new message"),
        (false, unread) => format!("{CHAT_OPEN}, {unread} new messages"),
    }
}

/// How long the connection has been away.
pub fn reconnecting_for(seconds: u64) -> String {
    format!("{RECONNECTING} for {seconds} s")
}

/// It rings here: said aloud.
pub fn rings(name: &str, video: bool) -> String {
    format!("{}: {name}", if video { CALLS_WITH_VIDEO } else { CALLS_WITH_SOUND })
}

/// What a stranger calls themselves.
pub fn claims(name: &str) -> String {
    format!("Says their name is “{name}”")
}

/// How good it is, with the reason: under the pointer, and for a screen reader.
pub fn quality_said(word: QualityWord, reason: Option<&str>) -> String {
    match (word, reason) {
        (QualityWord::Unknown, _) => quality(word).to_owned(),
        (word, Some(reason)) => format!("Quality: {}. {reason}", quality(word)),
        (word, None) => format!("Quality: {}", quality(word)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_one_plain_line() {
        assert_eq!(path_line(None, Some(3.0)), NO_PATH_YET);
        let direct = PathReport { route: Route::Direct, ..PathReport::default() };
        assert_eq!(path_line(Some(&direct), Some(22.6)), "Direct · 23 ms");
        assert_eq!(path_line(Some(&direct), Some(0.4)), "Direct · under 1 ms");
        assert_eq!(path_line(Some(&direct), None), "Direct");
    }
}
