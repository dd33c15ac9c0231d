//! A desktop of the test's own: a message bus, a screen in memory for each window, and a screen reader that a test asks.
//!
//! Each window has a screen to itself, so that the keyboard is never in doubt and a picture of the screen is one of the
//! window. They share the bus, as the windows of one person do.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::support::skipping::skipped;

/// How long something may take to be seen: without a graphics card, in a build for tests, beside other tests.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
pub(super) const LOOK: Duration = Duration::from_millis(200);
/// As large as the window wants to be: without a window manager it stands in the corner, and fills it.
const SCREEN: &str = "1080x720x24";

/// The one of the system: others do not see its libraries.
const PYTHON: &str = "/usr/bin/python3";

const TOOLS: [(&str, &str); 5] = [
    ("Xvfb", "xvfb"),
    ("xdotool", "xdotool"),
    ("scrot", "scrot"),
    ("dbus-daemon", "dbus"),
    ("/usr/libexec/at-spi-bus-launcher", "at-spi2-core"),
];

/// What shows windows on Wayland, and the package that brings it.
const COMPOSITOR: (&str, &str) = ("weston", "weston");

/// The bus, and who reads aloud.
pub(crate) struct Desktop {
    pub(super) folder: tempfile::TempDir,
    bus: Child,
    pub(super) address: String,
    reader: Mutex<Told>,
}

/// A program that is asked by a line, and answers by one.
pub(super) struct Told {
    child: Child,
    ask: ChildStdin,
    told: BufReader<ChildStdout>,
}

impl Desktop {
    /// Nothing where a tool is missing; that was said aloud then.
    pub(crate) fn start() -> Option<Self> {
        for (tool, package) in TOOLS {
            if !is_there(tool) {
                skipped(tool, package);
                return None;
            }
        }
        let python =
            Command::new(PYTHON).args(["-c", "import gi; gi.require_version('Atspi', '2.0')"]).output();
        if !python.is_ok_and(|ended| ended.status.success()) {
            skipped("python3-gi", "python3-gi gir1.2-atspi-2.0");
            return None;
        }
        Some(Self::begin())
    }

    fn begin() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let mut bus = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--print-address=1"])
            .env("XDG_RUNTIME_DIR", folder.path())
            .env_remove("DISPLAY")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut address = String::new();
        BufReader::new(bus.stdout.take().unwrap()).read_line(&mut address).unwrap();
        let address = address.trim().to_owned();
        let reader = Told::start("reader.py", &address, folder.path());
        let reader = Mutex::new(reader);
        Self { folder, bus, address, reader }
    }

    /// Opens a window of the app on a screen of its own.
    ///
    /// Where there is no portal, files are chosen by a program; one that lies in the profile's folder comes before others.
    pub(crate) fn open(&self, name: &'static str, profile: &Path, arguments: &[&str]) -> Window<'_> {
        let (screen, display) = screen();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = [profile.to_owned()].into_iter().chain(std::env::split_paths(&path));
        let path = std::env::join_paths(path).unwrap();
        let log = fs::File::create(self.log(name)).unwrap();
        let app = self.app(&display, profile, arguments).env("PATH", path).stderr(log).spawn().unwrap();
        Window { desktop: self, screen, display, app, name }
    }

    /// The app, without arguments, on a compositor that shows each of its points as four.
    pub(crate) fn open_on_wayland(&self, name: &'static str, profile: &Path) -> Option<Window<'_>> {
        let (tool, package) = COMPOSITOR;
        if !is_there(tool) {
            skipped(tool, package);
            return None;
        }
        let socket = "screen";
        let screen = Command::new(tool)
            .args(["--backend=headless-backend.so", "--use-gl", "--idle-time=0", "--no-config"])
            .args(["--width=2160", "--height=1440", "--scale=2", "--socket", socket])
            .env("XDG_RUNTIME_DIR", self.folder.path())
            .env("LIBGL_ALWAYS_SOFTWARE", "1")
            .env_remove("DISPLAY")
            .env_remove("WAYLAND_DISPLAY")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + PATIENCE;
        while !self.folder.path().join(socket).exists() {
            assert!(Instant::now() < deadline, "the compositor did not start");
            thread::sleep(LOOK);
        }
        let mut app = self.app("", profile, &[]);
        let app = app.env_remove("DISPLAY").env("WAYLAND_DISPLAY", socket).spawn().unwrap();
        Some(Window { desktop: self, screen, display: String::new(), app, name })
    }

    /// What that window's app writes down.
    fn log(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.log"))
    }

    /// The app as it is started on that screen.
    fn app(&self, display: &str, profile: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sightline"));
        command
            .arg("--profile")
            .arg(profile)
            .args(arguments)
            .env("DISPLAY", display)
            .env_remove("WAYLAND_DISPLAY")
            .env("DBUS_SESSION_BUS_ADDRESS", &self.address)
            .env("XDG_RUNTIME_DIR", self.folder.path())
            .env("HOME", self.folder.path())
            .env("LIBGL_ALWAYS_SOFTWARE", "1")
            .env("SIGHTLINE_LOG", "sightline=info")
            .stdin(Stdio::null());
        command
    }

    /// Everything in the window of that process. A window that is just changing may be told of next time.
    fn elements(&self, process: u32) -> Vec<Element> {
        let told = self.reader.lock().unwrap().ask(&process.into());
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        told.as_array()
            .into_iter()
            .flatten()
            .map(|element| Element {
                role: text(&element["role"]),
                name: text(&element["name"]),
                text: text(&element["text"]),
                is_focused: element["focused"] == Value::Bool(true),
                middle: (
                    element["middle"][0].as_i64().unwrap_or_default(),
                    element["middle"][1].as_i64().unwrap_or_default(),
                ),
            })
            .collect()
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        end(&mut self.bus);
    }
}

impl Told {
    /// On that bus.
    pub(super) fn start(program: &str, bus: &str, folder: &Path) -> Self {
        let mut child = Command::new(PYTHON)
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/window").join(program))
            .env("DBUS_SESSION_BUS_ADDRESS", bus)
            .env("XDG_RUNTIME_DIR", folder)
            .env("HOME", folder)
            .env_remove("DISPLAY")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (ask, told) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, ask, told: BufReader::new(told) }
    }

    pub(super) fn ask(&mut self, what: &Value) -> Value {
        writeln!(self.ask, "{what}").unwrap();
        self.hear()
    }

    /// What it says unasked.
    pub(super) fn hear(&mut self) -> Value {
        let mut line = String::new();
        self.told.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// A screen, and its name.
fn screen() -> (Child, String) {
    let mut screen = Command::new("Xvfb")
        .args(["-displayfd", "1", "-screen", "0", SCREEN, "-nolisten", "tcp", "+extension", "GLX"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut number = String::new();
    BufReader::new(screen.stdout.take().unwrap()).read_line(&mut number).unwrap();
    (screen, format!(":{}", number.trim()))
}

/// One thing in a window, as a reader says it.
struct Element {
    role: String,
    name: String,
    text: String,
    is_focused: bool,
    middle: (i64, i64),
}

impl Element {
    fn says(&self, words: &str) -> bool {
        self.name.contains(words) || self.text.contains(words)
    }
}

/// A window that is open.
pub(crate) struct Window<'a> {
    desktop: &'a Desktop,
    screen: Child,
    display: String,
    app: Child,
    name: &'static str,
}

impl Window<'_> {
    /// Waits until what is in the window is as it should be; `meanwhile` is done each time that it is not.
    fn until(&mut self, what: &str, meanwhile: impl Fn(&Self), mut is_it: impl FnMut(&[Element]) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let all = self.desktop.elements(self.app.id());
            // Nothing at all is a window that does not answer at the moment.
            if !all.is_empty() && is_it(&all) {
                return;
            }
            let ended = self.app.try_wait().unwrap();
            if ended.is_some() || Instant::now() > deadline {
                let seen: Vec<_> =
                    all.iter().map(|it| format!("{} “{}” {}", it.role, it.name, it.text)).collect();
                panic!("{}: {what} did not come ({ended:?}); there is\n{}", self.name, seen.join("\n"));
            }
            meanwhile(self);
            thread::sleep(LOOK);
        }
    }

    /// Waits until something is called so, or says so.
    pub(crate) fn says(&mut self, words: &str) {
        self.until(&format!("“{words}”"), |_| {}, |all| all.iter().any(|it| it.says(words)));
    }

    /// Waits until nothing says so any more.
    pub(crate) fn says_no_more(&mut self, words: &str) {
        self.until(&format!("an end of “{words}”"), |_| {}, |all| !all.iter().any(|it| it.says(words)));
    }

    /// Presses these keys until something says so: a page that has just come up does not listen at once.
    pub(crate) fn says_after(&mut self, keys: &str, words: &str) {
        self.until(
            &format!("“{words}”"),
            |window| window.keys(keys),
            |all| all.iter().any(|it| it.says(words)),
        );
    }

    /// Waits until the keyboard is there.
    pub(crate) fn writes_in(&mut self, name: &str) {
        self.until(name, |_| {}, |all| all.iter().any(|it| it.name == name && it.is_focused));
    }

    /// Waits for it, and presses it with the pointer.
    pub(crate) fn presses(&mut self, name: &str) {
        let mut middle = (0, 0);
        self.until(
            &format!("“{name}”"),
            |_| {},
            |all| {
                let found = all.iter().find(|it| it.name == name);
                found.inspect(|it| middle = it.middle).is_some()
            },
        );
        let (x, y) = (middle.0.to_string(), middle.1.to_string());
        self.xdotool(&["mousemove", "--sync", &x, &y, "click", "1"]);
    }

    /// How large the window is, in its own points: how far away from its corner the middle of anything is.
    pub(crate) fn extent(&mut self) -> (i64, i64) {
        let mut extent = (0, 0);
        self.until(
            "anything with a place",
            |_| {},
            |all| {
                let middles = || all.iter().map(|it| it.middle);
                extent = (
                    middles().map(|it| it.0).max().unwrap_or(0),
                    middles().map(|it| it.1).max().unwrap_or(0),
                );
                extent.0 > 0 && extent.1 > 0
            },
        );
        extent
    }

    /// Keys, as `xdotool` names them.
    pub(crate) fn keys(&self, keys: &str) {
        self.xdotool(&["key", "--clearmodifiers", keys]);
    }

    /// Text, letter by letter.
    pub(crate) fn types(&self, text: &str) {
        self.xdotool(&["type", "--delay", "20", text]);
    }

    /// Gives the window the keyboard, as a window manager would.
    pub(crate) fn take_keyboard(&self) {
        self.give_keyboard_to(&self.finds(&["--onlyvisible"]));
    }

    /// Waits until another window of that title is there as well, and says which.
    pub(crate) fn has_another(&self, title: &str) -> String {
        comes(&format!("no window “{title}” came"), || self.titled(title))
    }

    /// Waits until no window of that title is there any more.
    pub(crate) fn has_no_other(&self, title: &str) {
        comes(&format!("the window “{title}” does not go"), || {
            self.titled(title).is_none().then_some(())
        });
    }

    fn titled(&self, title: &str) -> Option<String> {
        self.found(&["--onlyvisible", "--name", &format!("^{title}$")])
    }

    fn found(&self, which: &[&str]) -> Option<String> {
        let found = self.command("xdotool").arg("search").args(which).output().unwrap().stdout;
        String::from_utf8_lossy(&found).lines().next().map(str::to_owned)
    }

    /// Gives one of its windows the keyboard.
    pub(crate) fn give_keyboard_to(&self, window: &str) {
        self.xdotool(&["windowfocus", "--sync", window]);
    }

    /// Closes one of its windows by the cross in its frame.
    pub(crate) fn closes(&self, window: &str) {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/window/close.py");
        let done = self.command(PYTHON).arg(program).arg(window).status().unwrap();
        assert!(done.success(), "window {window} was not asked to close");
    }

    /// Waits until the window is there, seen or not.
    pub(crate) fn is_there(&self) {
        self.finds(&[]);
    }

    /// Waits until it can be reached, though there may be nothing to be seen of it.
    pub(crate) fn is_connected(&self) {
        let log = || fs::read_to_string(self.desktop.log(self.name)).unwrap();
        let is_known = || log().contains("the switchboard knows us").then_some(());
        comes(&format!("{} did not connect", self.name), is_known);
    }

    fn finds(&self, which: &[&str]) -> String {
        comes("no window came", || self.found(&[which, &["--class", "sightline"]].concat()))
    }

    /// A picture of the screen, kept where pictures go.
    pub(crate) fn picture(&self, name: &str) {
        // `cargo xtask snapshots` says where it wants them.
        let folder = std::env::var_os("SIGHTLINE_PICTURES")
            .map_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")).join("window"), PathBuf::from);
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join(format!("{name}.png"));
        let done = self.command("scrot").args(["--overwrite", "--silent"]).arg(&file).status().unwrap();
        assert!(done.success() || thread::panicking(), "{} was not written", file.display());
    }

    /// Asks the app to stop, as the system does when somebody logs out.
    pub(crate) fn asks_to_stop(&self) {
        let done = Command::new("kill").args(["-TERM", &self.app.id().to_string()]).status().unwrap();
        assert!(done.success(), "{} is not there any more", self.name);
    }

    /// Waits until the app has ended, and says how.
    pub(crate) fn ended(mut self) -> Option<i32> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.app.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < deadline, "{} does not end", self.name);
            thread::sleep(LOOK);
        }
    }

    fn xdotool(&self, words: &[&str]) {
        let done = self.command("xdotool").args(words).status().unwrap();
        assert!(done.success(), "xdotool {words:?}");
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("DISPLAY", &self.display);
        command
    }
}

/// Looks again and again, and fails with these words in the end.
fn comes<T>(or_else: &str, look: impl Fn() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(it) = look() {
            return it;
        }
        assert!(Instant::now() < deadline, "{or_else}");
        thread::sleep(LOOK);
    }
}

impl Drop for Window<'_> {
    fn drop(&mut self) {
        if thread::panicking() && !self.display.is_empty() {
            self.picture(&format!("failed-{}", self.name));
            eprintln!(
                "{}: {}",
                self.name,
                fs::read_to_string(self.desktop.log(self.name)).unwrap_or_default()
            );
        }
        end(&mut self.app);
        end(&mut self.screen);
    }
}

fn end(child: &mut Child) {
    // It may have ended already.
    child.kill().ok();
    child.wait().ok();
}

fn is_there(program: &str) -> bool {
    if program.starts_with('/') {
        return Path::new(program).is_file();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
