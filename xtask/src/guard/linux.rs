//! The guard as the rest of xtask sees it.

use std::{
    env,
    fs::{self, DirBuilder},
    io,
    os::unix::{
        fs::DirBuilderExt as _,
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    thread::{self, JoinHandle},
};

use anyhow::Context as _;

use super::{
    Live, Observed, Unit,
    controller::{Controller, Shared},
    gate,
    record::{Event, Record},
    wire::{GATE, INNER, SOCKET},
};
use crate::{process::ProcessId, watchdog::Watchdog};

/// If this process is a gate, be it. Call first in `main`.
pub(crate) fn entered() -> Option<ExitCode> {
    gate::entered()
}

/// The guard over one command. Dropped, it lets go of it.
#[derive(Debug)]
pub(crate) struct Guard {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<(Record, Vec<Observed>)>>,
    /// The controller ends when this is closed.
    stop: Option<UnixStream>,
    folder: PathBuf,
}

impl Guard {
    /// Whether this system can have one.
    pub(crate) const IS_SUPPORTED: bool = true;

    /// Begin to watch, and set up `cargo` (or a command that runs it) so that its compilers come through the gate.
    ///
    /// The gate is kept in the target folder, for its path to stay the same; without one it is made anew.
    /// `known` tells what a unit needed before. `None`: this machine does not tell enough for a guard.
    ///
    /// # Errors
    /// The gate or the socket cannot be made.
    pub(crate) fn start(
        target_dir: Option<&Path>,
        cargo: &mut Command,
        known: impl Fn(&Unit) -> Option<u64> + Send + 'static,
    ) -> anyhow::Result<Option<Guard>> {
        let watchdog = Watchdog::spawn()?;
        let target_dir = target_dir.map(|it| it.join("xtask"));
        let folder = private_folder(target_dir.as_deref())?;
        let gate = link_gate(target_dir.as_deref().unwrap_or(&folder))?;
        let socket = folder.join("socket");
        let listener = UnixListener::bind(&socket)
            .with_context(|| format!("could not listen at {}", socket.display()))?;
        let (stop, stopped) = UnixStream::pair().context("could not make a socket")?;
        let shared = Arc::new(Shared::default());
        let known = Box::new(known);
        let controller = Controller::new(listener, &stopped, known, shared.clone(), watchdog);
        let controller = match controller {
            Ok(controller) => controller,
            Err(err) if err.kind() == io::ErrorKind::Unsupported => return Ok(None),
            Err(err) => return Err(err).context("could not start the guard"),
        };
        let run = move || {
            // Held open until the end.
            let _stopped = stopped;
            controller.run()
        };
        let thread =
            thread::Builder::new().name("guard".into()).stack_size(256 << 10).spawn(run)?;
        let inner = inner_wrapper(cargo);
        cargo.env("RUSTC_WRAPPER", gate).env(SOCKET, &socket);
        match inner {
            Some(inner) => cargo.env(INNER, inner),
            None => cargo.env_remove(INNER),
        };
        Ok(Some(Guard { shared, thread: Some(thread), stop: Some(stop), folder }))
    }

    /// The command runs and leads this process group.
    pub(crate) fn watch(&self, build: u32) {
        self.shared.build.store(build, Ordering::SeqCst);
    }

    /// Whether a compiler does not fit, not even alone: the command should be ended.
    pub(crate) fn gave_up(&self) -> bool {
        self.shared.gave_up.load(Ordering::SeqCst)
    }

    pub(crate) fn live(&self) -> Live {
        self.shared.live().clone()
    }

    /// What the guard has done and nobody has heard of yet.
    pub(crate) fn next_event(&self) -> Option<Event> {
        self.shared.events().pop_front()
    }

    /// End what is left of the command's compilers, and tell what was seen.
    pub(crate) fn finish(mut self) -> (Record, Vec<Observed>) {
        self.end().unwrap_or_default()
    }

    fn end(&mut self) -> Option<(Record, Vec<Observed>)> {
        self.stop = None;
        let result = self.thread.take().and_then(|it| it.join().ok());
        fs::remove_dir_all(&self.folder).ok();
        result
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.end();
    }
}

/// This program under the gate's name. Its path stays the same, since cargo asks the compiler everything again when
/// the path or the time of the wrapper changes.
fn link_gate(folder: &Path) -> anyhow::Result<PathBuf> {
    use std::os::unix::fs::MetadataExt as _;
    let program = env::current_exe().context("where xtask's program is cannot be told")?;
    let gate = folder.join(GATE);
    let same = |a: fs::Metadata, b: fs::Metadata| a.ino() == b.ino() && a.dev() == b.dev();
    if let (Ok(a), Ok(b)) = (fs::metadata(&program), fs::metadata(&gate))
        && same(a, b)
    {
        return Ok(gate);
    }
    // Renamed over the old one, which may be in use. A build of xtask by itself would replace the program.
    let new = folder.join(format!("{GATE}.{}", std::process::id()));
    fs::remove_file(&new).ok();
    if fs::hard_link(&program, &new).is_err() {
        // On another file system, perhaps a full one.
        std::os::unix::fs::symlink(&program, &new)
            .with_context(|| format!("could not link the program to {}", new.display()))?;
    }
    fs::rename(&new, &gate).with_context(|| format!("could not make {}", gate.display()))?;
    Ok(gate)
}

/// A folder for the socket that nobody else can enter: below the target folder, unless the path is too long for a
/// socket's name.
fn private_folder(below: Option<&Path>) -> anyhow::Result<PathBuf> {
    static N: AtomicU32 = AtomicU32::new(0);
    let name = format!("guard-{}-{}", std::process::id(), N.fetch_add(1, Ordering::Relaxed));
    if let Some(below) = below {
        fs::create_dir_all(below)
            .with_context(|| format!("could not create {}", below.display()))?;
    }
    let below = below.map(|it| it.join(&name));
    let folder = below
        .filter(|it| it.as_os_str().len() < 90 && it.is_absolute())
        .unwrap_or_else(|| env::temp_dir().join(format!("xtask-{name}")));
    // What a killed xtask has left.
    for entry in
        folder.parent().and_then(|it| fs::read_dir(it).ok()).into_iter().flatten().flatten()
    {
        let name = entry.file_name();
        let pid = name
            .to_str()
            .and_then(|it| it.rsplit_once("guard-")?.1.split('-').next()?.parse().ok());
        if let Some(pid) = pid
            && (pid == std::process::id() || ProcessId::of(pid).is_none())
            && entry.path() != folder
        {
            fs::remove_dir_all(entry.path()).ok();
        }
    }
    fs::remove_dir_all(&folder).ok();
    DirBuilder::new()
        .mode(0o700)
        .create(&folder)
        .with_context(|| format!("could not create {}", folder.display()))?;
    Ok(folder)
}

/// The wrapper that the user has set up, in the environment or in cargo's configuration.
fn inner_wrapper(cargo: &Command) -> Option<String> {
    let set = |name: &str| {
        let own = cargo.get_envs().find(|it| it.0 == name).map(|it| it.1.map(Into::into));
        own.unwrap_or_else(|| env::var_os(name))
    };
    for name in ["RUSTC_WRAPPER", "CARGO_BUILD_RUSTC_WRAPPER"] {
        // Set to nothing, it turns off what the configuration says.
        let Some(value) = set(name) else { continue };
        if Path::new(&value).file_name().is_some_and(|it| it == GATE) {
            // A build within a build: the outer guard's gate is not asked as well.
            return env::var(INNER).ok();
        }
        return Some(value.to_string_lossy().into_owned()).filter(|it| !it.is_empty());
    }
    configured_wrapper(cargo.get_current_dir())
}

/// `build.rustc-wrapper` as cargo reads it. `cargo config get` is not stable yet, so it is asked for as one asks an
/// unstable compiler, and an answer that is not understood means none.
fn configured_wrapper(folder: Option<&Path>) -> Option<String> {
    let mut command = Command::new(crate::workspace::cargo());
    command.args(["-Zunstable-options", "config", "get", "--show-origin", "build.rustc-wrapper"]);
    command.env("RUSTC_BOOTSTRAP", "1").stdin(Stdio::null()).stderr(Stdio::null());
    if let Some(folder) = folder {
        command.current_dir(folder);
    }
    let output = command.output().ok().filter(|it| it.status.success())?;
    wrapper_in(&String::from_utf8_lossy(&output.stdout))
}

/// `build.rustc-wrapper = "sccache" # /w/.cargo/config.toml`; a path is meant from the folder above `.cargo`.
fn wrapper_in(answer: &str) -> Option<String> {
    let (value, origin) =
        answer.trim().strip_prefix("build.rustc-wrapper = ")?.rsplit_once(" # ")?;
    let value = value.trim_matches(['"', '\'']);
    let is_path = value.contains('/') && !Path::new(value).is_absolute();
    match Path::new(origin).parent().and_then(Path::parent) {
        Some(root) if is_path => Some(root.join(value).to_string_lossy().into_owned()),
        _ => Some(value.to_owned()),
    }
    .filter(|it| !it.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configured_wrapper_is_found_where_cargo_would_find_it() {
        let check = |answer, expected: Option<&str>| {
            assert_eq!(wrapper_in(answer).as_deref(), expected, "{answer}");
        };
        check("build.rustc-wrapper = \"sccache\" # /w/.cargo/config.toml\n", Some("sccache"));
        check("build.rustc-wrapper = \"bin/w\" # /w/.cargo/config.toml", Some("/w/bin/w"));
        check("build.rustc-wrapper = \"/bin/w\" # /w/.cargo/config.toml", Some("/bin/w"));
        check("build.rustc-wrapper = \"\" # /w/.cargo/config.toml", None);
        check("error: config value `build.rustc-wrapper` is not set", None);
    }
}
