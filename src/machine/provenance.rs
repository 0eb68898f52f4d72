//! The origin of numbers: the program that computed them, how it was built, and the machine.
//!
//! A fact that the build or the system does not tell is `None`; nothing here fails.

use std::fs;

use serde::{Deserialize, Serialize};

/// The program, the build and the machine that computed a session of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// The version of this program.
    pub version: String,
    /// The commit it was built from.
    pub commit: Option<String>,
    /// `true` if tracked files differed from that commit when it was built.
    pub dirty: Option<bool>,
    /// The compiler.
    pub rustc: Option<String>,
    /// The cargo profile it was built in (`release`, `debug`), by what its dependencies see of it.
    pub profile: Option<String>,
    /// The optimisation level of this package.
    pub opt_level: Option<String>,
    /// The platform it was built for.
    pub target: Option<String>,
    /// The features it was built with.
    pub features: Vec<String>,
    /// The name of the processor.
    pub cpu: Option<String>,
    /// The processors this process may use.
    pub n_cpus: usize,
    /// The machine's memory.
    pub memory_bytes: Option<u64>,
    /// The arguments of the program, without its name.
    pub arguments: Vec<String>,
}

impl Provenance {
    /// Returns the provenance of this process.
    pub fn here() -> Provenance {
        let known = |value: &str| (value != "unknown").then(|| value.to_owned());
        let features = if cfg!(feature = "pyphi") { vec!["pyphi".to_owned()] } else { Vec::new() };
        Provenance {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commit: known(env!("PHI_COMMIT")),
            dirty: known(env!("PHI_DIRTY")).map(|it| it == "true"),
            rustc: known(env!("PHI_RUSTC")),
            profile: known(env!("PHI_PROFILE")),
            opt_level: known(env!("PHI_OPT_LEVEL")),
            target: known(env!("PHI_TARGET")),
            features,
            cpu: field("/proc/cpuinfo", "model name"),
            n_cpus: std::thread::available_parallelism().map_or(1, usize::from),
            memory_bytes: field("/proc/meminfo", "MemTotal").as_deref().and_then(bytes),
            // One that is not Unicode is kept as far as it is.
            arguments: std::env::args_os()
                .skip(1)
                .map(|it| it.to_string_lossy().into_owned())
                .collect(),
        }
    }
}

impl Provenance {
    /// The program in a few words: its version, the commit, and whether there were changes beside
    /// it.
    pub fn program(&self) -> String {
        match (&self.commit, self.dirty) {
            (None, _) => self.version.clone(),
            (Some(commit), Some(true)) => format!("{} ({commit}, with changes)", self.version),
            (Some(commit), _) => format!("{} ({commit})", self.version),
        }
    }
}

/// The most memory this process has used so far, in bytes.
pub fn peak_memory_bytes() -> Option<u64> {
    field("/proc/self/status", "VmHWM").as_deref().and_then(bytes)
}

/// The memory this process uses now, in bytes.
pub fn memory_bytes() -> Option<u64> {
    field("/proc/self/status", "VmRSS").as_deref().and_then(bytes)
}

/// The memory that the machine could still give, in bytes.
pub fn available_bytes() -> Option<u64> {
    field("/proc/meminfo", "MemAvailable").as_deref().and_then(bytes)
}

/// The processor time this process has used so far, in milliseconds, in steps of 10.
pub fn cpu_ms() -> Option<u64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The fields after the program's name, which is in parentheses and may hold anything: the state
    // is the third of the line, utime and stime the 14th and 15th, in ticks of 1/100 s (proc(5)).
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(|it| it.parse::<u64>().ok());
    ticks.sum::<Option<u64>>().map(|it| it * 10)
}

/// The value of the first line `name: value` in a file of the system.
fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let mut lines = text.lines().filter_map(|line| line.split_once(':'));
    lines.find(|(found, _)| found.trim() == name).map(|(_, value)| value.trim().to_owned())
}

/// `123 kB` in bytes.
fn bytes(text: &str) -> Option<u64> {
    text.strip_suffix("kB")?.trim().parse::<u64>().ok().map(|it| it << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_knows_its_program() {
        let here = Provenance::here();
        assert_eq!(here.version, env!("CARGO_PKG_VERSION"));
        assert!(here.rustc.as_ref().unwrap().starts_with("rustc 1."), "{here:?}");
        assert!(here.n_cpus >= 1);
        let json = serde_json::to_string(&here).unwrap();
        assert_eq!(serde_json::from_str::<Provenance>(&json).unwrap(), here);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_system_is_asked() {
        assert_eq!(bytes("123 kB"), Some(123 * 1024));
        assert_eq!(bytes("123"), None);
        let ballast = std::hint::black_box(vec![1_u8; 64 << 20]);
        assert!(peak_memory_bytes().unwrap() >= ballast.len() as u64);
        assert!(memory_bytes().unwrap() >= ballast.len() as u64);
        assert!(available_bytes().unwrap() > 0);
        assert!(Provenance::here().memory_bytes.unwrap() > peak_memory_bytes().unwrap());
        let before = cpu_ms().unwrap();
        while cpu_ms().unwrap() < before + 20 {
            std::hint::black_box((0..100_000_u64).sum::<u64>());
        }
    }
}
