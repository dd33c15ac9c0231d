//! Sightline, the app.

fn main() {}
