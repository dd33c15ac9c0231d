//! The pages. Each is a state of its own (what is open, what is being typed) and a function that draws it from a
//! [`Scene`](super::scene::Scene).

pub mod call;
pub mod chat;
pub mod checkup;
pub mod devices;
pub mod ended;
pub mod first_start;
pub mod help;
pub mod home;
pub mod incoming;
pub mod outgoing;
pub mod settings;
