//! How a server does, for whoever watches it: what is counted, and who is told.

pub(crate) mod metrics;
pub(crate) mod status;
