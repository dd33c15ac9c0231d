//! What a person who starts the server reads: where it listens, how it is reached, and what to do next. Pure.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use sightline_protocol::ServerAddress;
use sightline_server::{Check, Verdict, Way};

/// All that is told at the start.
#[derive(Debug, Clone, Default)]
pub(crate) struct Report<'a> {
    /// The link to give away, and where it leads.
    pub(crate) link: &'a str,
    /// More links, for other ways here.
    pub(crate) more_links: &'a [String],
    pub(crate) https: &'a [SocketAddr],
    pub(crate) turn_udp: &'a [SocketAddr],
    pub(crate) turn_tcp: &'a [SocketAddr],
    pub(crate) http: Option<SocketAddr>,
    pub(crate) metrics: Option<SocketAddr>,
    /// How the public address was found, in sentences.
    pub(crate) addresses: &'a [String],
    pub(crate) settings: Option<&'a Path>,
    pub(crate) data: Option<&'a Path>,
    pub(crate) qr: Option<&'a str>,
}

impl Report<'_> {
    /// The text. Its first line is for scripts as well, and stays as it is.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("Sightline server, listening on {}\n\n", self.link);
        let mut row = |name: &str, value: &str| {
            if !value.is_empty() {
                writeln!(text, "  {name:<10} {value}").expect("writing to a string does not fail");
            }
        };
        row("TLS", &ports(self.https, "TCP port"));
        row("relay", &ports(self.turn_udp, "UDP port"));
        row("", &ports(self.turn_tcp, "TCP port"));
        row(
            "plain",
            &self.http.map(|at| format!("http://{at}/, for this computer alone")).unwrap_or_default(),
        );
        row("figures", &self.metrics.map(|at| format!("http://{at}/metrics")).unwrap_or_default());
        for (index, sentence) in self.addresses.iter().enumerate() {
            row(if index == 0 { "address" } else { "" }, sentence);
        }
        row("settings", &self.settings.map(|file| file.display().to_string()).unwrap_or_default());
        row("data", &self.data.map(|folder| folder.display().to_string()).unwrap_or_default());

        let mut line = |words: &str| text.push_str(words);
        line("\nGive this link to those who shall use this server:\n\n");
        line(&format!("  {}\n", self.link));
        for other in self.more_links {
            line(&format!("  {other}    (another way here)\n"));
        }
        if leads_nowhere_else(self.link) {
            line("\nIt works on this computer alone: no other address was found. --public-ip names one.\n");
        }
        if let Some(qr) = self.qr {
            line(&format!("\n{qr}\n"));
        }
        line("\nIn Sightline they wait for calls with it, and read their own call link, by\n\n");
        line(&format!("  sightline answer --server '{}'\n", self.link));
        text
    }
}

fn leads_nowhere_else(link: &str) -> bool {
    let host = link.parse::<ServerAddress>().map(|address| address.host);
    host.is_ok_and(|host| host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback()))
}

/// What came of the self-test. Empty where nothing was tried.
pub(crate) fn tried(checks: &[Check]) -> String {
    if checks.is_empty() {
        return String::new();
    }
    let mut text = String::from("\nTried from this computer:\n\n");
    let (answered, others): (Vec<_>, Vec<_>) =
        checks.iter().partition(|check| check.verdict == Verdict::Answered);
    for way in [Way::Https, Way::StunUdp, Way::StunTcp, Way::StunTls] {
        let places: Vec<_> =
            answered.iter().filter(|check| check.way == way).map(|check| check.at.to_string()).collect();
        if !places.is_empty() {
            text.push_str(&format!("  {:<15} answers at {}\n", way.to_string(), places.join(" and ")));
        }
    }
    for check in &others {
        text.push_str(&format!("  {}\n", check.in_words()));
    }
    if answered.iter().any(|check| check.inside) {
        text.push_str("\nWhether a firewall lets others in can only be seen from outside.\n");
    }
    text
}

/// `TCP port 443 of every address`, or the addresses themselves.
fn ports(listening: &[SocketAddr], what: &str) -> String {
    let (everywhere, here): (Vec<SocketAddr>, Vec<SocketAddr>) =
        listening.iter().copied().partition(|at| at.ip().is_unspecified());
    let mut words = Vec::new();
    let mut ports: Vec<_> = everywhere.iter().map(|at| at.port()).collect();
    ports.dedup();
    for port in ports {
        let families: Vec<_> = everywhere
            .iter()
            .filter(|at| at.port() == port)
            .map(|at| if at.is_ipv4() { "IPv4" } else { "IPv6" })
            .collect();
        words.push(format!("{what} {port} ({})", families.join(" and ")));
    }
    words.extend(here.iter().map(|at| format!("{what} {} of {}", at.port(), at.ip())));
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_stranger_reads_where_how_and_what_next() {
        let (https, udp) = ([at("0.0.0.0:8443"), at("[::]:8443")], [at("192.0.2.7:3478")]);
        let report = Report {
            link: "https://192.0.2.7:8443/#~PIN",
            https: &https,
            turn_udp: &udp,
            metrics: Some(at("127.0.0.1:7481")),
            addresses: &["IPv4: 192.0.2.7, on this computer itself".to_owned()],
            data: Some(Path::new("/var/lib/sightline-server")),
            qr: Some("██"),
            ..Report::default()
        };
        let text = report.text();
        let expected = "\
Sightline server, listening on https://192.0.2.7:8443/#~PIN

  TLS        TCP port 8443 (IPv4 and IPv6)
  relay      UDP port 3478 of 192.0.2.7
  figures    http://127.0.0.1:7481/metrics
  address    IPv4: 192.0.2.7, on this computer itself
  data       /var/lib/sightline-server

Give this link to those who shall use this server:

  https://192.0.2.7:8443/#~PIN

██

In Sightline they wait for calls with it, and read their own call link, by

  sightline answer --server 'https://192.0.2.7:8443/#~PIN'
";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_link_that_leads_nowhere_else_is_told_to_be_one() {
        let said = |link: &str| Report { link, ..Report::default() }.text().contains("this computer alone:");
        assert!(said("https://127.0.0.1/") && said("http://[::1]:7480/") && said("http://localhost:1/"));
        assert!(!said("https://192.0.2.7:8443/") && !said("https://call.example.org/"));
    }

    #[test]
    fn what_answers_is_told_in_a_line_and_what_does_not_in_a_sentence() {
        let check = |way, place, inside, verdict| Check { way, at: at(place), inside, verdict };
        let checks = [
            check(Way::Https, "192.0.2.7:443", true, Verdict::Answered),
            check(Way::Https, "[2001:db8::7]:443", true, Verdict::Answered),
            check(Way::StunUdp, "192.0.2.7:3478", true, Verdict::Nobody),
        ];
        let text = tried(&checks);
        assert!(
            text.contains("  HTTPS           answers at 192.0.2.7:443 and [2001:db8::7]:443\n"),
            "{text}"
        );
        assert!(text.contains(&checks[2].in_words()), "{text}");
        assert!(text.contains("only be seen from outside"), "{text}");
        assert_eq!(tried(&[]), "");
    }

    #[test]
    fn what_is_off_is_not_mentioned() {
        let text =
            Report { link: "http://127.0.0.1:1/", http: Some(at("127.0.0.1:1")), ..Report::default() }.text();
        assert!(!text.contains("TLS") && !text.contains("relay") && !text.contains("figures"), "{text}");
        assert!(text.contains("for this computer alone"), "{text}");
    }
}
