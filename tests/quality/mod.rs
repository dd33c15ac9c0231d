//! The quality benchmark: our two programs and two Chromiums, in turns, over the same bad link.
//!
//! `cargo xtask bench quality` starts it; its table comes out as Markdown and as JSON. For each profile and each seed two network
//! namespaces are made with a link emulator between them. Media alone goes over that link; our programs find each other
//! through a server on a cable of its own. Both pairs send the same film and the same sound both ways, and are asked the
//! same questions with the same formulas.
//!
//! * `profiles.rs` which links there are · `wish.rs` what is asked of a run
//! * `link.rs` the namespaces and the link · `rival.rs` somebody else's download over it
//! * `film.rs` what is sent · `ours.rs`, `chromium.rs` the two pairs · `processor.rs` what they cost
//! * `story.rs` what was seen in one direction of one call · `figures.rs` what is computed from that
//! * `table.rs` how it is told
//! * `likeness.rs` a second, smaller benchmark, of ours alone: how like what comes is to what was sent
//!
//! No device is in either pair's way: pictures come from a file, sound from a formula, and both are measured where a screen and a
//! loudspeaker would begin. Chromium's mouth and ear are nodes of its audio graph, so its echo canceller rests.
//!
//! Chromium's delay ends when its compositor means to show a picture; ours ends when the picture is handed over, as there is no
//! window. The column *handed over* is the same moment for both.

mod chromium;
mod figures;
mod film;
mod likeness;
mod link;
mod ours;
mod processor;
mod profiles;
mod rival;
mod story;
mod table;
mod wish;

use std::{
    fs,
    io::{self, Write as _},
    time::Duration,
};

use self::{
    figures::Figures,
    film::Film,
    link::Lab,
    story::Story,
    table::{Pair, Run, Table},
    wish::Wish,
};
use crate::{natlab::measure::skipped, support::programs::my_turn};

/// How often one call is tried: what fails once may be the machine.
const TRIES: u32 = 2;

#[test]
#[ignore = "a benchmark of many minutes: cargo xtask bench quality"]
fn the_whole_table() {
    let _turn = my_turn();
    let wish = Wish::from_environment(|profile| profile.main).unwrap_or_else(|why| panic!("{why}"));
    if let Err(missing) = Lab::is_possible() {
        return skipped(&missing);
    }
    let film = Film::here();
    let chromium = wish.pairs().contains(&Pair::Chromium);
    let mut table = Table::new(&wish);
    let every_run =
        wish.profiles.iter().flat_map(|profile| (1..=wish.seeds).map(move |seed| (profile, seed)));
    for (profile, seed) in every_run {
        // In turns, and the one that begins changes too.
        let mut pairs = wish.pairs();
        if seed % 2 == 0 {
            pairs.reverse();
        }
        for pair in pairs {
            let length = profile.length(wish.seconds);
            say(&format!("{}, seed {seed}, {pair}: {} s", profile.name, length.as_secs()));
            let mut done = Err("it was not tried".to_owned());
            for _ in 0..TRIES {
                done = call(pair, profile, seed, length, &film);
                match &done {
                    Ok(run) => {
                        say(&format!("  {}", run.in_short()));
                        break;
                    }
                    Err(why) => say(&format!("  failed: {why}")),
                }
            }
            table.add(profile, pair, done);
        }
    }
    let (words, data) = (table.markdown(), table.json());
    fs::create_dir_all(&wish.out).unwrap();
    fs::write(wish.out.join("quality.md"), &words).unwrap();
    fs::write(wish.out.join("quality.json"), serde_json::to_string_pretty(&data).unwrap()).unwrap();
    say(&format!("written: quality.md and quality.json in {}", wish.out.display()));
    say(&words);
    if !chromium && !wish.ours_only {
        say("There is no Chromium here, so there is nothing to compare with.");
    }
    assert!(table.failures().is_empty(), "calls that could not be measured: {:#?}", table.failures());
}

/// The benchmark itself works: every figure of a short call between our own is there, and is possible.
#[test]
fn a_short_call_of_ours_on_a_calm_link_gives_every_figure() {
    let _turn = my_turn();
    if let Err(missing) = Lab::is_possible() {
        return skipped(&missing);
    }
    let profile = profiles::named("lan").unwrap();
    let run = call(Pair::Ours, profile, 1, Duration::from_secs(5), &Film::small()).unwrap();
    for figures in &run.directions {
        figures.are_possible();
    }
}

fn call(
    pair: Pair,
    profile: &'static profiles::Profile,
    seed: u64,
    length: Duration,
    film: &Film,
) -> Result<Run, String> {
    let lab = Lab::build(profile, seed, pair == Pair::Ours)?;
    let (stories, link): ([Story; 2], _) = match pair {
        Pair::Ours => ours::call(&lab, film, length)?,
        Pair::Chromium => chromium::call(&lab, film, length)?,
    };
    let timeline = profile.timeline(length);
    let directions = stories.map(|story| Figures::of(&story, &link, &timeline));
    Ok(Run { seed, directions, link })
}

/// Not by `eprintln`, which the test harness keeps to itself.
fn say(words: &str) {
    writeln!(io::stderr(), "{words}").ok();
}
