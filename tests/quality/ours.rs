//! Two of our programs, each at its end of the link.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::Value;
use sightline::media::wav;

use super::{
    film::{FPS, Film},
    link::{ENDS, Lab, LinkStory},
    processor::Meter,
    story::{Seen, Story, Volume, mouth_to_ear_ms},
};
use crate::support::programs::Program;

/// Until a program is known to the server, and until the two are connected.
const SOON: Duration = Duration::from_secs(20);
/// From hanging up until everything is written.
const WRITTEN_WITHIN: Duration = Duration::from_secs(20);
/// Lines of a log that are worth showing.
const LAST_WORDS: usize = 12;

struct Party {
    program: Program,
    profile: PathBuf,
    meter: Meter,
}

/// What a program left behind.
pub(crate) struct Left {
    report: Value,
    statistics: Vec<Value>,
    profile: PathBuf,
    cores: Option<f64>,
}

/// What the two of a call left behind, which goes when this is dropped.
pub(crate) struct Remains {
    pub(crate) left: [Left; 2],
    pub(crate) link: LinkStory,
    _folder: tempfile::TempDir,
}

pub(crate) fn call(lab: &Lab, film: &Film, length: Duration) -> Result<([Story; 2], LinkStory), String> {
    let remains = recorded(lab, film, length, &["--no-film"])?;
    Ok((remains.stories()?, remains.link))
}

/// A call of which both ends write down what came.
pub(crate) fn recorded(
    lab: &Lab,
    film: &Film,
    length: Duration,
    arguments: &[&str],
) -> Result<Remains, String> {
    let folder = tempfile::tempdir().map_err(|why| why.to_string())?;
    let server = lab.server.as_ref().ok_or("there is no server")?;
    let answer = [&["answer", "--server", &server.url], arguments].concat();
    let mut callee = start(lab, 1, film, folder.path(), &answer);
    let waiting = callee.wait(|event| event["event"] == "waiting")?;
    let link = waiting["link"].as_str().ok_or("no link")?.to_owned();
    let mut caller = start(lab, 0, film, folder.path(), &[&["call", &link], arguments].concat());
    for party in [&mut caller, &mut callee] {
        party.wait(|event| event["event"] == "state" && event["stage"] == "connected")?;
    }
    let link = lab.watch(length, || {
        caller.meter.look();
        callee.meter.look();
    })?;
    caller.program.interrupt();
    Ok(Remains { left: [caller.left()?, callee.left()?], link, _folder: folder })
}

fn start(lab: &Lab, end: usize, film: &Film, folder: &Path, arguments: &[&str]) -> Party {
    let (name, address) = ENDS[end];
    let profile = folder.join(name);
    fs::create_dir_all(&profile).expect("a folder of ours");
    let mut command = lab.command(end, env!("CARGO_BIN_EXE_sightline"));
    command
        .args(arguments)
        .args(["--events", "--bind", &address.to_string()])
        .args(["--size", &film.size.to_string(), "--fps", &FPS.to_string()])
        .arg("--video")
        .arg(format!("y4m:{}", film.pictures.display()))
        .stdin(std::process::Stdio::null())
        .stderr(Lab::log(&profile));
    let program = Program::spawn(&mut command, &profile, &["--record", "REC", "--report", "REPORT"]);
    let meter = Meter::of(program.id());
    Party { program, profile, meter }
}

impl Remains {
    /// What came to the callee, and what to the caller.
    pub(crate) fn stories(&self) -> Result<[Story; 2], String> {
        let [caller, callee] = &self.left;
        Ok([direction(caller, callee)?, direction(callee, caller)?])
    }
}

impl Party {
    fn wait(&mut self, is_it: impl Fn(&Value) -> bool) -> Result<Value, String> {
        self.program.wait_within(SOON, is_it).map_err(|why| format!("{why}\n{}", last_words(&self.profile)))
    }

    fn left(self) -> Result<Left, String> {
        let Self { program, profile, meter } = self;
        let ended = program.ended_or_killed(WRITTEN_WITHIN);
        if ended.code != 0 {
            let said = last_lines(&ended.output);
            return Err(format!("exit code {}\n{said}\n{}", ended.code, last_words(&profile)));
        }
        let events = ended.output.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let statistics = events.filter(|event| event["event"] == "statistics").collect();
        let report = fs::read_to_string(profile.join("report.json")).map_err(|why| why.to_string())?;
        let report = serde_json::from_str(&report).map_err(|why| why.to_string())?;
        Ok(Left { report, statistics, profile, cores: meter.cores() })
    }
}

fn last_words(profile: &Path) -> String {
    last_lines(&fs::read_to_string(profile.join("log")).unwrap_or_default())
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LAST_WORDS)..].join("\n")
}

impl Left {
    /// What was written down.
    pub(crate) fn recording(&self) -> PathBuf {
        self.profile.join("rec")
    }

    /// On the clock of the list of pictures.
    pub(crate) fn connected_ms(&self) -> Result<f64, String> {
        let since = self.report["firsts"]["connected_ms"].as_f64().ok_or("never connected")?;
        Ok(self.began_ms()? + since)
    }

    /// From when on there is sound, on the same clock.
    pub(crate) fn sound_began_ms(&self) -> Option<f64> {
        Some(self.report["sound_began_unix_us"].as_f64()? / 1e3)
    }

    /// Since 1970.
    fn began_ms(&self) -> Result<f64, String> {
        self.report["began_unix_ms"].as_f64().ok_or_else(|| "no beginning in a report".to_owned())
    }

    /// How much there was of that when, since that moment.
    fn volumes(&self, what: &str, since_ms: f64) -> Result<Vec<Volume>, String> {
        let began_ms = self.began_ms()?;
        let volume = |event: &Value| {
            Some(Volume {
                at_ms: began_ms + event["call_t_ms"].as_f64()? - since_ms,
                bytes: event["counters"][what].as_f64()?,
            })
        };
        Ok(self.statistics.iter().filter_map(volume).collect())
    }
}

fn direction(from: &Left, to: &Left) -> Result<Story, String> {
    let origin = to.connected_ms()?;
    let list = fs::read_to_string(to.recording().join("frames.csv")).map_err(|why| why.to_string())?;
    let sound = &to.report["sound"];
    let counted = |name: &str| sound[name].as_f64().unwrap_or_default();
    let concealed = counted("concealed");
    let beats = concealed + counted("played") + counted("recovered");
    Ok(Story {
        seen: list.lines().skip(1).filter_map(|line| seen(line, origin)).collect(),
        sent: from.volumes("video_bytes_sent", origin)?,
        received: to.volumes("video_bytes_received", origin)?,
        concealed_percent: (beats > 0.0).then(|| concealed * 100.0 / beats),
        sound_buffer_ms: sound["held_ms"].as_f64(),
        mouth_to_ear_ms: mouth_to_ear(to)?,
        cores: to.cores,
    })
}

/// The last fields are size and time of capture, before them come arrival and display; see the recorder.
fn seen(line: &str, origin_ms: f64) -> Option<Seen> {
    let fields: Vec<&str> = line.split(',').collect();
    let [_, _, _, shown, width, _, captured] = fields[..] else { return None };
    let shown_ms = shown.parse::<f64>().ok()? / 1e3;
    let delay_ms = shown_ms - captured.parse::<f64>().ok()? / 1e3;
    Some(Seen {
        at_ms: shown_ms - origin_ms,
        delay_ms: Some(delay_ms),
        handed_ms: Some(delay_ms),
        width: width.parse().ok()?,
    })
}

/// The media clock's seconds began in 1970, and so did the chirps.
fn mouth_to_ear(at: &Left) -> Result<Vec<f64>, String> {
    let Some(began_ms) = at.sound_began_ms() else { return Ok(Vec::new()) };
    let samples = wav::read(&at.recording().join("remote.wav")).map_err(|why| why.to_string())?;
    Ok(mouth_to_ear_ms(&samples, began_ms, 0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_list_is_a_picture_and_a_line_that_is_none_is_left_out() {
        let line = ",,1000100000,1000110000,640,360,1000050000";
        let wanted = Seen { at_ms: 110.0, delay_ms: Some(60.0), handed_ms: Some(60.0), width: 640 };
        assert_eq!(seen(line, 1_000_000.0), Some(wanted));
        assert_eq!(seen("7,1,2,3", 0.0), None);
    }
}
