//! Where a server is: how it finds that out, what it is called, how it is tried, and the link that says it all.

pub(crate) mod invitation;
pub(crate) mod names;
pub(crate) mod public_address;
pub(crate) mod self_test;
