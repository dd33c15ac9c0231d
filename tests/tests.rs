//! The tests of the app as a whole, in one program.

mod call;
mod call_stories;
mod layering;
mod negotiation;
mod support;
