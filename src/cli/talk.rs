//! What is said in a call besides sound and picture, from the command line: chat and files.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use anyhow::{Context as _, ensure};

use serde_json::{Value, json};
use sightline_protocol::call::CallId;

use crate::{
    engine::api::{Command, Handle},
    logic::{
        chat::Lines,
        course::Side,
        desk::{Message, MessageState, Transfer, TransferState},
        files::FileOrder,
    },
};

/// What to say besides.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct TalkArgs {
    /// Write this to the other side when connected; can be given more than once
    #[arg(long, value_name = "TEXT")]
    pub say: Vec<String>,
    /// Give this file to the other side when connected; can be given more than once
    #[arg(long, value_name = "FILE")]
    pub send_file: Vec<PathBuf>,
    /// Take every file that is offered, into this folder [default: none is taken]
    #[arg(long, value_name = "DIR")]
    pub save_files: Option<PathBuf>,
    /// Take orders from standard input while the call runs, one a line: restart, path PATH, hinder [loss=PERCENT] [delay=MS]
    /// [no-udp], hang-up
    #[arg(long)]
    pub orders: bool,
}

impl TalkArgs {
    /// Finds out before anybody is rung that a file is not there, or that nothing could be put into the folder.
    pub fn check(&self) -> anyhow::Result<()> {
        for file in &self.send_file {
            let about = std::fs::metadata(file).with_context(|| format!("--send-file {}", file.display()))?;
            ensure!(about.is_file(), "--send-file {}: this is no file", file.display());
        }
        if let Some(folder) = &self.save_files {
            std::fs::create_dir_all(folder).with_context(|| format!("--save-files {}", folder.display()))?;
        }
        Ok(())
    }
}

/// Says what there is to say, and takes files.
#[derive(Debug, Default)]
pub(super) struct Talk {
    args: TalkArgs,
    taken: BTreeSet<u64>,
}

impl Talk {
    /// As it was wished.
    pub(super) fn new(args: TalkArgs) -> Self {
        Self { args, taken: BTreeSet::new() }
    }

    /// Says it. To be done when the call is connected; what was said is not said again.
    pub(super) fn begin(&mut self, handle: &Handle) {
        for text in self.args.say.drain(..) {
            handle.say(Command::Say { text });
        }
        for path in self.args.send_file.drain(..) {
            handle.say(Command::OfferFile { path });
        }
    }

    /// Takes what is offered.
    pub(super) fn take(&mut self, files: &[Transfer], handle: &Handle) {
        let Some(folder) = &self.args.save_files else { return };
        for file in files {
            let is_offered = file.from == Side::Them && file.state == TransferState::Offered;
            if is_offered && self.taken.insert(file.id) {
                let order = FileOrder::Accept { folder: folder.clone() };
                handle.say(Command::File { id: file.id, order });
            }
        }
    }
}

/// What was told already.
#[derive(Debug, Default)]
pub(super) struct Told {
    lines: BTreeMap<u64, MessageState>,
    files: BTreeMap<u64, Transfer>,
}

impl Told {
    /// Each file that stands differently, and whether by more than how much of it is there.
    pub(super) fn files<'a>(&mut self, files: &'a [Transfer]) -> Vec<(&'a Transfer, bool)> {
        let is_new = |file: &Transfer| self.files.get(&file.id).is_none_or(|known| known.state != file.state);
        let news = files.iter().filter(|file| self.files.get(&file.id) != Some(file));
        let news = news.map(|file| (file, is_new(file))).collect();
        self.files = files.iter().map(|file| (file.id, file.clone())).collect();
        news
    }

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

/// A file as an event.
pub(super) fn file_event(call: CallId, file: &Transfer) -> Value {
    let (state, more) = match &file.state {
        TransferState::Offered => ("offered", Value::Null),
        TransferState::Waiting => ("waiting", Value::Null),
        TransferState::Going => ("going", Value::Null),
        TransferState::Paused { by } => ("paused", json!(by)),
        TransferState::Done { path } => ("done", json!(path)),
        TransferState::Failed { why } => ("failed", json!(why)),
        TransferState::Declined => ("declined", Value::Null),
        TransferState::Cancelled { by } => ("cancelled", json!(by)),
    };
    json!({
        "call": call, "id": file.id, "from": file.from, "name": file.name, "size_bytes": file.size_bytes,
        "done_bytes": file.done_bytes, "bytes_per_s": file.bytes_per_s, "state": state, "more": more,
    })
}

/// A file in words, where something became of it.
pub(super) fn file_sentence(file: &Transfer) -> Option<String> {
    let name = &file.name;
    let (ours, mebibytes) = (file.from == Side::Us, file.size_bytes as f64 / f64::from(1 << 20));
    Some(match &file.state {
        TransferState::Offered if ours => format!("Offered “{name}” ({mebibytes:.1} MiB)."),
        TransferState::Offered => format!("They offer “{name}” ({mebibytes:.1} MiB)."),
        TransferState::Waiting | TransferState::Going => return None,
        TransferState::Paused { by: Side::Us } => format!("“{name}” is held."),
        TransferState::Paused { .. } => format!("They hold “{name}”."),
        TransferState::Done { path: Some(path) } => format!("“{name}” is at {}.", path.display()),
        TransferState::Done { path: None } => format!("“{name}” has arrived."),
        TransferState::Failed { why } => format!("“{name}”: {why}"),
        TransferState::Declined => format!("“{name}” was not wanted."),
        TransferState::Cancelled { .. } => format!("“{name}” was cancelled."),
    })
}
