//! What a screen reader says by itself when it changes: that it rings, that the connection is lost, that a message came.

use egui::{
    Id, Label, Rect, Response, RichText, Sense, Ui, WidgetInfo,
    accesskit::{Live, Role},
};

/// Whether it may cut off what is being said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// When there is a pause.
    Polite,
    /// At once.
    AtOnce,
}

/// A line of words that is said whenever it becomes another.
pub fn label(ui: &mut Ui, words: RichText, urgency: Urgency) -> Response {
    let response = ui.add(Label::new(words).wrap());
    mark(ui, response.id, urgency);
    response
}

/// Words that are said and not shown, where what is shown is not a sentence. Nothing is said again while they stay.
pub fn say(ui: &Ui, id: Id, words: &str, urgency: Urgency) {
    let nowhere = Rect::from_min_size(ui.max_rect().min, egui::Vec2::ZERO);
    let response = ui.interact(nowhere, id, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, words));
    mark(ui, id, urgency);
}

/// What stands there already is said whenever it changes.
pub fn mark(ui: &Ui, id: Id, urgency: Urgency) {
    ui.ctx().accesskit_node_builder(id, |node| {
        node.set_live(match urgency {
            Urgency::Polite => Live::Polite,
            Urgency::AtOnce => Live::Assertive,
        });
    });
}
