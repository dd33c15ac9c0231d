//! `pair`: a server and two installations on this machine, in a call, with what each of them prints side by side.
//!
//! The two profiles stay in the target folder, so that the same two installations meet again next time.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::run::build;
use crate::{Failure, Outcome};

/// How long the server and the answering side may take to say their first line.
const START_UP: Duration = Duration::from_secs(15);

/// How long the answering side may take to notice that the caller has hung up.
const WIND_DOWN: Duration = Duration::from_secs(20);

/// No port that another server here may want, and nobody is asked anything.
const FOR_THIS_COMPUTER: [&str; 12] = [
    "--http",
    "127.0.0.1:0",
    "--https",
    "off",
    "--turn-udp",
    "off",
    "--turn-tcp",
    "off",
    "--metrics",
    "off",
    "--ask-stun",
    "off",
];

/// Runs the call; `arguments` go to both installations.
pub(crate) fn pair(arguments: &[String]) -> Outcome {
    let app = build("sightline")?;
    let server = build("sightline-server")?;
    let folder = folder(&app)?;

    let mut server = Shown::start(
        "server",
        Command::new(server).arg("--data").arg(folder.join("server")).args(FOR_THIS_COMPUTER),
    )?;
    let url = server.first_line(START_UP)?;
    let url = find_url(&url)
        .ok_or_else(|| Failure::new(format!("the server did not say where it listens: {url}")))?;

    let installation = |name: &str, words: &[&str]| {
        let mut command = Command::new(&app);
        command.args(words).arg("--profile").arg(folder.join(name));
        command
    };
    let link = link(&mut installation("answer", &["link", "--server", url]))?;
    let mut answering =
        Shown::start("answer", installation("answer", &["answer", "--server", url]).args(arguments))?;
    answering.first_line(START_UP)?;
    let mut calling = Shown::start("call", installation("call", &["call", &link]).args(arguments))?;

    let called = calling.end(None)?;
    let answered = answering.end(Some(WIND_DOWN))?;
    match (called, answered) {
        (0, 0) => Ok(()),
        (0, code) => Err(Failure { sentence: "the answering side did not end well.".to_owned(), code }),
        (code, _) => Err(Failure { sentence: "the call did not end well.".to_owned(), code }),
    }
}

/// A program whose every line is shown with its name before it. It is ended when this is dropped.
struct Shown {
    name: &'static str,
    child: Child,
    first_line: Receiver<String>,
    readers: Vec<JoinHandle<()>>,
}

impl Shown {
    fn start(name: &'static str, command: &mut Command) -> Result<Self, Failure> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| Failure::new(format!("{name} could not be started: {error}.")))?;
        // Room for the one line that anybody waits for; later ones are shown and not sent.
        let (first, first_line) = sync_channel(1);
        let stdout = child.stdout.take().expect("stdout was piped");
        let stderr = child.stderr.take().expect("stderr was piped");
        let readers = vec![show(name, stdout, Some(first)), show(name, stderr, None)];
        Ok(Self { name, child, first_line, readers })
    }

    fn first_line(&mut self, patience: Duration) -> Result<String, Failure> {
        let name = self.name;
        self.first_line.recv_timeout(patience).map_err(|_| {
            Failure::new(format!("{name} said nothing within {} s, or ended.", patience.as_secs()))
        })
    }

    /// Waits for it to end and returns its code; where it has not after `patience`, it is ended, which is a failure.
    fn end(&mut self, patience: Option<Duration>) -> Result<u8, Failure> {
        let deadline = patience.map(|patience| Instant::now() + patience);
        loop {
            let status = self
                .child
                .try_wait()
                .map_err(|error| Failure::new(format!("lost sight of {}: {error}.", self.name)))?;
            if let Some(status) = status {
                self.readers.drain(..).for_each(|reader| drop(reader.join()));
                return Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1));
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Err(Failure::new(format!("{} did not end after the call had.", self.name)));
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        // Either may fail only because the program has ended already, which is what is wanted.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn show(
    name: &'static str,
    output: impl Read + Send + 'static,
    first: Option<SyncSender<String>>,
) -> JoinHandle<()> {
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            println!("{name:>6} | {line}");
            if let Some(first) = &first {
                // Full means that the first line was sent already.
                drop(first.try_send(line));
            }
        }
    })
}

fn link(command: &mut Command) -> Result<String, Failure> {
    let output = command
        .output()
        .map_err(|error| Failure::new(format!("sightline could not be started: {error}.")))?;
    let link = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if !output.status.success() || link.is_empty() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Failure::new(format!("`sightline link` gave no link: {}", said.trim())));
    }
    Ok(link)
}

/// The profiles' folder, inside the target folder that the program was built into.
fn folder(app: &Path) -> Result<PathBuf, Failure> {
    let target = app.ancestors().nth(2).map_or_else(env::temp_dir, Path::to_owned);
    let folder = target.join("pair");
    fs::create_dir_all(&folder)
        .map_err(|error| Failure::new(format!("{} could not be made: {error}.", folder.display())))?;
    Ok(folder)
}

/// The first `http://` word of a line.
fn find_url(line: &str) -> Option<&str> {
    line.split_whitespace().find(|word| word.starts_with("http://"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_address_is_found_in_its_sentence() {
        assert_eq!(find_url("Listening on http://127.0.0.1:4711/ (plain)"), Some("http://127.0.0.1:4711/"));
        assert_eq!(find_url("no address here"), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_program_is_heard_and_its_code_kept() {
        let mut program = Shown::start("test", Command::new("sh").args(["-c", "echo one; echo two; exit 3"]))
            .expect("there is a shell");
        assert_eq!(program.first_line(START_UP).as_deref(), Ok("one"));
        assert_eq!(program.end(Some(WIND_DOWN)), Ok(3));
    }

    #[cfg(unix)]
    #[test]
    fn a_program_that_ends_without_a_word_is_not_waited_for() {
        let mut program =
            Shown::start("test", Command::new("true").args(["now"])).expect("there is a `true`");
        assert!(program.first_line(Duration::from_secs(600)).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_program_that_does_not_end_is_ended() {
        let mut program = Shown::start("test", Command::new("sleep").arg("600")).expect("there is a `sleep`");
        assert!(program.end(Some(Duration::from_millis(100))).is_err());
    }
}
