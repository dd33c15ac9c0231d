//! Which page is shown. A call comes before everything else; what it is about decides by itself which of its pages.

use egui::{CentralPanel, Frame, Rect, Ui};

use super::{
    keys::Hotkey,
    panel::docking::Dock,
    scene::Scene,
    screens::{
        call, ended, first_start, help, home, incoming, outgoing,
        settings::{self, Section},
    },
    theme,
    widgets::{arrange, notices},
};
use crate::logic::desk::{PlaceInCall, Wish};

/// A page that a person goes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Page {
    /// Links, people, calls.
    #[default]
    Home,
    /// What can be chosen.
    Settings,
    /// The keys, and what the words mean.
    Help,
}

/// What is shown, whoever chose it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The first start.
    FirstStart,
    /// A page.
    Page(Page),
    /// It rings here.
    Incoming,
    /// It rings there.
    Outgoing,
    /// A call stands.
    Call,
    /// It is over.
    Ended,
}

/// All that is of the window itself.
#[derive(Debug, Default)]
pub struct Shell {
    /// Where the person is, when no call is in the way.
    pub page: Page,
    first_start: first_start::State,
    home: home::State,
    settings: settings::State,
    help: help::State,
    incoming: incoming::State,
    outgoing: outgoing::State,
    call: call::State,
    ended: ended::State,
    notices: notices::State,
    path: Dock,
    before: Option<Shown>,
}

impl Shell {
    /// Draws everything.
    pub fn show(&mut self, ui: &mut Ui, scene: &mut Scene<'_>) {
        let shown = self.shown(scene);
        if self.before.replace(shown) != Some(shown) {
            self.enter(ui, shown);
        }
        self.keys(ui, shown, scene);
        let palette = theme::palette(ui);
        let ground = if shown == Shown::Call { theme::stage().ground } else { palette.ground };
        let mut to_servers = self.path.show_window(ui, scene);
        CentralPanel::default().frame(Frame::new().fill(ground.get())).show(ui, |ui| match shown {
            Shown::Incoming | Shown::Outgoing | Shown::Call => {
                let (page, panel) = self.path.split(ui.max_rect(), true);
                to_servers |= self.panel(ui, panel, scene);
                arrange::place(ui, "page", page, |ui| {
                    self.page(ui, shown, scene);
                    let room = self.call.room_for_notices(ui.max_rect(), shown == Shown::Incoming);
                    arrange::place(ui, "notices", room, |ui| notices::show(ui, &mut self.notices, scene));
                });
            }
            Shown::FirstStart | Shown::Page(_) | Shown::Ended => {
                let all = ui.max_rect();
                let (page, panel) = self.path.split(all, false);
                to_servers |= self.panel(ui, panel, scene);
                if page.is_positive() {
                    arrange::place(ui, "page", page, |ui| self.page(ui, shown, scene));
                }
                // Over the page and above its foot: nothing moves for them.
                let under = if page.is_positive() { page } else { all };
                let room = under.with_max_y(under.bottom() - theme::foot());
                arrange::place(ui, "notices", room, |ui| {
                    arrange::foot(ui, "notices", |ui| notices::show(ui, &mut self.notices, scene))
                });
            }
        });
        if to_servers {
            settings::open_at(ui, Section::Servers);
            self.page = Page::Settings;
            self.path.close();
            ui.ctx().request_repaint();
        }
    }

    /// The path panel, where it is docked. Says whether the page with the servers is wanted.
    fn panel(&mut self, ui: &mut Ui, rect: Option<Rect>, scene: &mut Scene<'_>) -> bool {
        rect.is_some_and(|rect| arrange::place(ui, "path", rect, |ui| self.path.show(ui, scene)))
    }

    fn page(&mut self, ui: &mut Ui, shown: Shown, scene: &mut Scene<'_>) {
        match shown {
            Shown::FirstStart => first_start::show(ui, &mut self.first_start, scene),
            Shown::Page(Page::Home) => home::show(ui, &mut self.home, &mut self.page, scene),
            Shown::Page(Page::Settings) => settings::show(ui, &mut self.settings, &mut self.page, scene),
            Shown::Page(Page::Help) => help::show(ui, &mut self.help, &mut self.page, scene),
            Shown::Incoming => incoming::show(ui, &mut self.incoming, scene),
            Shown::Outgoing => outgoing::show(ui, &mut self.outgoing, scene),
            Shown::Call => call::show(ui, &mut self.call, &mut self.path, scene),
            Shown::Ended => ended::show(ui, &mut self.ended, scene),
        }
    }

    /// What there is to be shown.
    pub fn shown(&self, scene: &Scene<'_>) -> Shown {
        let snapshot = scene.snapshot;
        if let Some(place) = snapshot.call.as_ref().and_then(|call| call.stage.place()) {
            return match place {
                PlaceInCall::Incoming => Shown::Incoming,
                PlaceInCall::Outgoing => Shown::Outgoing,
                PlaceInCall::InCall => Shown::Call,
            };
        }
        if snapshot.ended.is_some() {
            Shown::Ended
        } else if snapshot.first_start.is_some() {
            Shown::FirstStart
        } else {
            Shown::Page(self.page)
        }
    }

    /// A page is seen for the first time: it begins as new, and nothing that had the focus keeps it.
    fn enter(&mut self, ui: &Ui, shown: Shown) {
        ui.memory_mut(|memory| {
            if let Some(focused) = memory.focused() {
                memory.surrender_focus(focused);
            }
        });
        match shown {
            Shown::Incoming => self.incoming = incoming::State::default(),
            Shown::Outgoing => self.outgoing = outgoing::State::default(),
            Shown::Call => self.call = call::State::default(),
            Shown::Ended => self.ended = ended::State::default(),
            Shown::FirstStart => self.path.close(),
            Shown::Page(_) => {}
        }
    }

    /// What the keyboard does everywhere; what it does on one page is that page's own.
    fn keys(&mut self, ui: &Ui, shown: Shown, scene: &mut Scene<'_>) {
        if Hotkey::Quit.pressed(ui) {
            scene.wish(Wish::Quit);
        }
        if shown != Shown::FirstStart && Hotkey::Panel.pressed(ui) {
            self.path.toggle();
        }
        if self.path.is_docked() && Hotkey::Away.pressed(ui) {
            self.path.close();
        }
        if let Shown::Page(page) = shown {
            for (hotkey, to) in [(Hotkey::Settings, Page::Settings), (Hotkey::Help, Page::Help)] {
                if hotkey.pressed(ui) {
                    self.page = if page == to { Page::Home } else { to };
                }
            }
            if page != Page::Home && Hotkey::Away.pressed(ui) {
                self.page = Page::Home;
            }
        }
    }
}
