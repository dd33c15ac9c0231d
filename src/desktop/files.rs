//! What is read when the program starts, and kept afterwards.
//!
//! Keeping is for a thread of its own: a disk may take its time, and nobody who talks shall notice. A file that could not be
//! understood is told of once and never written over, so what changes meanwhile lasts until the program ends.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs,
    path::Path,
    sync::{Arc, mpsc},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::sync::mpsc::Sender;

use crate::{
    contacts::Contacts,
    engine::thread::Thread,
    logic::{
        desk::{Choices, Given, Heard, Kept, Past},
        proof::{Form, render},
        redact::{self, ServerNames},
        report::CallReport,
    },
    settings::{Profile, ProfileError, SETTINGS_FILE, Settings},
};

use super::choices;

const CONTACTS_FILE: &str = "contacts.toml";
const LINKS_FILE: &str = "links.toml";
const HISTORY_FILE: &str = "recent-calls.json";
const REPORTS_FOLDER: &str = "reports";
/// Reports that are kept. The oldest makes room for one more. One of ten minutes or more takes up to half a megabyte.
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

/// The newest few, each in a file of its own: named by when it began, so that they sort by age. They stay here, so they are
/// whole: whoever looks for a fault later needs the addresses, and what is saved or rendered from them is masked.
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
        .filter(|path| path.file_name().and_then(OsStr::to_str).is_some_and(is_kept_report))
        .collect();
    there.sort();
    for old in there.iter().take(there.len().saturating_sub(MAX_REPORTS)) {
        fs::remove_file(old).ok();
    }
    Ok(())
}

/// A name that [`keep_report`] gives. What somebody else put there is left alone.
fn is_kept_report(name: &str) -> bool {
    let Some((began, call)) = name.strip_suffix(".json").and_then(|name| name.split_once('-')) else {
        return false;
    };
    began.len() >= 13 && began.bytes().all(|byte| byte.is_ascii_digit()) && call.len() <= 8
}

/// A report as it is saved where somebody wishes: in the form that the name asks for, and masked. Whoever saves a report means
/// to pass it on.
pub(super) fn to_be_saved(report: &CallReport, path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    render(&redact::call(report, ServerNames::Masked), Form::of_file(&name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logic::course::Role;

    fn report(began_unix_ms: u64) -> Arc<CallReport> {
        Arc::new(CallReport::begin(format!("{began_unix_ms:032x}"), Role::Caller, began_unix_ms))
    }

    #[test]
    fn the_newest_reports_are_kept_and_what_is_not_ours_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let profile = Profile::at(Some(folder.path())).unwrap();
        let reports = folder.path().join(REPORTS_FOLDER);
        fs::create_dir_all(&reports).unwrap();
        for foreign in ["0.json", "0000000000001-x.txt", "mine.json"] {
            fs::write(reports.join(foreign), "").unwrap();
        }
        let newest = 1_795_273_200_000_u64;
        for call in 0..MAX_REPORTS as u64 + 5 {
            keep_report(&profile, &report(newest - call)).unwrap();
        }
        // What somebody said of a call is written later, over the same file.
        keep_report(&profile, &report(newest)).unwrap();
        let mut names: Vec<_> = fs::read_dir(&reports)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        let (ours, foreign): (Vec<_>, Vec<_>) = names.into_iter().partition(|name| is_kept_report(name));
        assert_eq!(foreign, ["0.json", "0000000000001-x.txt", "mine.json"]);
        assert_eq!(ours.len(), MAX_REPORTS);
        assert!(ours.last().unwrap().starts_with(&newest.to_string()));
        assert!(ours[0].starts_with(&(newest - MAX_REPORTS as u64 + 1).to_string()), "{ours:?}");
    }

    #[test]
    fn what_is_saved_has_the_form_of_its_name_and_is_masked() {
        let report = report(1);
        let begins = |name: &str| to_be_saved(&report, Path::new(name)).chars().take(15).collect::<String>();
        assert_eq!(begins("/a/b.html"), "<!doctype html>");
        assert!(begins("b.txt").starts_with("Sightline"));
        let masked = |name: &str| to_be_saved(&report, Path::new(name)).contains("\"redacted\": true");
        assert!(masked("b.json") && masked("b"));
        assert!(to_be_saved(&report, Path::new("b.dump")).contains("\"PeerConnections\""));
    }
}
