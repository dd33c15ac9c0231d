//! Puts the value together from what was written down.

use crate::logic::{
    candidate::Kind,
    servers::Transport,
    sightings::{RelaySeen, ServerSeen},
};

use super::{
    Path, PathReport, Route, causes, edges,
    facts::{Door, Facts, PairFact},
    leg::{Candidates, LegNotes},
    nat,
    report::{
        CandidateRow, ChannelRow, EdgeStatus, InterfaceRow, LegRow, PairRow, PairState, Place, RelayRow,
        SCHEMA_VERSION, ServerRow,
    },
    sentence,
};

pub(super) fn report(path: &Path) -> PathReport {
    let facts = Facts::of(path);
    let in_use = path.in_use.and_then(|leg| path.leg(leg)).and_then(|leg| {
        let facts = Facts::of_leg(path, Some(leg));
        leg.pair.clone().map(|pair| sentence::in_use(&facts, pair, leg.generation))
    });
    PathReport {
        schema_version: SCHEMA_VERSION,
        redacted: false,
        policy: path.policy,
        route: path.route(),
        sentence: sentence::of(path),
        closed: sentence::closed(&facts),
        leg: facts.leg.map(|leg| leg.generation),
        in_use,
        interfaces: path.interfaces.iter().map(InterfaceRow::from).collect(),
        our_nat: nat::ours(&facts),
        their_nat: nat::theirs(&facts),
        servers: facts.doors.iter().flat_map(servers).collect(),
        relays: path
            .legs
            .iter()
            .filter(|leg| leg.closed_ms.is_none())
            .flat_map(|leg| relays(path, leg))
            .collect(),
        local: path.legs.iter().flat_map(local).collect(),
        remote: path.legs.iter().flat_map(|leg| candidates(leg, &leg.remote)).collect(),
        pairs: pairs(path, &facts),
        edges: edges::all(&facts),
        legs: path.legs.iter().map(leg).collect(),
        switchboard_up: path.switchboard_up,
        timeline: path.timeline.entries(),
        timeline_left_out: path.timeline.left_out(),
    }
}

fn servers(door: &Door<'_>) -> Vec<ServerRow> {
    let untried = ServerRow {
        service: door.url.service,
        transport: door.url.transport,
        server: Place { host: door.url.host.clone(), port: door.url.port },
        from: None,
        address: None,
        reached_ms: None,
        asked: 0,
        answered: 0,
        round_trip_ms: None,
        done_ms: None,
        mapped: None,
        relayed: None,
        status: EdgeStatus::Untried,
        trouble: None,
    };
    if door.seen.is_empty() {
        return vec![untried];
    }
    let row = |seen: &&ServerSeen| ServerRow {
        from: Some(seen.from.to_string()),
        address: seen.address.map(Place::from),
        reached_ms: seen.reached_ms,
        asked: seen.asked,
        answered: seen.answered,
        round_trip_ms: seen.round_trip_ms,
        done_ms: seen.done_ms,
        mapped: seen.mapped.map(Place::from),
        relayed: seen.relayed.map(Place::from),
        status: causes::status(seen),
        trouble: seen.trouble.clone(),
        ..untried.clone()
    };
    door.seen.iter().map(row).collect()
}

/// What relays lend a leg.
fn relays(path: &Path, leg: &LegNotes) -> Vec<RelayRow> {
    let carries = |relayed: std::net::SocketAddr| {
        let ours = leg.pair.as_ref().map(|pair| &pair.local).filter(|ours| ours.kind == Kind::Relay);
        path.in_use == Some(leg.generation)
            && ours
                .is_some_and(|ours| ours.address == relayed.ip().to_string() && ours.port == relayed.port())
    };
    let row = |seen: &RelaySeen| RelayRow {
        leg: leg.generation,
        server: Place { host: seen.url.host.clone(), port: seen.url.port },
        over: seen.url.transport,
        from: seen.from.to_string(),
        relayed: seen.relayed.into(),
        in_use: carries(seen.relayed),
        until_ms: seen.until_ms.map(|until| leg.opened_ms.saturating_add(until)),
        credentials_until_ms: path.relay_until_ms,
        permitted: seen.permitted.iter().map(ToString::to_string).collect(),
        channels: seen
            .channels
            .iter()
            .map(|(number, peer)| ChannelRow { number: *number, peer: (*peer).into() })
            .collect(),
        bytes_sent: seen.bytes_sent,
        bytes_received: seen.bytes_received,
    };
    leg.seen.relays.iter().map(row).collect()
}

fn candidates(leg: &LegNotes, side: &Candidates) -> Vec<CandidateRow> {
    side.list
        .iter()
        .map(|(t_ms, candidate)| CandidateRow {
            leg: leg.generation,
            t_ms: *t_ms,
            took_ms: t_ms.saturating_sub(leg.opened_ms),
            candidate: candidate.clone(),
            server: None,
            over: None,
        })
        .collect()
}

/// Ours, each with the server that it comes from.
fn local(leg: &LegNotes) -> Vec<CandidateRow> {
    let mut rows = candidates(leg, &leg.local);
    for row in &mut rows {
        let is_at = |address: Option<std::net::SocketAddr>| {
            address.is_some_and(|at| row.candidate.is_at(&at.ip().to_string(), at.port()))
        };
        let source = leg.seen.servers.iter().find(|server| match row.candidate.kind {
            Kind::Relay => is_at(server.relayed),
            Kind::ServerReflexive => server.url.transport == Transport::Udp && is_at(server.mapped),
            Kind::Host | Kind::PeerReflexive => false,
        });
        row.server = source.map(|server| Place { host: server.url.host.clone(), port: server.url.port });
        row.over = source.map(|server| server.url.transport);
    }
    rows
}

/// All of the leg that is told of, and of the others those that worked.
fn pairs(path: &Path, facts: &Facts<'_>) -> Vec<PairRow> {
    let told = facts.leg.map(|leg| leg.generation);
    let mut rows = Vec::new();
    for leg in &path.legs {
        let of_leg = Facts::of_leg(path, Some(leg));
        let worth =
            |pair: &&PairFact<'_>| told == Some(leg.generation) || pair.in_use || pair.seen.answered > 0;
        rows.extend(of_leg.pairs.iter().filter(worth).map(|pair| pair_row(leg, pair)));
    }
    rows
}

fn pair_row(leg: &LegNotes, pair: &PairFact<'_>) -> PairRow {
    let seen = pair.seen;
    let measured = leg.pair.as_ref().filter(|_| pair.in_use).and_then(|in_use| in_use.round_trip_ms);
    PairRow {
        leg: leg.generation,
        local: seen.local.into(),
        local_kind: pair.local_kind,
        remote: seen.remote.into(),
        remote_kind: pair.remote_kind,
        state: pair.state,
        nominated: pair.state == PairState::InUse,
        in_use: pair.in_use,
        round_trip_ms: measured.or(seen.round_trip_ms),
        round_trips_ms: seen.round_trips_ms,
        round_trips: seen.round_trips,
        checks_sent: seen.sent,
        checks_answered: seen.answered,
        checks_heard: seen.heard,
        checks_replied: seen.replied,
        last_heard_ms: seen.last_heard_ms,
        bytes_sent: seen.bytes_sent,
        bytes_received: seen.bytes_received,
    }
}

fn leg(leg: &LegNotes) -> LegRow {
    LegRow {
        leg: leg.generation,
        why: leg.why,
        only_direct: leg.only_direct,
        opened_ms: leg.opened_ms,
        up_ms: leg.up_ms,
        in_use_ms: leg.in_use_ms,
        closed_ms: leg.closed_ms,
        link: leg.link,
        route: leg.pair.as_ref().map_or(Route::None, super::PairInUse::route),
    }
}
