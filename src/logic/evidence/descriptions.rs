//! What the two sides proposed to each other, without what opens anything: passwords, user names and fingerprints of ICE and
//! DTLS are struck out before a description is kept.

use sightline_protocol::call::DescriptionKind;

use super::{CodecFact, Description, MOST_DESCRIPTIONS};

/// How much of one description is kept: those of a call are a tenth of that. What comes behind is cut off.
const MOST_BYTES: usize = 24 * 1024;
/// How many of the first ones are kept: an offer and an answer of the first leg.
const FIRST: usize = 2;
/// How many codecs are told.
const MOST_CODECS: usize = 16;
/// Longer than this no parameters are.
const LONGEST: usize = 200;

/// What stands in the place of what is struck out.
const STRUCK_OUT: &str = "…";
/// The lines of which only the name is kept.
const SECRETS: &[&str] = &["a=ice-pwd:", "a=ice-ufrag:", "a=fingerprint:", "a=crypto:", "k="];

/// See the head of this file.
#[derive(Clone, Debug, Default)]
pub struct Descriptions {
    list: Vec<Description>,
}

impl Descriptions {
    /// One side described a leg.
    pub fn note(&mut self, t_ms: u64, leg: u32, is_ours: bool, kind: DescriptionKind, sdp: &str) {
        let is_offer = match kind {
            DescriptionKind::Offer => true,
            DescriptionKind::Answer => false,
            DescriptionKind::Rollback => return,
        };
        if self.list.len() >= MOST_DESCRIPTIONS {
            self.list.remove(FIRST);
        }
        self.list.push(Description { t_ms, leg, is_ours, is_offer, sdp: without_secrets(sdp) });
    }

    /// The oldest first.
    pub(super) fn list(&self) -> Vec<Description> {
        self.list.clone()
    }

    /// What was agreed on for that leg: each codec, in the order in which they are preferred.
    pub fn codecs(&self, leg: u32) -> Vec<CodecFact> {
        self.answer(leg).map(|answer| codecs(&answer.sdp)).unwrap_or_default()
    }

    /// Whether this end is the `client` or the `server` of that leg's handshake.
    pub fn dtls_role(&self, leg: u32) -> Option<&'static str> {
        let answer = self.answer(leg)?;
        let setup = answer.sdp.lines().find_map(|line| line.strip_prefix("a=setup:"))?;
        // Whoever is active begins.
        match (setup.trim(), answer.is_ours) {
            ("active", true) | ("passive", false) => Some("client"),
            ("passive", true) | ("active", false) => Some("server"),
            (_, _) => None,
        }
    }

    fn answer(&self, leg: u32) -> Option<&Description> {
        self.list.iter().rev().find(|description| description.leg == leg && !description.is_offer)
    }
}

/// A description as it may be shown to whoever sees the call.
pub(super) fn without_secrets(sdp: &str) -> String {
    let mut kept = String::new();
    for line in sdp.lines() {
        let secret = SECRETS.iter().find(|name| starts_with(line, name));
        let line = match secret {
            Some(name) => format!("{name}{STRUCK_OUT}"),
            None => without_user_name(line),
        };
        if kept.len() + line.len() + 1 > MOST_BYTES {
            break;
        }
        kept.push_str(&line);
        kept.push('\n');
    }
    kept
}

fn starts_with(line: &str, name: &str) -> bool {
    line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
}

/// Candidates name the user of their connection too.
fn without_user_name(line: &str) -> String {
    let mut words: Vec<&str> = line.split(' ').collect();
    for index in 1..words.len() {
        if words[index - 1].eq_ignore_ascii_case("ufrag") {
            words[index] = STRUCK_OUT;
        }
    }
    words.join(" ")
}

fn codecs(sdp: &str) -> Vec<CodecFact> {
    let mut found: Vec<CodecFact> = Vec::new();
    let mut kind = "";
    let mut in_section = 0;
    for line in sdp.lines() {
        if let Some(media) = line.strip_prefix("m=") {
            kind = media.split(' ').next().unwrap_or_default();
            in_section = found.len();
        } else if let Some((number, codec)) = numbered(line, "a=rtpmap:") {
            let mut parts = codec.split('/');
            let (name, clock) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            if found.len() < MOST_CODECS {
                let parameters = parts.next().map(|channels| format!("{channels} channels"));
                found.push(CodecFact {
                    kind: kind.to_owned(),
                    mime: format!("{kind}/{name}"),
                    payload_type: number,
                    clock_hz: clock.trim().parse().unwrap_or_default(),
                    parameters: parameters.unwrap_or_default(),
                });
            }
        } else if let Some((number, parameters)) = numbered(line, "a=fmtp:") {
            let codecs = found.get_mut(in_section..).unwrap_or_default();
            if let Some(codec) = codecs.iter_mut().find(|codec| codec.payload_type == number) {
                let parameters = super::cut(parameters.trim().to_owned(), LONGEST);
                codec.parameters = match codec.parameters.as_str() {
                    "" => parameters,
                    channels => format!("{channels}; {parameters}"),
                };
            }
        }
    }
    found
}

fn numbered<'a>(line: &'a str, name: &str) -> Option<(u8, &'a str)> {
    let (number, rest) = line.strip_prefix(name)?.split_once(' ')?;
    Some((number.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n\
        a=ice-ufrag:secretuser\r\na=ice-pwd:secretpassword\r\na=fingerprint:sha-256 AB:CD\r\na=setup:active\r\n\
        a=rtpmap:111 opus/48000/2\r\na=fmtp:111 useinbandfec=1\r\n\
        a=candidate:1 1 udp 1 192.0.2.1 5 typ host generation 0 ufrag secretuser\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 102 103\r\na=rtpmap:102 H264/90000\r\n\
        a=fmtp:102 profile-level-id=42e01f;packetization-mode=1\r\na=rtpmap:103 rtx/90000\r\na=fmtp:103 apt=102\r\n";

    #[test]
    fn what_opens_anything_is_struck_out() {
        let mut descriptions = Descriptions::default();
        descriptions.note(1, 1, true, DescriptionKind::Answer, ANSWER);
        let [kept] = descriptions.list().try_into().expect("one");
        for secret in ["secretuser", "secretpassword", "AB:CD"] {
            assert!(!kept.sdp.contains(secret), "{secret} in {}", kept.sdp);
        }
        assert!(kept.sdp.contains("a=ice-pwd:…") && kept.sdp.contains("typ host"), "{}", kept.sdp);
    }

    #[test]
    fn an_answer_tells_what_was_agreed_on() {
        let mut descriptions = Descriptions::default();
        descriptions.note(1, 3, false, DescriptionKind::Answer, ANSWER);
        let codecs = descriptions.codecs(3);
        let told: Vec<_> = codecs
            .iter()
            .map(|codec| (codec.mime.as_str(), codec.payload_type, codec.clock_hz, codec.parameters.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                ("audio/opus", 111, 48_000, "2 channels; useinbandfec=1"),
                ("video/H264", 102, 90_000, "profile-level-id=42e01f;packetization-mode=1"),
                ("video/rtx", 103, 90_000, "apt=102"),
            ]
        );
        assert_eq!(descriptions.codecs(1), []);
    }

    #[test]
    fn whoever_is_active_begins_the_handshake() {
        for (is_ours, role) in [(true, "client"), (false, "server")] {
            let mut descriptions = Descriptions::default();
            descriptions.note(1, 1, is_ours, DescriptionKind::Answer, ANSWER);
            assert_eq!(descriptions.dtls_role(1), Some(role));
        }
    }

    #[test]
    fn the_first_two_and_the_last_ones_are_kept_and_none_is_longer_than_it_may_be() {
        let mut descriptions = Descriptions::default();
        let long = "a=x\n".repeat(100_000);
        for leg in 0..100 {
            descriptions.note(0, leg, true, DescriptionKind::Offer, &long);
        }
        let list = descriptions.list();
        assert!(list.iter().all(|description| description.sdp.len() <= MOST_BYTES));
        let legs: Vec<_> = list.iter().map(|description| description.leg).collect();
        assert_eq!((legs.len(), &legs[..3], legs[11]), (MOST_DESCRIPTIONS, &[0, 1, 90][..], 99));
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_too_strange_to_be_read(text in "[a-z=:/ \r\nmü0-9]{0,200}") {
            let mut descriptions = Descriptions::default();
            descriptions.note(0, 1, true, DescriptionKind::Answer, &text);
            let (_, _) = (descriptions.codecs(1), descriptions.dtls_role(1));
        }
    }
}
