//! `bench window`: what the window costs. From start to the first picture, at rest, and in a call.
//!
//! The program is watched from outside, as a person's task manager does: it says when it has painted, and the system says
//! what it used. Everything runs on a screen that is none (Xvfb), drawn by the processor: a graphics card does better.

use std::{
    env, fmt, fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use crate::run::build;
use crate::{Failure, Outcome, setup};

const USAGE: &str = "\
cargo xtask bench window [starts] [idle] [call]

Measures what is named, or all: ten starts until the first picture, thirty seconds of the home page, and a 720p call with
the path panel closed and open in turns, thirty seconds each. Linux, with Xvfb and xdotool.";

/// Starts; the middle one counts.
const STARTS: usize = 10;
/// The window is to paint until then.
const PATIENCE: Duration = Duration::from_secs(30);
/// Before it counts as being at rest.
const SETTLES: Duration = Duration::from_secs(10);
/// For how long it is watched.
const WATCHED: Duration = Duration::from_secs(30);
/// How often the panel is opened in a call: closed, open, open, closed, so that a machine that slows down is fair to both.
const ROUNDS: usize = 2;
/// What the program writes when it has painted for the first time.
const PAINTED: &str = "the window has painted";
/// What it writes for each picture of the other end that it draws.
const DRAWN: &str = "a picture of theirs is drawn";
/// Clock ticks a second in `/proc`: the same on every Linux that there is.
const TICKS_A_SECOND: f64 = 100.0;
/// How the threads are called that do the work of a graphics card where there is none.
const RASTERISER: &str = "(llvmpipe";
const HEADINGS: &str = "window's thread, rasteriser, rest (media, network), all · pictures drawn · memory";

/// Whether these are its arguments.
pub(crate) fn is_meant(arguments: &[String]) -> bool {
    arguments.first().is_some_and(|word| word == "window")
}

/// Builds in release mode and measures.
pub(crate) fn bench(arguments: &[String]) -> Outcome {
    let wanted = wanted(arguments.get(1..).unwrap_or_default())?;
    setup::test_tools();
    let program = build("sightline")?;
    println!("size of the program: {:.1} MB", megabytes(size_of(&program)?));
    let screen = Screen::start()?;
    let scene = Scene { program, screen, folder: Scratch::new()? };
    for what in wanted {
        match what {
            What::Starts => scene.starts()?,
            What::Idle => scene.idle()?,
            What::Call => scene.call()?,
        }
    }
    Ok(())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Starts,
    Idle,
    Call,
}

fn wanted(words: &[String]) -> Result<Vec<What>, Failure> {
    let all = vec![What::Starts, What::Idle, What::Call];
    if words.is_empty() {
        return Ok(all);
    }
    let what = |word: &String| match word.as_str() {
        "starts" => Ok(What::Starts),
        "idle" => Ok(What::Idle),
        "call" => Ok(What::Call),
        _ => Err(Failure { sentence: USAGE.to_owned(), code: 2 }),
    };
    words.iter().map(what).collect()
}

struct Scene {
    program: PathBuf,
    screen: Screen,
    folder: Scratch,
}

impl Scene {
    fn starts(&self) -> Outcome {
        let mut took = Vec::new();
        for _ in 0..STARTS {
            took.push(self.window("start", &[])?.painted_after);
        }
        took.sort_unstable();
        let ms = |index: usize| took.get(index).map_or(0, Duration::as_millis);
        println!("start to first picture: {} ms ({} to {})", ms(STARTS / 2), ms(0), ms(STARTS - 1));
        Ok(())
    }

    fn idle(&self) -> Outcome {
        let window = self.window("start", &[])?;
        thread::sleep(SETTLES);
        let used = window.watched()?;
        println!("home page at rest: {:.2} % of a core, {:.0} MB", used.all(), used.megabytes);
        Ok(())
    }

    fn call(&self) -> Outcome {
        let (_other, link) = self.other_end()?;
        let arguments = ["--video", "pattern", "--audio", "tone", "--bind", "127.0.0.1", &link];
        let window = self.window("call", &arguments)?;
        println!("720p call, in per cent of a core: {HEADINGS}");
        let mut open = false;
        for round in 0..2 * ROUNDS {
            if (round % 4 == 1 || round % 4 == 2) != open {
                self.key("F12")?;
                open = !open;
            }
            thread::sleep(SETTLES);
            println!("panel {}: {}", if open { "open  " } else { "closed" }, window.watched()?);
        }
        Ok(())
    }

    /// Somebody without a window who takes the call, and where they are reached.
    fn other_end(&self) -> Result<(Ended, String), Failure> {
        let mut child = Command::new(&self.program)
            .args([
                "answer",
                "--here",
                "--events",
                "--video",
                "pattern",
                "--audio",
                "tone",
                "--bind",
                "127.0.0.1",
            ])
            .args(["--profile", &self.folder.0.join("other").to_string_lossy()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| Failure::new(format!("sightline did not start: {error}.")))?;
        let said = child.stdout.take();
        let ended = Ended(child);
        let mut lines = said.into_iter().flat_map(|said| BufReader::new(said).lines().map_while(Result::ok));
        let link = lines.find_map(|line| {
            let (_, behind) = line.split_once("\"link\":\"")?;
            behind.split_once('"').map(|(link, _)| link.to_owned())
        });
        // What it says is read on: it would wait for a reader otherwise.
        thread::spawn(move || lines.for_each(drop));
        let link = link.ok_or_else(|| Failure::new("the other end of the call says no link."))?;
        Ok((ended, link))
    }

    /// Pressed in the only window.
    fn key(&self, name: &str) -> Outcome {
        let pressed = Command::new("xdotool")
            .args(["search", "--onlyvisible", "--class", "sightline", "windowfocus", "--sync", "key", name])
            .env("DISPLAY", &self.screen.name)
            .stdout(Stdio::null())
            .status();
        match pressed {
            Ok(status) if status.success() => Ok(()),
            Ok(_) => Err(Failure::new("xdotool found no window.")),
            Err(error) => Err(Failure::new(format!(
                "there is no xdotool here (Debian: apt-get install xdotool): {error}."
            ))),
        }
    }

    fn window(&self, profile: &str, arguments: &[&str]) -> Result<Running, Failure> {
        let profile = self.folder.0.join(profile);
        let ready = fs::create_dir_all(&profile)
            .and_then(|()| fs::write(profile.join("settings.toml"), "name = \"Ada\"\nset_up = true\n"));
        ready.map_err(|error| Failure::new(format!("{} cannot be made: {error}.", profile.display())))?;
        let began = Instant::now();
        let mut child = Command::new(&self.program)
            .args(["--profile", &profile.to_string_lossy()])
            .args(arguments)
            .env("DISPLAY", &self.screen.name)
            .env_remove("WAYLAND_DISPLAY")
            .env("SIGHTLINE_LOG", "sightline=debug,sightline::ui::window=trace")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| Failure::new(format!("sightline did not start: {error}.")))?;
        let said = child.stderr.take();
        let drawn = Arc::new(AtomicUsize::new(0));
        let mut running = Running { child: Ended(child), painted_after: PATIENCE, drawn: drawn.clone() };
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            for line in said.into_iter().flat_map(|said| BufReader::new(said).lines().map_while(Result::ok)) {
                if line.contains(PAINTED) {
                    tell.send(Instant::now()).ok();
                } else if line.contains(DRAWN) {
                    drawn.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        let painted = told
            .recv_timeout(PATIENCE)
            .map_err(|_| Failure::new("the window did not paint. Does `sightline` open one here?"))?;
        running.painted_after = painted.duration_since(began);
        Ok(running)
    }
}

/// A window, and what it has told.
struct Running {
    child: Ended,
    painted_after: Duration,
    drawn: Arc<AtomicUsize>,
}

/// What it used, in per cent of one core.
struct Used {
    window: f64,
    rasteriser: f64,
    rest: f64,
    drawn_per_s: f64,
    megabytes: f64,
}

impl Used {
    fn all(&self) -> f64 {
        self.window + self.rasteriser + self.rest
    }
}

impl fmt::Display for Used {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { window, rasteriser, rest, drawn_per_s, megabytes } = self;
        let all = self.all();
        write!(out, "{window:.1} + {rasteriser:.1} + {rest:.1} = {all:.1} · {drawn_per_s:.1}/s")?;
        if *drawn_per_s > 0.0 {
            write!(out, ", {:.2} ms of the window's thread each", window * 10.0 / drawn_per_s)?;
        }
        write!(out, " · {megabytes:.0} MB")
    }
}

impl Running {
    fn watched(&self) -> Result<Used, Failure> {
        let seconds = WATCHED.as_secs_f64();
        let (before, drawn) = (self.ticks()?, self.drawn.load(Ordering::Relaxed));
        thread::sleep(WATCHED);
        let (after, drawn) = (self.ticks()?, self.drawn.load(Ordering::Relaxed) - drawn);
        let percent = |of: fn(&Ticks) -> f64| (of(&after) - of(&before)) / TICKS_A_SECOND / seconds * 100.0;
        let status = self.proc("status")?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next());
        let kilobytes: f64 = resident.and_then(|text| text.parse().ok()).unwrap_or_default();
        Ok(Used {
            window: percent(|ticks| ticks.window),
            rasteriser: percent(|ticks| ticks.rasteriser),
            rest: percent(|ticks| ticks.all - ticks.window - ticks.rasteriser),
            drawn_per_s: drawn as f64 / seconds,
            megabytes: kilobytes / 1024.0,
        })
    }

    fn ticks(&self) -> Result<Ticks, Failure> {
        let mut ticks = Ticks { all: used(&self.proc("stat")?), ..Ticks::default() };
        ticks.window = used(&self.proc(&format!("task/{}/stat", self.child.0.id()))?);
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.0.id()));
        for task in tasks.into_iter().flatten().map_while(Result::ok) {
            // One that ends in between has no words any more.
            let stat = fs::read_to_string(task.path().join("stat")).unwrap_or_default();
            if stat.contains(RASTERISER) {
                ticks.rasteriser += used(&stat);
            }
        }
        Ok(ticks)
    }

    fn proc(&self, file: &str) -> Result<String, Failure> {
        let path = format!("/proc/{}/{file}", self.child.0.id());
        fs::read_to_string(path).map_err(|_| Failure::new("sightline ended by itself"))
    }
}

/// What a line of `stat` says of the time used, in the system's and in its own name.
fn used(stat: &str) -> f64 {
    // The name stands in parentheses, and may hold blanks.
    let numbers = stat.rsplit(')').next().unwrap_or_default();
    numbers.split_whitespace().skip(11).take(2).filter_map(|text| text.parse::<f64>().ok()).sum()
}

#[derive(Default)]
struct Ticks {
    all: f64,
    window: f64,
    rasteriser: f64,
}

/// A program that ends when this does.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// A screen that is none.
struct Screen {
    _server: Ended,
    name: String,
}

impl Screen {
    fn start() -> Result<Self, Failure> {
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", "1280x800x24", "-nolisten", "tcp"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| {
                Failure::new(format!("there is no Xvfb here (Debian: apt-get install xvfb): {error}."))
            })?;
        let said = server.stdout.take();
        let mut screen = Self { _server: Ended(server), name: String::new() };
        let mut number = String::new();
        if let Some(said) = said {
            BufReader::new(said).read_line(&mut number).ok();
        }
        if number.trim().is_empty() {
            return Err(Failure::new("Xvfb did not start."));
        }
        screen.name = format!(":{}", number.trim());
        Ok(screen)
    }
}

/// A folder for profiles, gone when the benchmark is.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self, Failure> {
        let folder = env::temp_dir().join(format!("sightline-bench-{}", std::process::id()));
        fs::create_dir_all(&folder)
            .map_err(|error| Failure::new(format!("{} cannot be made: {error}.", folder.display())))?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

fn size_of(program: &Path) -> Result<u64, Failure> {
    let found = fs::metadata(program);
    found.map(|found| found.len()).map_err(|error| Failure::new(format!("{}: {error}.", program.display())))
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn a_thread_may_have_any_name() {
        assert_eq!(used("7 (a) b) (c) S 1 2 3 4 5 6 7 8 9 10 40 2 0 0"), 42.0);
        assert_eq!(used(""), 0.0);
    }

    #[test]
    fn what_is_named_is_measured_and_all_where_nothing_is() {
        assert!(is_meant(&words("window idle")) && !is_meant(&words("quality")) && !is_meant(&[]));
        assert_eq!(wanted(&[]), Ok(vec![What::Starts, What::Idle, What::Call]));
        assert_eq!(wanted(&words("call starts")), Ok(vec![What::Call, What::Starts]));
        assert_eq!(wanted(&words("everything")).expect_err("usage").code, 2);
    }
}
