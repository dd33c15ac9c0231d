//! What the server costs: `cargo xtask bench server`, or `cargo xtask bench server quick relay` for less of it.
//!
//! Everything runs on loopback, is bounded in count and time, and ends by itself. The server is the program itself, in a
//! process of its own, so that its processor time and its memory are those that the system accounts to it; the load comes
//! from this process. What can be held against another server is, in the same run, with the same load, in turns.
#![expect(clippy::print_stdout, reason = "printing its figures is what this program is for")]

#[cfg(target_os = "linux")]
mod clients;
#[cfg(target_os = "linux")]
mod flood;
#[cfg(target_os = "linux")]
mod process;
#[cfg(target_os = "linux")]
mod relay;
#[cfg(target_os = "linux")]
mod sessions;
#[cfg(target_os = "linux")]
mod traffic;
#[cfg(target_os = "linux")]
mod turn;

/// How much of it.
#[derive(Debug, Clone, Copy)]
struct Plan {
    quick: bool,
}

impl Plan {
    /// This much, or that much if it is to be quick.
    const fn pick<T: Copy>(self, whole: T, quick: T) -> T {
        if self.quick { quick } else { whole }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("These figures are taken from Linux's own accounts; there is nothing to be measured here.");
}

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<()> {
    type Measure = fn(Plan) -> anyhow::Result<()>;
    const PARTS: [(&str, Measure); 3] =
        [("relay", relay::measure), ("flood", flood::measure), ("sessions", sessions::measure)];
    // cargo's own word for what it runs.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let (quick, wished): (Vec<_>, Vec<_>) = words.iter().partition(|word| *word == "quick");
    if let Some(wrong) = wished.iter().find(|word| PARTS.iter().all(|(name, _)| name != **word)) {
        anyhow::bail!("there is no part `{wrong}`; there are {}", PARTS.map(|(name, _)| name).join(", "));
    }
    let plan = Plan { quick: !quick.is_empty() };
    process::take_files()?;
    for (name, measure) in PARTS {
        if wished.is_empty() || wished.iter().any(|word| *word == name) {
            println!("\n== {name} ==");
            measure(plan)?;
        }
    }
    Ok(())
}
