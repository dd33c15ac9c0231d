//! What stands for what: the marks of one report, and the search for what they stand for in its sentences.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

/// Ports up to here belong to well-known services, and stay.
const LAST_KNOWN_PORT: u16 = 1023;
/// Other ports are numbered from here.
pub(super) const FIRST_MARKED_PORT: u16 = 50_001;
/// Longer than any address is in text.
const LONGEST_ADDRESS: usize = 45;

/// What stands for what.
#[derive(Default)]
pub(super) struct Marks {
    addresses: BTreeMap<IpAddr, String>,
    names: BTreeMap<String, String>,
    /// Apart, since they are too short to be looked for in sentences.
    foundations: BTreeMap<String, String>,
    /// How many marks of each kind there are.
    counts: BTreeMap<String, usize>,
    ports: BTreeMap<u16, u16>,
    pub(super) kept_ports: BTreeSet<u16>,
    pub(super) kept_hosts: BTreeSet<String>,
}

impl Marks {
    pub(super) fn host(&mut self, host: &str) -> String {
        if self.kept_hosts.contains(host) {
            return host.to_owned();
        }
        match host.trim_matches(['[', ']']).parse() {
            Ok(address) => self.address(address),
            // How browsers hide an address (RFC 8828).
            Err(_) if host.ends_with(".local") => self.name(host, "hidden-address"),
            Err(_) => self.name(host, "name"),
        }
    }

    fn address(&mut self, address: IpAddr) -> String {
        if let Some(mark) = self.addresses.get(&address) {
            return mark.clone();
        }
        let mark = self.next(&class(address));
        self.addresses.insert(address, mark.clone());
        mark
    }

    pub(super) fn name(&mut self, name: &str, kind: &str) -> String {
        if name.is_empty() || self.kept_hosts.contains(name) {
            return name.to_owned();
        }
        if let Some(mark) = self.names.get(name) {
            return mark.clone();
        }
        let mark = self.next(kind);
        self.names.insert(name.to_owned(), mark.clone());
        mark
    }

    pub(super) fn foundation(&mut self, foundation: &str) -> String {
        let next = format!("f{}", self.foundations.len() + 1);
        self.foundations.entry(foundation.to_owned()).or_insert(next).clone()
    }

    /// What somebody else said, wherever it is quoted.
    pub(super) fn own_words(&mut self, words: &str, instead: &str) -> String {
        if words.is_empty() {
            return String::new();
        }
        self.names.insert(words.to_owned(), instead.to_owned());
        instead.to_owned()
    }

    pub(super) fn port(&mut self, port: u16) -> u16 {
        if port <= LAST_KNOWN_PORT || self.kept_ports.contains(&port) {
            return port;
        }
        let next = (FIRST_MARKED_PORT..)
            .filter(|mark| !self.kept_ports.contains(mark))
            .nth(self.ports.len())
            .unwrap_or(u16::MAX);
        *self.ports.entry(port).or_insert(next)
    }

    fn next(&mut self, kind: &str) -> String {
        let count = self.counts.entry(kind.to_owned()).or_default();
        let mark = format!("{kind}-{}", letters(*count));
        *count += 1;
        mark
    }

    pub(super) fn text(&mut self, text: &str) -> String {
        let mut names: Vec<_> = self.names.iter().collect();
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        let mut masked = String::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let starts = masked.chars().next_back().is_none_or(|before| !is_of_a_name(before));
            let name = names.iter().find(|(name, _)| starts && begins_with_name(rest, name));
            if let Some((name, mark)) = name {
                masked.push_str(mark);
                rest = &rest[name.len()..];
            } else {
                masked.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
        self.without_addresses(&masked)
    }

    fn without_addresses(&mut self, text: &str) -> String {
        let mut masked = String::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let Some((length, address)) = address_at(rest) else {
                masked.push(first);
                rest = &rest[first.len_utf8()..];
                continue;
            };
            let literal = &rest[..length];
            masked.push_str(&self.host(literal));
            rest = &rest[length..];
            if address.is_ipv6() && masked.contains('[') && rest.starts_with(']') {
                rest = &rest[1..];
                if let Some(bracket) = masked.rfind('[') {
                    masked.remove(bracket);
                }
            }
            let digits =
                rest.strip_prefix(':').map_or(0, |rest| rest.bytes().take_while(u8::is_ascii_digit).count());
            if let Some(Ok(port)) = rest.get(1..=digits).filter(|port| !port.is_empty()).map(str::parse) {
                masked.push_str(&format!(":{}", self.port(port)));
                rest = &rest[1 + digits..];
            }
        }
        masked
    }
}

/// The longest address that the text begins with.
fn address_at(text: &str) -> Option<(usize, IpAddr)> {
    let of_address = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
    let run = text.bytes().take(LONGEST_ADDRESS).take_while(|byte| of_address(byte)).count();
    (2..=run).rev().find_map(|length| Some((length, text[..length].parse().ok()?)))
}

fn begins_with_name(text: &str, name: &str) -> bool {
    text.strip_prefix(name).is_some_and(|after| {
        let mut after = after.chars();
        match after.next() {
            Some('.') => !after.next().is_some_and(char::is_alphanumeric),
            Some(next) => !is_of_a_name(next),
            None => true,
        }
    })
}

fn is_of_a_name(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.')
}

fn class(address: IpAddr) -> String {
    let (version, reach) = match address {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            let reach = if address.is_loopback() {
                "loopback"
            } else if address.is_link_local() {
                "link-local"
            } else if address.is_private() {
                "private"
            } else if first == 100 && (64..128).contains(&second) {
                "carrier"
            } else {
                "public"
            };
            (4, reach)
        }
        IpAddr::V6(address) => {
            let reach = if address.is_loopback() {
                "loopback"
            } else if address.is_unicast_link_local() {
                "link-local"
            } else if address.is_unique_local() {
                "private"
            } else {
                "public"
            };
            (6, reach)
        }
    };
    format!("{reach}-ip{version}")
}

/// a … z, aa, ab …
pub(super) fn letters(mut number: usize) -> String {
    let mut letters = Vec::new();
    loop {
        letters.push(b'a' + u8::try_from(number % 26).unwrap_or(0));
        if number < 26 {
            break;
        }
        number = number / 26 - 1;
    }
    letters.reverse();
    letters.into_iter().map(char::from).collect()
}
