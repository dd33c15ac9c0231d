//! Servers: which are known, which one we are reached at, and how it does.

use sightline_protocol::link::ServerAddress;

use super::{
    effect::Choices,
    heard::Line,
    snapshot::{ServerCard, ServerState},
};

/// Servers that are kept. One more is refused with a sentence.
pub const MAX_SERVERS: usize = 50;
/// What a server in this program is called.
const HERE: &str = "this computer";

/// All of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    /// The one chosen; nothing for one in this program.
    chosen: Option<ServerAddress>,
    known: Vec<ServerAddress>,
    /// The one in this program, where it runs.
    here: Option<ServerAddress>,
    hosting: bool,
    state: ServerState,
}

impl Places {
    /// As they were kept. What cannot be understood is left out; the file keeps it.
    pub(super) fn new(choices: &Choices) -> Self {
        let known = choices.servers.iter().filter_map(|link| link.parse().ok()).take(MAX_SERVERS).collect();
        let chosen: Option<ServerAddress> = choices.server.as_deref().and_then(|link| link.parse().ok());
        let mut places = Self { chosen: None, known, here: None, hosting: false, state: ServerState::None };
        if let Some(chosen) = chosen {
            places.choose(chosen);
        }
        places
    }

    /// The one that we are reached at.
    pub(super) fn home(&self) -> Option<&ServerAddress> {
        self.chosen.as_ref().or(self.here.as_ref())
    }

    /// It runs in this program.
    pub(super) fn is_here(&self) -> bool {
        self.chosen.is_none()
    }

    /// The links of those that are known, to be kept.
    pub(super) fn to_keep(&self) -> (Option<String>, Vec<String>) {
        (self.chosen.as_ref().map(ToString::to_string), self.known.iter().map(ToString::to_string).collect())
    }

    /// One more; `false` where there are too many.
    pub(super) fn add(&mut self, server: ServerAddress) -> bool {
        if self.known.contains(&server) {
            return true;
        }
        let has_room = self.known.len() < MAX_SERVERS;
        if has_room {
            self.known.push(server);
        }
        has_room
    }

    /// To be reached at this one.
    pub(super) fn choose(&mut self, server: ServerAddress) {
        if !self.add(server.clone()) {
            // The one in use is one of them, whatever there is besides.
            self.known.pop();
            self.known.push(server.clone());
        }
        self.chosen = Some(server);
        self.state = ServerState::Connecting;
    }

    /// To be reached at one in this program.
    pub(super) fn choose_here(&mut self) {
        self.chosen = None;
        self.state = ServerState::Connecting;
    }

    /// Forgets one. Whether it was there, and whether it was in use.
    pub(super) fn remove(&mut self, server: &ServerAddress) -> Option<bool> {
        let place = self.known.iter().position(|known| known == server)?;
        self.known.remove(place);
        Some(self.chosen.as_ref() == Some(server))
    }

    /// One was asked for in this program.
    pub(super) fn begin_hosting(&mut self) -> bool {
        !std::mem::replace(&mut self.hosting, true)
    }

    /// It runs.
    pub(super) fn note_here(&mut self, server: ServerAddress) {
        self.here = Some(server);
    }

    /// It does not.
    pub(super) fn note_not_here(&mut self, why: String) {
        self.hosting = false;
        self.here = None;
        if self.chosen.is_none() {
            self.state = ServerState::Down { why };
        }
    }

    /// One that runs in this program and that nobody needs any more is to end.
    pub(super) fn take_idle_hosting(&mut self) -> bool {
        let is_idle = self.chosen.is_some() && self.here.is_some();
        if is_idle {
            self.hosting = false;
            self.here = None;
        }
        is_idle
    }

    /// How the line to a server stands. Whether that is the one we are reached at.
    pub(super) fn note_line(&mut self, server: &ServerAddress, line: Line) -> bool {
        let is_home = self.home() == Some(server);
        if is_home {
            self.state = match line {
                Line::Up => ServerState::Up,
                Line::Down { why } => ServerState::Down { why },
                Line::Refused { why } => ServerState::Refused { why },
            };
        }
        is_home
    }

    /// The server knows us.
    pub(super) fn is_up(&self) -> bool {
        self.state == ServerState::Up
    }

    /// The one that we are reached at, to be drawn.
    pub(super) fn card(&self) -> ServerCard {
        let state = self.state.clone();
        match (&self.chosen, &self.here) {
            (Some(server), _) => {
                ServerCard { link: server.to_string(), name: server.name(), state, here: false }
            }
            (None, here) => ServerCard {
                link: here.as_ref().map(ToString::to_string).unwrap_or_default(),
                name: HERE.to_owned(),
                state,
                here: true,
            },
        }
    }

    /// All of them, to be drawn; the one in use as it does.
    pub(super) fn cards(&self) -> Vec<ServerCard> {
        let mut cards: Vec<_> = self
            .known
            .iter()
            .map(|server| {
                let is_home = self.chosen.as_ref() == Some(server);
                let state = if is_home { self.state.clone() } else { ServerState::Idle };
                ServerCard { link: server.to_string(), name: server.name(), state, here: false }
            })
            .collect();
        if self.is_here() {
            cards.insert(0, self.card());
        }
        cards
    }
}
