//! Memory and progress of a run over time: `timeline.jsonl` in its folder.
//!
//! One JSON line a sample, taken while the run goes on, whatever it is doing. The file is for
//! looking at: it is not flushed to the disk as the journal is, and a run goes on if it cannot be
//! written. Every line has a check; one that cannot be read, or whose numbers cannot be, is passed
//! over.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::engine::result::{check_bytes, check_ms};
use crate::error::Error;
use crate::files::append::read_own;
use crate::files::seal::{seal, unseal};
use crate::files::temporary::Place;

/// The name of the file.
pub const NAME: &str = "timeline.jsonl";

/// A run at some moment.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// The session, counted from 1 as in the journal.
    pub session: usize,
    /// The time since the start of the session, in milliseconds.
    pub elapsed_ms: f64,
    /// The finished rows, those of earlier sessions included.
    pub rows_done: usize,
    /// The memory of the process, in bytes.
    pub memory_bytes: Option<u64>,
    /// The memory that the machine could still give, in bytes.
    pub available_bytes: Option<u64>,
}

/// The time from a sample to the next: a 500th of the time so far, but at least 0.2 s and at most a
/// minute. So a run of any length has some hundred to some thousand samples.
pub fn interval(elapsed: Duration) -> Duration {
    (elapsed / 500).clamp(Duration::from_millis(200), Duration::from_secs(60))
}

/// A timeline that is being written.
#[derive(Debug)]
pub struct Timeline {
    file: File,
    session: usize,
}

impl Timeline {
    /// Goes on with the timeline in the folder of a run.
    ///
    /// # Errors
    /// The error of the system.
    pub fn open(folder: &Path, session: usize) -> io::Result<Timeline> {
        let path = folder.join(NAME);
        Place::len_of_file(&path)?;
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        // A line that a crash cut short must not spoil the next.
        if file.seek(SeekFrom::End(0))? > 0 {
            file.seek(SeekFrom::End(-1))?;
            let mut last = [0];
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                file.write_all(b"\n")?;
            }
        }
        Ok(Timeline { file, session })
    }

    /// The session that this is about.
    pub fn session(&self) -> usize {
        self.session
    }

    /// Appends a sample by one write.
    ///
    /// # Errors
    /// The error of the system.
    pub fn append(&mut self, sample: &Sample) -> io::Result<()> {
        self.file.write_all(line(sample).as_bytes())
    }
}

/// A sample as it stands in the file.
pub(crate) fn line(sample: &Sample) -> String {
    seal(NAME, &serde_json::to_string(sample).expect("plain data")) + "\n"
}

/// Reads what [`line`] wrote.
pub(crate) fn parse(line: &[u8]) -> Option<Sample> {
    let object = unseal(NAME, str::from_utf8(line).ok()?).ok()?;
    let sample: Sample = serde_json::from_str(&object).ok()?;
    let numbers = check_ms("elapsed_ms", sample.elapsed_ms)
        .and_then(|()| check_bytes("memory_bytes", sample.memory_bytes))
        .and_then(|()| check_bytes("available_bytes", sample.available_bytes));
    (numbers.is_ok() && sample.session > 0).then_some(sample)
}

/// The samples in the folder of a run, in their order; none if it has no timeline.
///
/// # Errors
/// [`Error::Read`].
pub fn read(folder: &Path) -> Result<Vec<Sample>, Error> {
    let path = folder.join(NAME);
    match read_own(&path) {
        Ok(content) => {
            let lines = content.split(|&byte| byte == b'\n');
            Ok(lines.filter_map(parse).collect())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(source) => Err(Error::Read { path, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn sample(session: usize, seconds: u32) -> Sample {
        Sample {
            session,
            elapsed_ms: f64::from(seconds) * 1e3,
            rows_done: seconds as usize,
            memory_bytes: Some(24 << 20),
            available_bytes: None,
        }
    }

    #[test]
    fn a_timeline_survives_a_crash_at_any_byte() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read(folder.path()).unwrap().is_empty());
        let mut timeline = Timeline::open(folder.path(), 1).unwrap();
        timeline.append(&sample(1, 0)).unwrap();
        timeline.append(&sample(1, 1)).unwrap();
        let whole = fs::read(folder.path().join(NAME)).unwrap();
        let first = whole.iter().position(|it| *it == b'\n').unwrap() + 1;
        for len in 0..=whole.len() {
            fs::write(folder.path().join(NAME), &whole[..len]).unwrap();
            Timeline::open(folder.path(), 2).unwrap().append(&sample(2, 7)).unwrap();
            // A whole line that lacks only its newline is still a line.
            let kept = [first - 1, whole.len() - 1].iter().filter(|it| len >= **it).count();
            let mut expected = vec![sample(1, 0), sample(1, 1)][..kept].to_vec();
            expected.push(sample(2, 7));
            assert_eq!(read(folder.path()).unwrap(), expected, "cut at {len}");
        }
    }

    #[test]
    fn samples_are_many_but_not_too_many() {
        let count = |seconds: u64| {
            let (mut now, mut n) = (Duration::ZERO, 0);
            while now < Duration::from_secs(seconds) {
                now += interval(now);
                n += 1;
            }
            n
        };
        assert!((30..50).contains(&count(7)), "{}", count(7));
        assert!((2000..4000).contains(&count(3600)), "{}", count(3600));
        assert!(count(7 * 24 * 3600) < 15_000);
    }
}
