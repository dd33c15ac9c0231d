//! The desk's words in the engine's, and back. Nothing is decided here.

use std::{path::Path, sync::Arc};

use sightline_protocol::link::ServerAddress;

use crate::{
    engine::api::{Command, Statistics, Update},
    logic::{
        desk::{DataUse, Figures, FileWish, Heard, Line, Order, Preferences},
        files::FileOrder,
        path::PathPolicy,
        quality::Sample,
    },
    media::voice::VoiceSettings,
};

const ENGINE_PROBLEM: &str = "call.problem";
const NO_RELAY: &str = "call.no_relay";

/// What the engine tells, as the desk understands it; nothing of what is none of its business.
pub(super) fn heard(update: Update, home: Option<&ServerAddress>) -> Option<Heard> {
    let line = |line| home.map(|server| Heard::Line { server: server.clone(), line });
    Some(match update {
        Update::SwitchboardUp => return line(Line::Up),
        Update::SwitchboardDown { why } => return line(Line::Down { why }),
        Update::SwitchboardRefused { why } => return line(Line::Refused { why }),
        Update::Began { call, peer, role, media, token } => Heard::Began { call, peer, role, media, token },
        // The code to compare takes longer to work out than anybody should wait for here: `runner` has that done beside it.
        Update::Agreed { call, media, code: _ } => Heard::Agreed { call, media },
        Update::NotDialled { why } => Heard::NotDialled { why },
        Update::Present { who, connected } => Heard::Present { who, connected },
        Update::Stage { call, peer, stage, name } => Heard::Stage { call, peer, stage, name },
        Update::Link { call, link } => Heard::Link { call, link },
        Update::Path { call, path } => Heard::Path { call, path: Arc::from(path) },
        Update::Standing { call, path, evidence } => {
            Heard::Standing { call, path: Arc::from(path), evidence }
        }
        Update::Statistics { call, statistics } => Heard::Figures { call, figures: figures(*statistics) },
        Update::TheirStatus { call, status } => Heard::TheirStatus { call, status },
        Update::SpeakingWhileMuted { call } => Heard::SpeakingWhileMuted { call },
        Update::TurnedAway { from, name } => Heard::TurnedAway { from, name },
        Update::NoRelay { call: _, why } => Heard::Problem { text: why, code: NO_RELAY },
        Update::Chat { call, lines } => Heard::Chat { call, lines: lines.lines },
        Update::Files { call, files } => Heard::Files { call, files },
        Update::Previewing(on) => Heard::Previewing(on),
        Update::Network { interfaces } => Heard::Network(interfaces),
        Update::Devices(devices) => Heard::Devices(devices),
        Update::Device(in_use) => Heard::Device(in_use),
        Update::Problem { text } => Heard::Problem { text, code: ENGINE_PROBLEM },
        Update::Over { report } => Heard::Over { report },
        Update::Consulted { .. } | Update::Home { .. } => return None,
    })
}

/// What the desk wants, as the engine understands it.
pub(super) fn commands(order: Order, downloads: &Path) -> Vec<Command> {
    match order {
        Order::Dial { to, server, token, media, status } => {
            vec![Command::Dial { to, server: Some(server), token, media }, Command::Status(status)]
        }
        Order::Accept { media } => vec![Command::Accept { media }],
        Order::HangUp => vec![Command::HangUp],
        Order::Status(status) => vec![Command::Status(status)],
        Order::Use { kind, choice } => vec![Command::Use { kind, choice }],
        Order::Trial(trial) => vec![Command::Trial(trial)],
        Order::Drawn { width, height } => vec![Command::Drawn { width, height }],
        Order::Owner(owner) => vec![Command::Owner(owner)],
        Order::Ask(who) => vec![Command::Ask(who)],
        Order::Prefer(preferences) => {
            vec![
                Command::Voice(voice(&preferences)),
                Command::Path(path(&preferences)),
                Command::Spend(most(preferences.data_use)),
                Command::Hide(!preferences.show_online),
                Command::LetContactsExamine(preferences.contacts_may_examine),
            ]
        }
        Order::Say { call: _, text } => vec![Command::Say { text }],
        Order::Offer { call: _, paths } => {
            paths.into_iter().map(|path| Command::OfferFile { path }).collect()
        }
        Order::File { call: _, id, wish } => {
            let order = match wish {
                FileWish::Accept => FileOrder::Accept { folder: downloads.to_owned() },
                FileWish::Decline => FileOrder::Decline,
                FileWish::Pause => FileOrder::Pause,
                FileWish::GoOn => FileOrder::GoOn,
                FileWish::Cancel => FileOrder::Cancel,
                FileWish::Show => return Vec::new(),
            };
            vec![Command::File { id, order }]
        }
        Order::Reach(server) => vec![Command::Reach(server)],
        Order::Preview { on } => vec![Command::Preview { on }],
    }
}

/// How our sound is to be cleaned.
pub(super) fn voice(preferences: &Preferences) -> VoiceSettings {
    VoiceSettings {
        echo: preferences.echo_cancelling,
        noise: preferences.noise_suppression,
        gain: preferences.gain_control,
    }
}

/// Which paths may be taken.
pub(super) fn path(preferences: &Preferences) -> PathPolicy {
    if preferences.always_relay { PathPolicy::Relay } else { PathPolicy::Any }
}

/// The largest pictures that are worth their data.
const fn most(data_use: DataUse) -> Option<(u16, u16)> {
    match data_use {
        DataUse::Full => None,
        DataUse::Less => Some((640, 360)),
        DataUse::Least => Some((320, 180)),
    }
}

fn figures(statistics: Statistics) -> Figures {
    let Statistics {
        call_t_ms,
        round_trip_ms,
        sending,
        counters,
        pictures,
        sound,
        lost_of_ours,
        path,
        evidence,
        ..
    } = statistics;
    Figures {
        sample: Sample {
            t_ms: call_t_ms,
            frozen_ms: pictures.frozen_ms,
            sound_whole: sound.played + sound.recovered,
            sound_made_up: sound.concealed,
            round_trip_ms,
            lost_of_ours,
            relay_dropped: counters.relay_packets_dropped,
            ..Sample::default()
        },
        sending,
        has_picture: counters.frames_shown > 0,
        path: Some(Arc::from(path)),
        evidence: Some(evidence),
    }
}
