//! The call that there is, and the one that was, as the desk knows them.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use sightline_protocol::{
    call::{CallId, Media},
    keys::Address,
    link::{CallLink, LinkToken},
};

use crate::logic::{
    adapt,
    course::{EndReason, Link, Role, Side, Stage, Status},
    evidence::Evidence,
    path::PathReport,
    quality::{Judge, Word},
    report::{CallReport, Sending},
};

use super::{
    heard::Figures,
    snapshot::{CallCard, EndedCard, Message, Quality, QualityWord, Theirs, Transfer, TransferState, Who},
    wish::Survey,
};

/// How long it is said that somebody speaks while muted.
const SPEAKING_FOR: Duration = Duration::from_secs(4);

/// The call that there is.
#[derive(Clone, Debug)]
pub(super) struct Ongoing {
    pub(super) call: CallId,
    pub(super) peer: Address,
    pub(super) claimed: Option<String>,
    pub(super) role: Role,
    pub(super) stage: Stage,
    pub(super) link: Link,
    pub(super) media: Media,
    pub(super) began_unix_ms: u64,
    pub(super) connected: Option<(Instant, u64)>,
    pub(super) was_taken: bool,
    pub(super) ours: Status,
    pub(super) theirs: Theirs,
    pub(super) path: Option<Arc<PathReport>>,
    pub(super) evidence: Arc<Evidence>,
    pub(super) round_trip_ms: Option<f64>,
    pub(super) sending: Option<Sending>,
    pub(super) judge: Judge,
    pub(super) quality: Quality,
    pub(super) code: Option<String>,
    pub(super) said: Said,
    pub(super) speaking_until: Option<Instant>,
    /// By which link of ours they came.
    pub(super) token: Option<LinkToken>,
    /// By which link of theirs we dialled.
    pub(super) dialled: Option<CallLink>,
    pub(super) is_echo_test: bool,
    /// It was long enough, and was ended.
    pub(super) is_ending: bool,
}

/// What was written and given in a call. Whoever keeps the lists keeps them short.
#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    messages: Arc<[Message]>,
    transfers: Arc<[Transfer]>,
    /// The newest of theirs that was here before.
    newest: Option<u64>,
    unread: usize,
}

impl Said {
    /// All lines as they stand now. Gives the newest that is theirs and was not there before.
    pub(super) fn note_messages(&mut self, messages: Arc<[Message]>) -> Option<&Message> {
        let is_new = |message: &&Message| {
            message.from == Side::Them && self.newest.is_none_or(|newest| message.id > newest)
        };
        let new = messages.iter().filter(is_new).count();
        self.unread = (self.unread + new).min(messages.len());
        self.messages = messages;
        let newest = self.messages.iter().rev().find(|message| message.from == Side::Them);
        self.newest = newest.map(|message| message.id).or(self.newest);
        newest.filter(|_| new > 0)
    }

    /// All files as they stand now.
    pub(super) fn note_transfers(&mut self, transfers: Arc<[Transfer]>) {
        self.transfers = transfers;
    }

    /// Everything was looked at.
    pub(super) fn see(&mut self) {
        self.unread = 0;
    }

    /// Where a file that has come was put.
    pub(super) fn place_of(&self, id: u64) -> Option<PathBuf> {
        let mut places =
            self.transfers.iter().filter(|transfer| transfer.id == id).filter_map(|transfer| match &transfer
                .state
            {
                TransferState::Done { path } => path.clone(),
                TransferState::Offered
                | TransferState::Waiting
                | TransferState::Going
                | TransferState::Paused { .. }
                | TransferState::Failed { .. }
                | TransferState::Declined
                | TransferState::Cancelled { .. } => None,
            });
        places.next()
    }

    fn messages(&self) -> Arc<[Message]> {
        self.messages.clone()
    }

    fn transfers(&self) -> Arc<[Transfer]> {
        self.transfers.clone()
    }
}

impl Ongoing {
    /// One that begins.
    pub(super) fn new(call: CallId, peer: Address, role: Role, media: Media, began_unix_ms: u64) -> Self {
        Self {
            call,
            peer,
            claimed: None,
            role,
            stage: match role {
                Role::Caller => Stage::Inviting,
                Role::Callee => Stage::RingingHere,
            },
            link: Link::New,
            media,
            began_unix_ms,
            connected: None,
            was_taken: false,
            ours: Status::default(),
            theirs: Theirs::default(),
            path: None,
            evidence: Arc::default(),
            round_trip_ms: None,
            sending: None,
            judge: Judge::default(),
            quality: Quality::default(),
            code: None,
            said: Said::default(),
            speaking_until: None,
            token: None,
            dialled: None,
            is_echo_test: false,
            is_ending: false,
        }
    }

    /// Nobody has our picture yet, and we are about to be seen: time for a look at oneself.
    pub(super) fn shows_us_early(&self) -> bool {
        let is_on_its_way = match self.stage {
            Stage::Inviting | Stage::Reached | Stage::RingingThere | Stage::Connecting => true,
            Stage::RingingHere | Stage::Connected | Stage::Reconnecting | Stage::Ended { .. } => false,
        };
        let is_ours = self.role == Role::Caller && !self.is_echo_test;
        is_on_its_way && is_ours && self.media.video && !self.ours.camera_off
    }

    pub(super) fn note_figures(&mut self, figures: Figures) {
        let Figures { mut sample, sending, has_picture, path, evidence } = figures;
        self.path = path.or(self.path.take());
        if let Some(evidence) = evidence {
            self.evidence = evidence;
        }
        sample.target_bps = sending.filter(|_| !self.ours.camera_off).map(|sending| sending.target_bps);
        sample.slow_computer =
            sending.is_some_and(|sending| matches!(sending.plan.why, adapt::Why::Encoder { .. }));
        self.round_trip_ms = sample.round_trip_ms;
        self.sending = sending;
        self.theirs.has_picture |= has_picture;
        self.quality = match self.judge.judge(sample) {
            None => Quality::default(),
            Some((word, reason)) => Quality {
                word: match word {
                    Word::Good => QualityWord::Good,
                    Word::Fair => QualityWord::Fair,
                    Word::Poor => QualityWord::Poor,
                },
                reason: reason.map(|reason| reason.sentence().to_owned()),
            },
        };
    }

    pub(super) fn note_speaking(&mut self, now: Instant) {
        self.speaking_until = self.ours.muted.then_some(now + SPEAKING_FOR);
    }

    pub(super) fn talked_ms(&self, now: Instant) -> Option<u64> {
        let (since, _) = self.connected?;
        u64::try_from(now.saturating_duration_since(since).as_millis()).ok()
    }

    /// That of the path that is shown beside it, so that no two figures of it stand in one window.
    fn round_trip_ms(&self) -> Option<f64> {
        let in_use = self.path.as_ref().and_then(|path| path.in_use.as_ref());
        in_use.map_or(self.round_trip_ms, |in_use| in_use.pair.round_trip_ms)
    }

    pub(super) fn card(&self, who: Who) -> CallCard {
        CallCard {
            call: self.call,
            who,
            role: self.role,
            stage: self.stage,
            link: self.link,
            connected_unix_ms: self.connected.map(|(_, unix_ms)| unix_ms),
            media: self.media,
            ours: self.ours,
            theirs: self.theirs,
            path: self.path.clone(),
            evidence: self.evidence.clone(),
            round_trip_ms: self.round_trip_ms(),
            sending: self.sending,
            quality: self.quality.clone(),
            code: self.code.clone(),
            messages: self.said.messages(),
            unread: self.said.unread,
            transfers: self.said.transfers(),
            speaking_while_muted: self.speaking_until.is_some(),
            is_echo_test: self.is_echo_test,
        }
    }
}

/// The call that was, until it is put away.
#[derive(Clone, Debug)]
pub(super) struct Ended {
    pub(super) call: CallId,
    pub(super) peer: Address,
    pub(super) claimed: Option<String>,
    pub(super) reason: EndReason,
    pub(super) by: Side,
    pub(super) talked_ms: Option<u64>,
    pub(super) dialled: Option<CallLink>,
    pub(super) report: Option<Arc<CallReport>>,
    pub(super) saved_at: Option<PathBuf>,
    pub(super) survey: Survey,
    pub(super) said: Said,
    pub(super) was_echo_test: bool,
}

impl Ended {
    pub(super) fn of(ongoing: Ongoing, reason: EndReason, by: Side, now: Instant) -> Self {
        Self {
            call: ongoing.call,
            peer: ongoing.peer,
            reason,
            by,
            talked_ms: ongoing.talked_ms(now),
            claimed: ongoing.claimed,
            dialled: ongoing.dialled,
            report: None,
            saved_at: None,
            survey: Survey::default(),
            said: ongoing.said,
            was_echo_test: ongoing.is_echo_test,
        }
    }

    pub(super) fn card(&self, who: Who, can_redial: bool) -> EndedCard {
        EndedCard {
            who,
            reason: self.reason,
            by: self.by,
            talked_ms: self.talked_ms,
            can_redial,
            report: self.report.clone(),
            saved_at: self.saved_at.clone(),
            survey: self.survey.clone(),
            messages: self.said.messages(),
            transfers: self.said.transfers(),
            was_echo_test: self.was_echo_test,
        }
    }
}
