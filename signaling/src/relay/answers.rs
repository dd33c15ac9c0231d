//! How many answers a source gets that has proved nothing yet.
//!
//! Such a source may be forged: each answer may hit somebody who never asked. So one source (an IPv4 address, an IPv6
//! /64) gets a few a second. The table has a fixed size, so that a flood of sources costs no memory: sources whose keyed
//! hash is the same share an allowance, and nobody outside can choose to share one.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use ring::hmac;

use super::rate::{Allowance, Rate};

/// Allowances there are, half a mebibyte of them. A flood of forged sources would have to bring this many times
/// `answers_per_second` before others went short.
const PLACES: usize = 1 << 15;

pub(super) struct Answers {
    rate: Rate,
    key: hmac::Key,
    places: Box<[Allowance]>,
}

impl Answers {
    pub(super) fn new(per_second: u32, key: &[u8], now: Instant) -> Self {
        Self {
            rate: Rate::new(per_second.into()),
            key: hmac::Key::new(hmac::HMAC_SHA256, key),
            places: vec![Allowance::full(now); PLACES].into_boxed_slice(),
        }
    }

    /// Whether this source gets one more answer; if so, it is counted.
    pub(super) fn one_more(&mut self, to: SocketAddr, now: Instant) -> bool {
        let place = self.place(to.ip().to_canonical());
        self.places[place].take(1, self.rate, now)
    }

    fn place(&self, source: IpAddr) -> usize {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(b"answers");
        match source {
            IpAddr::V4(ip) => context.update(&ip.octets()),
            IpAddr::V6(ip) => context.update(&ip.octets()[..8]),
        }
        let tag = context.sign();
        let start = tag.as_ref();
        usize::from(u16::from_be_bytes([start[0], start[1]])) % PLACES
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn one_source_gets_so_many_answers_a_second() {
        let start = Instant::now();
        let mut answers = Answers::new(20, b"key", start);
        let from = |port| SocketAddr::from(([192, 0, 2, 1], port));
        assert_eq!((1..=100).filter(|port| answers.one_more(from(*port), start)).count(), 20);
        let later = start + Duration::from_secs(1);
        assert_eq!((1..=100).filter(|port| answers.one_more(from(*port), later)).count(), 20);
    }

    #[test]
    fn an_ipv6_source_is_its_64() {
        let now = Instant::now();
        let mut answers = Answers::new(20, b"key", now);
        let answered = (0..100u16).filter(|host| {
            let ip: IpAddr = format!("2001:db8:1:2:{host:x}::1").parse().unwrap();
            answers.one_more(SocketAddr::new(ip, 5), now)
        });
        assert_eq!(answered.count(), 20);
    }

    #[test]
    fn a_disguised_source_is_no_other() {
        let now = Instant::now();
        let mut answers = Answers::new(1, b"key", now);
        assert!(answers.one_more("192.0.2.1:5".parse().unwrap(), now));
        assert!(!answers.one_more("[::ffff:192.0.2.1]:5".parse().unwrap(), now));
    }

    #[test]
    fn others_are_answered_while_one_floods() {
        let now = Instant::now();
        let mut answers = Answers::new(20, b"key", now);
        while answers.one_more("192.0.2.1:5".parse().unwrap(), now) {}
        let others =
            (0..200u8).filter(|host| answers.one_more(SocketAddr::from(([10, 0, 0, *host], 5)), now));
        assert!(others.count() >= 199);
    }
}
