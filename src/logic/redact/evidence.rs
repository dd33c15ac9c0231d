//! What is known of a call beside its path, to be passed on: descriptions line by line, log and happenings word by word.

use crate::logic::evidence::{Description, Evidence, Happening, LogLine, MediaFacts};

use super::marks::Marks;

/// In the place of what may say who somebody is.
const LEFT_OUT: &str = "-";
/// Whoever has a folder has a name.
const HOMES: &[&str] = &["/home/", "/Users/", "\\Users\\"];

impl Marks {
    pub(super) fn evidence(&mut self, evidence: &Evidence) -> Evidence {
        let Evidence { moments, happenings, happenings_left_out, media, descriptions, log, hindrance } =
            evidence;
        // First, as they name things that the others speak of.
        let media = self.media(media);
        let descriptions = descriptions.iter().map(|one| self.description(one)).collect();
        Evidence {
            moments: moments.clone(),
            happenings: happenings.iter().map(|one| self.happening(one)).collect(),
            happenings_left_out: *happenings_left_out,
            media,
            descriptions,
            log: log.iter().map(|line| self.log_line(line)).collect(),
            hindrance: *hindrance,
        }
    }

    /// A device may be called by its owner's name.
    fn media(&mut self, media: &MediaFacts) -> MediaFacts {
        let device_names = media.device_names.iter().map(|name| self.name(name, "device")).collect();
        // Older reports name their devices here alone.
        for name in media.devices.iter().filter_map(|device| Some(device.split_once(": ")?.1)) {
            self.name(name, "device");
        }
        let devices = media.devices.iter().map(|device| self.text(device)).collect();
        MediaFacts { devices, device_names, ..media.clone() }
    }

    fn happening(&mut self, happening: &Happening) -> Happening {
        Happening { sentence: self.free_text(&happening.sentence), ..happening.clone() }
    }

    fn log_line(&mut self, line: &LogLine) -> LogLine {
        LogLine { text: self.free_text(&line.text), ..line.clone() }
    }

    fn description(&mut self, description: &Description) -> Description {
        let lines: Vec<_> = description.sdp.lines().map(|line| self.sdp_line(line)).collect();
        let end = if lines.is_empty() { "" } else { "\n" };
        Description { sdp: lines.join("\n") + end, ..description.clone() }
    }

    fn sdp_line(&mut self, line: &str) -> String {
        let (name, rest) = line.split_at_checked(2).unwrap_or((line, ""));
        match name {
            "s=" | "i=" | "u=" | "e=" | "p=" => format!("{name}{LEFT_OUT}"),
            "o=" => {
                // A name, two numbers, and where it was made.
                let mut words: Vec<_> = rest.split(' ').map(str::to_owned).collect();
                if let Some(who) = words.first_mut() {
                    LEFT_OUT.clone_into(who);
                }
                self.last_host(&mut words);
                format!("{name}{}", words.join(" "))
            }
            "c=" => {
                let mut words: Vec<_> = rest.split(' ').map(str::to_owned).collect();
                self.last_host(&mut words);
                format!("{name}{}", words.join(" "))
            }
            "m=" => {
                let mut words: Vec<_> = rest.split(' ').map(str::to_owned).collect();
                self.port_at(&mut words, 1);
                format!("{name}{}", words.join(" "))
            }
            _ if rest.starts_with("candidate:") => self.candidate_line(line),
            _ if rest.starts_with("rtcp:") => {
                let mut words: Vec<_> = rest.split([' ', ':']).map(str::to_owned).collect();
                self.port_at(&mut words, 1);
                if words.len() > 2 {
                    self.last_host(&mut words);
                }
                let place = words.get(1..).unwrap_or_default().join(" ");
                format!("{name}rtcp:{place}")
            }
            _ => self.free_text(line),
        }
    }

    fn candidate_line(&mut self, line: &str) -> String {
        let mut words: Vec<_> = line.split(' ').map(str::to_owned).collect();
        if let Some((name, foundation)) = words.first().and_then(|first| first.split_once(':')) {
            let first = format!("{name}:{}", self.foundation(foundation));
            words[0] = first;
        }
        for index in 0..words.len() {
            let follows = |what: &str| index > 0 && words[index - 1].eq_ignore_ascii_case(what);
            if index == 4 || follows("raddr") {
                words[index] = self.host(&words[index]);
            } else if index == 5 || follows("rport") {
                self.port_at(&mut words, index);
            }
        }
        words.join(" ")
    }

    fn last_host(&mut self, words: &mut [String]) {
        if let Some(last) = words.last_mut() {
            // Behind a slash stands how far it may go.
            let host = last.split('/').next().unwrap_or_default();
            *last = self.host(host);
        }
    }

    fn port_at(&mut self, words: &mut [String], index: usize) {
        if let Some(word) = words.get_mut(index)
            && let Ok(port) = word.parse()
        {
            *word = self.port(port).to_string();
        }
    }

    /// What may name things that stand nowhere else.
    fn free_text(&mut self, text: &str) -> String {
        for word in text.split(|letter: char| !is_of_a_host(letter)) {
            if is_a_host(word) {
                self.host(word);
            }
        }
        for home in HOMES {
            for behind in text.split(home).skip(1) {
                let name = behind.split(['/', '\\', ' ', '"', ':']).next().unwrap_or_default();
                self.name(name, "somebody");
            }
        }
        self.text(text)
    }
}

fn is_of_a_host(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '-' | '.')
}

/// It may be the name of a computer: labels between dots, of which the last has letters alone.
fn is_a_host(word: &str) -> bool {
    let word = word.trim_matches('.');
    let mut labels = word.rsplit('.');
    let last = labels.next().unwrap_or_default();
    let mut others = labels.peekable();
    last.len() >= 2
        && last.chars().all(char::is_alphabetic)
        && others.peek().is_some()
        && others.all(|label| !label.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::logic::{
        course::Role,
        evidence::{LogLevel, Topic},
        redact::{self, ServerNames},
        report::CallReport,
    };

    const SDP: &str = "v=0\no=ada 1 2 IN IP4 198.51.100.7\ns=Ada at home\nc=IN IP4 ada.example\nt=0 0\n\
        m=audio 54321 UDP/TLS/RTP/SAVPF 111\nc=IN IP4 224.2.1.1/127\na=rtcp:54322 IN IP4 203.0.113.9\na=ice-pwd:…\n\
        a=candidate:842163049 1 udp 1677729535 198.51.100.7 54321 typ srflx raddr 192.168.7.9 rport 40000 generation 0\n\
        a=candidate:1 1 udp 1 7f2d-11aa.local 50123 typ host\na=candidate:2 1 udp 1 2001:db8::77 50124 typ host\n\
        a=rtpmap:111 opus/48000/2\na=fmtp:111 useinbandfec=1\n";
    const SECRETS: &[&str] = &[
        "198.51.100.7",
        "192.168.7.9",
        "203.0.113.9",
        "224.2.1.1",
        "2001:db8::77",
        "ada",
        "Ada",
        "7f2d-11aa",
        "54321",
        "54322",
        "40000",
        "50123",
        "842163049",
        "relay.elsewhere",
        "bob",
    ];

    fn report() -> CallReport {
        let mut report = CallReport::begin("1".to_owned(), Role::Caller, 0);
        let log = "a server cannot be used url=turn:relay.elsewhere.org:3478 at 198.51.100.7:54321 in /home/bob/.local";
        report.evidence = Evidence {
            descriptions: vec![Description {
                t_ms: 1,
                leg: 1,
                is_ours: true,
                is_offer: true,
                sdp: SDP.to_owned(),
            }],
            happenings: vec![Happening {
                t_ms: 2,
                topic: Topic::Trial,
                sentence: "The server relay.elsewhere.org relays no calls; [2001:db8::77]:50124 neither"
                    .to_owned(),
            }],
            log: vec![LogLine {
                t_ms: 3,
                level: LogLevel::Debug,
                from: "sightline::peer".to_owned(),
                text: log.to_owned(),
            }],
            ..Evidence::default()
        };
        report
    }

    #[test]
    fn nothing_of_what_is_known_of_a_call_names_an_address_a_computer_or_somebody() {
        let masked = redact::call(&report(), ServerNames::Masked);
        let written = format!("{:?}", masked.evidence);
        for secret in SECRETS {
            assert!(!written.contains(secret), "{secret} in {written}");
        }
    }

    #[test]
    fn what_is_masked_can_still_be_read() {
        let masked = redact::call(&report(), ServerNames::Masked).evidence;
        let sdp = &masked.descriptions[0].sdp;
        assert!(sdp.contains("a=rtpmap:111 opus/48000/2\na=fmtp:111 useinbandfec=1\n"), "{sdp}");
        assert!(sdp.contains("typ srflx raddr private-ip4-a rport"), "{sdp}");
        assert_eq!(sdp.lines().count(), SDP.lines().count());
        let of_candidate = sdp.lines().find(|line| line.contains("typ srflx")).unwrap();
        let mark = of_candidate.split(' ').nth(4).unwrap();
        assert!(
            masked.log[0].text.contains(mark),
            "one address has one mark: {mark} in {}",
            masked.log[0].text
        );
        assert!(
            masked.log[0].text.starts_with("a server cannot be used url=turn:name-"),
            "{}",
            masked.log[0].text
        );
    }

    #[test]
    fn a_device_has_one_mark_wherever_it_is_named() {
        let name = "Ada's AirPods (2)";
        let mut report = report();
        report.evidence.media.devices = vec![format!("microphone: {name}"), "camera: Front".to_owned()];
        report.evidence.media.device_names = vec![name.to_owned(), "bluez_input.AA_BB".to_owned()];
        report.evidence.happenings[0].sentence =
            format!("The microphone Desk of bob was unplugged; using {name}.");
        report.evidence.media.device_names.push("Desk of bob".to_owned());
        report.evidence.log[0].text =
            format!("a device was not opened device=\"{name}\" id=bluez_input.AA_BB");
        let masked = redact::call(&report, ServerNames::Masked).evidence;
        assert_eq!(masked.media.devices, ["microphone: device-a", "camera: device-d"]);
        assert_eq!(masked.media.device_names, ["device-a", "device-b", "device-c"]);
        assert_eq!(masked.happenings[0].sentence, "The microphone device-c was unplugged; using device-a.");
        assert_eq!(masked.log[0].text, "a device was not opened device=\"device-a\" id=device-b");
    }

    #[test]
    fn plain_words_are_no_names_of_computers() {
        for word in ["1.5", "e.g.", "Mbit", "", ".", "...", "360.", "a..b"] {
            assert!(!is_a_host(word), "{word}");
        }
        for word in ["relay.example", "a.b.example", "x-1.example."] {
            assert!(is_a_host(word), "{word}");
        }
    }

    proptest! {
        #[test]
        fn no_address_gets_through_wherever_it_stands(
            bytes in proptest::array::uniform4(1_u8..255), six in any::<[u16; 8]>(), port in 2_000_u16..60_000,
            before in "[ -~]{0,20}", after in "[ -~]{0,20}"
        ) {
            let four = std::net::Ipv4Addr::from(bytes);
            let six = std::net::Ipv6Addr::from(six);
            let mut report = report();
            report.evidence.log[0].text = format!("{before} {four}:{port} {after} [{six}]:{port} {six}");
            let line = format!("a=candidate:9 1 udp 1 {four} {port} typ host\nc=IN IP6 {six}\n");
            report.evidence.descriptions[0].sdp.push_str(&line);
            let masked = redact::call(&report, ServerNames::Masked).evidence;
            for text in [&masked.log[0].text, &masked.descriptions[0].sdp] {
                prop_assert!(!text.contains(&format!(" {four}")), "{four} in {text}");
                prop_assert!(six.is_unspecified() || !text.contains(&format!(" {six}")), "{six} in {text}");
            }
        }
    }
}
