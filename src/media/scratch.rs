//! A file for a test, gone when the test is.

use std::path::{Path, PathBuf};

pub(super) struct Scratch(PathBuf);

impl Scratch {
    /// A path that nothing is at yet.
    pub(super) fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("sightline-{}-{name}", std::process::id())))
    }

    pub(super) fn with(name: &str, bytes: &[u8]) -> Self {
        let scratch = Self::new(name);
        std::fs::write(scratch.path(), bytes).expect("the temporary folder can be written");
        scratch
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).ok();
    }
}
