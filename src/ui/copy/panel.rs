//! What the path panel says.

use crate::{
    logic::{
        candidate::Kind,
        evidence::{Hindrance, LogLevel, Topic},
        interfaces::InterfaceKind,
        path::{
            Change, ChannelRow, Edge, EdgeStatus, Mapping, NatView, PairRow, PairState, PathPolicy, Place,
            Presence,
        },
        report::Sending,
        servers::Service,
        sightings::Trouble,
    },
    ui::panel::copying::Form,
};

use super::call;

/// Over the panel.
pub const HEADING: &str = "The path of this call";
/// Over the panel while there is no call.
pub const HEADING_HERE: &str = "How the network looks from here";
/// Over the panel when a call is over.
pub const HEADING_OVER: &str = "The path of the call that was";
/// For a screen reader: the parts of the panel.
pub const PARTS: &str = "Parts of the panel";
/// Gives the panel a window of its own.
pub const OWN_WINDOW: &str = "Show in a window of its own";
/// Takes it back.
pub const BESIDE: &str = "Show beside the call";
/// The title of that window.
pub const TITLE: &str = "Sightline: the path of this call";
/// No call.
pub const NO_CALL: &str = "No call just now. During a call, its path is drawn here.";

/// A part.
pub const MAP: &str = "Map";
/// A part.
pub const CANDIDATES: &str = "Candidates";
/// A part, and its table.
pub const PAIRS: &str = "Pairs";
/// A part.
pub const RELAY: &str = "Relay";
/// A part.
pub const TIMELINE: &str = "Timeline";
/// A part.
pub const GRAPHS: &str = "Graphs";
/// A part.
pub const MEDIA: &str = "Media";
/// A part, and its table.
pub const LOG: &str = "Log";
/// A part.
pub const HERE: &str = "This computer";

/// A table.
pub const LOCAL_CANDIDATES: &str = "Ways to reach you";
/// A table.
pub const REMOTE_CANDIDATES: &str = "Ways to reach them";
/// A table.
pub const SERVERS: &str = "Servers";
/// A table.
pub const INTERFACES: &str = "Networks of this computer";
/// A table.
pub const CODECS: &str = "Codecs";
/// A table.
pub const STAGES: &str = "How long each stage takes";
/// A table.
pub const RELAYS: &str = "What relays lend you";

/// A column.
pub const TYPE: &str = "Type";
/// A column.
pub const ADDRESS: &str = "Address";
/// A column.
pub const PROTOCOL: &str = "Protocol";
/// A column.
pub const RELAY_PROTOCOL: &str = "To relay by";
/// A column.
pub const SERVER: &str = "Server";
/// A column.
pub const PRIORITY: &str = "Type · local · comp.";
/// A column.
pub const PRIORITY_NUMBER: &str = "Priority";
/// A column.
pub const FOUNDATION: &str = "Foundation";
/// A column.
pub const RELATED: &str = "Related address";
/// A column.
pub const INTERFACE: &str = "Interface";
/// A column.
pub const TOOK: &str = "Took";
/// A column.
pub const LEG: &str = "Leg";
/// A column.
pub const AT: &str = "At";
/// A column.
pub const STATE: &str = "State";
/// A column.
pub const LOCAL: &str = "Your end";
/// A column.
pub const REMOTE: &str = "Their end";
/// A column, and a figure.
pub const ROUND_TRIP: &str = "Round trip";
/// A column.
pub const NOMINATED: &str = "Nominated";
/// A column.
pub const IN_USE: &str = "In use";
/// A column.
pub const LOCAL_TYPE: &str = "Your type";
/// A column.
pub const REMOTE_TYPE: &str = "Their type";
/// A column.
pub const CHECKS_SENT: &str = "Sent";
/// A column.
pub const CHECKS_ANSWERED: &str = "Answered";
/// A column.
pub const CHECKS_HEARD: &str = "Heard";
/// A column.
pub const CHECKS_REPLIED: &str = "Replied";
/// A column.
pub const BYTES_SENT: &str = "Bytes out";
/// A column.
pub const BYTES_RECEIVED: &str = "Bytes in";
/// A column.
pub const LAST_HEARD: &str = "Last data";
/// A column, and a fact.
pub const ROUTE: &str = "Route";
/// A column.
pub const SERVICE: &str = "For";
/// A column.
pub const TRANSPORT: &str = "By";
/// A column.
pub const ANSWER: &str = "What it said";
/// A column.
pub const REACHED: &str = "Reached in";
/// A column.
pub const ASKED: &str = "Asked";
/// A column.
pub const ANSWERED: &str = "Answered";
/// A column.
pub const DONE: &str = "Done after";
/// A column.
pub const MAPPED: &str = "Sees you at";
/// A column.
pub const RELAYED: &str = "Lends you";
/// A column.
pub const FROM: &str = "From";
/// A column.
pub const RESOLVED: &str = "Its address";
/// A column.
pub const ENDS_IN: &str = "Ends in";
/// A column.
pub const CREDENTIALS_END_IN: &str = "Right ends in";
/// A column.
pub const PERMITTED: &str = "Lets in";
/// A column.
pub const CHANNELS: &str = "Channels";
/// What an open row of a relay tells.
pub const RELAY_STORY: &str = "What arrives at the address that is lent is handed on, from those alone who are let in. It is renewed by itself.";
/// No relay lends anything.
pub const NO_RELAYS: &str = "No relay lends you an address.";
/// A column.
pub const KIND: &str = "Kind";
/// A column.
pub const USED: &str = "Used";
/// A column.
pub const WHY_NOT: &str = "Why not";
/// A column.
pub const CODEC: &str = "Codec";
/// A column.
pub const PAYLOAD_TYPE: &str = "Number";
/// A column.
pub const CLOCK: &str = "Clock, Hz";
/// A column.
pub const PARAMETERS: &str = "Parameters";
/// A column.
pub const STAGE: &str = "Stage";
/// A column.
pub const MEDIAN: &str = "Mostly";
/// A column.
pub const NINETY_FIFTH: &str = "95 of 100 within";
/// A column.
pub const LEVEL: &str = "Level";
/// A column.
pub const PART: &str = "Part";
/// A column.
pub const TEXT: &str = "What";

/// Where a cell says nothing.
pub const NOTHING: &str = "–";
/// In a field that filters.
pub const FILTER_HINT: &str = "Filter";
/// Only rows that work.
pub const ONLY_WORKING: &str = "Only what works";
/// No row is left.
pub const NOTHING_FITS: &str = "No row fits the filter.";
/// In a menu.
pub const COPY_ROW: &str = "Copy the row";
/// In a menu.
pub const WHOLE_TABLE: &str = "The whole table";
/// Copies a description.
pub const COPY: &str = "Copy";

/// Before anything is known.
pub const NO_CANDIDATES: &str = "None yet. They appear as they are found.";
/// Before anything is known.
pub const NO_PAIRS: &str = "None yet. Pairs appear as soon as both sides have named an address.";
/// Before anything is known.
pub const NO_SERVERS: &str = "No server was asked.";
/// Before anything is known.
pub const NO_INTERFACES: &str = "Not known yet. They are listed with the next call.";
/// Before anything is known.
pub const NO_CODECS: &str = "Not agreed on yet.";
/// Before anything is known.
pub const NO_STAGES: &str = "Not measured yet.";
/// Before anything is known.
pub const NO_LOG: &str = "Nothing was noted.";
/// Before anything is known.
pub const NO_MOMENTS: &str =
    "Nothing was measured yet. The first figures come a second after the call connects.";
/// Before anything is known.
pub const NO_HAPPENINGS: &str = "Nothing has happened yet.";
/// Before anything is known.
pub const NO_DESCRIPTIONS: &str = "None were exchanged yet.";
/// Over the list of what does not work.
pub const CLOSED: &str = "What does not work";
/// What is open everywhere.
pub const NOTHING_CLOSED: &str = "Every step that was tried works.";

/// A box of the map.
pub const YOU: &str = "You";
/// A box of the map.
pub const YOUR_ROUTER: &str = "Your router";
/// A box of the map.
pub const THEIR_ROUTER: &str = "Their router";
/// A box of the map.
pub const THEM: &str = "They";
/// A box of the map.
pub const THEIR_RELAY: &str = "Their relay";
/// What stands on the direct wire.
pub const DIRECT: &str = "direct";

/// A figure.
pub const YOU_SEND: &str = "You send";
/// A figure.
pub const YOU_GET: &str = "You get";
/// A figure.
pub const LOST: &str = "Lost: sent, received";

/// A fact: why it is relayed, or not connected.
pub const WHY: &str = "Why";
/// A fact.
pub const YOUR_RELAY: &str = "Your relay";
/// A fact.
pub const YOUR_NAT: &str = "Your network";
/// A fact.
pub const THEIR_NAT: &str = "Their network";
/// A fact.
pub const ALLOWED: &str = "Allowed paths";
/// A fact.
pub const SWITCHBOARD: &str = "Switchboard";
/// A fact.
pub const LEGS: &str = "Connections so far";
/// It is not on the way.
pub const NOT_RELAYED: &str = "The call is not relayed.";
/// It is on the way.
pub const SWITCHBOARD_UP: &str = "reached";
/// It is not.
pub const SWITCHBOARD_DOWN: &str = "not reached; media does not need it";
/// Nobody knows.
pub const NOT_KNOWN: &str = "not known yet";

/// A fact.
pub const YOUR_PICTURE: &str = "Your picture";
/// A fact.
pub const MAY_SEND: &str = "May be sent";
/// A fact.
pub const THEIR_PICTURE: &str = "Their picture";
/// A fact.
pub const DEVICES: &str = "Devices";
/// A fact.
pub const DTLS: &str = "Key exchange (DTLS)";
/// A fact.
pub const DTLS_ROLE: &str = "Your side of it";
/// A fact.
pub const SRTP: &str = "Media (SRTP)";
/// A fact.
pub const CODE: &str = "Code to compare";
/// Over facts.
pub const SENDING: &str = "What goes over the path";
/// Over facts.
pub const ENCRYPTION: &str = "Encryption";

/// Over the descriptions.
pub const DESCRIPTIONS: &str = "Descriptions (SDP), as exchanged";
/// Beside them.
pub const DESCRIPTIONS_HINT: &str = "Passwords and fingerprints are left out.";
/// For a screen reader: which lines of the log.
pub const LEVELS: &str = "How grave";

/// Holds the graphs.
pub const PAUSE: &str = "Pause";
/// Lets them run.
pub const GO_ON: &str = "Go on";
/// Shows what is newest again.
pub const FOLLOW: &str = "Follow";
/// For a screen reader: how much is shown.
pub const SPAN: &str = "How much is shown";
/// How much is shown.
pub const ONE_MINUTE: &str = "1 min";
/// How much is shown.
pub const THREE_MINUTES: &str = "3 min";
/// How much is shown.
pub const TEN_MINUTES: &str = "10 min";
/// Below the graphs.
pub const GRAPHS_HINT: &str = "Point at a graph to see that moment in all of them and in the timeline.";

/// A graph.
pub const RATE: &str = "Rate, Mbit/s";
/// A graph.
pub const TRIP: &str = "Round trip, ms";
/// A graph.
pub const LOSS: &str = "Lost, %";
/// A graph.
pub const JITTER: &str = "Unevenness, ms";
/// A graph.
pub const FRAMES: &str = "Pictures a second";
/// A graph.
pub const HEIGHT: &str = "Height of the picture, pixels";
/// A graph.
pub const CODING: &str = "Encode and decode, ms";
/// A graph.
pub const SOUND_HELD: &str = "Sound held, ms";
/// A graph.
pub const CONCEALED: &str = "Sound made up, %";
/// A graph.
pub const FROZEN: &str = "Picture stood still, ms";
/// A graph.
pub const PROCESSOR: &str = "Processor, % of a core";
/// A line of a graph.
pub const OURS: &str = "sent";
/// A line of a graph.
pub const THEIRS: &str = "received";
/// A line of a graph.
pub const TARGET: &str = "allowed";
/// A line of a graph.
pub const ENCODE: &str = "encode";
/// A line of a graph.
pub const DECODE: &str = "decode";

/// Something to do.
pub const LOOK_AGAIN: &str = "Look for a path again";
/// Something to do.
pub const PATHS: &str = "Allowed paths";
/// Something to do.
pub const HINDER: &str = "Hinder my sending";
/// In its menu.
pub const HINDER_HINT: &str = "To see how a call recovers. Ends with the call.";
/// Ends it.
pub const STOP: &str = "Stop";
/// Something to do.
pub const CHECK_NETWORK: &str = "Check the network";
/// Something to do.
pub const TO_SERVERS: &str = "Servers";
/// Something to do.
pub const SAVE_REPORT: &str = "Save report";
/// The report is still being written.
pub const REPORT_IS_MADE: &str = "The report is being written.";
/// For a screen reader: which topics are shown.
pub const ALL_TOPICS: &str = "Everything";

/// A table's name, and how many rows it has.
pub fn counted(table: &str, rows: usize) -> String {
    if rows == 0 { table.to_owned() } else { format!("{table} · {rows}") }
}

/// What is filtered.
pub fn filter(table: &str) -> String {
    format!("Filter: {table}")
}

/// Copies it all.
pub fn copy_table(table: &str) -> String {
    format!("Copy the table: {table}")
}

/// Copies one thing.
pub fn copy_cell(name: &str) -> String {
    format!("Copy: {name}")
}

/// A form of copying.
pub const fn form(form: Form) -> &'static str {
    match form {
        Form::Text => "Copy as text",
        Form::Markdown => "Copy as Markdown",
        Form::Json => "Copy as JSON",
    }
}

/// A heading that sorts; `largest_first` where it is the one.
pub fn sort_by(column: &str, largest_first: Option<bool>) -> String {
    match largest_first {
        None => format!("Sort by: {column}"),
        Some(false) => format!("Sorted by: {column}, smallest first"),
        Some(true) => format!("Sorted by: {column}, largest first"),
    }
}

/// A figure, for a screen reader.
pub fn tile(name: &str, value: &str) -> String {
    format!("{name}: {value}")
}

/// Milliseconds, of which the small ones are told finely.
pub fn figure_ms(ms: f64) -> String {
    if ms < 9.95 { format!("{ms:.1} ms") } else { format!("{ms:.0} ms") }
}

/// A rate.
pub fn rate(bps: u32) -> String {
    let bps = f64::from(bps);
    if bps < 999_500.0 { format!("{:.0} kbit/s", bps / 1e3) } else { format!("{:.2} Mbit/s", bps / 1e6) }
}

/// What is lost of a hundred packets each way.
pub fn lost(ours: f32, theirs: f32) -> String {
    format!("{ours:.1} · {theirs:.1} %")
}

/// A moment of a call, since it began.
pub fn moment(t_ms: u64) -> String {
    let (seconds, tenths) = (t_ms / 1000, t_ms % 1000 / 100);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let clock = format!("{minutes:02}:{seconds:02}.{tenths}");
    if hours > 0 { format!("{hours}:{clock}") } else { clock }
}

/// Yes, or nothing.
pub const fn yes(yes: bool) -> &'static str {
    if yes { "yes" } else { "" }
}

/// How an address was come by.
pub const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Host => "host",
        Kind::ServerReflexive => "server reflexive",
        Kind::PeerReflexive => "peer reflexive",
        Kind::Relay => "relay",
    }
}

/// What that means.
pub const fn kind_story(kind: Kind) -> &'static str {
    match kind {
        Kind::Host => "An address of the computer itself.",
        Kind::ServerReflexive => "The address at which a server on the other side of the router sees it.",
        Kind::PeerReflexive => "The address at which the other end of the call sees it.",
        Kind::Relay => "An address that a relay lends: what arrives there is handed on.",
    }
}

/// An interface and what it is.
pub fn interface(name: &str, kind: InterfaceKind) -> String {
    format!("{name} · {}", kind.name())
}

/// A priority, taken apart (RFC 8445, section 5.1.2.1): by type, among those of the type, by component.
pub fn priority(priority: u32) -> String {
    format!("{} · {} · {}", priority >> 24, priority >> 8 & 0xFFFF, 256 - (priority & 0xFF))
}

/// How a pair stands.
pub const fn pair_state(state: PairState) -> &'static str {
    match state {
        PairState::Waiting => "waiting",
        PairState::InProgress => "being tried",
        PairState::OneWay => "one way only",
        PairState::Succeeded => "works",
        PairState::InUse => "in use",
        PairState::Failed => "no answer",
    }
}

/// What kind of way that is.
pub const fn pair_route(local: Kind, remote: Kind) -> &'static str {
    match (matches!(local, Kind::Relay), matches!(remote, Kind::Relay)) {
        (false, false) => "direct",
        (true, false) => "over your relay",
        (false, true) => "over their relay",
        (true, true) => "over both relays",
    }
}

/// What became of a pair.
pub fn pair_story(row: &PairRow) -> Vec<String> {
    let checks = match (row.checks_sent, row.checks_answered) {
        (0, _) => "You have not asked on this pair yet.".to_owned(),
        (sent, 0) => format!("You asked {sent} times; nothing came back."),
        (sent, answered) => format!("You asked {sent} times; {answered} answers came back."),
    };
    let theirs = match row.checks_heard {
        0 => "They were not heard on it.".to_owned(),
        heard => format!("They asked {heard} times, and you answered {} of them.", row.checks_replied),
    };
    let state = match row.state {
        PairState::Waiting => "It waits for its turn.",
        PairState::InProgress => "No answer has come so far.",
        PairState::OneWay => {
            "You hear them, they do not hear you: something on the way to them drops what you send."
        }
        PairState::Succeeded => "It works, and stands by.",
        PairState::InUse => "It carries the call.",
        PairState::Failed => "It was given up.",
    };
    [checks, theirs, state.to_owned()].into()
}

/// A number that stands for a peer.
pub fn channel(channel: &ChannelRow) -> String {
    format!("{:#06x} → {}", channel.number, channel.peer)
}

/// What a server is asked for.
pub const fn service(service: Service) -> &'static str {
    match service {
        Service::Stun => "address",
        Service::Turn => "relay",
    }
}

/// Why a server gives nothing, with the code where there is one.
pub fn trouble(trouble: &Trouble) -> String {
    match trouble {
        Trouble::NameUnknown => "name unknown".to_owned(),
        Trouble::NoSuchAddressFamily => "no address of this version of IP".to_owned(),
        Trouble::NoRoute => "no route".to_owned(),
        Trouble::NothingListens => "refuses connections".to_owned(),
        Trouble::NoAnswer => "no answer".to_owned(),
        Trouble::ProxyRefused { why } => format!("the proxy refuses: {why}"),
        Trouble::WrongCertificate { why, .. } => format!("wrong certificate: {why}"),
        Trouble::Refused { code, text } => format!("{code} {text}"),
        Trouble::Broken => "the stream broke".to_owned(),
    }
}

/// What that means.
pub const fn trouble_story(trouble: &Trouble) -> &'static str {
    match trouble {
        Trouble::NameUnknown => "The name of the server stands for no address.",
        Trouble::NoSuchAddressFamily => "The server has no address of the version of IP that was used here.",
        Trouble::NoRoute => "This computer knows no way to the server's address.",
        Trouble::NothingListens => "The server's computer is reached, and nothing listens at that port.",
        Trouble::NoAnswer => "Nothing came back. A firewall may be in the way, or the server is off.",
        Trouble::ProxyRefused { .. } => "The proxy on the way does not let this connection through.",
        Trouble::WrongCertificate { .. } => "The server could not prove who it is, so it was not used.",
        Trouble::Refused { code: 401 | 403 | 441, .. } => {
            "The server is reached, and does not accept who asks."
        }
        Trouble::Refused { code: 486 | 508, .. } => "The server is reached, and has no room at the moment.",
        Trouble::Refused { .. } => "The server is reached, and refuses.",
        Trouble::Broken => "The stream to the server ended in the middle.",
    }
}

/// A level of the log.
pub const fn level(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warning",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
    }
}

/// The choice of such lines, and of those that are graver.
pub const fn levels(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Error => "Errors",
        LogLevel::Warn => "Warnings",
        LogLevel::Info => "Info",
        LogLevel::Debug => "Everything",
    }
}

/// A router's public address, and how it maps.
pub fn nat_lines(nat: &NatView) -> Vec<String> {
    let mut lines: Vec<_> = nat.public.iter().map(Place::to_string).collect();
    lines.dedup();
    lines.truncate(3);
    lines.push(
        match (nat.presence, nat.mapping) {
            (Presence::None, _) => "no address translation",
            (_, Mapping::Same) => "same port to all",
            (_, Mapping::Varying) => "other port to each",
            (Presence::Present, Mapping::Unknown) => "translates addresses",
            (Presence::Unknown, Mapping::Unknown) => NOT_KNOWN,
        }
        .to_owned(),
    );
    lines
}

/// Addresses for which the map has no room.
pub fn and_more(count: usize) -> String {
    format!("and {count} more")
}

/// How the direct way stands, in one short word.
pub const fn edge_short(status: EdgeStatus) -> &'static str {
    match status {
        EdgeStatus::Works => "works",
        EdgeStatus::Failed => "closed",
        EdgeStatus::Untried => "not tried",
        EdgeStatus::Unknown => "trying",
    }
}

/// A box of the map, for a screen reader.
pub fn node_said(name: &str, lines: &[String]) -> String {
    if lines.is_empty() { name.to_owned() } else { format!("{name}: {}", lines.join(", ")) }
}

/// A line of the map as a sentence.
pub fn edge_said(edge: &Edge) -> String {
    let cause = edge.cause.as_ref().map(|cause| format!(". {}", super::sentence(cause))).unwrap_or_default();
    format!("{}: {}{cause}", call::step(edge), call::step_state(edge))
}

/// A change of the path belongs to this topic.
pub const fn change(change: &Change) -> &'static str {
    match change {
        Change::Interfaces { .. } | Change::CandidatesDone { .. } => "Addresses",
        Change::Server { .. } | Change::Switchboard { .. } => "Servers",
        Change::LegOpened { .. }
        | Change::LegInUse
        | Change::LegClosed
        | Change::Link { .. }
        | Change::FirstHeard
        | Change::Path { .. } => "Path",
        Change::Ended { .. } => "Call",
    }
}

/// A topic.
pub const fn topic(topic: Topic) -> &'static str {
    match topic {
        Topic::Call => "Call",
        Topic::Device => "Devices",
        Topic::Picture => "Picture",
        Topic::Sound => "Sound",
        Topic::Trial => "Trials",
    }
}

/// All topics, in the order in which they can be chosen.
pub const TOPICS: [&str; 8] =
    ["Path", "Addresses", "Servers", "Call", "Devices", "Picture", "Sound", "Trials"];

/// Something that happened, for a screen reader.
pub fn happened(moment: &str, topic: &str, sentence: &str) -> String {
    format!("{moment}, {topic}: {sentence}")
}

/// What there was no room for.
pub fn left_out(count: u32) -> String {
    format!("{count} more in between, for which there was no room.")
}

/// What is done to our own sending.
pub fn hindrance(hindrance: Hindrance) -> String {
    let mut parts = Vec::new();
    if hindrance.loss_percent > 0 {
        parts.push(format!("{} % lost", hindrance.loss_percent));
    }
    if hindrance.delay_ms > 0 {
        parts.push(format!("{} ms late", hindrance.delay_ms));
    }
    if hindrance.blocks_udp {
        parts.push("no UDP".to_owned());
    }
    parts.join(", ")
}

/// The same, while it is done.
pub fn is_hindered(hindrance: Hindrance) -> String {
    format!("You hinder your own sending: {}.", self::hindrance(hindrance))
}

/// A choice of paths.
pub const fn policy(policy: PathPolicy) -> &'static str {
    match policy {
        PathPolicy::Any => "Any path",
        PathPolicy::Direct => "Direct only",
        PathPolicy::Relay => "Relay only",
        PathPolicy::RelayUdp => "Relay by UDP only",
        PathPolicy::RelayTcp => "Relay by TCP only",
        PathPolicy::RelayTls => "Relay by TLS only",
    }
}

/// A description's heading.
pub fn description(moment: &str, is_ours: bool, is_offer: bool, leg: u32) -> String {
    let whose = if is_ours { "Yours" } else { "Theirs" };
    let what = if is_offer { "offer" } else { "answer" };
    format!("{moment}  {whose}: {what}, leg {leg}")
}

/// How our picture is sent, and why not better.
pub fn sending(sending: Sending) -> String {
    format!("sending {}", sending.plan)
}

/// A picture that comes.
pub fn picture(width: u16, height: u16, frames: f32) -> String {
    format!("{width}×{height}, {frames:.0} pictures a second")
}

/// The moment that is pointed at, and what had happened last.
pub fn at_moment(at: &str, moment: &str, sentence: &str) -> String {
    format!("At {at}. Since {moment}: {sentence}")
}

/// A graph, for a screen reader: what it shows, and the newest values.
pub fn graph_said(name: &str, values: &str) -> String {
    if values.is_empty() { format!("{name}: {NOT_KNOWN}") } else { format!("{name}: {values}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_priority_is_taken_apart() {
        assert_eq!(priority(2_130_706_431), "126 · 65535 · 1");
        assert_eq!(priority(0), "0 · 0 · 256");
        assert_eq!(priority(u32::MAX), "255 · 65535 · 1");
    }

    #[test]
    fn moments_and_figures_are_read_at_a_glance() {
        assert_eq!([0, 61_250, 3_723_400].map(moment), ["00:00.0", "01:01.2", "1:02:03.4"]);
        assert_eq!([0.44, 9.96, 61.2].map(figure_ms), ["0.4 ms", "10 ms", "61 ms"]);
        assert_eq!(
            [0, 64_000, 999_600, 2_345_678].map(rate),
            ["0 kbit/s", "64 kbit/s", "1.00 Mbit/s", "2.35 Mbit/s"]
        );
    }

    #[test]
    fn each_topic_of_the_timeline_can_be_chosen() {
        let all = [Topic::Call, Topic::Device, Topic::Picture, Topic::Sound, Topic::Trial].map(topic);
        assert!(all.iter().all(|topic| TOPICS.contains(topic)));
    }

    #[test]
    fn a_hindrance_says_all_that_it_does() {
        let all = Hindrance { loss_percent: 10, delay_ms: 100, blocks_udp: true };
        assert_eq!(is_hindered(all), "You hinder your own sending: 10 % lost, 100 ms late, no UDP.");
    }
}
