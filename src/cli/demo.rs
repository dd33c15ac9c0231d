//! Two installations on this computer call each other through a server of their own; then it is said how it went.

use std::{
    collections::HashSet,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
    time::Duration,
};

use anyhow::Context as _;
use serde_json::json;
use sightline_protocol::{
    call::Media,
    keys::Identity,
    link::{CallLink, ServerAddress},
};
use sightline_server::{Config, RelayConfig, Server};
use tokio::runtime::Runtime;

use crate::{
    adapters::{
        headless::Headless,
        synthetic::{Hears, VideoChoice},
    },
    app::{DeviceWishes, Installation},
    engine::clock::Clock,
    logic::{course::EndReason, phone::Owner, report::CallReport},
    media::{frame::Size, voice::VoiceSettings},
};

use super::{
    Exit,
    args::{OutArgs, check_recording},
    report,
    session::{Duty, Session, exit_of},
    tell::{Teller, ending, say},
};

const USUAL_DURATION: Duration = Duration::from_secs(10);
const FPS: u32 = 30;
/// Pictures between the encoder of one side and the screen of the other, at most, on one computer.
const UNDER_WAY: u64 = 3;
/// A call in which fewer pictures than this arrive is not called good.
const GOOD_SHARE: f64 = 0.95;

/// Runs the demonstration.
pub(super) fn run(out: &OutArgs) -> anyhow::Result<Exit> {
    report::check(out)?;
    check_recording(out)?;
    let clock = Clock::start();
    let runtime = Runtime::new().context("the system gives no threads")?;
    let (exit, caller, callee) = runtime.block_on(call_each_other(out, clock))?;
    report::write_both(caller.as_ref(), callee.as_ref(), out)?;
    let verdict = match (&caller, &callee) {
        (Some(caller), Some(callee)) => verdict(caller, callee),
        (Some(alone), None) | (None, Some(alone)) => Verdict { good: false, text: failure(alone) },
        (None, None) => Verdict { good: false, text: "The demo call did not begin.".to_owned() },
    };
    if !out.events {
        say("");
    }
    Teller::new(clock, out.events, "").note(
        "verdict",
        &verdict.text,
        json!({ "good": verdict.good, "text": verdict.text }),
    );
    Ok(if verdict.good || exit != Exit::Fine { exit } else { Exit::Lost })
}

async fn call_each_other(
    out: &OutArgs,
    clock: Clock,
) -> anyhow::Result<(Exit, Option<CallReport>, Option<CallReport>)> {
    let server = Server::bind(server_here()?).await?;
    let address: ServerAddress = server.addresses().url().parse()?;
    let callee_identity = Identity::generate()?;
    let to = callee_identity.address();
    let bind: Vec<IpAddr> =
        if out.bind.is_empty() { vec![Ipv4Addr::LOCALHOST.into()] } else { out.bind.clone() };
    let path = out.path.unwrap_or_default();
    let start = |identity, name: &str, folder: &str| {
        let media = Headless {
            video: VideoChoice::Pattern,
            hears: Some(Hears::Tone),
            voice: VoiceSettings::NOTHING,
            size: Size::HD,
            fps: FPS,
            record: out.record.as_deref().map(|record: &Path| record.join(folder)),
            film: !out.no_film,
            clock,
        };
        let owner = Owner { name: Some(name.to_owned()), ..Owner::default() };
        Installation {
            identity,
            owner,
            server: Some(address.clone()),
            hidden: false,
            media,
            others: None,
            devices: DeviceWishes::default(),
            glass: None,
            path,
            bind: bind.clone(),
            may_examine: HashSet::new(),
        }
        .start()
    };
    let wish = Media { audio: true, video: true };
    let mut callee = Session::new(
        start(callee_identity, "Blaise", "callee"),
        Duty::Answer { save_to: None },
        wish,
        None,
        Teller::new(clock, out.events, "callee: "),
        clock,
    );
    callee.link = Some(CallLink { server: address.clone(), address: to, token: None });
    if let Err(exit) = callee.wait_for_server().await {
        return Ok((exit, None, None));
    }
    let callee = tokio::spawn(callee.serve());
    let mut caller = Session::new(
        start(Identity::generate()?, "Ada", "caller"),
        Duty::Dial { to, token: None },
        wish,
        Some(out.duration.unwrap_or(USUAL_DURATION)),
        Teller::new(clock, out.events, "caller: "),
        clock,
    );
    if let Err(exit) = caller.wait_for_server().await {
        return Ok((exit, None, None));
    }
    let (exit, caller) = caller.serve().await;
    if caller.is_none() {
        callee.abort();
        return Ok((exit, None, None));
    }
    let (callee_exit, callee) = callee.await?;
    server.close().await;
    Ok((if exit == Exit::Fine { callee_exit } else { exit }, caller, callee))
}

/// A server on loopback, that relays as well: over UDP and TCP, and to this computer, which is all there is.
fn server_here() -> anyhow::Result<Config> {
    let anywhere = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))];
    let relay = RelayConfig { allow: vec!["127.0.0.0/8".parse()?], ..RelayConfig::default() };
    Ok(Config { turn_udp: anywhere.clone(), turn_tcp: anywhere, relay, ..Config::loopback() })
}

struct Verdict {
    good: bool,
    text: String,
}

fn verdict(caller: &CallReport, callee: &CallReport) -> Verdict {
    if exit_of(caller) != Exit::Fine || exit_of(callee) != Exit::Fine {
        let odd = if exit_of(caller) == Exit::Fine { callee } else { caller };
        return Verdict { good: false, text: failure(odd) };
    }
    let there = share(caller.counters.frames_sent, callee.counters.frames_shown);
    let back = share(callee.counters.frames_sent, caller.counters.frames_shown);
    let good = there >= GOOD_SHARE && back >= GOOD_SHARE;
    let first = [caller, callee]
        .iter()
        .filter_map(|report| Some(report.firsts.picture_ms?.saturating_sub(report.firsts.accepted_ms?)))
        .max();
    let first = first.map_or_else(|| "never".to_owned(), |ms| format!("{:.2} s", ms as f64 / 1000.0));
    let text = format!(
        "{}: {:.0} % of the caller's and {:.0} % of the callee's pictures were shown, the first {first} after the call \
         was accepted. {}. Sound concealed: {:.1} % and {:.1} %.",
        if good { "The demo call was good" } else { "The demo call connected, but too few pictures arrived" },
        there * 100.0,
        back * 100.0,
        caller.path.sentence,
        concealed(callee),
        concealed(caller),
    );
    Verdict { good, text }
}

/// What part of the pictures came through, those not counted that were under way when it was hung up.
fn share(sent: u64, shown: u64) -> f64 {
    let due = sent.saturating_sub(UNDER_WAY);
    if due == 0 { 0.0 } else { (shown as f64 / due as f64).min(1.0) }
}

fn concealed(report: &CallReport) -> f64 {
    let sound = &report.sound;
    let all = sound.played + sound.recovered + sound.concealed;
    if all == 0 { 100.0 } else { sound.concealed as f64 * 100.0 / all as f64 }
}

fn failure(report: &CallReport) -> String {
    let reason = report.end.unwrap_or(EndReason::Lost);
    let by = report.ended_by.unwrap_or(crate::logic::course::Side::Nobody);
    format!("The demo call failed. {}", ending(reason, by, report.path.closed.as_deref()))
}
