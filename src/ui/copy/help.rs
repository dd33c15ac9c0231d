//! The words of the help.

/// Over the page.
pub const HELP: &str = "Help";
/// Over the keys.
pub const KEYBOARD: &str = "Keyboard";
/// What holds everywhere.
pub const KEYBOARD_MORE: &str = "Tab goes from one thing to the next, Enter or Space presses it.";
/// Over what the words of a call mean.
pub const PATHS: &str = "Direct or relayed";
/// What the words of a call mean, in three sentences.
pub const PATHS_WHAT: [&str; 3] = [
    "Direct: sound and pictures go straight from your computer to theirs, which is the fastest way.",
    "Relayed: a network on the way lets nothing through directly, so a server passes everything on; that takes a little longer.",
    "Either way the call is encrypted from end to end: no server can see or hear it, and the words that both of you can \
     compare during a call prove it.",
];
/// Over what this program is.
pub const ABOUT: &str = "About";
/// Puts it into the clipboard.
pub const COPY_VERSION: &str = "Copy version";
/// Under which conditions.
pub const LICENCE: &str = "Free software under the MIT licence or the Apache licence 2.0, as you like. It comes without any warranty.";
/// Of others.
pub const LICENCES_OF_OTHERS: &str = "The typeface is Inter (SIL Open Font License 1.1); addresses are set in JetBrains Mono (Apache 2.0). Video is \
     encoded by OpenH264 from Cisco (BSD), sound by Opus (BSD), and calls travel by WebRTC (MIT or Apache 2.0).";

/// Which version this is.
pub fn version(version: &str) -> String {
    format!("Sightline {version}")
}
