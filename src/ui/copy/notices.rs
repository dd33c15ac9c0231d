//! What is said around notices. Each has its own words; these are the same for all.

/// Takes back what was done.
pub const UNDO: &str = "Undo";
/// Puts the words and the code into the clipboard.
pub const COPY: &str = "Copy";

/// For a screen reader: there may be several.
pub fn put_away(text: &str) -> String {
    format!("Put away: {text}")
}

/// For a screen reader: there may be several.
pub fn undo(text: &str) -> String {
    format!("{UNDO}: {text}")
}

/// For a screen reader: there may be several.
pub fn copy_what(text: &str) -> String {
    format!("{COPY}: {text}")
}

/// What is copied.
pub fn to_copy(text: &str, code: &str) -> String {
    format!("{text} [{code}]")
}
