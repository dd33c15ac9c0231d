//! What is left to chance, decided by a seed.
//!
//! A packet's loss, its jitter and its copy are drawn from three sequences, and all are drawn for every packet, asked for or
//! not. So the same packets are lost whether or not there is jitter. ChaCha8, because its numbers are the same on every
//! system and in every version, and because it has the independent sequences.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};

use crate::conditions::{Conditions, Loss};
use crate::script::Direction;

pub(crate) struct Dice {
    loss: ChaCha8Rng,
    jitter: ChaCha8Rng,
    copies: ChaCha8Rng,
    is_bad: bool,
}

/// What becomes of one packet.
pub(crate) struct Fate {
    pub(crate) is_lost: bool,
    pub(crate) is_doubled: bool,
    /// From −1 to 1: where in its jitter the packet lies.
    pub(crate) jitter: f64,
}

impl Dice {
    pub(crate) fn new(seed: u64, direction: Direction) -> Self {
        let first = match direction {
            Direction::Up => 0,
            Direction::Down => 16,
        };
        let sequence = |number: u64| {
            let mut sequence = ChaCha8Rng::seed_from_u64(seed);
            sequence.set_stream(first + number);
            sequence
        };
        Self { loss: sequence(0), jitter: sequence(1), copies: sequence(2), is_bad: false }
    }

    pub(crate) fn throw(&mut self, conditions: &Conditions) -> Fate {
        let (change, lost) = (unit(&mut self.loss), unit(&mut self.loss));
        Fate {
            is_lost: self.is_lost(conditions.loss, change, lost),
            is_doubled: conditions.duplicate.covers(unit(&mut self.copies)),
            jitter: unit(&mut self.jitter) * 2.0 - 1.0,
        }
    }

    fn is_lost(&mut self, loss: Loss, change: f64, lost: f64) -> bool {
        match loss {
            Loss::None => false,
            Loss::Random(share) => share.covers(lost),
            Loss::Bursts { to_bad, to_good, in_good, in_bad } => {
                self.is_bad = if self.is_bad { !to_good.covers(change) } else { to_bad.covers(change) };
                if self.is_bad { in_bad.covers(lost) } else { in_good.covers(lost) }
            }
        }
    }
}

/// From nought to below one.
fn unit(sequence: &mut ChaCha8Rng) -> f64 {
    const STEPS: f64 = (1_u64 << 53) as f64;
    (sequence.next_u64() >> 11) as f64 / STEPS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conditions::Share;

    const PACKETS: usize = 200_000;

    fn lost(loss: Loss) -> Vec<bool> {
        let mut dice = Dice::new(7, Direction::Up);
        let conditions = Conditions { loss, ..Conditions::default() };
        (0..PACKETS).map(|_| dice.throw(&conditions).is_lost).collect()
    }

    fn share(lost: &[bool]) -> f64 {
        lost.iter().filter(|lost| **lost).count() as f64 / lost.len() as f64
    }

    fn mean_run(lost: &[bool]) -> f64 {
        let runs = lost.chunk_by(|a, b| a == b).filter(|run| run[0]);
        let (count, total) = runs.fold((0, 0), |(count, total), run| (count + 1, total + run.len()));
        f64::from(u32::try_from(total).unwrap()) / f64::from(count)
    }

    #[test]
    fn random_loss_has_its_share_and_the_runs_of_chance() {
        let lost = lost(Loss::Random(Share::percent(10.0).unwrap()));
        assert!((share(&lost) - 0.10).abs() < 0.005, "{}", share(&lost));
        assert!((mean_run(&lost) - 1.11).abs() < 0.03, "{}", mean_run(&lost));
    }

    #[test]
    fn bursts_have_their_share_and_their_length() {
        let lost = lost(Loss::bursts(Share::percent(10.0).unwrap(), 4.0).unwrap());
        assert!((share(&lost) - 0.10).abs() < 0.006, "{}", share(&lost));
        assert!((mean_run(&lost) - 4.0).abs() < 0.15, "{}", mean_run(&lost));
    }

    #[test]
    fn jitter_and_copies_leave_the_loss_as_it_was() {
        let plain = Conditions { loss: Loss::Random(Share::percent(30.0).unwrap()), ..Conditions::default() };
        let more = Conditions { duplicate: Share::percent(50.0).unwrap(), ..plain.clone() };
        let (mut one, mut other) = (Dice::new(3, Direction::Up), Dice::new(3, Direction::Up));
        for _ in 0..1000 {
            assert_eq!(one.throw(&plain).is_lost, other.throw(&more).is_lost);
        }
    }

    #[test]
    fn the_two_directions_and_two_seeds_have_different_fates() {
        let conditions =
            Conditions { loss: Loss::Random(Share::percent(50.0).unwrap()), ..Conditions::default() };
        let fates = |seed, direction| {
            let mut dice = Dice::new(seed, direction);
            (0..64).map(|_| dice.throw(&conditions).is_lost).collect::<Vec<_>>()
        };
        assert_ne!(fates(1, Direction::Up), fates(1, Direction::Down));
        assert_ne!(fates(1, Direction::Up), fates(2, Direction::Up));
        assert_eq!(fates(1, Direction::Up), fates(1, Direction::Up));
    }
}
