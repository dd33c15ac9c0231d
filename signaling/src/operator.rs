//! The one task that works the switchboard: takes what the connections report, and does what the switchboard asks.
//!
//! It waits for reports and for the clock, never for a connection.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Instant;

use sightline_protocol::Challenge;
use tokio::sync::mpsc;

use crate::line::{Full, Line};
use crate::switchboard::{Effect, Event, SessionId, SocketId, Switchboard, Unreadable};

/// Reports that wait for the operator. When they are full, connections wait to hand in theirs and read nothing more
/// meanwhile; each has at most one, and they take turns, so nobody can keep the others out.
pub(crate) const REPORTS: usize = 1024;

/// What a connection tells.
#[derive(Debug)]
pub(crate) enum Report {
    Opened {
        socket: SocketId,
        peer: IpAddr,
        line: Line,
    },
    Said {
        socket: SocketId,
        text: String,
    },
    Unreadable {
        socket: SocketId,
        why: Unreadable,
    },
    Closed {
        socket: SocketId,
    },
    /// From the server itself: tell everybody that it ends.
    Stop,
}

/// Works until nobody is left to report. After `Stop` that is soon: each connection has been told to end.
pub(crate) async fn operate(mut switchboard: Switchboard, mut reports: mpsc::Receiver<Report>) {
    let mut lines = Lines(HashMap::new());
    loop {
        let due = switchboard.poll_timeout().map(|(due, _)| due);
        let report = tokio::select! {
            report = reports.recv() => report,
            () = sleep_until(due) => {
                switchboard.handle_timeout(now());
                lines.settle(&mut switchboard);
                continue;
            }
        };
        let event = match report {
            Some(Report::Opened { socket, peer, line }) => match dice() {
                Ok((challenge, session)) => {
                    lines.0.insert(socket, line);
                    Event::Opened { socket, peer, challenge, session }
                }
                Err(error) => {
                    tracing::error!("a connection was turned away: {error}");
                    line.cut();
                    continue;
                }
            },
            Some(Report::Said { socket, text }) => Event::Said { socket, text },
            Some(Report::Unreadable { socket, why }) => Event::Unreadable { socket, why },
            Some(Report::Closed { socket }) => {
                lines.0.remove(&socket);
                Event::Closed { socket }
            }
            Some(Report::Stop) => Event::Closing,
            None => return,
        };
        switchboard.handle(event, now());
        lines.settle(&mut switchboard);
    }
}

struct Lines(HashMap<SocketId, Line>);

impl Lines {
    /// Does everything the switchboard asks for. An effect for a connection that ended meanwhile has no line any more.
    fn settle(&mut self, switchboard: &mut Switchboard) {
        while let Some(effect) = switchboard.poll_effect() {
            match effect {
                Effect::Send { socket, text, receipt } => {
                    if self.0.get(&socket).is_some_and(|line| line.send(text) == Err(Full)) {
                        switchboard.handle(Event::Overflowed { socket, receipt }, now());
                    }
                }
                Effect::Close { socket, code, reason } => {
                    if let Some(line) = self.0.remove(&socket) {
                        line.close(code, reason);
                    }
                }
                Effect::Cut { socket } => {
                    if let Some(line) = self.0.remove(&socket) {
                        line.cut();
                    }
                }
            }
        }
    }
}

fn dice() -> Result<(Challenge, SessionId), getrandom::Error> {
    let (mut challenge, mut session) = ([0; 32], [0; 8]);
    getrandom::fill(&mut challenge)?;
    getrandom::fill(&mut session)?;
    Ok((Challenge(challenge), SessionId(session)))
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
