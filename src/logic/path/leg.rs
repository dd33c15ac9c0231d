//! What is written down of one leg.

use crate::logic::{
    candidate::{CandidateLine, Kind},
    course::Link,
    legs::LegWhy,
    servers::{ServerUrl, Servers},
    sightings::Sightings,
};

use super::{
    PairInUse, causes,
    report::{EdgeStatus, Place},
    timeline::Change,
};

/// How many candidates of a side are written down; a side that names more gains nothing.
pub(super) const MAX_CANDIDATES: usize = 64;
/// How many ways to servers are written down. What comes behind is not.
const MAX_SERVERS: usize = 64;
/// How many pairs are written down. What comes behind is not.
const MAX_PAIRS: usize = 256;

/// A leg, as far as it is known.
#[derive(Clone, Debug)]
pub(super) struct LegNotes {
    pub(super) generation: u32,
    pub(super) why: LegWhy,
    pub(super) only_direct: bool,
    pub(super) opened_ms: u64,
    pub(super) up_ms: Option<u64>,
    pub(super) in_use_ms: Option<u64>,
    pub(super) closed_ms: Option<u64>,
    pub(super) link: Link,
    pub(super) local: Candidates,
    pub(super) remote: Candidates,
    /// The ways to servers that it was told of; `None` while it was told nothing.
    pub(super) told: Option<Vec<ServerUrl>>,
    pub(super) seen: Sightings,
    pub(super) pair: Option<PairInUse>,
}

impl LegNotes {
    pub(super) fn new(generation: u32, why: LegWhy, only_direct: bool, opened_ms: u64) -> Self {
        Self {
            generation,
            why,
            only_direct,
            opened_ms,
            up_ms: None,
            in_use_ms: None,
            closed_ms: None,
            link: Link::New,
            local: Candidates::default(),
            remote: Candidates::default(),
            told: None,
            seen: Sightings::default(),
            pair: None,
        }
    }

    pub(super) fn take_servers(&mut self, servers: &Servers) {
        let doors = servers.relay.iter().flat_map(|relay| &relay.doors);
        self.told = Some(servers.stun.iter().chain(doors).take(MAX_SERVERS).cloned().collect());
    }

    pub(super) fn take_pair(&mut self, mut pair: PairInUse) {
        let named =
            self.remote.list.iter().find(|(_, named)| named.is_at(&pair.remote.address, pair.remote.port));
        if let (Kind::PeerReflexive, Some((_, named))) = (pair.remote.kind, named) {
            pair.remote.kind = named.kind;
        }
        self.pair = Some(pair);
    }

    /// Takes what was seen in place of what was seen before, and says what is new in it, and since when.
    pub(super) fn take_sightings(&mut self, t_ms: u64, mut seen: Sightings) -> Vec<(u64, Change, String)> {
        seen.servers.truncate(MAX_SERVERS);
        seen.pairs.truncate(MAX_PAIRS);
        let before = std::mem::replace(&mut self.seen, seen);
        let mut news = Vec::new();
        for server in &self.seen.servers {
            let is_it = |old: &&_| causes::is_same_way(old, server);
            let was = before.servers.iter().find(is_it).map_or(EdgeStatus::Untried, causes::status);
            let is = causes::status(server);
            let is_news = is != was && matches!(is, EdgeStatus::Works | EdgeStatus::Failed);
            if is_news {
                let change = Change::Server {
                    server: Place { host: server.url.host.clone(), port: server.url.port },
                    service: server.url.service,
                    transport: server.url.transport,
                    trouble: server.trouble.clone(),
                };
                let done = server.done_ms.filter(|_| is == EdgeStatus::Works && was != EdgeStatus::Failed);
                let since = done.map_or(t_ms, |done| self.opened_ms.saturating_add(done).min(t_ms));
                news.push((since, change, causes::news(server)));
            }
        }
        let heard = |seen: &Sightings| seen.pairs.iter().any(|pair| pair.heard > 0 || pair.answered > 0);
        // Where a pair works already, that is no news.
        let is_news = matches!(self.link, Link::New | Link::Checking);
        if is_news && heard(&self.seen) && !heard(&before) {
            news.push((t_ms, Change::FirstHeard, "The other side is heard for the first time".to_owned()));
        }
        news
    }
}

/// The candidates of one side, each with the time at which it was found.
#[derive(Clone, Debug, Default)]
pub(super) struct Candidates {
    pub(super) list: Vec<(u64, CandidateLine)>,
    pub(super) is_done: bool,
}

impl Candidates {
    pub(super) fn take(&mut self, t_ms: u64, line: &str) {
        if self.list.len() < MAX_CANDIDATES
            && let Ok(candidate) = line.parse()
        {
            self.list.push((t_ms, candidate));
        }
    }

    pub(super) fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &CandidateLine> {
        self.list.iter().map(|(_, candidate)| candidate).filter(move |candidate| candidate.kind == kind)
    }

    pub(super) fn counts(&self) -> String {
        let count = |kind| self.of_kind(kind).count();
        let (own, seen, lent) = (count(Kind::Host), count(Kind::ServerReflexive), count(Kind::Relay));
        if own + seen + lent == 0 {
            return "none".to_owned();
        }
        format!("{own} of the computer itself, {seen} as servers see it, {lent} of relays")
    }
}
