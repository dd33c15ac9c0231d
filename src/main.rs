//! Sightline, the app.

use std::process::ExitCode;

fn main() -> ExitCode {
    sightline::logging::start();
    sightline::cli::run()
}
