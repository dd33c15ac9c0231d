//! Prints what happens: sentences for people, or one JSON object a line for programs.

use std::io::{self, Write as _};

use serde_json::{Value, json};
use sightline_protocol::keys::Address;

use super::talk;
use crate::{
    engine::{
        api::{SpokenCode, Update},
        clock::Clock,
    },
    logic::{
        course::{EndReason, Link, Side, Stage, Step},
        path::PathReport,
    },
};

/// A sentence on standard output. A reader that has gone away is no fault of ours.
pub(super) fn say(text: &str) {
    writeln!(io::stdout().lock(), "{text}").ok();
}

/// A sentence on standard error.
pub(super) fn complain(text: &str) {
    writeln!(io::stderr().lock(), "{text}").ok();
}

/// Tells what the engine tells.
pub(super) struct Teller {
    clock: Clock,
    started: std::time::Instant,
    as_events: bool,
    /// Before each sentence; says which of two installations speaks.
    prefix: String,
    /// The last sentence about a lost server; an attempt that fails in the same way again is not worth another.
    server_trouble: Option<String>,
    /// What is closed, of a call that found no path.
    closed: Option<String>,
    talk: talk::Told,
}

impl Teller {
    pub(super) fn new(clock: Clock, as_events: bool, prefix: &str) -> Self {
        Self {
            clock,
            started: clock.now(),
            as_events,
            prefix: prefix.to_owned(),
            server_trouble: None,
            closed: None,
            talk: talk::Told::default(),
        }
    }

    /// Something that has no event of its own.
    pub(super) fn note(&self, event: &str, text: &str, details: Value) {
        if self.as_events {
            self.event(event, details);
        } else {
            say(&format!("{}{text}", self.prefix));
        }
    }

    pub(super) fn tell(&mut self, update: &Update) {
        let mut said_before = false;
        if let Update::SwitchboardDown { why } = update {
            said_before = self.server_trouble.replace(why.clone()).as_ref() == Some(why);
        } else if matches!(update, Update::SwitchboardUp) {
            self.server_trouble = None;
        } else if let Update::Path { call: _, path } = update {
            self.closed.clone_from(&path.closed);
        } else if matches!(update, Update::Standing { .. }) {
            // What changes of it is told when it does.
            return;
        } else if let Update::Chat { call, lines } = update {
            for line in self.talk.news(lines) {
                if self.as_events {
                    self.event("chat", talk::line_event(*call, line));
                } else if let Some(text) = talk::line_sentence(line) {
                    say(&format!("{}{text}", self.prefix));
                }
            }
            return;
        } else if let Update::Files { call, files } = update {
            for (file, is_new) in self.talk.files(files) {
                if self.as_events {
                    self.event("file", talk::file_event(*call, file));
                } else if let Some(text) = talk::file_sentence(file).filter(|_| is_new) {
                    say(&format!("{}{text}", self.prefix));
                }
            }
            return;
        }
        if self.as_events {
            let (name, details) = as_event(update);
            self.event(name, details);
        } else if let Some(text) = as_sentence(update, self.closed.as_deref()).filter(|_| !said_before) {
            say(&format!("{}{text}", self.prefix));
        }
    }

    fn event(&self, name: &str, mut details: Value) {
        let t_ms = self.clock.now().saturating_duration_since(self.started).as_millis();
        if let Value::Object(fields) = &mut details {
            fields.insert("event".to_owned(), name.into());
            fields.insert("t_ms".to_owned(), u64::try_from(t_ms).unwrap_or(u64::MAX).into());
            let who = self.prefix.trim_end_matches([':', ' ']);
            if !who.is_empty() {
                fields.insert("who".to_owned(), who.into());
            }
        }
        say(&details.to_string());
    }
}

fn as_event(update: &Update) -> (&'static str, Value) {
    match update {
        Update::SwitchboardUp => ("switchboard", json!({ "up": true })),
        Update::SwitchboardDown { why } => ("switchboard", json!({ "up": false, "why": why })),
        Update::SwitchboardRefused { why } => {
            ("switchboard", json!({ "up": false, "refused": true, "why": why }))
        }
        Update::Network { interfaces } => ("network", json!({ "interfaces": **interfaces })),
        Update::Home { server } => ("home", json!({ "server": server.as_ref().map(ToString::to_string) })),
        Update::Began { call, peer, role, media, token: _ } => {
            ("began", json!({ "call": call, "peer": peer, "role": role, "media": media }))
        }
        Update::Agreed { call, media, code } => {
            let code = code.as_ref().map(SpokenCode::get);
            ("agreed", json!({ "call": call, "media": media, "code": code }))
        }
        Update::NotDialled { why } => ("not_dialled", json!({ "why": why })),
        Update::Present { who, connected } => ("present", json!({ "peer": who, "connected": connected })),
        Update::Stage { call, peer, stage, name } => {
            let mut details = json!({ "call": call, "peer": peer, "name": name });
            merge(&mut details, serde_json::to_value(stage).unwrap_or_default());
            ("state", details)
        }
        Update::Link { call, link } => ("link", json!({ "call": call, "link": link })),
        Update::Path { call, path } | Update::Standing { call, path, evidence: _ } => {
            ("path", path_event(call.to_string(), path))
        }
        Update::Statistics { call, statistics } => {
            let mut details = json!({ "call": call });
            merge(&mut details, serde_json::to_value(statistics).unwrap_or_default());
            ("statistics", details)
        }
        Update::TheirStatus { call, status } => ("status", json!({ "call": call, "status": status })),
        Update::Chat { call, lines } => ("chat", json!({ "call": call, "lines": lines.lines.len() })),
        Update::Files { call, files } => ("file", json!({ "call": call, "files": files.len() })),
        Update::SpeakingWhileMuted { call } => ("speaking_while_muted", json!({ "call": call })),
        Update::TurnedAway { from, name } => ("turned_away", json!({ "peer": from, "name": name })),
        Update::Consulted { with } => ("consulted", json!({ "peer": with })),
        Update::NoRelay { call, why } => ("no_relay", json!({ "call": call, "why": why })),
        Update::Devices(devices) => ("devices", json!({ "devices": devices })),
        Update::Device(in_use) => {
            ("device", json!({ "kind": in_use.kind, "device": in_use.device, "words": in_use.words }))
        }
        Update::Previewing(on) => ("previewing", json!({ "on": on })),
        Update::Problem { text } => ("problem", json!({ "text": text })),
        Update::Over { report } => ("report", json!({ "call": report.call, "report": report })),
    }
}

fn path_event(call: String, path: &PathReport) -> Value {
    json!({ "call": call, "sentence": path.sentence, "route": path.route, "closed": path.closed, "in_use": path.in_use })
}

fn merge(details: &mut Value, more: Value) {
    if let (Value::Object(details), Value::Object(more)) = (details, more) {
        details.extend(more);
    }
}

fn as_sentence(update: &Update, closed: Option<&str>) -> Option<String> {
    Some(match update {
        Update::SwitchboardUp => "Connected to the server.".to_owned(),
        Update::SwitchboardDown { why } => format!("Not connected to the server: {why}. Trying again."),
        Update::SwitchboardRefused { why } => format!("Not connected to the server: {why}."),
        Update::Stage { call: _, peer, stage, name } => {
            stage_sentence(*peer, *stage, name.as_deref(), closed)?
        }
        Update::Link { call: _, link: Link::PathFound } => "A path works; agreeing on keys.".to_owned(),
        Update::Link { .. }
        | Update::Home { .. }
        | Update::Network { .. }
        | Update::Began { .. }
        | Update::Agreed { .. }
        | Update::Present { .. }
        | Update::Statistics { .. }
        | Update::Chat { .. }
        | Update::Files { .. }
        | Update::Standing { .. }
        | Update::Devices(_)
        | Update::Previewing(_)
        | Update::Over { .. } => return None,
        Update::Device(in_use) => in_use.words.clone(),
        // What is closed stands in the last sentence of the call.
        Update::Path { call: _, path } if path.closed.is_some() => return None,
        Update::Path { call: _, path } => format!("Path: {}.", path.sentence),
        Update::TheirStatus { call: _, status } => format!(
            "The other side: microphone {}, camera {}{}.",
            if status.muted { "off" } else { "on" },
            if status.camera_off { "off" } else { "on" },
            if status.sharing { ", showing their screen" } else { "" },
        ),
        Update::SpeakingWhileMuted { .. } => {
            "You are speaking, and nobody hears it: the microphone is off.".to_owned()
        }
        Update::TurnedAway { from, name } => {
            format!("{} rang and heard that we are busy.", who(*from, name.as_deref()))
        }
        Update::Consulted { with } => {
            format!("{} asked what this network looks like, and was told.", who(*with, None))
        }
        Update::NoRelay { call: _, why: text }
        | Update::NotDialled { why: text }
        | Update::Problem { text } => text.clone(),
    })
}

fn stage_sentence(peer: Address, stage: Stage, name: Option<&str>, closed: Option<&str>) -> Option<String> {
    let who = who(peer, name);
    Some(match stage {
        Stage::Inviting => format!("Calling {who}."),
        Stage::Reached => return None,
        Stage::RingingThere => "It rings there.".to_owned(),
        Stage::RingingHere => format!("{who} is calling."),
        Stage::Connecting => "Accepted; looking for a path.".to_owned(),
        Stage::Connected => "Connected.".to_owned(),
        Stage::Reconnecting => "Nothing comes through; looking for another path.".to_owned(),
        Stage::Ended { reason, by } => ending(reason, by, closed),
    })
}

/// The last sentence of a call: why it is over, and what can be done. `closed` is what the path says of itself.
pub(super) fn ending(reason: EndReason, by: Side, closed: Option<&str>) -> String {
    let text = match reason {
        EndReason::Normal => match by {
            Side::Us => "The call is over.",
            Side::Them | Side::Nobody => "The other side hung up.",
        },
        EndReason::Declined => "The call was declined.",
        EndReason::Busy => "They are in another call. Try again later.",
        EndReason::Cancelled => "The call was given up before it was answered.",
        EndReason::NoAnswer => "Nobody answered.",
        EndReason::Unreachable => {
            "They are not connected to their server. Try again later, or ask them to start Sightline."
        }
        EndReason::ConnectFailed(step) => {
            return match (step, closed) {
                (Step::Candidates | Step::Checks, Some(closed)) => {
                    format!("No connection came about: {closed}.")
                }
                (
                    Step::OurSide | Step::Description | Step::Candidates | Step::Checks | Step::Encryption,
                    _,
                ) => {
                    format!("No connection came about: {}", stuck(step))
                }
            };
        }
        EndReason::Lost => {
            return match closed {
                Some(closed) => format!("The connection was lost: {closed}."),
                None => "The connection was lost.".to_owned(),
            };
        }
        EndReason::RefusedLink => "This link is not good for a call any more. Ask for a new one.",
        EndReason::IncompatibleVersion => "The two programs are too far apart in age. Update the older one.",
        EndReason::Replaced => "Another call between you two took its place.",
    };
    text.to_owned()
}

fn stuck(step: Step) -> &'static str {
    match step {
        Step::OurSide => "this computer's end could not be made; see above what was in the way.",
        Step::Description => {
            "the other side never described itself. Its server may have lost it; call again."
        }
        Step::Candidates => {
            "the other side named no address at which it can be reached. Its network may be down."
        }
        Step::Checks => {
            "none of the addresses answered. A firewall on one of the two sides lets nothing through; a relay would help."
        }
        Step::Encryption => "a path works, but the keys were not agreed on. Call again.",
    }
}

fn who(peer: Address, name: Option<&str>) -> String {
    match name {
        Some(name) => format!("{name} ({}…)", peer.short()),
        None => format!("{}…", peer.short()),
    }
}
