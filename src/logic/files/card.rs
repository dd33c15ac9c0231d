//! How a file stands, for whoever looks at it.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use crate::logic::{
    course::Side,
    desk::{Transfer, TransferState},
};

/// Over which time a speed is measured.
const MEASURED_OVER: Duration = Duration::from_millis(900);
/// How much of the last measurement stays.
const STAYS: f64 = 0.5;

/// What is known of a file.
#[derive(Debug)]
pub(super) struct Card {
    file: u32,
    pub(super) from: Side,
    pub(super) name: String,
    pub(super) size: u64,
    pub(super) phase: Phase,
    pub(super) held_by_us: bool,
    pub(super) held_by_them: bool,
    done: u64,
    is_going: bool,
    measured: Option<(Instant, u64)>,
    bytes_per_s: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nobody has said yes.
    Offered,
    /// Somebody here has, and the disk is at it.
    Making,
    /// It may go.
    Taken,
    Over(Over),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Over {
    Done { path: Option<PathBuf> },
    Failed { why: String },
    Declined,
    Cancelled { by: Side },
}

impl Card {
    pub(super) fn new(file: u32, from: Side, name: String, size: u64) -> Self {
        Self {
            file,
            from,
            name,
            size,
            phase: Phase::Offered,
            held_by_us: false,
            held_by_them: false,
            done: 0,
            is_going: false,
            measured: None,
            bytes_per_s: None,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over(_))
    }

    /// Who holds it. Both may; ours is the one that can be ended here.
    pub(super) fn held_by(&self) -> Option<Side> {
        if self.held_by_us { Some(Side::Us) } else { self.held_by_them.then_some(Side::Them) }
    }

    /// How much has arrived, where that can still change, and whether it goes.
    pub(super) fn note_done(&mut self, done: Option<u64>, is_going: bool, now: Instant) {
        self.is_going = is_going;
        self.done = match self.phase {
            Phase::Over(Over::Done { .. }) => self.size,
            Phase::Offered | Phase::Making | Phase::Taken | Phase::Over(_) => done.unwrap_or(self.done),
        };
        if !is_going {
            (self.measured, self.bytes_per_s) = (None, None);
            return;
        }
        let (since, before) = *self.measured.get_or_insert((now, self.done));
        let took = now.saturating_duration_since(since);
        if took >= MEASURED_OVER {
            let speed = self.done.saturating_sub(before) as f64 / took.as_secs_f64();
            self.bytes_per_s =
                Some(self.bytes_per_s.map_or(speed, |last| last * STAYS + speed * (1.0 - STAYS)));
            self.measured = Some((now, self.done));
        }
    }

    pub(super) fn transfer(&self) -> Transfer {
        let state = match (&self.phase, self.held_by()) {
            (Phase::Offered, _) => TransferState::Offered,
            (Phase::Making | Phase::Taken, Some(by)) => TransferState::Paused { by },
            (Phase::Making | Phase::Taken, None) if self.is_going => TransferState::Going,
            (Phase::Making | Phase::Taken, None) => TransferState::Waiting,
            (Phase::Over(Over::Done { path }), _) => TransferState::Done { path: path.clone() },
            (Phase::Over(Over::Failed { why }), _) => TransferState::Failed { why: why.clone() },
            (Phase::Over(Over::Declined), _) => TransferState::Declined,
            (Phase::Over(Over::Cancelled { by }), _) => TransferState::Cancelled { by: *by },
        };
        Transfer {
            id: self.file.into(),
            from: self.from,
            name: self.name.clone(),
            size_bytes: self.size,
            done_bytes: self.done,
            bytes_per_s: self.bytes_per_s,
            state,
        }
    }
}
