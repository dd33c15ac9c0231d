//! What the path panel says. What stands in its tables is in `cells`.

mod cells;

pub use cells::*;

use crate::{
    logic::{
        evidence::{Hindrance, LogLevel, Topic},
        path::{Change, Edge, EdgeStatus, Mapping, NatView, PathPolicy, Presence},
        report::Sending,
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
pub const NO_INTERFACES: &str = "Not known yet.";
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

/// A rate.
pub fn rate(bps: u32) -> String {
    let bps = f64::from(bps);
    if bps < 999_500.0 { format!("{:.0} kbit/s", bps / 1e3) } else { format!("{:.2} Mbit/s", bps / 1e6) }
}

/// What is lost of a hundred packets each way.
pub fn lost(ours: f32, theirs: f32) -> String {
    format!("{ours:.1} · {theirs:.1} %")
}

/// What is lost one way.
pub fn percent_lost(percent: f32) -> String {
    format!("{percent:.1} % lost")
}

/// There and back over everything that lies on the way.
pub fn in_all(ms: f64) -> String {
    format!("{} in all", call::milliseconds(ms))
}

/// How the line in use does, for a screen reader and under the pointer.
pub fn losses_said(ours: f32, theirs: f32, round_trip_ms: Option<f64>) -> String {
    let trip =
        round_trip_ms.map(|ms| format!("; there and back {}", call::milliseconds(ms))).unwrap_or_default();
    format!("Of what you send {ours:.1} % is lost, of what they send {theirs:.1} %{trip}")
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

/// A router's public addresses, and how it maps.
pub fn nat_lines(nat: &NatView) -> Vec<String> {
    let mut lines: Vec<_> = nat.public.iter().map(|place| place.host.clone()).collect();
    lines.dedup();
    lines.truncate(3);
    lines.push(
        match (nat.presence, nat.mapping) {
            (Presence::None, _) => "no translation",
            (_, Mapping::Same) => "same port to all",
            (_, Mapping::Varying) => "other port to each",
            (Presence::Present, Mapping::Unknown) => "translates",
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
    fn rates_are_read_at_a_glance() {
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
