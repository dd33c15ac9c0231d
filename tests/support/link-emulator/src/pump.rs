//! The thread that carries packets between the two devices, at the times that the cable says.
//!
//! It sleeps in one `ppoll` until a packet comes, an order comes, or the cable wants to be looked at. The kernel wakes a
//! sleeper late by its "slack", 50 µs, unless told not to be; so it is told.

use std::io;
use std::num::NonZeroU64;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use thread_priority::{
    RealtimeThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy,
    thread_native_id,
};

use crate::cable::Cable;
use crate::change::Change;
use crate::control::{Control, Reply, Request};
use crate::device::Device;
use crate::drop_log::DropLog;
use crate::emulator::Error;
use crate::script::{Direction, Directions};
use crate::stats::Stats;

/// How many packets are taken from one device before the other, and what is due, have their turn.
const BATCH: usize = 64;

/// The longest IP packet.
const LONGEST_PACKET: usize = 65_535;

/// Where real-time scheduling is refused.
const NICENESS: i32 = -18;

pub(crate) struct Pump {
    pub(crate) cable: Cable,
    /// A, then B.
    pub(crate) ends: [Device; 2],
    pub(crate) log: Option<DropLog>,
    pub(crate) control: Option<Control>,
    pub(crate) orders: Receiver<Order>,
    pub(crate) bell: Arc<OwnedFd>,
}

/// What the emulator's owner wants, and where to answer.
pub(crate) enum Order {
    Set(Directions, Change, SyncSender<()>),
    Stats(SyncSender<Stats>),
    End,
}

impl Pump {
    /// Until it is told to end, or cannot go on.
    pub(crate) fn run(mut self) -> Result<(), Error> {
        come_first();
        let begun = Instant::now();
        let mut buffer = vec![0; LONGEST_PACKET];
        loop {
            self.deliver(begun)?;
            let (is_rung, is_told) = self.sleep(begun)?;
            for direction in Direction::ALL {
                self.collect(direction, begun, &mut buffer)?;
            }
            if is_rung && self.obey(begun)? || is_told && self.listen(begun)? {
                return self.log.as_mut().map_or(Ok(()), DropLog::flush).map_err(Error::Log);
            }
        }
    }

    fn deliver(&mut self, begun: Instant) -> Result<(), Error> {
        let now = begun.elapsed();
        while let Some((direction, packet)) = self.cable.poll_departure(now) {
            if self.ends[direction.to()].send(&packet).is_err() {
                self.cable.refused(direction, packet.len(), now);
            }
        }
        while let Some(dropped) = self.cable.poll_drop() {
            if let Some(log) = &mut self.log {
                log.write(&dropped).map_err(Error::Log)?;
            }
        }
        Ok(())
    }

    /// Until something happens: whether it was the bell, and whether it was the control socket.
    fn sleep(&self, begun: Instant) -> Result<(bool, bool), Error> {
        let mut watched: Vec<_> = [self.ends[0].as_fd(), self.ends[1].as_fd(), self.bell.as_fd()]
            .into_iter()
            .chain(self.control.as_ref().map(|control| control.as_fd()))
            .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN))
            .collect();
        let longest = self.cable.poll_timeout().map(|at| timespec(at.saturating_sub(begun.elapsed())));
        match poll(&mut watched, longest.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(Error::Waiting(error.into())),
        }
        let happened = |index: usize| watched.get(index).is_some_and(|fd| !fd.revents().is_empty());
        Ok((happened(2), happened(3)))
    }

    fn collect(&mut self, direction: Direction, begun: Instant, buffer: &mut [u8]) -> Result<(), Error> {
        let device = &self.ends[direction.from()];
        let gone = |source: io::Error| Error::DeviceGone { device: device.name().to_owned(), source };
        for _ in 0..BATCH {
            let Some(size) = device.receive(buffer).map_err(gone)? else { break };
            self.cable.arrive(direction, buffer[..size].to_vec(), begun.elapsed());
        }
        Ok(())
    }

    /// Whether it is to end.
    fn obey(&mut self, begun: Instant) -> Result<bool, Error> {
        rustix::io::read(&self.bell, &mut [0; 8]).map_err(|error| Error::Waiting(error.into()))?;
        while let Ok(order) = self.orders.try_recv() {
            // Whoever asked may have stopped waiting; then nobody misses the answer.
            match order {
                Order::Set(directions, change, done) => {
                    self.cable.set(directions, &change, begun.elapsed());
                    done.try_send(()).ok();
                }
                Order::Stats(answer) => {
                    answer.try_send(self.stats(begun)?).ok();
                }
                Order::End => return Ok(true),
            }
        }
        Ok(false)
    }

    /// Whether it is to end.
    fn listen(&mut self, begun: Instant) -> Result<bool, Error> {
        while let Some((request, sender)) = self.control.as_ref().and_then(Control::receive) {
            let (reply, ends) = match request {
                Ok(Request::Set(directions, change)) => {
                    self.cable.set(directions, &change, begun.elapsed());
                    (Reply::Done, false)
                }
                Ok(Request::Stats) => (Reply::Stats(Box::new(self.stats(begun)?)), false),
                Ok(Request::End) => (Reply::Done, true),
                Err(misread) => (Reply::Refused(misread.to_string()), false),
            };
            if let Some(control) = &self.control {
                control.answer(&sender, &reply);
            }
            if ends {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn stats(&mut self, begun: Instant) -> Result<Stats, Error> {
        self.deliver(begun)?;
        if let Some(log) = &mut self.log {
            log.flush().map_err(Error::Log)?;
        }
        let mut stats = self.cable.stats(begun.elapsed());
        let [(a_received, a_transmitted), (b_received, b_transmitted)] =
            [self.ends[0].strays(), self.ends[1].strays()];
        stats.up.stray = a_transmitted + b_received;
        stats.down.stray = b_transmitted + a_received;
        Ok(stats)
    }
}

/// A link that waits for a processor is a slower link than was asked for. Niceness alone was not enough: on a computer with
/// six times as many busy programs as processors every seventh packet was more than a millisecond late, and one in five
/// hundred is with real time. Nothing of this is needed to work.
fn come_first() {
    let in_turn = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);
    if set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, in_turn).is_err() {
        rustix::process::setpriority_process(None, NICENESS).ok();
    }
    rustix::thread::set_current_timer_slack(NonZeroU64::new(1)).ok();
}

impl Direction {
    /// Which end packets come from.
    fn from(self) -> usize {
        match self {
            Self::Up => 0,
            Self::Down => 1,
        }
    }

    /// Which end they go to.
    fn to(self) -> usize {
        1 - self.from()
    }
}

fn timespec(time: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(time.subsec_nanos()),
    }
}
