//! The icon in the desktop's tray, by way of `ksni`: how a call stands, and the four things that are wanted without a window.
//!
//! A tray is a service that comes and goes with the desktop's panel. Whether there is one decides whether closing the window
//! may leave the app running, so that is told as it changes. Other systems than Linux have trays of another kind; there it
//! is told that there is none.

use tokio::{
    runtime::Handle as Runtime,
    sync::{mpsc, watch},
};

use crate::media::emblem::Standing;

/// What was pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrayPress {
    /// Show the window.
    Open,
    /// The microphone off, or on again.
    Mute,
    /// End the call, or turn it away.
    HangUp,
    /// End the app.
    Quit,
}

/// What the icon shows and says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrayLook {
    /// How a call stands.
    pub standing: Standing,
    /// The same in words, for the one who points at it.
    pub says: String,
}

/// What stands in its menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrayWords {
    /// Show the window.
    pub open: String,
    /// The microphone off.
    pub mute: String,
    /// And on again.
    pub unmute: String,
    /// End the call.
    pub hang_up: String,
    /// Turn the call away.
    pub decline: String,
    /// End the app.
    pub quit: String,
}

/// The icon in the tray. Dropping it takes it away.
pub struct TrayIcon {
    look: watch::Sender<TrayLook>,
    is_there: watch::Receiver<bool>,
}

impl TrayIcon {
    /// Puts it there, as soon as there is a tray; presses go to `presses`. A press that finds no room is lost: it is as if
    /// nobody had pressed.
    pub fn start(
        runtime: &Runtime,
        words: TrayWords,
        look: TrayLook,
        presses: mpsc::Sender<TrayPress>,
    ) -> Self {
        let (look, looks) = watch::channel(look);
        let (there, is_there) = watch::channel(false);
        #[cfg(target_os = "linux")]
        runtime.spawn(linux::keep(words, looks, presses, there));
        #[cfg(not(target_os = "linux"))]
        drop((runtime, words, looks, presses, there));
        Self { look, is_there }
    }

    /// It looks like this from now on. Never waits.
    pub fn show(&self, look: TrayLook) {
        self.look.send_if_modified(|shown| {
            let differs = *shown != look;
            *shown = look;
            differs
        });
    }

    /// Whether there is a tray that shows it, now and as that changes.
    pub fn is_there(&self) -> watch::Receiver<bool> {
        self.is_there.clone()
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use ksni::{
        Category, Icon, MenuItem, OfflineReason, Status, ToolTip, Tray, TrayMethods as _, menu::StandardItem,
    };
    use tokio::sync::{mpsc, watch};

    use crate::media::emblem::{Standing, rgba};

    use super::{TrayLook, TrayPress, TrayWords};

    /// What panels ask for, at usual and at high resolution.
    const SIZES: [u16; 3] = [22, 32, 48];

    pub(super) async fn keep(
        words: TrayWords,
        mut looks: watch::Receiver<TrayLook>,
        presses: mpsc::Sender<TrayPress>,
        there: watch::Sender<bool>,
    ) {
        let look = looks.borrow_and_update().clone();
        // Assumed until it says otherwise, which it does before it is started.
        there.send_replace(true);
        let item = Item { words, look, presses, there: there.clone() };
        // It may start with the session, before the panel does.
        let tray = match item.assume_sni_available(true).spawn().await {
            Ok(tray) => tray,
            Err(error) => {
                tracing::info!(%error, "this desktop has no tray; closing the window will end Sightline");
                there.send_replace(false);
                return;
            }
        };
        while looks.changed().await.is_ok() {
            let look = looks.borrow_and_update().clone();
            if tray.update(|item| item.look = look).await.is_none() {
                there.send_replace(false);
                return;
            }
        }
        tray.shutdown().await;
    }

    pub(super) struct Item {
        pub(super) words: TrayWords,
        pub(super) look: TrayLook,
        pub(super) presses: mpsc::Sender<TrayPress>,
        pub(super) there: watch::Sender<bool>,
    }

    impl Item {
        fn press(&self, press: TrayPress) {
            if self.presses.try_send(press).is_err() {
                tracing::warn!(?press, "a press on the tray was lost");
            }
        }

        fn entry(&self, label: &str, press: TrayPress) -> MenuItem<Self> {
            // A single underscore would be swallowed as a mark for a key.
            let label = label.replace('_', "__");
            let activate = Box::new(move |item: &mut Self| item.press(press));
            StandardItem { label, activate, ..StandardItem::default() }.into()
        }
    }

    impl Tray for Item {
        fn id(&self) -> String {
            "sightline".to_owned()
        }

        fn title(&self) -> String {
            "Sightline".to_owned()
        }

        fn category(&self) -> Category {
            Category::Communications
        }

        fn status(&self) -> Status {
            match self.look.standing {
                Standing::Ringing => Status::NeedsAttention,
                Standing::Idle | Standing::InCall | Standing::Muted => Status::Active,
            }
        }

        fn icon_pixmap(&self) -> Vec<Icon> {
            SIZES.map(|size| icon(size, self.look.standing)).to_vec()
        }

        fn attention_icon_pixmap(&self) -> Vec<Icon> {
            self.icon_pixmap()
        }

        fn tool_tip(&self) -> ToolTip {
            ToolTip { title: self.look.says.clone(), ..ToolTip::default() }
        }

        fn activate(&mut self, _: i32, _: i32) {
            self.press(TrayPress::Open);
        }

        fn menu(&self) -> Vec<MenuItem<Self>> {
            let words = &self.words;
            let mut menu = vec![self.entry(&words.open, TrayPress::Open)];
            match self.look.standing {
                Standing::Idle => {}
                Standing::Ringing => menu.push(self.entry(&words.decline, TrayPress::HangUp)),
                Standing::InCall => {
                    menu.push(self.entry(&words.mute, TrayPress::Mute));
                    menu.push(self.entry(&words.hang_up, TrayPress::HangUp));
                }
                Standing::Muted => {
                    menu.push(self.entry(&words.unmute, TrayPress::Mute));
                    menu.push(self.entry(&words.hang_up, TrayPress::HangUp));
                }
            }
            menu.push(MenuItem::Separator);
            menu.push(self.entry(&words.quit, TrayPress::Quit));
            menu
        }

        fn watcher_online(&self) {
            self.there.send_replace(true);
        }

        fn watcher_offline(&self, reason: OfflineReason) -> bool {
            tracing::info!(?reason, "there is no tray at the moment");
            self.there.send_replace(false);
            true
        }
    }

    fn icon(size: u16, standing: Standing) -> Icon {
        let mut data = rgba(size, standing);
        for pixel in data.chunks_exact_mut(4) {
            pixel.rotate_right(1);
        }
        Icon { width: size.into(), height: size.into(), data }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        fn item(standing: Standing) -> (Item, mpsc::Receiver<TrayPress>) {
            let words = TrayWords {
                open: "Open".to_owned(),
                mute: "Mute".to_owned(),
                unmute: "Unmute".to_owned(),
                hang_up: "Hang up".to_owned(),
                decline: "De_cline".to_owned(),
                quit: "Quit".to_owned(),
            };
            let (presses, pressed) = mpsc::channel(1);
            let look = TrayLook { standing, says: String::new() };
            (Item { words, look, presses, there: watch::Sender::new(true) }, pressed)
        }

        fn labels(standing: Standing) -> Vec<String> {
            let menu = item(standing).0.menu();
            menu.into_iter()
                .filter_map(
                    |entry| if let MenuItem::Standard(entry) = entry { Some(entry.label) } else { None },
                )
                .collect()
        }

        #[test]
        fn the_menu_offers_what_can_be_done() {
            assert_eq!(labels(Standing::Idle), ["Open", "Quit"]);
            assert_eq!(labels(Standing::Ringing), ["Open", "De__cline", "Quit"]);
            assert_eq!(labels(Standing::InCall), ["Open", "Mute", "Hang up", "Quit"]);
            assert_eq!(labels(Standing::Muted), ["Open", "Unmute", "Hang up", "Quit"]);
        }

        #[test]
        fn an_entry_says_what_it_stands_for_and_never_waits() {
            let (mut item, mut pressed) = item(Standing::InCall);
            for entry in item.menu() {
                if let MenuItem::Standard(entry) = entry {
                    (entry.activate)(&mut item);
                }
            }
            assert_eq!(pressed.try_recv(), Ok(TrayPress::Open), "the others found no room");
        }

        #[test]
        fn pixels_are_in_the_order_of_the_tray() {
            let (ours, theirs) = (rgba(22, Standing::Idle), icon(22, Standing::Idle).data);
            let middle = (11 * 22 + 11) * 4;
            assert_eq!(theirs[middle], ours[middle + 3], "how opaque comes first");
            assert_eq!(theirs[middle + 1..middle + 4], ours[middle..middle + 3]);
        }
    }
}
