//! Reports that can be passed on: the same shape and the same words, with marks in place of addresses and names.
//!
//! One address has one mark throughout a report, so that the story can still be followed: `private-ip4-a` here is
//! `private-ip4-a` there. A mark tells what kind of address it was, and nothing else. Marks are given in the order in which
//! things are met, and not made from the address: whoever knows how a mark was made could try all addresses until one fits.
//!
//! Ports of servers stay; others are numbered. Sentences are searched for everything that was masked elsewhere, and for
//! whatever reads as an address; in a call's log and in what happened also for whatever reads as a name, and for what the
//! devices of this computer are called: "Anna's AirPods" says whose they are. What strangers said in their own words (a proxy, a
//! relay, a certificate) is left out.

mod evidence;
mod marks;
#[cfg(test)]
mod tests;

use super::{
    candidate::CandidateLine,
    path::{
        CandidateRow, Change, ChannelRow, Edge, End, Entry, InUse, InterfaceRow, NatView, Node, PairInUse,
        PairRow, PathReport, Place, RelayRow, RelayUse, ServerRow,
    },
    report::CallReport,
    servers::ServerUrl,
    sightings::Trouble,
};

use marks::Marks;

/// Whether servers are named in a report that is passed on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServerNames {
    /// They are masked like everything else.
    #[default]
    Masked,
    /// Their names and addresses stay: whoever runs them may need to know.
    Kept,
}

/// The report of a path, to be passed on.
pub fn path(report: &PathReport, names: ServerNames) -> PathReport {
    Marks::of(report, names).path(report)
}

/// The report of a call, to be passed on.
pub fn call(report: &CallReport, names: ServerNames) -> CallReport {
    let mut marks = Marks::of(&report.path, names);
    let path = marks.path(&report.path);
    let evidence = marks.evidence(&report.evidence);
    CallReport { path, evidence, ..report.clone() }
}

impl Marks {
    /// Knows every name that stands in the report, so that sentences can be searched for it.
    fn of(report: &PathReport, names: ServerNames) -> Self {
        let mut marks = Self::default();
        let places = server_places(report);
        marks.kept_ports.extend(places.iter().filter_map(|(_, port)| *port));
        if names == ServerNames::Kept {
            marks.kept_hosts.extend(places.iter().map(|(host, _)| host.clone()));
        }
        for (host, _) in &places {
            marks.host(host);
        }
        let in_timeline = report.timeline.iter().filter_map(|entry| match &entry.change {
            Change::Server { trouble, .. } => trouble.as_ref(),
            Change::Interfaces { .. }
            | Change::LegOpened { .. }
            | Change::LegInUse
            | Change::LegClosed
            | Change::Link { .. }
            | Change::CandidatesDone { .. }
            | Change::FirstHeard
            | Change::Path { .. }
            | Change::Switchboard { .. }
            | Change::Ended { .. } => None,
        });
        let in_servers = report.servers.iter().filter_map(|server| server.trouble.as_ref());
        for trouble in in_servers.chain(in_timeline) {
            marks.trouble(trouble);
        }
        for interface in &report.interfaces {
            marks.name(&interface.name, "interface");
        }
        for candidate in report.local.iter().chain(&report.remote) {
            marks.host(&candidate.candidate.address);
        }
        marks
    }

    fn path(&mut self, report: &PathReport) -> PathReport {
        let PathReport {
            schema_version,
            redacted: _,
            policy,
            route,
            sentence,
            closed,
            leg,
            in_use,
            interfaces,
            our_nat,
            their_nat,
            servers,
            relays,
            local,
            remote,
            pairs,
            edges,
            legs,
            switchboard_up,
            timeline,
            timeline_left_out,
        } = report;
        PathReport {
            schema_version: *schema_version,
            redacted: true,
            policy: *policy,
            route: *route,
            interfaces: interfaces.iter().map(|interface| self.interface(interface)).collect(),
            our_nat: self.nat(our_nat),
            their_nat: self.nat(their_nat),
            servers: servers.iter().map(|server| self.server(server)).collect(),
            relays: relays.iter().map(|row| self.allocation(row)).collect(),
            local: local.iter().map(|row| self.candidate(row)).collect(),
            remote: remote.iter().map(|row| self.candidate(row)).collect(),
            pairs: pairs.iter().map(|pair| self.pair(pair)).collect(),
            in_use: in_use.as_ref().map(|in_use| self.in_use(in_use)),
            edges: edges.iter().map(|edge| self.edge(edge)).collect(),
            timeline: timeline.iter().map(|entry| self.entry(entry)).collect(),
            sentence: self.text(sentence),
            closed: closed.as_ref().map(|closed| self.text(closed)),
            leg: *leg,
            legs: legs.clone(),
            switchboard_up: *switchboard_up,
            timeline_left_out: *timeline_left_out,
        }
    }

    fn interface(&mut self, row: &InterfaceRow) -> InterfaceRow {
        let InterfaceRow { name, address, kind, used, why_not } = row;
        InterfaceRow {
            name: self.name(name, "interface"),
            address: self.host(address),
            kind: *kind,
            used: *used,
            why_not: *why_not,
        }
    }

    fn nat(&mut self, nat: &NatView) -> NatView {
        let NatView { presence, mapping, public, sentence } = nat;
        NatView {
            presence: *presence,
            mapping: *mapping,
            public: public.iter().map(|place| self.place(place)).collect(),
            sentence: self.text(sentence),
        }
    }

    fn server(&mut self, row: &ServerRow) -> ServerRow {
        let ServerRow {
            service,
            transport,
            server,
            from,
            address,
            reached_ms,
            asked,
            answered,
            round_trip_ms,
            done_ms,
            mapped,
            relayed,
            status,
            trouble,
        } = row;
        ServerRow {
            service: *service,
            transport: *transport,
            server: self.place(server),
            from: from.as_ref().map(|from| self.host(from)),
            address: address.as_ref().map(|place| self.place(place)),
            reached_ms: *reached_ms,
            asked: *asked,
            answered: *answered,
            round_trip_ms: *round_trip_ms,
            done_ms: *done_ms,
            mapped: mapped.as_ref().map(|place| self.place(place)),
            relayed: relayed.as_ref().map(|place| self.place(place)),
            status: *status,
            trouble: trouble.as_ref().map(|trouble| self.trouble(trouble)),
        }
    }

    fn allocation(&mut self, row: &RelayRow) -> RelayRow {
        RelayRow {
            server: self.place(&row.server),
            from: self.host(&row.from),
            relayed: self.place(&row.relayed),
            permitted: row.permitted.iter().map(|address| self.host(address)).collect(),
            channels: row
                .channels
                .iter()
                .map(|row| ChannelRow { number: row.number, peer: self.place(&row.peer) })
                .collect(),
            ..row.clone()
        }
    }

    fn trouble(&mut self, trouble: &Trouble) -> Trouble {
        match trouble {
            Trouble::ProxyRefused { why } => Trouble::ProxyRefused { why: self.own_words(why, "it refuses") },
            Trouble::WrongCertificate { came, why } => Trouble::WrongCertificate {
                came: came.as_ref().map(|pin| self.name(pin, "pin")),
                why: self.own_words(why, "its certificate is not accepted"),
            },
            Trouble::Refused { code, text } => {
                Trouble::Refused { code: *code, text: self.own_words(text, "for a reason of its own") }
            }
            Trouble::NameUnknown
            | Trouble::NoSuchAddressFamily
            | Trouble::NoRoute
            | Trouble::NothingListens
            | Trouble::NoAnswer
            | Trouble::Broken => trouble.clone(),
        }
    }

    fn candidate(&mut self, row: &CandidateRow) -> CandidateRow {
        let CandidateRow { leg, t_ms, took_ms, candidate, server, over } = row;
        let CandidateLine { foundation, protocol, priority, address, port, kind, related } = candidate;
        let candidate = CandidateLine {
            // Some programs make it from the address.
            foundation: self.foundation(foundation),
            protocol: self.text(protocol),
            priority: *priority,
            address: self.host(address),
            port: self.port(*port),
            kind: *kind,
            related: related.as_ref().map(|related| match related.rsplit_once(':') {
                Some((host, port)) => match port.parse() {
                    Ok(port) => format!("{}:{}", self.host(host), self.port(port)),
                    Err(_) => self.host(related),
                },
                None => self.host(related),
            }),
        };
        CandidateRow {
            leg: *leg,
            t_ms: *t_ms,
            took_ms: *took_ms,
            candidate,
            server: server.as_ref().map(|server| self.place(server)),
            over: *over,
        }
    }

    fn pair(&mut self, row: &PairRow) -> PairRow {
        PairRow { local: self.place(&row.local), remote: self.place(&row.remote), ..row.clone() }
    }

    fn in_use(&mut self, in_use: &InUse) -> InUse {
        let InUse { leg, pair, our_relay, their_relay } = in_use;
        let PairInUse { local, remote, round_trip_ms, bytes_sent, bytes_received } = pair;
        InUse {
            leg: *leg,
            pair: PairInUse {
                local: self.end(local),
                remote: self.end(remote),
                round_trip_ms: *round_trip_ms,
                bytes_sent: *bytes_sent,
                bytes_received: *bytes_received,
            },
            our_relay: our_relay.as_ref().map(|relay| self.relay(relay)),
            their_relay: their_relay.as_ref().map(|relay| self.relay(relay)),
        }
    }

    fn end(&mut self, end: &End) -> End {
        let End { kind, address, port, protocol, server } = end;
        End {
            kind: *kind,
            address: self.host(address),
            port: self.port(*port),
            protocol: self.text(protocol),
            server: server.as_ref().map(|server| self.text(server)),
        }
    }

    fn relay(&mut self, relay: &RelayUse) -> RelayUse {
        let RelayUse { server, over, port } = relay;
        RelayUse { server: self.host(server), over: *over, port: *port }
    }

    fn edge(&mut self, edge: &Edge) -> Edge {
        let Edge { from, to, over, status, in_use, round_trip_ms, cause } = edge;
        Edge {
            from: self.node(from),
            to: self.node(to),
            over: *over,
            status: *status,
            in_use: *in_use,
            round_trip_ms: *round_trip_ms,
            cause: cause.as_ref().map(|cause| self.text(cause)),
        }
    }

    fn node(&mut self, node: &Node) -> Node {
        match node {
            Node::Us | Node::OurNat | Node::TheirNat | Node::Them => node.clone(),
            Node::Server { server, service } => {
                Node::Server { server: self.place(server), service: *service }
            }
            Node::TheirRelay { address } => Node::TheirRelay { address: self.host(address) },
        }
    }

    fn entry(&mut self, entry: &Entry) -> Entry {
        let Entry { t_ms, leg, change, sentence } = entry;
        let change = match change {
            Change::Server { server, service, transport, trouble } => Change::Server {
                server: self.place(server),
                service: *service,
                transport: *transport,
                trouble: trouble.as_ref().map(|trouble| self.trouble(trouble)),
            },
            Change::Interfaces { .. }
            | Change::LegOpened { .. }
            | Change::LegInUse
            | Change::LegClosed
            | Change::Link { .. }
            | Change::CandidatesDone { .. }
            | Change::FirstHeard
            | Change::Path { .. }
            | Change::Switchboard { .. }
            | Change::Ended { .. } => change.clone(),
        };
        Entry { t_ms: *t_ms, leg: *leg, change, sentence: self.text(sentence) }
    }

    fn place(&mut self, place: &Place) -> Place {
        Place { host: self.host(&place.host), port: self.port(place.port) }
    }
}

/// Where servers are, as far as it stands in the report.
fn server_places(report: &PathReport) -> Vec<(String, Option<u16>)> {
    let of = |place: &Place| (place.host.clone(), Some(place.port));
    let mut places = Vec::new();
    for server in &report.servers {
        places.push(of(&server.server));
        places.extend(server.address.as_ref().map(of));
    }
    for entry in &report.timeline {
        if let Change::Server { server, .. } = &entry.change {
            places.push(of(server));
        }
    }
    for candidate in &report.local {
        places.extend(candidate.server.as_ref().map(of));
    }
    if let Some(in_use) = &report.in_use {
        for relay in [&in_use.our_relay, &in_use.their_relay].into_iter().flatten() {
            places.push((relay.server.clone(), relay.port));
        }
        for named in [&in_use.pair.local.server, &in_use.pair.remote.server].into_iter().flatten() {
            places.push(match named.parse::<ServerUrl>() {
                Ok(url) => (url.host, Some(url.port)),
                Err(_) => (named.clone(), None),
            });
        }
    }
    places
}
