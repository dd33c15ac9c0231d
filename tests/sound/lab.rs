//! A PulseAudio of the test's own: in a folder of its own, unknown to any other, and gone with the test.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::support::{
    programs::{Program, ServerProgram},
    skipping::skipped,
};

const STARTS_WITHIN: Duration = Duration::from_secs(10);

pub(crate) struct Lab {
    server: Child,
    folder: tempfile::TempDir,
}

impl Lab {
    /// Nothing where there is no PulseAudio; that was said aloud then.
    pub(crate) fn start() -> Option<Self> {
        for program in ["pulseaudio", "pactl", "paplay", "parec"] {
            if !is_there(program) {
                skipped(program, "pulseaudio pulseaudio-utils");
                return None;
            }
        }
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let socket = folder.path().join("native");
        let module = format!("module-native-protocol-unix auth-anonymous=1 socket={}", socket.display());
        let server = Command::new("pulseaudio")
            .args(["-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "-L", &module])
            .env("XDG_RUNTIME_DIR", folder.path())
            .env("HOME", folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lab = Self { server, folder };
        let deadline = Instant::now() + STARTS_WITHIN;
        while !lab.command("pactl").arg("info").output().unwrap().status.success() {
            assert!(Instant::now() < deadline, "PulseAudio does not start");
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(lab)
    }

    /// A program that knows this sound server and no other.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env("PULSE_SERVER", format!("unix:{}", self.folder.path().join("native").display()))
            .env("XDG_RUNTIME_DIR", self.folder.path())
            .env("HOME", self.folder.path());
        command
    }

    /// A speaker; its number is good for [`Self::unplug`].
    pub(crate) fn plug_speaker(&self, name: &str) -> String {
        let sink = format!("sink_name={name}");
        let words = format!("sink_properties=device.description=Speaker-{name}");
        self.pactl(&["load-module", "module-null-sink", &sink, &words, "rate=48000", "channels=2"])
    }

    /// A microphone, and `NAME-feed`, which it hears.
    pub(crate) fn plug_microphone(&self, name: &str) -> String {
        let feed = format!("{name}-feed");
        if !self.pactl(&["list", "short", "sinks"]).contains(&feed) {
            self.pactl(&[
                "load-module",
                "module-null-sink",
                &format!("sink_name={feed}"),
                "rate=48000",
                "channels=1",
            ]);
        }
        let source = format!("source_name={name}");
        let words = format!("source_properties=device.description=Microphone-{name}");
        self.pactl(&[
            "load-module",
            "module-remap-source",
            &source,
            &format!("master={feed}.monitor"),
            &words,
        ])
    }

    pub(crate) fn unplug(&self, number: &str) {
        self.pactl(&["unload-module", number]);
    }

    pub(crate) fn pactl(&self, args: &[&str]) -> String {
        let done = self.command("pactl").args(args).output().unwrap();
        assert!(done.status.success(), "pactl {args:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap().trim().to_owned()
    }

    /// Plays a recording into a microphone's feed, in the background.
    pub(crate) fn feed(&self, microphone: &str, recording: &Path) -> Feed {
        let device = format!("--device={microphone}-feed");
        Feed(self.command("paplay").args([&device, "--latency-msec=20"]).arg(recording).spawn().unwrap())
    }

    /// An installation that waits to be called.
    pub(crate) fn answer(&self, server: &ServerProgram, profile: &Path, args: &[&str]) -> Program {
        self.program(&["answer", "--server", server.url()], profile, args)
    }

    /// An installation that calls.
    pub(crate) fn call(&self, link: &str, profile: &Path, args: &[&str]) -> Program {
        self.program(&["call", link], profile, args)
    }

    fn program(&self, action: &[&str], profile: &Path, args: &[&str]) -> Program {
        let mut command = self.command(env!("CARGO_BIN_EXE_sightline"));
        command.args(action).args(["--events", "--bind", "127.0.0.1", "--video", "none"]);
        command.stderr(Stdio::piped());
        Program::spawn(&mut command, profile, args)
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.server.kill().ok();
        self.server.wait().ok();
    }
}

/// Somebody who speaks; dropping it silences them.
pub(crate) struct Feed(Child);

impl Drop for Feed {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
