//! Calls that were: as they are kept, and what became of each.

use serde::{Deserialize, Serialize};
use sightline_protocol::{keys::Address, link::CallLink};

use crate::logic::course::{EndReason, Role, Side};

use super::snapshot::Outcome;

/// Calls that are kept. The oldest makes room for one more.
pub const MAX_RECENTS: usize = 200;

/// One call, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past {
    /// Which.
    pub id: String,
    /// With whom.
    pub key: Address,
    /// What they call themselves.
    #[serde(default)]
    pub claimed: Option<String>,
    /// Who rang.
    pub role: Role,
    /// What became of it.
    pub outcome: Outcome,
    /// When it began, since 1970.
    pub began_unix_ms: u64,
    /// For how long one could talk.
    #[serde(default)]
    pub talked_ms: Option<u64>,
    /// One plain line.
    #[serde(default)]
    pub path: Option<String>,
    /// The link that it was dialled by.
    #[serde(default, with = "as_text")]
    pub link: Option<CallLink>,
    /// Nobody has looked at it yet.
    #[serde(default)]
    pub is_new: bool,
}

/// All of them, the newest first.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    list: Vec<Past>,
}

impl History {
    /// Those that were kept.
    pub(super) fn new(mut list: Vec<Past>) -> Self {
        list.truncate(MAX_RECENTS);
        Self { list }
    }

    /// One more.
    pub(super) fn add(&mut self, past: Past) {
        self.list.retain(|known| known.id != past.id);
        self.list.insert(0, past);
        self.list.truncate(MAX_RECENTS);
    }

    /// One of them.
    pub(super) fn get(&self, id: &str) -> Option<&Past> {
        self.list.iter().find(|past| past.id == id)
    }

    /// What more is known of one now.
    pub(super) fn get_mut(&mut self, id: &str) -> Option<&mut Past> {
        self.list.iter_mut().find(|past| past.id == id)
    }

    /// What they called themselves last.
    pub(super) fn claimed_by(&self, key: Address) -> Option<&str> {
        self.list.iter().filter(|past| past.key == key).find_map(|past| past.claimed.as_deref())
    }

    /// The link that somebody was dialled by last.
    pub(super) fn link_of(&self, key: Address) -> Option<&CallLink> {
        self.list.iter().filter(|past| past.key == key).find_map(|past| past.link.as_ref())
    }

    /// Forgets one, or all; gives what was forgotten, each with its place.
    pub(super) fn forget(&mut self, id: Option<&str>) -> Vec<(usize, Past)> {
        let all = std::mem::take(&mut self.list).into_iter().enumerate();
        let (gone, kept): (Vec<_>, Vec<_>) = all.partition(|(_, past)| id.is_none_or(|id| past.id == id));
        self.list = kept.into_iter().map(|(_, past)| past).collect();
        gone
    }

    /// Puts back what was forgotten, where it was.
    pub(super) fn put_back(&mut self, forgotten: Vec<(usize, Past)>) {
        for (place, past) in forgotten {
            let place = place.min(self.list.len());
            self.list.insert(place, past);
        }
        self.list.truncate(MAX_RECENTS);
    }

    /// Everything was looked at. Whether anything was new.
    pub(super) fn see(&mut self) -> bool {
        let was_new = self.missed() > 0;
        self.list.iter_mut().for_each(|past| past.is_new = false);
        was_new
    }

    /// How many missed calls nobody has looked at.
    pub(super) fn missed(&self) -> usize {
        self.list.iter().filter(|past| past.is_new).count()
    }

    /// The newest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Past> {
        self.list.iter()
    }

    /// To be kept.
    pub(super) fn to_keep(&self) -> Vec<Past> {
        self.list.clone()
    }
}

/// What became of a call that ended so; nothing where it never was one for a person.
pub(super) fn outcome(
    role: Role,
    was_taken: bool,
    was_connected: bool,
    reason: EndReason,
    by: Side,
) -> Option<Outcome> {
    if was_connected {
        return Some(Outcome::Talked);
    }
    match (reason, role) {
        // The call that took its place tells the story.
        (EndReason::Replaced, _) => None,
        (EndReason::Declined, _) => Some(Outcome::Declined { by }),
        (why, _) if was_taken => Some(Outcome::Failed { why }),
        (_, Role::Callee) => Some(Outcome::Missed),
        (why, Role::Caller) => Some(Outcome::Failed { why }),
    }
}

/// A link as text, as people know it.
mod as_text {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};
    use sightline_protocol::link::CallLink;

    pub(super) fn serialize<S: Serializer>(
        link: &Option<CallLink>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        link.as_ref().map(ToString::to_string).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<CallLink>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| text.parse()).transpose().map_err(serde::de::Error::custom)
    }
}
