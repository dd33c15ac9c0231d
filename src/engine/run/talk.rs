//! What two people say to each other besides sound and picture: the loop's part of it.

use std::path::PathBuf;

use sightline_protocol::{
    call::{CallId, CallMessage, chat_text},
    limits::MAX_CHAT_CHARS,
};

use crate::logic::call::Call;

use super::{super::api::Update, Engine};

impl Engine {
    /// Somebody here wrote something to the other.
    pub(super) async fn say(&mut self, text: &str) {
        let is_long = text.trim().chars().count() > MAX_CHAT_CHARS;
        let text = chat_text(text);
        let call = self.phone.current().map(Call::id).filter(|call| self.calls.contains_key(call));
        let problem = match call {
            _ if is_long => {
                Some(format!("A message has at most {MAX_CHAT_CHARS} characters. Send it in parts."))
            }
            None => Some("There is nobody to write to: no call stands.".to_owned()),
            Some(_) => None,
        };
        if let Some(text) = problem {
            self.tell(Update::Problem { text }).await;
        } else if let Some(call) = call.filter(|_| !text.is_empty()) {
            let message = CallMessage::Chat { text: text.clone() };
            let number = self.phone.pass_on(call, message, self.clock.now());
            if let Some(calling) = self.calls.get_mut(&call) {
                calling.chat.say(&text, number, self.clock.unix_ms());
            }
            self.carry_out().await;
            self.tell_chat().await;
        }
    }

    /// The other side's person wrote something. It is told with the next beat, so that a flood costs no more than that.
    pub(super) fn hear(&mut self, call: CallId, text: &str) {
        if let Some(calling) = self.calls.get_mut(&call) {
            calling.chat.hear(text, self.clock.unix_ms());
        }
    }

    pub(super) async fn tell_chat(&mut self) {
        let mut news = Vec::new();
        for (&call, calling) in &mut self.calls {
            if let Some(known) = self.phone.call(call) {
                calling.chat.note(known.standing(), known.is_connected());
            }
            news.extend(calling.chat.take_changed().map(|lines| Update::Chat { call, lines }));
        }
        for update in news {
            self.tell(update).await;
        }
    }

    /// The call is over, and with it what did not arrive.
    pub(super) async fn end_chat(&mut self, call: CallId) {
        if let (Some(calling), Some(known)) = (self.calls.get_mut(&call), self.phone.call(call)) {
            calling.chat.end(known.standing());
        }
        self.tell_chat().await;
    }
    /// Somebody here offers a file to the other.
    pub(super) async fn offer_file(&mut self, path: PathBuf) {
        let current = self.phone.current().filter(|call| call.is_taken());
        match current.and_then(|call| self.calls.get(&call.id())) {
            Some(calling) => calling.files.offer(path),
            None => {
                let text = "There is nobody to give a file to: no call stands.".to_owned();
                self.tell(Update::Problem { text }).await;
            }
        }
    }

    /// What is decided of files is said to the other side, and told here.
    pub(super) async fn take_file_news(&mut self) {
        let (mut updates, now) = (Vec::new(), self.clock.now());
        for (&call, calling) in &self.calls {
            let mut news = calling.files.take_news();
            while let Some((file, step)) = news.words.pop_front() {
                if self.phone.pass_on(call, CallMessage::File { file, step: step.clone() }, now).is_none() {
                    // Too much waits; it is tried again with the next beat.
                    news.words.push_front((file, step));
                    calling.files.put_back(news.words);
                    break;
                }
            }
            updates.extend(news.problems.into_iter().map(|text| Update::Problem { text }));
            updates.extend(news.transfers.map(|files| Update::Files { call, files }));
        }
        self.carry_out().await;
        for update in updates {
            self.tell(update).await;
        }
    }
}
