//! The controls of a call, in a bar over the foot of the stage. What does not fit is found behind *more*: it never covers the
//! bar's neighbours and never pushes the picture.

use egui::{Rect, Response, Ui, Vec2, vec2};

use super::{devices, own};
use crate::{
    logic::desk::{CallCard, Wish},
    ui::{
        copy::{self as words, call as copy},
        icons::Icon,
        keys::Hotkey,
        scene::Scene,
        theme,
        widgets::{
            arrange,
            control::{Control, Look, Part},
            menu,
        },
    },
};

/// The small button beside a control.
const MENU: f32 = 24.0;
/// Controls are smaller where the stage is narrow.
const SMALL: f32 = 42.0;
/// And never smaller than that.
const LEAST: f32 = 24.0;

/// What stands beside the stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Chat and files.
    Chat,
    /// How the call travels: the window's own panel.
    Path,
}

/// What a person did with the bar that is the window's own business.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Press {
    Side(Side),
    FullScreen,
}

/// What of the window the bar shows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown {
    /// The chat is open.
    pub chat: bool,
    /// The path panel is open.
    pub path: bool,
    /// The window fills the screen.
    pub full_screen: bool,
    /// Only what there is before somebody answered.
    pub only_cancel: bool,
}

/// What was done with the bar.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub press: Option<Press>,
    /// One of them has the focus, or the pointer is on the bar.
    pub held: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Item {
    Microphone,
    Camera,
    Screen,
    Chat,
    Path,
    FullScreen,
    More,
    HangUp,
}

/// Of those that can be done without, the first goes first.
const SPARE: [Item; 4] = [Item::Screen, Item::FullScreen, Item::Path, Item::Chat];

/// How high the bar is on a stage of that width, with what is around it.
pub(super) fn height(stage_width: f32) -> f32 {
    side_of(stage_width) + 2.0 * theme::size().close + 2.0 * theme::size().near
}

/// How wide the bar is at most.
pub(super) fn widest() -> f32 {
    width(&every(false), theme::size().control_large)
}

fn side_of(stage_width: f32) -> f32 {
    if stage_width >= widest() + theme::size().far {
        return theme::size().control_large;
    }
    let room = stage_width - 2.0 * theme::size().close;
    // What nobody can do without has to fit even where everything is drawn twice as large.
    let mut side = SMALL;
    while side > LEAST && width(&[Item::Microphone, Item::Camera, Item::More, Item::HangUp], side) > room {
        side -= 1.0;
    }
    side
}

fn every(only_cancel: bool) -> Vec<Item> {
    if only_cancel {
        return vec![Item::Microphone, Item::Camera, Item::HangUp];
    }
    vec![Item::Microphone, Item::Camera, Item::Screen, Item::Chat, Item::Path, Item::FullScreen, Item::HangUp]
}

fn width_of(item: Item, side: f32) -> f32 {
    match item {
        Item::Microphone | Item::Camera => side + theme::size().hair + MENU,
        Item::HangUp => side * 1.4,
        Item::Screen | Item::Chat | Item::Path | Item::FullScreen | Item::More => side,
    }
}

fn width(items: &[Item], side: f32) -> f32 {
    let size = theme::size();
    let gaps = items.len().saturating_sub(1) as f32 * size.close;
    items.iter().map(|&item| width_of(item, side)).sum::<f32>() + gaps + 2.0 * size.close
}

/// Which of them stand in the bar, and which behind *more*.
fn fitting(only_cancel: bool, room: f32, side: f32) -> (Vec<Item>, Vec<Item>) {
    let mut items = every(only_cancel);
    let mut spared = Vec::new();
    for spare in SPARE {
        if width(&items, side) <= room {
            break;
        }
        let Some(at) = items.iter().position(|&item| item == spare) else { continue };
        items.remove(at);
        if spared.is_empty() {
            let before_the_last = items.len().saturating_sub(1);
            items.insert(before_the_last, Item::More);
        }
        spared.push(spare);
    }
    (items, spared)
}

/// Draws it at the foot of the stage.
pub(super) fn show(
    ui: &mut Ui,
    stage: Rect,
    call: &CallCard,
    own: &mut own::State,
    shown: Shown,
    scene: &mut Scene<'_>,
) -> Outcome {
    let size = theme::size();
    let side = side_of(stage.width());
    let (items, spared) = fitting(shown.only_cancel, stage.width() - 2.0 * size.close, side);
    let whole = vec2(width(&items, side), side + 2.0 * size.close);
    let rect = Rect::from_min_size(
        egui::pos2(stage.center().x - whole.x / 2.0, stage.bottom() - size.near - whole.y),
        whole,
    );
    ui.painter().rect_filled(rect, theme::corner(whole.y / 2.0), theme::stage().panel.get());
    let mut bar = Bar { call, shown, side, spared: &spared, outcome: Outcome::default() };
    arrange::place(ui, "bar", rect.shrink(size.close), |ui| {
        ui.spacing_mut().item_spacing.x = size.close;
        // A row is as high as what stands in it, also where that is lower than usual.
        ui.spacing_mut().interact_size.y = side;
        ui.horizontal(|ui| {
            for &item in &items {
                bar.item(ui, item, own, scene);
            }
        });
    });
    bar.outcome.held |= ui.rect_contains_pointer(rect);
    bar.outcome
}

struct Bar<'a> {
    call: &'a CallCard,
    shown: Shown,
    side: f32,
    spared: &'a [Item],
    outcome: Outcome,
}

impl Bar<'_> {
    fn item(&mut self, ui: &mut Ui, item: Item, own: &mut own::State, scene: &mut Scene<'_>) {
        match item {
            Item::Microphone => self.microphone(ui, scene),
            Item::Camera => self.camera(ui, own, scene),
            Item::HangUp => {
                let name = if self.shown.only_cancel { copy::CANCEL } else { copy::HANG_UP };
                let tip = words::with_keys(name, &Hotkey::HangUp.keys(ui.ctx()));
                let size = vec2(self.side * 1.4, self.side);
                if self
                    .add(ui, Control::new(Icon::HangUp, name, &tip).look(Look::Danger).size(size))
                    .clicked()
                {
                    scene.wish(Wish::HangUp);
                }
            }
            Item::More => {
                let control = Control::new(Icon::More, copy::MORE, copy::MORE).size(Vec2::splat(self.side));
                let opener = self.add(ui, control);
                let waiting = self.spared;
                menu::show(ui, &opener, copy::MORE, |ui| {
                    for &item in waiting {
                        let (icon, name, _) = self.plain(item);
                        if menu::item(ui, Some(icon), &name, item != Item::Screen).clicked() {
                            self.press(item);
                        }
                    }
                });
            }
            Item::Screen | Item::Chat | Item::Path | Item::FullScreen => {
                let (icon, name, hotkey) = self.plain(item);
                let tip = match hotkey {
                    Some(hotkey) => words::with_keys(&name, &hotkey.keys(ui.ctx())),
                    None => copy::NO_SCREEN_YET.to_owned(),
                };
                let mut control = Control::new(icon, &name, &tip).size(Vec2::splat(self.side));
                control = control.enabled(item != Item::Screen);
                if item == Item::Chat {
                    control = control.badge(self.call.unread);
                }
                if let Some(open) = self.is_open(item) {
                    control = control.state(open).look(if open { Look::Marked } else { Look::Plain });
                }
                if self.add(ui, control).clicked() {
                    self.press(item);
                }
            }
        }
    }

    fn plain(&self, item: Item) -> (Icon, String, Option<Hotkey>) {
        let open = self.is_open(item).unwrap_or(false);
        match item {
            Item::Chat => (Icon::Chat, copy::chat_button(open, self.call.unread), Some(Hotkey::Chat)),
            Item::Path => {
                let name = if open { copy::PATH_CLOSE } else { copy::PATH_OPEN };
                (Icon::Panel, name.to_owned(), Some(Hotkey::Panel))
            }
            Item::FullScreen if self.shown.full_screen => {
                (Icon::LeaveFullScreen, copy::LEAVE_FULL_SCREEN.to_owned(), Some(Hotkey::FullScreen))
            }
            Item::FullScreen => (Icon::FullScreen, copy::FULL_SCREEN.to_owned(), Some(Hotkey::FullScreen)),
            Item::Screen | Item::Microphone | Item::Camera | Item::More | Item::HangUp => {
                (Icon::Screen, copy::SHARE_SCREEN.to_owned(), None)
            }
        }
    }

    fn is_open(&self, item: Item) -> Option<bool> {
        match item {
            Item::Chat => Some(self.shown.chat),
            Item::Path => Some(self.shown.path),
            Item::Microphone | Item::Camera | Item::Screen | Item::FullScreen | Item::More | Item::HangUp => {
                None
            }
        }
    }

    fn press(&mut self, item: Item) {
        self.outcome.press = match item {
            Item::Chat => Some(Press::Side(Side::Chat)),
            Item::Path => Some(Press::Side(Side::Path)),
            Item::FullScreen => Some(Press::FullScreen),
            Item::Microphone | Item::Camera | Item::Screen | Item::More | Item::HangUp => None,
        };
    }

    fn microphone(&mut self, ui: &mut Ui, scene: &mut Scene<'_>) {
        let on = !self.call.ours.muted;
        let (icon, does) =
            if on { (Icon::Microphone, copy::MUTE) } else { (Icon::MicrophoneOff, copy::UNMUTE) };
        let tip = words::with_keys(does, &Hotkey::Microphone.keys(ui.ctx()));
        let (main, opener) = self.pair(ui, icon, copy::MICROPHONE, &tip, on, copy::SOUND_DEVICES);
        if main.clicked() {
            scene.wish(Wish::Microphone { on: !on });
        }
        devices::sound(ui, &opener, scene);
    }

    fn camera(&mut self, ui: &mut Ui, own: &mut own::State, scene: &mut Scene<'_>) {
        let on = !self.call.ours.camera_off;
        let (icon, does) =
            if on { (Icon::Camera, copy::CAMERA_OFF) } else { (Icon::CameraOff, copy::CAMERA_ON) };
        let tip = words::with_keys(does, &Hotkey::Camera.keys(ui.ctx()));
        let (main, opener) = self.pair(ui, icon, copy::CAMERA, &tip, on, copy::PICTURE_DEVICES);
        if main.clicked() {
            scene.wish(Wish::Camera { on: !on });
        }
        devices::pictures(ui, &opener, own, scene);
    }

    fn pair(
        &mut self,
        ui: &mut Ui,
        icon: Icon,
        name: &str,
        tip: &str,
        on: bool,
        menu: &str,
    ) -> (Response, Response) {
        let gap = std::mem::replace(&mut ui.spacing_mut().item_spacing.x, theme::size().hair);
        let look = if on { Look::Plain } else { Look::Marked };
        let main = Control::new(icon, name, tip).state(on).look(look).part(Part::Main);
        let main = self.add(ui, main.size(Vec2::splat(self.side)));
        // Before what follows is laid out: the gap behind a control is that of its time.
        ui.spacing_mut().item_spacing.x = gap;
        let opener = Control::new(Icon::ChevronUp, menu, menu).part(Part::Menu).size(vec2(MENU, self.side));
        (main, self.add(ui, opener))
    }

    fn add(&mut self, ui: &mut Ui, control: Control<'_>) -> Response {
        let response = ui.add(control);
        self.outcome.held |= response.has_focus();
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_fits_on_every_stage_and_the_end_is_always_on_it() {
        for room in (220..1400).step_by(7) {
            let room = room as f32;
            let side = side_of(room);
            let (items, spared) = fitting(false, room, side);
            assert!(width(&items, side) <= room || spared.len() == SPARE.len(), "{room}: {items:?}");
            assert_eq!(items.last(), Some(&Item::HangUp));
            assert_eq!(items.contains(&Item::More), !spared.is_empty());
        }
        assert_eq!(fitting(false, 480.0, side_of(480.0)).1, []);
    }
}
