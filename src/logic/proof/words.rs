//! How times, amounts and states are written, the same in every form of a report.
//!
//! What stands in a report may come from anywhere: from the other side, from a server, from a file that somebody sent. So
//! nothing of it reaches a page or a terminal but by [`plain`].

use std::fmt::Write as _;

use crate::logic::{
    candidate::Kind,
    course::{EndReason, Link, Role, Side, Stage, Step},
    desk::Complaint,
    evidence::Topic,
    legs::LegWhy,
    path::{Change, EdgeStatus, Mapping, Node, PairState, PathPolicy, Place, Presence, Route},
    servers::{Service, Transport},
    sightings::Trouble,
};

/// The end of the year 9999: what lies behind is no date that anybody means.
const LAST_UNIX_MS: u64 = 253_402_300_799_999;

/// The same text, where whatever could move a cursor or turn the direction of reading is shown as a mark in its place.
pub(super) fn plain(text: &str) -> String {
    let shown = |letter: char| match letter {
        '\n' | '\r' | '\t' => ' ',
        '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            '\u{fffd}'
        }
        '\u{2028}' | '\u{2029}' | '\u{feff}' => '\u{fffd}',
        letter if letter.is_control() => '\u{fffd}',
        letter => letter,
    };
    text.chars().map(shown).collect()
}

/// No longer than that; what is left out shows as a mark.
pub(super) fn cut(text: &str, most: usize) -> String {
    let text = plain(text);
    if text.chars().count() <= most {
        return text;
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// A moment of the calendar: `2026-11-21 15:00:00 UTC`.
pub(super) fn utc(unix_ms: u64) -> String {
    let (year, month, day) = date(unix_ms);
    let seconds = unix_ms.min(LAST_UNIX_MS) / 1000;
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

/// The same as other programs read it: `2026-11-21T15:00:00.000Z`.
pub(super) fn iso(unix_ms: u64) -> String {
    let (year, month, day) = date(unix_ms);
    let ms = unix_ms.min(LAST_UNIX_MS);
    let (hour, minute, second) = (ms / 3_600_000 % 24, ms / 60_000 % 60, ms / 1000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", ms % 1000)
}

fn date(unix_ms: u64) -> (u64, u64, u64) {
    let is_leap =
        |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut days = unix_ms.min(LAST_UNIX_MS) / 86_400_000;
    let mut year = 1970;
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let february = 28 + u64::from(is_leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

/// A moment of the call: `0:03.4`, `1:02:03.4`.
pub(super) fn at(t_ms: u64) -> String {
    let (hours, minutes, tenths) = (t_ms / 3_600_000, t_ms / 60_000 % 60, t_ms / 100 % 600);
    let seconds = format!("{:02}.{}", tenths / 10, tenths % 10);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds}") } else { format!("{minutes}:{seconds}") }
}

/// How long something lasted: `152 s` would be `2 min 32 s`.
pub(super) fn lasted(ms: u64) -> String {
    let (hours, minutes, seconds) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    match (hours, minutes) {
        (0, 0) if ms < 10_000 => format!("{:.1} s", ms as f64 / 1000.0),
        (0, 0) => format!("{seconds} s"),
        (0, _) => format!("{minutes} min {seconds} s"),
        _ => format!("{hours} h {minutes} min"),
    }
}

/// `23 ms`, and `2.3 ms` where that matters.
pub(super) fn ms(ms: f64) -> String {
    if ms.abs() < 10.0 { format!("{ms:.1} ms") } else { format!("{ms:.0} ms") }
}

/// `2.3 Mbit/s`, `640 kbit/s`.
pub(super) fn rate(bps: f64) -> String {
    if bps >= 1e6 { format!("{:.1} Mbit/s", bps / 1e6) } else { format!("{:.0} kbit/s", bps / 1e3) }
}

/// `once`, `3 times`.
pub(super) fn times(count: u64) -> String {
    match count {
        0 => "never".to_owned(),
        1 => "once".to_owned(),
        more => format!("{more} times"),
    }
}

/// `48.0 MB`, `640 kB`, `12 B`.
pub(super) fn bytes(count: u64) -> String {
    let count_f = count as f64;
    match count {
        1_000_000_000.. => format!("{:.1} GB", count_f / 1e9),
        1_000_000.. => format!("{:.1} MB", count_f / 1e6),
        1_000.. => format!("{:.0} kB", count_f / 1e3),
        _ => format!("{count} B"),
    }
}

/// `0.8 %`.
pub(super) fn percent(share: f64) -> String {
    if share > 0.0 && share < 0.05 { "< 0.1 %".to_owned() } else { format!("{share:.1} %") }
}

/// An address and its port.
pub(super) fn place(place: &Place) -> String {
    plain(&place.to_string())
}

/// Which end this is.
pub(super) const fn role(role: Role) -> &'static str {
    match role {
        Role::Caller => "caller",
        Role::Callee => "callee",
    }
}

/// How an address was come by, as it stands in a candidate line (RFC 8839).
pub(super) const fn kind_in_line(kind: Kind) -> &'static str {
    match kind {
        Kind::Host => "host",
        Kind::ServerReflexive => "srflx",
        Kind::PeerReflexive => "prflx",
        Kind::Relay => "relay",
    }
}

/// How a pair stands.
pub(super) const fn pair(state: PairState) -> &'static str {
    match state {
        PairState::Waiting => "waiting",
        PairState::InProgress => "being tried",
        PairState::OneWay => "one way",
        PairState::Succeeded => "works",
        PairState::InUse => "in use",
        PairState::Failed => "failed",
    }
}

/// How a line of the picture stands: a word, and a mark that can be told apart without colour.
pub(super) const fn status(status: EdgeStatus) -> (&'static str, &'static str) {
    match status {
        EdgeStatus::Works => ("works", "✓"),
        EdgeStatus::Failed => ("failed", "✗"),
        EdgeStatus::Untried => ("not tried", "·"),
        EdgeStatus::Unknown => ("not known", "?"),
    }
}

/// What is asked of a server.
pub(super) const fn service(service: Service) -> &'static str {
    match service {
        Service::Stun => "STUN",
        Service::Turn => "relay",
    }
}

/// Direct, or relayed by whom.
pub(super) const fn route(route: Route) -> &'static str {
    match route {
        Route::None => "no path",
        Route::Direct => "direct",
        Route::RelayedByUs => "relayed by this end",
        Route::RelayedByThem => "relayed by the other end",
        Route::RelayedByBoth => "relayed by both ends",
    }
}

/// Which paths were allowed.
pub(super) const fn policy(policy: PathPolicy) -> &'static str {
    match policy {
        PathPolicy::Any => "any path was allowed",
        PathPolicy::Direct => "only direct paths were allowed",
        PathPolicy::Relay => "only relayed paths were allowed",
        PathPolicy::RelayUdp => "only relays by UDP were allowed",
        PathPolicy::RelayTcp => "only relays by TCP were allowed",
        PathPolicy::RelayTls => "only relays by TLS were allowed",
    }
}

/// Why a connection was built.
pub(super) const fn leg(why: LegWhy) -> &'static str {
    match why {
        LegWhy::First => "the call began",
        LegWhy::TookTooLong => "the one before took too long",
        LegWhy::NetworkChanged => "the network changed",
        LegWhy::Silence => "nothing came any more",
        LegWhy::ServerBack => "a server came back",
        LegWhy::BetterPath => "to do without the relay",
        LegWhy::Theirs => "the other side wished",
        LegWhy::Asked => "somebody asked for it here",
    }
}

/// How a connection stands.
pub(super) const fn link(link: Link) -> &'static str {
    match link {
        Link::New => "new",
        Link::Checking => "checking",
        Link::PathFound => "path found",
        Link::Up => "up",
        Link::Interrupted => "interrupted",
        Link::Failed => "failed",
        Link::Closed => "closed",
    }
}

/// How the call stands.
pub(super) fn stage(stage: Stage) -> String {
    match stage {
        Stage::Inviting => "Calling".to_owned(),
        Stage::Reached => "The other side's program has the call".to_owned(),
        Stage::RingingThere => "It rings there".to_owned(),
        Stage::RingingHere => "It rings here".to_owned(),
        Stage::Connecting => "Taken; looking for a path".to_owned(),
        Stage::Connected => "Connected".to_owned(),
        Stage::Reconnecting => "Nothing comes any more; looking for another path".to_owned(),
        Stage::Ended { reason, by } => {
            let how = end(reason, by);
            let mut letters = how.chars();
            letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
        }
    }
}

/// How a call ended, inside a sentence.
pub(super) fn end(reason: EndReason, by: Side) -> String {
    let how = match reason {
        EndReason::Normal => "hung up",
        EndReason::Declined => "declined",
        EndReason::Busy => "the other side was in another call",
        EndReason::Cancelled => "given up before it was answered",
        EndReason::NoAnswer => "nobody answered",
        EndReason::Unreachable => "the other side was not connected to its server",
        EndReason::ConnectFailed(step) => match step {
            Step::OurSide => "no path: this end could not be made",
            Step::Description => "no path: the other side never described itself",
            Step::Candidates => "no path: the other side named no address",
            Step::Checks => "no path: no pair of addresses answered",
            Step::Encryption => "no path: keys were not agreed on",
        },
        EndReason::Lost => "the path was lost",
        EndReason::RefusedLink => "the link was refused",
        EndReason::IncompatibleVersion => "the two programs are too far apart in age",
        EndReason::Replaced => "another call took its place",
    };
    let whose = match by {
        Side::Us => " by this end",
        Side::Them => " by the other end",
        Side::Nobody => "",
    };
    match reason {
        EndReason::Normal | EndReason::Declined | EndReason::Cancelled => format!("{how}{whose}"),
        EndReason::Busy
        | EndReason::NoAnswer
        | EndReason::Unreachable
        | EndReason::ConnectFailed(_)
        | EndReason::Lost
        | EndReason::RefusedLink
        | EndReason::IncompatibleVersion
        | EndReason::Replaced => how.to_owned(),
    }
}

/// What a change is about.
pub(super) const fn change(change: &Change) -> &'static str {
    match change {
        Change::Interfaces { .. } => "network",
        Change::LegOpened { .. } | Change::LegInUse | Change::LegClosed | Change::Link { .. } => "connection",
        Change::CandidatesDone { .. } | Change::FirstHeard => "addresses",
        Change::Server { .. } | Change::Switchboard { .. } => "server",
        Change::Path { .. } => "path",
        Change::Ended { .. } => "call",
    }
}

/// What something that happened is about.
pub(super) const fn topic(topic: Topic) -> &'static str {
    match topic {
        Topic::Call => "call",
        Topic::Device => "device",
        Topic::Picture => "picture",
        Topic::Sound => "sound",
        Topic::Trial => "trial",
    }
}

/// What somebody said was wrong.
pub(super) const fn complaint(complaint: Complaint) -> &'static str {
    match complaint {
        Complaint::SoundHere => "their sound",
        Complaint::SoundThere => "our sound",
        Complaint::Echo => "echo",
        Complaint::Frozen => "a picture that stood still",
        Complaint::Blurred => "a blurred picture",
        Complaint::Delay => "delay",
        Complaint::BrokeOff => "it broke off",
    }
}

/// Whether there is a NAT, and of which kind.
pub(super) const fn nat(presence: Presence, mapping: Mapping) -> &'static str {
    match (presence, mapping) {
        (Presence::Unknown, _) => "not known",
        (Presence::None, _) => "no NAT",
        (Presence::Present, Mapping::Unknown) => "NAT",
        (Presence::Present, Mapping::Same) => "NAT, one port towards everybody",
        (Presence::Present, Mapping::Varying) => "NAT, another port towards each",
    }
}

/// A place in the picture.
pub(super) fn node(node: &Node) -> String {
    match node {
        Node::Us => "this computer".to_owned(),
        Node::OurNat => "our way out".to_owned(),
        Node::Server { server, service: of } => {
            format!("{} ({})", place(server), service(*of))
        }
        Node::TheirRelay { address } => format!("{} (their relay)", plain(address)),
        Node::TheirNat => "their way in".to_owned(),
        Node::Them => "their computer".to_owned(),
    }
}

/// ` over TLS`, or nothing.
pub(super) fn over(over: Option<Transport>) -> String {
    over.map_or_else(String::new, |over| format!(" over {}", over.name()))
}

/// What stands in the way of a server.
pub(super) fn trouble(trouble: &Trouble) -> String {
    match trouble {
        Trouble::NameUnknown => "nobody knows its name".to_owned(),
        Trouble::NoSuchAddressFamily => "it has no address of the version of IP that is here".to_owned(),
        Trouble::NoRoute => "the system has no way there".to_owned(),
        Trouble::NothingListens => "its computer answers, but nothing listens".to_owned(),
        Trouble::NoAnswer => "no answer".to_owned(),
        Trouble::ProxyRefused { why } => format!("the proxy refuses: {}", plain(why)),
        Trouble::WrongCertificate { came, why } => {
            let mut text = format!("wrong certificate: {}", plain(why));
            if let Some(came) = came {
                write!(text, " (pin {})", plain(came)).expect("a text takes everything");
            }
            text
        }
        Trouble::Refused { code, text } => format!("refused with {code}: {}", plain(text)),
        Trouble::Broken => "the stream to it broke".to_owned(),
    }
}
