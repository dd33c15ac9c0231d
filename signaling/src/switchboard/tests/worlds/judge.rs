//! What has to be true of a world whatever happened in it.

use std::collections::HashSet;
use std::time::Duration;

use proptest::prelude::*;

use super::World;

const CALM: Duration = Duration::from_secs(200);

impl World {
    /// The world has calmed down: what is wrong with what was?
    pub(super) fn judge(&mut self) -> Result<(), TestCaseError> {
        for who in 0..2 {
            self.stall(who, false);
        }
        self.run_for(CALM);
        for (number, letter) in self.letters.iter().enumerate() {
            prop_assert!(letter.came <= 1, "letter {number} came twice: {letter:?}");
            prop_assert!(
                !(letter.refused && letter.came > 0),
                "letter {number} came though refused: {letter:?}"
            );
            let sender = &self.people[letter.from];
            let session_ended = sender.life != letter.life || sender.sessions != letter.session;
            prop_assert!(
                letter.came == 1 || letter.told || session_ended,
                "nobody knows what became of letter {number}: {letter:?}"
            );
        }
        let before = self.letters.len();
        for who in 0..2 {
            prop_assert!(self.people[who].client.is_up(), "{who} is not connected");
            self.post(who);
        }
        self.run_for(Duration::from_secs(2));
        prop_assert!(
            self.letters.len() == before + 2 && self.letters[before..].iter().all(|letter| letter.came == 1)
        );
        for program in &self.people {
            let session = &self.switchboard.sessions[&program.identity.address()];
            prop_assert!(session.outbox.is_empty() && program.client.unacknowledged() == 0);
            let said = self.letters.iter().filter(|letter| {
                letter.session == program.sessions
                    && program.identity.address() == self.people[letter.from].identity.address()
            });
            prop_assert_eq!(session.inbox.taken(), said.count() as u64, "both count alike");
        }
        let numbers: HashSet<u64> = self.switchboard.sessions.values().map(|session| session.birth).collect();
        prop_assert_eq!(numbers.len(), 2);
        Ok(())
    }
}
