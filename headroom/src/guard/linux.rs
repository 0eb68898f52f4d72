//! The guard as the other rooms see it.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs::{self, File},
    io,
    os::{
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr, UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    sync::{Arc, atomic::Ordering},
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::Context as _;
use nix::unistd::{geteuid, mkdtemp};

use super::{
    GatesOff, GuardStatus, ObservedRun, Unit,
    agreement::{self, Agreement, session_folder},
    controller::{Controller, ControllerContext, KnownNeeds, Shared},
    gate,
    guard_record::{Event, GuardAction, GuardRecord},
    known_for_all,
    wire::{
        ALWAYS, DOCTESTS, GATE, INNER, INSIDE, NOTE, RUN_GATE, RUSTDOC, RUSTDOC_GATE, SOCKET,
        gate_name, is_always, is_gate, off_switch,
    },
};
use crate::{
    build_ledger::user_folder,
    child::watchdog::Watchdog,
    escape::is_hidden,
    files::{self, Temporary},
    machine::{headroom::HeadroomReader, system::budget_bytes},
};

/// The folder of the gates, in a target folder.
const GATES: &str = "xtask-gates";
/// A doctest is compiled and linked at once; more than so much would be rare.
const DOCTEST_BYTES: u64 = 250 << 20;
/// The file in which gates write that cannot reach the controller, before its random part.
const UNGUARDED: &str = "unguarded";

/// If this process is a gate, be it. Call first in `main`.
pub(crate) fn entered() -> Option<ExitCode> {
    gate::entered()
}

/// The guard over one command. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Guard {
    running: Running,
    /// The file in which gates write that cannot reach the controller; `None` if it could not be
    /// made. It is locked as long as this lives. If this process is killed, the next one sees by
    /// its name and its lock that it is left over.
    note: Option<Temporary>,
    /// The reason why other builds do not know of this one.
    alone: Option<String>,
    /// The setting of the user's that says what starts tests.
    other_runner: Option<String>,
    /// Removes the gate if it is in a folder of its own.
    _watchdog: Option<Watchdog>,
}

impl Guard {
    /// `true` if this system can have one.
    pub(crate) const IS_SUPPORTED: bool = true;

    /// Begins to watch, and sets up `cargo` (or a command that runs it) so that its compilers come
    /// through the gate.
    ///
    /// The gate is kept in the target folder, for its path to stay the same; without one it is made
    /// anew, and the watchdog removes it. `known` tells what a unit needed before. Memory that
    /// other programs have taken is waited for at least as long as `wait` says. `runner` is cargo's
    /// variable for what starts tests and other programs, if they are to come through a gate, too.
    /// Returns `None` if this machine does not tell enough for a guard.
    ///
    /// # Errors
    /// If the gate or the socket cannot be made.
    pub(crate) fn start(
        target_dir: Option<&Path>,
        cargo: &mut Command,
        wait: Duration,
        runner: Option<&str>,
        known: impl Fn(&Unit) -> Option<u64> + Send + 'static,
    ) -> anyhow::Result<Option<Guard>> {
        let Some(mut reader) = HeadroomReader::open(Path::new("/")) else { return Ok(None) };
        let inner = inner_tools(cargo);
        let names = [gate_name(inner.wrapper.as_deref()), RUSTDOC_GATE, RUN_GATE];
        let mut watchdog = None;
        // What is left over in the first is removed at the next start.
        let (notes, folder) = match target_dir {
            Some(target_dir) => {
                let own = target_dir.join("xtask");
                (own.clone(), own.join(GATES))
            }
            None => {
                let watchdog = watchdog.insert(Watchdog::spawn()?);
                let folder = own_folder()?;
                for it in names {
                    watchdog.also_remove(&folder.join(it))?;
                }
                (folder.clone(), folder)
            }
        };
        let [gate, rustdoc, run] = names.map(|it| link_gate(&folder, it));
        let (gate, rustdoc, run) = (gate?, rustdoc?, run?);
        let n_doctests = (reader.look().ram_bytes / DOCTEST_BYTES).clamp(1, u64::from(u16::MAX));
        let (agreement, alone) = agree(&reader, target_dir);
        if let (Some(watchdog), Some(agreement)) = (&mut watchdog, &agreement) {
            watchdog.also_remove(agreement.path())?;
        }
        let budget_bytes = budget_bytes()?;
        let (listener, name) = listen().context("could not make a socket for the gates")?;
        let is_of_a_gate = false;
        let around =
            ControllerContext { listener, reader, agreement, wait, budget_bytes, is_of_a_gate };
        let running = Running::start(around, Box::new(known))?;
        // Without it gates speak on stderr.
        let note = Temporary::file(&notes.join(UNGUARDED)).ok();
        if let (Some(note), Some(watchdog)) = (&note, &mut watchdog) {
            watchdog.also_remove(&note.path)?;
        }
        cargo.env("RUSTC_WRAPPER", gate).env("RUSTDOC", rustdoc).env(SOCKET, name);
        let n_cpus = thread::available_parallelism().map_or(1, |it| it.get() as u64);
        cargo.env(DOCTESTS, n_doctests.min(n_cpus).to_string());
        let other_runner = runner.and_then(|it| other_runner(it, cargo));
        if let Some(runner) = runner.filter(|_| other_runner.is_none()) {
            cargo.env(runner, run);
        }
        for (name, value) in [(INNER, inner.wrapper), (RUSTDOC, inner.rustdoc)] {
            match value {
                Some(value) => cargo.env(name, value),
                None => cargo.env_remove(name),
            };
        }
        match &note {
            Some(note) => cargo.env(NOTE, &note.path),
            None => cargo.env_remove(NOTE),
        };
        Ok(Some(Guard { running, note, alone, other_runner, _watchdog: watchdog }))
    }

    /// Returns the setting for which programs that cargo runs do not come through a gate, although
    /// they were to.
    pub(crate) fn other_runner(&self) -> Option<&str> {
        self.other_runner.as_deref()
    }

    /// Returns the reason why other builds do not know of this one, or `None` if they do.
    pub(crate) fn alone(&self) -> Option<&str> {
        self.alone.as_deref()
    }

    /// The command runs and leads this process group.
    pub(crate) fn watch(&self, build: u32) {
        self.running.shared.build.store(build, Ordering::SeqCst);
    }

    /// `true` if a compiler does not fit, not even alone: the command should be ended.
    pub(crate) fn gave_up(&self) -> bool {
        self.running.shared.gave_up.load(Ordering::SeqCst)
    }

    pub(crate) fn live(&self) -> GuardStatus {
        self.running.shared.live().clone()
    }

    /// Returns the next event of the guard that was not returned before.
    pub(crate) fn next_event(&self) -> Option<Event> {
        self.running.shared.events().pop_front()
    }

    /// Ends what is left of the command's compilers, and tells what was seen.
    pub(crate) fn finish(mut self) -> (GuardRecord, Vec<ObservedRun>) {
        self.end().unwrap_or_default()
    }

    fn end(&mut self) -> Option<(GuardRecord, Vec<ObservedRun>)> {
        // Before the folder around it is removed. Its name has never been another's.
        let unguarded = self.note.take().map(|it| {
            let text = fs::read_to_string(&it.path);
            fs::remove_file(&it.path).ok();
            text.unwrap_or_default()
        });
        let unguarded = unguarded.unwrap_or_default();
        let (mut record, observed) = self.running.end()?;
        record.unguarded = unguarded.lines().map(String::from).collect();
        Some((record, observed))
    }
}

/// A controller's thread. It ends when this is dropped, and leaves nothing behind.
#[derive(Debug)]
struct Running {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<(GuardRecord, Vec<ObservedRun>)>>,
    /// The controller ends when this is closed.
    stop: Option<UnixStream>,
}

impl Running {
    fn start(around: ControllerContext, known: KnownNeeds) -> anyhow::Result<Running> {
        let (stop, stopped) = UnixStream::pair().context("could not make a socket")?;
        let shared = Arc::new(Shared::default());
        let controller = Controller::new(around, &stopped, known, shared.clone())
            .context("could not start the guard")?;
        let run = move || {
            // Held open until the end.
            let _stopped = stopped;
            controller.run()
        };
        let thread =
            thread::Builder::new().name("guard".into()).stack_size(256 << 10).spawn(run)?;
        Ok(Running { shared, thread: Some(thread), stop: Some(stop) })
    }

    fn end(&mut self) -> Option<(GuardRecord, Vec<ObservedRun>)> {
        self.stop = None;
        self.thread.take()?.join().ok()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// The controller of a gate that cargo's configuration names and that no build has set up: for its
/// own compiler only. With those of other gates and builds it agrees as builds do.
pub(super) struct OwnController {
    running: Running,
    /// The name of the socket on which it listens.
    pub(super) name: String,
}

impl OwnController {
    /// Returns `None` if a compiler has started this one and must not wait for it, or if the
    /// machine does not tell enough for a guard.
    ///
    /// # Errors
    /// If nothing can be known of the other builds, or the socket or the thread cannot be made.
    pub(super) fn start() -> anyhow::Result<Option<OwnController>> {
        if env::var_os(INSIDE).is_some() {
            return Ok(None);
        }
        let Some(reader) = HeadroomReader::open(Path::new("/")) else { return Ok(None) };
        // Alone, it would let in what all other gates let in, too.
        let agreement = Some(Agreement::join(agreement::number(), reader.group_ids(), None)?);
        let (listener, name) = listen().context("could not make a socket for the gate")?;
        // A budget is for all of a build, of which this is one compiler.
        let (wait, budget_bytes, is_of_a_gate) = (Duration::ZERO, None, true);
        let around =
            ControllerContext { listener, reader, agreement, wait, budget_bytes, is_of_a_gate };
        let running = Running::start(around, Box::new(known_for_all(None)))?;
        Ok(Some(OwnController { running, name }))
    }

    /// Returns the reason why the compiler is not tried again, or `None` if it is.
    pub(super) fn why_given_up(&self) -> Option<String> {
        let events = self.running.shared.events();
        let it = events.iter().find(|it| it.what == GuardAction::GaveUp)?;
        Some(it.why_given_up())
    }
}

/// The folder of the gates that cargo's configuration names.
fn always_folder() -> anyhow::Result<PathBuf> {
    let variable = |name: &str| env::var_os(name).map(PathBuf::from);
    let data = user_folder(variable, "XDG_DATA_HOME", ".local/share")
        .context("neither XDG_DATA_HOME nor HOME names a folder that belongs to this user")?;
    Ok(data.join(ALWAYS))
}

/// Makes the gates that cargo's configuration is to name, and tells what belongs there.
///
/// # Errors
/// If they cannot be made.
pub(crate) fn gates_for_always() -> anyhow::Result<Vec<String>> {
    let inner = inner_tools(&Command::new(crate::workspace::cargo()));
    let folder = always_folder()?;
    let program = env::current_exe().context("where this program is cannot be told")?;
    fs::create_dir_all(&folder)
        .with_context(|| format!("could not create {}", folder.display()))?;
    let gate = |name: &str| {
        let gate = folder.join(name);
        remove_left_over_links(&folder, name);
        if fs::symlink_metadata(&gate).is_ok_and(|it| !it.is_symlink()) {
            anyhow::bail!("{} is no link, so it is not replaced by the gate", gate.display());
        }
        // A link to the name: a newer version of the program is the gate from then on.
        put_link(&gate, |new| std::os::unix::fs::symlink(&program, new))?;
        let path = gate.to_str().with_context(|| {
            format!("{} is no UTF-8, as cargo's configuration must be", gate.display())
        })?;
        Ok(toml_string(path))
    };
    let wrapper = gate(gate_name(inner.wrapper.as_deref()))?;
    let rustdoc = gate(RUSTDOC_GATE)?;
    let switch = off_switch(&folder);
    match fs::remove_file(&switch) {
        Err(err) if err.kind() != io::ErrorKind::NotFound => {
            return Err(err).with_context(|| format!("could not remove {}", switch.display()));
        }
        _ => {}
    }
    let mut lines = vec![
        "[build]".to_owned(),
        format!("rustc-wrapper = {wrapper}"),
        format!("rustdoc = {rustdoc}"),
    ];
    let inner = [(INNER, inner.wrapper), (RUSTDOC, inner.rustdoc)];
    let inner = inner.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let inner: Vec<String> =
        inner.map(|(name, value)| format!("{name} = {}", toml_string(&value))).collect();
    if !inner.is_empty() {
        lines.extend(["".into(), "[env]".into()]);
        lines.extend(inner);
    }
    Ok(lines)
}

/// Switches those gates off. They stay: without one that the configuration of any workspace names,
/// nothing could be compiled there any more.
///
/// # Errors
/// If they cannot be switched off.
pub(crate) fn switch_gates_off() -> anyhow::Result<GatesOff> {
    let folder = always_folder()?;
    if !folder.is_dir() {
        return Ok(GatesOff { folder: None, named: None });
    }
    let switch = off_switch(&folder);
    match File::create_new(&switch) {
        Err(err) if err.kind() != io::ErrorKind::AlreadyExists => {
            return Err(err).with_context(|| format!("could not make {}", switch.display()));
        }
        _ => {}
    }
    let configured = Configured::ask(&Command::new(crate::workspace::cargo()));
    let value = |key| Some(configured.as_ref()?.value(key)?.0);
    let mut named = ["build.rustc-wrapper", "build.rustdoc"].into_iter().filter_map(value);
    let named = named.find(|it| is_always(Path::new(it)));
    Ok(GatesOff { folder: Some(folder), named })
}

/// The text as a basic string of TOML. Those of JSON are, but for a few letters that must be, or
/// are better, written out.
fn toml_string(text: &str) -> String {
    let json = serde_json::Value::from(text).to_string();
    let letters = json.chars().map(|it| match is_hidden(it) {
        true => format!("\\U{:08x}", u32::from(it)),
        false => it.to_string(),
    });
    letters.collect()
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.end();
    }
}

/// Have this build and others know of each other, or say why they do not.
fn agree(
    reader: &HeadroomReader,
    target_dir: Option<&Path>,
) -> (Option<Agreement>, Option<String>) {
    // A build that a compiler has started must not wait for that compiler.
    if env::var_os(INSIDE).is_some() {
        return (None, None);
    }
    match Agreement::join(agreement::number(), reader.group_ids(), target_dir) {
        Ok(agreement) => (Some(agreement), None),
        Err(err) => (None, Some(err.to_string())),
    }
}

/// Returns the memory that other builds of this user hold of what is left to this process. They
/// give it back, or take turns.
pub(crate) fn held_by_other_builds() -> u64 {
    if !agreement::may_be_others() {
        return 0;
    }
    let Some(mut reader) = HeadroomReader::open(Path::new("/")) else { return 0 };
    reader.look();
    agreement::held_by_builds(reader.binding_group())
}

/// This program under the gate's name. Its path stays the same, since cargo asks the compiler
/// everything again when the path or the time of the wrapper changes.
fn link_gate(folder: &Path, name: &str) -> anyhow::Result<PathBuf> {
    use std::os::unix::fs::MetadataExt as _;
    let program = env::current_exe().context("where xtask's program is cannot be told")?;
    fs::create_dir_all(folder).with_context(|| format!("could not create {}", folder.display()))?;
    let gate = folder.join(name);
    remove_left_over_links(folder, name);
    let same = |a: fs::Metadata, b: fs::Metadata| a.ino() == b.ino() && a.dev() == b.dev();
    if let (Ok(a), Ok(b)) = (fs::metadata(&program), fs::metadata(&gate))
        && same(a, b)
    {
        return Ok(gate);
    }
    // Renamed over the old one, which may be in use. A build of this program by itself would
    // replace the file.
    let link = |new: &Path| match fs::hard_link(&program, new) {
        Err(err) if err.kind() != io::ErrorKind::AlreadyExists => {
            // On another file system, perhaps a full one.
            std::os::unix::fs::symlink(&program, new)
        }
        linked => linked,
    };
    put_link(&gate, link)?;
    Ok(gate)
}

/// Puts a link where the gate is to be, at once and over an older one.
fn put_link(gate: &Path, link: impl Fn(&Path) -> io::Result<()>) -> anyhow::Result<()> {
    loop {
        let (new, ()) = files::make_beside(gate, &link)
            .with_context(|| format!("could not link the program to {}", gate.display()))?;
        let renamed = fs::rename(&new, gate);
        // Its new name is left only if it could not be renamed, or was the same file already.
        fs::remove_file(&new).ok();
        match renamed {
            // Another process that begins takes all such names for left over.
            Err(err)
                if err.kind() == io::ErrorKind::NotFound
                    && gate.parent().is_some_and(Path::is_dir) => {}
            renamed => {
                return renamed.with_context(|| format!("could not make {}", gate.display()));
            }
        }
    }
}

/// Removes the temporary names of gates that processes which were killed have left behind. Nothing
/// is lost with a link, not even by a process that is about to rename it: it makes another one.
fn remove_left_over_links(folder: &Path, gate: &str) {
    use std::os::unix::fs::MetadataExt as _;
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let is_gate = name.to_str().and_then(files::original) == Some(gate);
        // `DirEntry::metadata` follows no link.
        let is_own = |it: &fs::Metadata| !it.is_dir() && it.uid() == geteuid().as_raw();
        if is_gate && entry.metadata().is_ok_and(|it| is_own(&it)) {
            fs::remove_file(entry.path()).ok();
        }
    }
}

/// A new folder for the gate, which only this user can enter.
fn own_folder() -> anyhow::Result<PathBuf> {
    let below = session_folder().unwrap_or_else(env::temp_dir);
    // With a random name and mode 0700, and never one that exists.
    mkdtemp(&below.join(format!("{GATE}.XXXXXX")))
        .with_context(|| format!("could not make a folder in {}", below.display()))
}

/// A socket in the kernel's own list of names. It is in no folder, so nothing has to be removed
/// afterwards, nothing that cleans folders up can take it away, and it is gone with this process.
fn listen() -> io::Result<(UnixListener, String)> {
    loop {
        let name = format!("xtask-guard-{:016x}{:016x}", files::random(), files::random());
        match UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name)?) {
            Err(err) if err.kind() == io::ErrorKind::AddrInUse => {}
            listener => return Ok((listener?, name)),
        }
    }
}

/// Returns the setting that says already what starts tests: this variable, or a key of cargo's
/// configuration.
fn other_runner(variable: &str, cargo: &Command) -> Option<String> {
    // A build within a build has the outer guard's gate there.
    let set = env::var_os(variable).filter(|it| !it.is_empty() && !is_gate(Path::new(it)));
    let configured = || {
        let configured = Configured::ask(cargo)?;
        let mut keys = configured.0.lines().filter_map(|it| it.split_once(" = "));
        let is_runner = |it: &str| it.starts_with("target.") && it.ends_with(".runner");
        keys.find(|it| is_runner(it.0)).map(|it| it.0.to_owned())
    };
    set.map(|_| variable.to_owned()).or_else(configured)
}

/// The tools that the user has set up in the places of the gates.
#[derive(Debug, Default, PartialEq)]
struct InnerTools {
    wrapper: Option<String>,
    rustdoc: Option<String>,
}

/// Reads the tools from the environment, the command line and cargo's configuration, in cargo's
/// order.
fn inner_tools(cargo: &Command) -> InnerTools {
    let configured = Configured::ask(cargo).unwrap_or_default();
    let set = |name: &str| {
        let own = cargo.get_envs().find(|it| it.0 == name).map(|it| it.1.map(Into::into));
        own.unwrap_or_else(|| env::var_os(name))
    };
    let find = |key: &str, [first, second]: [&str; 2], outer: &str| {
        let found = configured.value(key);
        let is_on_command_line = found.as_ref().is_some_and(|it| it.1);
        // Set to nothing, it turns off what the configuration says.
        let value = set(first).or_else(|| set(second).filter(|_| !is_on_command_line));
        match value {
            // A build within a build: the outer guard's gate is not asked as well.
            Some(value) if is_gate(Path::new(&value)) => env::var(outer).ok(),
            Some(value) => Some(value.to_string_lossy().into_owned()).filter(|it| !it.is_empty()),
            None => match found {
                // `cargo headroom on` has had what is behind its gate put there, too.
                Some((it, _)) if is_gate(Path::new(&it)) => {
                    configured.value(&format!("env.{outer}")).map(|it| it.0)
                }
                found => found.map(|it| it.0),
            },
        }
    };
    let wrappers = ["RUSTC_WRAPPER", "CARGO_BUILD_RUSTC_WRAPPER"];
    InnerTools {
        wrapper: find("build.rustc-wrapper", wrappers, INNER),
        rustdoc: find("build.rustdoc", ["RUSTDOC", "CARGO_BUILD_RUSTDOC"], RUSTDOC),
    }
}

/// cargo's configuration, as cargo shows it.
#[derive(Default)]
struct Configured(String);

impl Configured {
    /// `cargo config get` is not stable yet, so it is asked for as one asks an unstable compiler.
    /// Returns `None` if cargo does not tell. A single section is not asked for: cargo does not
    /// tell either if it is empty.
    fn ask(cargo: &Command) -> Option<Configured> {
        let mut command = Command::new(crate::workspace::cargo());
        command.args(["-Zunstable-options", "config", "get", "--show-origin"]);
        command.args(config_arguments(cargo));
        command.env("RUSTC_BOOTSTRAP", "1").stdin(Stdio::null()).stderr(Stdio::null());
        if let Some(folder) = cargo.get_current_dir() {
            command.current_dir(folder);
        }
        let output = command.output().ok().filter(|it| it.status.success())?;
        Some(Configured(String::from_utf8_lossy(&output.stdout).into_owned()))
    }

    /// A value that is not empty, and whether it is from the command line.
    ///
    /// `build.rustc-wrapper = "sccache" # /w/.cargo/config.toml`; a path is meant from the folder
    /// above `.cargo`.
    fn value(&self, key: &str) -> Option<(String, bool)> {
        let is_it = |it: &str| Some(it.strip_prefix(key)?.strip_prefix(" = ")?.to_owned());
        let line = self.0.lines().find_map(is_it)?;
        let (value, origin) = line.rsplit_once(" # ")?;
        let value = value.trim_matches(['"', '\'']);
        let is_path = value.contains('/') && !Path::new(value).is_absolute();
        let is_on_command_line = origin.starts_with("--config");
        let value = match Path::new(origin).parent().and_then(Path::parent) {
            Some(root) if is_path && !is_on_command_line => {
                root.join(value).to_string_lossy().into_owned()
            }
            _ => value.to_owned(),
        };
        (!value.is_empty()).then_some((value, is_on_command_line))
    }
}

/// Returns the arguments of a cargo command that set its configuration, before `--`.
fn config_arguments(cargo: &Command) -> Vec<OsString> {
    let is_cargo = Path::new(cargo.get_program()).file_stem().is_some_and(|it| it == "cargo");
    let mut args = cargo.get_args().filter(|_| is_cargo).take_while(|it| *it != "--");
    let mut found = Vec::new();
    while let Some(arg) = args.next() {
        if arg == "--config" {
            found.push(arg.to_owned());
            found.extend(args.next().map(OsStr::to_owned));
        } else if arg.to_string_lossy().starts_with("--config=") {
            found.push(arg.to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_that_are_left_over_are_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        let program = env::current_exe().unwrap();
        let symlink = |it: &Path| std::os::unix::fs::symlink(&program, it);
        let (left, ()) = files::make_beside(&place(GATE), symlink).unwrap();
        let (copy, ()) = files::make_beside(&place(GATE), |it| fs::write(it, "old")).unwrap();
        let (other, ()) = files::make_beside(&place("photo"), symlink).unwrap();
        let (album, ()) = files::make_beside(&place(GATE), |it| fs::create_dir(it)).unwrap();
        let theirs = place("xtask-gate.4f2a1c3.tmp");
        symlink(&theirs).unwrap();

        let gate = link_gate(folder.path(), GATE).unwrap();
        assert!(left.symlink_metadata().is_err() && copy.symlink_metadata().is_err());
        let mut kept = vec![gate, other, album, theirs];
        let found = fs::read_dir(folder.path()).unwrap().map(|it| it.unwrap().path());
        let mut found: Vec<_> = found.collect();
        kept.sort();
        found.sort();
        assert_eq!(found, kept);
    }

    #[test]
    fn a_configured_wrapper_is_found_where_cargo_would_find_it() {
        let check = |answer: &str, expected: Option<(&str, bool)>| {
            let found = Configured(answer.into()).value("build.rustc-wrapper");
            assert_eq!(found, expected.map(|it| (it.0.to_owned(), it.1)), "{answer}");
        };
        let from_file = |it| Some((it, false));
        check("build.rustc-wrapper = \"sccache\" # /w/.cargo/config.toml\n", from_file("sccache"));
        check("build.rustc-wrapper = \"bin/w\" # /w/.cargo/config.toml", from_file("/w/bin/w"));
        check(
            "build.jobs = 2 # /w/.cargo/config.toml\nbuild.rustc-wrapper = \"/w\" # /x/y\n",
            from_file("/w"),
        );
        check("build.rustc-wrapper = \"\" # /w/.cargo/config.toml", None);
        check("build.rustc-wrapper = \"./w\" # --config cli option", Some(("./w", true)));
        check("error: config value `build.rustc-wrapper` is not set", None);
    }

    #[test]
    fn a_command_line_of_cargo_may_hold_configuration() {
        let found = |program: &str, args: &str| {
            let mut command = Command::new(program);
            command.args(args.split(' '));
            let found: Vec<_> = config_arguments(&command);
            found.iter().map(|it| it.to_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
        };
        let args = "build --config a=1 --config=b=2 -p x -- --config c=3";
        assert_eq!(found("/usr/bin/cargo", args), "--config a=1 --config=b=2");
        assert_eq!(found("make", args), "");
    }
}
