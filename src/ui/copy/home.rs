//! The words of the first start, home, the settings and the help.

/// Over the page.
pub const HOME: &str = "Home";
/// Over the page.
pub const SETTINGS: &str = "Settings";
/// Over the page.
pub const HELP: &str = "Help";
/// Over the page.
pub const WELCOME: &str = "Welcome to Sightline";
