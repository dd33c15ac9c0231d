//! What the desktop has for us: a tray, notices, dialogs, a speaker for our own sounds, a screen that stays on.
//!
//! Each may be missing, and then nothing else changes. What is pressed there becomes a wish, as if it had been pressed in the
//! window.

use std::path::PathBuf;

use sightline_protocol::call::Media;
use tokio::{runtime::Handle as Runtime, sync::mpsc};

use crate::{
    adapters::{
        awake::Awake,
        notices::{Matter, Notices, Press, RingingNotice},
        pickers::{Pickers, Question},
        sound_devices::CpalDevices,
        tray::{TrayIcon, TrayLook, TrayPress, TrayWords},
    },
    engine::{clock::Clock, ports::sound::MakeDevices, ringer::Ringer},
    logic::{
        desk::{Bell, CallCard, Heard, Notify, PlaceInCall, Preferences, Snapshot, Who, Wish},
        devices::Choice,
    },
    media::{chimes::Chime, emblem::Standing},
    ui::copy::desktop as copy,
};

use super::Counter;

/// Presses waiting for the desk. One that finds no room is lost: it is as if nobody had pressed.
const PRESSES: usize = 8;
const NO_DIALOG: &str = "desktop.no_dialog";

/// See the head of this file.
pub(super) struct Outfit {
    tray: TrayIcon,
    notices: Notices,
    awake: Awake,
    pickers: Pickers,
    ringer: Option<Ringer>,
}

/// What was pressed outside of the window, and what is known of the desktop.
pub(super) enum Outside {
    Notice(Press),
    Tray(TrayPress),
    HasTray(bool),
}

impl Outfit {
    /// Puts everything where it belongs. A speaker is opened only when something sounds.
    pub(super) fn start(
        runtime: &Runtime,
        speaker: Option<Choice>,
        clock: Clock,
    ) -> (Self, mpsc::Receiver<Outside>) {
        let (outside, told) = mpsc::channel(PRESSES);
        let (pressed, mut presses) = mpsc::channel(PRESSES);
        let (tray_pressed, mut tray_presses) = mpsc::channel(PRESSES);
        let words = TrayWords {
            open: copy::OPEN.to_owned(),
            mute: copy::MUTE.to_owned(),
            unmute: copy::UNMUTE.to_owned(),
            hang_up: copy::HANG_UP.to_owned(),
            decline: copy::DECLINE.to_owned(),
            quit: copy::QUIT.to_owned(),
        };
        let tray = TrayIcon::start(runtime, words, look(None), tray_pressed);
        let mut is_there = tray.is_there();
        runtime.spawn(async move {
            loop {
                let news = tokio::select! {
                    Some(press) = presses.recv() => Outside::Notice(press),
                    Some(press) = tray_presses.recv() => Outside::Tray(press),
                    Ok(()) = is_there.changed() => Outside::HasTray(*is_there.borrow()),
                    else => return,
                };
                if outside.send(news).await.is_err() {
                    return;
                }
            }
        });
        let devices = || -> MakeDevices { Box::new(|| Box::new(CpalDevices::new())) };
        let ringer = speaker.and_then(|choice| {
            Ringer::start(choice, Box::new(devices), clock)
                .inspect_err(|error| tracing::warn!(%error, "it will not ring: the system gave no thread"))
                .ok()
        });
        let outfit = Self {
            tray,
            notices: Notices::start(runtime, pressed),
            awake: Awake::default(),
            pickers: Pickers::new(clock),
            ringer,
        };
        (outfit, told)
    }

    /// Things stand so from now on.
    pub(super) fn show(&self, snapshot: &Snapshot) {
        self.tray.show(look(snapshot.call.as_ref()));
    }

    pub(super) fn ring(&self, bell: Bell) {
        let Some(ringer) = &self.ringer else { return };
        match bell {
            Bell::Silent => ringer.stop(),
            Bell::Here => ringer.play(Chime::Incoming),
            Bell::There => ringer.play(Chime::RingingBack),
        }
    }

    pub(super) fn test_sound(&self) {
        if let Some(ringer) = &self.ringer {
            ringer.play(Chime::Test);
        }
    }

    pub(super) fn use_speaker(&self, choice: Choice) {
        if let Some(ringer) = &self.ringer {
            ringer.use_device(choice);
        }
    }

    pub(super) fn keep_awake(&self, awake: bool) {
        self.awake.keep(awake, copy::AWAKE);
    }

    pub(super) fn hush(&self) {
        self.notices.hush();
    }

    pub(super) fn notify(&self, what: Notify) {
        match what {
            Notify::Incoming { who, video } => {
                let text = match (&who.claimed, who.is_contact) {
                    (Some(name), false) => copy::claims(name),
                    _ => copy::with_what(video).to_owned(),
                };
                let known = if who.is_contact { called(&who) } else { copy::SOMEONE };
                self.notices.ring(RingingNotice {
                    title: copy::calling(known),
                    text,
                    accept: copy::ACCEPT.to_owned(),
                    decline: copy::DECLINE.to_owned(),
                });
            }
            Notify::Missed { who } => {
                self.notices.tell(Matter::Missed, copy::missed(called(&who)), String::new());
            }
            Notify::Message { who, text } => {
                self.notices.tell(Matter::Message, called(&who).to_owned(), text);
            }
            Notify::StillHere => {
                let (title, text) = copy::STILL_HERE;
                self.notices.tell(Matter::Other, title.to_owned(), text.to_owned());
            }
        }
    }

    pub(super) fn choose_files(&self, counter: &std::sync::Arc<Counter>) {
        self.ask(counter, Question::Files, copy::CHOOSE_FILES, |counter, paths| {
            counter.say(Wish::OfferFiles { paths });
        });
    }

    pub(super) fn choose_downloads(&self, counter: &std::sync::Arc<Counter>) {
        self.ask(counter, Question::Folder, copy::CHOOSE_FOLDER, |counter, paths| {
            let preferences = (*counter.newest().preferences).clone();
            let downloads = paths.into_iter().next();
            counter.say(Wish::Prefer(Box::new(Preferences { downloads, ..preferences })));
        });
    }

    pub(super) fn choose_where(
        &self,
        counter: &std::sync::Arc<Counter>,
        name: String,
        then: impl FnOnce(&Counter, PathBuf) + Send + 'static,
    ) {
        self.ask(counter, Question::Save { name }, copy::SAVE_REPORT, |counter, paths| {
            if let Some(path) = paths.into_iter().next() {
                then(counter, path);
            }
        });
    }

    fn ask(
        &self,
        counter: &std::sync::Arc<Counter>,
        question: Question,
        title: &str,
        then: impl FnOnce(&Counter, Vec<PathBuf>) + Send + 'static,
    ) {
        let counter = counter.clone();
        self.pickers.ask(question, title, move |answer| match answer {
            Ok(paths) if paths.is_empty() => {}
            Ok(paths) => then(&counter, paths),
            Err(error) => {
                let text = error.to_string();
                counter.news().try_send(Heard::Problem { text, code: NO_DIALOG }).ok();
            }
        });
    }
}

/// What a press outside of the window means.
pub(super) fn wish(outside: &Outside, snapshot: &Snapshot) -> Option<Wish> {
    let both = Media { audio: true, video: true };
    match outside {
        Outside::Notice(Press::Accept) => Some(Wish::Answer { media: both }),
        Outside::Notice(Press::Decline) => Some(Wish::Decline),
        Outside::Tray(TrayPress::HangUp) => Some(Wish::HangUp),
        Outside::Tray(TrayPress::Quit) => Some(Wish::Quit),
        Outside::Tray(TrayPress::Mute) => {
            snapshot.call.as_ref().map(|call| Wish::Microphone { on: call.ours.muted })
        }
        Outside::Notice(Press::Open) | Outside::Tray(TrayPress::Open) | Outside::HasTray(_) => None,
    }
}

fn called(who: &Who) -> &str {
    who.shown().unwrap_or(copy::SOMEONE)
}

fn look(call: Option<&CallCard>) -> TrayLook {
    let place = call.and_then(|call| call.stage.place());
    let who = call.map_or(copy::SOMEONE, |call| called(&call.who));
    let (standing, tray) = match place {
        None => (Standing::Idle, copy::Tray::Idle),
        Some(PlaceInCall::Incoming) => (Standing::Ringing, copy::Tray::Ringing(who)),
        Some(_) if call.is_some_and(|call| call.ours.muted) => (Standing::Muted, copy::Tray::Muted(who)),
        Some(PlaceInCall::Outgoing | PlaceInCall::InCall) => (Standing::InCall, copy::Tray::InCall(who)),
    };
    TrayLook { standing, says: copy::tray(tray) }
}
