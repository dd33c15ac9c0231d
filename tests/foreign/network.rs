//! A link of its own for a test: two network namespaces, joined by a virtual cable and by nothing else.
//!
//! The test starts itself a second time below `unshare`. What runs there is the first process of namespaces for
//! processes, mounts and the network, so when it ends, by whatever way, the kernel ends all that it started and takes
//! the network away. Nothing has a name that could be left behind, and nothing leaves the namespaces.

use std::{
    env, fs,
    io::{BufRead as _, BufReader, Write as _},
    net::{IpAddr, Ipv4Addr},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::support::{
    programs::my_turn,
    skipping::{not_allowed, skipped},
};

/// Our end of the cable.
pub(super) const OURS: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 77, 0, 1));

/// For one test, with a machine that is busy with others.
const PATIENCE: Duration = Duration::from_secs(90);

/// Set in the process that runs inside.
const INSIDE: &str = "SIGHTLINE_TEST_INSIDE";

const NAMESPACES: [&str; 5] = ["--net", "--pid", "--fork", "--kill-child", "--mount-proc"];

/// Waits until it has the foreign end of the cable, then becomes the program.
const BESIDE: &str = "echo ready; read -r _; ip link set lo up; ip address add 10.77.0.2/24 dev theirs; \
                      ip link set theirs up; ip route add default via 10.77.0.1; exec \"$@\"";

/// A program that a test wants, and the package that brings it.
pub(super) struct Want {
    pub(super) program: &'static str,
    pub(super) package: &'static str,
}

/// Runs `work`, the whole of the test called `test`, at our end of a cable. Skips, and says so, where it cannot.
pub(super) fn on_a_cable<W: Future<Output = ()>>(test: &str, wants: &[Want], work: impl FnOnce() -> W) {
    if env::var_os(INSIDE).is_some() {
        lay_cable();
        let threads = 2;
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build();
        runtime.unwrap().block_on(work());
        return;
    }
    let tools =
        [("unshare", "util-linux"), ("ip", "iproute2")].map(|(program, package)| Want { program, package });
    if let Some(missing) = wants.iter().chain(&tools).find(|want| !is_there(want.program)) {
        return skipped(missing.program, missing.package);
    }
    let may = Command::new("unshare").args(NAMESPACES).arg("true").output().unwrap();
    if !may.status.success() {
        return not_allowed(
            "to make network namespaces (run it as root)",
            &String::from_utf8_lossy(&may.stderr),
        );
    }
    let _turn = my_turn();
    run_inside(test);
}

fn run_inside(test: &str) {
    let test = format!("foreign::{test}");
    let said = tempfile::NamedTempFile::new().unwrap();
    let mut inside = Command::new("unshare")
        .args(NAMESPACES)
        .arg(env::current_exe().unwrap())
        .args(["--exact", &test, "--nocapture", "--test-threads=1"])
        .env(INSIDE, "yes")
        .stdin(Stdio::null())
        .stdout(said.as_file().try_clone().unwrap())
        .stderr(said.as_file().try_clone().unwrap())
        .spawn()
        .unwrap();
    let started = Instant::now();
    let ended = loop {
        match inside.try_wait().unwrap() {
            None if started.elapsed() > PATIENCE => {
                inside.kill().unwrap();
                inside.wait().unwrap();
                break None;
            }
            None => thread::sleep(Duration::from_millis(20)),
            ended => break ended,
        }
    };
    let said = String::from_utf8_lossy(&fs::read(said.path()).unwrap()).into_owned();
    let passed = ended.is_some_and(|status| status.success()) && said.contains("1 passed");
    assert!(passed, "{test} {ended:?} after {:?}; inside:\n{said}", started.elapsed());
}

fn is_there(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    // A user's path may lack the folder of administrators' programs, `ip` among them.
    env::split_paths(&path)
        .chain([Path::new("/usr/sbin").to_owned()])
        .any(|folder| folder.join(program).is_file())
}

fn lay_cable() {
    ip("link set lo up");
    ip("link add ours type veth peer name theirs");
    ip("address add 10.77.0.1/24 dev ours");
    ip("link set ours up");
    ip("route add default via 10.77.0.2");
}

fn ip(words: &str) {
    let done = Command::new("ip").args(words.split(' ')).output().unwrap();
    assert!(done.status.success(), "ip {words}: {}", String::from_utf8_lossy(&done.stderr));
}

/// From now on one packet in twenty gets lost, at either end of the cable.
pub(super) fn lose_packets(foreign: &Child) {
    const RULES: &str = "add table inet lossy; \
                         add chain inet lossy came { type filter hook input priority 0; }; \
                         add rule inet lossy came meta l4proto udp numgen random mod 20 == 0 drop";
    let there = foreign.id().to_string();
    for at in [&["nft"][..], &["nsenter", "--target", &there, "--net", "nft"]] {
        let done = Command::new(at[0]).args(&at[1..]).arg(RULES).output().unwrap();
        assert!(done.status.success(), "{at:?}: {}", String::from_utf8_lossy(&done.stderr));
    }
}

/// Starts a program at the foreign end. It may be talked to by its standard input and output.
pub(super) fn start_beside(program: &[&str]) -> Child {
    let mut child = Command::new("unshare")
        .args(["--net", "sh", "-c", BESIDE, "sh"])
        .args(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // One byte a read, so that nothing of what the program says later is swallowed.
    let mut ready = String::new();
    BufReader::with_capacity(1, child.stdout.as_mut().unwrap()).read_line(&mut ready).unwrap();
    assert_eq!(ready, "ready\n");
    ip(&format!("link set theirs netns {}", child.id()));
    child.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    child
}
