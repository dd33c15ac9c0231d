//! What two people write to each other in a call, and what became of it.
//!
//! Lines travel as every message of a call does (see [`courier`](super::courier)), so they come once and in order, and go on
//! when the call does. Its acknowledgements are the marks of delivery: no message says *received*.

use std::{collections::VecDeque, sync::Arc};

use super::{
    courier::Standing,
    course::Side,
    desk::{Message, MessageState},
};

/// Lines of one call that are kept. One more, and the oldest is let go and counted.
const MAX_LINES: usize = 500;
/// The same in bytes of text.
const MAX_BYTES: usize = 1024 * 1024;

/// The lines of one call.
#[derive(Debug, Default)]
pub struct Chat {
    lines: VecDeque<Message>,
    /// Ours whose delivery is not known yet: which line, and its number among our messages.
    under_way: VecDeque<(u64, u32)>,
    bytes: usize,
    begun: u64,
    left_out: u64,
    changed: bool,
}

/// How the lines stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lines {
    /// The oldest first.
    pub lines: Arc<[Message]>,
    /// How many older ones were let go.
    pub left_out: u64,
}

impl Chat {
    /// Somebody here wrote this. `number` is that of the message which carries it, where one does.
    pub fn say(&mut self, text: &str, number: Option<u32>, at_unix_ms: u64) {
        let state = if number.is_some() { MessageState::Waiting } else { MessageState::Failed };
        let id = self.add(Side::Us, text, at_unix_ms, state);
        self.under_way.extend(number.map(|number| (id, number)));
    }

    /// The other side's person wrote this.
    pub fn hear(&mut self, text: &str, at_unix_ms: u64) {
        self.add(Side::Them, text, at_unix_ms, MessageState::Delivered);
    }

    /// How far our messages have come, and whether anything carries them now.
    pub fn note(&mut self, standing: Standing, is_connected: bool) {
        let mut news = Vec::new();
        self.under_way.retain(|&(id, number)| {
            let is_under_way = number > standing.acknowledged;
            let state = if !is_under_way {
                MessageState::Delivered
            } else if number <= standing.sent && is_connected {
                MessageState::Sent
            } else {
                MessageState::Waiting
            };
            news.push((id, state));
            is_under_way
        });
        for (id, state) in news {
            self.set(id, state);
        }
    }

    /// The call is over: what has not arrived will not.
    pub fn end(&mut self, standing: Standing) {
        self.note(standing, false);
        for (id, _) in std::mem::take(&mut self.under_way) {
            self.set(id, MessageState::Failed);
        }
    }

    /// How the lines stand, where that is not how they stood the last time.
    pub fn take_changed(&mut self) -> Option<Lines> {
        std::mem::take(&mut self.changed)
            .then(|| Lines { lines: self.lines.iter().cloned().collect(), left_out: self.left_out })
    }

    fn add(&mut self, from: Side, text: &str, at_unix_ms: u64, state: MessageState) -> u64 {
        self.begun += 1;
        let id = self.begun;
        self.bytes += text.len();
        self.lines.push_back(Message { id, from, text: text.to_owned(), at_unix_ms, state });
        while self.lines.len() > MAX_LINES || self.bytes > MAX_BYTES {
            let Some(oldest) = self.lines.pop_front() else { break };
            self.bytes -= oldest.text.len();
            self.left_out += 1;
        }
        self.changed = true;
        id
    }

    fn set(&mut self, id: u64, state: MessageState) {
        let line = self.lines.iter_mut().rev().find(|line| line.id == id);
        if let Some(line) = line.filter(|line| line.state != state) {
            line.state = state;
            self.changed = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(sent: u32, acknowledged: u32) -> Standing {
        Standing { queued: sent, sent, acknowledged }
    }

    fn states(chat: &mut Chat) -> Vec<MessageState> {
        chat.take_changed().map(|told| told.lines.iter().map(|line| line.state).collect()).unwrap_or_default()
    }

    #[test]
    fn a_line_waits_is_sent_and_arrives() {
        let mut chat = Chat::default();
        chat.say("hello", Some(8), 1_000);
        chat.note(standing(7, 6), true);
        assert_eq!(states(&mut chat), [MessageState::Waiting]);
        chat.note(standing(8, 7), true);
        assert_eq!(states(&mut chat), [MessageState::Sent]);
        chat.note(standing(8, 7), true);
        assert_eq!(chat.take_changed(), None, "nothing is told twice");
        chat.note(standing(8, 8), true);
        assert_eq!(states(&mut chat), [MessageState::Delivered]);
    }

    #[test]
    fn what_is_written_while_nothing_carries_it_waits() {
        let mut chat = Chat::default();
        chat.say("are you there?", Some(3), 1_000);
        chat.note(standing(3, 2), false);
        assert_eq!(states(&mut chat), [MessageState::Waiting]);
        chat.note(standing(3, 2), true);
        assert_eq!(states(&mut chat), [MessageState::Sent]);
    }

    #[test]
    fn what_did_not_arrive_before_the_end_never_will() {
        let mut chat = Chat::default();
        chat.say("one", Some(3), 1_000);
        chat.say("two", Some(4), 1_000);
        chat.say("nobody takes it", None, 1_000);
        chat.end(standing(4, 3));
        use MessageState::{Delivered, Failed};
        assert_eq!(states(&mut chat), [Delivered, Failed, Failed]);
        chat.note(standing(4, 4), true);
        assert_eq!(chat.take_changed(), None);
    }

    #[test]
    fn lines_of_both_stand_in_order_with_names_of_their_own() {
        let mut chat = Chat::default();
        chat.say("a", Some(1), 1);
        chat.hear("b", 2);
        chat.say("c", Some(2), 3);
        let told = chat.take_changed().unwrap();
        let seen: Vec<_> = told.lines.iter().map(|line| (line.id, line.from, &*line.text)).collect();
        assert_eq!(seen, [(1, Side::Us, "a"), (2, Side::Them, "b"), (3, Side::Us, "c")]);
    }

    #[test]
    fn a_flood_lets_the_oldest_go_and_says_so() {
        let mut chat = Chat::default();
        chat.say("mine", Some(1), 0);
        for at in 0..MAX_LINES as u64 + 10 {
            chat.hear("spam", at);
        }
        chat.note(standing(1, 1), true);
        let told = chat.take_changed().unwrap();
        assert_eq!((told.lines.len(), told.left_out), (MAX_LINES, 11));
        assert_eq!(told.lines[0].at_unix_ms, 10);

        let long = "x".repeat(MAX_BYTES / 8);
        for _ in 0..20 {
            chat.hear(&long, 0);
        }
        let told = chat.take_changed().unwrap();
        assert!(told.lines.iter().map(|line| line.text.len()).sum::<usize>() <= MAX_BYTES);
        assert_eq!(told.lines.len() as u64 + told.left_out, 1 + MAX_LINES as u64 + 10 + 20);
    }
}
