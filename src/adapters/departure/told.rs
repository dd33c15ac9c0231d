//! What left, and what the other side tells of it: feedback on transport-wide numbers becomes the fate of each packet.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use rtc::rtcp::transport_feedbacks::transport_layer_cc::{
    PacketStatusChunk, SymbolTypeTcc, TransportLayerCc,
};

use crate::logic::{
    bandwidth::{Fate, Outcome},
    packet::Unwrapper,
};

/// What nobody tells of within this time is forgotten.
const KEPT: Duration = Duration::from_secs(3);
/// The unit of a feedback's own time, and after how many it starts anew.
const TICK: Duration = Duration::from_millis(64);
const TURN: u32 = 1 << 24;

#[derive(Clone, Copy, Debug)]
struct Sent {
    at: Instant,
    bytes: usize,
    probe: Option<u32>,
}

/// See the head of this file.
#[derive(Debug, Default)]
pub(super) struct Told {
    next: u16,
    numbers: Unwrapper,
    sent: BTreeMap<u64, Sent>,
    /// Everything below was told of.
    told_to: Option<u64>,
    /// Said to be missing the last time; what overtook them may have been the reason.
    missing: Vec<u64>,
    ticks: Option<u64>,
}

impl Told {
    /// The number of the next packet to leave.
    pub(super) fn next_number(&self) -> u16 {
        self.next
    }

    /// It left.
    pub(super) fn note(&mut self, bytes: usize, probe: Option<u32>, at: Instant) {
        let number = self.numbers.unwrap(self.next);
        self.next = self.next.wrapping_add(1);
        self.told_to.get_or_insert(number);
        self.sent.insert(number, Sent { at, bytes, probe });
        while let Some(oldest) = self.sent.first_entry() {
            if oldest.get().at + KEPT >= at {
                break;
            }
            oldest.remove();
        }
    }

    /// The other side tells: what became of which packet, in the order in which they left.
    pub(super) fn handle(&mut self, feedback: &TransportLayerCc) -> Vec<Outcome> {
        let Some(told_to) = self.told_to else { return Vec::new() };
        let first = self.nearest(feedback.base_sequence_number);
        let mut outcomes = BTreeMap::new();
        // What lies between was told of in a feedback that was lost.
        for (&number, _) in self.sent.range(told_to..first.max(told_to)) {
            outcomes.insert(number, Fate::Unknown);
        }
        let mut missing = Vec::new();
        let mut arrived = self.reference(feedback.reference_time);
        let mut deltas = feedback.recv_deltas.iter();
        let statuses =
            feedback.packet_chunks.iter().flat_map(symbols).take(feedback.packet_status_count.into());
        let mut end = first;
        for (number, symbol) in (first..).zip(statuses) {
            end = number + 1;
            match symbol {
                SymbolTypeTcc::PacketNotReceived => missing.push(number),
                SymbolTypeTcc::PacketReceivedSmallDelta | SymbolTypeTcc::PacketReceivedLargeDelta => {
                    let Some(delta) = deltas.next() else { break };
                    let by = Duration::from_micros(delta.delta.unsigned_abs());
                    arrived = if delta.delta < 0 { arrived.saturating_sub(by) } else { arrived + by };
                    outcomes.insert(number, Fate::Arrived(arrived));
                }
                // It says nothing of when.
                SymbolTypeTcc::PacketReceivedWithoutDelta => {
                    outcomes.insert(number, Fate::Unknown);
                }
            }
        }
        self.told_to = Some(end.max(told_to));
        for number in std::mem::replace(&mut self.missing, missing) {
            outcomes.entry(number).or_insert(Fate::Lost);
        }
        outcomes
            .into_iter()
            .filter_map(|(number, fate)| {
                let Sent { at, bytes, probe } = self.sent.remove(&number)?;
                Some(Outcome { sent: at, bytes, fate, probe })
            })
            .collect()
    }

    fn nearest(&self, sequence: u16) -> u64 {
        let highest = self.numbers.highest().unwrap_or_default();
        let step = sequence.wrapping_sub(highest as u16).cast_signed();
        highest.saturating_add_signed(i64::from(step))
    }

    /// The feedback's own time, on a scale that does not start anew.
    fn reference(&mut self, ticks: u32) -> Duration {
        let before = self.ticks.unwrap_or(u64::from(TURN) + u64::from(ticks));
        let step = i64::from(ticks) - (before % u64::from(TURN)) as i64;
        let half = i64::from(TURN / 2);
        let step = if step > half {
            step - 2 * half
        } else if step < -half {
            step + 2 * half
        } else {
            step
        };
        let now = before.saturating_add_signed(step);
        self.ticks = Some(now);
        TICK * u32::try_from(now).unwrap_or(u32::MAX)
    }
}

fn symbols(chunk: &PacketStatusChunk) -> Box<dyn Iterator<Item = SymbolTypeTcc> + '_> {
    match chunk {
        PacketStatusChunk::RunLengthChunk(run) => {
            Box::new(std::iter::repeat_n(run.packet_status_symbol, run.run_length.into()))
        }
        PacketStatusChunk::StatusVectorChunk(vector) => Box::new(vector.symbol_list.iter().copied()),
    }
}

#[cfg(test)]
mod tests {
    use rtc::rtcp::transport_feedbacks::transport_layer_cc::{RecvDelta, RunLengthChunk, StatusVectorChunk};

    use super::*;

    fn feedback(base: u16, symbols: &[SymbolTypeTcc], deltas_ms: &[i64]) -> TransportLayerCc {
        TransportLayerCc {
            base_sequence_number: base,
            packet_status_count: symbols.len() as u16,
            reference_time: 10,
            packet_chunks: vec![PacketStatusChunk::StatusVectorChunk(StatusVectorChunk {
                symbol_list: symbols.to_vec(),
                ..StatusVectorChunk::default()
            })],
            recv_deltas: deltas_ms
                .iter()
                .map(|ms| RecvDelta { delta: ms * 1000, ..RecvDelta::default() })
                .collect(),
            ..TransportLayerCc::default()
        }
    }

    fn fates(outcomes: &[Outcome]) -> Vec<Fate> {
        outcomes.iter().map(|outcome| outcome.fate).collect()
    }

    #[test]
    fn what_is_missing_counts_as_lost_when_it_is_still_missing_the_next_time() {
        use SymbolTypeTcc::{PacketNotReceived as No, PacketReceivedSmallDelta as Yes};
        let now = Instant::now();
        let mut told = Told::default();
        for _ in 0..6 {
            told.note(100, None, now);
        }
        let outcomes = told.handle(&feedback(0, &[Yes, No, No, Yes], &[0, 5]));
        let at = |ms| Fate::Arrived(TICK * (TURN + 10) + Duration::from_millis(ms));
        assert_eq!(fates(&outcomes), [at(0), at(5)]);
        let outcomes = told.handle(&feedback(1, &[Yes, No, No, Yes], &[20, 5]));
        assert_eq!(fates(&outcomes), [at(20), Fate::Lost, at(25)], "one was only late");
    }

    #[test]
    fn what_a_lost_feedback_told_of_is_not_known() {
        use SymbolTypeTcc::PacketReceivedSmallDelta as Yes;
        let now = Instant::now();
        let mut told = Told::default();
        for _ in 0..3 {
            told.note(100, None, now);
        }
        let outcomes = told.handle(&feedback(2, &[Yes], &[0]));
        assert_eq!(fates(&outcomes)[..2], [Fate::Unknown, Fate::Unknown]);
    }

    #[test]
    fn a_feedback_that_claims_more_than_there_is_costs_nothing() {
        let now = Instant::now();
        let mut told = Told::default();
        told.note(100, None, now);
        let run = RunLengthChunk {
            packet_status_symbol: SymbolTypeTcc::PacketReceivedSmallDelta,
            run_length: 0x1fff,
            ..RunLengthChunk::default()
        };
        let claims = TransportLayerCc {
            packet_status_count: u16::MAX,
            packet_chunks: vec![PacketStatusChunk::RunLengthChunk(run); 500],
            ..TransportLayerCc::default()
        };
        assert_eq!(told.handle(&claims), []);
    }
}
