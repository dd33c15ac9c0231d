//! Who connects from where, and how often: so that one source cannot take what is meant for all. No socket or clock.
//!
//! A *source* is one IPv4 address or one IPv6 /64, which is what one household or one rented machine usually has. A
//! source with connections is always known, and there cannot be more of those than connections. Others are remembered
//! only while they would be judged differently from a new one, and at most [`MAX_REMEMBERED`] of them.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::allowance::{Allowance, Rate};
use crate::config::Limits;

/// Sources without a connection that are remembered. For one more, others are forgotten: whoever commands so many
/// addresses gains nothing by making us forget some.
const MAX_REMEMBERED: usize = 65_536;

/// How many are forgotten at once when there is no room.
const FORGOTTEN_AT_ONCE: usize = 1024;

/// How long a failed hello counts.
const FAILURE_COUNTS_FOR: Duration = Duration::from_secs(30 * 60);

/// Why somebody may not connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("there are as many connections from this network as this server allows; close some")]
    Connections,
    #[error("too many connections were made from this network; wait a minute")]
    Connects,
    #[error("too many hellos from this network proved nothing; wait half an hour")]
    Failures,
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Sources {
    connections: usize,
    connects: Rate,
    failures: usize,
    known: HashMap<Source, Known>,
    /// Of the known, those without a connection.
    idle: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Source {
    V4([u8; 4]),
    V6([u8; 8]),
}

#[derive(Debug)]
struct Known {
    connections: usize,
    connects: Allowance,
    /// The newest failures, oldest first; no more than it takes to be turned away.
    failures: VecDeque<Instant>,
}

impl Sources {
    /// Nobody has connected yet.
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            connections: limits.sockets_per_source.max(1),
            connects: Rate::per_minute(limits.connects_per_minute, limits.connect_burst),
            failures: (limits.failed_hellos as usize).max(1),
            known: HashMap::new(),
            idle: 0,
        }
    }

    /// Whether a connection from here may be made now. If so it is counted, until [`leave`](Self::leave).
    pub(crate) fn enter(&mut self, ip: IpAddr, now: Instant) -> Result<(), Refused> {
        let (max_connections, rate, max_failures) = (self.connections, self.connects, self.failures);
        let known = self.know(ip, now);
        known.forget_failures(now);
        let refused = if known.failures.len() >= max_failures {
            Some(Refused::Failures)
        } else if known.connections >= max_connections {
            Some(Refused::Connections)
        } else if !known.connects.take(rate, now) {
            Some(Refused::Connects)
        } else {
            None
        };
        if let Some(refused) = refused {
            return Err(refused);
        }
        known.connections += 1;
        if known.connections == 1 {
            self.idle -= 1;
        }
        Ok(())
    }

    /// A connection that was let in is gone.
    pub(crate) fn leave(&mut self, ip: IpAddr) {
        if let Some(known) = self.known.get_mut(&Source::of(ip))
            && known.connections > 0
        {
            known.connections -= 1;
            if known.connections == 0 {
                self.idle += 1;
            }
        }
    }

    /// A hello from here proved nothing.
    pub(crate) fn blame(&mut self, ip: IpAddr, now: Instant) {
        let max_failures = self.failures;
        let known = self.know(ip, now);
        if known.failures.len() >= max_failures {
            known.failures.pop_front();
        }
        known.failures.push_back(now);
    }

    fn know(&mut self, ip: IpAddr, now: Instant) -> &mut Known {
        let source = Source::of(ip);
        if !self.known.contains_key(&source) {
            if self.idle >= MAX_REMEMBERED {
                self.make_room(now);
            }
            self.idle += 1;
        }
        self.known.entry(source).or_insert_with(|| Known {
            connections: 0,
            connects: Allowance::full(now),
            failures: VecDeque::new(),
        })
    }

    /// Forgets who would be judged like somebody new, and where nobody is, some of the others.
    fn make_room(&mut self, now: Instant) {
        let mut some = 0;
        self.known.retain(|_, known| {
            known.forget_failures(now);
            known.connections > 0 || !known.is_as_new(now)
        });
        let is_full = self.known.values().filter(|known| known.connections == 0).count() >= MAX_REMEMBERED;
        if is_full {
            self.known.retain(|_, known| {
                let goes = known.connections == 0 && some < FORGOTTEN_AT_ONCE;
                some += usize::from(goes);
                !goes
            });
        }
        self.idle = self.known.values().filter(|known| known.connections == 0).count();
    }
}

impl Known {
    fn forget_failures(&mut self, now: Instant) {
        while self.failures.front().is_some_and(|then| now.duration_since(*then) >= FAILURE_COUNTS_FOR) {
            self.failures.pop_front();
        }
    }

    fn is_as_new(&self, now: Instant) -> bool {
        self.connections == 0 && self.failures.is_empty() && self.connects.is_full(now)
    }
}

impl Source {
    fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(ip) => Self::V4(ip.octets()),
            IpAddr::V6(ip) => {
                let [a, b, c, d, e, f, g, h, ..] = ip.octets();
                Self::V6([a, b, c, d, e, f, g, h])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    fn few() -> Limits {
        Limits {
            sockets_per_source: 3,
            connects_per_minute: 60,
            connect_burst: 5,
            failed_hellos: 2,
            ..Limits::default()
        }
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn so_many_connections_at_once_and_one_more_when_one_has_left() {
        let (mut sources, now, here) = (Sources::new(&few()), Instant::now(), ip("192.0.2.1"));
        assert_eq!(
            [0; 4].map(|_| sources.enter(here, now)),
            [Ok(()), Ok(()), Ok(()), Err(Refused::Connections)]
        );
        assert_eq!(sources.enter(ip("192.0.2.2"), now), Ok(()), "another source is not concerned");
        sources.leave(here);
        assert_eq!(sources.enter(here, now), Ok(()));
    }

    #[test]
    fn so_many_connects_at_once_and_so_many_a_minute() {
        let (mut sources, now, here) = (Sources::new(&few()), Instant::now(), ip("192.0.2.1"));
        for _ in 0..5 {
            assert_eq!(sources.enter(here, now), Ok(()));
            sources.leave(here);
        }
        assert_eq!(sources.enter(here, now), Err(Refused::Connects));
        assert_eq!(sources.enter(here, now + Duration::from_secs(1)), Ok(()), "one a second");
    }

    #[test]
    fn failures_turn_a_source_away_until_they_are_half_an_hour_old() {
        let (mut sources, now, here) = (Sources::new(&few()), Instant::now(), ip("2001:db8::1"));
        sources.blame(here, now);
        assert_eq!(sources.enter(here, now), Ok(()), "one may happen");
        sources.blame(ip("2001:db8::2"), now + Duration::from_secs(60));
        let refused =
            |sources: &mut Sources, seconds| sources.enter(here, now + Duration::from_secs(seconds));
        assert_eq!(refused(&mut sources, 61), Err(Refused::Failures), "a /64 is one source");
        assert_eq!(refused(&mut sources, 1799), Err(Refused::Failures));
        assert_eq!(refused(&mut sources, 1800), Ok(()));
    }

    #[test]
    fn a_source_is_an_ipv4_address_in_whatever_dress_or_an_ipv6_slash_64() {
        assert_eq!(Source::of(ip("192.0.2.1")), Source::of(ip("::ffff:192.0.2.1")));
        assert_ne!(Source::of(ip("192.0.2.1")), Source::of(ip("192.0.2.2")));
        assert_eq!(Source::of(ip("2001:db8:0:1::1")), Source::of(ip("2001:db8:0:1:ffff::")));
        assert_ne!(Source::of(ip("2001:db8:0:1::1")), Source::of(ip("2001:db8:0:2::1")));
    }

    #[test]
    fn however_many_sources_come_memory_is_bounded_and_those_connected_are_kept() {
        let (mut sources, mut now) = (Sources::new(&few()), Instant::now());
        let stays = ip("192.0.2.1");
        sources.enter(stays, now).expect("let in");
        for number in 0..100_000_u32 {
            let ip = IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + number));
            sources.enter(ip, now).expect("let in");
            sources.leave(ip);
            let known = sources.known.len();
            assert!(known <= MAX_REMEMBERED + 1, "{known}");
        }
        assert_eq!([0; 3].map(|_| sources.enter(stays, now)), [Ok(()), Ok(()), Err(Refused::Connections)]);
        now += Duration::from_secs(3600);
        for number in 0..MAX_REMEMBERED as u128 {
            let ip = IpAddr::V6(Ipv6Addr::from_bits(0x2001_0db8 << 96 | number << 64));
            sources.enter(ip, now).expect("let in");
            sources.leave(ip);
        }
        assert!(sources.known.len() <= MAX_REMEMBERED + 1);
        let idle = sources.known.values().filter(|known| known.connections == 0).count();
        assert_eq!(sources.idle, idle);
    }
}
