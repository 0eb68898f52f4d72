//! The needs of past builds: peak memory and time of every compiler run and of every whole build.
//!
//! One JSON file, `<target-dir>/xtask/ledger.json`, and for crates that are the same in every
//! workspace another one in the user's cache folder. It is only ever replaced whole (write, sync,
//! rename), and what another process wrote meanwhile is merged, not lost. A file that is broken,
//! foreign or newer is set aside with a warning: what is lost is only knowledge that the next build
//! gathers again, so nothing here stops a build. This module decides nothing; `plan` and the guard
//! do.

use std::{
    collections::BTreeMap,
    env,
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::{
    files::{len_of_file, read_short, write_whole},
    numbers,
};

/// Grows when a field changes its meaning or goes away.
const VERSION: u32 = 1;
/// Tells this file from any other JSON.
const SCHEMA: &str = "xtask-ledger";
/// Rows that the user's ledger keeps of other toolchains, so that it stays quick to read.
const N_ROWS_OF_ALL: usize = 4000;
/// A row has about 300 bytes: so many that every unit of a large build is in here with a thousand
/// settings.
const MOST_BYTES: u64 = 64 << 20;
/// No build takes longer: 30 years.
const MOST_SECONDS: f64 = 1e9;
/// A peak that was not reached again sinks by this part of the difference, so one outlier is
/// forgotten in time.
const DECAY: u64 = 8;
/// Who writes a ledger has its lock for milliseconds.
const LOCKED_MOST: Duration = Duration::from_secs(10);

/// A unit: one step of a build that cargo compiles, links or runs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct UnitKey {
    pub(crate) package: String,
    pub(crate) version: String,
    pub(crate) kind: UnitKind,
    /// rustc's `--crate-name`: a package may have several examples.
    pub(crate) crate_name: String,
    /// The profile's name and whatever was changed in it, as `release` or `dev debug=0`.
    pub(crate) profile: String,
    /// rustc's release and host, as `1.95.0 x86_64-unknown-linux-gnu`.
    pub(crate) toolchain: String,
}

/// The kinds of units that differ in what they need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum UnitKind {
    Lib,
    ProcMacro,
    /// A program: compiled and linked by one rustc. Examples too.
    Bin,
    /// A build script is compiled and linked…
    BuildScriptCompile,
    /// …and run.
    BuildScriptRun,
    Test,
    /// A test, a bench or another program that cargo runs after the build.
    Run,
}

/// A build as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct BuildKey {
    /// Cargo's selection flags in a fixed order, the package and the features included.
    pub(crate) selection: String,
    /// The profile's name and whatever was changed in it, as in [`UnitKey::profile`].
    pub(crate) profile: String,
    pub(crate) jobs: usize,
    pub(crate) toolchain: String,
}

/// One look at a unit or a build that has ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Observation {
    /// Most memory held at once, in bytes.
    pub(crate) peak_bytes: u64,
    /// Wall time from start to end.
    pub(crate) seconds: f64,
    /// `true` if it ran from the beginning to its end. A compiler that was ended early, or a build
    /// that found half of its crates finished, needed *at least* this much memory, and its time
    /// says nothing.
    pub(crate) complete: bool,
}

/// The known needs of a unit or a build.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Need {
    /// The highest peak seen; one that is not reached again sinks slowly.
    pub(crate) peak_bytes: u64,
    /// A running mean; `None` until it has once run to its end.
    pub(crate) seconds: Option<f64>,
    /// Number of times that it ran to its end.
    pub(crate) times_seen: u64,
}

/// The ledger of one target folder.
#[derive(Clone, Debug)]
pub(crate) struct BuildLedger {
    file: PathBuf,
    content: Content,
    /// The observations of this process since the file was read.
    unsaved: Unsaved,
    warning: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Content {
    units: BTreeMap<UnitKey, Need>,
    builds: BTreeMap<BuildKey, Need>,
}

#[derive(Clone, Debug, Default)]
struct Unsaved {
    units: Vec<(UnitKey, Observation)>,
    builds: Vec<(BuildKey, Observation)>,
}

/// The file: JSON has no maps with structured keys, so both are lists.
#[derive(Serialize, Deserialize)]
struct Document {
    schema: String,
    version: u32,
    units: Vec<Row<UnitKey>>,
    builds: Vec<Row<BuildKey>>,
}

#[derive(Serialize, Deserialize)]
struct Row<K> {
    #[serde(flatten)]
    key: K,
    #[serde(flatten)]
    need: Need,
}

impl BuildLedger {
    /// Returns the path of a target folder's ledger.
    pub(crate) fn path(target_dir: &Path) -> PathBuf {
        target_dir.join("xtask").join("ledger.json")
    }

    /// Reads the ledger; an empty one if there is none or it cannot be used
    /// ([`BuildLedger::warning`] then says why).
    pub(crate) fn load(target_dir: &Path) -> BuildLedger {
        BuildLedger::load_file(BuildLedger::path(target_dir))
    }

    /// The ledger of this user for all workspaces. `None` where there is no folder for it that
    /// belongs to the user.
    pub(crate) fn load_of_user() -> Option<BuildLedger> {
        let folder = cache_folder(|name| env::var_os(name).map(PathBuf::from))?;
        Some(BuildLedger::load_file(folder.join("ledger.json")))
    }

    fn load_file(file: PathBuf) -> BuildLedger {
        let shown = file.display();
        let unknown = "what past builds needed is not known";
        let (content, warning) = match Content::read(&file) {
            Ok((content, None)) => (content, None),
            Ok((content, Some(why))) => {
                let and_then = free_aside(&file).map_or_else(String::new, |it| {
                    format!(", and the next build moves it to {}", it.display())
                });
                (content, Some(format!("{shown}: {why}; {unknown}{and_then}")))
            }
            Err(error) => (Content::default(), Some(format!("{shown}: {error}; {unknown}"))),
        };
        BuildLedger { file, content, unsaved: Unsaved::default(), warning }
    }

    /// Returns the warning about the file: its fault, and what becomes of it.
    pub(crate) fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// Returns the known needs of a unit.
    pub(crate) fn unit(&self, key: &UnitKey) -> Option<&Need> {
        self.content.units.get(key)
    }

    /// Every unit that was seen, in a fixed order.
    pub(crate) fn units(&self) -> impl Iterator<Item = (&UnitKey, &Need)> {
        self.content.units.iter()
    }

    /// Returns the known needs of a whole build.
    pub(crate) fn build(&self, key: &BuildKey) -> Option<&Need> {
        self.content.builds.get(key)
    }

    /// Every build that was seen, in a fixed order.
    pub(crate) fn builds(&self) -> impl Iterator<Item = (&BuildKey, &Need)> {
        self.content.builds.iter()
    }

    /// Notes what a unit needed; [`BuildLedger::save`] writes it.
    pub(crate) fn observe_unit(&mut self, key: UnitKey, seen: Observation) {
        let seen = seen.within_bounds();
        learn(&mut self.content.units, &key, seen);
        self.unsaved.units.push((key, seen));
    }

    /// Notes what a whole build needed; [`BuildLedger::save`] writes it.
    pub(crate) fn observe_build(&mut self, key: BuildKey, seen: Observation) {
        let seen = seen.within_bounds();
        learn(&mut self.content.builds, &key, seen);
        self.unsaved.builds.push((key, seen));
    }

    /// As [`BuildLedger::save`]. Rows of other toolchains are dropped once there are many.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn save_of_user(&mut self, toolchain: &str) -> anyhow::Result<()> {
        self.save_with(|content| {
            if content.units.len() > N_ROWS_OF_ALL {
                content.units.retain(|it, _| it.toolchain == toolchain);
            }
        })
    }

    /// Writes everything to the file, together with what others have written since it was read. A
    /// file that cannot be used is moved aside.
    ///
    /// # Errors
    /// If the folder or the file cannot be written, or another process holds its lock for long. The
    /// observations stay, so it can be tried again; a caller that has finished a build only warns.
    pub(crate) fn save(&mut self) -> anyhow::Result<()> {
        self.save_with(|_| {})
    }

    fn save_with(&mut self, thin_out: impl Fn(&mut Content)) -> anyhow::Result<()> {
        let is_usable = self.warning.is_none();
        if is_usable && self.unsaved.units.is_empty() && self.unsaved.builds.is_empty() {
            return Ok(());
        }
        let shown = self.file.display().to_string();
        let folder = self.file.parent().unwrap_or(Path::new(""));
        fs::create_dir_all(folder)
            .with_context(|| format!("could not create {}", folder.display()))?;
        // Held until the end of this function, or of this process.
        let lock = locked(&folder.join("ledger.lock"))?;
        let (mut content, fault) =
            Content::read(&self.file).with_context(|| format!("could not read {shown}"))?;
        if let Some(why) = fault {
            let aside = free_aside(&self.file).with_context(|| format!("{shown}: {why}"))?;
            fs::rename(&self.file, &aside)
                .with_context(|| format!("could not move {shown} to {}", aside.display()))?;
        }
        for (key, seen) in &self.unsaved.units {
            learn(&mut content.units, key, *seen);
        }
        for (key, seen) in &self.unsaved.builds {
            learn(&mut content.builds, key, *seen);
        }
        thin_out(&mut content);
        content.write(&self.file)?;
        drop(lock);
        self.content = content;
        self.unsaved = Unsaved::default();
        Ok(())
    }
}

/// The file, which is made if it is not there, locked.
fn locked(file: &Path) -> anyhow::Result<File> {
    let open = || {
        len_of_file(file)?; // a pipe would be waited for
        let lock = File::options().write(true).create(true).truncate(false).open(file)?;
        let began = Instant::now();
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(lock),
                Err(TryLockError::Error(error)) => return Err(error),
                Err(TryLockError::WouldBlock) if began.elapsed() < LOCKED_MOST => {
                    thread::sleep(Duration::from_millis(20));
                }
                Err(TryLockError::WouldBlock) => {
                    let message = format!("another process has it for {LOCKED_MOST:?} already");
                    return Err(io::Error::other(message));
                }
            }
        }
    };
    open().with_context(|| format!("could not lock {}", file.display()))
}

/// The name that a file which cannot be used would get, and which nothing has; `None` for what is
/// no file.
fn free_aside(file: &Path) -> Option<PathBuf> {
    if !fs::symlink_metadata(file).ok()?.is_file() {
        return None;
    }
    let name = |n: u32| match n {
        0 => file.with_extension("json.aside"),
        n => file.with_extension(format!("json.aside.{n}")),
    };
    let is_free = |it: &PathBuf| {
        fs::symlink_metadata(it).is_err_and(|it| it.kind() == io::ErrorKind::NotFound)
    };
    (0..100).map(name).find(is_free)
}

fn cache_folder(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    user_folder(variable, "XDG_CACHE_HOME", ".cache")
}

/// `cargo-headroom` in the folder that the variable of this name says, else in this one of the
/// home. A folder of another user, as the home of the one who has called `sudo`, is left alone.
pub(crate) fn user_folder(
    variable: impl Fn(&str) -> Option<PathBuf>,
    name: &str,
    in_home: &str,
) -> Option<PathBuf> {
    let absolute = |it: &PathBuf| it.is_absolute();
    let set = variable(name).filter(absolute);
    let parent = set.or_else(|| Some(variable("HOME").filter(absolute)?.join(in_home)))?;
    let folder = parent.join("cargo-headroom");
    let there = folder.ancestors().find_map(|it| fs::metadata(it).ok())?;
    is_own(&there).then_some(folder)
}

#[cfg(unix)]
fn is_own(folder: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    folder.uid() == nix::unistd::geteuid().as_raw()
}

#[cfg(not(unix))]
fn is_own(_folder: &fs::Metadata) -> bool {
    true
}

fn learn<K: Ord + Clone>(needs: &mut BTreeMap<K, Need>, key: &K, seen: Observation) {
    match needs.get_mut(key) {
        Some(need) => need.learn(seen),
        None => {
            let need = Need {
                peak_bytes: seen.peak_bytes,
                seconds: seen.complete.then_some(seen.seconds),
                times_seen: u64::from(seen.complete),
            };
            needs.insert(key.clone(), need);
        }
    }
}

impl Observation {
    /// Keeps the figures in their range. One beyond it comes from a broken clock or a broken
    /// system.
    fn within_bounds(self) -> Observation {
        let Observation { peak_bytes, seconds, complete } = self;
        let peak_bytes = peak_bytes.min(numbers::MOST_BYTES);
        Observation { peak_bytes, seconds: seconds.clamp(0.0, MOST_SECONDS), complete }
    }
}

impl Need {
    /// Checks that the figures are in their range.
    fn check(&self) -> Result<(), String> {
        let Need { peak_bytes, seconds, .. } = *self;
        let most = numbers::MOST_BYTES;
        if peak_bytes > most {
            return Err(format!("peak_bytes {peak_bytes}: expected at most {most}"));
        }
        match seconds {
            Some(it) if !(0.0..=MOST_SECONDS).contains(&it) => {
                Err(format!("seconds {it:?}: expected a number from 0 to {MOST_SECONDS:?}"))
            }
            _ => Ok(()),
        }
    }

    fn learn(&mut self, seen: Observation) {
        if !seen.complete {
            self.peak_bytes = self.peak_bytes.max(seen.peak_bytes);
            return;
        }
        let sunk = self.peak_bytes - self.peak_bytes.saturating_sub(seen.peak_bytes) / DECAY;
        self.peak_bytes = sunk.max(seen.peak_bytes);
        let mean = |old: f64| old + (seen.seconds - old) / 4.0;
        self.seconds = Some(self.seconds.map_or(seen.seconds, mean));
        self.times_seen = self.times_seen.saturating_add(1);
    }
}

/// A ledger's file; for fuzzing.
pub(crate) fn parse(text: &[u8]) {
    Content::parse(text).ok();
}

impl Content {
    /// The file's content; empty, with the reason, if it cannot be used.
    ///
    /// # Errors
    /// If the file cannot be read now. It may be readable another time, so it stays.
    fn read(file: &Path) -> io::Result<(Content, Option<String>)> {
        let why = match read_short(file, MOST_BYTES) {
            Ok(text) => match Content::parse(&text) {
                Ok(content) => return Ok((content, None)),
                Err(why) => why,
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok((Content::default(), None));
            }
            // Too long, or no file at all.
            Err(error) if error.kind() == io::ErrorKind::Other => error.to_string(),
            Err(error) => return Err(error),
        };
        Ok((Content::default(), Some(why)))
    }

    fn parse(text: &[u8]) -> Result<Content, String> {
        // The head first: a newer version may have other fields.
        #[derive(Deserialize)]
        struct Head {
            schema: String,
            version: u32,
        }
        let head: Head =
            serde_json::from_slice(text).map_err(|it| format!("not a ledger ({it})"))?;
        if head.schema != SCHEMA {
            return Err(format!("its schema is `{}`, not `{SCHEMA}`", head.schema));
        }
        if head.version != VERSION {
            return Err(format!("it has version {}, and this xtask reads {VERSION}", head.version));
        }
        let document: Document =
            serde_json::from_slice(text).map_err(|it| format!("not a ledger ({it})"))?;
        for row in &document.units {
            let UnitKey { package, version, .. } = &row.key;
            row.need.check().map_err(|it| format!("unit {package} {version}: {it}"))?;
        }
        for row in &document.builds {
            let BuildKey { selection, profile, jobs, .. } = &row.key;
            let expected = "expected at least 1";
            let jobs = if *jobs == 0 { Err(format!("jobs 0: {expected}")) } else { Ok(()) };
            jobs.and_then(|()| row.need.check())
                .map_err(|it| format!("build {selection} ({profile}): {it}"))?;
        }
        Ok(Content {
            units: document.units.into_iter().map(|it| (it.key, it.need)).collect(),
            builds: document.builds.into_iter().map(|it| (it.key, it.need)).collect(),
        })
    }

    fn write(&self, file: &Path) -> anyhow::Result<()> {
        fn rows<K: Clone>(needs: &BTreeMap<K, Need>) -> Vec<Row<K>> {
            needs.iter().map(|(key, need)| Row { key: key.clone(), need: *need }).collect()
        }
        let document = Document {
            schema: SCHEMA.into(),
            version: VERSION,
            units: rows(&self.units),
            builds: rows(&self.builds),
        };
        let mut text = serde_json::to_vec_pretty(&document)?;
        text.push(b'\n');
        write_whole(file, &text, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn folder() -> xshell::TempDir {
        xshell::Shell::new().unwrap().create_temp_dir().unwrap()
    }

    fn unit(package: &str) -> UnitKey {
        UnitKey {
            package: package.into(),
            version: "1.0.0".into(),
            kind: UnitKind::Lib,
            crate_name: package.replace('-', "_"),
            profile: "release".into(),
            toolchain: "1.95.0 x86_64-unknown-linux-gnu".into(),
        }
    }

    fn build(jobs: usize) -> BuildKey {
        BuildKey {
            selection: "-p demo --example demo".into(),
            profile: "release".into(),
            jobs,
            toolchain: "1.95.0 x86_64-unknown-linux-gnu".into(),
        }
    }

    fn seen(mib: u64, seconds: f64) -> Observation {
        Observation { peak_bytes: mib * MIB, seconds, complete: true }
    }

    fn at_least(mib: u64) -> Observation {
        Observation { complete: false, ..seen(mib, 0.5) }
    }

    #[test]
    #[cfg(unix)]
    fn the_user_s_ledger_is_in_a_folder_of_the_user() {
        let folder = folder();
        let at = |set: &[(&str, &str)]| {
            let set: BTreeMap<String, PathBuf> =
                set.iter().map(|(name, it)| ((*name).into(), folder.path().join(it))).collect();
            let found = cache_folder(|name| set.get(name).cloned())?;
            Some(found.strip_prefix(folder.path()).unwrap().display().to_string())
        };
        assert_eq!(at(&[]), None);
        assert_eq!(at(&[("HOME", "h")]).unwrap(), "h/.cache/cargo-headroom");
        let both = at(&[("HOME", "h"), ("XDG_CACHE_HOME", "x")]);
        assert_eq!(both.unwrap(), "x/cargo-headroom");
        let relative = cache_folder(|_| Some("x".into()));
        assert_eq!(relative, None);
        // Of another user; only root can make one.
        fs::create_dir(folder.path().join("h")).unwrap();
        if std::os::unix::fs::chown(folder.path().join("h"), Some(54_321), None).is_ok() {
            assert_eq!(at(&[("HOME", "h")]), None);
        }
    }

    #[test]
    fn many_rows_of_other_toolchains_are_dropped() {
        let folder = folder();
        let load = || BuildLedger::load_file(folder.path().join("ledger.json"));
        let save = |n: usize, toolchain: &str| {
            let mut ledger = load();
            for it in 0..n {
                let toolchain = toolchain.into();
                ledger.observe_unit(UnitKey { toolchain, ..unit(&it.to_string()) }, seen(1, 1.0));
            }
            ledger.save_of_user(toolchain).unwrap();
        };
        save(N_ROWS_OF_ALL, "old");
        assert_eq!(load().units().count(), N_ROWS_OF_ALL);
        save(2, "new");
        assert!(load().units().map(|it| it.0.toolchain.as_str()).eq(["new"; 2]));
    }

    #[test]
    fn what_is_saved_is_there_next_time() {
        let folder = folder();
        let mut ledger = BuildLedger::load(folder.path());
        assert!(ledger.warning().is_none() && ledger.unit(&unit("syn")).is_none());
        ledger.save().unwrap();
        assert!(!BuildLedger::path(folder.path()).exists(), "there was nothing to save");
        ledger.observe_unit(unit("syn"), seen(300, 4.0));
        ledger.observe_build(build(4), seen(800, 60.0));
        ledger.save().unwrap();

        let ledger = BuildLedger::load(folder.path());
        let expected = Need { peak_bytes: 300 * MIB, seconds: Some(4.0), times_seen: 1 };
        assert_eq!(ledger.unit(&unit("syn")), Some(&expected));
        assert_eq!(ledger.build(&build(4)).unwrap().peak_bytes, 800 * MIB);
        assert_eq!(ledger.build(&build(2)), None);
        assert_eq!((ledger.units().count(), ledger.builds().count()), (1, 1));
        let kinds = [UnitKind::Bin, UnitKind::BuildScriptRun];
        for kind in kinds {
            assert_eq!(ledger.unit(&UnitKey { kind, ..unit("syn") }), None);
        }
    }

    #[test]
    fn peaks_rise_at_once_and_sink_slowly() {
        let mut ledger = BuildLedger::load(folder().path());
        let mut check = |seen, peak_mib, seconds, times_seen| {
            ledger.observe_unit(unit("syn"), seen);
            let expected = Need { peak_bytes: peak_mib * MIB, seconds, times_seen };
            assert_eq!(ledger.unit(&unit("syn")), Some(&expected));
        };
        // A compiler that was ended early tells a lower bound and no time.
        check(at_least(100), 100, None, 0);
        check(seen(400, 4.0), 400, Some(4.0), 1);
        check(at_least(200), 400, Some(4.0), 1);
        check(seen(320, 8.0), 390, Some(5.0), 2);
        check(seen(500, 5.0), 500, Some(5.0), 3);
        check(at_least(600), 600, Some(5.0), 3);
    }

    #[test]
    fn two_writers_lose_nothing() {
        let folder = folder();
        let (mut one, mut other) =
            (BuildLedger::load(folder.path()), BuildLedger::load(folder.path()));
        one.observe_unit(unit("syn"), seen(300, 4.0));
        other.observe_unit(unit("serde"), seen(200, 2.0));
        other.observe_unit(unit("syn"), seen(340, 4.0));
        one.save().unwrap();
        other.save().unwrap();
        // A writer that saves knows the others' figures from then on, and counts its own once.
        other.save().unwrap();
        for ledger in [&other, &BuildLedger::load(folder.path())] {
            assert_eq!(ledger.units().count(), 2);
            let need = ledger.unit(&unit("syn")).unwrap();
            assert_eq!((need.peak_bytes, need.times_seen), (340 * MIB, 2));
        }
    }

    #[test]
    fn threads_that_save_at_once_lose_nothing() {
        let folder = folder();
        std::thread::scope(|scope| {
            for it in 0..8 {
                let path = folder.path();
                scope.spawn(move || {
                    let mut ledger = BuildLedger::load(path);
                    ledger.observe_unit(unit(&format!("crate-{it}")), seen(100, 1.0));
                    ledger.save().unwrap();
                });
            }
        });
        assert_eq!(BuildLedger::load(folder.path()).units().count(), 8);
    }

    /// The file of a ledger that has seen one unit.
    fn with_need(peak_bytes: &str, seconds: &str) -> String {
        format!(
            r#"{{"schema": "xtask-ledger", "version": 1, "builds": [], "units": [{{"package": "syn", "version": "1.0.0",
            "kind": "lib", "crate_name": "syn", "profile": "release", "toolchain": "1.95.0", "times_seen": 18446744073709551615,
            "peak_bytes": {peak_bytes}, "seconds": {seconds}}}]}}"#
        )
    }

    #[test]
    fn figures_that_cannot_be_are_neither_read_nor_written() {
        let mut content = Content::parse(with_need("1125899906842624", "2.0").as_bytes()).unwrap();
        let need = content.units.values_mut().next().unwrap();
        need.learn(Observation { peak_bytes: 1, seconds: 1.0, complete: true });
        assert_eq!(need.times_seen, u64::MAX);
        let folder = folder();
        let mut ledger = BuildLedger::load(folder.path());
        ledger.observe_unit(
            unit("syn"),
            Observation { peak_bytes: u64::MAX, seconds: 1e300, complete: true },
        );
        ledger.save().unwrap();
        let ledger = BuildLedger::load(folder.path());
        assert_eq!(ledger.warning(), None);
        assert_eq!(ledger.unit(&unit("syn")).unwrap().peak_bytes, numbers::MOST_BYTES);
        let none = r#"{"schema": "xtask-ledger", "version": 1, "units": [], "builds": [{"selection": "-p a", "profile": "dev",
            "jobs": 0, "toolchain": "", "peak_bytes": 1, "seconds": null, "times_seen": 1}]}"#;
        let error = Content::parse(none.as_bytes()).unwrap_err();
        assert_eq!(error, "build -p a (dev): jobs 0: expected at least 1");
    }

    #[test]
    fn a_file_that_cannot_be_used_is_set_aside_and_said() {
        let cases = [
            ("", "not a ledger (EOF"),
            ("{\"units\": [", "not a ledger"),
            ("[1, 2]", "not a ledger"),
            ("{\"schema\": \"other\", \"version\": 1}", "its schema is `other`"),
            ("{\"schema\": \"xtask-ledger\", \"version\": 2}", "it has version 2"),
            ("{\"schema\": \"xtask-ledger\", \"version\": 1, \"units\": 3}", "not a ledger"),
            (
                &with_need("18446744073709551615", "1.0"),
                "unit syn 1.0.0: peak_bytes 18446744073709551615: expected",
            ),
            (&with_need("1", "-5.0"), "seconds -5.0: expected a number from 0 to 1000000000.0"),
            (&with_need("1", "1e308"), "seconds 1e308: expected"),
        ];
        for (text, why) in cases {
            let folder = folder();
            let file = BuildLedger::path(folder.path());
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, text).unwrap();
            let mut ledger = BuildLedger::load(folder.path());
            let warning = ledger.warning().expect(text).to_owned();
            assert!(warning.contains(why), "{warning}");
            let aside = |ending: &str| file.with_extension(format!("json.aside{ending}"));
            assert!(warning.ends_with(&aside("").display().to_string()), "{warning}");
            // Who only looks changes nothing.
            assert_eq!(fs::read_to_string(&file).unwrap(), text);
            ledger.observe_unit(unit("syn"), seen(300, 4.0));
            ledger.save().unwrap();
            assert!(BuildLedger::load(folder.path()).warning().is_none());
            assert_eq!(fs::read_to_string(aside("")).unwrap(), text);
            // It happens again, and nothing is lost.
            fs::write(&file, "again").unwrap();
            ledger.observe_unit(unit("syn"), seen(300, 4.0));
            ledger.save().unwrap();
            assert_eq!(fs::read_to_string(aside("")).unwrap(), text);
            assert_eq!(fs::read_to_string(aside(".1")).unwrap(), "again");
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_is_left_alone_and_not_waited_for() {
        let folder = folder();
        let below = folder.path().join("xtask");
        fs::create_dir(&below).unwrap();
        let pipe = |name: &str| {
            let pipe = below.join(name);
            nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
            pipe
        };
        let mut ledger = BuildLedger::load(folder.path());
        ledger.observe_unit(unit("syn"), seen(300, 4.0));
        let lock = pipe("ledger.lock");
        let error = format!("{:#}", ledger.save().unwrap_err());
        assert!(error.contains("ledger.lock: it is a folder, a link, a pipe"), "{error}");
        fs::remove_file(lock).unwrap();
        pipe("ledger.json");
        let error = format!("{:#}", ledger.save().unwrap_err());
        assert!(error.ends_with("ledger.json: not a file"), "{error}");
        let warning = BuildLedger::load(folder.path());
        assert!(warning.warning().unwrap().ends_with("needed is not known"));
        let mut left: Vec<_> =
            fs::read_dir(&below).unwrap().map(|it| it.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["ledger.json", "ledger.lock"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_cannot_be_written_is_an_error_and_forgets_nothing() {
        let folder = folder();
        fs::write(folder.path().join("xtask"), "in the way").unwrap();
        let mut ledger = BuildLedger::load(folder.path());
        ledger.observe_unit(unit("syn"), seen(300, 4.0));
        let error = ledger.save().unwrap_err();
        assert!(format!("{error:#}").contains("could not create"), "{error:#}");
        fs::remove_file(folder.path().join("xtask")).unwrap();
        ledger.save().unwrap();
        assert_eq!(BuildLedger::load(folder.path()).units().count(), 1);
    }
}
