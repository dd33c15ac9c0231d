//! Notices of the desktop, by way of `notify-rust`: an incoming call with its two answers, and what passes by.
//!
//! One task takes the wishes, and each notice has a task of its own, since a desktop may take seconds to answer. Where there
//! is nobody to show notices, that is said once, and nothing else changes.
//!
//! What stands in a notice was written by strangers. Desktops differ in whether they read a text as markup, and say so when
//! they are asked; where they do, it is escaped, and it is never longer than a few lines.

use std::{
    borrow::Cow,
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use notify_rust::{Notification, Timeout};
use tokio::{
    runtime::Handle as Runtime,
    sync::{mpsc, oneshot},
};

/// Wishes waiting for the task. When it is full the newest is dropped, with a line in the log: nobody reads that many.
const WISHES: usize = 16;
/// Passing notices that are watched for a press. When there are more, the oldest stays on the screen, but a press on it does
/// nothing more.
const WATCHED: usize = 8;
/// What is shown of a title, in characters.
const LONGEST_TITLE: usize = 100;
/// What is shown of a text, in characters.
const LONGEST_TEXT: usize = 300;
/// By this the desktop finds our name and icon.
const APP: &str = "sightline";
const APP_NAME: &str = "Sightline";

/// What was pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Press {
    /// Take the call.
    Accept,
    /// Turn the call away.
    Decline,
    /// The notice itself: show the window.
    Open,
}

/// A call that rings, as it stands in a notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RingingNotice {
    /// Who calls.
    pub title: String,
    /// What there is to say of it.
    pub text: String,
    /// On the button that takes it.
    pub accept: String,
    /// On the button that turns it away.
    pub decline: String,
}

/// Why something is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matter {
    /// Somebody called, and nobody answered.
    Missed,
    /// Somebody wrote.
    Message,
    /// Something else.
    Other,
}

enum Wish {
    Ring(RingingNotice),
    Hush,
    Tell { matter: Matter, title: String, text: String },
}

/// The notices of one window. Dropping it withdraws the one of a call that rings.
pub struct Notices {
    wishes: mpsc::Sender<Wish>,
}

impl Notices {
    /// Starts the task; presses go there. A press that finds no room is lost: it is as if nobody had pressed.
    pub fn start(runtime: &Runtime, presses: mpsc::Sender<Press>) -> Self {
        let (wishes, taken) = mpsc::channel(WISHES);
        runtime.spawn(work(taken, presses));
        Self { wishes }
    }

    /// A call rings: one notice, in the place of any other that rang. Never waits.
    pub fn ring(&self, notice: RingingNotice) {
        self.wish(Wish::Ring(notice));
    }

    /// Nothing rings any more. Never waits.
    pub fn hush(&self) {
        self.wish(Wish::Hush);
    }

    /// Something to be read in passing. Never waits.
    pub fn tell(&self, matter: Matter, title: String, text: String) {
        self.wish(Wish::Tell { matter, title, text });
    }

    fn wish(&self, wish: Wish) {
        if self.wishes.try_send(wish).is_err() {
            tracing::warn!("a notice was dropped: too many are waiting to be shown");
        }
    }
}

async fn work(mut wishes: mpsc::Receiver<Wish>, presses: mpsc::Sender<Press>) {
    let mut desktop = None;
    let mut ringing: Option<oneshot::Sender<()>> = None;
    let mut passing = VecDeque::new();
    while let Some(wish) = wishes.recv().await {
        if desktop.is_none() {
            desktop = Some(Arc::new(Desktop::ask().await));
        }
        let Some(desktop) = desktop.clone() else { continue };
        match wish {
            Wish::Ring(notice) => {
                let (withdraw, withdrawn) = oneshot::channel();
                // What rang before is withdrawn by the drop of its sender.
                ringing = Some(withdraw);
                let notification = ringing_notification(&notice, desktop.reads_markup);
                tokio::spawn(desktop.show(notification, presses.clone(), withdrawn));
            }
            Wish::Hush => ringing = None,
            Wish::Tell { matter, title, text } => {
                let (keep, left) = oneshot::channel::<()>();
                let notification = passing_notification(matter, &title, &text, desktop.reads_markup);
                let shown = tokio::spawn(desktop.show(notification, presses.clone(), left));
                passing.push_back((keep, shown));
                while passing.len() > WATCHED {
                    if let Some((_, oldest)) = passing.pop_front() {
                        oldest.abort();
                    }
                }
            }
        }
    }
    drop(ringing);
}

/// What is known of whoever shows notices.
struct Desktop {
    reads_markup: bool,
    trouble_told: AtomicBool,
}

impl Desktop {
    /// Asks on a thread that may wait.
    async fn ask() -> Self {
        let reads_markup = tokio::task::spawn_blocking(reads_markup).await.unwrap_or(true);
        Self { reads_markup, trouble_told: AtomicBool::new(false) }
    }

    #[cfg(all(unix, not(target_os = "macos")))]
    async fn show(
        self: Arc<Self>,
        notification: Notification,
        presses: mpsc::Sender<Press>,
        withdrawn: oneshot::Receiver<()>,
    ) {
        let shown = match notification.show_async().await {
            Ok(shown) => shown,
            Err(error) => return self.complain(&error),
        };
        let mut press = None;
        let pressed = shown.wait_for_action_async(|response| press = meant(response));
        tokio::select! {
            () = pressed => {}
            // Said, or whoever could say it is gone.
            _ = withdrawn => {
                shown.close_async().await;
                return;
            }
        }
        if let Some(press) = press {
            presses.try_send(press).ok();
        }
    }

    /// Elsewhere a notice has no buttons, and goes by itself.
    #[cfg(not(all(unix, not(target_os = "macos"))))]
    async fn show(
        self: Arc<Self>,
        notification: Notification,
        _: mpsc::Sender<Press>,
        _: oneshot::Receiver<()>,
    ) {
        let shown = tokio::task::spawn_blocking(move || notification.show().map(drop)).await;
        if let Ok(Err(error)) = shown {
            self.complain(&error);
        }
    }

    fn complain(&self, error: &notify_rust::error::Error) {
        if !self.trouble_told.swap(true, Ordering::Relaxed) {
            tracing::warn!(%error, "this desktop shows no notices; calls ring in the window");
        }
    }
}

#[cfg(all(unix, not(target_os = "macos")))]
fn reads_markup() -> bool {
    // Whoever does not answer may be one that reads it.
    notify_rust::get_capabilities().map_or(true, |can| can.iter().any(|ability| ability == "body-markup"))
}

#[cfg(not(all(unix, not(target_os = "macos"))))]
fn reads_markup() -> bool {
    false
}

#[cfg(all(unix, not(target_os = "macos")))]
fn meant(response: &notify_rust::NotificationResponse) -> Option<Press> {
    use notify_rust::NotificationResponse::{Action, Closed, Default, Reply};
    match response {
        Default => Some(Press::Open),
        Action(key) if key == ACCEPT => Some(Press::Accept),
        Action(key) if key == DECLINE => Some(Press::Decline),
        Action(_) | Closed(_) | Reply(_) => None,
    }
}

const ACCEPT: &str = "accept";
const DECLINE: &str = "decline";

fn ringing_notification(notice: &RingingNotice, escape: bool) -> Notification {
    let mut notification = notification(&notice.title, &notice.text, escape);
    notification.timeout(Timeout::Never);
    #[cfg(all(unix, not(target_os = "macos")))]
    notification
        .urgency(notify_rust::Urgency::Critical)
        .hint(notify_rust::Hint::Category("call.incoming".to_owned()))
        .hint(notify_rust::Hint::Resident(false))
        .action(ACCEPT, &short(&notice.accept, LONGEST_TITLE))
        .action(DECLINE, &short(&notice.decline, LONGEST_TITLE))
        .action("default", APP_NAME);
    notification
}

#[cfg_attr(not(all(unix, not(target_os = "macos"))), expect(unused_variables, reason = "no category there"))]
fn passing_notification(matter: Matter, title: &str, text: &str, escape: bool) -> Notification {
    let mut notification = notification(title, text, escape);
    #[cfg(all(unix, not(target_os = "macos")))]
    {
        let category = match matter {
            Matter::Missed => "call.unanswered",
            Matter::Message => "im.received",
            Matter::Other => "device",
        };
        notification.hint(notify_rust::Hint::Category(category.to_owned())).action("default", APP_NAME);
    }
    notification
}

/// What all have in common. We ring ourselves, so the desktop shall not.
fn notification(title: &str, text: &str, escape: bool) -> Notification {
    let mut notification = Notification::new();
    let text = short(text, LONGEST_TEXT);
    let text = if escape { escaped(&text) } else { Cow::Borrowed(&*text) };
    notification.appname(APP_NAME).icon(APP).summary(&short(title, LONGEST_TITLE)).body(&text);
    #[cfg(all(unix, not(target_os = "macos")))]
    notification
        .hint(notify_rust::Hint::DesktopEntry(APP.to_owned()))
        .hint(notify_rust::Hint::SuppressSound(true));
    notification
}

/// Its beginning, in one line, without what steers a terminal or the direction of a text.
fn short(text: &str, longest: usize) -> String {
    let steers = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut line = text.chars().filter(|c| !steers(*c)).map(|c| if c.is_control() { ' ' } else { c });
    let mut short: String = line.by_ref().take(longest).collect();
    if line.next().is_some() {
        short.push('…');
    }
    short
}

/// Text that a reader of markup shows as it stands.
fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '<', '>', '"', '\'']) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            _ => safe.push(c),
        }
    }
    Cow::Owned(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stranger_wrote_is_shown_as_it_stands() {
        let stranger = "<b>Bank</b> & <a href=\"http://example.com\">press 'here'</a>";
        let shown = passing_notification(Matter::Message, "Ada", stranger, true);
        assert!(!shown.body.contains(['<', '>', '"', '\'']), "{}", shown.body);
        assert!(shown.body.starts_with("&lt;b&gt;Bank&lt;/b&gt; &amp; "));
        let plain = passing_notification(Matter::Message, "Ada", stranger, false);
        assert_eq!(plain.body, stranger, "where nobody reads markup");
    }

    #[test]
    fn a_text_is_cut_and_keeps_to_its_line() {
        let shown = passing_notification(Matter::Missed, &"m".repeat(1_000), "a\nb\u{202e}c", true);
        assert_eq!(shown.summary.chars().count(), LONGEST_TITLE + 1);
        assert_eq!(shown.body, "a bc");
        assert_eq!(short("äöü", 3), "äöü");
    }

    #[cfg(all(unix, not(target_os = "macos")))]
    #[test]
    fn a_call_that_rings_can_be_answered_and_does_not_go_by_itself() {
        let notice = RingingNotice {
            title: "Ada calls".to_owned(),
            text: "Video call".to_owned(),
            accept: "Accept".to_owned(),
            decline: "Decline".to_owned(),
        };
        let shown = ringing_notification(&notice, true);
        assert_eq!(shown.actions, ["accept", "Accept", "decline", "Decline", "default", "Sightline"]);
        assert_eq!(shown.timeout, Timeout::Never);
    }

    #[cfg(all(unix, not(target_os = "macos")))]
    #[test]
    fn only_a_press_counts_as_one() {
        use notify_rust::{CloseReason, NotificationResponse};
        let action = |key: &str| meant(&NotificationResponse::Action(key.to_owned()));
        assert_eq!(action("accept"), Some(Press::Accept));
        assert_eq!(action("decline"), Some(Press::Decline));
        assert_eq!(action("something"), None);
        assert_eq!(meant(&NotificationResponse::Default), Some(Press::Open));
        assert_eq!(meant(&NotificationResponse::Closed(CloseReason::Dismissed)), None);
    }
}
