//! What a program and all that it started have cost.

use std::{collections::HashMap, fs, time::Instant};

/// The kernel counts processor time in these: `USER_HZ`, a hundred a second on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// Counts what a tree of processes costs between two looks.
#[derive(Debug)]
pub(crate) struct Meter {
    root: u32,
    looks: Vec<(Instant, u64)>,
}

impl Meter {
    pub(crate) const fn of(root: u32) -> Self {
        Self { root, looks: Vec::new() }
    }

    pub(crate) fn look(&mut self) {
        self.looks.push((Instant::now(), ticks_of_tree(self.root, &processes())));
    }

    /// How many cores it kept busy between the first look and the last.
    pub(crate) fn cores(&self) -> Option<f64> {
        let ((from, before), (to, after)) = (self.looks.first()?, self.looks.last()?);
        let seconds = to.duration_since(*from).as_secs_f64();
        (seconds > 0.0).then(|| after.saturating_sub(*before) as f64 / TICKS_PER_SECOND / seconds)
    }
}

struct Process {
    parent: u32,
    ticks: u64,
}

fn processes() -> HashMap<u32, Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter_map(|pid| Some((pid, read(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?)))
        .collect()
}

/// The name in the second field may hold anything, so what follows is counted from its end.
fn read(stat: &str) -> Option<Process> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(Process { parent: fields.get(1)?.parse().ok()?, ticks: number(11)? + number(12)? })
}

fn ticks_of_tree(root: u32, all: &HashMap<u32, Process>) -> u64 {
    let own = all.get(&root).map_or(0, |process| process.ticks);
    let children = all.iter().filter(|(_, process)| process.parent == root);
    own + children.map(|(pid, _)| ticks_of_tree(*pid, all)).sum::<u64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_costs_what_all_of_it_costs_whatever_its_programs_are_called() {
        let stat = |name: &str, parent: u32, ticks: u64| {
            read(&format!("1 ({name}) S {parent} 0 0 0 0 0 0 0 0 0 {ticks} 5 0 0")).unwrap()
        };
        let all = HashMap::from([
            (10, stat("sh", 1, 10)),
            (11, stat("a ) S 99", 10, 20)),
            (12, stat("b", 11, 30)),
            (13, stat("c", 1, 100)),
        ]);
        assert_eq!(ticks_of_tree(10, &all), 10 + 20 + 30 + 15);
        assert!(processes().contains_key(&std::process::id()), "the real ones are read");
    }
}
