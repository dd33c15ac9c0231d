//! Two computers and the link between them, each pair and seed in a fresh one.
//!
//! ```text
//! a ══ b     ══ the link emulator: media alone
//!  \  /      a cable each, to a server that both reach and that passes nothing on
//!  srv
//! ```

use std::{
    fs::File,
    net::Ipv4Addr,
    process::Command,
    thread::sleep,
    time::{Duration, Instant},
};

use link_emulator::{Emulator, End, Namespace, Setup, Stats, change_for};

use super::{profiles::Profile, rival::Rival};
use crate::natlab::{
    namespaces::{Missing, Namespaces},
    server::{self, Relay, Servers},
};

/// The two ends of the link.
pub(crate) const ENDS: [(&str, Ipv4Addr); 2] =
    [("a", Ipv4Addr::new(10, 0, 0, 1)), ("b", Ipv4Addr::new(10, 0, 0, 2))];

/// How often the link is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// It stands until it is dropped.
pub(crate) struct Lab {
    profile: &'static Profile,
    // In the order in which they have to go.
    pub(crate) server: Option<Servers>,
    link: Emulator,
    pub(crate) nets: Namespaces,
}

/// What the link went through during a call.
#[derive(Clone, Debug, Default)]
pub(crate) struct LinkStory {
    /// How long a packet would have had to wait for it, at each look, in milliseconds; the worse of the two directions.
    pub(crate) queue_ms: Vec<f64>,
    /// What the rival got each way, in kbit/s.
    pub(crate) rival_kbits: Option<f64>,
    /// The emulator was too slow for so many packets: the figures are not of the link that was meant.
    pub(crate) astray: u64,
    pub(crate) late: u64,
    /// What the machine had to do besides.
    pub(crate) load: f64,
}

impl Lab {
    /// Fails where there can be none.
    pub(crate) fn is_possible() -> Result<(), Missing> {
        Namespaces::new().map(drop)
    }

    pub(crate) fn build(profile: &'static Profile, seed: u64, with_server: bool) -> Result<Self, String> {
        let mut nets = Namespaces::new().map_err(|Missing(why)| why)?;
        for (name, _) in ENDS {
            nets.add(name)?;
            nets.sysctl(name, &["net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1"]);
        }
        if with_server {
            nets.add("srv")?;
            nets.ip("srv", &format!("address add {}/32 dev lo", server::IPV4));
            for (number, (name, _)) in ENDS.iter().enumerate() {
                nets.hosts(name, &format!("{} {}", server::IPV4, server::NAME));
                nets.cable(("srv", ["to-a", "to-b"][number]), (name, "cable"));
                nets.ip(
                    "srv",
                    &format!("address add 10.1.{number}.1/30 dev to-{name}\nlink set to-{name} up"),
                );
                nets.ip(
                    name,
                    &format!(
                        "address add 10.1.{number}.2/30 dev cable\nlink set cable up\n\
                         route add {} via 10.1.{number}.1",
                        server::IPV4
                    ),
                );
            }
        }
        let [a, b] = ENDS.map(|(name, address)| {
            let net = ipnet::IpNet::new(address.into(), 24).expect("a net");
            End::new(Namespace::Named(nets.full(name)), "link").address(net)
        });
        let script = format!("at 0s both {}", profile.link)
            .parse()
            .map_err(|why| format!("{}: {why}", profile.link))?;
        let link = Emulator::between(a, b, Setup { seed, script, ..Setup::default() })
            .map_err(|why| why.to_string())?;
        for (name, _) in ENDS {
            nets.ip(name, "route add default dev link");
        }
        let server = with_server.then(|| Servers::start(&nets, Relay::Nobody));
        Ok(Self { profile, server, link, nets })
    }

    /// A program at one end, to be started.
    pub(crate) fn command(&self, end: usize, program: &str) -> Command {
        self.nets.command(ENDS[end].0, program)
    }

    /// Lets the call run, changes the link when it is due, and watches it. `look` is called at the beginning of what is
    /// steady and at the end.
    pub(crate) fn watch(&self, length: Duration, mut look: impl FnMut()) -> Result<LinkStory, String> {
        let timeline = self.profile.timeline(length);
        let rival = self.profile.rival.then(|| Rival::start(self)).transpose()?;
        let mut changes = self.profile.changes(length).into_iter().peekable();
        let mut story = LinkStory::default();
        let began = Instant::now();
        let mut steady = false;
        while began.elapsed() < length {
            if let Some((_, change)) = changes.next_if(|(at, _)| *at <= began.elapsed()) {
                let (directions, change) =
                    change_for(&format!("both {change}")).map_err(|why| why.to_string())?;
                self.link.set(directions, change).map_err(|why| why.to_string())?;
            }
            if !steady && began.elapsed() >= timeline.steady {
                steady = true;
                look();
            }
            if steady {
                let stats = self.stats()?;
                story.queue_ms.push(stats.up.queue_us.max(stats.down.queue_us) as f64 / 1e3);
            }
            sleep(LOOK_EVERY);
        }
        look();
        let stats = self.stats()?;
        story.astray = stats.up.stray + stats.down.stray;
        story.late = stats.up.late + stats.down.late;
        story.rival_kbits = rival.map(Rival::kbits);
        story.load = load();
        Ok(story)
    }

    fn stats(&self) -> Result<Stats, String> {
        self.link.stats().map_err(|why| why.to_string())
    }

    /// Where a program's words go.
    pub(crate) fn log(folder: &std::path::Path) -> File {
        File::create(folder.join("log")).expect("a folder of ours")
    }
}

/// How many programs wanted a processor during the last minute.
fn load() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or_default()
}
