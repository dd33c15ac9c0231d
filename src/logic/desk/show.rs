//! The snapshot: made anew when something changed. Long lists are kept until something in them changed.

use std::sync::Arc;

use sightline_protocol::keys::Address;

use super::{
    ContactCard, Desk, FirstStart, LinkCard, Me, Moment, Preferences, Recent, ServerCard, Shelf, Snapshot,
    Who,
};

/// Lists that were made before and still hold.
#[derive(Debug, Default)]
pub(super) struct Cache {
    pub(super) links: Option<Arc<[LinkCard]>>,
    pub(super) contacts: Option<Arc<[ContactCard]>>,
    pub(super) recents: Option<Arc<[Recent]>>,
    pub(super) servers: Option<Arc<[ServerCard]>>,
    pub(super) preferences: Option<Arc<Preferences>>,
}

impl Cache {
    /// Names stand in more than one list.
    pub(super) fn forget_people(&mut self) {
        self.contacts = None;
        self.recents = None;
    }
}

impl Desk {
    /// How everything stands.
    pub fn snapshot(&mut self, at: Moment) -> Snapshot {
        let links = self.cache.links.take().unwrap_or_else(|| match self.places.home() {
            Some(server) => self.links.cards(server, self.address).into(),
            None => Arc::default(),
        });
        let contacts = self.cache.contacts.take().unwrap_or_else(|| self.contact_cards());
        let recents = self.cache.recents.take().unwrap_or_else(|| self.recent_cards());
        let servers = self.cache.servers.take().unwrap_or_else(|| self.places.cards().into());
        let preferences = self.cache.preferences.take();
        let preferences = preferences.unwrap_or_else(|| Arc::new(self.choices.preferences.clone()));
        self.cache.links = Some(links.clone());
        self.cache.contacts = Some(contacts.clone());
        self.cache.recents = Some(recents.clone());
        self.cache.servers = Some(servers.clone());
        self.cache.preferences = Some(preferences.clone());
        Snapshot {
            now_unix_ms: at.unix_ms,
            me: Me { name: self.choices.name.clone(), key: self.address.to_string() },
            first_start: (!self.choices.begun)
                .then(|| FirstStart { suggested_name: self.suggested_name.clone() }),
            links,
            server: self.places.card(),
            servers,
            server_checks: self.checks.shown(),
            contacts,
            recents,
            missed: self.history.missed(),
            call: self.call.as_ref().map(|call| call.card(self.who(call.peer, call.claimed.clone()))),
            ended: self.ended.as_ref().map(|ended| {
                let can_redial = self.way_to(ended.peer, ended.dialled.clone()).is_some();
                ended.card(self.who(ended.peer, ended.claimed.clone()), can_redial)
            }),
            shelf: Shelf {
                devices: self.devices.clone(),
                chosen: self.choices.devices.clone(),
                in_use: self.in_use.as_slice().into(),
                previewing: self.previewing,
            },
            preferences,
            network: self.network.clone(),
            checkup: self.checks.home(),
            echo_test: self.echo,
            notices: self.notices.cards().into(),
            profile: self.profile.clone(),
            has_tray: self.has_tray,
            raised: self.raised,
            is_over: self.is_over,
        }
    }

    /// Somebody, as we know them. Their name for themselves is looked up where nothing is said.
    pub(super) fn who(&self, key: Address, claimed: Option<String>) -> Who {
        let contact = self.people.contacts().get(key);
        Who {
            key,
            name: contact.and_then(|contact| contact.name.clone()),
            claimed: claimed.or_else(|| self.claimed_by(key)),
            is_contact: contact.is_some(),
        }
    }

    fn contact_cards(&self) -> Arc<[ContactCard]> {
        let mut cards: Vec<_> = self
            .people
            .contacts()
            .iter()
            .map(|contact| ContactCard {
                key: contact.key,
                name: contact.name.clone(),
                link: contact.link.as_ref().map(ToString::to_string),
                presence: self.people.presence(contact.key),
            })
            .collect();
        cards.sort_by_cached_key(|card| {
            let name = card.name.as_deref().map(str::to_lowercase);
            (name.is_none(), name, card.key.to_string())
        });
        cards.into()
    }

    fn recent_cards(&self) -> Arc<[Recent]> {
        let cards = self.history.iter().map(|past| {
            let contact = self.people.contacts().get(past.key);
            Recent {
                id: past.id.clone(),
                who: Who {
                    key: past.key,
                    name: contact.and_then(|contact| contact.name.clone()),
                    claimed: past.claimed.clone(),
                    is_contact: contact.is_some(),
                },
                role: past.role,
                outcome: past.outcome,
                began_unix_ms: past.began_unix_ms,
                talked_ms: past.talked_ms,
                path: past.path.clone(),
                can_redial: self.way_to(past.key, past.link.clone()).is_some(),
                is_new: past.is_new,
            }
        });
        cards.collect()
    }
}
