//! The tests of the app as a whole, in one program.

mod layering;
mod support;
