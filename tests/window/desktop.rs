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

use serde_json::{Value, json};

use crate::support::skipping::skipped;

/// How long something may take to be seen: without a graphics card, in a build for tests, beside other tests.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(200);
/// What a window gets of a screen: without a window manager it takes what it asks for, from the corner.
const SCREEN: &str = "1280x800x24";

const TOOLS: [(&str, &str); 6] = [
    ("Xvfb", "xvfb"),
    ("xdotool", "xdotool"),
    ("scrot", "scrot"),
    ("dbus-daemon", "dbus"),
    ("/usr/libexec/at-spi-bus-launcher", "at-spi2-core"),
    ("python3", "python3-gi gir1.2-atspi-2.0"),
];

/// The bus, and who reads aloud.
pub(crate) struct Desktop {
    folder: tempfile::TempDir,
    bus: Child,
    address: String,
    reader: Mutex<Reader>,
}

struct Reader {
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
        let mut reader = Command::new("python3")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/window/reader.py"))
            .env("DBUS_SESSION_BUS_ADDRESS", &address)
            .env("XDG_RUNTIME_DIR", folder.path())
            .env("HOME", folder.path())
            .env_remove("DISPLAY")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (ask, told) = (reader.stdin.take().unwrap(), reader.stdout.take().unwrap());
        let reader = Mutex::new(Reader { child: reader, ask, told: BufReader::new(told) });
        Some(Self { folder, bus, address, reader })
    }

    /// Opens a window of the app on a screen of its own.
    pub(crate) fn open(&self, profile: &Path, arguments: &[&str]) -> Window<'_> {
        let (screen, display) = screen();
        let app = self.app(&display, profile, arguments).spawn().unwrap();
        Window { desktop: self, screen, display, app, profile: profile.to_owned() }
    }

    /// The app as it is started on that screen.
    pub(crate) fn app(&self, display: &str, profile: &Path, arguments: &[&str]) -> Command {
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

    fn ask(&self, command: &Value) -> Value {
        let mut reader = self.reader.lock().unwrap();
        writeln!(reader.ask, "{command}").unwrap();
        let mut line = String::new();
        reader.told.read_line(&mut line).unwrap();
        let answer: Value = serde_json::from_str(&line).unwrap();
        assert!(answer.get("error").is_none(), "the reader says {answer} to {command}");
        answer["ok"].clone()
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        if let Ok(reader) = self.reader.get_mut() {
            end(&mut reader.child);
        }
        end(&mut self.bus);
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
#[derive(Clone, Debug)]
pub(crate) struct Element {
    pub(crate) role: String,
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) states: Vec<String>,
}

/// A window that is open.
pub(crate) struct Window<'a> {
    desktop: &'a Desktop,
    screen: Child,
    display: String,
    app: Child,
    profile: PathBuf,
}

impl Window<'_> {
    /// Everything in it that has a role.
    pub(crate) fn elements(&self) -> Vec<Element> {
        let tree = self.desktop.ask(&json!({"do": "tree", "pid": self.app.id()}));
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        tree.as_array()
            .into_iter()
            .flatten()
            .map(|element| Element {
                role: text(&element["role"]),
                name: text(&element["name"]),
                text: text(&element["text"]),
                states: element["states"].as_array().into_iter().flatten().map(text).collect(),
            })
            .collect()
    }

    /// Waits until something is to be seen, and gives it.
    pub(crate) fn until(&self, what: &str, is_it: impl Fn(&Element) -> bool) -> Element {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let all = self.elements();
            if let Some(found) = all.iter().find(|element| is_it(element)) {
                return found.clone();
            }
            if Instant::now() > deadline {
                self.picture(&format!("missing-{}", what.replace(' ', "-")));
                let seen: Vec<_> = all.iter().map(|element| format!("{} “{}”", element.role, element.name)).collect();
                panic!("{what} did not come; the window shows\n{}", seen.join("\n"));
            }
            thread::sleep(LOOK);
        }
    }

    /// Waits until something of that name is to be seen.
    pub(crate) fn shows(&self, name: &str) -> Element {
        self.until(name, |element| element.name == name || element.text == name)
    }

    /// Waits for a name that contains this.
    pub(crate) fn says(&self, part: &str) -> Element {
        self.until(part, |element| element.name.contains(part) || element.text.contains(part))
    }

    /// Waits for it, and presses it by its name.
    pub(crate) fn press(&self, name: &str) {
        self.shows(name);
        let pressed = self.desktop.ask(&json!({"do": "press", "pid": self.app.id(), "name": name}));
        assert_eq!(pressed, json!(true), "“{name}” cannot be pressed");
    }

    /// Waits for it, and gives it the keyboard.
    pub(crate) fn focus(&self, name: &str) {
        self.shows(name);
        let focused = self.desktop.ask(&json!({"do": "focus", "pid": self.app.id(), "name": name}));
        assert_eq!(focused, json!(true), "“{name}” does not take the keyboard");
        self.until(name, |element| element.name == name && element.states.iter().any(|state| state == "focused"));
    }

    /// Keys, as `xdotool` names them.
    pub(crate) fn keys(&self, keys: &str) {
        self.xdotool(&["key", "--clearmodifiers", keys]);
    }

    /// Text, letter by letter.
    pub(crate) fn write(&self, text: &str) {
        self.xdotool(&["type", "--delay", "20", text]);
    }

    /// Moves the pointer, and presses its button where `click`.
    pub(crate) fn pointer(&self, x: i32, y: i32, click: bool) {
        let (x, y) = (x.to_string(), y.to_string());
        self.xdotool(&["mousemove", "--sync", &x, &y]);
        if click {
            self.xdotool(&["click", "1"]);
        }
    }

    /// Gives the window the keyboard, as a window manager would.
    pub(crate) fn take_keyboard(&self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let search = self.command("xdotool").args(["search", "--onlyvisible", "--class", "sightline"]).output().unwrap();
            let window = String::from_utf8_lossy(&search.stdout).lines().next().map(str::to_owned);
            if let Some(window) = window {
                self.xdotool(&["windowfocus", "--sync", &window]);
                return;
            }
            assert!(Instant::now() < deadline, "no window came");
            thread::sleep(LOOK);
        }
    }

    /// A picture of the screen, kept where pictures go.
    pub(crate) fn picture(&self, name: &str) {
        let folder = pictures();
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join(format!("{name}.png"));
        let done = self.command("scrot").args(["--overwrite", "--silent"]).arg(&file).status().unwrap();
        assert!(done.success(), "{} was not written", file.display());
    }

    /// Starts the app once more with the same profile, on the same screen, and gives its exit code.
    pub(crate) fn start_again(&self, arguments: &[&str]) -> Option<i32> {
        self.desktop.app(&self.display, &self.profile, arguments).status().unwrap().code()
    }

    /// Whether the app has ended, and how.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.app.try_wait().unwrap() {
                return status.code();
            }
            thread::sleep(LOOK);
        }
        panic!("the app did not end");
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

impl Drop for Window<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.picture("when-it-failed");
        }
        end(&mut self.app);
        end(&mut self.screen);
    }
}

/// `SIGHTLINE_PICTURES`, or a folder beside what is built.
fn pictures() -> PathBuf {
    std::env::var_os("SIGHTLINE_PICTURES")
        .map_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")).join("window"), PathBuf::from)
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
