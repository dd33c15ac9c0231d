//! What the doctor predicted for calls to somebody, kept in the profile until such a call can be held against it.

use std::{collections::BTreeMap, fs, path::PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use sightline_protocol::keys::Address;

use crate::{logic::doctor::Prediction, settings::Profile};

/// Networks change; what was expected of a call so long ago says nothing any more.
const GOOD_FOR_MS: u64 = 24 * 3600 * 1000;
/// People for whom a prediction is kept. Of more the oldest is forgotten.
const MAX_KEPT: usize = 64;

/// The last predictions of a profile.
pub(super) struct Memory {
    file: PathBuf,
    kept: BTreeMap<String, Kept>,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    made_unix_ms: u64,
    prediction: Prediction,
}

impl Memory {
    /// Those of this profile. A file that cannot be read is as good as none: nothing depends on it.
    pub(super) fn of(profile: &Profile) -> Self {
        let file = profile.predictions_file();
        let read = fs::read(&file).ok().and_then(|text| serde_json::from_slice(&text).ok());
        Self { file, kept: read.unwrap_or_default() }
    }

    /// What is expected of a call to them, if that is not too long ago.
    pub(super) fn recall(mut self, whom: Address, now_unix_ms: u64) -> Option<Prediction> {
        let kept = self.kept.remove(&whom.to_string())?;
        (now_unix_ms.abs_diff(kept.made_unix_ms) < GOOD_FOR_MS).then_some(kept.prediction)
    }

    /// Keeps what is expected of a call to them.
    pub(super) fn keep(
        mut self,
        whom: Address,
        prediction: Prediction,
        now_unix_ms: u64,
    ) -> anyhow::Result<()> {
        self.kept.insert(whom.to_string(), Kept { made_unix_ms: now_unix_ms, prediction });
        while self.kept.len() > MAX_KEPT {
            let oldest = self.kept.iter().min_by_key(|(_, kept)| kept.made_unix_ms);
            let Some(oldest) = oldest.map(|(whom, _)| whom.clone()) else { break };
            self.kept.remove(&oldest);
        }
        let text = serde_json::to_vec_pretty(&self.kept)?;
        fs::write(&self.file, text)
            .with_context(|| format!("the prediction cannot be kept in {}", self.file.display()))
    }
}

#[cfg(test)]
mod tests {
    use sightline_protocol::keys::Identity;

    use super::*;
    use crate::logic::doctor::{Observations, predict};

    #[test]
    fn a_prediction_is_recalled_for_a_day_and_few_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let profile = Profile::at(Some(folder.path())).unwrap();
        let prediction = predict(&Observations::default(), &Observations::default());
        let people: Vec<_> = (0..=MAX_KEPT).map(|_| Identity::generate().unwrap().address()).collect();
        for (now, whom) in people.iter().enumerate() {
            Memory::of(&profile).keep(*whom, prediction.clone(), now as u64).unwrap();
        }
        let recall = |whom, now| Memory::of(&profile).recall(whom, now);
        assert_eq!(recall(people[0], 100), None, "the oldest made room");
        assert_eq!(recall(people[1], 100), Some(prediction));
        assert_eq!(recall(people[1], GOOD_FOR_MS + 100), None);
        fs::write(profile.predictions_file(), "rubbish").unwrap();
        assert_eq!(recall(people[1], 100), None);
    }
}
