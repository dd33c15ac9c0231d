//! Servers as processes, and what the system accounts to them.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// How long a server may take until it answers.
const START_UP: Duration = Duration::from_secs(20);

/// What both relays make their credentials with.
pub(crate) const SECRET: &str = "a secret of no importance, for benchmarks";

/// A server that ends with this value.
pub(crate) struct Process {
    child: Child,
    pub(crate) name: &'static str,
    /// So that it may go on speaking.
    stdout: Option<BufReader<ChildStdout>>,
    _folder: tempfile::TempDir,
}

/// Our own server, and the addresses that it named.
pub(crate) struct Ours {
    pub(crate) process: Process,
    /// Every line that it printed up to the last one that was waited for.
    pub(crate) said: Vec<String>,
}

impl Ours {
    /// Starts the program with these arguments, apart from every other server on this computer.
    pub(crate) fn start(arguments: &[&str]) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let secret = folder.path().join("secret");
        fs::write(&secret, SECRET)?;
        let mut child = Command::new(env!("CARGO_BIN_EXE_sightline-server"))
            .args(["--metrics", "off", "--ask-stun", "off", "--qr", "never", "--data"])
            .arg(folder.path().join("data"))
            .arg("--relay-secret-file")
            .arg(&secret)
            .args(arguments)
            .env("RUST_LOG", "error")
            .stdout(Stdio::piped())
            .spawn()
            .context("the server does not start")?;
        let mut stdout = BufReader::new(child.stdout.take().context("it was piped")?);
        let mut process = Process { child, name: "sightline-server", stdout: None, _folder: folder };
        let mut said = Vec::new();
        loop {
            let mut line = String::new();
            if stdout.read_line(&mut line)? == 0 {
                bail!("the server ended before it had started: {said:?}");
            }
            let last = line.contains("sightline answer");
            said.push(line);
            if last {
                process.stdout = Some(stdout);
                return Ok(Self { process, said });
            }
        }
    }

    /// The relay alone, on this UDP port, for everybody with credentials and without a limit on bytes.
    pub(crate) fn relay(at: SocketAddr) -> Result<Self> {
        let at = at.to_string();
        let started = Self::start(&[
            "--http",
            "127.0.0.1:0",
            "--https",
            "off",
            "--turn-tcp",
            "off",
            "--turn-udp",
            &at,
            "--public-ip",
            "127.0.0.1",
            "--reach",
            "public",
            "--allow-peer",
            "127.0.0.0/8",
            "--limit",
            "relay.bytes-per-second=100000000000,relay.allocations-per-party=1000,relay.answers-per-second=1000",
        ])?;
        Ok(started)
    }

    /// The first address of this scheme that it named.
    pub(crate) fn link(&self, scheme: &str) -> Option<&str> {
        self.said.iter().flat_map(|line| line.split_whitespace()).find(|word| word.starts_with(scheme))
    }
}

/// Debian's coturn, with a relay alone, on this UDP port. `None` where it is not installed.
pub(crate) fn coturn(at: SocketAddr) -> Result<Option<Process>> {
    let Some(program) =
        ["/usr/bin/turnserver", "/usr/sbin/turnserver"].map(PathBuf::from).into_iter().find(|it| it.exists())
    else {
        return Ok(None);
    };
    let folder = tempfile::tempdir()?;
    let (port, secret) = (at.port().to_string(), format!("--static-auth-secret={SECRET}"));
    let ip = at.ip().to_string();
    let child = Command::new(program)
        .args(["-n", "--use-auth-secret", &secret, "--realm=sightline", "--no-cli", "--no-tls", "--no-dtls"])
        .args(["--listening-ip", &ip, "--relay-ip", &ip, "--listening-port", &port, "--allow-loopback-peers"])
        .args(["--min-port=20000", "--max-port=29999", "--no-tcp", "--no-tcp-relay", "--log-file=stdout"])
        .arg("--pidfile")
        .arg(folder.path().join("pid"))
        .arg("--userdb")
        .arg(folder.path().join("db"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("coturn does not start")?;
    let process = Process { child, name: "coturn", stdout: None, _folder: folder };
    wait_for_stun(at)?;
    Ok(Some(process))
}

/// Every client of the server is an open file here as well.
pub(crate) fn take_files() -> Result<()> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    Ok(setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?)
}

/// Lets a process run on these processors alone. Whether that could be done.
pub(crate) fn confine(process: u32, processors: &str) -> bool {
    let words = ["-a", "-c", "-p", processors];
    let taskset = Command::new("taskset").args(words).arg(process.to_string()).stdout(Stdio::null()).status();
    taskset.is_ok_and(|status| status.success())
}

/// Until a binding request is answered there.
pub(crate) fn wait_for_stun(at: SocketAddr) -> Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_read_timeout(Some(Duration::from_millis(100)))?;
    let request = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12]].concat();
    let start = Instant::now();
    while start.elapsed() < START_UP {
        socket.send_to(&request, at)?;
        if socket.recv(&mut [0; 500]).is_ok() {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(50));
    }
    bail!("nobody answers STUN on {at}")
}

/// A UDP port that is free now.
pub(crate) fn free_port() -> Result<SocketAddr> {
    Ok(UdpSocket::bind("127.0.0.1:0")?.local_addr()?)
}

impl Process {
    /// Processor time of all its threads, in the kernel and outside.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let mut nanoseconds = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let text = fs::read_to_string(task?.path().join("schedstat"))?;
            nanoseconds += text.split(' ').next().unwrap_or_default().parse::<u64>()?;
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// Lets it run on these processors alone: `0`, `1-3`. Whether that could be done.
    pub(crate) fn confine(&self, processors: &str) -> bool {
        confine(self.child.id(), processors)
    }

    /// Resident memory, in KiB.
    pub(crate) fn resident_kib(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("it has ended")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
