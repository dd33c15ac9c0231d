//! The words of a call: while it rings, while it stands, and when it is over.

/// Over the page.
pub const INCOMING: &str = "Incoming call";
/// Over the page.
pub const OUTGOING: &str = "Calling";
/// Over the page.
pub const IN_CALL: &str = "In a call";
/// Over the page.
pub const ENDED: &str = "The call is over";
