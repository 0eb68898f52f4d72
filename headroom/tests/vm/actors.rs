//! A compiler that cargo accepts, and others who take part.

use std::{
    fs,
    io::{Read as _, Write as _},
    os::{
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr, UnixStream},
    },
    path::Path,
    process::ExitCode,
    thread::sleep,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// Where the machine finds this program, `cargo-headroom` and cargo.
pub(crate) const PROGRAMS: &str = "/vm";
/// The name of this program there; as the others it is the compiler, and a linker that is never
/// called.
pub(crate) const ACTOR: &str = "actor";
pub(crate) const COMPILER: &str = "rustc";
pub(crate) const LINKER: &str = "cc";
/// The answers of the real compiler to `-vV`, and to the questions that cargo asks before it
/// builds.
pub(crate) const VERSION: &str = "version";
pub(crate) const ANSWERS: &str = "answers";

const PAGE: usize = 4096;

/// Memory that a compressed swap can keep in about a third of its size.
struct Held(Vec<u8>);

impl Held {
    fn new(mib: usize) -> Held {
        Held(vec![0; mib << 20])
    }

    fn fill(&mut self, mib: std::ops::Range<usize>) {
        let mut random = mib.start as u64 + 1;
        for page in self.0[mib.start << 20..mib.end << 20].chunks_mut(PAGE) {
            for word in page[..PAGE / 4].chunks_mut(8) {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                word.copy_from_slice(&random.to_le_bytes());
            }
        }
    }

    /// Uses all of it.
    fn touch(&mut self) {
        for page in self.0.chunks_mut(PAGE) {
            page[PAGE - 1] = page[PAGE - 1].wrapping_add(1);
        }
    }
}

/// rustc. It answers cargo from recordings. A crate whose source has a line `// 120 MiB 3000 ms
/// 5000 ms` takes so much within the first time, and then works for the second, in steps of half a
/// second: after each it uses all that it holds, and the next one begins when it has that.
pub(crate) fn compile(args: &[&str]) -> ExitCode {
    let say = |file: &str| {
        let text = fs::read(Path::new(PROGRAMS).join(file)).unwrap();
        std::io::stdout().write_all(&text).unwrap();
        ExitCode::SUCCESS
    };
    if args.contains(&"-vV") {
        return say(VERSION);
    }
    if args.iter().any(|it| it.starts_with("--print")) {
        return say(ANSWERS);
    }
    let after = |name: &str| args.iter().skip_while(|it| **it != name).nth(1).copied();
    let starting = |name: &str| args.iter().find_map(|it| it.strip_prefix(name));
    let source = args.iter().find(|it| it.ends_with(".rs")).unwrap();
    let text = fs::read_to_string(source).unwrap();
    for line in text.lines().filter_map(|it| it.strip_prefix("// ")) {
        let numbers: Vec<usize> = line.split(' ').filter_map(|it| it.parse().ok()).collect();
        let [mib, grows_ms, holds_ms] = numbers[..] else { panic!("{line}") };
        let mut held = Held::new(mib);
        let began = Instant::now();
        let at = |ms: usize| began + Duration::from_millis(ms as u64);
        for n in 0..mib {
            held.fill(n..n + 1);
            sleep(at(grows_ms * (n + 1) / mib).saturating_duration_since(Instant::now()));
        }
        for _ in 0..holds_ms / 500 {
            sleep(Duration::from_millis(500));
            held.touch();
        }
    }
    let (name, folder) = (after("--crate-name").unwrap(), after("--out-dir").unwrap());
    let extra = starting("extra-filename=").unwrap_or("");
    let emit = starting("--emit=").unwrap_or("");
    let mut outputs = String::new();
    for (kind, what, ending) in [("metadata", "metadata", "rmeta"), ("link", "link", "rlib")] {
        if emit.contains(kind) {
            let file = format!("{folder}/lib{name}{extra}.{ending}");
            fs::write(&file, kind).unwrap();
            let artifact = serde_json::json!({
                "$message_type": "artifact", "artifact": file, "emit": what,
            });
            eprintln!("{artifact}");
            outputs += &format!("{file}: {source}\n\n");
        }
    }
    let list = format!("{folder}/{name}{extra}.d");
    fs::write(list, format!("{outputs}{source}:\n")).unwrap();
    ExitCode::SUCCESS
}

/// A program that takes memory, and sleeps until it is ended.
pub(crate) fn hold(mib: &str) -> ExitCode {
    let mib = mib.parse().unwrap();
    let mut held = Held::new(mib);
    held.fill(0..mib);
    println!("holds");
    // Until the other end is closed.
    std::io::stdin().read_exact(&mut [0]).ok();
    drop(held);
    ExitCode::SUCCESS
}

/// Another user, who tries to read in the folder, to end or look into the processes, and to be let
/// in by every guard. What succeeds is printed.
pub(crate) fn intrude(folder: &str, pids: &[&str]) -> ExitCode {
    let done = |what: &str, target: &str| println!("{what}: {target}");
    if fs::read_dir(folder).is_ok() {
        done("folder read", folder);
    }
    if fs::write(Path::new(folder).join("theirs.build"), "{}").is_ok() {
        done("file written", folder);
    }
    for pid in pids {
        if fs::read(format!("/proc/{pid}/environ")).is_ok() {
            done("environment read", pid);
        }
        let process = Pid::from_raw(pid.parse().unwrap());
        for signal in [Signal::SIGCONT, Signal::SIGSTOP, Signal::SIGKILL] {
            if kill(process, signal).is_ok() {
                done(signal.as_str(), pid);
            }
        }
    }
    let sockets = fs::read_to_string("/proc/net/unix").unwrap();
    let names = sockets.lines().filter_map(|it| it.split_once('@'));
    let guards: Vec<&str> = names.map(|it| it.1).filter(|it| it.contains("guard")).collect();
    if guards.is_empty() {
        done("no guard found", "the kernel's list");
    }
    for name in guards {
        let address = SocketAddr::from_abstract_name(name).unwrap();
        let Ok(mut stream) = UnixStream::connect_addr(&address) else { continue };
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.write_all(b"ask\tintruder\t1.0.0\tlib\tintruder\n").ok();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok();
        if answer != "no\n" {
            done("the guard answers", &answer);
        }
    }
    ExitCode::SUCCESS
}
