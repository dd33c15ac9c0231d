//! Network namespaces that go away with whoever made them.
//!
//! Everything is asked for by the usual programs (`ip`, `nft`, `sysctl`), so that a person can do by hand what a test
//! does. A name says which process made it; what dead processes left behind is removed by the next one.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    path::Path,
    process::{Command, Stdio},
    sync::{
        Mutex, Once, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

const MARK: &str = "sightline";
/// For one of the small programs that ask the kernel for something.
const PATIENCE: Duration = Duration::from_secs(20);

/// The first namespaces of a system are made one at a time: making them mounts their folder.
static MAKING: Mutex<()> = Mutex::new(());

/// Namespaces of one world, each under a short name.
pub(crate) struct Namespaces {
    prefix: String,
    names: Vec<&'static str>,
}

/// Why there can be no laboratory here.
#[derive(Debug)]
pub(crate) struct Missing(pub(crate) String);

impl Namespaces {
    /// None yet; fails where they cannot be made.
    pub(crate) fn new() -> Result<Self, Missing> {
        static SWEEP: Once = Once::new();
        static WORLDS: AtomicU32 = AtomicU32::new(0);
        for (program, package) in [
            ("ip", "iproute2"),
            ("ss", "iproute2"),
            ("nft", "nftables"),
            ("conntrack", "conntrack"),
            ("sysctl", "procps"),
            ("setpriv", "util-linux"),
        ] {
            if !is_there(program) {
                return Err(Missing(format!(
                    "there is no `{program}` here (Debian: apt-get install {package})"
                )));
            }
        }
        SWEEP.call_once(sweep);
        let world = WORLDS.fetch_add(1, Ordering::Relaxed);
        let mut namespaces =
            Self { prefix: format!("{MARK}-{}-{world}-", std::process::id()), names: Vec::new() };
        namespaces.add("pub").map_err(|error| {
            Missing(format!(
                "network namespaces cannot be made here: it takes root, or CAP_SYS_ADMIN and CAP_NET_ADMIN ({error})"
            ))
        })?;
        Ok(namespaces)
    }

    /// One more, with loopback and nothing else.
    pub(crate) fn add(&mut self, name: &'static str) -> Result<(), String> {
        let full = self.full(name);
        {
            let _making = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
            run(Command::new("ip").args(["netns", "add", &full]), "")?;
        }
        self.names.push(name);
        // Without duplicate address detection an IPv6 address can be used at once.
        self.sysctl(name, &["net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0"]);
        self.ip(name, "link set lo up");
        Ok(())
    }

    /// What the system calls it.
    pub(crate) fn full(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// A pair of network interfaces, one in each, not yet up.
    pub(crate) fn cable(&self, (one, its): (&str, &str), (other, others): (&str, &str)) {
        let (one, other) = (self.full(one), self.full(other));
        let words =
            ["link", "add", its, "netns", &one, "type", "veth", "peer", "name", others, "netns", &other];
        must(run(Command::new("ip").args(words), ""));
    }

    /// Has `ip` do these lines there.
    pub(crate) fn ip(&self, name: &str, lines: &str) {
        must(run(Command::new("ip").args(["-n", &self.full(name), "-batch", "-"]), lines));
    }

    pub(crate) fn sysctl(&self, name: &str, settings: &[&str]) {
        must(run(self.command(name, "sysctl").arg("-qw").args(settings), ""));
    }

    /// Replaces all of a router's rules.
    pub(crate) fn nft(&self, name: &str, rules: &str) {
        must(run(self.command(name, "nft").args(["-f", "-"]), &format!("flush ruleset\n{rules}")));
    }

    /// A router there forgets every connection that it knows.
    pub(crate) fn forget_connections(&self, name: &str) {
        must(run(self.command(name, "conntrack").arg("-F"), ""));
    }

    /// What `name` finds under a host's name, which nobody else does.
    pub(crate) fn hosts(&self, name: &str, lines: &str) {
        let folder = Path::new("/etc/netns").join(self.full(name));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("hosts"), format!("127.0.0.1 localhost\n::1 localhost\n{lines}\n")).unwrap();
    }

    /// A program in there, to be started. It ends with the thread that starts it.
    pub(crate) fn command(&self, name: &str, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.full(name), "setpriv", "--pdeathsig", "KILL", "--", program]);
        command
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        for name in &self.names {
            remove(&self.full(name));
        }
    }
}

/// Fails with what went wrong.
pub(crate) fn must(done: Result<String, String>) -> String {
    done.unwrap_or_else(|error| panic!("{error}"))
}

fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Runs a small program to its end, and gives what it said.
pub(crate) fn run(command: &mut Command, input: &str) -> Result<String, String> {
    let said = format!("{command:?}");
    let failed = |error: io::Error| format!("{said}: {error}");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    child.stdin.take().unwrap().write_all(input.as_bytes()).ok();
    let deadline = Instant::now() + PATIENCE;
    let status = loop {
        if let Some(status) = child.try_wait().map_err(failed)? {
            break status;
        }
        if Instant::now() > deadline {
            child.kill().ok();
            child.wait().ok();
            return Err(format!("{said} did not end within {PATIENCE:?}"));
        }
        thread::sleep(Duration::from_millis(1));
    };
    let (mut output, mut errors) = (String::new(), String::new());
    child.stdout.take().unwrap().read_to_string(&mut output).map_err(failed)?;
    child.stderr.take().unwrap().read_to_string(&mut errors).map_err(failed)?;
    if status.success() { Ok(output) } else { Err(format!("{said}: {}\n{input}", errors.trim())) }
}

fn sweep() {
    let Ok(list) = run(Command::new("ip").args(["netns", "list"]), "") else { return };
    for name in list.lines().filter_map(|line| line.split_whitespace().next()) {
        let Some(rest) = name.strip_prefix(MARK).and_then(|rest| rest.strip_prefix('-')) else { continue };
        let owner: Option<u32> = rest.split('-').next().and_then(|pid| pid.parse().ok());
        if owner.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            remove(name);
        }
    }
}

/// Whoever still runs in there is of the same world.
fn remove(full: &str) {
    let inside = run(Command::new("ip").args(["netns", "pids", full]), "").unwrap_or_default();
    for pid in inside.split_whitespace() {
        run(Command::new("kill").args(["-KILL", pid]), "").ok();
    }
    let _making = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    run(Command::new("ip").args(["netns", "del", full]), "").ok();
    fs::remove_dir_all(Path::new("/etc/netns").join(full)).ok();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_are_gone_when_their_test_has_panicked() {
        let Ok(made) = Namespaces::new() else { return };
        let full = made.full("pub");
        let folder = Path::new("/run/netns").join(&full);
        assert!(folder.exists());
        let panicked = thread::spawn(move || {
            let _made = made;
            std::panic::resume_unwind(Box::new("a test that failed"));
        });
        assert!(panicked.join().is_err());
        assert!(!folder.exists());
    }
}
