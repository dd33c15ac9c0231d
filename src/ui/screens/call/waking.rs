//! When the controls are seen, and how late it is. Both are asked in every frame and ask for the next one themselves; between
//! those, nothing is drawn.

use std::time::Duration;

use egui::{Event, Popup, Ui};

/// The controls go when nothing was moved or pressed for so long.
const STILL_S: f64 = 3.0;
/// They come and go in so long.
const FADE_S: f32 = 0.15;

/// Whether the controls are seen.
#[derive(Debug, Default)]
pub(super) struct Waking {
    touched_s: Option<f64>,
    /// The pointer is on one of them, or one has the focus.
    held: bool,
}

impl Waking {
    /// A control is pointed at or has the focus, as the last frame saw it.
    pub(super) fn hold(&mut self, held: bool) {
        self.held = held;
    }

    /// How much of them is seen: 1 all, 0 nothing. `must` is a reason of the page's own.
    pub(super) fn opacity(&mut self, ui: &Ui, must: bool) -> f32 {
        let now = ui.input(|input| input.time);
        if self.touched_s.is_none() || ui.input(|input| input.events.iter().any(touches)) {
            self.touched_s = Some(now);
        }
        let left = self.touched_s.map_or(0.0, |touched| touched + STILL_S - now);
        let stays = must || self.held || Popup::is_any_open(ui.ctx()) || is_read_aloud(ui);
        if !stays && left > 0.0 {
            ui.ctx().request_repaint_after(Duration::from_secs_f64(left));
        }
        if stays {
            self.touched_s = Some(now);
        }
        let id = ui.scope_id().with("controls are seen");
        ui.ctx().animate_bool_with_time(id, stays || left > 0.0, FADE_S)
    }
}

/// Somebody is there. News of the window itself (a frame was shown, the screen's scale) are not.
fn touches(event: &Event) -> bool {
    matches!(
        event,
        Event::PointerMoved(_)
            | Event::PointerButton { .. }
            | Event::Key { .. }
            | Event::Text(_)
            | Event::Touch { .. }
            | Event::MouseWheel { .. }
            | Event::AccessKitActionRequest(_)
    )
}

/// A screen reader listens: to it, what is not drawn is not there.
fn is_read_aloud(ui: &Ui) -> bool {
    ui.ctx().accesskit_node_builder(ui.unique_id(), |_| ()).is_some()
}

/// How late it is between two snapshots.
#[derive(Debug, Default)]
pub(super) struct Clock {
    /// What the snapshot said, and when we first saw it say so.
    seen: Option<(u64, f64)>,
}

impl Clock {
    /// Milliseconds since 1970.
    pub(super) fn now_unix_ms(&mut self, ui: &Ui, snapshot_ms: u64) -> u64 {
        let now = ui.input(|input| input.time);
        let at = match self.seen {
            Some((ms, at)) if ms == snapshot_ms => at,
            Some(_) | None => now,
        };
        self.seen = Some((snapshot_ms, at));
        snapshot_ms + ((now - at).max(0.0) * 1000.0) as u64
    }

    /// The next second is to be seen when it comes.
    pub(super) fn tick(ui: &Ui, since_ms: u64, now_ms: u64) {
        let into = now_ms.saturating_sub(since_ms) % 1000;
        ui.ctx().request_repaint_after(Duration::from_millis(1001 - into));
    }
}
