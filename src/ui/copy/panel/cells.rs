//! What the tables of the path panel say: their columns, and what stands in their cells.

use crate::logic::{
    candidate::Kind,
    interfaces::InterfaceKind,
    legs::LegWhy,
    path::{ChannelRow, PairRow, PairState},
    servers::Service,
    sightings::Trouble,
};

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
/// A column: how many connections of the call were before its own.
pub const GENERATION: &str = "Generation";
/// A column.
pub const AT: &str = "At";
/// A column.
pub const STATE: &str = "State";
/// A column.
pub const LOCAL: &str = "Your end";
/// A column.
pub const REMOTE: &str = "Their end";
/// A column.
pub const TRIP_OF_PAIR: &str = "Trip";
/// A column: all round trips of a pair, added up.
pub const TRIPS_TOTAL: &str = "Trips, total";
/// A column: how many those are.
pub const TRIPS_MEASURED: &str = "Trips measured";
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

/// Milliseconds, of which the small ones are told finely.
pub fn figure_ms(ms: f64) -> String {
    if ms < 9.95 { format!("{ms:.1} ms") } else { format!("{ms:.0} ms") }
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

/// What the kind of an address means.
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

/// Which connection of the call a candidate is of, and what that was for.
pub fn generation(before: usize, why: LegWhy) -> String {
    let what = match why {
        LegWhy::First => "the call's first",
        LegWhy::TookTooLong => "because the one before took too long",
        LegWhy::NetworkChanged => "because the network changed",
        LegWhy::Silence => "because nothing came any more",
        LegWhy::ServerBack => "because a server came back",
        LegWhy::BetterPath => "to look for a path without a relay",
        LegWhy::Asked => "because somebody here asked for it",
        LegWhy::Theirs => "because the other side wanted it",
    };
    format!("Of connection {}, {what}.", before + 1)
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
    let mean = row.round_trips_ms / f64::from(row.round_trips.max(1));
    let trips = (row.round_trips > 0).then(|| {
        format!("There and back, measured {} times: {} on average.", row.round_trips, figure_ms(mean))
    });
    [checks, theirs].into_iter().chain(trips).chain([state.to_owned()]).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_and_figures_are_read_at_a_glance() {
        assert_eq!([0, 61_250, 3_723_400].map(moment), ["00:00.0", "01:01.2", "1:02:03.4"]);
        assert_eq!([0.44, 9.96, 61.2].map(figure_ms), ["0.4 ms", "10 ms", "61 ms"]);
    }
}
