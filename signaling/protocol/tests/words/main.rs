//! What the protocol promises, as tests. One binary, a file for each part.

#![expect(clippy::unwrap_used, reason = "what fails here shall fail the test")]

mod calls;
mod fuzz;
mod golden;
mod hostile;
mod keys;
mod links;
mod sealing;
mod sessions;
mod vectors;
