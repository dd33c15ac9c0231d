//! A link with the faults that were asked for: delay, jitter, loss, a narrow rate with a queue, black-out.
//!
//! Two parts. [`Link`] and [`Cable`] decide: packets and times in, packets and times out, no clock, no socket, the same on
//! every system. [`Emulator`] moves: two TUN devices, perhaps in two network namespaces, and one thread that carries IP
//! packets between them through a [`Cable`]. It exists because `netem` is not in every kernel, and because a benchmark
//! wants a link whose every decision follows from a seed and whose every drop is written down.
//!
//! `README.md` beside this crate says how it is used, and what was measured of it.

mod cable;
mod change;
mod conditions;
mod dice;
mod link;
mod notation;
mod script;
mod stats;

#[cfg(target_os = "linux")]
mod control;
#[cfg(target_os = "linux")]
mod device;
#[cfg(target_os = "linux")]
mod drop_log;
#[cfg(target_os = "linux")]
mod emulator;
#[cfg(target_os = "linux")]
mod pump;

pub use cable::Cable;
pub use change::{Change, Setting};
pub use conditions::{BitsPerSecond, Conditions, DEFAULT_QUEUE, Loss, Share};
pub use link::{Link, MAX_HELD_BYTES, MAX_HELD_PACKETS};
pub use notation::{Misread, duration};
pub use script::{Direction, Directions, Script, ScriptError, change_for};
pub use stats::{Cause, Counts, Dropped, Drops, LATE, Stats};

#[cfg(target_os = "linux")]
pub use control::{Reply, tell};
#[cfg(target_os = "linux")]
pub use device::{End, Namespace};
#[cfg(target_os = "linux")]
pub use emulator::{Emulator, Error, Setup};
