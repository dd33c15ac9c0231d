//! The program's window, and the loop in which it is drawn.
//!
//! egui paints when something was pressed or moved, when the desk says that something is new, and otherwise not at all.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use eframe::{CreationContext, NativeOptions, Renderer, egui_glow::CallbackFn};
use egui::{
    Context, IconData, PaintCallback, Rect, ThemePreference, Ui, Vec2, ViewportBuilder, ViewportCommand,
};

use super::{
    copy,
    picture::{Painting, Picture},
    scene::{Loudness, Pictures, Scene},
    shell::Shell,
    theme,
};
use crate::{
    engine::api::{Glass, PictureNews},
    logic::desk::{Appearance, Snapshot, Wish},
    media::emblem::{Standing, rgba},
};

/// What a list of windows shows it with; whoever wants it smaller makes it so.
const ICON_SIZE: u16 = 128;

/// Where everything that is drawn comes from, and where wishes go.
pub trait Desk {
    /// How things stand now. Never waits.
    fn snapshot(&self) -> Arc<Snapshot>;
    /// How loud it is now.
    fn loudness(&self) -> Loudness;
    /// Where pictures come from.
    fn glass(&self) -> Option<&Glass> {
        None
    }
    /// The person wants this. Never waits.
    fn wish(&self, wish: Wish);
}

/// There can be no window.
#[derive(Debug, thiserror::Error)]
#[error(
    "no window can be opened: {0}. Is there a display, and does its driver know OpenGL? `sightline call` and `sightline answer` work without a window"
)]
pub struct NoWindow(String);

/// Opens the window and stays until it is closed for good. `start` is given what wakes the window whenever something is new.
pub fn run(
    start: impl FnOnce(Box<dyn Fn() + Send + Sync>) -> Box<dyn Desk>,
    hidden: bool,
) -> Result<(), NoWindow> {
    let options = NativeOptions {
        viewport: ViewportBuilder::default()
            .with_title(copy::APP)
            .with_app_id("sightline")
            .with_icon(IconData {
                rgba: rgba(ICON_SIZE, Standing::Idle),
                width: ICON_SIZE.into(),
                height: ICON_SIZE.into(),
            })
            .with_inner_size([1080.0, 720.0])
            .with_min_inner_size([380.0, 480.0])
            .with_visible(!hidden),
        renderer: Renderer::Glow,
        ..NativeOptions::default()
    };
    let open = |created: &CreationContext<'_>| {
        let context = created.egui_ctx.clone();
        theme::install(&context);
        let desk = start(Box::new(move || context.request_repaint()));
        Ok(Box::new(Window::new(desk)) as Box<dyn eframe::App>)
    };
    eframe::run_native(copy::APP, options, Box::new(open))
        .map_err(|error| NoWindow(without_place(&error.to_string()).to_owned()))
}

/// What a library says of a failure, without the line of its own source that it begins with.
fn without_place(said: &str) -> &str {
    said.rsplit_once(".rs:").and_then(|(_, behind)| behind.split_once(": ")).map_or(said, |(_, words)| words)
}

struct Window {
    desk: Box<dyn Desk>,
    shell: Shell,
    pictures: Pictures,
    painted: Arc<AtomicBool>,
    raised: u64,
    appearance: Option<Appearance>,
}

impl Window {
    fn new(desk: Box<dyn Desk>) -> Self {
        let raised = desk.snapshot().raised;
        let painting = Painting::new();
        let pictures = Pictures { theirs: Picture::new(&painting), ours: Picture::new(&painting) };
        Self { desk, shell: Shell::default(), pictures, painted: Arc::default(), raised, appearance: None }
    }

    fn look(&mut self) {
        let Some(glass) = self.desk.glass() else { return };
        let theirs = glass.theirs();
        if matches!(theirs, PictureNews::New(_)) {
            // For whoever measures how many of them a window gets to draw.
            tracing::trace!("a picture of theirs is drawn");
        }
        for (picture, news) in [(&mut self.pictures.theirs, theirs), (&mut self.pictures.ours, glass.ours())]
        {
            match news {
                PictureNews::Same => {}
                PictureNews::Gone => picture.clear(),
                PictureNews::New(frame) => picture.set(frame),
            }
        }
    }

    /// What the desk says of the window itself.
    fn obey(&mut self, context: &Context, snapshot: &Snapshot) {
        if snapshot.is_over {
            context.send_viewport_cmd(ViewportCommand::Close);
        }
        if snapshot.raised != self.raised {
            self.raised = snapshot.raised;
            for command in
                [ViewportCommand::Visible(true), ViewportCommand::Minimized(false), ViewportCommand::Focus]
            {
                context.send_viewport_cmd(command);
            }
        }
        let preferences = &snapshot.preferences;
        if self.appearance.replace(preferences.appearance) != Some(preferences.appearance) {
            context.set_theme(match preferences.appearance {
                Appearance::System => ThemePreference::System,
                Appearance::Light => ThemePreference::Light,
                Appearance::Dark => ThemePreference::Dark,
            });
        }
        if (context.zoom_factor() - preferences.scale).abs() > 0.001 {
            context.set_zoom_factor(preferences.scale);
        }
    }
}

/// For whoever measures how long a start takes. What is laid out is not always painted: it may be laid out anew first.
fn note_first_painting(ui: &Ui, painted: &Arc<AtomicBool>) {
    let painted = painted.clone();
    let note = CallbackFn::new(move |_, _| {
        if !painted.swap(true, Ordering::Relaxed) {
            tracing::debug!("the window has painted");
        }
    });
    let rect = Rect::from_min_size(ui.ctx().content_rect().min, Vec2::splat(1.0));
    ui.painter().add(PaintCallback { rect, callback: Arc::new(note) });
}

impl eframe::App for Window {
    /// Before each painting, and in its place while the window is not to be seen: that is when it is asked to come back.
    fn logic(&mut self, context: &Context, _frame: &mut eframe::Frame) {
        let snapshot = self.desk.snapshot();
        self.obey(context, &snapshot);
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        let snapshot = self.desk.snapshot();
        self.look();
        let mut scene = Scene::new(&snapshot, self.desk.loudness()).with_pictures(&self.pictures);
        self.shell.show(ui, &mut scene);
        if !self.painted.load(Ordering::Relaxed) {
            note_first_painting(ui, &self.painted);
        }
        let close = ui.input(|input| input.viewport().close_requested());
        if close && !snapshot.is_over {
            if snapshot.has_tray && snapshot.preferences.keep_running {
                ui.send_viewport_cmd(ViewportCommand::CancelClose);
                ui.send_viewport_cmd(ViewportCommand::Visible(false));
                scene.wish(Wish::CloseWindow);
            } else {
                ui.send_viewport_cmd(ViewportCommand::CancelClose);
                scene.wish(Wish::Quit);
            }
        }
        for wish in scene.into_wishes() {
            self.desk.wish(wish);
        }
    }
}
