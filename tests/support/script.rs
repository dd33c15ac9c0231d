//! A scenario made of one number, and what became of it.

use std::{collections::BTreeMap, time::Duration};

use sightline::logic::{
    course::{Link, Stage},
    legs::LegWhy,
};

use super::{
    faults::Faults,
    rng::Rng,
    rules::{Temper, check_calls},
    world::{Deed, World, millis, seconds},
};

/// Longer than every limit of a call together, and than every repetition.
const UNTIL_QUIET: Duration = Duration::from_secs(240);

/// How soon a connected call carries media again once nothing stands in its way, where every change is noticed.
const CARRIES_AGAIN_WITHIN_NOTICED: Duration = Duration::from_secs(5);
/// The same where some are not: a connection that is built meanwhile is given up first.
const CARRIES_AGAIN_WITHIN: Duration = Duration::from_secs(9);
/// How long it may take then until nothing is left of what was tried and of what was left behind.
const TIDY_WITHIN: Duration = Duration::from_secs(7);

/// A scenario, and what was wrong with it.
type Play = fn(seed: u64, with_log: bool) -> (World, Vec<String>);

/// Anything happens to up to three phones.
pub(crate) fn play(seed: u64) -> Result<World, String> {
    replay_where_wrong(anything, seed)
}

/// Two people dial each other at about the same time, and both want to talk.
pub(crate) fn play_glare(seed: u64) -> Result<World, String> {
    replay_where_wrong(glare, seed)
}

/// Two people talk, and the network changes under them.
pub(crate) fn play_moves(seed: u64) -> Result<World, String> {
    replay_where_wrong(moves, seed)
}

/// Plays the scenario of that seed. In the error stands all that happened.
fn replay_where_wrong(play: Play, seed: u64) -> Result<World, String> {
    let (world, wrongs) = play(seed, false);
    if wrongs.is_empty() {
        return Ok(world);
    }
    let (world, _) = play(seed, true);
    let log = world.log.unwrap_or_default().join("\n");
    Err(format!(
        "{log}\n\n{}\n\nReplay with SIGHTLINE_SEED={seed} cargo test --test tests call::\n",
        wrongs.join("\n")
    ))
}

fn anything(seed: u64, with_log: bool) -> (World, Vec<String>) {
    let mut rng = Rng::new(seed);
    let temper = if rng.chance(75) { Temper::Mild } else { Temper::Harsh };
    let mut world = World::new(rng.next(), faults(&mut rng, temper), 3);
    world.log = with_log.then(Vec::new);
    let end = write(&mut rng, temper, &mut world);
    world.run(end);
    let is_quiet = world.run_until_quiet(UNTIL_QUIET);
    let mut wrongs = check_calls(&world, temper);
    if !is_quiet {
        wrongs.push("a call still stands after everything was over".to_owned());
    }
    (world, wrongs)
}

fn glare(seed: u64, with_log: bool) -> (World, Vec<String>) {
    let mut rng = Rng::new(seed);
    let faults = Faults {
        accept_percent: 100,
        decline_percent: 0,
        furthest: Link::Up,
        order_ms: 1..100,
        ..faults(&mut rng, Temper::Mild)
    };
    let mut world = World::new(rng.next(), faults, 2);
    world.log = with_log.then(Vec::new);
    for from in 0..2 {
        world.plan(rng.millis(0..3_000), Deed::Dial { from, to: 1 - from });
    }
    world.run(seconds(60));
    let mut wrongs = Vec::new();
    let connected: Vec<_> = (0..2).map(|device| world.standing(device)).collect();
    match connected[..] {
        [Some((one, Stage::Connected)), Some((other, Stage::Connected))] if one == other => {
            wrongs.extend((0..2).filter_map(|device| world.is_settled(device).err()));
            for (whose, seen) in world.seen.iter().filter(|(whose, _)| whose.call == one) {
                let other =
                    world.seen.iter().find(|(other, _)| other.call == one && other.device != whose.device);
                let of = |candidates: &BTreeMap<_, Vec<_>>| candidates.get(&seen.in_use?).cloned();
                if other.is_none_or(|(_, other)| of(&other.named) != of(&seen.got)) {
                    wrongs.push(format!("{} was not given all candidates: {:?}", whose.device, seen.got));
                }
            }
        }
        _ => wrongs.push(format!("instead of one call there is {connected:?}")),
    }
    world.act(Deed::HangUp(rng.index(2)));
    if !world.run_until_quiet(UNTIL_QUIET) {
        wrongs.push("a call still stands after everything was over".to_owned());
    }
    wrongs.extend(check_calls(&world, Temper::Mild));
    (world, wrongs)
}

/// As soon as the network lets a call have a connection again it has one, and one only, and both ends the same.
fn moves(seed: u64, with_log: bool) -> (World, Vec<String>) {
    let mut rng = Rng::new(seed);
    let faults = Faults {
        lost_percent: [0, 10][rng.index(2)],
        repeated_percent: [0, 10][rng.index(2)],
        delay_ms: 1..[25, 200][rng.index(2)],
        most_losses: 1,
        most_candidates: 4,
        accept_percent: 100,
        order_ms: [1..5, 1..60][rng.index(2)].clone(),
        contact_percent: [0, 100][rng.index(2)],
        ..Faults::none()
    };
    let mut world = World::new(rng.next(), faults, 2);
    world.log = with_log.then(Vec::new);
    world.needs_relay = rng.chance(30);
    world.sends_media = rng.chance(90);
    world.act(Deed::Dial { from: 0, to: 1 });
    world.run(seconds(12));
    let mut wrongs = stands(&world);
    let unnoticed_percent = [0, 30][rng.index(2)];
    for _ in 0..rng.below(8) {
        let lasts = disturb(&mut rng, &mut world, unnoticed_percent);
        let longest = [100, 3_000, 12_000][rng.index(3)];
        world.run(lasts + rng.millis(0..longest));
    }
    let is_noticed = unnoticed_percent == 0;
    world.run(if is_noticed { CARRIES_AGAIN_WITHIN_NOTICED } else { CARRIES_AGAIN_WITHIN });
    wrongs.extend(
        (0..2).filter(|device| !world.carries(*device)).map(|device| format!("{device} hears nothing")),
    );
    world.run(TIDY_WITHIN);
    if !stands(&world).is_empty() {
        // Perhaps it has just found a better path.
        world.run(TIDY_WITHIN);
    }
    wrongs.extend(stands(&world));
    world.act(Deed::HangUp(rng.index(2)));
    if !world.run_until_quiet(UNTIL_QUIET) {
        wrongs.push("a call still stands after everything was over".to_owned());
    }
    wrongs.extend(check_calls(&world, Temper::Mild));
    (world, wrongs)
}

/// Does something to the network, and says how long nothing can be expected of it.
fn disturb(rng: &mut Rng, world: &mut World, unnoticed_percent: u64) -> Duration {
    let device = rng.index(2);
    let noticed = |rng: &mut Rng| (!rng.chance(unnoticed_percent)).then(|| rng.millis(0..1_500));
    let (deed, lasts) = match rng.below(9) {
        0 | 1 => (Deed::NetworkChange(device, noticed(rng)), seconds(0)),
        2 => {
            world.act(Deed::NetworkChange(1 - device, noticed(rng)));
            (Deed::NetworkChange(device, noticed(rng)), seconds(0))
        }
        3 => {
            let away = rng.millis(100..5_000);
            world.act(Deed::Away(device, away));
            (Deed::NetworkChange(device, noticed(rng)), away)
        }
        4 if unnoticed_percent > 0 => (Deed::Flush(device), seconds(0)),
        4 | 5 => {
            let cut = rng.millis(100..7_000);
            (Deed::Cut(cut), cut)
        }
        6 => {
            let outage = rng.millis(100..20_000);
            (Deed::Outage(outage), outage)
        }
        7 => (Deed::Around(device, LegWhy::NetworkChanged), seconds(0)),
        _ => {
            world.needs_relay = rng.chance(30);
            (Deed::Around(device, LegWhy::ServerBack), seconds(0))
        }
    };
    world.act(deed);
    lasts
}

fn stands(world: &World) -> Vec<String> {
    let said = |device| match world.standing(device) {
        Some((_, Stage::Connected)) => None,
        other => Some(format!("{device} does not stand connected: {other:?}")),
    };
    (0..2).filter_map(|device| said(device).or_else(|| world.is_settled(device).err())).collect()
}

fn faults(rng: &mut Rng, temper: Temper) -> Faults {
    let longest = [25, 200, 1_000, 3_000][rng.index(4)];
    let losses = [0, 10, 30, 50][rng.index(4)];
    let harsh = temper == Temper::Harsh;
    Faults {
        lost_percent: if harsh { losses * 19 / 10 } else { losses },
        repeated_percent: [0, 10, 40][rng.index(3)],
        delay_ms: 1..longest,
        most_losses: if harsh { u32::MAX } else { 2 },
        furthest: [Link::Checking, Link::PathFound].get(rng.index(25)).copied().unwrap_or(Link::Up),
        most_candidates: 4,
        accept_percent: [50, 80, 100][rng.index(3)],
        decline_percent: [0, 20][rng.index(2)],
        order_ms: [1..5, 1..100, 1..2_000][rng.index(3)].clone(),
        contact_percent: [0, 50, 100][rng.index(3)],
    }
}

// What a mild world may do is reckoned so that one of the repetitions within `LAST_WORDS_LIMIT` arrives: two losses, and
// one absence of 2 s that also swallows what was under way for 3 s.
/// Plans what people and the world do. Returns when everybody has hung up for good.
fn write(rng: &mut Rng, temper: Temper, world: &mut World) -> Duration {
    let stage = seconds([2, 10, 40, 90][rng.index(4)]);
    let within = |rng: &mut Rng| millis(rng.below(stage.as_millis() as u64));
    let someone = |rng: &mut Rng| if rng.chance(85) { rng.index(2) } else { 2 };
    let mut first_dial = |rng: &mut Rng, from: usize, to: usize| {
        let after = if rng.chance(50) { millis(rng.below(300)) } else { within(rng) };
        world.plan(after, Deed::Dial { from, to });
    };
    first_dial(rng, 0, 1);
    if rng.chance(50) {
        first_dial(rng, 1, 0);
    }
    let mut may_be_away = true;
    for _ in 0..rng.below(10) {
        let after = within(rng);
        let short = if temper == Temper::Mild { rng.millis(1..2_000) } else { rng.millis(1..40_000) };
        let device = someone(rng);
        let deed = match rng.below(30) {
            0..6 => Deed::Dial { from: device, to: (device + 1 + rng.index(2)) % 3 },
            6..8 => Deed::Accept(device),
            8..11 => Deed::HangUp(device),
            11..13 => Deed::Status(device),
            13..16 => {
                world.plan(after + short, Deed::Restart(device));
                let redial = after + short + rng.millis(0..3_000);
                world.plan(redial, Deed::Dial { from: device, to: (device + 1) % 2 });
                Deed::Crash(device)
            }
            16..18 if std::mem::take(&mut may_be_away) || temper == Temper::Harsh => Deed::Outage(short),
            18..20 if std::mem::take(&mut may_be_away) || temper == Temper::Harsh => {
                Deed::Away(device, short)
            }
            20..22 => Deed::Cut(rng.millis(100..15_000)),
            22..24 => Deed::NetworkChange(device, rng.chance(70).then(|| rng.millis(0..1_500))),
            24..26 => Deed::Flush(device),
            26..28 => Deed::Around(device, LegWhy::NetworkChanged),
            _ => Deed::Replay,
        };
        world.plan(after, deed);
    }
    for _ in 0..rng.below(4) {
        let after = rng.millis(0..200_000);
        world.plan(after, Deed::Replay);
    }
    // One hangs up first, and the other one is left to hear of it; the rest follow when nobody dials any more.
    let end = stage + seconds(15);
    world.plan(end, Deed::HangUp(rng.index(2)));
    for device in 0..3 {
        world.plan(end + seconds(60), Deed::HangUp(device));
    }
    end + seconds(60)
}
