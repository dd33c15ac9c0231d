//! How like what comes is to what was sent: the luma PSNR of a film's pictures, and PESQ of a voice.
//!
//! `cargo xtask bench likeness` starts it. Ours call each other over the same links as in the large table, here with everything
//! written down that comes: a gigabyte for each call, which costs more than the call, so delays are not measured here. What
//! comes in the first third of a call does not count, while a rate is being found.
//!
//! A picture is compared at the size of the film, whatever size it came in, and told by the number in its strip. PESQ is
//! computed by `likeness.py`, for pieces of 8 s; it wants a Python that has `pesq`. The voice is somebody's recording, or
//! what espeak-ng makes of ten sentences. Where something is absent the rest is measured, and it is said.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use serde_json::{Value, json};
use sightline::{
    logic::units::MediaTime,
    media::{
        frame::Frame,
        pool::Pool,
        psnr::luma_psnr,
        wav::{self, WavWriter},
        y4m::Y4mReader,
    },
};

use super::{
    figures::{Figure, Figures, at_percent},
    film::Film,
    link::Lab,
    ours::{self, Left},
    profiles::Profile,
    say,
    wish::Wish,
};
use crate::{natlab::measure::skipped, support::programs::my_turn};

/// Where nothing else is asked.
const USUAL: [&str; 2] = ["clean", "loss-5"];

/// From the sentences of which IEEE 297 makes tests of speech.
const SENTENCES: &str = "The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background. \
    It is easy to tell the depth of a well. These days a chicken leg is a rare dish. Rice is often served in round bowls. \
    The juice of lemons makes fine punch. The box was thrown beside the parked truck. The hogs were fed chopped corn and \
    garbage. Four hours of steady work faced us. A large size in stockings is hard to sell.";

#[test]
#[ignore = "a benchmark of minutes: cargo xtask bench likeness"]
fn how_like_it_is() {
    let _turn = my_turn();
    let wish = Wish::from_environment(|profile| USUAL.contains(&profile.name));
    let wish = wish.unwrap_or_else(|why| panic!("{why}"));
    if let Err(missing) = Lab::is_possible() {
        return skipped(&missing);
    }
    let folder = tempfile::tempdir().unwrap();
    let voice = Voice::new(&wish, folder.path());
    let film = Film::here();
    let originals = Originals::of(&film);
    let mut rows: Vec<Row> = Vec::new();
    for profile in &wish.profiles {
        let mut row = Row { profile, ways: Vec::new() };
        for seed in 1..=wish.seeds {
            let length = profile.length(wish.seconds);
            say(&format!("{}, seed {seed}: {} s", profile.name, length.as_secs()));
            let ways = call(profile, seed, length, &film, &originals, voice.as_ref());
            row.ways.extend(ways.unwrap_or_else(|why| panic!("{}, seed {seed}: {why}", profile.name)));
        }
        say(&row.markdown());
        rows.push(row);
    }
    let words = rows.iter().fold(HEAD.to_owned(), |words, row| words + &row.markdown());
    fs::create_dir_all(&wish.out).unwrap();
    fs::write(wish.out.join("likeness.md"), &words).unwrap();
    let data = Value::from_iter(rows.iter().map(Row::json));
    fs::write(wish.out.join("likeness.json"), serde_json::to_string_pretty(&data).unwrap()).unwrap();
    say(&format!("written: likeness.md and likeness.json in {}\n\n{words}", wish.out.display()));
}

/// One way of one call.
struct Way {
    /// Of each picture.
    psnr_db: Vec<f64>,
    /// Of each piece of the voice.
    pesq: Vec<f64>,
    figures: Figures,
}

fn call(
    profile: &'static Profile,
    seed: u64,
    length: Duration,
    film: &Film,
    originals: &Originals,
    voice: Option<&Voice>,
) -> Result<Vec<Way>, String> {
    let lab = Lab::build(profile, seed, true)?;
    let said = voice.map(|voice| format!("wav:{}", voice.said.display()));
    let arguments: Vec<&str> = said.iter().flat_map(|said| ["--audio", said]).collect();
    let remains = ours::recorded(&lab, film, length, &arguments)?;
    let timeline = profile.timeline(length);
    let ways = remains.left.iter().rev().zip(remains.stories()?).map(|(left, story)| {
        let from_ms = left.connected_ms()? + timeline.steady.as_secs_f64() * 1e3;
        let begins_s = left.sound_began_ms().map_or(0.0, |began_ms| (from_ms - began_ms).max(0.0) / 1e3);
        Ok(Way {
            psnr_db: pictures(left, film, originals, from_ms)?,
            pesq: voice.map_or(Ok(Vec::new()), |voice| voice.pesq(&left.recording(), begins_s))?,
            figures: Figures::of(&story, &remains.link, &timeline),
        })
    });
    ways.collect()
}

/// How like each picture is that was shown since then.
fn pictures(left: &Left, film: &Film, originals: &Originals, from_ms: f64) -> Result<Vec<f64>, String> {
    let list = fs::read_to_string(left.recording().join("frames.csv")).map_err(|why| why.to_string())?;
    let recorded = left.recording().join("remote.y4m");
    let mut reader =
        Y4mReader::open(&recorded, film.size, Pool::new(2)).map_err(|why| format!("the film: {why}"))?;
    let mut psnr_db = Vec::new();
    for line in list.lines().skip(1) {
        let shown = reader.next_frame(MediaTime(0)).map_err(|why| why.to_string())?;
        let Some(shown) = shown else { return Err("the disk was too slow for the film".to_owned()) };
        let fields: Vec<&str> = line.split(',').collect();
        let [number, _, _, shown_us, ..] = fields[..] else { return Err(format!("a strange line: {line}")) };
        let is_counted = shown_us.parse::<f64>().is_ok_and(|shown_us| shown_us / 1e3 >= from_ms);
        // A strip that cannot be read is a picture that is like no other.
        let likeness = number.parse().ok().map_or(Some(0.0), |number| originals.likeness(number, &shown));
        psnr_db.extend(likeness.filter(|_| is_counted));
    }
    Ok(psnr_db)
}

/// The pictures of a film, to be compared with.
struct Originals(Vec<Frame>);

impl Originals {
    fn of(film: &Film) -> Self {
        let mut reader = Y4mReader::open(&film.pictures, film.size, Pool::new(0)).unwrap();
        Self(std::iter::from_fn(|| reader.next_frame(MediaTime(0)).unwrap()).collect())
    }

    /// A number is there twice, on the way there and on the way back, with other grain: what is more like it is meant.
    fn likeness(&self, number: usize, picture: &Frame) -> Option<f64> {
        let back = self.0.len().checked_sub(number + 1)?;
        let psnr_db = |at: usize| luma_psnr(self.0.get(at)?, picture);
        psnr_db(number)?.max(psnr_db(back)?).into()
    }
}

/// What both say, and how it is heard.
struct Voice {
    said: PathBuf,
    script: PathBuf,
}

impl Voice {
    fn new(wish: &Wish, folder: &Path) -> Option<Self> {
        let listens = Command::new("python3").args(["-c", "import numpy, pesq"]).output();
        if !listens.is_ok_and(|done| done.status.success()) {
            say(
                "SKIPPED: PESQ. There is no Python here that has it: python3 -m venv V; V/bin/pip install pesq; PATH=$PWD/V/bin:$PATH",
            );
            return None;
        }
        let spoken = wish.voice.clone().or_else(|| spoken(folder))?;
        let samples = wav::read(&spoken).unwrap_or_else(|why| panic!("{why}"));
        let (said, script) = (folder.join("said.wav"), folder.join("likeness.py"));
        // As it is sent: one channel at our rate, whatever the recording is.
        WavWriter::create(&said).and_then(|mut writer| writer.write(&samples)).unwrap();
        fs::write(&script, include_bytes!("likeness.py")).unwrap();
        Some(Self { said, script })
    }

    fn pesq(&self, recording: &Path, begins_s: f64) -> Result<Vec<f64>, String> {
        let mut command = Command::new("python3");
        command.args([&self.script, &self.said, &recording.join("remote.wav")]).arg(begins_s.to_string());
        let done = command.output().map_err(|why| why.to_string())?;
        if !done.status.success() {
            return Err(format!("PESQ: {}", String::from_utf8_lossy(&done.stderr)));
        }
        let lines = String::from_utf8_lossy(&done.stdout);
        lines.lines().map(|line| line.parse().map_err(|_| format!("PESQ said {line}"))).collect()
    }
}

fn spoken(folder: &Path) -> Option<PathBuf> {
    let path = folder.join("spoken.wav");
    let done = Command::new("espeak-ng").args(["-s", "150", "-w"]).arg(&path).arg(SENTENCES).output();
    if done.is_ok_and(|done| done.status.success()) {
        return Some(path);
    }
    say("SKIPPED: PESQ. There is no voice here: --voice FILE.wav, or apt-get install espeak-ng");
    None
}

struct Row {
    profile: &'static Profile,
    ways: Vec<Way>,
}

const HEAD: &str = "| | pictures | luma PSNR, dB: median · 5th of 100 · least | width | kbit/s | PESQ-WB, pieces: median · least | sound made up, % |\n\
    |---|---|---|---|---|---|---|\n";

impl Row {
    fn all(&self, what: fn(&Way) -> &Vec<f64>) -> Vec<f64> {
        self.ways.iter().flat_map(|way| what(way).iter().copied()).collect()
    }

    fn median(&self, figure: Figure) -> String {
        let values: Vec<f64> = self.ways.iter().filter_map(|way| way.figures.get(figure)).collect();
        told(&values, 50.0, figure.decimals())
    }

    fn markdown(&self) -> String {
        let (psnr_db, pesq) = (self.all(|way| &way.psnr_db), self.all(|way| &way.pesq));
        let mut line = format!("| {}: {} | {} | ", self.profile.name, self.profile.about, psnr_db.len());
        let psnr_db = [50.0, 5.0, 0.0].map(|percent| told(&psnr_db, percent, 1));
        write!(line, "{} | {} | ", psnr_db.join(" · "), self.median(Figure::Width)).unwrap();
        let pesq_told = [50.0, 0.0].map(|percent| told(&pesq, percent, 2));
        write!(line, "{} | {}: {} | ", self.median(Figure::Received), pesq.len(), pesq_told.join(" · "))
            .unwrap();
        line + &format!("{} |\n", self.median(Figure::Concealed))
    }

    fn json(&self) -> Value {
        let ways = self.ways.iter().map(|way| json!({ "psnr_db": way.psnr_db, "pesq": way.pesq }));
        json!({ "profile": self.profile.name, "link": self.profile.link, "ways": Value::from_iter(ways) })
    }
}

fn told(values: &[f64], percent: f64, decimals: usize) -> String {
    at_percent(values, percent).map_or_else(|| "–".to_owned(), |value| format!("{value:.decimals$}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_compared_with_the_more_like_of_the_two_that_have_its_number() {
        let film = Film::small();
        let originals = Originals::of(&film);
        let last = originals.0.len() - 1;
        assert_eq!(originals.likeness(3, &originals.0[3]), Some(f64::INFINITY), "there");
        assert_eq!(originals.likeness(3, &originals.0[last - 3]), Some(f64::INFINITY), "and back");
        let another = originals.likeness(3, &originals.0[60]).unwrap();
        assert!(another < 40.0, "{another:.1} dB");
        assert_eq!(originals.likeness(last + 1, &originals.0[0]), None, "a number that was never sent");
    }
}
