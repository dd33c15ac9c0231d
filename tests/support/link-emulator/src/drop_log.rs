//! Every drop, written down: one line each, with time, direction, size and cause.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use crate::stats::{Cause, Dropped};

pub(crate) struct DropLog(BufWriter<File>);

impl DropLog {
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let mut file = BufWriter::new(File::create(path)?);
        writeln!(file, "ms,direction,bytes,cause")?;
        file.flush()?;
        Ok(Self(file))
    }

    pub(crate) fn write(&mut self, dropped: &Dropped) -> io::Result<()> {
        let Dropped { at, direction, size, cause } = dropped;
        let ms = at.as_secs_f64() * 1000.0;
        writeln!(self.0, "{ms:.3},{direction},{size},{}", name(*cause))
    }

    /// So that whoever asks for figures finds the log as new as they are.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn name(cause: Cause) -> &'static str {
    match cause {
        Cause::Loss => "loss",
        Cause::Queue => "queue",
        Cause::Blackout => "blackout",
        Cause::TooLong => "too_long",
        Cause::Overflow => "overflow",
        Cause::Refused => "refused",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::script::Direction;

    #[test]
    fn a_drop_is_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("drops.csv");
        let mut log = DropLog::create(&path).unwrap();
        let at = Duration::from_micros(1_234_567);
        log.write(&Dropped { at, direction: Direction::Up, size: 1200, cause: Cause::Queue }).unwrap();
        log.flush().unwrap();
        assert_eq!(
            std::fs::read_to_string(path).unwrap(),
            "ms,direction,bytes,cause\n1234.567,up,1200,queue\n"
        );
    }
}
