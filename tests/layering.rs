//! Keeps the arrows of `ARCHITECTURE.md` true: a layer names only what lies below it.
//!
//! Files are read as tokens, not as text and not as syntax: comments and strings do not count, `use` trees over many
//! lines and paths inside macros (`tokio::select!`) do. A name that was imported stands for what it was imported from.
//! What slips by is a path that a macro puts together, or a re-export that leads around a wall.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::support::paths::{Named, named_in};

/// Each layer, and the modules of the app that it may name.
const LAYERS: &[(&str, &[&str])] = &[
    ("logic", &["logic"]),
    ("media", &["media", "logic"]),
    ("engine", &["engine", "media", "logic"]),
    (
        "adapters",
        &[
            "adapters",
            "engine::ports",
            "engine::room",
            "engine::clock",
            "engine::thread",
            "engine::counters",
            "media",
            "logic",
        ],
    ),
    ("ui", &["ui", "engine::api", "media::emblem", "media::frame", "media::rgb", "logic"]),
    ("desktop", COMMANDS_NAME),
    ("cli", COMMANDS_NAME),
    ("app", COMMANDS_NAME),
];

const COMMANDS_NAME: &[&str] = &[
    "cli", "desktop", "app", "contacts", "settings", "journal", "logging", "panics", "ui", "adapters",
    "engine", "media", "logic",
];

const EVERYWHERE: &[&str] = &["logic", "media", "engine", "adapters", "ui", "desktop", "cli", "app"];
const COMMANDS: &[&str] = &["desktop", "cli", "app"];

/// Each crate that the app depends on, and the layers that may name it. A dependency that is missing here fails a test:
/// whoever adds one decides where it lives.
const OUTSIDE: &[(&str, &[&str])] = &[
    ("anyhow", COMMANDS),
    ("async_trait", &["adapters"]),
    ("base64", &["adapters", "cli", "app"]),
    ("bytes", EVERYWHERE),
    ("clap", COMMANDS),
    ("cpal", &["adapters"]),
    ("crc", &["media"]),
    ("directories", COMMANDS),
    ("eframe", &["ui", "app"]),
    ("egui", &["ui"]),
    ("egui_plot", &["ui"]),
    ("fast_image_resize", &["media"]),
    ("futures_util", &["engine", "adapters"]),
    ("getrandom", &["engine", "adapters", "desktop", "cli", "app"]),
    ("hound", &["media"]),
    ("httpdate", &["adapters"]),
    ("if_addrs", &["adapters"]),
    ("interprocess", &["adapters"]),
    ("ipnet", &["adapters"]),
    ("keepawake", &["adapters"]),
    ("ksni", &["adapters"]),
    ("linkify", &["ui"]),
    ("netlink_sys", &["adapters"]),
    ("nokhwa", &["adapters"]),
    ("notify_rust", &["adapters"]),
    ("openh264", &["media"]),
    ("openh264_sys2", &["media"]),
    ("opus", &["media"]),
    ("opusic_c", &["media"]),
    ("percent_encoding", &["adapters"]),
    ("qrcode", &["ui"]),
    ("rfd", &["adapters"]),
    ("rtc", &["adapters"]),
    ("rtc_rtp", &["media"]),
    ("rtrb", &["engine", "adapters"]),
    ("rubato", &["media"]),
    ("rustls", &["adapters"]),
    ("rustls_platform_verifier", &["adapters"]),
    ("serde", EVERYWHERE),
    ("serde_json", &["logic", "ui", "desktop", "cli", "app"]),
    ("sha2", &["logic"]),
    ("sightline_protocol", EVERYWHERE),
    ("sightline_server", COMMANDS),
    ("socket2", &["adapters"]),
    ("sonora", &["media"]),
    ("stun_types", &["logic", "adapters"]),
    ("thiserror", EVERYWHERE),
    ("tokio", &["engine", "adapters", "desktop", "cli", "app"]),
    ("tokio_rustls", &["adapters"]),
    ("tokio_tungstenite", &["adapters"]),
    ("toml", &["ui", "desktop", "cli", "app"]),
    ("toml_edit", &["desktop", "app"]),
    ("tracing", EVERYWHERE),
    ("tracing_log", COMMANDS),
    ("tracing_subscriber", COMMANDS),
    ("turbojpeg", &["media"]),
    ("url", &["adapters"]),
    ("v4l", &["adapters"]),
    ("webrtc", &["adapters"]),
    ("x509_parser", &["adapters"]),
    ("y4m", &["media"]),
    ("yuv", &["media"]),
];

/// What a place that only decides may not name: threads, locks, sockets, files, other programs, the clock.
const MOTION: &[&str] = &[
    "std::env",
    "std::fs",
    "std::net::TcpListener",
    "std::net::TcpStream",
    "std::net::UdpSocket",
    "std::process",
    "std::sync::Barrier",
    "std::sync::Condvar",
    "std::sync::Mutex",
    "std::sync::RwLock",
    "std::sync::mpsc",
    "std::thread",
    "std::time::SystemTime",
    "tokio",
    "tokio_tungstenite",
];
/// Reading the clock: what such a place may do in its tests alone.
const CLOCK: &str = "std::time::Instant::now";

/// The pure parts of the server and of the words, and what of their own crate they may name.
const PURE_PARTS: &[(&str, &[&str])] = &[
    ("signaling/src/whereabouts/names.rs", &["whereabouts::names"]),
    ("signaling/src/allowance.rs", &["allowance"]),
    ("signaling/src/door/sources.rs", &["door::sources", "allowance", "config"]),
    ("signaling/src/switchboard.rs", &["switchboard", "allowance", "config", "watching::metrics", "relay"]),
    ("signaling/src/switchboard", &["switchboard", "allowance", "config", "watching::metrics", "relay"]),
    ("signaling/src/relay", &["relay", "allowance", "config"]),
    (
        "signaling/protocol/src",
        &[
            "base64url",
            "call",
            "frame",
            "is_compatible",
            "keys",
            "limits",
            "link",
            "numbering",
            "open_enum",
            "pinned",
            "random",
            "replay",
            "routed",
            "seal",
            "session",
            "switchboard",
            "text",
            "PROTOCOL_VERSION",
        ],
    ),
];

#[test]
fn a_layer_names_only_what_lies_below_it() {
    let broken: Vec<_> = LAYERS
        .iter()
        .flat_map(|(layer, _)| {
            let files = files_under(&root().join("src").join(layer)).into_iter().chain(
                Some(root().join("src").join(layer).with_extension("rs")).filter(|file| file.is_file()),
            );
            files.chain(app_files(layer)).flat_map(|file| breaches_of_layer(layer, &file, &read(&file)))
        })
        .collect();

    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn the_pure_parts_of_the_server_and_of_the_words_only_decide() {
    let mut broken = Vec::new();
    for (place, may_name) in PURE_PARTS {
        let place = root().join(place);
        let files = if place.is_dir() { files_under(&place) } else { vec![place] };
        assert!(!files.is_empty());
        for file in files {
            broken.extend(breaches_of_purity(may_name, &file, &read(&file)));
        }
    }

    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn every_file_belongs_to_a_layer() {
    let known = |name: &str| LAYERS.iter().any(|(layer, _)| *layer == name);
    for entry in fs::read_dir(root().join("src")).unwrap().flatten() {
        let name = entry.path().file_stem().unwrap().to_string_lossy().into_owned();
        let is_of_the_app = app_files("app").contains(&entry.path());
        assert!(known(&name) || is_of_the_app, "say in tests/layering.rs to which layer src/{name} belongs");
    }
}

#[test]
fn every_dependency_has_a_home() {
    let manifest: toml::Table = read(&root().join("Cargo.toml")).parse().unwrap();
    for dependency in manifest["dependencies"].as_table().unwrap().keys() {
        let name = dependency.replace('-', "_");
        assert!(
            OUTSIDE.iter().any(|(known, _)| *known == name),
            "say in tests/layering.rs which layers may name `{name}`"
        );
    }
}

#[test]
fn every_forbidden_arrow_is_refused() {
    for (layer, text) in [
        ("logic", "use crate::media::frame::Frame;"),
        ("logic", "use crate::engine::clock::Clock;"),
        ("logic", "use crate::adapters;"),
        ("logic", "use crate::ui::theme;"),
        ("logic", "use crate::cli;"),
        ("logic", "use tokio::sync::mpsc;"),
        ("logic", "use webrtc::Whatever;"),
        ("logic", "use std::thread;"),
        ("logic", "use std::net::TcpStream;"),
        ("logic", "use std::sync::{Arc, Mutex};"),
        ("logic", "use std::sync::{self, Arc};"),
        ("logic", "use std::sync;"),
        ("logic", "use std::sync::*;"),
        ("logic", "use std::fs::File;"),
        ("logic", "use std::{time::{Duration, SystemTime}, fmt};"),
        ("logic", "use std::time::Instant; fn f() { Instant::now(); }"),
        ("logic", "use std::time; fn f() { time::SystemTime::now(); }"),
        ("logic", "fn f() { std::thread::sleep(t); }"),
        ("logic", "fn f() { let x: ::tokio::time::Interval; }"),
        ("logic", "extern crate tokio;"),
        ("media", "use crate::engine::ports;"),
        ("media", "use crate::adapters::peer;"),
        ("media", "use crate::{\n    logic::units,\n    engine::clock::Clock,\n};"),
        ("media", "use super::super::engine::clock::Clock;"),
        ("media", "mod tests { use super::super::super::engine::clock::Clock; }"),
        ("media", "use tokio::sync::mpsc;"),
        ("media", "use rtc::media::Sample;"),
        ("engine", "use crate::adapters::peer;"),
        ("engine", "use crate::ui;"),
        ("engine", "use crate::cli::call;"),
        ("engine", "fn f() -> crate::adapters::peer::WebRtc {}"),
        ("engine", "macro_rules! m { () => { $crate::adapters::peer::WebRtc } }"),
        ("engine", "use openh264::decoder::Decoder;"),
        ("engine", "use ::opusic_c::Decoder;"),
        ("engine", "use webrtc::peer_connection::PeerConnection;"),
        ("engine", "use tokio_tungstenite::connect_async;"),
        ("engine", "use sightline_server::Server;"),
        ("adapters", "use crate::engine::run;"),
        ("adapters", "use crate::engine::api::Command;"),
        ("adapters", "use crate::engine;"),
        ("adapters", "use crate::engine::*;"),
        ("adapters", "use crate::{engine::{clock::Clock, run::Parts}, logic::{call, negotiation}};"),
        ("adapters", "use crate::{engine::{self as e, clock}};"),
        ("adapters", "use crate as app;"),
        ("adapters", "use crate::*;"),
        ("adapters", "use super::super::ui;"),
        ("adapters", "use crate::ui::state;"),
        ("adapters", "use egui::Context;"),
        ("adapters", "use y4m::Decoder;"),
        ("adapters", "fn f() { tracing::info!(x = fast_image_resize::Resizer::new()); }"),
        ("adapters", "use sightline_server::Server;"),
        ("ui", "use crate::engine::run;"),
        ("ui", "use crate::engine::{api, ports};"),
        ("ui", "use crate::media::h264::Encoder;"),
        ("ui", "use crate::desktop::runner;"),
        ("ui", "use crate::adapters::synthetic;"),
        ("ui", "fn f() { tokio::spawn(async {}); }"),
        ("ui", "use crate::engine::api; fn f() { crate::engine::run::start(); }"),
        ("cli", "use webrtc::peer_connection::PeerConnection;"),
        ("cli", "use egui::Context;"),
        ("app", "use openh264::decoder::Decoder;"),
    ] {
        let found = breaches_of_layer(layer, &root().join("src").join(layer).join("made_up.rs"), text);
        assert!(!found.is_empty(), "{layer} was allowed to say: {text}");
    }
    for text in [
        "use tokio::sync::mpsc;",
        "use std::net::UdpSocket;",
        "use crate::operator::Operator;",
        "use std::time::Instant; fn f() { Instant::now(); }",
    ] {
        let found = breaches_of_purity(
            &["switchboard", "config"],
            &root().join("signaling/src/switchboard.rs"),
            text,
        );
        assert!(!found.is_empty(), "the switchboard was allowed to say: {text}");
    }
}

#[test]
fn what_lies_below_may_be_named() {
    for (layer, text) in [
        ("logic", "use super::call::Call; use std::{collections::BTreeMap, time::{Duration, Instant}};"),
        ("logic", "use std::{net::IpAddr, sync::Arc}; use bytes::Bytes; use sightline_protocol::limits;"),
        (
            "logic",
            "// use crate::engine::clock;\n/// As `crate::engine::run` has it.\nconst TEXT: &str = \"tokio::spawn\";",
        ),
        ("logic", "#[cfg(test)] mod tests { use super::*; fn f() { std::time::Instant::now(); } }"),
        ("media", "use crate::{logic::units::MediaTime, media::pool::Pool}; use super::frame::Frame;"),
        ("media", "use openh264::decoder::Decoder; use std::sync::Mutex; use ::opusic_c::Decoder as O;"),
        ("engine", "use crate::media::opus; fn f() { opus::OpusDecoder::new(); }"),
        ("engine", "use crate::media::{opus as sound, y4m}; fn f() { y4m::read(sound::X); }"),
        ("engine", "use tokio::sync::mpsc; use super::ports::Peer; fn f() { tokio::select! {} }"),
        (
            "adapters",
            "use crate::{\n    engine::{\n        clock::Clock,\n        ports::{Peer, PeerMaker},\n        counters::Tally,\n    },\n    logic::call::PeerEvent,\n};",
        ),
        ("adapters", "use webrtc::peer_connection::PeerConnection; use rtc::Slot; use super::codecs;"),
        ("ui", "use crate::engine::api::{Command, Snapshot}; use crate::ui::theme; use egui::Context;"),
        (
            "cli",
            "use crate::{adapters::peer::WebRtc, engine::run}; use sightline_server::Server; use clap::Parser;",
        ),
        ("app", "use eframe::NativeOptions;"),
    ] {
        let found = breaches_of_layer(layer, &root().join("src").join(layer).join("made_up.rs"), text);
        assert!(found.is_empty(), "{layer} may say: {text}\n{}", found.join("\n"));
    }
}

fn breaches_of_layer(layer: &str, file: &Path, text: &str) -> Vec<String> {
    let (_, may_name) = LAYERS.iter().find(|(known, _)| *known == layer).expect("a layer that is listed");
    let mut broken = Vec::new();
    for named in named_in(&module_of(file), text) {
        if let Some(path) = named.path.strip_prefix("crate") {
            if !may_name.iter().any(|allowed| is_within(path.trim_start_matches("::"), allowed)) {
                broken.push(said(file, &named, layer));
            }
            continue;
        }
        let first = named.path.split("::").next().unwrap_or_default();
        let homes = OUTSIDE.iter().find(|(outsider, _)| *outsider == first).map(|(_, homes)| *homes);
        let is_at_home = homes.is_none_or(|homes| homes.contains(&layer));
        let may_move = layer != "logic" || (named.path == CLOCK && is_of_tests(file));
        if !is_at_home || (!may_move && is_motion(&named)) {
            broken.push(said(file, &named, layer));
        }
    }
    broken
}

fn breaches_of_purity(may_name: &[&str], file: &Path, text: &str) -> Vec<String> {
    named_in(&module_of(file), text)
        .into_iter()
        .filter(|named| match named.path.strip_prefix("crate::") {
            Some(path) => !may_name.iter().any(|allowed| is_within(path, allowed)),
            None => is_motion(named) && !(named.path == CLOCK && is_of_tests(file)),
        })
        .map(|named| said(file, &named, "what only decides"))
        .collect()
}

/// A file of tests alone: `tests.rs`, or one in a folder `tests` of the sources.
fn is_of_tests(file: &Path) -> bool {
    file.ends_with("tests.rs") || module_of(file).iter().any(|module| module == "tests")
}

/// All of a module at once is forbidden where it holds a forbidden thing.
fn is_motion(named: &Named) -> bool {
    let whole = named.path.strip_suffix("::*");
    MOTION
        .iter()
        .any(|banned| is_within(&named.path, banned) || whole.is_some_and(|module| is_within(banned, module)))
        || (named.path == "std::sync")
        || (is_within(&named.path, CLOCK) && !named.in_tests)
}

fn said(file: &Path, named: &Named, who: &str) -> String {
    let file = file.strip_prefix(root()).unwrap_or(file).display();
    format!("{file}:{}: {who} may not name `{}`", named.line, named.path)
}

fn is_within(path: &str, allowed: &str) -> bool {
    path.strip_prefix(allowed).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Where in its crate a file stands: `src/media/pool.rs` is `media`, `pool`.
fn module_of(file: &Path) -> Vec<String> {
    let parts: Vec<_> =
        file.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    let src = parts.iter().rposition(|part| part == "src").expect("sources lie under `src`");
    let mut module = parts[src + 1..].to_vec();
    if matches!(module.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        module.pop();
    }
    module
}

fn app_files(layer: &str) -> Vec<PathBuf> {
    let files = if layer == "app" {
        &["main.rs", "lib.rs", "contacts.rs", "settings.rs", "journal.rs", "logging.rs", "panics.rs"][..]
    } else {
        &[]
    };
    files.iter().map(|file| root().join("src").join(file)).filter(|file| file.is_file()).collect()
}

fn files_under(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(files_under(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
