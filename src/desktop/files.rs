//! What is read when the program starts, and kept afterwards.
//!
//! Keeping is for a thread of its own: a disk may take its time, and nobody who talks shall notice. A file that could not be
//! understood is told of once and never written over, so what changes meanwhile lasts until the program ends.

use std::{
    collections::BTreeSet,
    fs,
    sync::{Arc, mpsc},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::sync::mpsc::Sender;

use crate::{
    contacts::Contacts,
    engine::thread::Thread,
    logic::{
        desk::{Choices, Given, Heard, Kept, Past},
        report::CallReport,
    },
    settings::{Profile, ProfileError, SETTINGS_FILE, Settings},
};

use super::choices;

const CONTACTS_FILE: &str = "contacts.toml";
const LINKS_FILE: &str = "links.toml";
const HISTORY_FILE: &str = "recent-calls.json";
const REPORTS_FOLDER: &str = "reports";
/// Reports that are kept. The oldest makes room for one more.
const MAX_REPORTS: usize = 20;
/// Things to be kept that wait for the disk. When it is full whoever has more waits.
const WAITING: usize = 32;

const FILE_DAMAGED: &str = "file.damaged";
const FILE_NOT_KEPT: &str = "file.not_kept";

/// Everything that a desk begins with.
#[derive(Clone, Debug, Default)]
pub(super) struct Loaded {
    pub(super) choices: Choices,
    pub(super) settings: Settings,
    pub(super) contacts: Contacts,
    pub(super) links: Vec<Given>,
    pub(super) history: Vec<Past>,
    /// What is wrong, in words.
    pub(super) troubles: Vec<String>,
    damaged: BTreeSet<&'static str>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Links {
    #[serde(rename = "link")]
    list: Vec<Given>,
}

impl Loaded {
    /// Reads what there is. What is damaged counts as not there, and is told.
    pub(super) fn read(profile: &Profile) -> Self {
        let mut loaded = Self::default();
        loaded.settings = loaded.take(SETTINGS_FILE, profile.settings());
        loaded.choices = choices::from_settings(&loaded.settings);
        loaded.contacts = loaded.take(CONTACTS_FILE, Contacts::load(profile));
        let links =
            parse(profile, LINKS_FILE, |text| toml::from_str::<Links>(text).map_err(|e| e.to_string()));
        loaded.links = loaded.take(LINKS_FILE, links).list;
        let history =
            parse(profile, HISTORY_FILE, |text| serde_json::from_str(text).map_err(|e| e.to_string()));
        loaded.history = loaded.take(HISTORY_FILE, history);
        loaded
    }

    fn take<T: Default>(&mut self, file: &'static str, read: Result<T, ProfileError>) -> T {
        read.unwrap_or_else(|error| {
            self.troubles.push(error.to_string());
            self.damaged.insert(file);
            T::default()
        })
    }
}

fn parse<T: DeserializeOwned + Default>(
    profile: &Profile,
    file: &str,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Result<T, ProfileError> {
    let Some((path, text)) = profile.read(file)? else { return Ok(T::default()) };
    parse(&text).map_err(|reason| ProfileError::DamagedSettings { path, reason: reason.trim().to_owned() })
}

/// Keeps things. What was given before this is dropped is written.
pub(super) struct Files {
    /// Dropped first, so that the thread ends.
    kept: Option<mpsc::SyncSender<Kept>>,
    _thread: Option<Thread>,
}

impl Files {
    /// Starts; what cannot be kept is told to `news`.
    pub(super) fn start(profile: Profile, loaded: &Loaded, news: Sender<Heard>) -> Self {
        let (kept, to_keep) = mpsc::sync_channel(WAITING);
        let mut keeper = Keeper { profile, damaged: loaded.damaged.clone(), news };
        let started = Thread::spawn("files", move || {
            while let Ok(kept) = to_keep.recv() {
                keeper.keep(kept);
            }
        });
        match started {
            Ok(thread) => Self { kept: Some(kept), _thread: Some(thread) },
            Err(error) => {
                tracing::error!(%error, "the system gave no thread for files; nothing will be kept");
                Self { kept: None, _thread: None }
            }
        }
    }

    /// To be kept.
    pub(super) fn keep(&self, what: Kept) {
        if let Some(kept) = &self.kept {
            kept.send(what).ok();
        }
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        self.kept.take();
    }
}

struct Keeper {
    profile: Profile,
    damaged: BTreeSet<&'static str>,
    news: Sender<Heard>,
}

impl Keeper {
    fn keep(&mut self, kept: Kept) {
        let outcome = match kept {
            Kept::Contacts(contacts) => self.unless_damaged(CONTACTS_FILE, |profile| contacts.store(profile)),
            Kept::Links(list) => self.unless_damaged(LINKS_FILE, |profile| {
                let text = toml::to_string(&Links { list }).expect("tokens, times and notes can be written");
                profile.replace(LINKS_FILE, &text)
            }),
            Kept::History(list) => self.unless_damaged(HISTORY_FILE, |profile| {
                let text = serde_json::to_string_pretty(&list).expect("calls can be written");
                profile.replace(HISTORY_FILE, &(text + "\n"))
            }),
            Kept::Choices(choices) => {
                self.unless_damaged(SETTINGS_FILE, |profile| keep_choices(profile, &choices))
            }
            Kept::Report(report) => keep_report(&self.profile, &report),
        };
        if let Err(error) = outcome {
            let text = error.to_string();
            self.news.blocking_send(Heard::Problem { text, code: FILE_NOT_KEPT }).ok();
        }
    }

    fn unless_damaged(
        &self,
        file: &'static str,
        keep: impl FnOnce(&Profile) -> Result<(), ProfileError>,
    ) -> Result<(), ProfileError> {
        if self.damaged.contains(file) {
            let path = self.profile.folder().join(file);
            let text = format!(
                "{} is damaged and left as it is, so what you change now lasts until you quit. Correct the file or move it away",
                path.display()
            );
            self.news.blocking_send(Heard::Problem { text, code: FILE_DAMAGED }).ok();
            return Ok(());
        }
        keep(&self.profile)
    }
}

fn keep_choices(profile: &Profile, choices: &Choices) -> Result<(), ProfileError> {
    let text = profile.read(SETTINGS_FILE)?.map(|(_, text)| text).unwrap_or_default();
    let written = choices::write_into(&text, choices).map_err(|error| ProfileError::DamagedSettings {
        path: profile.folder().join(SETTINGS_FILE),
        reason: error.to_string().trim().to_owned(),
    })?;
    if written == text { Ok(()) } else { profile.replace(SETTINGS_FILE, &written) }
}

/// The newest few, each in a file of its own: named by when it began, so that they sort by age.
fn keep_report(profile: &Profile, report: &Arc<CallReport>) -> Result<(), ProfileError> {
    let folder = profile.folder().join(REPORTS_FOLDER);
    let io = |doing| {
        let path = folder.clone();
        move |reason| ProfileError::Io { path, doing, reason }
    };
    fs::create_dir_all(&folder).map_err(io("made"))?;
    let call = report.call.get(..8).unwrap_or("call");
    let name = format!("{REPORTS_FOLDER}/{:013}-{call}.json", report.began_unix_ms);
    let text = serde_json::to_string(&**report).map_err(|error| io("written")(error.into()))? + "\n";
    profile.replace(&name, &text)?;
    let mut there: Vec<_> = fs::read_dir(&folder)
        .map_err(io("read"))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    there.sort();
    for old in there.iter().take(there.len().saturating_sub(MAX_REPORTS)) {
        fs::remove_file(old).ok();
    }
    Ok(())
}
