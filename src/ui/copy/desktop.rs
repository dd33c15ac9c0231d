//! What the desktop is told outside of the window: its tray, its notices, its dialogs.

/// In the tray's menu.
pub const OPEN: &str = "Open Sightline";
/// In the tray's menu.
pub const MUTE: &str = "Microphone off";
/// In the tray's menu.
pub const UNMUTE: &str = "Microphone on";
/// In the tray's menu.
pub const HANG_UP: &str = "Hang up";
/// In the tray's menu.
pub const DECLINE: &str = "Decline";
/// In the tray's menu.
pub const QUIT: &str = "Quit Sightline";
/// On the notice of a call.
pub const ACCEPT: &str = "Accept";
/// Somebody whose name is not known.
pub const SOMEONE: &str = "Someone new";
/// Told once, when the window is closed and the app stays.
pub const STILL_HERE: (&str, &str) =
    ("Sightline goes on running", "Calls still reach you. To end it, choose Quit from its icon.");
/// Why the screen stays on.
pub const AWAKE: &str = "In a call";
/// Above a dialog.
pub const CHOOSE_FILES: &str = "Choose files to send";
/// Above a dialog.
pub const CHOOSE_FOLDER: &str = "Choose the folder for files";
/// Above a dialog.
pub const SAVE_REPORT: &str = "Save the report of the call";

/// The tray, by how things stand.
pub fn tray(standing: Tray<'_>) -> String {
    match standing {
        Tray::Idle => "Sightline".to_owned(),
        Tray::Ringing(who) => format!("{who} is calling"),
        Tray::InCall(who) => format!("In a call with {who}"),
        Tray::Muted(who) => format!("In a call with {who}, microphone off"),
    }
}

/// How things stand.
pub enum Tray<'a> {
    /// No call.
    Idle,
    /// Somebody calls.
    Ringing(&'a str),
    /// A call stands.
    InCall(&'a str),
    /// And our microphone is off.
    Muted(&'a str),
}

/// The title of the notice of a call.
pub fn calling(who: &str) -> String {
    format!("{who} is calling")
}

/// What is said of it.
pub const fn with_what(video: bool) -> &'static str {
    if video { "With picture and sound" } else { "With sound" }
}

/// The title of the notice of a missed call.
pub fn missed(who: &str) -> String {
    format!("Missed a call from {who}")
}

/// What is said of a stranger's name.
pub fn claims(name: &str) -> String {
    format!("Someone new, who says to be {name}")
}

/// What is told at the start after a fault.
pub fn met_a_fault(file: &str) -> String {
    format!(
        "Sightline met a fault in itself last time. What is known of it is in {file}; it names no addresses and no keys."
    )
}
