//! The stage: their picture as large as it fits, or who they are where there is none.

use egui::{
    Align2, Color32, FontId, Id, Label, Rect, RichText, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo,
    accesskit::Role, vec2,
};

use super::picture::{self, Whose};
use crate::{
    logic::{course::Stage as CallStage, desk::CallCard},
    ui::{
        copy::call as copy,
        fonts,
        scene::Scene,
        theme,
        widgets::{
            arrange, avatar,
            live::{self, Urgency},
        },
    },
};

const AVATAR: f32 = 120.0;
/// Below this, nobody is said to speak.
const HEARD: f32 = 0.06;
/// Of a picture that has not come yet.
const USUAL: Vec2 = Vec2::new(16.0, 9.0);

/// The largest place of that shape in the middle of `room`.
pub(super) fn fitted(picture: Vec2, room: Rect) -> Rect {
    if picture.x <= 0.0 || picture.y <= 0.0 {
        return Rect::from_center_size(room.center(), Vec2::ZERO);
    }
    let scale = (room.width() / picture.x).min(room.height() / picture.y);
    Rect::from_center_size(room.center(), picture * scale)
}

/// Draws it, and says how large their picture is to be: nothing where they show none.
pub(super) fn show(ui: &mut Ui, rect: Rect, call: &CallCard, scene: &Scene<'_>, away: Option<u64>) -> Vec2 {
    ui.painter().rect_filled(rect, 0.0, theme::stage().ground.get());
    let shown = picture::size(scene, Whose::Theirs).filter(|_| !call.theirs.status.camera_off);
    let drawn = match shown {
        Some(picture) => {
            let place = fitted(picture, rect);
            let response = ui.interact(place, Id::unique("their picture"), Sense::hover());
            response.widget_info(|| WidgetInfo::labeled(Role::Image, true, copy::THEIR_PICTURE));
            picture::paint(ui, place, scene, Whose::Theirs, false, 0.0);
            place.size()
        }
        None => {
            card(ui, rect, call, scene, away.is_none());
            if call.theirs.status.camera_off || !call.media.video {
                Vec2::ZERO
            } else {
                fitted(USUAL, rect).size()
            }
        }
    };
    if let Some(seconds) = away {
        veil(ui, rect, call, seconds);
    }
    drawn
}

/// Who they are, where there is no picture of them: and how it stands.
pub(super) fn card(ui: &mut Ui, rect: Rect, call: &CallCard, scene: &Scene<'_>, tells_state: bool) {
    let (size, stage) = (theme::size(), theme::stage());
    let diameter = AVATAR.min(rect.height() * 0.2);
    arrange::place(ui, "name card", rect.shrink(size.far), |ui| {
        arrange::column(ui, "in the middle", size.column, |ui| {
            ui.vertical_centered(|ui| {
                let disc = avatar::show(ui, call.who.shown(), diameter);
                speaking_ring(ui, disc.rect, diameter / 2.0, scene.loudness.there);
                ui.add_space(size.near);
                let name = copy::name_in_call(&call.who);
                let font = FontId::new(size.title, fonts::semibold());
                let words = RichText::new(&name).font(font).color(stage.text.get());
                ui.add(Label::new(words).truncate()).on_hover_text(&name);
                if tells_state {
                    state(ui, call, scene);
                }
            });
        });
    });
}

/// How it stands, in words that are said aloud when they change.
fn state(ui: &mut Ui, call: &CallCard, scene: &Scene<'_>) {
    let stage = theme::stage();
    let words = match call.stage {
        CallStage::Connected if call.is_echo_test => copy::ECHO_TEST_HINT.to_owned(),
        CallStage::Connected if call.theirs.status.camera_off => copy::THEIR_CAMERA_IS_OFF.to_owned(),
        CallStage::Connected if call.media.video => copy::NO_PICTURE_YET.to_owned(),
        CallStage::Connected => copy::CALLS_WITHOUT_PICTURES.to_owned(),
        CallStage::Inviting
        | CallStage::Reached
        | CallStage::RingingThere
        | CallStage::RingingHere
        | CallStage::Connecting
        | CallStage::Reconnecting
        | CallStage::Ended { .. } => copy::outgoing(call.stage).to_owned(),
    };
    live::label(ui, RichText::new(words).font(theme::heading()).color(stage.quiet.get()), Urgency::Polite);
    // The line is there from the start, so that nothing moves when it has something to say.
    let is_seen_here = picture::size(scene, Whose::Ours).is_some() && !call.ours.camera_off;
    let is_seen_there = match call.stage {
        CallStage::Inviting | CallStage::Reached | CallStage::RingingThere => false,
        CallStage::RingingHere
        | CallStage::Connecting
        | CallStage::Connected
        | CallStage::Reconnecting
        | CallStage::Ended { .. } => true,
    };
    let early = (is_seen_here && !is_seen_there).then_some(copy::ONLY_YOU_SEE_YOURSELF);
    let tried = copy::trying(call.stage, call.path.as_deref()).or(early).unwrap_or(" ");
    ui.add(Label::new(RichText::new(tried).color(stage.quiet.get())).wrap());
}

/// Over the last picture, while nothing comes.
fn veil(ui: &mut Ui, rect: Rect, call: &CallCard, seconds: u64) {
    let (size, stage) = (theme::size(), theme::stage());
    ui.painter().rect_filled(rect, 0.0, stage.shade.get());
    let below = if call.theirs.has_picture { rect } else { rect.split_top_bottom_at_fraction(0.62).1 };
    arrange::place(ui, "veil", below.shrink(size.far), |ui| {
        arrange::column(ui, "veil", size.column, |ui| {
            ui.vertical_centered(|ui| {
                let font = FontId::new(size.title, fonts::semibold());
                ui.label(RichText::new(copy::reconnecting_for(seconds)).font(font).color(stage.text.get()));
                let tried =
                    call.path.as_deref().map_or(copy::RECONNECTING_HINT, |path| path.sentence.as_str());
                ui.add(Label::new(RichText::new(tried).color(stage.text.get())).wrap());
            });
        });
    });
    live::say(ui, Id::unique("reconnecting"), copy::RECONNECTING, Urgency::AtOnce);
}

/// A ring that grows with their voice.
pub(super) fn speaking_ring(ui: &Ui, around: Rect, radius: f32, loudness: f32) {
    if loudness < HEARD {
        return;
    }
    let width = egui::lerp(2.0..=7.0, loudness.clamp(0.0, 1.0));
    let ring = Stroke::new(width, theme::stage().speaking.get());
    let corner = theme::corner(radius + 2.0);
    ui.painter().rect_stroke(around.expand(2.0), corner, ring, StrokeKind::Outside);
}

/// Words in the middle of a dark pill over the picture.
pub(super) fn pill(ui: &Ui, centre_bottom: egui::Pos2, widest: f32, words: &str) -> Rect {
    let (size, stage) = (theme::size(), theme::stage());
    let galley =
        ui.painter().layout(words.to_owned(), theme::strong(), Color32::WHITE, widest - 2.0 * size.far);
    let whole = galley.size() + vec2(2.0 * size.far, 2.0 * size.close);
    let rect = Align2::CENTER_BOTTOM.anchor_size(centre_bottom, whole);
    ui.painter().rect_filled(rect, theme::corner(size.far), stage.panel.get());
    let place = Align2::CENTER_CENTER.align_size_within_rect(galley.size(), rect);
    ui.painter().galley_with_override_text_color(place.min, galley, stage.text.get());
    rect
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_never_stretched_and_never_cut() {
        let room = Rect::from_min_size(egui::pos2(10.0, 20.0), vec2(1000.0, 500.0));
        for picture in [vec2(1280.0, 720.0), vec2(720.0, 1280.0), vec2(16.0, 16.0), vec2(1000.0, 500.0)] {
            let place = fitted(picture, room);
            assert!(room.expand(0.01).contains_rect(place));
            assert!((place.width() / place.height() - picture.x / picture.y).abs() < 0.001);
            let touches =
                (place.width() - room.width()).abs() < 0.01 || (place.height() - room.height()).abs() < 0.01;
            assert!(touches, "{place:?} could be larger");
        }
        assert_eq!(fitted(Vec2::ZERO, room).size(), Vec2::ZERO);
    }
}
