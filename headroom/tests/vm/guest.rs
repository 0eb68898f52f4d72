//! The scenarios, run as a service of the virtual machine.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::{
        fs::{DirBuilderExt as _, PermissionsExt as _, chown},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, ExitStatus, Stdio},
    thread::{self, sleep},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::{Value, json};

use crate::actors::{ACTOR, COMPILER, PROGRAMS};

const CARGO: &str = "/vm/cargo";
const HEADROOM: &str = "/vm/cargo-headroom";
/// A row that takes longer is ended.
const PATIENCE: Duration = Duration::from_secs(600);
/// A neighbour that leaves does so after this time.
const STAY: Duration = Duration::from_secs(300);
/// Every request to the slow disk takes so many milliseconds.
const DISK_MS: u32 = 4;
/// So is one of plain cargo that takes so many times as long as the fastest number of jobs.
const SLOWER_MOST: f64 = 1.3;
/// After its end nothing of a build may be left for longer.
const LEFT_MOST: Duration = Duration::from_secs(5);
/// The words for a row under the guard that is as it must be.
const GOOD: &str = "built at the first attempt, no kills";
/// The user that builds, and another one, where it matters.
const USERS: [u32; 2] = [1000, 1001];

type Scenario = (&'static str, fn(&mut Machine));

const SCENARIOS: [Scenario; 15] = [
    ("4 × 120 MiB, MemoryMax=200M, swap", |it| {
        let workspace = Workspace::new("swap", &[(120, 3000, 5000); 4]);
        it.beside_plain_cargo(&workspace, &["MemoryMax=200M"], &[1, 2, 4]);
    }),
    ("4 × 120 MiB, MemoryMax=200M, swap on a slow disk", |it| {
        it.swap(Some(Swap::Disk));
        let workspace = Workspace::new("disk", &[(120, 3000, 5000); 4]);
        it.beside_plain_cargo(&workspace, &["MemoryMax=200M"], &[1, 2, 4]);
    }),
    ("4 × 300 MiB, MemoryMax=450M, no swap", |it| {
        let workspace = Workspace::new("heavy", &[(300, 10_000, 6000); 4]);
        it.beside_plain_cargo(&workspace, &["MemoryMax=450M", "MemorySwapMax=0"], &[1, 2, 4]);
    }),
    ("4 × 300 MiB that grow in 4 s, MemoryMax=450M, no swap", |it| {
        let workspace = Workspace::new("fast", &[(300, 4000, 4000); 4]);
        it.beside_plain_cargo(&workspace, &["MemoryMax=450M", "MemorySwapMax=0"], &[1, 2]);
    }),
    ("4 × 300 MiB, MemoryHigh=450M, no swap", |it| {
        let workspace = Workspace::new("high", &[(300, 10_000, 6000); 4]);
        it.beside_plain_cargo(&workspace, &["MemoryHigh=450M", "MemorySwapMax=0"], &[1, 2, 4]);
    }),
    ("in a namespace of control groups, 2 × 300 MiB, MemoryMax=450M, no swap", |it| {
        let workspace = Workspace::new("namespace", &[(300, 10_000, 6000); 2]);
        let mut command = vec!["unshare".to_owned(), "--cgroup".to_owned()];
        command.extend(it.command(&workspace, How::Headroom));
        let limits = ["MemoryMax=450M", "MemorySwapMax=0"];
        let row = it.measure("cargo headroom build -j4", &workspace, &limits, &command);
        it.must(row.is_good(), GOOD);
    }),
    ("idle programs hold 90 % of RAM and swap, 4 × 50 MiB", evening),
    ("earlyoom, 4 × 300 MiB, no swap", earlyoom),
    ("systemd-oomd, 4 × 120 MiB, MemoryMax=200M, swap", oomd),
    ("a process of the guard is killed", kills),
    ("another user", another_user),
    ("a neighbour leaves after 5 minutes, 300 MiB, no swap", neighbour_leaves),
    ("two builds at once, 300 MiB each, MemoryMax=450M, no swap", two_builds),
    ("plenty of memory: 24 × 20 MiB, a minute", |it| {
        let workspace = Workspace::new("plenty", &[(20, 1000, 9000); 24]);
        it.beside_plain_cargo(&workspace, &[], &[4]);
    }),
    ("one of 240 MiB and three of 90, MemoryMax=200M, swap", |it| {
        let heavy = (240, 10_000, 3000);
        let light = (90, 5000, 3000);
        let workspace = Workspace::new("mixed", &[light, heavy, light, light]);
        it.beside_plain_cargo(&workspace, &["MemoryMax=200M"], &[1]);
    }),
];

/// There is a scenario whose name contains this.
pub(crate) fn is_known(part: &str) -> bool {
    SCENARIOS.iter().any(|it| it.0.contains(part))
}

pub(crate) fn run() -> ExitCode {
    if words_of_kernel("headroom.swap").is_empty() {
        eprintln!("only in the virtual machine");
        return ExitCode::FAILURE;
    }
    let wanted = words_of_kernel("headroom.vm");
    let mut machine = Machine { scenario: "", n_rows: 0, fastest: None, has_daemon: false };
    for (name, scenario) in SCENARIOS {
        if wanted.is_empty() || wanted.iter().any(|it| name.contains(it)) {
            (machine.scenario, machine.fastest) = (name, None);
            machine.swap(Some(Swap::Compressed));
            scenario(&mut machine);
        }
    }
    tell("end", &json!({}));
    ExitCode::SUCCESS
}

/// The words of a parameter that the kernel was started with.
pub(crate) fn words_of_kernel(name: &str) -> Vec<String> {
    let text = fs::read_to_string("/proc/cmdline").unwrap();
    let value = text.split_whitespace().find_map(|it| it.strip_prefix(name)?.strip_prefix('='));
    value.map(|it| it.split(',').map(str::to_owned).collect()).unwrap_or_default()
}

/// A line for the host.
fn tell(what: &str, content: &Value) {
    println!("@{what} {content}");
}

fn evening(machine: &mut Machine) {
    let workspace = Workspace::new("evening", &[(50, 4000, 5000); 4]);
    let mut neighbours = machine.fill(10);
    let n = neighbours.len();
    let mut n_alive = || neighbours.iter_mut().map(|it| usize::from(it.is_alive())).sum::<usize>();
    for how in [How::Cargo(1), How::Headroom, How::HeadroomAgain] {
        machine.row(&workspace, &[], how);
        machine.must(n_alive() == n, &format!("{} of {n} programs are alive", n_alive()));
    }
    for jobs in [2, 4] {
        machine.row(&workspace, &[], How::Cargo(jobs));
        tell("note", &json!(format!("after -j{jobs} {} of {n} programs are alive", n_alive())));
    }
}

fn earlyoom(machine: &mut Machine) {
    let workspace = Workspace::new("earlyoom", &[(300, 10_000, 6000); 4]);
    machine.swap(None);
    let daemon = Daemon::start(machine, "earlyoom");
    daemon.beside_plain_cargo(machine, &workspace, &[]);
    daemon.stop(machine);
}

fn oomd(machine: &mut Machine) {
    let workspace = Workspace::new("oomd", &[(120, 3000, 5000); 4]);
    fs::create_dir_all("/run/systemd/oomd.conf.d").unwrap();
    let settings = "[OOM]\nDefaultMemoryPressureDurationSec=5s\n";
    fs::write("/run/systemd/oomd.conf.d/vm.conf", settings).unwrap();
    let daemon = Daemon::start(machine, "systemd-oomd");
    let limits =
        ["MemoryMax=200M", "ManagedOOMMemoryPressure=kill", "ManagedOOMMemoryPressureLimit=40%"];
    daemon.beside_plain_cargo(machine, &workspace, &limits);
    daemon.stop(machine);
}

/// The memory that is left does not do for the build, until a program ends.
fn neighbour_leaves(machine: &mut Machine) {
    machine.swap(None);
    let workspace = Workspace::new("leaves", &[(300, 10_000, 6000)]);
    let available = number("/proc/meminfo", "MemAvailable:") >> 10;
    let neighbour = Neighbour::new(available - 120);
    let leaves = thread::spawn(move || {
        sleep(STAY);
        drop(neighbour);
    });
    let command = format!("{HEADROOM} --wait=15m build --json --offline -j4");
    let command: Vec<String> = command.split(' ').map(str::to_owned).collect();
    let row = machine.measure("cargo headroom --wait=15m build -j4", &workspace, &[], &command);
    machine.must(row.is_good(), GOOD);
    machine.must(leaves.is_finished(), "the build did not wait");
    leaves.join().unwrap();
}

fn two_builds(machine: &mut Machine) {
    let workspaces = ["two-a", "two-b"].map(|it| Workspace::new(it, &[(300, 10_000, 6000)]));
    let both = |build: &str| {
        let builds = workspaces.each_ref().map(|it| format!("(cd {}; {build})", it.path()));
        let [a, b] = builds;
        vec!["sh".into(), "-c".into(), format!("{a} & p=$!; {b} && wait $p")]
    };
    let limits = ["MemoryMax=450M", "MemorySwapMax=0"];
    for (how, build) in [
        ("cargo, at once", format!("{CARGO} build --release --offline")),
        ("headroom, at once", format!("{HEADROOM} build --offline")),
        ("headroom, at once, again", format!("{HEADROOM} build --offline")),
    ] {
        workspaces.iter().for_each(|it| it.clean(how.ends_with("again")));
        let row = machine.measure(how, &workspaces[0], &limits, &both(&build));
        machine.must(!how.starts_with("headroom") || row.is_good(), GOOD);
    }
}

/// Any one process of the guard is killed at any moment. Nothing is left then, or the build goes
/// on, and nothing is left after its end.
fn kills(machine: &mut Machine) {
    let n_rounds =
        words_of_kernel("headroom.vm_kills").first().map_or(20, |it| it.parse().unwrap());
    let workspace = Workspace::new("kills", &[(60, 1000, 3000); 6]);
    let limits = ["MemoryMax=150M", "MemorySwapMax=0"];
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |below: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % below
    };
    let (mut n_kills, mut n_ended, mut n_went_on, mut longest) = (0, 0, 0, Duration::ZERO);
    for round in 0..n_rounds {
        workspace.clean(false);
        let command = machine.command(&workspace, How::Headroom);
        let mut build = machine.start(&workspace, &limits, &command, 0);
        sleep(Duration::from_millis(next(12_000)));
        let guard: Vec<i32> = build.processes().into_iter().filter(is_of_guard).collect();
        let victim = guard.get(next(guard.len().max(1) as u64) as usize).copied();
        let what = victim.map(command_line).unwrap_or_default();
        let is_killed = |it: i32| kill(Pid::from_raw(it), Signal::SIGKILL).is_ok();
        let Some(victim) = victim.filter(|it| is_killed(*it)) else {
            build.end();
            continue;
        };
        let status = build.wait();
        let ended = Instant::now();
        while !build.processes().is_empty() && ended.elapsed() < 2 * LEFT_MOST {
            sleep(Duration::from_millis(50));
        }
        let left: Vec<String> = build.processes().iter().map(|it| command_line(*it)).collect();
        let what: String = what.chars().take(60).collect();
        let case = format!("round {round}, `{what}`: {status:?}");
        println!("{case}, one of {}", guard.len());
        let is_over = ended.elapsed() < LEFT_MOST;
        machine.must(is_over, &format!("{case}: nothing left after 5 s: {left:?}"));
        if is_over {
            longest = longest.max(ended.elapsed());
        }
        n_kills += 1;
        n_ended += u32::from(victim == build.pid());
        n_went_on += u32::from(status.is_some_and(|it| it.success()));
        build.end();
    }
    tell(
        "note",
        &json!(format!(
            "{n_kills} kills, {n_ended} of the process that leads; {n_went_on} builds succeeded \
             all the same; {:.1} s at most until nothing is left",
            longest.as_secs_f64()
        )),
    );
    machine.row(&workspace, &limits, How::Headroom);
}

fn is_of_guard(pid: &i32) -> bool {
    fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|it| it == Path::new(HEADROOM))
}

fn command_line(pid: i32) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    format!("{pid} {}", text.replace('\0', " "))
}

/// Nobody else reads, ends or is let in by a user's guard, and a folder that is in its place is
/// not used.
fn another_user(machine: &mut Machine) {
    let [user, other] = USERS;
    let workspace = Workspace::new("user", &[(60, 1000, 10_000); 2]);
    workspace.give_to(user);
    // systemd runs nothing as a user without a name.
    for (file, rest) in [("/etc/passwd", ":x:{}:{}::/:/bin/sh\n"), ("/etc/group", ":x:{}:\n")] {
        let text = fs::read_to_string(file).unwrap();
        let line = |it: u32| format!("u{it}{}", rest.replace("{}", &it.to_string()));
        fs::write(file, text + &USERS.map(line).concat()).unwrap();
    }
    let runtime = PathBuf::from(format!("/run/user/{user}"));
    let temporary = PathBuf::from(format!("/tmp/cargo-headroom-{user}"));
    for (case, folder) in [("runtime folder", &runtime), ("temporary folder", &temporary)] {
        workspace.clean(false);
        fs::remove_dir_all(&runtime).ok();
        if *folder == runtime {
            fs::create_dir_all("/run/user").unwrap();
            fs::DirBuilder::new().mode(0o700).create(&runtime).unwrap();
            chown(&runtime, Some(user), Some(user)).unwrap();
        }
        let build = machine.command(&workspace, How::Headroom);
        let mut build = machine.start(&workspace, &[], &build, user);
        let is_compiler = |it: &i32| command_line(*it).contains("--crate-name c0");
        let began = Instant::now();
        while !build.processes().iter().any(is_compiler) && began.elapsed() < PATIENCE {
            sleep(Duration::from_millis(100));
        }
        let folder = match case {
            "runtime folder" => runtime.join("cargo-headroom"),
            _ => temporary.clone(),
        };
        machine.must(folder.is_dir(), &format!("{case}: no folder of the builds"));
        let mut intruder = Command::new(format!("{PROGRAMS}/{ACTOR}"));
        intruder.arg("intrude").arg(folder);
        intruder.args(build.processes().iter().map(ToString::to_string));
        // SAFETY: between fork and exec only `setsid` is called, which is a bare system call.
        unsafe {
            intruder.pre_exec(|| Ok(nix::unistd::setsid().map(drop)?));
        }
        let said = intruder.uid(other).gid(other).output().unwrap();
        let said = String::from_utf8_lossy(&said.stdout).into_owned() + &errors(&said.stderr);
        machine.must(said.is_empty(), &format!("another user, {case}: {said}"));
        let status = build.wait();
        machine.must(status.is_some_and(|it| it.success()), &format!("{case}: {}", build.said()));
        build.end();
    }
    // Another user was there first.
    fs::remove_dir_all(&runtime).ok();
    fs::remove_dir_all(&temporary).ok();
    fs::create_dir(&temporary).unwrap();
    fs::set_permissions(&temporary, fs::Permissions::from_mode(0o777)).unwrap();
    chown(&temporary, Some(other), Some(other)).unwrap();
    workspace.clean(false);
    let build = machine.command(&workspace, How::Headroom);
    let mut build = machine.start(&workspace, &[], &build, user);
    let status = build.wait();
    machine.must(status.is_some_and(|it| it.success()), &build.said());
    machine.must(fs::read_dir(&temporary).unwrap().count() == 0, "the folder of another is used");
    let is_warned = build.said().contains("other builds do not know of this one");
    machine.must(is_warned, "nothing is said of the folder of another");
    build.end();
}

fn errors(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    /// Plain cargo with so many jobs.
    Cargo(u32),
    Headroom,
    /// With what the first build has learned.
    HeadroomAgain,
}

impl How {
    fn is_guarded(self) -> bool {
        !matches!(self, How::Cargo(_))
    }

    fn name(self) -> String {
        match self {
            How::Cargo(jobs) => format!("cargo build -j{jobs}"),
            How::Headroom => "cargo headroom build -j4".into(),
            How::HeadroomAgain => "the same, with a ledger".into(),
        }
    }
}

/// A workspace whose compilers each need so many MiB, grow for so many milliseconds and go on for
/// so many.
struct Workspace(PathBuf);

impl Workspace {
    fn new(name: &str, crates: &[(u32, u32, u32)]) -> Workspace {
        let workspace = Workspace(Path::new("/work").join(name));
        let write = |file: String, text: String| {
            let file = workspace.0.join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        let package = |name: &str| {
            format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n")
        };
        let mut manifest = package("fixture") + "[workspace]\n\n[dependencies]\n";
        for (n, (mib, grows, holds)) in crates.iter().enumerate() {
            manifest += &format!("c{n} = {{ path = \"c{n}\" }}\n");
            write(format!("c{n}/Cargo.toml"), package(&format!("c{n}")));
            write(format!("c{n}/src/lib.rs"), format!("// {mib} MiB {grows} ms {holds} ms\n"));
        }
        write("Cargo.toml".into(), manifest);
        write("src/lib.rs".into(), String::new());
        workspace
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    fn clean(&self, keep_ledger: bool) {
        let ledger = self.0.join("target/xtask/ledger.json");
        let known = fs::read(&ledger).ok().filter(|_| keep_ledger);
        fs::remove_dir_all(self.0.join("target")).ok();
        if let Some(known) = known {
            fs::create_dir_all(ledger.parent().unwrap()).unwrap();
            fs::write(ledger, known).unwrap();
        }
    }

    fn give_to(&self, user: u32) {
        let mut folders = vec![self.0.clone()];
        while let Some(folder) = folders.pop() {
            chown(&folder, Some(user), Some(user)).unwrap();
            for it in fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()) {
                match it.is_dir() {
                    true => folders.push(it),
                    false => chown(it, Some(user), Some(user)).unwrap(),
                }
            }
        }
    }
}

/// A daemon that ends programs.
struct Daemon(&'static str);

impl Daemon {
    fn start(machine: &mut Machine, name: &'static str) -> Daemon {
        must_run(&["systemctl", "start", name]);
        machine.has_daemon = true;
        Daemon(name)
    }

    /// It must end something of plain cargo, or else the rows show nothing.
    fn beside_plain_cargo(&self, machine: &mut Machine, workspace: &Workspace, limits: &[&str]) {
        let before = kills_by_daemons();
        machine.beside_plain_cargo(workspace, limits, &[1, 2, 4]);
        let what = format!("{} ends nothing of plain cargo", self.0);
        machine.must(kills_by_daemons() > before, &what);
    }

    fn stop(self, machine: &mut Machine) {
        must_run(&["systemctl", "stop", self.0]);
        machine.has_daemon = false;
    }
}

/// Kills that the daemons have written of.
fn kills_by_daemons() -> u64 {
    let mut command = Command::new("journalctl");
    command.args(["--output=cat", "--unit=earlyoom", "--unit=systemd-oomd"]);
    let said = command.output().unwrap().stdout;
    let is_kill = |it: &&str| {
        it.contains("sending SIG") && it.contains("to process") || it.starts_with("Killed ")
    };
    String::from_utf8_lossy(&said).lines().filter(is_kill).count() as u64
}

fn must_run(words: &[&str]) {
    let ended = Command::new(words[0]).args(&words[1..]).output().unwrap();
    assert!(ended.status.success(), "{words:?}: {ended:?}");
}

/// A program that sleeps, ended when dropped.
struct Neighbour(Child);

impl Neighbour {
    fn new(mib: u64) -> Neighbour {
        let mut command = Command::new(format!("{PROGRAMS}/{ACTOR}"));
        command.args(["hold", &mib.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = as_any_other(&mut command).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut String::new()).unwrap();
        Neighbour(child)
    }

    fn is_alive(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// This service is the last that the kernel is to end, and what it starts is not.
fn as_any_other(command: &mut Command) -> &mut Command {
    // SAFETY: between fork and exec only a file is written.
    unsafe { command.pre_exec(|| fs::write("/proc/self/oom_score_adj", "0")) }
}

/// Where pages go that are not in RAM.
#[derive(Clone, Copy)]
enum Swap {
    /// In RAM, compressed.
    Compressed,
    /// On a disk, each request to which takes [`DISK_MS`].
    Disk,
}

/// The machine that this runs on.
struct Machine {
    scenario: &'static str,
    n_rows: u32,
    /// The time of the fastest number of jobs, in this scenario.
    fastest: Option<f64>,
    has_daemon: bool,
}

/// The cells of a row of the table.
struct Row {
    code: Option<i32>,
    kills: u64,
    daemon_kills: u64,
    /// The build went on with a slower option.
    went_down: bool,
}

impl Row {
    fn is_good(&self) -> bool {
        (self.code, self.kills, self.daemon_kills) == (Some(0), 0, 0) && !self.went_down
    }
}

/// A command in a scope of its own.
struct Running {
    child: Child,
    unit: String,
    said: PathBuf,
}

impl Running {
    fn pid(&self) -> i32 {
        self.child.id().try_into().unwrap()
    }

    fn group(&self) -> PathBuf {
        Path::new("/sys/fs/cgroup/system.slice").join(&self.unit)
    }

    /// Also those in groups below, as the keeper makes one where it may.
    fn processes(&self) -> Vec<i32> {
        let (mut groups, mut found) = (vec![self.group()], Vec::new());
        while let Some(group) = groups.pop() {
            let text = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
            found.extend(text.lines().filter_map(|it| it.parse::<i32>().ok()));
            let below = fs::read_dir(group).into_iter().flatten().flatten().map(|it| it.path());
            groups.extend(below.filter(|it| it.is_dir()));
        }
        found
    }

    /// Until it has ended; `None` if that takes too long.
    fn wait(&mut self) -> Option<ExitStatus> {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Some(status);
            }
            sleep(Duration::from_millis(20));
        }
        None
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.said).unwrap_or_default()
    }

    /// Ends everything that is left.
    fn end(mut self) {
        for pid in self.processes() {
            kill(Pid::from_raw(pid), Signal::SIGKILL).ok();
        }
        self.child.kill().ok();
        self.child.wait().unwrap();
    }
}

impl Machine {
    fn must(&self, holds: bool, what: &str) {
        if !holds {
            tell("failed", &json!(format!("{}: {what}", self.scenario)));
        }
    }

    /// All that was in swap is gone, too.
    fn swap(&mut self, on: Option<Swap>) {
        let used = fs::read_to_string("/proc/swaps").unwrap();
        for device in used.lines().skip(1).filter_map(|it| it.split_whitespace().next()) {
            must_run(&["swapoff", device]);
        }
        match on {
            None => {}
            Some(Swap::Compressed) => {
                let device = "/dev/zram0";
                if !Path::new(device).exists() {
                    must_run(&["modprobe", "zram"]);
                    let size = words_of_kernel("headroom.swap").concat();
                    fs::write("/sys/block/zram0/disksize", size).unwrap();
                    must_run(&["mkswap", device]);
                }
                must_run(&["swapon", device]);
            }
            Some(Swap::Disk) => {
                let device = "/dev/mapper/slow";
                if !Path::new(device).exists() {
                    must_run(&["modprobe", "dm-delay"]);
                    let (disk, n_sectors) = empty_disk();
                    let table = format!("0 {n_sectors} delay {disk} 0 {DISK_MS}");
                    must_run(&["dmsetup", "create", "slow", "--table", &table]);
                    must_run(&["mkswap", device]);
                }
                must_run(&["swapon", device]);
            }
        }
    }

    /// Programs that sleep hold so much that no more than this percentage of RAM is available, and
    /// no more of swap is free.
    fn fill(&mut self, left_percent: u64) -> Vec<Neighbour> {
        let mib = |name: &str| number("/proc/meminfo", name) >> 10;
        let swap = fs::read_to_string("/proc/sys/vm/swappiness").unwrap();
        // What is not used goes to swap, whatever else could.
        fs::write("/proc/sys/vm/swappiness", "200").unwrap();
        let mut neighbours = Vec::new();
        let (ram, swap_left) =
            (mib("MemTotal:") * left_percent / 100, mib("SwapTotal:") * left_percent / 100);
        while mib("SwapFree:") > swap_left || mib("MemAvailable:") > ram + 20 {
            let left = mib("SwapFree:").saturating_sub(swap_left) + mib("MemAvailable:");
            neighbours.push(Neighbour::new(left.saturating_sub(ram).clamp(10, 100)));
            // One that needs memory for a moment pushes others into swap.
            if mib("MemAvailable:") < ram {
                drop(Neighbour::new(ram));
            }
            assert!(neighbours.len() < 100, "the memory is not filled");
        }
        fs::write("/proc/sys/vm/swappiness", swap).unwrap();
        let [available, free] = ["MemAvailable:", "SwapFree:"].map(mib);
        println!(
            "{} programs sleep: {available} of {} MiB of RAM are available, {free} of {} of swap",
            neighbours.len(),
            mib("MemTotal:"),
            mib("SwapTotal:")
        );
        neighbours
    }

    fn command(&self, workspace: &Workspace, how: How) -> Vec<String> {
        let words = match how {
            How::Cargo(jobs) => format!("{CARGO} build --release --offline -j{jobs}"),
            _ => format!("{HEADROOM} build --json --offline -j4"),
        };
        workspace.clean(how == How::HeadroomAgain);
        words.split(' ').map(str::to_owned).collect()
    }

    /// In a scope of systemd with these properties.
    fn start(
        &mut self,
        workspace: &Workspace,
        limits: &[&str],
        words: &[String],
        user: u32,
    ) -> Running {
        self.n_rows += 1;
        let unit = format!("row{}.scope", self.n_rows);
        let mut command = Command::new("systemd-run");
        command.args(["--scope", "--quiet", "--collect", "--unit", &unit]);
        if user != 0 {
            command.arg(format!("--uid={user}")).arg(format!("--gid={user}"));
        }
        for limit in limits {
            command.args(["-p", limit]);
        }
        let home = format!("/work/home-{user}");
        fs::create_dir_all(&home).unwrap();
        chown(&home, Some(user), Some(user)).unwrap();
        let said = PathBuf::from(format!("/work/said-{}", self.n_rows));
        let (stdout, stderr) = (said.with_extension("json"), fs::File::create(&said).unwrap());
        command.arg("--").args(words).current_dir(&workspace.0).stdin(Stdio::null());
        command.stdout(fs::File::create(stdout).unwrap()).stderr(stderr).env_clear();
        command.env("PATH", format!("{PROGRAMS}:/usr/sbin:/usr/bin:/sbin:/bin")).env("HOME", &home);
        command.env("CARGO", CARGO).env("RUSTC", format!("{PROGRAMS}/{COMPILER}"));
        let child = as_any_other(&mut command).spawn().unwrap();
        Running { child, unit, said }
    }

    fn row(&mut self, workspace: &Workspace, limits: &[&str], how: How) -> Row {
        let command = self.command(workspace, how);
        let row = self.measure(&how.name(), workspace, limits, &command);
        self.must(!how.is_guarded() || row.is_good(), &format!("{}: {GOOD}", how.name()));
        row
    }

    fn beside_plain_cargo(&mut self, workspace: &Workspace, limits: &[&str], jobs: &[u32]) {
        let plain = jobs.iter().map(|it| How::Cargo(*it));
        for how in [How::Headroom, How::HeadroomAgain].into_iter().chain(plain) {
            self.row(workspace, limits, how);
        }
    }

    fn measure(
        &mut self,
        how: &str,
        workspace: &Workspace,
        limits: &[&str],
        words: &[String],
    ) -> Row {
        let has_daemon = self.has_daemon;
        let is_plain = how.starts_with("cargo build");
        let fastest = self.fastest.filter(|_| is_plain);
        let patience = fastest.map_or(PATIENCE, |it| Duration::from_secs_f64(it * SLOWER_MOST));
        let count = |name: &str| number("/proc/vmstat", name);
        let names = ["oom_kill", "pswpin", "pswpout"];
        let before = names.map(count);
        let by_daemons = || if has_daemon { kills_by_daemons() } else { 0 };
        let daemons = by_daemons();
        let whole = Path::new("/proc/pressure/memory");
        let (stalled, began) = (full_micros(whole), Instant::now());
        let mut build = self.start(workspace, limits, words, 0);
        let mut in_group = 0;
        let mut status = None;
        while status.is_none() && began.elapsed() < patience {
            in_group = full_micros(&build.group().join("memory.pressure")).max(in_group);
            status = build.child.try_wait().unwrap();
            sleep(Duration::from_millis(200));
        }
        let seconds = began.elapsed().as_secs_f64();
        let stalled = (full_micros(whole) - stalled).max(in_group) as f64 / 1e6;
        let [kills, swap_in, swap_out] = std::array::from_fn(|it| count(names[it]) - before[it]);
        let code = status.and_then(|it| it.code());
        let went_down = build.said().contains("next is option");
        let row = Row { code, kills, daemon_kills: by_daemons() - daemons, went_down };
        if is_plain && row.is_good() {
            self.fastest = Some(fastest.unwrap_or(seconds).min(seconds));
        }
        let document = fs::read_to_string(build.said.with_extension("json")).unwrap_or_default();
        let document: Value = serde_json::from_str(&document).unwrap_or_default();
        let attempts = document["attempts"].as_array().cloned().unwrap_or_default();
        let built: Vec<Value> = attempts
            .iter()
            .map(|it| {
                let guard = &it["guard"][0];
                json!([it["strategy"], it["outcome"], guard["n_suspensions"], guard["n_evictions"]])
            })
            .collect();
        let end = match status {
            None => "not finished".to_owned(),
            Some(status) => code.map_or_else(|| status.to_string(), |it| it.to_string()),
        };
        tell(
            "row",
            &json!({
                "scenario": self.scenario, "how": how, "end": end, "seconds": seconds,
                "kills": kills, "daemon_kills": row.daemon_kills,
                "stalled": 100.0 * stalled / seconds,
                "swap_in": swap_in >> 8, "swap_out": swap_out >> 8, "attempts": built,
            }),
        );
        if !is_plain {
            println!("{}", build.said());
            print_details(&workspace.0.join("target/xtask/build.json"));
        }
        build.end();
        row
    }
}

/// Prints the acts of the guard, and when each compiler ran.
fn print_details(record: &Path) {
    let record = fs::read_to_string(record).unwrap_or_default();
    let record: Value = serde_json::from_str(&record).unwrap_or_default();
    let mib = |it: &Value| it.as_u64().unwrap_or(0) >> 20;
    for details in record["attempts"].as_array().into_iter().flatten().map(|it| &it["details"][0]) {
        let rows = |name: &str| details[name].as_array().cloned().unwrap_or_default();
        for it in rows("events") {
            let [held, left] = ["held_bytes", "headroom_bytes"].map(|name| mib(&it[name]));
            println!(
                "{} ms: {} {}: {held} MiB, {left} left",
                it["at_ms"], it["crate_name"], it["what"]
            );
        }
        for it in rows("runs") {
            println!(
                "{} {}: asked {}, ran {} to {} ms, {} MiB",
                it["crate_name"],
                it["end"],
                it["asked_ms"],
                it["started_ms"],
                it["ended_ms"],
                mib(&it["peak_bytes"])
            );
        }
    }
}

/// The disk without a file system, and its size.
fn empty_disk() -> (String, String) {
    let mounted = fs::read_to_string("/proc/mounts").unwrap();
    let names = fs::read_dir("/sys/block").unwrap().map(|it| it.unwrap().file_name());
    let mut names = names.map(|it| it.into_string().unwrap());
    let is_it = |it: &String| it.starts_with("pmem") && !mounted.contains(&format!("/dev/{it} "));
    let name = names.find(is_it).unwrap();
    let size = fs::read_to_string(format!("/sys/block/{name}/size")).unwrap();
    (format!("/dev/{name}"), size.trim().to_owned())
}

/// A number of a file of the kernel; 0 if it is not told.
fn number(file: &str, name: &str) -> u64 {
    let text = fs::read_to_string(file).unwrap_or_default();
    let mut lines = text.lines().map(str::split_whitespace);
    let value = lines.find_map(|mut it| it.next().filter(|it| *it == name).and(it.next()));
    value.and_then(|it| it.parse().ok()).unwrap_or(0)
}

/// For how long everything has stood still for lack of memory.
fn full_micros(file: &Path) -> u64 {
    let text = fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find_map(|it| it.strip_prefix("full ")?.rsplit_once("total="));
    line.and_then(|it| it.1.trim().parse().ok()).unwrap_or(0)
}
