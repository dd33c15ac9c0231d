//! The plain TCP port for STUN and TURN. The same over TLS comes in through the front door.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};

use super::streams::StreamDoor;

/// After a failed accept (mostly: no more file descriptors) there is nothing better to do than to wait a little.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(200);

/// Kept for as long as a connection lasts.
pub(crate) type Pass = Box<dyn Send>;

/// Says whether one more connection from there is taken.
pub(crate) type Gate = Arc<dyn Fn(IpAddr) -> Option<Pass> + Send + Sync>;

/// Takes connections until it is dropped; they end with it.
#[derive(Debug)]
pub(crate) struct TcpDoor {
    tasks: Vec<JoinHandle<()>>,
}

impl TcpDoor {
    /// Serves what these listeners take. `most` connections at once at each; one more waits in the kernel.
    pub(crate) fn open(listeners: Vec<TcpListener>, streams: &StreamDoor, gate: &Gate, most: usize) -> Self {
        let serve = |listener| tokio::spawn(accept(listener, streams.clone(), Arc::clone(gate), most));
        Self { tasks: listeners.into_iter().map(serve).collect() }
    }
}

impl Drop for TcpDoor {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn accept(listener: TcpListener, streams: StreamDoor, gate: Gate, most: usize) {
    let places = Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
    let mut connections = JoinSet::new();
    let mut taken = 0_u32;
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!("a relay connection could not be accepted: {error}");
                tokio::time::sleep(ACCEPT_AGAIN_AFTER).await;
                continue;
            }
        };
        taken = taken.wrapping_add(1);
        // What has ended is forgotten now and then; between that, the places bound how many there are.
        if taken.is_multiple_of(64) {
            while connections.try_join_next().is_some() {}
        }
        let Some(pass) = gate(peer.ip().to_canonical()) else { continue };
        let streams = streams.clone();
        connections.spawn(async move {
            if let Err(error) = serve(stream, peer, streams).await {
                tracing::debug!("a relay connection was gone at once: {error}");
            }
            drop((pass, place));
        });
    }
}

async fn serve(stream: TcpStream, peer: SocketAddr, streams: StreamDoor) -> io::Result<()> {
    // Media, of which every packet counts.
    stream.set_nodelay(true)?;
    let local = stream.local_addr()?;
    streams.serve(stream, Vec::new(), peer, local).await;
    Ok(())
}
