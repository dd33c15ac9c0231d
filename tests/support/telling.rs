//! How a scenario is told when it went wrong.

use sightline::logic::phone::Effect;
use sightline_protocol::call::{CallId, CallMessage, Frame};

pub(crate) fn brief(effect: &Effect) -> String {
    match effect {
        Effect::Post { call, to: _, frame } => format!("posts in {}: {}", short(*call), said(frame)),
        Effect::Leg { call, leg } => format!("in {}: {leg:?}", short(*call)),
        Effect::Stage { call, peer: _, stage } => format!("shows {}: {stage:?}", short(*call)),
        Effect::Status { call, status } => format!("shows in {}: {status:?}", short(*call)),
        Effect::Drawn { call, width, height } => format!("is drawn in {} at {width}×{height}", short(*call)),
        Effect::Chat { call, .. } => format!("shows what was written in {}", short(*call)),
        Effect::File { call, file, .. } => format!("hears of file {file} in {}", short(*call)),
        Effect::TurnedAway { .. } => "shows that somebody was turned away".to_owned(),
        Effect::Forget { call } => format!("forgets {}", short(*call)),
    }
}

pub(crate) fn said(frame: &Frame) -> String {
    match &frame.part {
        None => format!("ack {}", frame.ack),
        Some((number, message)) => {
            let generation = if let CallMessage::Description { generation, .. }
            | CallMessage::Candidates { generation, .. } = message
            {
                format!(" of {generation}")
            } else {
                String::new()
            };
            format!("ack {}, {number} {}{generation}", frame.ack, message.kind())
        }
    }
}

pub(crate) fn short(call: CallId) -> String {
    call.to_string().chars().take(4).collect()
}
