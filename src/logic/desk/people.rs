//! Who the contacts are, and which of them can be reached.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use sightline_protocol::{keys::Address, link::ServerAddress};

use crate::logic::contacts::{Contact, Contacts, NoSuchChange};

use super::snapshot::Presence;

/// People that are kept. One more is refused with a sentence.
pub const MAX_CONTACTS: usize = 10_000;
/// One contact is asked after at a time, so far apart. Of many each has to wait for its turn.
const ASK_EVERY: Duration = Duration::from_secs(3);

/// All of them.
#[derive(Clone, Debug, Default)]
pub(super) struct People {
    contacts: Contacts,
    presence: HashMap<Address, Presence>,
    /// Those to be asked after, and whose turn it is.
    asked: Vec<Address>,
    turn: usize,
    next: Option<Instant>,
}

impl People {
    /// Those that were kept.
    pub(super) fn new(contacts: Contacts) -> Self {
        Self { contacts, ..Self::default() }
    }

    /// Who they are.
    pub(super) fn contacts(&self) -> &Contacts {
        &self.contacts
    }

    /// Takes somebody in.
    pub(super) fn add(&mut self, contact: Contact) -> Result<(), String> {
        if self.contacts.len() >= MAX_CONTACTS && self.contacts.get(contact.key).is_none() {
            return Err(format!("There are {MAX_CONTACTS} contacts already. Remove one to take in another."));
        }
        self.contacts.add(contact).map_err(|error| sentence(&error))
    }

    /// Takes somebody in under the name that they chose, where it does.
    pub(super) fn remember(
        &mut self,
        key: Address,
        called: Option<&str>,
        link: Option<sightline_protocol::link::CallLink>,
    ) -> Result<(), String> {
        if self.contacts.len() >= MAX_CONTACTS && self.contacts.get(key).is_none() {
            return Err(format!("There are {MAX_CONTACTS} contacts already. Remove one to take in another."));
        }
        self.contacts.remember(key, called, link);
        Ok(())
    }

    /// Lets somebody go.
    pub(super) fn remove(&mut self, key: Address) -> Option<Contact> {
        self.presence.remove(&key);
        self.contacts.remove(&key.to_string()).ok()
    }

    /// Whether somebody can be reached.
    pub(super) fn presence(&self, key: Address) -> Presence {
        self.presence.get(&key).copied().unwrap_or_default()
    }

    /// What was found out of somebody. Whether that is new.
    pub(super) fn note_presence(&mut self, key: Address, presence: Presence) -> bool {
        self.contacts.get(key).is_some() && self.presence.insert(key, presence) != Some(presence)
    }

    /// Nothing is known any more.
    pub(super) fn forget_presence(&mut self) -> bool {
        self.next = None;
        let was_known = !self.presence.is_empty();
        self.presence.clear();
        was_known
    }

    /// Whom to ask after at this server from now on; nobody where nothing is said.
    pub(super) fn ask_at(&mut self, server: Option<&ServerAddress>, now: Instant) {
        let is_there = |contact: &&Contact| {
            let at = contact.link.as_ref().map(|link| &link.server);
            server.is_some_and(|server| at.is_none_or(|at| at.name() == server.name()))
        };
        self.asked = self.contacts.iter().filter(is_there).map(|contact| contact.key).collect();
        self.turn = 0;
        self.next = (!self.asked.is_empty()).then_some(now);
    }

    /// Whose turn it is.
    pub(super) fn ask_next(&mut self, now: Instant) -> Option<Address> {
        if self.next.is_none_or(|next| next > now) {
            return None;
        }
        self.next = Some(now + ASK_EVERY);
        let who = *self.asked.get(self.turn % self.asked.len().max(1))?;
        self.turn = (self.turn + 1) % self.asked.len().max(1);
        Some(who)
    }

    /// When the next one is asked after.
    pub(super) fn next_question(&self) -> Option<Instant> {
        self.next
    }
}

fn sentence(error: &NoSuchChange) -> String {
    let text = error.to_string();
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), chars.as_str()))
}
