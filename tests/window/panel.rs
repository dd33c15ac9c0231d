//! A desktop's panel of the test's own: it shows notices and has a tray, and presses what a test says.

use std::{thread, time::Instant};

use serde_json::{Value, json};

use super::desktop::{Desktop, LOOK, PATIENCE, Told};

/// What takes notices and has a tray, on the bus of a desktop that has neither otherwise.
pub(crate) struct Panel(Told);

impl Panel {
    /// From now on there is one.
    pub(crate) fn start(desktop: &Desktop) -> Self {
        let mut told = Told::start("panel.py", &desktop.address, desktop.folder.path());
        assert_eq!(told.hear(), "ready");
        Self(told)
    }

    /// Waits for a notice that says so, and presses the button that says so.
    pub(crate) fn presses(&mut self, title: &str, button: &str) {
        self.until(&format!("a notice “{title}” with “{button}”"), |panel| {
            let notices = panel.0.ask(&json!(["notices"]));
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let shown =
                notices.as_array().unwrap().iter().find(|notice| text(&notice["title"]).contains(title));
            let Some(shown) = shown else { return false };
            let at = shown["buttons"].as_array().unwrap().iter().position(|label| text(label) == button);
            let Some(at) = at else { return false };
            panel.0.ask(&json!(["press", shown["id"], shown["keys"][at]])) == true
        });
    }

    /// Waits until no notice is shown.
    pub(crate) fn shows_none(&mut self) {
        self.until("no notice", |panel| panel.0.ask(&json!(["notices"])) == json!([]));
    }

    /// Waits until a menu of the tray has this, and chooses it.
    pub(crate) fn chooses(&mut self, words: &str) {
        self.until(&format!("“{words}” in the tray"), |panel| {
            panel.0.ask(&json!(["choose", words])) == true
        });
    }

    fn until(&mut self, what: &str, mut is_it: impl FnMut(&mut Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_it(self) {
            let seen = (self.0.ask(&json!(["notices"])), self.0.ask(&json!(["tray"])));
            assert!(Instant::now() < deadline, "{what} did not come: {seen:?}");
            thread::sleep(LOOK);
        }
    }
}
