//! The pages of a call, in all its states.

pub(crate) mod script;
