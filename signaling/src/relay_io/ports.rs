//! Which relay port belongs to which thread. One table for all of them, without a lock: a port is claimed before it is
//! bound and given back after it is closed, so two threads never want the same one, and a packet to one of our own
//! relayed addresses finds its thread.

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::relay::{Family, PortWish};

/// As many threads as the table can tell apart, and more than there is work for.
pub(super) const MOST_THREADS: usize = 64;

/// Ports that are tried for one allocation although somebody else may have them. After that there is none to be had.
const TRIES: usize = 64;

const NOBODY: u8 = 0;

pub(super) struct PortTable {
    range: RangeInclusive<u16>,
    v4: Box<[AtomicU8]>,
    v6: Box<[AtomicU8]>,
}

impl PortTable {
    pub(super) fn new(range: RangeInclusive<u16>) -> Self {
        let owners = || range.clone().map(|_| AtomicU8::new(NOBODY)).collect();
        Self { v4: owners(), v6: owners(), range }
    }

    /// The thread whose relay port this is.
    pub(super) fn owner(&self, family: Family, port: u16) -> Option<usize> {
        match self.place(family, port)?.load(Ordering::Relaxed) {
            NOBODY => None,
            owner => Some(usize::from(owner) - 1),
        }
    }

    /// Claims free ports, beginning at a random one, until `open` can have one. What it returns is that port's.
    pub(super) fn claim<T>(
        &self,
        thread: usize,
        family: Family,
        wish: PortWish,
        random: u32,
        mut open: impl FnMut(u16) -> Option<T>,
    ) -> Option<(u16, T)> {
        let owner = u8::try_from(thread + 1).ok()?;
        let ports = self.range.clone();
        let count = ports.len();
        if count == 0 {
            return None;
        }
        let start = random as usize % count;
        let mut tries = TRIES;
        for port in ports.clone().cycle().skip(start).take(count) {
            if wish == PortWish::Even && port % 2 == 1 {
                continue;
            }
            let place = self.place(family, port)?;
            if place.compare_exchange(NOBODY, owner, Ordering::Relaxed, Ordering::Relaxed).is_err() {
                continue;
            }
            if let Some(opened) = open(port) {
                return Some((port, opened));
            }
            place.store(NOBODY, Ordering::Relaxed);
            tries -= 1;
            if tries == 0 {
                return None;
            }
        }
        None
    }

    /// The port is closed.
    pub(super) fn give_back(&self, family: Family, port: u16) {
        if let Some(place) = self.place(family, port) {
            place.store(NOBODY, Ordering::Relaxed);
        }
    }

    fn place(&self, family: Family, port: u16) -> Option<&AtomicU8> {
        let owners = match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        };
        owners.get(usize::from(port.checked_sub(*self.range.start())?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_claimed_once_until_it_is_given_back() {
        let table = PortTable::new(1000..=1003);
        let mut had: Vec<u16> = (0..4)
            .filter_map(|random| table.claim(1, Family::V4, PortWish::Any, random * 7, |_| Some(())))
            .map(|(port, ())| port)
            .collect();
        had.sort_unstable();
        assert_eq!(had, [1000, 1001, 1002, 1003]);
        assert_eq!(table.claim(0, Family::V4, PortWish::Any, 3, |_| Some(())), None);
        assert!(
            table.claim(0, Family::V6, PortWish::Any, 3, |_| Some(())).is_some(),
            "the other family's are free"
        );
        table.give_back(Family::V4, 1002);
        assert_eq!(table.claim(0, Family::V4, PortWish::Any, 0, |_| Some(())), Some((1002, ())));
        assert_eq!(table.owner(Family::V4, 1002), Some(0));
        assert_eq!(table.owner(Family::V4, 1001), Some(1));
        assert_eq!(table.owner(Family::V4, 999), None);
        assert_eq!(table.owner(Family::V4, 1004), None);
    }

    #[test]
    fn a_port_that_somebody_else_has_is_passed_over() {
        let table = PortTable::new(2000..=2009);
        let (port, ()) = table
            .claim(0, Family::V4, PortWish::Any, 5, |port| (port == 2003).then_some(()))
            .expect("2003 is free");
        assert_eq!(port, 2003);
        assert_eq!(table.owner(Family::V4, 2005), None, "what could not be bound is not kept");
    }

    #[test]
    fn an_even_port_is_even_and_a_hopeless_search_ends() {
        let table = PortTable::new(49152..=65535);
        for random in 0..50 {
            let (port, ()) =
                table.claim(0, Family::V4, PortWish::Even, random * 331, |_| Some(())).expect("many");
            assert_eq!(port % 2, 0);
        }
        let mut tried = 0;
        let none = table.claim(0, Family::V4, PortWish::Any, 1, |_| {
            tried += 1;
            None::<()>
        });
        assert_eq!((none, tried), (None, TRIES));
    }
}
