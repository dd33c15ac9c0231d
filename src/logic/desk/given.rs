//! Links that were given out, and until when they hold.
//!
//! Each differs from the lasting link by a token alone. Which tokens are good is the whole of it: whoever comes with one that
//! is not on this list any more is refused.

use serde::{Deserialize, Serialize};
use sightline_protocol::{
    keys::Address,
    link::{CallLink, LinkToken, ServerAddress},
};

use super::snapshot::{LinkCard, LinkKind};

/// Links that hold at once. One more is refused with a sentence.
pub const MAX_LINKS: usize = 100;
/// The longest note, in characters. A longer one is cut.
const MAX_NOTE_CHARS: usize = 80;

/// One link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Given {
    /// What it is known by.
    pub token: LinkToken,
    /// Good until then, since 1970; for one call where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_unix_ms: Option<u64>,
    /// Noted beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub(super) struct GivenLinks {
    list: Vec<Given>,
}

impl GivenLinks {
    /// Those that were kept.
    pub(super) fn new(mut list: Vec<Given>) -> Self {
        list.truncate(MAX_LINKS);
        Self { list }
    }

    /// One more; `false` where there are too many.
    pub(super) fn add(&mut self, mut given: Given) -> bool {
        given.note = given.note.as_deref().and_then(noted);
        let has_room = self.list.len() < MAX_LINKS;
        if has_room {
            self.list.push(given);
        }
        has_room
    }

    /// One holds no longer.
    pub(super) fn revoke(&mut self, id: &str) -> Option<Given> {
        let place = self.list.iter().position(|given| given.token.as_str() == id)?;
        Some(self.list.remove(place))
    }

    /// A call on one was taken. Whether that used it up.
    pub(super) fn use_up(&mut self, token: &LinkToken) -> bool {
        let before = self.list.len();
        self.list.retain(|given| given.until_unix_ms.is_some() || given.token != *token);
        self.list.len() < before
    }

    /// Lets go of those whose time is over. Whether there were any.
    pub(super) fn expire(&mut self, unix_ms: u64) -> bool {
        let before = self.list.len();
        self.list.retain(|given| given.until_unix_ms.is_none_or(|until| until > unix_ms));
        self.list.len() < before
    }

    /// When the next one's time is over, since 1970.
    pub(super) fn next_expiry(&self) -> Option<u64> {
        self.list.iter().filter_map(|given| given.until_unix_ms).min()
    }

    /// The tokens that are good.
    pub(super) fn tokens(&self) -> impl Iterator<Item = &LinkToken> {
        self.list.iter().map(|given| &given.token)
    }

    /// To be kept.
    pub(super) fn to_keep(&self) -> Vec<Given> {
        self.list.clone()
    }

    /// To be drawn; the lasting one first.
    pub(super) fn cards(&self, server: &ServerAddress, address: Address) -> Vec<LinkCard> {
        let link = |token| CallLink { server: server.clone(), address, token }.to_string();
        let lasting = LinkCard { link: link(None), id: None, kind: LinkKind::Lasting, note: None };
        let others = self.list.iter().map(|given| LinkCard {
            link: link(Some(given.token.clone())),
            id: Some(given.token.as_str().to_owned()),
            kind: given.until_unix_ms.map_or(LinkKind::OneTime, |unix_ms| LinkKind::Until { unix_ms }),
            note: given.note.clone(),
        });
        std::iter::once(lasting).chain(others).collect()
    }
}

fn noted(note: &str) -> Option<String> {
    let note: String = note.trim().chars().filter(|c| !c.is_control()).take(MAX_NOTE_CHARS).collect();
    (!note.is_empty()).then_some(note)
}
