//! The words of the first start.

/// Over the page.
pub const WELCOME: &str = "Welcome to Sightline";
/// What there is to do.
pub const WHAT: &str =
    "A minute for a good first call. Everything can be changed later, and nothing has to be done now.";
/// Goes on.
pub const BEGIN: &str = "Begin";
/// Goes on without.
pub const SKIP: &str = "Skip";
