//! A call between two programs in two namespaces, and what both told of it.

use std::{
    collections::{BTreeMap, HashSet},
    fs::{self, File},
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::world::{Who, World};
use crate::support::programs::Program;

/// From the start of a program until the switchboard knows it, on a busy machine.
const KNOWN_WITHIN: Duration = Duration::from_secs(20);
/// From hanging up until both programs have written everything.
const WRITTEN_WITHIN: Duration = Duration::from_secs(30);

/// A small picture and few of them: what these tests ask is not how they look.
const MEDIA: &[&str] = &["--size", "320x180", "--fps", "15"];

/// A call that runs; A called B.
pub(crate) struct Call {
    caller: Party,
    callee: Party,
    began: Instant,
    _folder: tempfile::TempDir,
}

struct Party {
    program: Program,
    profile: PathBuf,
}

/// What is left of a call.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) caller: Account,
    pub(crate) callee: Account,
}

/// What one program told.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) code: i32,
    /// Empty where there was no call to report.
    pub(crate) report: Value,
    /// Every event.
    pub(crate) events: Vec<Value>,
    pub(crate) log: String,
    /// The other side's sound, where it was recorded.
    pub(crate) sound: Option<Vec<f32>>,
    /// The files that it took, by name.
    pub(crate) saved: BTreeMap<String, Vec<u8>>,
}

impl Call {
    /// A calls B. Both send a test picture and a test sound.
    pub(crate) fn start(world: &World, args: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = world.servers.url.clone();
        let party = |who, name: &str, action: &[&str]| {
            let profile = folder.path().join(name);
            fs::create_dir_all(&profile).unwrap();
            let mut command = world.nets.command(World::client(who), env!("CARGO_BIN_EXE_sightline"));
            command
                .args(action)
                .args(["--events", "--report", "REPORT"].map(|arg| match arg {
                    "REPORT" => profile.join("report.json").into_os_string(),
                    arg => arg.into(),
                }))
                .args(MEDIA)
                .env(
                    "SIGHTLINE_LOG",
                    std::env::var("SIGHTLINE_LOG").unwrap_or_else(|_| "sightline=debug".to_owned()),
                )
                .stdin(Stdio::piped())
                .stderr(File::create(profile.join("log")).unwrap());
            Party { program: Program::spawn(&mut command, &profile, args), profile }
        };
        let mut callee = party(Who::B, "callee", &["answer", "--server", &url]);
        let waiting = callee.program.wait_within(KNOWN_WITHIN, |event| event["event"] == "waiting");
        let waiting =
            waiting.unwrap_or_else(|why| panic!("B does not wait for a call {why}\n{}", callee.log()));
        let link = waiting["link"].as_str().unwrap();
        let caller = party(Who::A, "caller", &["call", link]);
        Self { caller, callee, began: Instant::now(), _folder: folder }
    }

    /// Waits until both see each other.
    pub(crate) fn seen(mut self, limit: Duration) -> Self {
        let sees = |party: &mut Party| {
            let seen = |event: &Value| event["counters"]["frames_shown"].as_u64() > Some(0);
            party.program.wait_within(limit, seen).is_ok()
        };
        if !(sees(&mut self.caller) && sees(&mut self.callee)) {
            self.callee.program.interrupt();
            panic!("they do not see each other within {limit:?}\n{}", self.hang_up().in_words());
        }
        self
    }

    /// Waits for an event of each side, the same or a later one of the other.
    pub(crate) fn both_tell(
        &mut self,
        limit: Duration,
        is_it: impl Fn(&Value) -> bool,
    ) -> Result<(), String> {
        self.caller.program.wait_within(limit, &is_it)?;
        self.callee.program.wait_within(limit, &is_it).map(|_| ())
    }

    /// The caller is given an order.
    pub(crate) fn order(&mut self, line: &str) {
        self.caller.program.order(line);
    }

    /// Waits for an event of that side.
    pub(crate) fn tells(
        &mut self,
        who: Who,
        limit: Duration,
        is_it: impl Fn(&Value) -> bool,
    ) -> Result<Value, String> {
        let party = match who {
            Who::A => &mut self.caller,
            Who::B => &mut self.callee,
        };
        party.program.wait_within(limit, is_it)
    }

    /// The caller hangs up.
    pub(crate) fn hang_up(self) -> Told {
        self.caller.program.interrupt();
        self.ended(Duration::ZERO)
    }

    /// Waits until it is over, at most so long after its beginning and the time that takes to write it down.
    pub(crate) fn ended(self, limit: Duration) -> Told {
        let left = limit.saturating_sub(self.began.elapsed()) + WRITTEN_WITHIN;
        Told { caller: self.caller.account(left), callee: self.callee.account(left) }
    }
}

impl Party {
    fn log(&self) -> String {
        fs::read_to_string(self.profile.join("log")).unwrap_or_default()
    }

    fn account(self, limit: Duration) -> Account {
        let ended = self.program.ended_or_killed(limit);
        let read = |name| fs::read_to_string(self.profile.join(name)).unwrap_or_default();
        Account {
            code: ended.code,
            report: serde_json::from_str(&read("report.json")).unwrap_or_default(),
            events: ended.output.lines().filter_map(|line| serde_json::from_str(line).ok()).collect(),
            log: read("log"),
            saved: saved(&self.profile.join("saved")),
            sound: sightline::media::wav::read(&self.profile.join("rec/remote.wav")).ok(),
        }
    }
}

fn saved(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    files
        .map(|file| (file.file_name().to_string_lossy().into_owned(), fs::read(file.path()).unwrap()))
        .collect()
}

impl Told {
    /// Both.
    pub(crate) fn accounts(&self) -> [&Account; 2] {
        [&self.caller, &self.callee]
    }

    /// From *accepted* until a person sees the other: the later of the two.
    pub(crate) fn accept_to_picture(&self) -> Option<Duration> {
        let [caller, callee] = self.accounts().map(Account::accept_to_picture);
        Some(caller?.max(callee?))
    }

    /// How A, or else B, speaks to a relay of its own that is on the path.
    pub(crate) fn relayed_over<'a>(&'a self) -> Option<&'a str> {
        let over = |account: &'a Account| account.path()?["in_use"]["our_relay"]["over"].as_str();
        self.accounts().into_iter().find_map(over)
    }

    /// What a failed test shows.
    pub(crate) fn in_words(&self) -> String {
        let mut text = String::new();
        for (name, account) in ["caller", "callee"].into_iter().zip(self.accounts()) {
            text += &format!("── {name}, exit code {}\n", account.code);
            for event in &account.events {
                let event = match event["event"].as_str() {
                    Some("statistics") => continue,
                    Some("report") => account.figures(),
                    Some(_) | None => event.clone(),
                };
                text += &format!("{event}\n");
            }
            text += &abridged(&account.log);
        }
        text
    }
}

/// A log without what it says again and again.
fn abridged(log: &str) -> String {
    let mut said = HashSet::new();
    let fresh =
        |line: &&str| said.insert(line.split_once(' ').map_or(*line, |(_time, words)| words).to_owned());
    log.lines().filter(fresh).take(300).map(|line| line.to_owned() + "\n").collect()
}

impl Account {
    fn accept_to_picture(&self) -> Option<Duration> {
        let firsts = &self.report["firsts"];
        let (accepted, picture) = (firsts["accepted_ms"].as_u64()?, firsts["picture_ms"].as_u64()?);
        Some(Duration::from_millis(picture.saturating_sub(accepted)))
    }

    /// What of the report tells why something was late or did not come.
    fn figures(&self) -> Value {
        let kept = ["stages", "firsts", "counters", "pictures", "sound", "end", "links"];
        kept.iter().map(|name| ((*name).to_owned(), self.report[*name].clone())).collect()
    }

    /// The last path that it told of.
    pub(crate) fn path(&self) -> Option<&Value> {
        self.events.iter().rev().find(|event| event["event"] == "path" && !event["in_use"].is_null())
    }

    pub(crate) fn sentence(&self) -> &str {
        self.path().and_then(|path| path["sentence"].as_str()).unwrap_or("no path")
    }

    /// Direct, or relayed and by whom.
    pub(crate) fn route(&self) -> &str {
        self.path().and_then(|path| path["route"].as_str()).unwrap_or("none")
    }

    /// How both addresses of the path were come by.
    pub(crate) fn kinds(&self) -> [&str; 2] {
        let kind =
            |end: &str| self.path().and_then(|path| path["in_use"][end]["kind"].as_str()).unwrap_or("none");
        [kind("local"), kind("remote")]
    }

    /// In which order the call stood how.
    pub(crate) fn stages(&self) -> Vec<(u64, &str)> {
        let stages = self.report["stages"].as_array().map(Vec::as_slice).unwrap_or_default();
        stages.iter().filter_map(|at| Some((at["t_ms"].as_u64()?, at["stage"].as_str()?))).collect()
    }
}
