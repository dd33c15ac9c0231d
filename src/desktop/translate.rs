//! The desk's words in the engine's, and back. Nothing is decided here.

use std::sync::Arc;

use sightline_protocol::link::ServerAddress;

use crate::{
    engine::api::{Command, Statistics, Update},
    logic::{
        desk::{Figures, Heard, Line, Order, Preferences},
        path::PathPolicy,
        quality::Sample,
        spoken,
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
        Update::Agreed { call, media, handshake_hash } => {
            Heard::Agreed { call, media, code: handshake_hash.as_ref().map(spoken::code) }
        }
        Update::NotDialled { why } => Heard::NotDialled { why },
        Update::Present { who, connected } => Heard::Present { who, connected },
        Update::Stage { call, peer, stage, name } => Heard::Stage { call, peer, stage, name },
        Update::Link { call, link } => Heard::Link { call, link },
        Update::Path { call, path } => Heard::Path { call, path: Arc::from(path) },
        Update::Statistics { call, statistics } => Heard::Figures { call, figures: figures(&statistics) },
        Update::TheirStatus { call, status } => Heard::TheirStatus { call, status },
        Update::SpeakingWhileMuted { call } => Heard::SpeakingWhileMuted { call },
        Update::TurnedAway { from, name } => Heard::TurnedAway { from, name },
        Update::NoRelay { call: _, why } => Heard::Problem { text: why, code: NO_RELAY },
        Update::Devices(devices) => Heard::Devices(devices),
        Update::Device(in_use) => Heard::Device(in_use),
        Update::Problem { text } => Heard::Problem { text, code: ENGINE_PROBLEM },
        Update::Over { report } => Heard::Over { report },
        Update::Consulted { .. } => return None,
    })
}

/// What the desk wants, as the engine understands it.
pub(super) fn commands(order: Order) -> Vec<Command> {
    match order {
        Order::Dial { to, server, token, media, status } => {
            vec![Command::Dial { to, token, media }, Command::Status(status)]
        }
        Order::Accept { media } => vec![Command::Accept { media }],
        Order::HangUp => vec![Command::HangUp],
        Order::Status(status) => vec![Command::Status(status)],
        Order::Use { kind, choice } => vec![Command::Use { kind, choice }],
        Order::Drawn { width, height } => vec![Command::Drawn { width, height }],
        Order::Owner(owner) => vec![Command::Owner(owner)],
        Order::Ask(who) => vec![Command::Ask(who)],
        Order::Prefer(preferences) => {
            vec![Command::Voice(voice(&preferences)), Command::Path(path(&preferences))]
        }
        Order::Reach(_) => Vec::new(),
        Order::Preview { .. } | Order::Say { .. } | Order::Offer { .. } | Order::File { .. } => Vec::new(),
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

fn figures(statistics: &Statistics) -> Figures {
    let Statistics { call_t_ms, round_trip_ms, sending, counters, pictures, sound, lost_of_ours, .. } =
        statistics;
    Figures {
        sample: Sample {
            t_ms: *call_t_ms,
            frozen_ms: pictures.frozen_ms,
            sound_whole: sound.played + sound.recovered,
            sound_made_up: sound.concealed,
            round_trip_ms: *round_trip_ms,
            lost_of_ours: *lost_of_ours,
            relay_dropped: counters.relay_packets_dropped,
            ..Sample::default()
        },
        sending: *sending,
        has_picture: counters.frames_shown > 0,
    }
}
