//! `link-emulator`: the emulator as a program, for benchmarks and for whoever wants a bad link.
#![cfg_attr(
    target_os = "linux",
    expect(clippy::print_stdout, reason = "what it prints is for a terminal or a script")
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use link_emulator::Script;

/// A link with delay, jitter, loss, a narrow rate, black-out, between two network namespaces.
#[derive(Parser)]
#[command(name = "link-emulator", version, after_help = CHANGES)]
struct Program {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Makes two TUN devices and carries IP packets between them, until it is told to end.
    Run(Box<Run>),
    /// Says one line to one that runs: `up loss=5 delay=20`, `stats` or `end`.
    Tell {
        /// What `--control` of the other said.
        socket: PathBuf,
        /// A direction (up, down, both) and changes; `stats`; `end`.
        #[arg(required = true)]
        words: Vec<String>,
    },
    /// Reads a script, and says what is wrong with it.
    Check {
        /// The script.
        script: PathBuf,
    },
}

#[derive(Args)]
struct Run {
    /// One end: the network namespace (a name, a path, or nothing for one's own) and the device to make there.
    #[arg(long, value_name = "NETNS:DEVICE")]
    a: String,
    /// The other end. From A to B is up, from B to A is down.
    #[arg(long, value_name = "NETNS:DEVICE")]
    b: String,
    /// An address for A's device, such as 10.0.0.1/24; one of IPv4, any number of IPv6.
    #[arg(long, value_name = "ADDRESS/LENGTH")]
    a_address: Vec<ipnet::IpNet>,
    /// An address for B's device.
    #[arg(long, value_name = "ADDRESS/LENGTH")]
    b_address: Vec<ipnet::IpNet>,
    /// What the two systems believe to fit into a packet.
    #[arg(long, default_value_t = 1500, value_parser = clap::value_parser!(u16).range(68..))]
    mtu: u16,
    /// From which everything left to chance follows.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// How it begins: a direction and changes, in quotes. May be said again.
    #[arg(long, value_name = "CHANGES")]
    begin: Vec<String>,
    /// What changes when: one line each, `at TIME DIRECTION CHANGES`.
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    /// A Unix socket to be made, for `link-emulator tell`.
    #[arg(long, value_name = "SOCKET")]
    control: Option<PathBuf>,
    /// Where every drop is written down: time, direction, size, cause.
    #[arg(long, value_name = "FILE")]
    drops: Option<PathBuf>,
    /// Ends after so long, such as 30s or 2m, and prints its figures.
    #[arg(long = "for", value_name = "TIME", value_parser = time)]
    duration: Option<std::time::Duration>,
}

const CHANGES: &str = "\
Changes, each with its unit or in the one that is named:
  delay=MS jitter=MS       how long a packet travels, and how far from that at most
  reorder=on|off           whether jitter may let packets overtake
  loss=PERCENT [burst=N]   at random, or in runs of N on average
  states=P,P,P,P           Gilbert-Elliott in percent: to bad, to good, loss in good, loss in bad
  duplicate=PERCENT        how many arrive twice
  rate=KBITS queue=MS      bits of IP packets a second (or 800k, 3M, 1G, off); the longest wait for it (300)
  mtu=BYTES                longer packets vanish (or off)
  blackout blackout=off    nothing passes
  clear                    a perfect link again
A script has one change a line, for example: at 12s up loss=10 delay=25 jitter=5";

fn main() -> ExitCode {
    let outcome = match Program::parse().command {
        Command::Run(run) => platform::run(*run),
        Command::Tell { socket, words } => platform::tell(&socket, &words.join(" ")),
        Command::Check { script } => read_script(&script).map(|_| ()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("link-emulator: {sentence}");
            ExitCode::FAILURE
        }
    }
}

fn read_script(path: &Path) -> Result<Script, String> {
    let at = path.display();
    let text = fs::read_to_string(path).map_err(|error| format!("{at} cannot be read: {error}."))?;
    text.parse().map_err(|error| format!("{at}, {error}."))
}

fn time(text: &str) -> Result<std::time::Duration, String> {
    link_emulator::duration(text).ok_or_else(|| "a time with its unit, like 30s or 2m".to_owned())
}

#[cfg(target_os = "linux")]
mod platform {
    use std::path::Path;
    use std::time::Duration;

    use link_emulator::{Emulator, End, Reply, Script, Setup, Stats, change_for};

    use super::{Run, read_script};

    pub(crate) fn run(run: Run) -> Result<(), String> {
        let script = run.script.as_deref().map(read_script).transpose()?.unwrap_or_default();
        let script = run.begin.iter().try_fold(script, begin)?;
        let end = |end: &str, addresses: Vec<ipnet::IpNet>| {
            let end = end.parse::<End>().map_err(|error| format!("{error}."))?.mtu(run.mtu);
            Ok::<_, String>(addresses.into_iter().fold(end, End::address))
        };
        let (a, b) = (end(&run.a, run.a_address)?, end(&run.b, run.b_address)?);
        let setup = Setup { seed: run.seed, script, drop_log: run.drops, control: run.control };
        let emulator = Emulator::between(a, b, setup).map_err(|error| format!("{error}."))?;
        println!("link-emulator: {} ⇄ {}, seed {}", run.a, run.b, run.seed);
        let ended = emulator.wait(run.duration).map_err(|error| format!("{error}."))?;
        if !ended {
            let stats = emulator.stats().map_err(|error| format!("{error}."))?;
            show(&stats);
        }
        Ok(())
    }

    pub(crate) fn tell(socket: &Path, line: &str) -> Result<(), String> {
        let unheard = |error| format!("nothing answers at {}: {error}.", socket.display());
        match link_emulator::tell(socket, line).map_err(unheard)? {
            Reply::Done => {}
            Reply::Stats(stats) => show(&stats),
            Reply::Refused(sentence) => return Err(format!("{sentence}.")),
        }
        Ok(())
    }

    fn show(stats: &Stats) {
        println!("{}", serde_json::to_string(stats).expect("figures are plain data"));
    }

    fn begin(script: Script, words: &String) -> Result<Script, String> {
        let (directions, change) =
            change_for(words).map_err(|error| format!("--begin \"{words}\": {error}."))?;
        Ok(script.at(Duration::ZERO, directions, change))
    }
}

#[cfg(not(target_os = "linux"))]
mod platform {
    use std::path::Path;

    use super::Run;

    const ELSEWHERE: &str = "this needs Linux: TUN devices and network namespaces. `check` works everywhere.";

    pub(crate) fn run(_: Run) -> Result<(), String> {
        Err(ELSEWHERE.to_owned())
    }

    pub(crate) fn tell(_: &Path, _: &str) -> Result<(), String> {
        Err(ELSEWHERE.to_owned())
    }
}
