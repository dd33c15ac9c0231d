//! What things cost: `cargo xtask bench`, or `cargo bench --bench speed -- sealing` for one part.

mod media;
mod panel;
mod sealing;
mod voice;

fn main() {
    divan::main();
}
