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
    files::{remove_unfinished, write_whole},
    machine::{
        process_id::{Activity, ProcessId},
        system::pid_realm,
    },
};
use serde::{Deserialize, Serialize};

use super::own_file;

const FILE: &str = "follower.json";
/// Time between two writes of the name.
const EVERY: Duration = Duration::from_secs(30);
/// A name that is older means that the follower is gone. One that is as far ahead says nothing: no
/// follower can have written it, unless its clock or this one is wrong.
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
        now.abs_diff(self.written) < STALE_SECONDS
    }

    /// The reason why the process of `here` must not follow, and what to do.
    fn forbids(&self, here: &Name, now: u64) -> Option<String> {
        if self.is_of(here) || !self.is_there(here, now) {
            return None;
        }
        let process = format!("process {} on {} follows this run already", self.pid, self.host);
        if self.is_near(here) {
            let hint = "end that one first (Ctrl-C there leaves the tasks alone)";
            return Some(format!("{process}: {hint}"));
        }
        let seen = match now.checked_sub(self.written) {
            Some(ago) => format!("seen {ago} s ago"),
            None => format!("seen at a time that is {} s ahead", self.written.abs_diff(now)),
        };
        let wait = self.written.saturating_add(STALE_SECONDS).saturating_sub(now);
        Some(format!(
            "{process} ({seen}): end that one first, or try again in {wait} s if it is gone"
        ))
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
    /// If another process follows the job, or something else than a file has the name of this one.
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
        if let Some(message) = read(&file)?.and_then(|it| it.forbids(&name, now())) {
            return Err(Coded { exit: Exit::NotReady, message }.into());
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
        match read(&self.file) {
            // A process that was stopped for long finds another one in its place.
            Ok(Some(it)) if !it.is_of(&self.name) => self.lost = true,
            // A disk that is full for a moment: the next time.
            Ok(_) => _ = self.write(),
            // What cannot be looked at is left alone.
            Err(_) => self.written = Instant::now(),
        }
    }

    /// `true` if another one has taken its place.
    pub(super) fn is_lost(&self) -> bool {
        self.lost
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        if read(&self.file).is_ok_and(|it| it.is_some_and(|it| it.is_of(&self.name))) {
            fs::remove_file(&self.file).ok();
        }
    }
}

/// Reads the name in a file. `None` if there is none, or it is not what this writes.
fn read(file: &Path) -> anyhow::Result<Option<Name>> {
    Ok(own_file::read(file, 4096)?.and_then(|it| serde_json::from_slice(&it).ok()))
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
        assert!(error.contains("process 7 on login2"), "{error}");
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
            assert!(error.contains("if it is gone"), "{error}");
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
        // A name from a time that no clock shows.
        write("login2", 7, u64::MAX);
        drop(Follower::new(dir.path(), "login1").unwrap());
    }

    #[test]
    fn another_machine_s_name_counts_for_two_minutes_around_its_time() {
        let name = |host: &str, written| {
            let (host, realm) = (host.to_owned(), String::new());
            Name { host, realm, pid: 7, started: 1, written }
        };
        let here = name("login1", 0);
        let forbids = |written, now| name("login2", written).forbids(&here, now);
        let again = |written, now| {
            let message = forbids(written, now)?;
            let (_, rest) = message.split_once("try again in ").unwrap();
            Some(rest.split_once(" s if it is gone").unwrap().0.parse::<u64>().unwrap())
        };
        for (written, now, expected) in [
            (1000, 1000, Some(120)),
            (1000, 1119, Some(1)),
            (1000, 1120, None),
            (1000, 940, Some(180)),
            (1000, 881, Some(239)),
            (1000, 880, None),
            (u64::MAX, 1000, None),
            (0, 1000, None),
        ] {
            let wait = again(written, now);
            assert_eq!(wait, expected, "{written} {now}");
            // The hint is true: not before then, and then.
            if let Some(wait) = wait.filter(|it| *it > 1) {
                assert_eq!(
                    (again(written, now + wait - 1), again(written, now + wait)),
                    (Some(1), None)
                );
            }
        }
        let message = forbids(1000, 940).unwrap();
        assert!(message.contains("(seen at a time that is 60 s ahead)"), "{message}");
        assert!(forbids(1000, 1020).unwrap().contains("(seen 20 s ago)"));
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_is_left_alone_and_nobody_follows() {
        let sh = xshell::Shell::new().unwrap();
        let dir = sh.create_temp_dir().unwrap();
        let (file, target) = (dir.path().join(FILE), dir.path().join("target"));
        let refused = |what: &str| {
            let error = format!("{:#}", Follower::new(dir.path(), "login1").unwrap_err());
            assert!(error.contains("follower.json: it is a folder, a link, a pipe"), "{error}");
            assert!(!fs::symlink_metadata(&file).unwrap().is_file(), "{what}");
        };
        fs::write(&target, "mine").unwrap();
        std::os::unix::fs::symlink(&target, &file).unwrap();
        refused("a link");
        assert_eq!(fs::read_to_string(&target).unwrap(), "mine");
        fs::remove_file(&file).unwrap();
        // One that comes while this follows.
        let mut follower = Follower::new(dir.path(), "login1").unwrap();
        fs::remove_file(&file).unwrap();
        std::os::unix::fs::symlink(&target, &file).unwrap();
        follower.written -= EVERY;
        follower.renew();
        drop(follower);
        refused("a link that came later");
        assert_eq!(fs::read_to_string(&target).unwrap(), "mine");
        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
        refused("a folder");
        fs::remove_dir(&file).unwrap();
        let made = std::process::Command::new("mkfifo").arg(&file).status();
        if made.is_ok_and(|it| it.success()) {
            refused("a pipe");
        }
    }
}
