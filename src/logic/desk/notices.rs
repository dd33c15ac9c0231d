//! Things to be told that are no state, and what can be taken back.

use std::time::{Duration, Instant};

use crate::logic::contacts::Contact;

use super::{
    given::Given,
    history::Past,
    snapshot::{Notice, NoticeKind},
};

/// Notices that stand at once. The oldest makes room for one more, and what it tells of cannot be taken back any more.
pub const MAX_NOTICES: usize = 6;
/// How long something stands that is for information alone.
const INFO_FOR: Duration = Duration::from_secs(8);
/// How long something that was done can be taken back.
const UNDO_FOR: Duration = Duration::from_secs(20);

/// How something is taken back.
#[derive(Clone, Debug)]
pub(super) enum Undo {
    /// This contact comes back.
    Contact(Contact),
    /// This link holds again.
    Link(Given),
    /// These calls come back, each to its place.
    History(Vec<(usize, Past)>),
    /// This server comes back, and whether it was in use.
    Server(String, bool),
}

/// What stands.
#[derive(Clone, Debug, Default)]
pub(super) struct Notices {
    list: Vec<Standing>,
    last_id: u64,
}

#[derive(Clone, Debug)]
struct Standing {
    notice: Notice,
    until: Option<Instant>,
    undo: Option<Undo>,
}

impl Notices {
    /// For information.
    pub(super) fn info(&mut self, text: impl Into<String>, now: Instant) {
        self.add(NoticeKind::Info, text.into(), None, None, Some(now + INFO_FOR));
    }

    /// Something was done.
    pub(super) fn done(&mut self, text: impl Into<String>, undo: Option<Undo>, now: Instant) {
        let stands_for = if undo.is_some() { UNDO_FOR } else { INFO_FOR };
        self.add(NoticeKind::Done, text.into(), None, undo, Some(now + stands_for));
    }

    /// Something does not work. Stands until it is put away.
    pub(super) fn problem(&mut self, text: impl Into<String>, code: &'static str) {
        self.add(NoticeKind::Problem, text.into(), Some(code), None, None);
    }

    /// Puts one away, and gives what it could have taken back.
    pub(super) fn take(&mut self, id: u64) -> Option<Undo> {
        let place = self.list.iter().position(|standing| standing.notice.id == id)?;
        self.list.remove(place).undo
    }

    /// Lets go of those that have stood long enough. Whether there were any.
    pub(super) fn expire(&mut self, now: Instant) -> bool {
        let before = self.list.len();
        self.list.retain(|standing| standing.until.is_none_or(|until| until > now));
        self.list.len() < before
    }

    /// When the next one has.
    pub(super) fn next_expiry(&self) -> Option<Instant> {
        self.list.iter().filter_map(|standing| standing.until).min()
    }

    /// To be drawn, the newest last.
    pub(super) fn cards(&self) -> Vec<Notice> {
        self.list.iter().map(|standing| standing.notice.clone()).collect()
    }

    fn add(
        &mut self,
        kind: NoticeKind,
        text: String,
        code: Option<&'static str>,
        undo: Option<Undo>,
        until: Option<Instant>,
    ) {
        // Said again it is the same, only newer.
        self.list.retain(|standing| standing.undo.is_some() || standing.notice.text != text);
        if self.list.len() >= MAX_NOTICES {
            self.list.remove(0);
        }
        self.last_id += 1;
        let notice = Notice { id: self.last_id, kind, text, code, can_undo: undo.is_some() };
        self.list.push(Standing { notice, until, undo });
    }
}
