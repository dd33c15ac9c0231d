//! Our own picture: mirrored, in a corner, and wherever else somebody drags it.

use egui::{
    Align2, CursorIcon, Event, EventFilter, Id, Key, Rect, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo,
    accesskit::Role, pos2, vec2,
};

use super::picture::{self, Whose};
use crate::ui::{copy::call as copy, icons::Icon, scene::Scene, theme, widgets::menu};

const WIDEST: f32 = 240.0;
const NARROWEST: f32 = 96.0;
/// Of the stage's width.
const SHARE: f32 = 0.2;
/// Of the stage's height.
const HIGHEST_SHARE: f32 = 0.34;
/// Of a picture that is not there yet.
const USUAL: Vec2 = Vec2::new(16.0, 9.0);

/// A corner of the stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Corner {
    /// Top left.
    TopLeft,
    /// Top right.
    TopRight,
    /// Bottom left.
    BottomLeft,
    /// Bottom right.
    #[default]
    BottomRight,
}

impl Corner {
    const ALL: [Self; 4] = [Self::TopLeft, Self::TopRight, Self::BottomLeft, Self::BottomRight];

    const fn at(top: bool, left: bool) -> Self {
        match (top, left) {
            (true, true) => Self::TopLeft,
            (true, false) => Self::TopRight,
            (false, true) => Self::BottomLeft,
            (false, false) => Self::BottomRight,
        }
    }

    const fn is_top(self) -> bool {
        matches!(self, Self::TopLeft | Self::TopRight)
    }

    const fn is_left(self) -> bool {
        matches!(self, Self::TopLeft | Self::BottomLeft)
    }

    const fn align(self) -> Align2 {
        match self {
            Self::TopLeft => Align2::LEFT_TOP,
            Self::TopRight => Align2::RIGHT_TOP,
            Self::BottomLeft => Align2::LEFT_BOTTOM,
            Self::BottomRight => Align2::RIGHT_BOTTOM,
        }
    }

    const fn place(self) -> &'static str {
        match self {
            Self::TopLeft => copy::AT_TOP_LEFT,
            Self::TopRight => copy::AT_TOP_RIGHT,
            Self::BottomLeft => copy::AT_BOTTOM_LEFT,
            Self::BottomRight => copy::AT_BOTTOM_RIGHT,
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::TopLeft => copy::TO_TOP_LEFT,
            Self::TopRight => copy::TO_TOP_RIGHT,
            Self::BottomLeft => copy::TO_BOTTOM_LEFT,
            Self::BottomRight => copy::TO_BOTTOM_RIGHT,
        }
    }

    /// Where an arrow leads.
    fn moved(self, key: Key) -> Self {
        if matches!(key, Key::ArrowUp | Key::ArrowDown) {
            Self::at(key == Key::ArrowUp, self.is_left())
        } else if matches!(key, Key::ArrowLeft | Key::ArrowRight) {
            Self::at(self.is_top(), key == Key::ArrowLeft)
        } else {
            self
        }
    }
}

/// Where our picture is.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(super) hidden: bool,
    pub(super) corner: Corner,
    dragged: Vec2,
}

/// How large it is on a stage of that size.
pub(super) fn size_on(stage: Vec2, picture: Vec2) -> Vec2 {
    let width = (stage.x * SHARE).clamp(NARROWEST, WIDEST);
    let size = vec2(width, width * picture.y / picture.x.max(1.0));
    let highest = stage.y * HIGHEST_SHARE;
    if size.y > highest { size * (highest / size.y) } else { size }
}

/// Draws it within `room`, which is what of the stage no bar needs. Says whether it has the focus.
pub(super) fn show(ui: &mut Ui, state: &mut State, stage: Rect, room: Rect, scene: &Scene<'_>) -> bool {
    let Some(call) = scene.snapshot.call.as_ref().filter(|_| !state.hidden) else { return false };
    let picture = picture::size(scene, Whose::Ours).filter(|_| !call.ours.camera_off);
    let size = size_on(stage.size(), picture.unwrap_or(USUAL));
    let home = state.corner.align().align_size_within_rect(size, room);
    let rect = home.translate(state.dragged);
    let id = Id::unique("own picture");
    let response = ui.interact(rect, id, Sense::click_and_drag());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, copy::own_picture(state.corner.place())));
    let response = response.on_hover_and_drag_cursor(CursorIcon::Grab);

    if response.dragged() {
        state.dragged += response.drag_delta();
    }
    if response.drag_stopped() {
        let centre = rect.center();
        state.corner = Corner::at(centre.y < room.center().y, centre.x < room.center().x);
        state.dragged = Vec2::ZERO;
        ui.ctx().request_repaint();
    }
    if response.has_focus() {
        let arrows = EventFilter { horizontal_arrows: true, vertical_arrows: true, ..EventFilter::default() };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(id, arrows));
        for event in ui.input(|input| input.events.clone()) {
            if let Event::Key { key, pressed: true, .. } = event {
                state.corner = state.corner.moved(key);
            }
        }
    }
    menu::context(ui, &response, copy::OWN_PICTURE, |ui| items(ui, state));

    let corner = theme::size().corner;
    match picture {
        Some(_) => picture::paint(ui, rect, scene, Whose::Ours, scene.snapshot.preferences.mirror, corner),
        None => nobody(ui, rect, call.ours.camera_off),
    }
    let stage_colours = theme::stage();
    let (line, ink) =
        if response.has_focus() { (2.0, stage_colours.text) } else { (1.0, stage_colours.line) };
    ui.painter().rect_stroke(rect, theme::corner(corner), Stroke::new(line, ink.get()), StrokeKind::Outside);
    if call.ours.muted {
        muted_mark(ui, rect);
    }
    let has_focus = response.has_focus();
    if !response.dragged() {
        response.on_hover_text(copy::OWN_PICTURE_HINT);
    }
    has_focus
}

/// What can be done with it, in a menu.
pub(super) fn items(ui: &mut Ui, state: &mut State) {
    if state.hidden {
        if menu::item(ui, Some(Icon::Eye), copy::SHOW_OWN, true).clicked() {
            state.hidden = false;
        }
        return;
    }
    if menu::item(ui, Some(Icon::EyeOff), copy::HIDE_OWN, true).clicked() {
        state.hidden = true;
    }
    for corner in Corner::ALL {
        if corner != state.corner && menu::item(ui, Some(Icon::SwapCorner), corner.words(), true).clicked() {
            state.corner = corner;
        }
    }
}

/// Where our picture will be: it is off, or not there yet.
fn nobody(ui: &Ui, rect: Rect, is_off: bool) {
    let (size, palette, stage) = (theme::size(), theme::palette(ui), theme::stage());
    ui.painter().rect_filled(rect, theme::corner(size.corner), palette.raised.get());
    let icon = Rect::from_center_size(rect.center() - vec2(0.0, size.close), Vec2::splat(size.icon));
    let (mark, words) = if is_off {
        (Icon::CameraOff, copy::OWN_CAMERA_IS_OFF)
    } else {
        (Icon::Camera, copy::OWN_CAMERA_OPENS)
    };
    mark.paint(ui.painter(), icon, stage.quiet.get());
    let below = pos2(rect.center().x, icon.bottom() + size.tight);
    ui.painter().text(below, Align2::CENTER_TOP, words, theme::small(), stage.quiet.get());
}

fn muted_mark(ui: &Ui, rect: Rect) {
    let (size, stage) = (theme::size(), theme::stage());
    let radius = size.icon * 0.6;
    let centre = rect.left_bottom() + vec2(radius + size.tight, -radius - size.tight);
    ui.painter().circle_filled(centre, radius, stage.panel.get());
    let place = Rect::from_center_size(centre, Vec2::splat(size.icon * 0.8));
    Icon::MicrophoneOff.paint(ui.painter(), place, stage.text.get());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrows_lead_to_every_corner_and_no_further() {
        let mut corner = Corner::default();
        for (key, expected) in [
            (Key::ArrowUp, Corner::TopRight),
            (Key::ArrowUp, Corner::TopRight),
            (Key::ArrowLeft, Corner::TopLeft),
            (Key::ArrowDown, Corner::BottomLeft),
            (Key::Space, Corner::BottomLeft),
            (Key::ArrowRight, Corner::BottomRight),
        ] {
            corner = corner.moved(key);
            assert_eq!(corner, expected);
        }
    }

    #[test]
    fn our_picture_never_takes_much_of_the_stage() {
        for stage in [vec2(1280.0, 800.0), vec2(480.0, 280.0), vec2(380.0, 200.0), vec2(3840.0, 2160.0)] {
            for picture in [vec2(1280.0, 720.0), vec2(720.0, 1280.0), vec2(640.0, 480.0)] {
                let size = size_on(stage, picture);
                assert!(size.y <= stage.y * HIGHEST_SHARE + 0.1 && size.x <= WIDEST, "{size:?} on {stage:?}");
                assert!((size.x / size.y - picture.x / picture.y).abs() < 0.01);
            }
        }
    }
}
