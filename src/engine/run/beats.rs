//! What the loop does beside calls: it tells how they do, looks whether anything is heard, and opens devices for a look.

use std::time::Duration;

use crate::logic::phone::Event;

use super::{
    super::{api::Update, calling::Calling, glass::Preview},
    Engine,
};

/// How often a call asks for a switchboard that is gone.
const URGE_EVERY: Duration = Duration::from_millis(400);

impl Engine {
    pub(super) fn tell_statistics(&mut self) {
        let processor = self.processor.used();
        for (&call, calling) in &mut self.calls {
            calling.note_relay_until(self.lines.relay_until(call));
            calling.read(processor);
            let update = if calling.report.firsts.connected_ms.is_some() {
                Update::Statistics { call, statistics: Box::new(calling.statistics()) }
            } else {
                let (path, evidence) = (Box::new(calling.path.report()), calling.notes.now());
                Update::Standing { call, path, evidence }
            };
            self.told.try_send(update).ok();
        }
    }

    /// Once a second: whoever drags a window changes its size with every picture.
    pub(super) async fn tell_drawn(&mut self) {
        let calling = self.phone.current().and_then(|call| self.calls.get_mut(&call.id()));
        if let Some((width, height)) = calling.and_then(Calling::take_drawn_here) {
            self.handle(Event::Drawn { width, height }).await;
        }
    }

    /// A call that stands has something to say as soon as the switchboard is back.
    pub(super) fn urge_switchboard(&mut self) {
        let now = self.clock.now();
        let is_time = self.urged.is_none_or(|last| now >= last + URGE_EVERY);
        if is_time && self.calls.keys().any(|call| !self.lines.is_up(*call)) {
            self.urged = Some(now);
            self.calls.keys().for_each(|call| self.lines.urge(*call));
        }
    }

    /// Opens camera and microphone without a call, or closes them. Nothing is opened twice: a call that has them keeps them.
    pub(super) async fn preview(&mut self, on: bool) {
        let is_taken = self.calls.values().any(Calling::has_media);
        if !on || is_taken {
            if self.preview.take().is_some() {
                self.tell(Update::Previewing(false)).await;
            }
        } else if self.preview.is_none() {
            let (preview, problems) = Preview::start(&mut *self.media);
            self.preview = Some(preview);
            self.tell(Update::Previewing(true)).await;
            for text in problems {
                self.tell(Update::Problem { text }).await;
            }
        }
    }

    pub(super) async fn tell_hearing(&mut self) {
        let heard: Vec<_> = self
            .calls
            .iter_mut()
            .flat_map(|(&call, calling)| {
                calling
                    .news_of_hearing()
                    .into_iter()
                    .map(move |(generation, event)| (call, generation, event))
            })
            .collect();
        for (call, generation, event) in heard {
            self.handle(Event::Peer { call, generation, event }).await;
        }
    }

    pub(super) async fn tell_speaking(&mut self) {
        let spoke = self.calls.iter().filter(|(_, calling)| calling.take_spoke_while_muted());
        let spoke: Vec<_> = spoke.map(|(&call, _)| call).collect();
        for call in spoke {
            self.tell(Update::SpeakingWhileMuted { call }).await;
        }
    }
}
