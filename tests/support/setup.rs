//! How a real peer connection is set up where nothing else is asked for.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc,
        mpsc::{SyncSender, sync_channel},
    },
    time::Instant,
};

use sightline::{
    engine::ports::{PeerReport, PeerSetup},
    logic::{packet::Packet, path::PathPolicy, servers::Servers},
};
use sightline_protocol::call::{CallId, Media};
use tokio::sync::mpsc;

/// The first connection of a call with pictures and sound, on loopback, without servers. Nobody listens to the sound.
pub(crate) fn on_loopback(
    reports: mpsc::Sender<PeerReport>,
    video: SyncSender<(Packet, Instant)>,
) -> PeerSetup {
    PeerSetup {
        call: CallId([1; 16]),
        generation: 1,
        media: Media { audio: true, video: true },
        path: PathPolicy::Any,
        bind: vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
        servers: Servers::default(),
        reports,
        video,
        audio: sync_channel(64).0,
        tally: Arc::default(),
        files: Arc::new(()),
        room: Arc::default(),
        hindering: Arc::default(),
    }
}
