//! Two network namespaces of a test's own, gone when it ends.

use std::fs::File;
use std::io::{self, Write as _};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd as _;
use std::process::Command;
use std::thread;

use link_emulator::{Emulator, End, Namespace, Setup};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::connected;

pub(crate) const DEVICE: &str = "link0";
/// A's addresses, then B's, in the nets of the two devices.
pub(crate) const IPV4: [&str; 2] = ["10.77.0.1", "10.77.0.2"];
pub(crate) const IPV6: [&str; 2] = ["fd77::1", "fd77::2"];

pub(crate) struct World {
    pub(crate) a: String,
    pub(crate) b: String,
}

impl World {
    /// `None` where this computer allows none; then it is said why, and in CI it is a failure.
    pub(crate) fn new(name: &str) -> Option<Self> {
        let named = |end: char| format!("link-emulator-{name}-{}-{end}", std::process::id());
        let world = Self { a: named('a'), b: named('b') };
        for namespace in [&world.a, &world.b] {
            let made = Command::new("ip").args(["netns", "add", namespace]).output();
            let reason = match made {
                Err(error) => format!("there is no `ip` (Debian: apt-get install iproute2): {error}"),
                Ok(made) if !made.status.success() => {
                    format!("no network namespace: {}", String::from_utf8_lossy(&made.stderr).trim())
                }
                Ok(_) => continue,
            };
            skipped(&reason);
            return None;
        }
        // A namespace may be had where a TUN device may not.
        match Emulator::between(world.end_a(), world.end_b(), Setup::default()) {
            Ok(_) => Some(world),
            Err(error) => {
                skipped(&error.to_string());
                None
            }
        }
    }

    pub(crate) fn link(&self, script: &str) -> Emulator {
        self.link_with(Setup { script: script.parse().unwrap(), ..Setup::default() })
    }

    pub(crate) fn link_with(&self, setup: Setup) -> Emulator {
        Emulator::between(self.end_a(), self.end_b(), setup).unwrap()
    }

    pub(crate) fn end_a(&self) -> End {
        end(&self.a, 0)
    }

    pub(crate) fn end_b(&self) -> End {
        end(&self.b, 1)
    }

    /// One at each end, each speaking to the other.
    pub(crate) fn sockets(&self, [a, b]: [&str; 2]) -> (UdpSocket, UdpSocket) {
        let address = |host: &str| SocketAddr::new(host.parse().unwrap(), 4000);
        let (a, b) = (address(a), address(b));
        (inside(&self.a, move || connected(a, b)), inside(&self.b, move || connected(b, a)))
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for namespace in [&self.a, &self.b] {
            Command::new("ip").args(["netns", "delete", namespace]).output().ok();
        }
    }
}

/// What `ip` says.
pub(crate) fn ip(arguments: &[&str]) -> String {
    let output = Command::new("ip").args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn end(namespace: &str, side: usize) -> End {
    End::new(Namespace::Named(namespace.to_owned()), DEVICE)
        .address(format!("{}/24", IPV4[side]).parse().unwrap())
        .address(format!("{}/64", IPV6[side]).parse().unwrap())
}

/// A socket stays in the namespace in which it was made; the thread that made it ends.
fn inside<T: Send + 'static>(namespace: &str, work: impl FnOnce() -> T + Send + 'static) -> T {
    let file = File::open(format!("/run/netns/{namespace}")).unwrap();
    let inside = move || {
        move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
        work()
    };
    thread::Builder::new().spawn(inside).unwrap().join().unwrap()
}

fn skipped(reason: &str) {
    let word = format!("SKIPPED, NOT TESTED: {reason}");
    assert!(std::env::var_os("CI").is_none_or(|ci| ci.is_empty()), "{word}. In CI nothing is skipped");
    // Not by `eprintln`, which the test harness keeps to itself when a test passes.
    writeln!(io::stderr(), "{word}").ok();
}
