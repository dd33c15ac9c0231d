//! The servers of a world, as processes: ours, and coturn for a second opinion of the relay.

use std::{
    fs::{self, File},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::namespaces::Namespaces;
use crate::support::programs::server_program;

/// By which name everybody knows our server.
pub(crate) const NAME: &str = "switchboard.lab";
pub(crate) const IPV4: &str = "203.0.113.10";
pub(crate) const IPV6: &str = "2001:db8::10";
/// coturn's two; the same computer has them.
pub(crate) const COTURN: [&str; 2] = ["203.0.113.11", "203.0.113.12"];

const SECRET: &str = "what both relays know";
/// From its start until it listens, on a busy machine.
const STARTS_WITHIN: Duration = Duration::from_secs(30);

/// Who relays in a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relay {
    /// Our server, by UDP and TCP on 3478 and by TLS on 443; it answers STUN as well.
    Ours,
    /// coturn, by UDP; ours relays nothing and answers no STUN.
    Coturn,
    /// Nobody, and nobody answers STUN.
    Nobody,
}

/// The servers of a world.
pub(crate) struct Servers {
    ours: Child,
    _coturn: Option<Process>,
    relay: Relay,
    folder: tempfile::TempDir,
    /// How installations are told of it.
    pub(crate) url: String,
}

impl Servers {
    pub(crate) fn start(nets: &Namespaces, relay: Relay) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let coturn = (relay == Relay::Coturn).then(|| start_coturn(nets, folder.path()));
        let ours = start_ours(nets, folder.path(), relay);
        let url = listens(folder.path());
        Self { ours, _coturn: coturn, relay, folder, url }
    }

    /// As a service manager does it that loses patience.
    pub(crate) fn restart(&mut self, nets: &Namespaces) {
        self.stop();
        self.ours = start_ours(nets, self.folder.path(), self.relay);
        assert_eq!(listens(self.folder.path()), self.url, "the same server as before");
    }

    pub(crate) fn stop(&mut self) {
        self.ours.kill().ok();
        self.ours.wait().ok();
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        self.stop();
    }
}

fn start_ours(nets: &Namespaces, folder: &Path, relay: Relay) -> Child {
    let out = File::create(folder.join("output")).unwrap();
    let errors = File::options().create(true).append(true).open(folder.join("errors")).unwrap();
    let (udp, tcp) = if relay == Relay::Ours { ("3478", "3478") } else { ("off", "off") };
    let mut command = nets.command("srv", server_program().to_str().unwrap());
    command
        .arg("--data")
        .arg(folder.join("data"))
        .args(["--https", "443", "--turn-udp", udp, "--turn-tcp", tcp, "--metrics", "off"])
        .args([
            "--ask-stun",
            "off",
            "--public-ip",
            &format!("{IPV4},{IPV6}"),
            "--name",
            NAME,
            "--qr",
            "never",
        ])
        .args(["--allow-peer", "203.0.113.0/24,198.51.100.0/24,2001:db8::/32"])
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(errors);
    if relay == Relay::Coturn {
        fs::write(folder.join("secret"), SECRET).unwrap();
        command.args([
            "--turn-url",
            &format!("turn:{}:3478?transport=udp", COTURN[0]),
            "--relay-secret-file",
        ]);
        command.arg(folder.join("secret"));
    }
    command.spawn().unwrap()
}

/// The link that it prints once it listens.
fn listens(folder: &Path) -> String {
    let deadline = Instant::now() + STARTS_WITHIN;
    loop {
        let said = fs::read_to_string(folder.join("output")).unwrap();
        if let Some((line, _)) = said.split_once('\n') {
            let url = line.split_whitespace().find(|word| word.starts_with("https://"));
            return url.unwrap_or_else(|| panic!("{line}")).to_owned();
        }
        let errors = fs::read_to_string(folder.join("errors")).unwrap();
        assert!(Instant::now() < deadline, "the server does not listen: {errors}");
        thread::sleep(Duration::from_millis(10));
    }
}

fn start_coturn(nets: &Namespaces, folder: &Path) -> Process {
    let settings = format!(
        "listening-ip={0}\nlistening-ip={1}\nrelay-ip={0}\nlistening-port=3478\nuse-auth-secret\n\
         static-auth-secret={SECRET}\nrealm=lab\nno-tls\nno-dtls\nno-cli\nlog-file=stdout\n\
         pidfile={2}/coturn.pid\nuserdb={2}/coturn.db\n",
        COTURN[0],
        COTURN[1],
        folder.display()
    );
    let file = folder.join("coturn.conf");
    fs::write(&file, settings).unwrap();
    let mut command = nets.command("srv", "turnserver");
    command.arg("-c").arg(file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Process::start(&mut command)
}

/// A program that ends with this.
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(command.spawn().unwrap())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}
