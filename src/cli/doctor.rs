//! `sightline doctor`: looks at the network from here, says in words what it means for calls, and ends with a code.

use std::fmt::Write as _;

use anyhow::{Context as _, ensure};
use serde::Serialize;
use sightline_protocol::link::{CallLink, ServerAddress};
use tokio::runtime::Runtime;

use crate::{
    adapters::probe::{self, Subject},
    engine::clock::Clock,
    logic::doctor::{
        Diagnosis, Finding, Observations, Predicted, Prediction, SCHEMA_VERSION, Severity, Verdict, diagnose,
        predict, trouble_in_words,
    },
    settings::Profile,
};

use super::{
    Exit,
    consult::{Consulted, Outcome, consult},
    memory::Memory,
    tell::say,
};

/// The server of either kind of link: whoever has a call link in their hands should not have to cut it.
pub(super) fn server_in(text: &str) -> Result<ServerAddress, String> {
    text.parse::<ServerAddress>()
        .or_else(|error| text.parse::<CallLink>().map(|link| link.server).map_err(|_| error.to_string()))
}

/// The whole as one document.
#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    #[serde(flatten)]
    diagnosis: &'a Diagnosis,
    observations: &'a Observations,
    #[serde(skip_serializing_if = "Option::is_none")]
    contact: Option<Contact<'a>>,
}

/// What came of asking somebody else.
#[derive(Serialize)]
struct Contact<'a> {
    #[serde(flatten)]
    outcome: &'a Outcome,
    observations: Option<&'a Observations>,
    prediction: Option<&'a Prediction>,
}

/// Examines, and tells.
pub(super) fn run(server: ServerAddress, as_json: bool) -> anyhow::Result<Exit> {
    let clock = Clock::start();
    let runtime = Runtime::new().context("the system gives no threads")?;
    let seen = runtime.block_on(probe::examine(&Subject::new(server), clock));
    // A name that nobody answers for keeps a thread of the system busy for longer than anybody wants to wait.
    runtime.shutdown_background();
    let diagnosis = diagnose(&seen);
    tell(&diagnosis, &seen, None, as_json)?;
    Ok(exit_of(diagnosis.verdict))
}

/// Examines, asks somebody to do the same, and says how a call between the two would go.
pub(super) fn run_with(profile: &Profile, link: &CallLink, as_json: bool) -> anyhow::Result<Exit> {
    let clock = Clock::start();
    let identity = profile.identity()?;
    ensure!(
        link.address != identity.address(),
        "this is your own link; give the doctor the link of somebody else"
    );
    let runtime = Runtime::new().context("the system gives no threads")?;
    let subject = Subject::new(link.server.clone());
    let consulted = runtime.block_on(consult(identity, link, clock, probe::examine(&subject, clock)));
    runtime.shutdown_background();
    let Consulted { mine, theirs, outcome } = consulted?;
    let diagnosis = diagnose(&mine);
    let prediction = theirs.as_ref().map(|theirs| predict(&mine, theirs));
    let contact =
        Contact { outcome: &outcome, observations: theirs.as_ref(), prediction: prediction.as_ref() };
    tell(&diagnosis, &mine, Some(contact), as_json)?;
    let exit = match &prediction {
        None => Exit::NotAnswered,
        Some(prediction) if prediction.route == Predicted::None => Exit::NeverConnected,
        Some(_) => exit_of(diagnosis.verdict),
    };
    if let Some(prediction) = prediction {
        Memory::of(profile).keep(link.address, prediction, clock.unix_ms())?;
    }
    Ok(exit)
}

fn tell(
    diagnosis: &Diagnosis,
    seen: &Observations,
    contact: Option<Contact<'_>>,
    as_json: bool,
) -> anyhow::Result<()> {
    if as_json {
        let document = Document { schema_version: SCHEMA_VERSION, diagnosis, observations: seen, contact };
        say(&serde_json::to_string_pretty(&document)?);
        return Ok(());
    }
    if let Some(contact) = contact {
        let sentence = contact.prediction.map(|prediction| prediction.sentence.clone());
        say(&format!("{}\n", sentence.unwrap_or_else(|| contact.outcome.sentence())));
    }
    say(&in_words(diagnosis));
    say(&in_figures(seen));
    Ok(())
}

const fn exit_of(verdict: Verdict) -> Exit {
    match verdict {
        Verdict::Good => Exit::Fine,
        Verdict::Limited => Exit::Limited,
        Verdict::NoMedia => Exit::NeverConnected,
        Verdict::NoServer => Exit::NotAnswered,
    }
}

fn in_words(diagnosis: &Diagnosis) -> String {
    let mut text = format!("{}\n", diagnosis.sentence);
    for Finding { severity, about: _, what, next } in &diagnosis.findings {
        let mark = match severity {
            Severity::Fault => "✗",
            Severity::Warning => "!",
            Severity::Note => "·",
            Severity::Fine => "✓",
        };
        write!(text, "\n{mark} {what}").expect("a text takes everything");
        if let Some(next) = next {
            write!(text, "\n  → {next}").expect("a text takes everything");
        }
    }
    text
}

fn in_figures(seen: &Observations) -> String {
    let mut text = String::new();
    let mut row = |name: &str, value: String| {
        writeln!(text, "  {name:<22} {value}").expect("a text takes everything");
    };
    for interface in seen.network.interfaces.iter().filter(|interface| interface.used) {
        row(interface.kind.name(), format!("{}  {}", interface.address, interface.name));
    }
    for dialled in &seen.server.dialled {
        let outcome = match (&dialled.ms, &dialled.trouble) {
            (Some(ms), _) => format!("{ms} ms"),
            (None, Some(trouble)) => trouble_in_words(trouble),
            (None, None) => String::new(),
        };
        row("server, TCP", format!("{}  {outcome}", dialled.address));
    }
    if let Some(proxy) = &seen.server.proxy {
        row("proxy", proxy.clone());
    }
    if let Some(ms) = seen.server.tls_ms {
        row("server, TLS", format!("{ms} ms"));
    }
    if let Some(ms) = seen.server.clock_ahead_ms {
        row("clock ahead by", format!("{:.1} s", ms as f64 / 1000.0));
    }
    for asked in &seen.stun {
        let outcome = match (&asked.mapped, &asked.trouble) {
            (Some(mapped), _) => format!("{:.1} ms, sees {mapped}", asked.ms.unwrap_or_default()),
            (None, Some(trouble)) => trouble_in_words(trouble),
            (None, None) => String::new(),
        };
        row("STUN, UDP", format!("{}  {outcome}", asked.server));
    }
    for nat in &seen.nats {
        let value = format!(
            "{} seen as {}; mapping {}, filtering {}, hairpin {}",
            nat.local,
            nat.public,
            word(&nat.mapping),
            word(&nat.filtering),
            nat.hairpin.map_or("not asked", |works| if works { "works" } else { "does not work" }),
        );
        row(&format!("NAT, {}", nat.family.name()), value);
    }
    for tried in &seen.relays {
        let outcome = match (&tried.trouble, tried.connected_ms, tried.answered_ms) {
            (Some(trouble), _, _) => trouble_in_words(trouble),
            (None, Some(connected), Some(answered)) => {
                format!("connected in {connected:.1} ms, answered in {answered:.1} ms")
            }
            (None, None, Some(answered)) => format!("answered in {answered:.1} ms"),
            (None, _, None) => String::new(),
        };
        row(&format!("relay, {}", tried.door.transport.name()), format!("{}  {outcome}", tried.door));
    }
    row("took", format!("{:.1} s", seen.took_ms as f64 / 1000.0));
    format!("\nFigures:\n{}", text.trim_end())
}

/// The name that a value has in the document.
fn word(value: &impl Serialize) -> String {
    let json = serde_json::to_value(value).unwrap_or_default();
    json.as_str().unwrap_or_default().replace('_', " ")
}

#[cfg(test)]
mod tests {
    use sightline_protocol::keys::Identity;

    use super::*;
    use crate::logic::doctor::{StunAsked, Trouble};

    #[test]
    fn the_server_of_either_kind_of_link_is_taken() {
        let pin = "A".repeat(43);
        let server = server_in(&format!("https://a.example:8443/#~{pin}")).unwrap();
        assert_eq!(server.name(), "a.example:8443");
        let key = Identity::generate().unwrap().address();
        assert_eq!(server_in(&format!("https://a.example:8443/#{key}~{pin}")), Ok(server));
        assert!(server_in("nonsense").unwrap_err().contains("link"));
    }

    #[test]
    fn what_was_seen_survives_being_written_down() {
        let asked = StunAsked {
            server: "[2001:db8::1]:3478".parse().unwrap(),
            guessed: true,
            mapped: None,
            ms: Some(1.5),
            trouble: Some(Trouble::Code { code: 420 }),
        };
        let seen = Observations { stun: vec![asked], took_ms: 7, ..Observations::default() };
        let text = serde_json::to_string(&seen).unwrap();
        assert_eq!(serde_json::from_str::<Observations>(&text).unwrap(), seen);
        assert_eq!(serde_json::from_str::<Observations>("{}").unwrap(), Observations::default());
    }
}
