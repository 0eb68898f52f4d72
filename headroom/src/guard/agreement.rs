//! The agreement between the builds of one user on this machine, by which they share memory.
//!
//! Each has a file in a folder that only this user can enter, and says in it when its compilers
//! were let in, what they hold, and which one waits. There is no daemon: a build takes a turn (a
//! lock on the folder, for some microseconds), reads what the others say, decides, and says what it
//! does itself. The file is locked for as long as its build lives, so one that a killed build has
//! left behind is told from others, and removed. A build that has not had a turn for some seconds
//! is stopped or hangs; what it holds is then like any other program's memory.
//!
//! Only builds in the same memory count: those that are in the control group (or on the machine)
//! which leaves this build the least. Several machines may share the folder, perhaps without their
//! locks: what a build on another one says is neither counted nor removed. The name of its file
//! tells that, since the file may be empty at this moment.

use std::{
    env,
    fs::{self, DirBuilder, File, TryLockError},
    io::{self, ErrorKind, Read as _},
    os::unix::fs::{DirBuilderExt as _, FileExt as _, MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use nix::{
    time::{ClockId, clock_gettime},
    unistd::geteuid,
};
use serde::{Deserialize, Serialize};

use super::policy::{Millis, OtherBuilds, Published};
use crate::{
    files::{self, Temporary, random},
    machine::system::boot_id,
    numbers::MOST_BYTES,
};

/// The name of the folder, and the ending of the files in it.
const FOLDER: &str = "cargo-headroom";
const ENDING: &str = "build";
/// No build has more to say.
const TEXT_MOST: u64 = 64 << 10;
/// A build that has had no turn for this long is stopped or hangs.
const SILENT: Millis = 2000;
/// Compilers that are told of one by one.
const ACTIVE_MOST: usize = 256;

/// Milliseconds since the machine was started.
pub(super) fn machine_now() -> Millis {
    let Ok(time) = clock_gettime(ClockId::CLOCK_MONOTONIC) else { return 0 };
    let number = |it: i64| u64::try_from(it).unwrap_or(0);
    number(time.tv_sec()) * 1000 + number(time.tv_nsec()) / 1_000_000
}

/// This build's part in the agreement. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Agreement {
    folder: PathBuf,
    /// The boot of this machine's kernel, with which the names of its files begin.
    boot: String,
    /// Its lock is the turn.
    turn: File,
    /// Locked for as long as this build lives.
    file: File,
    path: PathBuf,
    announcement: Announcement,
    has_turn: bool,
}

/// The announcement of a build to the others.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Announcement {
    /// For people, as the folder that it builds in.
    pid: u32,
    folder: PathBuf,
    number: u64,
    began: Millis,
    /// Its last turn.
    at: Millis,
    /// The control groups that it is in.
    groups: Vec<String>,
    rest_bytes: u64,
    published: Published,
}

/// The facts about another build that a person is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OtherBuild {
    pub(super) pid: u32,
    pub(super) folder: PathBuf,
}

impl Agreement {
    /// Takes part. `number` is one that no other build has, `groups` are those that this process is
    /// in.
    ///
    /// # Errors
    /// If there is no folder that only this user can enter, and none can be made; or there are no
    /// locks in it.
    pub(super) fn join(
        number: u64,
        groups: Vec<String>,
        target_dir: Option<&Path>,
    ) -> io::Result<Agreement> {
        Agreement::join_in(&own_folder(), boot_id(), number, groups, target_dir)
    }

    fn join_in(
        folder: &Path,
        boot: String,
        number: u64,
        groups: Vec<String>,
        target_dir: Option<&Path>,
    ) -> io::Result<Agreement> {
        let here = target_dir.map(Path::to_owned).or_else(|| env::current_dir().ok());
        let announcement = Announcement {
            pid: std::process::id(),
            folder: here.unwrap_or_default(),
            number,
            began: machine_now(),
            at: machine_now(),
            groups,
            rest_bytes: 0,
            published: Published::default(),
        };
        loop {
            make_private(folder)?;
            files::remove_unfinished(folder);
            // The last build that ends removes the folder, perhaps at this moment.
            match Agreement::file_in(folder, &boot, number) {
                Err(err) if err.kind() == ErrorKind::NotFound => {}
                made => {
                    let (turn, file, path) = made?;
                    let folder = folder.to_owned();
                    return Ok(Agreement {
                        folder,
                        boot,
                        turn,
                        file,
                        path,
                        announcement,
                        has_turn: false,
                    });
                }
            }
        }
    }

    /// The turn, and the file, which is locked before it has the name by which others find it.
    fn file_in(folder: &Path, boot: &str, number: u64) -> io::Result<(File, File, PathBuf)> {
        let path = folder.join(format!("{boot}.{number:016x}.{ENDING}"));
        let Temporary { path: unfinished, file } = Temporary::file(&path)?;
        let file = file.ok_or_else(|| io::Error::other("not a file"))?;
        // It is locked already, if there are locks here at all.
        let named = file.lock().and_then(|()| fs::rename(&unfinished, &path));
        if let Err(err) = named {
            fs::remove_file(&unfinished).ok();
            return Err(err);
        }
        // Not before the folder holds a file: an empty one may be removed and made anew, and then
        // this build would lock another folder than the others.
        let turn = turn_in(folder).inspect_err(|_| {
            fs::remove_file(&path).ok();
        })?;
        Ok((turn, file, path))
    }

    /// The number of this build.
    pub(super) fn number(&self) -> u64 {
        self.announcement.number
    }

    /// The file that this build has made.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Takes a turn. Returns the state of all other builds in the memory of this group (of the
    /// machine, if `binding` is `None`), and the build that a person should be told of. Returns
    /// `None` if another build has its turn just now.
    pub(super) fn begin_turn(
        &mut self,
        binding: Option<&str>,
    ) -> Option<(OtherBuilds, Option<OtherBuild>)> {
        self.turn.try_lock().ok()?;
        self.has_turn = true;
        let (mut others, mut shown) = (OtherBuilds::default(), None);
        for it in told_in(&self.folder, &self.boot, Some(&self.path)) {
            if !it.is_in(binding) {
                continue;
            }
            // Of builds that wait for each other the youngest is the first to give up.
            let gives_up_first =
                (it.began, it.number) > (self.announcement.began, self.announcement.number);
            others.add(it.number, it.published, gives_up_first);
            others.rest_bytes = others.rest_bytes.saturating_add(it.rest_bytes);
            shown.get_or_insert(OtherBuild { pid: it.pid, folder: it.folder });
        }
        Some((others, shown))
    }

    /// Says what this build does now, and ends its turn.
    pub(super) fn end_turn(&mut self, mut published: Published, rest_bytes: u64) {
        if !std::mem::replace(&mut self.has_turn, false) {
            return;
        }
        published.active.truncate(ACTIVE_MOST);
        (self.announcement.published, self.announcement.rest_bytes) = (published, rest_bytes);
        self.announcement.at = machine_now();
        if let Ok(text) = serde_json::to_vec(&self.announcement) {
            // It is read in turns only, so no reader sees a part of it.
            self.file.set_len(0).and_then(|()| self.file.write_all_at(&text, 0)).ok();
        }
        self.turn.unlock().ok();
    }
}

impl Drop for Agreement {
    fn drop(&mut self) {
        fs::remove_file(&self.path).ok();
        // A folder that holds anything stays.
        fs::remove_dir(&self.folder).ok();
    }
}

impl Announcement {
    /// Times and sizes that are read are within what can be: what is computed from them must not
    /// overflow.
    fn parse(text: &[u8], now: Millis) -> Option<Announcement> {
        let mut it: Announcement = serde_json::from_slice(text).ok()?;
        let Published { active, youngest, growth_bytes, held_bytes, waiting, .. } =
            &mut it.published;
        let times = active.iter_mut().map(|it| &mut it.0).chain(waiting).chain(youngest);
        times.chain([&mut it.at]).for_each(|it| *it = now.min(*it));
        let sizes = [growth_bytes, held_bytes, &mut it.rest_bytes];
        sizes.into_iter().for_each(|it| *it = MOST_BYTES.min(*it));
        Some(it)
    }

    /// `true` if what it takes is taken from the memory of this group, or of the machine.
    fn is_in(&self, binding: Option<&str>) -> bool {
        binding.is_none_or(|group| self.groups.iter().any(|it| it == group))
    }
}

/// `true` if builds of this user may be running.
pub(crate) fn may_be_others() -> bool {
    own_folder().exists()
}

/// Returns the memory that builds of this user hold in this group, or on the machine. They give it
/// back or take turns.
pub(crate) fn held_by_builds(binding: Option<&str>) -> u64 {
    const N_TRIES: u32 = 50;
    let held = || {
        let folder = own_folder();
        is_private(&folder).ok()?;
        let turn = File::open(&folder).ok()?;
        for _ in 0..N_TRIES {
            if turn.try_lock().is_ok() {
                break;
            }
            thread::sleep(Duration::from_millis(1));
        }
        let builds = told_in(&folder, &boot_id(), None);
        let builds = builds.iter().filter(|it| it.is_in(binding));
        let held = builds.map(|it| it.published.held_bytes.saturating_add(it.rest_bytes));
        Some(held.fold(0, u64::saturating_add))
    };
    held().unwrap_or(0)
}

/// Returns the announcements of the builds on this machine that live and have had a turn lately.
/// Files that dead builds have left behind are removed.
fn told_in(folder: &Path, boot: &str, own: Option<&Path>) -> Vec<Announcement> {
    let now = machine_now();
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_file = entry.file_type().is_ok_and(|it| it.is_file());
        // Those of other machines, or from before the last start of this one, stay.
        if !is_file || own == Some(&path) || !is_ours(&path, boot) {
            continue;
        }
        let Ok(file) = File::options().read(true).write(true).open(&path) else { continue };
        match file.try_lock() {
            // The build that had locked it is gone.
            Ok(()) => {
                fs::remove_file(&path).ok();
            }
            Err(TryLockError::WouldBlock) => {
                let mut content = Vec::new();
                file.take(TEXT_MOST).read_to_end(&mut content).ok();
                found.extend(Announcement::parse(&content, now).filter(|it| it.at + SILENT >= now));
            }
            Err(TryLockError::Error(_)) => {}
        }
    }
    found
}

/// The folder's lock.
fn turn_in(folder: &Path) -> io::Result<File> {
    let turn = File::open(folder)?;
    match turn.try_lock() {
        Ok(()) => turn.unlock()?,
        Err(TryLockError::WouldBlock) => {}
        // Some file systems have locks on files only.
        Err(TryLockError::Error(err)) => return Err(err),
    }
    Ok(turn)
}

/// `true` if the name is one that a build on this machine gives its file.
fn is_ours(path: &Path, boot: &str) -> bool {
    let name = path.file_name().and_then(|it| it.to_str()).unwrap_or_default();
    let Some((before, ENDING)) = name.rsplit_once('.') else { return false };
    let Some((found, number)) = before.rsplit_once('.') else { return false };
    found == boot && number.len() == 16 && u64::from_str_radix(number, 16).is_ok()
}

/// The folder of this user's builds. The same for all sessions, as far as that can be.
fn own_folder() -> PathBuf {
    let uid = geteuid();
    let of_system = || {
        let folder = PathBuf::from(format!("/run/user/{uid}"));
        is_private(&folder).is_ok().then_some(folder)
    };
    match session_folder().or_else(of_system) {
        Some(folder) => folder.join(FOLDER),
        None => env::temp_dir().join(format!("{FOLDER}-{uid}")),
    }
}

/// `$XDG_RUNTIME_DIR`, if only this user can enter it.
pub(super) fn session_folder() -> Option<PathBuf> {
    let folder = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from)?;
    (folder.is_absolute() && is_private(&folder).is_ok()).then_some(folder)
}

fn make_private(folder: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(err) if err.kind() != ErrorKind::AlreadyExists => return Err(err),
        _ => {}
    }
    match is_private(folder) {
        // Removed meanwhile, by the last build that has ended.
        Err(err) if err.kind() == ErrorKind::NotFound => Ok(()),
        checked => checked,
    }
}

/// A folder, and no link to one, which belongs to this user and which no other can enter.
fn is_private(folder: &Path) -> io::Result<()> {
    let found = fs::symlink_metadata(folder)?;
    let complain = |why: String| {
        let message = format!("{} {why}", folder.display());
        Err(io::Error::new(ErrorKind::PermissionDenied, message))
    };
    if !found.is_dir() {
        return complain("is not a folder".into());
    }
    if found.uid() != geteuid().as_raw() {
        return complain(format!("belongs to user {}", found.uid()));
    }
    let mode = found.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return complain(format!("has mode {mode:03o}, and 700 was expected"));
    }
    Ok(())
}

/// A number that no other build has.
pub(super) fn number() -> u64 {
    random()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join(folder: &Path, number: u64, groups: &[&str]) -> Agreement {
        let groups = groups.iter().map(|it| (*it).to_owned()).collect();
        Agreement::join_in(folder, boot_id(), number, groups, None).unwrap()
    }

    fn published(active: &[(Millis, bool)]) -> Published {
        Published { active: active.to_vec(), held_bytes: 10, ..Published::default() }
    }

    #[test]
    fn builds_in_the_same_memory_know_of_each_other() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join(FOLDER);
        let mut a = join(&folder, 1, &["pod/a", "pod"]);
        let mut b = join(&folder, 2, &["pod/b", "pod"]);
        let (others, shown) = a.begin_turn(Some("pod")).unwrap();
        // It has said nothing yet.
        assert_eq!((others, shown), (OtherBuilds::default(), None));
        // One at a time.
        assert_eq!(b.begin_turn(Some("pod")), None);
        a.end_turn(published(&[(7, true), (8, false)]), 5);
        let (others, shown) = b.begin_turn(Some("pod")).unwrap();
        assert_eq!(others.active, [((7, 1), true), ((8, 1), false)]);
        assert_eq!((others.held_bytes, others.rest_bytes, others.goes_on), (10, 5, true));
        assert_eq!(shown.unwrap().pid, std::process::id());
        b.end_turn(Published { is_stuck: true, ..published(&[]) }, 0);
        // In a group of its own it takes nothing from the other.
        assert_eq!(b.begin_turn(Some("pod/b")).unwrap().0, OtherBuilds::default());
        b.end_turn(Published { is_stuck: true, ..published(&[]) }, 0);
        // Both wait for memory: the younger build gives up first.
        assert!(a.begin_turn(None).unwrap().0.goes_on);
        a.end_turn(Published { is_stuck: true, ..published(&[]) }, 0);
        assert!(!b.begin_turn(None).unwrap().0.goes_on);
        b.end_turn(published(&[]), 0);
        drop((a, b));
        assert!(!folder.exists());
    }

    #[test]
    fn what_a_killed_build_has_left_is_removed_and_nothing_else() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join(FOLDER);
        let mut a = join(&folder, 1, &[]);
        let mut dead = join(&folder, 2, &[]);
        dead.begin_turn(None).unwrap();
        dead.end_turn(published(&[(7, true)]), 5);
        // Its file stays, without a process that holds the lock.
        let file = dead.path.clone();
        fs::copy(&file, folder.join("copy")).unwrap();
        drop(dead);
        make_private(&folder).unwrap();
        fs::rename(folder.join("copy"), &file).unwrap();
        let strangers = ["photo", "0123.build", "zzzzzzzzzzzzzzzz.build", "0000000000000003.txt"];
        let similar = strangers.map(|it| format!("{}.{it}", boot_id()));
        let strangers = strangers.iter().map(|it| (*it).to_owned()).chain(similar);
        let strangers: Vec<String> = strangers.collect();
        for it in &strangers {
            fs::write(folder.join(it), "mine").unwrap();
        }
        assert_eq!(a.begin_turn(None).unwrap().0, OtherBuilds::default());
        assert!(!file.exists());
        assert!(strangers.iter().all(|it| folder.join(it).exists()));
        drop(a);
        assert!(folder.exists());
    }

    #[test]
    fn what_another_machine_says_is_neither_counted_nor_removed() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join(FOLDER);
        let mut a = join(&folder, 1, &[]);
        let mut far = Agreement::join_in(&folder, "another".into(), 2, Vec::new(), None).unwrap();
        far.begin_turn(None).unwrap();
        far.end_turn(published(&[(7, true)]), 5);
        let file = far.path.clone();
        let text = fs::read(&file).unwrap();
        assert_eq!(a.begin_turn(None).unwrap().0, OtherBuilds::default());
        a.end_turn(published(&[]), 0);
        // Its lock cannot be seen from here, and perhaps it is just being written.
        drop(far);
        for text in [text, Vec::new()] {
            fs::write(&file, text).unwrap();
            assert_eq!(a.begin_turn(None).unwrap().0, OtherBuilds::default());
            a.end_turn(published(&[]), 0);
            assert!(file.exists());
        }
    }

    #[test]
    fn figures_that_cannot_be_do_no_harm() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join(FOLDER);
        let mut a = join(&folder, 1, &[]);
        let mut odd = join(&folder, 2, &[]);
        odd.announcement.at = Millis::MAX;
        odd.announcement.rest_bytes = u64::MAX;
        let (growth_bytes, held_bytes) = (u64::MAX, u64::MAX);
        let (active, waiting) = (vec![(Millis::MAX, true)], Some(Millis::MAX));
        odd.announcement.published =
            Published { active, growth_bytes, held_bytes, waiting, ..Published::default() };
        odd.file.write_all_at(&serde_json::to_vec(&odd.announcement).unwrap(), 0).unwrap();
        let (others, shown) = a.begin_turn(None).unwrap();
        assert!(shown.is_some());
        let now = machine_now();
        assert!(others.active[0].0.0 <= now && others.waiting.unwrap().0 <= now);
        let sizes = [others.growth_bytes, others.held_bytes, others.rest_bytes];
        assert_eq!(sizes, [MOST_BYTES; 3]);
    }

    #[test]
    fn a_folder_that_others_can_enter_is_not_used() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join(FOLDER);
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        let refused = Agreement::join_in(&folder, boot_id(), 1, Vec::new(), None).unwrap_err();
        assert!(refused.to_string().contains("has mode 755, and 700 was expected"), "{refused}");
        // A link may lead anywhere.
        let link = place.path().join("link");
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
        std::os::unix::fs::symlink(&folder, &link).unwrap();
        let refused = Agreement::join_in(&link, boot_id(), 1, Vec::new(), None).unwrap_err();
        assert!(refused.to_string().contains("is not a folder"), "{refused}");
    }
}
