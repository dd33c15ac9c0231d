//! What is said in a call besides sound and picture, from the command line.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sightline_protocol::call::CallId;

use crate::{
    engine::api::{Command, Handle},
    logic::{
        chat::Lines,
        course::Side,
        desk::{Message, MessageState},
    },
};

/// What to say besides.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct TalkArgs {
    /// Write this to the other side when connected; can be given more than once
    #[arg(long, value_name = "TEXT")]
    pub say: Vec<String>,
}

impl TalkArgs {
    /// Says it. To be done once, when the call is connected.
    pub(super) fn begin(&mut self, handle: &Handle) {
        for text in self.say.drain(..) {
            handle.say(Command::Say { text });
        }
    }
}

/// What was told of a chat already.
#[derive(Debug, Default)]
pub(super) struct Told {
    lines: BTreeMap<u64, MessageState>,
}

impl Told {
    /// Each line that is new or stands differently.
    pub(super) fn news<'a>(&mut self, lines: &'a Lines) -> Vec<&'a Message> {
        let news = lines.lines.iter().filter(|line| self.lines.get(&line.id) != Some(&line.state)).collect();
        self.lines = lines.lines.iter().map(|line| (line.id, line.state)).collect();
        news
    }
}

/// A line as an event.
pub(super) fn line_event(call: CallId, line: &Message) -> Value {
    let state = match line.state {
        MessageState::Waiting => "waiting",
        MessageState::Sent => "sent",
        MessageState::Delivered => "delivered",
        MessageState::Failed => "failed",
    };
    json!({
        "call": call, "id": line.id, "from": line.from, "text": line.text, "at_unix_ms": line.at_unix_ms, "state": state,
    })
}

/// A line in words; of ours only what went wrong.
pub(super) fn line_sentence(line: &Message) -> Option<String> {
    match (line.from, line.state) {
        (Side::Them | Side::Nobody, _) => Some(format!("They write: {}", line.text)),
        (Side::Us, MessageState::Failed) => Some(format!("Not delivered: {}", line.text)),
        (Side::Us, MessageState::Waiting | MessageState::Sent | MessageState::Delivered) => None,
    }
}
