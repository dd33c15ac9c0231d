//! What was found out of the network: around the server that we are reached at, and around any other that somebody asks about.
//!
//! One server of the list is looked at at a time: a look takes up to ten seconds and opens a dozen sockets.

use std::sync::Arc;

use sightline_protocol::link::ServerAddress;

use super::{places::MAX_SERVERS, snapshot::Checkup};
use crate::logic::doctor::{Diagnosis, Finding};

/// All of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Checks {
    home: Checkup,
    /// Where the look at our own network leads, while it runs.
    asked_at_home: Option<ServerAddress>,
    /// One for each server of the list that was asked about, the newest last.
    list: Vec<(ServerAddress, Checkup)>,
}

impl Checks {
    /// Around the server that we are reached at.
    pub(super) fn home(&self) -> Checkup {
        self.home.clone()
    }

    /// Around those of the list, by their links.
    pub(super) fn shown(&self) -> Arc<[(String, Checkup)]> {
        self.list.iter().map(|(server, checkup)| (server.to_string(), checkup.clone())).collect()
    }

    /// Somebody wants to know of our own network. Gives what to look at, unless that is under way.
    pub(super) fn begin_at_home(
        &mut self,
        server: Option<ServerAddress>,
        unix_ms: u64,
    ) -> Option<ServerAddress> {
        if self.asked_at_home.is_some() {
            return None;
        }
        self.home = match &server {
            Some(_) => Checkup::Running { since_unix_ms: unix_ms, findings: Arc::default() },
            None => Checkup::Failed {
                why: "No server is set up yet. Wait a moment, or choose one in the settings.".to_owned(),
            },
        };
        self.asked_at_home.clone_from(&server);
        server
    }

    /// Somebody wants to know of one of the list. Gives what to look at, unless another is being looked at.
    pub(super) fn begin(&mut self, server: ServerAddress, unix_ms: u64) -> Option<ServerAddress> {
        if self.list.iter().any(|(_, checkup)| matches!(checkup, Checkup::Running { .. })) {
            return None;
        }
        self.forget(&server);
        if self.list.len() > MAX_SERVERS {
            self.list.remove(0);
        }
        self.list
            .push((server.clone(), Checkup::Running { since_unix_ms: unix_ms, findings: Arc::default() }));
        Some(server)
    }

    /// Nothing is said of this one any more.
    pub(super) fn forget(&mut self, server: &ServerAddress) {
        self.list.retain(|(known, _)| known != server);
    }

    /// A look is under way, and so much is known by now. What was told keeps its place; the rest stands below it.
    pub(super) fn note_found(&mut self, server: &ServerAddress, found: &[Finding]) {
        let at_home = (self.asked_at_home.as_ref() == Some(server)).then_some(&mut self.home);
        let asked = self.list.iter_mut().filter(|(known, _)| known == server).map(|(_, checkup)| checkup);
        for checkup in at_home.into_iter().chain(asked) {
            if let Checkup::Running { since_unix_ms: _, findings } = checkup {
                let new = found.iter().filter(|finding| !findings.contains(finding));
                *findings = findings.iter().chain(new).cloned().collect();
            }
        }
    }

    /// This came of a look.
    pub(super) fn note(
        &mut self,
        server: &ServerAddress,
        outcome: Result<Arc<Diagnosis>, String>,
        unix_ms: u64,
    ) {
        let checkup = match outcome {
            Ok(diagnosis) => Checkup::Done { diagnosis, at_unix_ms: unix_ms },
            Err(why) => Checkup::Failed { why },
        };
        if self.asked_at_home.as_ref() == Some(server) {
            self.asked_at_home = None;
            self.home = checkup.clone();
        }
        let asked = self
            .list
            .iter_mut()
            .find(|(known, now)| known == server && matches!(now, Checkup::Running { .. }));
        if let Some((_, now)) = asked {
            *now = checkup;
        }
    }
}
