//! The whole in one line, for somebody who has never heard of any of it.

use crate::logic::{
    course::{EndReason, Link, Step},
    servers::Transport,
    units::RoundTrip,
};

use super::{
    PairInUse, Path, Route, edges,
    facts::Facts,
    report::{InUse, RelayUse},
};

/// How it stands.
pub(super) fn of(path: &Path) -> String {
    let facts = Facts::of(path);
    let connected = path.in_use.and_then(|leg| path.leg(leg));
    let gone = connected.is_some_and(|leg| matches!(leg.link, Link::Interrupted | Link::Failed));
    let lost = matches!(path.ended, Some(EndReason::Lost | EndReason::ConnectFailed(_)));
    match (path.pair_in_use().is_some(), closed(&facts)) {
        (true, Some(closed)) if lost => format!("The path is lost: {closed}. It was: {}", of_route(path)),
        (true, None) if lost => {
            format!("The path is lost: nothing came any more. It was: {}", of_route(path))
        }
        (true, _) if gone && path.ended.is_none() => {
            format!("Nothing comes any more; another path is looked for. It was: {}", of_route(path))
        }
        (true, _) => of_route(path),
        (false, Some(closed)) => format!("No path: {closed}"),
        (false, None) if connected.is_some() => "Connected; which way is not known yet".to_owned(),
        (false, None) if path.ended.is_some() => "No path: the call ended before there was one".to_owned(),
        (false, None) => "No path yet".to_owned(),
    }
}

/// What is closed, once it is clear that there is no path.
pub(super) fn closed(facts: &Facts<'_>) -> Option<String> {
    let path = facts.path;
    let failed = facts.leg.is_some_and(|leg| leg.link == Link::Failed);
    let why = match path.ended {
        Some(EndReason::ConnectFailed(Step::OurSide)) => {
            return Some("this computer's end could not be made".to_owned());
        }
        Some(EndReason::ConnectFailed(Step::Description)) => {
            return Some(edges::why_not_out(facts).unwrap_or_else(|| {
                "the other side never described itself; its server may have lost it".to_owned()
            }));
        }
        Some(EndReason::ConnectFailed(Step::Encryption)) => {
            return Some("a pair of addresses works, but keys were not agreed on".to_owned());
        }
        Some(EndReason::ConnectFailed(Step::Candidates | Step::Checks) | EndReason::Lost) => true,
        Some(
            EndReason::Normal
            | EndReason::Declined
            | EndReason::Busy
            | EndReason::Cancelled
            | EndReason::NoAnswer
            | EndReason::Unreachable
            | EndReason::RefusedLink
            | EndReason::IncompatibleVersion
            | EndReason::Replaced,
        ) => false,
        None => failed && path.in_use.is_none(),
    };
    if !why {
        return None;
    }
    if let Some(out) = edges::why_not_out(facts) {
        return Some(out);
    }
    match (edges::why_not_direct(facts), edges::why_not_relayed(facts)) {
        (Some(direct), Some(relayed)) if path.policy.needs_relay() => {
            Some(format!("{relayed}, and {direct}"))
        }
        (Some(direct), Some(relayed)) if direct == relayed => Some(direct),
        (Some(direct), Some(relayed)) => Some(format!("{direct}; and {relayed}")),
        (Some(one), None) | (None, Some(one)) => Some(one),
        (None, None) => None,
    }
}

/// How the call goes, or went last.
pub(super) fn of_route(path: &Path) -> String {
    let Some(leg) = path.in_use.and_then(|leg| path.leg(leg)) else { return "No path yet".to_owned() };
    let Some(pair) = &leg.pair else { return "No path yet".to_owned() };
    let facts = Facts::of_leg(path, Some(leg));
    let in_use = in_use(&facts, pair.clone(), leg.generation);
    let trip = pair.round_trip_ms.map(|trip| format!(" · {}", RoundTrip { ms: trip })).unwrap_or_default();
    let how = match (&in_use.our_relay, &in_use.their_relay) {
        (None, None) => return format!("Direct over {}{trip}", pair.local.protocol.to_uppercase()),
        (Some(ours), None) => format!("Relayed by {}{}", ours.server, over(ours)),
        (None, Some(theirs)) if facts.is_our_server(&theirs.server) => {
            format!("Relayed by {} for the other side", theirs.server)
        }
        (None, Some(theirs)) => format!("Relayed by their server {}", theirs.server),
        (Some(ours), Some(theirs)) if ours.server == theirs.server => {
            format!("Relayed by {} for both sides{}", ours.server, over(ours))
        }
        (Some(ours), Some(theirs)) => {
            format!("Relayed twice, by {}{} and by their server {}", ours.server, over(ours), theirs.server)
        }
    };
    let because = edges::why_not_direct(&facts).map(|why| format!(", because {why}")).unwrap_or_default();
    format!("{how}{trip}{because}")
}

/// Why the call goes no better way, or goes no way at all, without the figures in it.
pub(super) fn gist(path: &Path) -> Option<String> {
    let facts = Facts::of(path);
    let why = match path.route() {
        Route::None => closed(&facts),
        Route::Direct => None,
        Route::RelayedByUs | Route::RelayedByThem | Route::RelayedByBoth => edges::why_not_direct(&facts),
    };
    why.map(|why| why.chars().filter(|letter| !letter.is_ascii_digit()).collect())
}

/// The pair in use, and the relays that are known to stand on its way.
pub(super) fn in_use(facts: &Facts<'_>, pair: PairInUse, leg: u32) -> InUse {
    let (ours, theirs) = match pair.route() {
        Route::None | Route::Direct => (false, false),
        Route::RelayedByUs => (true, false),
        Route::RelayedByThem => (false, true),
        Route::RelayedByBoth => (true, true),
    };
    let our_relay = ours.then(|| match facts.relay_of(&pair.local) {
        Some(server) => RelayUse {
            server: server.url.host.clone(),
            over: Some(server.url.transport),
            port: Some(server.url.port),
        },
        None => RelayUse { server: pair.local.address.clone(), over: None, port: None },
    });
    let their_relay = theirs.then(|| RelayUse {
        server: facts.name_of_relay_at(&pair.remote.address),
        over: None,
        port: None,
    });
    InUse { leg, pair, our_relay, their_relay }
}

fn over(relay: &RelayUse) -> String {
    match (relay.over, relay.port) {
        (Some(Transport::Udp), _) => " over UDP".to_owned(),
        (Some(over @ (Transport::Tcp | Transport::Tls)), Some(port)) => {
            format!(" over {} {port}", over.name())
        }
        (Some(over @ (Transport::Tcp | Transport::Tls)), None) => format!(" over {}", over.name()),
        (None, _) => String::new(),
    }
}
