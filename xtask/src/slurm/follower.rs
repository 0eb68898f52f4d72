//! One follower for a job folder: a second one would submit what is missing a second time.
//!
//! Nothing is locked, since network file systems cannot be trusted with it: the follower writes its
//! name into a file again and again, and is believed to be there while that is fresh, or, on the
//! same machine, while its process is. Two that start in the same moment cost computing time and no
//! result.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use headroom::{
    Coded, Exit,
    files::{read_short, remove_unfinished, write_whole},
    machine::{
        process_id::{Activity, ProcessId},
        system::pid_realm,
    },
};
use serde::{Deserialize, Serialize};

const FILE: &str = "follower.json";
/// Time between two writes of the name.
const EVERY: Duration = Duration::from_secs(30);
/// A name that is older means that the follower is gone.
const STALE_SECONDS: u64 = 120;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Name {
    host: String,
    /// The system in which the PID has a meaning; empty where the system does not tell.
    #[serde(default)]
    realm: String,
    pid: u32,
    /// As in [`ProcessId`].
    started: u64,
    /// Seconds since 1970 when this was written.
    written: u64,
}

impl Name {
    fn is_of(&self, other: &Name) -> bool {
        let what = |it: &Name| (it.host.clone(), it.realm.clone(), it.pid, it.started);
        what(self) == what(other)
    }

    /// `true` if the process can be looked for from `here`: containers, and machines that were
    /// installed alike, have the same host name and other processes.
    fn is_near(&self, here: &Name) -> bool {
        self.host == here.host && !self.realm.is_empty() && self.realm == here.realm
    }

    fn is_there(&self, here: &Name, now: u64) -> bool {
        if self.is_near(here) {
            let process = ProcessId { pid: self.pid, started: self.started };
            return process.activity() != Activity::Gone;
        }
        now.saturating_sub(self.written) < STALE_SECONDS
    }
}

/// While this lives, this process follows.
#[derive(Debug)]
pub(super) struct Follower {
    file: PathBuf,
    name: Name,
    written: Instant,
    lost: bool,
}

impl Follower {
    /// # Errors
    /// If another process follows the job.
    pub(super) fn new(folder: &Path, host: &str) -> anyhow::Result<Follower> {
        let file = folder.join(FILE);
        let own = ProcessId::of(std::process::id());
        let started = own.map_or(0, |it| it.started);
        let name = Name {
            host: host.to_owned(),
            realm: pid_realm(),
            pid: std::process::id(),
            started,
            written: now(),
        };
        if let Some(other) = read(&file)
            && !other.is_of(&name)
            && other.is_there(&name, now())
        {
            let ago = now().saturating_sub(other.written);
            let hint = if other.is_near(&name) {
                "end that one first (Ctrl-C there leaves the tasks alone)".to_owned()
            } else {
                format!(
                    "end that one first, or try again in {} s if it is gone",
                    STALE_SECONDS.saturating_sub(ago)
                )
            };
            return Err(Coded {
                exit: Exit::NotReady,
                message: format!(
                    "process {} on {} follows this run already (seen {ago} s ago): {hint}",
                    other.pid, other.host
                ),
            }
            .into());
        }
        let mut follower = Follower { file, name, written: Instant::now(), lost: false };
        follower.write()?;
        // Only the follower writes here, besides tasks, which hold their files.
        remove_unfinished(folder);
        Ok(follower)
    }

    fn write(&mut self) -> anyhow::Result<()> {
        self.name.written = now();
        self.written = Instant::now();
        write_whole(&self.file, serde_json::to_string(&self.name)?.as_bytes(), false)
    }

    /// Says again, from time to time, that this process is there.
    pub(super) fn renew(&mut self) {
        if self.written.elapsed() < EVERY || self.lost {
            return;
        }
        // A process that was stopped for long finds another one in its place.
        self.lost = read(&self.file).is_some_and(|it| !it.is_of(&self.name));
        if !self.lost {
            // A disk that is full for a moment: the next time.
            self.write().ok();
        }
    }

    /// `true` if another one has taken its place.
    pub(super) fn is_lost(&self) -> bool {
        self.lost
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        if read(&self.file).is_some_and(|it| it.is_of(&self.name)) {
            fs::remove_file(&self.file).ok();
        }
    }
}

/// `None` if there is none, or it is not what this writes.
fn read(file: &Path) -> Option<Name> {
    serde_json::from_slice(&read_short(file, 4096).ok()?).ok()
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn a_second_follower_is_refused_unless_the_first_is_gone() {
        let sh = xshell::Shell::new().unwrap();
        let dir = sh.create_temp_dir().unwrap();
        let file = dir.path().join(FILE);
        let write_in = |realm: String, host: &str, pid: u32, written: u64| {
            let name = Name { host: host.into(), realm, pid, started: 1, written };
            fs::write(&file, serde_json::to_string(&name).unwrap()).unwrap();
        };
        let write = |host: &str, pid, written| write_in(pid_realm(), host, pid, written);
        let follower = Follower::new(dir.path(), "login1").unwrap();
        assert!(file.exists() && !follower.is_lost());
        drop(follower);
        assert!(!file.exists());
        // Another machine, just now and long ago.
        write("login2", 7, now() - 20);
        let error = Follower::new(dir.path(), "login1").unwrap_err().to_string();
        assert!(
            error.contains("process 7 on login2") && error.contains("again in 100 s"),
            "{error}"
        );
        write("login2", 7, now() - 500);
        drop(Follower::new(dir.path(), "login1").unwrap());
        // This machine: whether the process is there, however fresh its word is.
        write("login1", 4_194_999, now());
        drop(Follower::new(dir.path(), "login1").unwrap());
        // A container of the same name, in which there is such a process; and an xtask that did not
        // write where it is.
        for realm in ["another boot pid:[7]", ""] {
            write_in(realm.into(), "login1", 4_194_999, now() - 20);
            let error = Follower::new(dir.path(), "login1").unwrap_err().to_string();
            assert!(error.contains("again in 100 s"), "{error}");
        }
        write_in(String::new(), "login1", 4_194_999, now() - 500);
        let mut follower = Follower::new(dir.path(), "login1").unwrap();
        // Taken over meanwhile: what is there is not ours to remove.
        write("login2", 7, now());
        follower.written -= EVERY;
        follower.renew();
        assert!(follower.is_lost());
        drop(follower);
        assert!(file.exists());
    }
}
