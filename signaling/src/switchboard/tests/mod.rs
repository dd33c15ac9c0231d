//! The switchboard's stories, on a clock that only the test moves.

mod away;
mod desk;
mod order;
mod relay;
mod talk;
mod worlds;
