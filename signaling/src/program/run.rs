//! The server as it runs: started, told about, watched over, and ended.

use std::io::{self, IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use sightline_server::{Server, find_public_addresses, qr};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::report::{Report, tried};
use super::settings::{Metrics, Settings};
use super::values::When;
use crate::program::service;
use crate::program::signals::{Asked, Signals};

/// How long those who are asked for our public address have to answer.
const ASK_WITHIN: Duration = Duration::from_secs(3);

/// Listening sockets, log, certificate files and the like.
const FILES_OF_OUR_OWN: usize = 200;

/// Runs the server until it is asked to stop.
pub(crate) async fn run(mut settings: Settings) -> Result<()> {
    // Before anything is printed: a script may send a signal as soon as it has read the first line.
    let mut signals = Signals::listen().context("cannot listen for the signals that end this program")?;
    let addresses = tokio::select! {
        addresses = find_addresses(&mut settings) => addresses,
        () = signals.stop() => return Ok(()),
    };
    let limits = settings.config.limits;
    take_files(limits.sockets + limits.relay.allocations + FILES_OF_OUR_OWN);
    let data = settings.config.data.clone();
    let server = Server::bind(settings.config).await?;
    let mut beside = JoinSet::new();
    let metrics = match settings.metrics {
        Some(wished) => serve_metrics(wished, &server, &mut beside).await?,
        None => None,
    };

    let links: Vec<String> = server.links().iter().map(ToString::to_string).collect();
    let (link, more_links) = links.split_first().context("the server is reached at no address")?;
    let drawn = match settings.qr {
        When::Auto => io::stdout().is_terminal(),
        When::Always => true,
        When::Never => false,
    };
    let code = drawn.then(|| qr(link)).flatten();
    let listening = server.addresses();
    let report = Report {
        link,
        more_links,
        https: &listening.https,
        turn_udp: &listening.turn_udp,
        turn_tcp: &listening.turn_tcp,
        http: listening.http,
        metrics,
        addresses: &addresses,
        settings: settings.file.as_deref(),
        data: data.as_deref(),
        qr: code.as_deref(),
    };
    say(&report.text())?;
    service::ready(&format!("Listening on {}", without_pin(link)));
    watch(&server, &mut signals).await;

    tracing::info!(
        "asked to stop: clients are told, and relayed calls have {:?} to end",
        limits.drain_within
    );
    service::stopping("Waiting for relayed calls to end");
    tokio::select! {
        () = server.drain(limits.drain_within) => {}
        () = signals.stop() => tracing::info!("asked a second time: ending now"),
    }
    Ok(())
}

/// Each connection and each relayed address is an open file to the system, of which most systems let a program have a
/// thousand until it asks for more.
#[cfg(unix)]
fn take_files(needed: usize) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::debug!(%error, "there are no more files to be had");
    }
    let allowed = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    if allowed < needed as u64 {
        tracing::warn!(
            "the system lets this program have {allowed} files open, and its limits allow for {needed}: beyond that \
             connections are turned away. `ulimit -n`, or LimitNOFILE of a service, allows more"
        );
    }
}

#[cfg(not(unix))]
const fn take_files(_needed: usize) {}

/// Finds where this computer is reached, unless that was said, and tells in sentences how.
async fn find_addresses(settings: &mut Settings) -> Vec<String> {
    if !settings.config.public_ips.is_empty() {
        let given: Vec<_> = settings.config.public_ips.iter().map(ToString::to_string).collect();
        return vec![format!("{}, as the settings say", given.join(", "))];
    }
    let listens_for_others = [&settings.config.https, &settings.config.turn_udp, &settings.config.turn_tcp]
        .iter()
        .any(|places| places.iter().any(|at| !at.ip().is_loopback()));
    if !listens_for_others {
        return Vec::new();
    }
    let found = find_public_addresses(&settings.ask, ASK_WITHIN).await;
    settings.config.public_ips.clone_from(&found.ips);
    found.in_words()
}

async fn serve_metrics(
    wished: Metrics,
    server: &Server,
    beside: &mut JoinSet<()>,
) -> Result<Option<SocketAddr>> {
    let listener = match TcpListener::bind(wished.at).await {
        Ok(listener) => listener,
        Err(error) if wished.asked_for => {
            return Err(error).with_context(|| format!("cannot answer /metrics on {}", wished.at));
        }
        Err(error) => {
            tracing::warn!("there is no /metrics on {}: {error}; --metrics takes another port", wished.at);
            return Ok(None);
        }
    };
    let at = listener.local_addr().context("the figures' socket has no address")?;
    beside.spawn(server.status().answer(listener));
    Ok(Some(at))
}

/// Until the server is asked to stop: tells what came of its test of itself, says that it is alive, and hears what else is
/// asked.
async fn watch(server: &Server, signals: &mut Signals) {
    let (mut told, test) = (false, server.test_itself());
    tokio::pin!(test);
    let every = service::watched_every();
    let mut beat = interval(every.unwrap_or(Duration::from_secs(3600)));
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            checks = &mut test, if !told => {
                told = true;
                // Whoever wanted the link alone may have gone with it.
                if let Err(error) = say(&tried(&checks)) {
                    tracing::debug!(%error, "nobody hears what came of the self-test");
                }
            }
            _ = beat.tick(), if every.is_some() => service::alive(),
            asked = signals.next() => match asked {
                Asked::Stop => return,
                Asked::Reload => reload(server),
            },
        }
    }
}

/// Certificate files are looked at every few seconds anyway, so that nothing is left to do but to say so.
fn reload(server: &Server) {
    let ends = server.certificate().and_then(|facts| facts.ends);
    let ends = ends.and_then(|ends| ends.duration_since(SystemTime::now()).ok());
    let days = ends.map(|left| left.as_secs() / (24 * 60 * 60));
    tracing::info!(
        certificate_days_left = days,
        "certificate files are read again by themselves when they change; other settings need a restart"
    );
}

fn say(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).context("cannot say where this server listens")
}

/// A service manager shows this to others.
fn without_pin(link: &str) -> &str {
    link.split('#').next().unwrap_or(link)
}
