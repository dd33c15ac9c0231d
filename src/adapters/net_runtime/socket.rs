//! A socket of `webrtc` that sees everything, and through which doors are reached.

use std::{
    io::{self, IoSliceMut},
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use tokio::sync::mpsc;
use webrtc::runtime::{AsyncUdpSocket, RecvMeta, Transmit};

use crate::logic::sightings::Trouble;

use super::{
    gate::{Gate, Hears, Letter, Outlet, Through, door},
    repeats::repeat,
    watch::Way,
};

/// Messages from streams that wait for `webrtc`. When it is full the streams are not read.
const LETTERS: usize = 256;

/// See the head of this file.
pub(super) struct WatchedSocket {
    outlet: Arc<Outlet>,
    gate: Arc<Gate>,
    letters: Mutex<mpsc::Receiver<Letter>>,
}

impl WatchedSocket {
    pub(super) fn new(inner: Arc<dyn AsyncUdpSocket>, gate: Arc<Gate>) -> io::Result<Self> {
        let (post, letters) = mpsc::channel(LETTERS);
        let outlet = Arc::new(Outlet { local: inner.local_addr()?, inner, post });
        gate.add(&outlet);
        Ok(Self { outlet, gate, letters: Mutex::new(letters) })
    }

    /// Something that came on a stream.
    fn poll_letter(&self, cx: &mut Context<'_>, buf: &mut [u8], meta: &mut RecvMeta) -> Poll<()> {
        let mut letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((from, bytes)) = ready!(letters.poll_recv(cx)) else { return Poll::Pending };
        let length = bytes.len().min(buf.len());
        if let (Some(room), Some(bytes)) = (buf.get_mut(..length), bytes.get(..length)) {
            room.copy_from_slice(bytes);
        }
        *meta = RecvMeta::default();
        (meta.addr, meta.len, meta.stride) = (from, length, length.max(1));
        self.gate.tally.wire_received.add(length as u64);
        Poll::Ready(())
    }

    /// Sees what came, and puts the door's address in the place of its server's.
    fn look_at(&self, buf: &mut [u8], meta: &mut RecvMeta) {
        let whole = buf.get(..meta.len).unwrap_or_default();
        let local = self.outlet.local;
        let Some(id) = self.gate.door_at(meta.addr, whole) else {
            for datagram in whole.chunks(meta.stride.max(1)) {
                self.gate.watch.received(local, meta.addr, datagram);
            }
            return;
        };
        meta.addr = self.gate.disguise(id, &self.outlet);
        // Only what is relayed comes several at once, and that is heard as it is.
        let mut hears = Hears::AsItIs;
        for datagram in whole.chunks(meta.stride.max(1)) {
            hears = self.gate.answered(&self.outlet, id, local.ip(), datagram);
        }
        match hears {
            Hears::AsItIs => {}
            // An empty datagram is none.
            Hears::Nothing => (meta.len, meta.stride) = (0, 1),
            Hears::Instead(instead) => {
                if let Some(room) = buf.get_mut(..instead.len()) {
                    room.copy_from_slice(&instead);
                    (meta.len, meta.stride) = (instead.len(), instead.len());
                }
            }
        }
    }
}

impl AsyncUdpSocket for WatchedSocket {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.outlet.local)
    }

    fn poll_send(&self, cx: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<usize>> {
        let sent = ready!(poll_send(&self.outlet, &self.gate, cx, transmit));
        repeat(&self.outlet, &self.gate, transmit);
        Poll::Ready(sent)
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let (Some(first_buf), Some(first_meta)) = (bufs.first_mut(), meta.first_mut()) else {
            return Poll::Ready(Ok(0));
        };
        if self.poll_letter(cx, first_buf, first_meta).is_ready() {
            return Poll::Ready(Ok(1));
        }
        let came = ready!(self.outlet.inner.poll_recv(cx, bufs, meta))?;
        for (buf, meta) in bufs.iter_mut().zip(meta).take(came) {
            self.gate.tally.wire_received.add(meta.len as u64);
            self.look_at(buf, meta);
        }
        Poll::Ready(Ok(came))
    }

    fn max_gso_segments(&self) -> usize {
        self.outlet.inner.max_gso_segments()
    }

    fn max_gro_segments(&self) -> usize {
        self.outlet.inner.max_gro_segments()
    }
}

/// Sends where it leads to, and lets it be seen.
pub(super) fn poll_send(
    outlet: &Arc<Outlet>,
    gate: &Gate,
    cx: &mut Context<'_>,
    transmit: &Transmit<'_>,
) -> Poll<io::Result<usize>> {
    let local = outlet.local;
    let Some(id) = door(transmit.destination) else {
        let sent = ready!(let_out(outlet, gate, cx, transmit));
        if sent.is_ok() {
            let each = transmit.segment_size.unwrap_or(transmit.contents.len()).max(1);
            for datagram in transmit.contents.chunks(each) {
                gate.watch.sent(local, transmit.destination, datagram);
            }
        }
        return Poll::Ready(sent);
    };
    let to = match gate.send(outlet, id, transmit.contents) {
        Through::Taken => {
            gate.tally.wire_sent.add(transmit.contents.len() as u64);
            return Poll::Ready(Ok(transmit.contents.len()));
        }
        Through::Shut(kind) => return Poll::Ready(Err(kind.into())),
        Through::To(address) => address,
    };
    let Transmit { ecn, contents, segment_size, src_ip, .. } = *transmit;
    let really = Transmit { destination: to, ecn, contents, segment_size, src_ip };
    let sent = ready!(let_out(outlet, gate, cx, &really));
    if let Some(url) = gate.doors.url(id) {
        let way = Way { door: id.0, url, from: local.ip() };
        match &sent {
            Ok(_) => gate.watch.asked(way, to, contents),
            Err(_) => gate.watch.failed(id.0, url, Some(local.ip()), &Trouble::NoRoute),
        }
    }
    Poll::Ready(sent)
}

/// Sends, unless nothing is to leave by UDP: then it is lost, as if the network had lost it.
pub(super) fn let_out(
    outlet: &Outlet,
    gate: &Gate,
    cx: &mut Context<'_>,
    transmit: &Transmit<'_>,
) -> Poll<io::Result<usize>> {
    if gate.hindering.look().blocks_udp {
        return Poll::Ready(Ok(transmit.contents.len()));
    }
    let sent = ready!(outlet.inner.poll_send(cx, transmit));
    if let Ok(bytes) = &sent {
        gate.tally.wire_sent.add(*bytes as u64);
    }
    Poll::Ready(sent)
}

impl std::fmt::Debug for WatchedSocket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WatchedSocket").field("local", &self.outlet.local).finish_non_exhaustive()
    }
}
