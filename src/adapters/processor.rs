//! What this program has used of the processors, as the system counts it.
//!
//! Linux tells it in `/proc/self/stat`, in hundredths of a second, which is a per cent of a second. Elsewhere it would take a
//! call that the standard library does not have; there it is not known.

use std::time::Duration;

use crate::engine::ports::program::Processor;

/// See the head of this file.
#[derive(Clone, Copy, Debug, Default)]
pub struct OwnProcess;

impl Processor for OwnProcess {
    fn used(&self) -> Option<Duration> {
        if cfg!(target_os = "linux") { used(&std::fs::read_to_string("/proc/self/stat").ok()?) } else { None }
    }
}

/// `USER_HZ`: the kernel tells its times to programs in these, on every computer.
const TICK: Duration = Duration::from_millis(10);
/// Behind the name of the program: where the time in the program stands, and behind it that in the kernel.
const USER: usize = 11;

fn used(stat: &str) -> Option<Duration> {
    // The name may have blanks and brackets in it.
    let (_, behind) = stat.rsplit_once(')')?;
    let mut times = behind.split_whitespace().skip(USER).map(str::parse::<u32>);
    let (user, kernel) = (times.next()?.ok()?, times.next()?.ok()?);
    Some(TICK * user.checked_add(kernel)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_times_count_whatever_the_program_is_called() {
        let stat = "7 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 150 25 0 0 20 0 9 0 1";
        assert_eq!(used(stat), Some(Duration::from_millis(1_750)));
        assert_eq!(used("7 (a) S 1 2"), None);
        assert_eq!(used(""), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_very_program_has_used_something() {
        let before = OwnProcess.used().unwrap();
        let mut sum = 0_u64;
        let now = crate::engine::clock::Clock::start();
        while now.unix_ms() == 0 || OwnProcess.used().unwrap() <= before {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        assert!(OwnProcess.used().unwrap() > before);
    }
}
