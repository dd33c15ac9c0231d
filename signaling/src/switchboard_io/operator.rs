//! The one task that works the switchboard: takes what the connections report, and does what the switchboard asks.
//!
//! It waits for reports and for the clock, never for a connection.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use sightline_protocol::{Challenge, Token};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::door::sources::Sources;
use crate::relay::News;
use crate::switchboard::{Dice, Effect, Ending, Event, SessionId, SocketId, Switchboard, Unreadable};
use crate::switchboard_io::line::{Full, Line};

/// Reports that wait for the operator. When they are full, connections wait to hand in theirs and read nothing more
/// meanwhile; each has at most one, and they take turns, so nobody can keep the others out.
pub(crate) const REPORTS: usize = 1024;

/// Reports that are taken at once, before it is looked what the clock says.
const BATCH: usize = 64;

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
        text: Utf8Bytes,
    },
    Unreadable {
        socket: SocketId,
        why: Unreadable,
    },
    Closed {
        socket: SocketId,
        how: Ending,
    },
    /// From the server itself: tell everybody that it ends.
    Stop,
}

/// Whom the switchboard's effects concern, beside its clients.
pub(crate) struct Neighbours {
    /// Who is let in, and who is not.
    pub(crate) sources: Arc<Mutex<Sources>>,
    /// Tells every relay thread; never waits.
    pub(crate) tell: Box<dyn Fn(News) + Send>,
}

/// Works until nobody is left to report. After `Stop` that is soon: each connection has been told to end.
pub(crate) async fn operate(
    switchboard: Switchboard,
    mut reports: mpsc::Receiver<Report>,
    neighbours: Neighbours,
) {
    let mut desk = Desk { switchboard, lines: HashMap::new(), neighbours };
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        let due = desk.switchboard.poll_timeout().map(|(due, _)| due);
        tokio::select! {
            taken = reports.recv_many(&mut batch, BATCH) => {
                if taken == 0 {
                    return;
                }
                for report in batch.drain(..) {
                    desk.take(report);
                }
            }
            () = sleep_until(due) => {
                desk.switchboard.handle_timeout(now());
                desk.settle();
            }
        }
    }
}

struct Desk {
    switchboard: Switchboard,
    lines: HashMap<SocketId, Line>,
    neighbours: Neighbours,
}

impl Desk {
    fn take(&mut self, report: Report) {
        let now = now();
        match report {
            Report::Opened { socket, peer, line } => match dice() {
                Ok(dice) => {
                    self.lines.insert(socket, line);
                    self.switchboard.handle(Event::Opened { socket, peer, dice }, now);
                }
                Err(error) => {
                    tracing::error!("a connection was turned away: {error}");
                    line.cut();
                }
            },
            Report::Said { socket, text } => {
                self.switchboard.handle(Event::Said { socket, text: text.as_str() }, now);
            }
            Report::Unreadable { socket, why } => {
                self.switchboard.handle(Event::Unreadable { socket, why }, now);
            }
            Report::Closed { socket, how } => {
                self.lines.remove(&socket);
                self.switchboard.handle(Event::Closed { socket, how }, now);
            }
            Report::Stop => {
                // Without randomness everybody comes back at the times of another day, which is no reason to fail.
                let random = getrandom::u64().unwrap_or(0);
                self.switchboard.handle(Event::Closing { random }, now);
            }
        }
        self.settle();
    }

    /// Does everything the switchboard asks for. An effect for a connection that ended meanwhile has no line any more.
    fn settle(&mut self) {
        while let Some(effect) = self.switchboard.poll_effect() {
            match effect {
                Effect::Send { socket, text } => {
                    if self.lines.get(&socket).is_some_and(|line| line.send(text) == Err(Full)) {
                        self.switchboard.handle(Event::Overflowed { socket }, now());
                    }
                }
                Effect::Close { socket, code, reason } => {
                    if let Some(line) = self.lines.remove(&socket) {
                        line.close(code, reason);
                    }
                }
                Effect::Cut { socket } => {
                    if let Some(line) = self.lines.remove(&socket) {
                        line.cut();
                    }
                }
                Effect::Tell(news) => (self.neighbours.tell)(news),
                Effect::Blame { peer } => {
                    // A list is still a list though somebody panicked while holding it.
                    let mut sources = self.neighbours.sources.lock().unwrap_or_else(PoisonError::into_inner);
                    sources.blame(peer, now());
                }
            }
        }
    }
}

fn dice() -> Result<Dice, getrandom::Error> {
    let mut bytes = [0; 72];
    getrandom::fill(&mut bytes)?;
    let (challenge, rest) = bytes.split_first_chunk().expect("there are enough");
    let (token, rest) = rest.split_first_chunk().expect("there are enough");
    let session = *rest.first_chunk().expect("there are enough");
    Ok(Dice { challenge: Challenge(*challenge), session: SessionId(session), token: Token(*token) })
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
