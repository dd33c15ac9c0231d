//! A data channel with the library that our adapter stands on. The adapter itself has none yet: what is said in a call
//! goes sealed through the switchboard.

use std::{net::SocketAddr, sync::Arc};

use bytes::BytesMut;
use serde_json::json;
use tokio::sync::mpsc;
use webrtc::{
    data_channel::{DataChannel, DataChannelEvent},
    peer_connection::{
        PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCIceCandidateInit,
        RTCPeerConnectionIceEvent, RTCSessionDescription,
    },
};

use super::{foreign_end::ForeignEnd, network::OURS};

/// Says what it hears, with a word before it.
struct Echo {
    candidates: mpsc::Sender<RTCIceCandidateInit>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Echo {
    async fn on_ice_candidate(&self, event: RTCPeerConnectionIceEvent) {
        self.candidates.send(event.candidate.to_json().unwrap()).await.ok();
    }

    async fn on_data_channel(&self, channel: Arc<dyn DataChannel>) {
        tokio::spawn(async move {
            while let Some(event) = channel.poll().await {
                if let DataChannelEvent::OnMessage(message) = event {
                    let said = String::from_utf8(message.data.to_vec()).unwrap();
                    if message.is_string {
                        channel.send_text(&format!("you said: {said}")).await.unwrap();
                    } else {
                        channel.send(BytesMut::from(&*message.data)).await.unwrap();
                    }
                }
            }
        });
    }
}

/// Takes the offer of a foreign end that opens a channel, says `word` there and gives what comes back.
pub(super) async fn word_and_echo(mut theirs: ForeignEnd, word: &str) -> String {
    let (candidates, mut ours) = mpsc::channel(64);
    let connection = PeerConnectionBuilder::new()
        .with_handler(Arc::new(Echo { candidates }))
        .with_udp_addrs(vec![SocketAddr::new(OURS, 0)])
        .build()
        .await
        .unwrap();
    theirs.ask("open", json!({ "servers": [], "policy": "all", "with_media": false, "with_channel": true }));
    theirs.ask("make_offer", json!({}));
    let mut is_answered = false;
    loop {
        tokio::select! {
            Some(candidate) = ours.recv(), if is_answered => {
                let candidate = json!({ "candidate": candidate.candidate, "sdpMLineIndex": candidate.sdp_mline_index });
                theirs.ask("add_candidate", json!({ "candidate": candidate }));
            }
            said = theirs.hear() => {
                if let Some(sdp) = said["offer"].as_str() {
                    let offer = RTCSessionDescription::offer(sdp.to_owned()).unwrap();
                    connection.set_remote_description(offer).await.unwrap();
                    let answer = connection.create_answer(None).await.unwrap();
                    let sdp = answer.sdp.clone();
                    connection.set_local_description(answer).await.unwrap();
                    theirs.ask("take_answer", json!({ "sdp": sdp }));
                    is_answered = true;
                } else if said["channel"] == "open" {
                    theirs.ask("send", json!({ "text": word }));
                } else if let Some(echo) = said["message"].as_str() {
                    connection.close().await.unwrap();
                    return echo.to_owned();
                }
            }
        }
    }
}
