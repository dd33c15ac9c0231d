//! What somebody tries with the path of a call that stands, as the path panel does it: whether the call then goes as it says.
//!
//! The orders come by a program's standard input, and are the panel's own behind that; the sentence is the one that the panel
//! shows. Whether it is true is not left to whoever says it: the other end sees where packets come from, and the system
//! knows which streams stand.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{
    call::{Call, Told},
    measure::{skipped, tell, tell_story},
    router::Nat,
    server::{IPV4, NAME},
    world::{Plan, Who, World},
};
use crate::support::programs::our_turn;

/// From an order until the call goes as it says, on a machine that builds meanwhile; a path that is blocked is missed first.
const GOES_WITHIN: Duration = Duration::from_secs(30);
/// What is let go of is let go of a moment later.
const LET_GO_WITHIN: Duration = Duration::from_secs(5);
/// What is said where another search is under way.
const LOOKS_ALREADY: &str = "is being looked for already";
/// As many pictures are enough to say that they come.
const PICTURES: u64 = 5;

/// How a call is to go.
#[derive(Clone, Copy, Debug)]
enum Goes {
    Directly,
    /// Over a relay to which A speaks in one of these ways, at these ports.
    Over(&'static [(&'static str, u16)]),
}

const UDP: (&str, u16) = ("udp", 3478);
const TCP: (&str, u16) = ("tcp", 3478);
const TLS: (&str, u16) = ("tls", 443);

/// A call under trial.
struct Subject<'a> {
    world: &'a World,
    call: Call,
    leg: u64,
    took: Vec<Duration>,
}

impl Subject<'_> {
    /// Gives an order, and holds the path that comes of it to what it says.
    fn tries(&mut self, order: &str, goes: Goes) -> Result<(), String> {
        let began = Instant::now();
        let after = self.leg;
        loop {
            self.call.order(order);
            match self.goes(goes, |leg| leg > after) {
                Ok(()) => break,
                // A call that may go any way looks for a better one by itself.
                Err(why) if why.contains(LOOKS_ALREADY) && began.elapsed() < GOES_WITHIN => {
                    thread::sleep(Duration::from_secs(1));
                }
                Err(why) => return Err(format!("after `{order}`: {why}")),
            }
        }
        self.took.push(began.elapsed());
        Ok(())
    }

    /// Both ends say that it goes so, over such a leg; it does; and media flows.
    fn goes(&mut self, goes: Goes, leg: impl Fn(u64) -> bool) -> Result<(), String> {
        let is_it = |event: &Value| {
            let in_use = &event["in_use"];
            event["event"] == "path" && in_use["leg"].as_u64().is_some_and(&leg) && goes.is(event)
        };
        let ours =
            self.call.tells(Who::A, GOES_WITHIN, |event| is_it(event) || event["event"] == "problem")?;
        if let Some(problem) = ours["text"].as_str() {
            return Err(problem.to_owned());
        }
        let now = ours["in_use"]["leg"].as_u64();
        let theirs = self.call.tells(Who::B, GOES_WITHIN, |event| {
            event["event"] == "path" && event["in_use"]["leg"].as_u64() == now && goes.is_seen_in(event)
        })?;
        self.leg = now.unwrap_or_default();
        goes.fits_sentences(&ours, &theirs)?;
        if let Goes::Over(_) = goes {
            let over = ours["in_use"]["our_relay"]["over"].as_str().unwrap_or_default();
            self.has_streams_for(over)?;
        }
        self.media_flows(Who::A)?;
        self.media_flows(Who::B)
    }

    fn media_flows(&mut self, who: Who) -> Result<(), String> {
        let shown = |event: &Value| event["counters"]["frames_shown"].as_u64();
        let now = self.call.tells(who, GOES_WITHIN, |event| shown(event).is_some())?;
        let enough = shown(&now).map(|now| now + PICTURES);
        let came = self.call.tells(who, GOES_WITHIN, |event| shown(event) >= enough);
        came.map(|_| ()).map_err(|why| format!("no pictures come to {who:?} {why}"))
    }

    /// The switchboard has a stream to 443; a relay by TLS another one, and a relay by TCP one to 3478. A relay by UDP has
    /// neither, once what came before it is let go of.
    fn has_streams_for(&self, over: &str) -> Result<(), String> {
        let deadline = Instant::now() + LET_GO_WITHIN;
        loop {
            let (tcp, tls) = self.world.streams(Who::A, IPV4);
            let fits = match over {
                "udp" => tcp == 0 && tls == 1,
                "tcp" => tcp >= 1,
                "tls" => tls >= 2,
                other => return Err(format!("over {other}?")),
            };
            if fits {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(format!("said to go over {over}, with {tcp} streams to 3478 and {tls} to 443"));
            }
            thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Goes {
    /// As A tells it.
    fn is(self, event: &Value) -> bool {
        let (route, relay) = (event["route"].as_str(), &event["in_use"]["our_relay"]);
        match self {
            Self::Directly => route == Some("direct") && relay.is_null(),
            Self::Over(ways) => {
                let way = (relay["over"].as_str().unwrap_or_default(), relay["port"].as_u64());
                matches!(route, Some("relayed_by_us" | "relayed_by_both"))
                    && matches!(relay["server"].as_str(), Some(NAME | IPV4))
                    && ways.iter().any(|(over, port)| way == (*over, Some(u64::from(*port))))
            }
        }
    }

    /// As B sees it, to whom A's packets come from A's router or from the relay.
    fn is_seen_in(self, event: &Value) -> bool {
        let from = event["in_use"]["remote"]["address"].as_str();
        let route = event["route"].as_str();
        let router = World::router_outside(Who::A);
        match self {
            Self::Directly => route == Some("direct") && from == Some(router.as_str()),
            Self::Over(_) => {
                matches!(route, Some("relayed_by_them" | "relayed_by_both")) && from == Some(IPV4)
            }
        }
    }

    /// What both panels say in one line.
    fn fits_sentences(self, ours: &Value, theirs: &Value) -> Result<(), String> {
        let [ours_says, theirs_says] = [ours, theirs].map(|event| event["sentence"].as_str().unwrap_or("-"));
        let fit = match self {
            Self::Directly => {
                [ours_says, theirs_says].iter().all(|sentence| sentence.starts_with("Direct over UDP"))
            }
            Self::Over(_) => {
                let relay = &ours["in_use"]["our_relay"];
                let over = match relay["over"].as_str() {
                    Some("udp") => " over UDP".to_owned(),
                    Some(over) => format!(" over {} {}", over.to_uppercase(), relay["port"]),
                    None => "no transport".to_owned(),
                };
                // The server names itself by its address where it needs no certificate.
                let by = |server: &str| format!("Relayed by {server}");
                ours_says.starts_with(&by(relay["server"].as_str().unwrap_or_default()))
                    && ours_says.contains(&over)
                    && [NAME, IPV4].iter().any(|server| theirs_says.starts_with(&by(server)))
            }
        };
        fit.then_some(()).ok_or_else(|| format!("{self:?}, but they say “{ours_says}” and “{theirs_says}”"))
    }
}

fn try_everything(subject: &mut Subject<'_>) -> Result<(), String> {
    subject.goes(Goes::Directly, |_| true)?;
    subject.tries("path relay-udp", Goes::Over(&[UDP]))?;
    subject.tries("path relay-tcp", Goes::Over(&[TCP]))?;
    subject.tries("path relay-tls", Goes::Over(&[TLS]))?;
    subject.tries("path direct", Goes::Directly)?;
    subject.tries("restart", Goes::Directly)?;
    // Any path will do from now on, or there would be none without UDP.
    subject.call.order("path any");
    subject.tries("hinder no-udp", Goes::Over(&[TCP, TLS]))?;
    subject.call.order("hinder");
    subject.tries("path direct", Goes::Directly)
}

fn happened(told: &Told) -> Vec<&str> {
    let happenings = told.caller.report["evidence"]["happenings"].as_array();
    let of_trials = happenings.into_iter().flatten().filter(|one| one["topic"] == "trial");
    of_trials.filter_map(|one| one["sentence"].as_str()).collect()
}

#[test]
fn a_call_goes_as_it_is_ordered_and_says_so_truly() {
    let _turn = our_turn();
    let world = match World::build(Plan::of(Nat::Cone, Nat::Cone)) {
        Ok(world) => world,
        Err(missing) => return skipped(&missing),
    };
    let call = Call::start(&world, &["--orders"]);
    let mut subject = Subject { world: &world, call, leg: 0, took: Vec::new() };
    let tried = try_everything(&mut subject);
    let Subject { call, took, .. } = subject;
    let told = call.hang_up();
    tell_story(&told);
    assert_eq!(tried, Ok(()), "{}", told.in_words());
    for account in told.accounts() {
        assert_eq!(account.code, 0, "{}", told.in_words());
    }
    let happened = happened(&told);
    for sentence in
        ["only paths over a relay by TLS are allowed", "nothing leaves by UDP", "not hindered any more"]
    {
        assert!(happened.iter().any(|one| one.contains(sentence)), "{sentence}: {happened:?}");
    }
    tell("orders in a call", told.caller.sentence(), "order → pictures", &took, Duration::from_secs(4));
}
