//! Delivers the messages of one call end to end: each once, in order, whatever the mail does on the way.
//!
//! The switchboard promises nothing (it may restart, a socket may break with envelopes under way), so the two ends
//! number their messages, acknowledge them and send again what was not acknowledged. Two rules make the rest simple:
//!
//! * Until the first message is acknowledged nothing else is sent: the first one carries the handshake, without which
//!   the other side could not open a second.
//! * An acknowledgement never travels alone while something of ours is unacknowledged. So whoever sees its own first
//!   message acknowledged has also seen the oldest thing we still have to say (a *cancel*, for instance), and never
//!   acts on half of what we said. For the same reason the last word of all takes the place of what waits unsent.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use sightline_protocol::{
    call::{CallMessage, Frame},
    limits::{MAX_HELD_FRAMES, MAX_UNACKNOWLEDGED_FRAMES},
};

/// How many of our messages may wait at all. A full queue means the other side has been gone for long: the caller of
/// [`Courier::send`] is told, and the call is better ended.
const MAX_QUEUED: usize = 512;
/// When an unacknowledged message is first sent again; doubled each time.
const FIRST_RESEND: Duration = Duration::from_millis(500);
/// The longest pause between two attempts.
const LONGEST_RESEND: Duration = Duration::from_secs(2);

/// The queue of messages is full: the other side has acknowledged nothing for a long time.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the other side has not acknowledged the last {MAX_QUEUED} messages")]
pub struct QueueFull;

/// How far our messages have come, as the number of the last that did. They are numbered from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Put into the queue.
    pub queued: u32,
    /// Handed out at least once.
    pub sent: u32,
    /// Acknowledged: the other side has it, and all before it.
    pub acknowledged: u32,
}

/// One call's messages, both ways.
#[derive(Debug, Default)]
pub struct Courier {
    /// Ours, from the oldest unacknowledged one on; the front has number `acknowledged + 1`.
    queue: VecDeque<CallMessage>,
    /// How many of ours the other side has in order.
    acknowledged: u32,
    /// How many of ours have been handed out at least once.
    sent: u32,
    /// How many of theirs we have in order.
    received: u32,
    /// Theirs that came too early.
    held: BTreeMap<u32, CallMessage>,
    inbox: VecDeque<CallMessage>,
    outbox: VecDeque<u32>,
    owe_acknowledgement: bool,
    resend: Option<Resend>,
}

#[derive(Debug)]
struct Resend {
    at: Instant,
    pause: Duration,
}

impl Courier {
    /// Puts a message into the queue, and says its number.
    pub fn send(&mut self, message: CallMessage, now: Instant) -> Result<u32, QueueFull> {
        if self.queue.len() >= MAX_QUEUED {
            return Err(QueueFull);
        }
        self.queue.push_back(message);
        self.hand_out_new(now);
        Ok(self.standing().queued)
    }

    /// Puts the last message of all into the queue. What was never sent has lost its meaning and goes: nobody is to
    /// act on it before they read this one.
    pub fn send_last(&mut self, message: CallMessage, now: Instant) {
        self.queue.truncate((self.sent - self.acknowledged) as usize);
        self.queue.push_back(message);
        self.hand_out_new(now);
    }

    /// Takes a frame that the other side sealed and we opened.
    pub fn handle(&mut self, frame: Frame, now: Instant) {
        self.take_acknowledgement(frame.ack, now);
        let Some((number, message)) = frame.part else { return };
        self.owe_acknowledgement = true;
        if number <= self.received || self.held.contains_key(&number) {
            return;
        }
        if number != self.received + 1 && self.held.len() >= MAX_HELD_FRAMES {
            return;
        }
        self.held.insert(number, message);
        while let Some(next) = self.held.remove(&(self.received + 1)) {
            self.received += 1;
            self.inbox.push_back(next);
        }
    }

    /// Sends again what was not acknowledged in time.
    pub fn handle_timeout(&mut self, now: Instant) {
        let Some(resend) = &mut self.resend else { return };
        if now < resend.at {
            return;
        }
        resend.pause = (resend.pause * 2).min(LONGEST_RESEND);
        resend.at = now + resend.pause;
        self.outbox.clear();
        self.outbox.extend(self.acknowledged + 1..=self.sent);
    }

    /// When something has to be sent again, if nothing else happens before.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.resend.as_ref().map(|resend| resend.at)
    }

    /// The next frame to seal and post.
    pub fn poll_frame(&mut self) -> Option<Frame> {
        if self.outbox.is_empty() && self.owe_acknowledgement && self.sent > self.acknowledged {
            self.outbox.push_back(self.acknowledged + 1);
        }
        while let Some(number) = self.outbox.pop_front() {
            if let Some(message) = self.unacknowledged(number) {
                self.owe_acknowledgement = false;
                return Some(Frame { ack: self.received, part: Some((number, message)) });
            }
        }
        std::mem::take(&mut self.owe_acknowledgement).then_some(Frame { ack: self.received, part: None })
    }

    /// The next message of the other side, in order.
    pub fn poll_message(&mut self) -> Option<CallMessage> {
        self.inbox.pop_front()
    }

    /// The other side has answered something of ours under this call's own keys: it is there now, and not a recording.
    pub fn is_confirmed(&self) -> bool {
        self.acknowledged > 0
    }

    /// Nothing of ours is under way or waiting.
    pub fn is_delivered(&self) -> bool {
        self.queue.is_empty()
    }

    /// How far ours have come.
    pub fn standing(&self) -> Standing {
        let waiting = u32::try_from(self.queue.len()).unwrap_or(u32::MAX);
        Standing { queued: self.acknowledged + waiting, sent: self.sent, acknowledged: self.acknowledged }
    }

    /// How many of ours are under way or waiting.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    fn take_acknowledgement(&mut self, acknowledged: u32, now: Instant) {
        if acknowledged <= self.acknowledged || acknowledged > self.sent {
            return;
        }
        let newly = (acknowledged - self.acknowledged) as usize;
        self.queue.drain(..newly.min(self.queue.len()));
        self.acknowledged = acknowledged;
        self.resend = None;
        if self.sent > self.acknowledged {
            self.wait_for_acknowledgement(now);
        }
        self.hand_out_new(now);
    }

    fn hand_out_new(&mut self, now: Instant) {
        let window = if self.is_confirmed() { MAX_UNACKNOWLEDGED_FRAMES } else { 1 };
        let last = self.acknowledged + u32::try_from(self.queue.len().min(window)).unwrap_or(u32::MAX);
        if last > self.sent {
            self.outbox.extend(self.sent + 1..=last);
            self.sent = last;
            if self.resend.is_none() {
                self.wait_for_acknowledgement(now);
            }
        }
    }

    fn wait_for_acknowledgement(&mut self, now: Instant) {
        self.resend = Some(Resend { at: now + FIRST_RESEND, pause: FIRST_RESEND });
    }

    fn unacknowledged(&self, number: u32) -> Option<CallMessage> {
        let index = number.checked_sub(self.acknowledged + 1)?;
        self.queue.get(index as usize).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(muted: bool) -> CallMessage {
        CallMessage::Status { muted, camera_off: false, sharing: false }
    }

    fn deliver_all(from: &mut Courier, to: &mut Courier, now: Instant) -> Vec<CallMessage> {
        while let Some(frame) = from.poll_frame() {
            to.handle(frame, now);
        }
        std::iter::from_fn(|| to.poll_message()).collect()
    }

    #[test]
    fn nothing_follows_the_first_message_until_it_is_acknowledged() {
        let now = Instant::now();
        let mut courier = Courier::default();
        courier.send(CallMessage::Reached, now).unwrap();
        courier.send(CallMessage::Ringing, now).unwrap();

        assert_eq!(courier.poll_frame().unwrap().part, Some((1, CallMessage::Reached)));
        assert_eq!(courier.poll_frame(), None);

        courier.handle(Frame { ack: 1, part: None }, now);
        assert_eq!(courier.poll_frame().unwrap().part, Some((2, CallMessage::Ringing)));
    }

    #[test]
    fn a_lost_message_is_sent_again_and_a_repeated_one_delivered_once() {
        let now = Instant::now();
        let (mut a, mut b) = (Courier::default(), Courier::default());
        a.send(CallMessage::Reached, now).unwrap();
        assert!(a.poll_frame().is_some(), "lost on the way");
        assert_eq!(a.poll_timeout(), Some(now + FIRST_RESEND));

        let later = now + FIRST_RESEND;
        a.handle_timeout(later);
        let again = a.poll_frame().unwrap();
        b.handle(again.clone(), later);
        b.handle(again, later);

        assert_eq!(b.poll_message(), Some(CallMessage::Reached));
        assert_eq!(b.poll_message(), None);
        deliver_all(&mut b, &mut a, later);
        assert!(a.is_delivered() && a.is_confirmed());
    }

    #[test]
    fn messages_that_overtake_each_other_come_out_in_order() {
        let now = Instant::now();
        let (mut a, mut b) = (Courier::default(), Courier::default());
        a.send(CallMessage::Reached, now).unwrap();
        deliver_all(&mut a, &mut b, now);
        deliver_all(&mut b, &mut a, now);
        for muted in [true, false, true] {
            a.send(status(muted), now).unwrap();
        }

        let mut frames: Vec<_> = std::iter::from_fn(|| a.poll_frame()).collect();
        frames.reverse();
        for frame in frames {
            b.handle(frame, now);
        }

        let got: Vec<_> = std::iter::from_fn(|| b.poll_message()).collect();
        assert_eq!(got, [status(true), status(false), status(true)]);
    }

    #[test]
    fn an_acknowledgement_carries_the_oldest_unacknowledged_message() {
        let now = Instant::now();
        let (mut a, mut b) = (Courier::default(), Courier::default());
        a.send(CallMessage::Reached, now).unwrap();
        a.send(CallMessage::Cancel, now).unwrap();
        deliver_all(&mut a, &mut b, now);
        b.send(CallMessage::Ringing, now).unwrap();
        let ringing = b.poll_frame().unwrap();
        a.handle(ringing.clone(), now);
        assert_eq!(a.poll_frame().unwrap().part, Some((2, CallMessage::Cancel)), "and lost on the way");

        a.handle(ringing, now);
        let frame = a.poll_frame().unwrap();

        assert_eq!(frame, Frame { ack: 1, part: Some((2, CallMessage::Cancel)) });
    }

    #[test]
    fn the_last_word_takes_the_place_of_what_was_never_sent() {
        let now = Instant::now();
        let (mut a, mut b) = (Courier::default(), Courier::default());
        a.send(CallMessage::Reached, now).unwrap();
        a.send(status(true), now).unwrap();
        a.send_last(CallMessage::Cancel, now);

        assert_eq!(deliver_all(&mut a, &mut b, now), [CallMessage::Reached]);
        deliver_all(&mut b, &mut a, now);
        assert_eq!(deliver_all(&mut a, &mut b, now), [CallMessage::Cancel]);
    }

    #[test]
    fn a_queue_that_nobody_empties_is_refused() {
        let now = Instant::now();
        let mut courier = Courier::default();
        for _ in 0..MAX_QUEUED {
            courier.send(CallMessage::Reached, now).unwrap();
        }
        assert_eq!(courier.send(CallMessage::Reached, now), Err(QueueFull));
    }
}
