//! Starts the programs, reads what they say, and ends them whatever happens.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        mpsc::{Receiver, RecvTimeoutError, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(20);

static TURN: RwLock<()> = RwLock::new(());

/// The exit code of a program that was killed.
pub(crate) const KILLED: i32 = -1;

/// Tests that need the machine for themselves hold this.
pub(crate) fn my_turn() -> RwLockWriteGuard<'static, ()> {
    TURN.write().unwrap_or_else(PoisonError::into_inner)
}

/// Tests that share the machine with their like hold this.
pub(crate) fn our_turn() -> RwLockReadGuard<'static, ()> {
    TURN.read().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn ended_within(started: Instant, limit: Duration) -> bool {
    started.elapsed() < limit
}

/// A server in a process of its own.
pub(crate) struct ServerProgram {
    child: Child,
    url: String,
    turn: &'static str,
    folder: tempfile::TempDir,
}

impl ServerProgram {
    pub(crate) fn start() -> Self {
        Self::start_with("off")
    }

    /// One that relays over UDP.
    pub(crate) fn start_relaying() -> Self {
        Self::start_with("127.0.0.1:0")
    }

    fn start_with(turn: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (child, url) = start_server(folder.path(), "127.0.0.1:0", turn);
        Self { child, url, turn, folder }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// On the same port.
    pub(crate) fn start_again(&mut self) {
        let address = self.url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        self.child = start_server(self.folder.path(), &address, self.turn).0;
    }

    /// The link of an installation that need not run.
    pub(crate) fn link_of(&self, profile: &Path) -> String {
        let ended = Program::run(&["link", "--profile", profile.to_str().unwrap(), "--server", &self.url]);
        ended.output.trim().to_owned()
    }
}

impl Drop for ServerProgram {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn start_server(data: &Path, address: &str, turn: &str) -> (Child, String) {
    let mut child = Command::new(server_program())
        .args(["--data", data.to_str().unwrap(), "--http", address])
        .args([
            "--https",
            "off",
            "--turn-udp",
            turn,
            "--allow-peer",
            "127.0.0.0/8",
            "--turn-tcp",
            "off",
            "--metrics",
            "off",
            "--ask-stun",
            "off",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url =
        line.split_whitespace().find(|word| word.starts_with("http://")).unwrap_or_else(|| panic!("{line}"));
    (child, url.to_owned())
}

/// The server is another package, so its program lies beside ours and cargo does not say where.
pub(crate) fn server_program() -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_sightline")).with_file_name("sightline-server");
    let program = program.with_extension(std::env::consts::EXE_EXTENSION);
    assert!(program.exists(), "the server is not built: run `cargo test --workspace`, or `cargo xtask test`");
    program
}

/// An installation in a process of its own.
pub(crate) struct Program {
    child: Child,
    /// Where it is told something, if it was started so.
    orders: Option<ChildStdin>,
    events: Receiver<String>,
    said: String,
}

/// What is left of a process.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) output: String,
    pub(crate) errors: String,
}

impl Program {
    /// Runs to the end.
    pub(crate) fn run(args: &[&str]) -> Ended {
        Self::ended_by_itself(Command::new(env!("CARGO_BIN_EXE_sightline")).args(args))
    }

    /// Where these are the screens, whatever this computer has.
    pub(crate) fn run_on(display: Option<&str>, wayland: Option<&str>, args: &[&str]) -> Ended {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sightline"));
        for (name, value) in [("DISPLAY", display), ("WAYLAND_DISPLAY", wayland), ("WAYLAND_SOCKET", None)] {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        Self::ended_by_itself(command.args(args))
    }

    fn ended_by_itself(command: &mut Command) -> Ended {
        let output = command.output().unwrap();
        Ended {
            code: output.status.code().unwrap_or(-1),
            output: String::from_utf8(output.stdout).unwrap(),
            errors: String::from_utf8(output.stderr).unwrap(),
        }
    }

    pub(crate) fn answer(server: &ServerProgram, profile: &Path, args: &[&str]) -> Self {
        Self::start(&["answer", "--server", &server.url], profile, args)
    }

    /// Answers, and is the server as well.
    pub(crate) fn answer_here(profile: &Path, args: &[&str]) -> Self {
        Self::start(&["answer", "--here"], profile, args)
    }

    pub(crate) fn call(link: &str, profile: &Path, args: &[&str]) -> Self {
        Self::start(&["call", link], profile, args)
    }

    /// `REC`, `REPORT` and `SAVED` among the arguments stand for places in the profile's folder.
    fn start(action: &[&str], profile: &Path, args: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sightline"));
        command.args(action).args(["--events", "--bind", "127.0.0.1"]).stderr(Stdio::piped());
        Self::spawn(&mut command, profile, args)
    }

    /// Whatever starts it; it is told of the profile and what else there is.
    pub(crate) fn spawn(command: &mut Command, profile: &Path, args: &[&str]) -> Self {
        fs::create_dir_all(profile).unwrap();
        let args = args.iter().map(|arg| match *arg {
            "REC" => profile.join("rec").into_os_string(),
            "SAVED" => profile.join("saved").into_os_string(),
            "REPORT" => profile.join("report.json").into_os_string(),
            arg => arg.into(),
        });
        let mut child =
            command.arg("--profile").arg(profile).args(args).stdout(Stdio::piped()).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let (lines, events) = sync_channel(10_000);
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if lines.send(line).is_err() {
                    return;
                }
            }
        });
        let orders = child.stdin.take();
        Self { child, orders, events, said: String::new() }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The link at which it waits for a call.
    pub(crate) fn link(&mut self) -> String {
        let event = self.wait_for("waiting for a call", |event| event["event"] == "waiting");
        event["link"].as_str().unwrap().to_owned()
    }

    /// The next event like that.
    pub(crate) fn wait_for(&mut self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        self.wait_within(PATIENCE, is_it).unwrap_or_else(|why| panic!("no event “{what}” {why}"))
    }

    /// The next event like that in that time, or what there was instead.
    pub(crate) fn wait_within(
        &mut self,
        limit: Duration,
        is_it: impl Fn(&Value) -> bool,
    ) -> Result<Value, String> {
        let deadline = Instant::now() + limit;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = match self.events.recv_timeout(left) {
                Ok(line) => line,
                Err(error) => return Err(format!("({error}) after\n{}", self.said)),
            };
            self.said += &line;
            self.said += "\n";
            let event: Value =
                serde_json::from_str(&line).map_err(|error| format!("(no JSON: {error}) in {line}"))?;
            if is_it(&event) {
                return Ok(event);
            }
        }
    }

    /// Tells it a line on its standard input.
    pub(crate) fn order(&mut self, line: &str) {
        writeln!(self.orders.as_mut().unwrap(), "{line}").unwrap();
    }

    /// As Ctrl-C does.
    pub(crate) fn interrupt(&self) {
        self.signal("-INT");
    }

    /// As service managers do.
    pub(crate) fn terminate(&self) {
        self.signal("-TERM");
    }

    fn signal(&self, signal: &str) {
        let done = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(done.success());
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
    }

    /// Waits for its end.
    pub(crate) fn ended(self, limit: Duration) -> Ended {
        let ended = self.ended_or_killed(limit);
        assert_ne!(ended.code, KILLED, "it did not end within {limit:?}: {}{}", ended.output, ended.errors);
        ended
    }

    /// Waits for its end, and then ends it.
    pub(crate) fn ended_or_killed(mut self, limit: Duration) -> Ended {
        let deadline = Instant::now() + limit;
        let code = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status.code().unwrap_or(KILLED);
            }
            if Instant::now() > deadline {
                self.kill();
            }
            thread::sleep(Duration::from_millis(20));
        };
        loop {
            match self.events.recv_timeout(PATIENCE) {
                Ok(line) => self.said += &(line + "\n"),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("its output does not end"),
            }
        }
        let mut errors = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            stderr.read_to_string(&mut errors).unwrap();
        }
        Ended { code, output: std::mem::take(&mut self.said), errors }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
