//! Where a call's packets leave: one stream for whoever sends, however many legs carry it.
//!
//! Packets are numbered here, by the call and not by the leg. So whoever receives sees one stream whatever leg each packet
//! came by, and puts them in order as if one network had mixed them up. Sound goes out on the old leg as well until that is
//! closed: twice a little is nothing, and nobody hears the change. Pictures go out on the newest alone.
//!
//! Where packets get lost, each packet of sound can be sent once more behind the next one. That needs no word with the other
//! side, as redundancy by RFC 2198 does: whoever has a packet drops its repetition, browsers too.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::ports::{NumberedSink, PacketSink};

/// A receiver counts how often numbers have wrapped from the first packet it gets of a leg. Where a leg begins this close to
/// the wrap and its first packets are lost, it would count wrong and never understand another.
const TOO_CLOSE_TO_WRAP: u16 = u16::MAX - 200;

struct Sent {
    payload: Bytes,
    timestamp: u32,
    marker: bool,
    sequence: u16,
}

/// See the head of this file.
pub(super) struct Outlet {
    on_all: bool,
    state: Mutex<State>,
}

struct State {
    next: u16,
    /// The last that was sent, and the one before it.
    sent: [Option<Sent>; 2],
    /// The newest is the last.
    legs: Vec<(u32, Arc<dyn NumberedSink>)>,
}

impl Outlet {
    /// For sound: on every leg there is.
    pub(super) fn on_all_legs() -> Self {
        Self::new(true)
    }

    /// For pictures: on the leg in use.
    pub(super) fn on_newest_leg() -> Self {
        Self::new(false)
    }

    fn new(on_all: bool) -> Self {
        Self { on_all, state: Mutex::new(State { next: 0, sent: [None, None], legs: Vec::new() }) }
    }

    /// Packets go there from now on.
    pub(super) fn take_into_use(&self, generation: u32, sink: Arc<dyn NumberedSink>) {
        let mut state = self.state();
        state.legs.retain(|(known, _)| *known != generation);
        state.legs.push((generation, sink));
        if state.next > TOO_CLOSE_TO_WRAP {
            state.next = 0;
        }
    }

    /// That leg is gone.
    pub(super) fn leave(&self, generation: u32) {
        self.state().legs.retain(|(known, _)| *known != generation);
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PacketSink for Outlet {
    fn send(&self, payload: Bytes, timestamp: u32, marker: bool) -> bool {
        let mut state = self.state();
        let sequence = state.next;
        state.next = sequence.wrapping_add(1);
        if self.on_all {
            let [last, before] = &mut state.sent;
            *before = last.replace(Sent { payload: payload.clone(), timestamp, marker, sequence });
        }
        let Some(((_, newest), older)) = state.legs.split_last() else { return false };
        if self.on_all {
            for (_, sink) in older {
                sink.send(payload.clone(), timestamp, marker, sequence);
            }
        }
        newest.send(payload, timestamp, marker, sequence)
    }

    fn repeat(&self) {
        let mut state = self.state();
        let Some(Sent { payload, timestamp, marker, sequence }) = state.sent[1].take() else { return };
        if let Some((_, newest)) = state.legs.last() {
            newest.send(payload, timestamp, marker, sequence);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Seen(Mutex<Vec<u16>>);

    impl NumberedSink for Seen {
        fn send(&self, _: Bytes, _: u32, _: bool, sequence: u16) -> bool {
            self.0.lock().unwrap().push(sequence);
            true
        }
    }

    fn send(outlet: &Outlet, packets: usize) {
        for _ in 0..packets {
            outlet.send(Bytes::new(), 0, false);
        }
    }

    #[test]
    fn numbers_go_on_whatever_leg_carries_them() {
        let (old, new) = (Arc::new(Seen::default()), Arc::new(Seen::default()));
        let outlet = Outlet::on_newest_leg();
        outlet.take_into_use(1, old.clone());
        send(&outlet, 2);
        outlet.take_into_use(3, new.clone());
        send(&outlet, 2);
        outlet.leave(1);
        send(&outlet, 1);

        assert_eq!(*old.0.lock().unwrap(), [0, 1]);
        assert_eq!(*new.0.lock().unwrap(), [2, 3, 4]);
    }

    #[test]
    fn sound_goes_out_on_the_old_leg_too_until_it_is_closed() {
        let (old, new) = (Arc::new(Seen::default()), Arc::new(Seen::default()));
        let outlet = Outlet::on_all_legs();
        outlet.take_into_use(1, old.clone());
        outlet.take_into_use(3, new.clone());
        send(&outlet, 1);
        outlet.leave(1);
        send(&outlet, 1);

        assert_eq!(*old.0.lock().unwrap(), [0]);
        assert_eq!(*new.0.lock().unwrap(), [0, 1]);
    }

    #[test]
    fn a_leg_does_not_begin_right_before_the_numbers_wrap() {
        let leg = Arc::new(Seen::default());
        let outlet = Outlet::on_newest_leg();
        outlet.take_into_use(1, leg.clone());
        send(&outlet, 65_400);
        outlet.take_into_use(2, leg.clone());
        send(&outlet, 1);
        assert_eq!(leg.0.lock().unwrap().last(), Some(&0));
    }

    #[test]
    fn the_one_before_the_last_is_repeated_once_under_its_number() {
        let leg = Arc::new(Seen::default());
        let outlet = Outlet::on_all_legs();
        outlet.take_into_use(1, leg.clone());
        outlet.repeat();
        send(&outlet, 1);
        outlet.repeat();
        send(&outlet, 2);
        outlet.repeat();
        outlet.repeat();
        assert_eq!(*leg.0.lock().unwrap(), [0, 1, 2, 1]);
    }

    #[test]
    fn without_a_leg_nothing_is_taken() {
        assert!(!Outlet::on_all_legs().send(Bytes::new(), 0, false));
    }
}
