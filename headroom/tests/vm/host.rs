//! Makes the machine, starts it, and shows what it says as a table.

use std::{
    env, fs,
    io::{BufRead as _, BufReader, ErrorKind},
    os::unix::{
        fs::{DirBuilderExt as _, MetadataExt as _, symlink},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

use nix::{sys::signal::Signal, unistd::geteuid};
use serde_json::Value;

use crate::{
    actors::{ACTOR, ANSWERS, COMPILER, LINKER, PROGRAMS, VERSION},
    guest,
};

/// A program that is needed, and Debian's package that has it.
const NEEDED: [(&str, &str); 4] = [
    ("qemu-system-x86_64", "qemu-system-x86"),
    ("debootstrap", "debootstrap"),
    ("mke2fs", "e2fsprogs"),
    ("apt-get", "apt"),
];
/// The packages that the machine has besides Debian's smallest set.
const PACKAGES: &str = "systemd,systemd-sysv,dbus,systemd-oomd,earlyoom,kmod,udev,\
    linux-image-cloud-amd64,initramfs-tools,dmsetup";
/// A new number has the machine made anew.
const RECIPE: u32 = 2;
/// Services that are never needed here and take time at every start.
const OFF: [&str; 11] = [
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "getty@tty1.service",
    "serial-getty@ttyS0.service",
    "systemd-timesyncd.service",
    "systemd-logind.service",
    "systemd-update-utmp-runlevel.service",
];
/// The names of the file systems: which disk comes first is not certain.
const SYSTEM: &str = "system";
const WITH_PROGRAMS: &str = "programs";
const RAM_MIB: u32 = 720;
const SWAP: &str = "512M";
/// A disk for swap, which the machine makes slow.
const SWAP_DISK: u64 = 512 << 20;
const SERVICE: &str = "[Unit]
Description=Scenarios
[Service]
Type=oneshot
ExecStart=/vm/actor guest
ExecStopPost=systemctl poweroff --force --force
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS0
OOMPolicy=continue
OOMScoreAdjust=-900
TimeoutStartSec=infinity
";

/// `args`: parts of the names of scenarios; none for all.
pub(crate) fn run(args: &[&str]) -> ExitCode {
    let is_word = |it: &&&str| !it.is_empty() && !it.starts_with('-');
    let wanted: Vec<&str> = args.iter().filter(is_word).copied().collect();
    if args.contains(&"--list") {
        return ExitCode::SUCCESS;
    }
    if env::var_os("HEADROOM_VM").is_none_or(|it| it != "1") {
        println!("vm: skipped; HEADROOM_VM=1 runs builds in a virtual machine (CONTRIBUTING.md)");
        return ExitCode::SUCCESS;
    }
    match try_run(&wanted) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(n) => {
            eprintln!("vm: {n} failed");
            ExitCode::FAILURE
        }
        Err(message) => {
            eprintln!("vm: {message}");
            ExitCode::FAILURE
        }
    }
}

fn try_run(wanted: &[&str]) -> Result<usize, String> {
    for part in wanted {
        // They stand in one word for the kernel.
        if part.contains([' ', ',']) {
            return Err(format!("{part}: a part of a name has no space or comma"));
        }
        if !guest::is_known(part) {
            return Err(format!("{part}: no scenario has such a name"));
        }
    }
    let is_there = |program: &str| {
        let path = env::var_os("PATH").unwrap_or_default();
        let mut folders = env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
        folders.any(|it| it.join(program).is_file())
    };
    let missing = NEEDED.iter().filter(|it| !is_there(it.0));
    let missing: Vec<&str> = missing.map(|it| it.1).collect();
    if !missing.is_empty() {
        return Err(format!("missing; on Debian `apt-get install {}`", missing.join(" ")));
    }
    if !geteuid().is_root() || cfg!(not(target_arch = "x86_64")) {
        return Err("needs root, for debootstrap, and an x86-64 machine".into());
    }
    let folder = env::var_os("HEADROOM_VM_FOLDER").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| env::temp_dir().join("headroom-vm"));
    make_private(&folder)?;
    let tree = tree(&folder)?;
    let system = folder.join(format!("system-{RECIPE}.img"));
    if !system.exists() {
        image(&tree, &system, SYSTEM)?;
    }
    let programs = programs(&folder)?;
    let swap = folder.join("swap.img");
    let made = fs::File::create(&swap).and_then(|it| it.set_len(SWAP_DISK));
    made.map_err(|it| format!("{}: {it}", swap.display()))?;
    start(&tree, &[&system, &programs, &swap], wanted)
}

/// Makes the folder, or checks that only this user can enter it: its programs are run as root.
fn make_private(folder: &Path) -> Result<(), String> {
    let complain = |it: std::io::Error| format!("{}: {it}", folder.display());
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(complain)?;
    let found = fs::symlink_metadata(folder).map_err(complain)?;
    if !found.is_dir() || found.uid() != geteuid().as_raw() || found.mode() & 0o077 != 0 {
        return Err(format!("{} must be a folder that only this user can enter", folder.display()));
    }
    Ok(())
}

fn run_command(command: &mut Command) -> Result<String, String> {
    let ended = command.stdin(Stdio::null()).output();
    let ended = ended.map_err(|it| format!("{:?}: {it}", command.get_program()))?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    if !ended.status.success() {
        return Err(format!("{command:?}: {}\n{}", ended.status, text(ended.stderr)));
    }
    Ok(text(ended.stdout))
}

/// The machine's files, made once.
fn tree(folder: &Path) -> Result<PathBuf, String> {
    let tree = folder.join(format!("tree-{RECIPE}"));
    if tree.exists() {
        return Ok(tree);
    }
    println!("vm: making a Debian in {}, which takes some minutes", tree.display());
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let suite = release.lines().find_map(|it| it.strip_prefix("VERSION_CODENAME="));
    let suite = suite.ok_or("this is no release of Debian")?;
    // From where this machine has its packages.
    let sources = run_command(Command::new("apt-get").args([
        "indextargets",
        "--format",
        "$(RELEASE) $(COMPONENT) $(SITE)",
        "Created-By: Packages",
    ]))?;
    let mirror = sources.lines().find_map(|it| it.strip_prefix(&format!("{suite} main ")));
    let mirror = mirror.ok_or(format!("apt has no source for {suite} main"))?;
    let new = folder.join(format!("tree-{RECIPE}.new"));
    // Of an attempt that was ended.
    match fs::remove_dir_all(&new) {
        Err(err) if err.kind() != ErrorKind::NotFound => return Err(err.to_string()),
        _ => {}
    }
    let mut debootstrap = Command::new("debootstrap");
    debootstrap.args(["--variant=minbase", &format!("--include={PACKAGES}"), suite]);
    run_command(debootstrap.arg(&new).arg(mirror).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"))?;
    furnish(&new).map_err(|it| format!("{}: {it}", new.display()))?;
    run_command(Command::new("chroot").arg(&new).args(["/usr/sbin/update-initramfs", "-u"]))?;
    fs::rename(&new, &tree).map_err(|it| it.to_string())?;
    Ok(tree)
}

fn furnish(tree: &Path) -> std::io::Result<()> {
    let at = |it: &str| tree.join(it);
    let units = at("etc/systemd/system");
    for unit in OFF {
        fs::remove_file(units.join(unit)).ok();
        symlink("/dev/null", units.join(unit))?;
    }
    // The scenarios start them.
    for unit in ["earlyoom.service", "systemd-oomd.service"] {
        fs::remove_file(units.join("multi-user.target.wants").join(unit)).ok();
    }
    fs::write(units.join("scenarios.service"), SERVICE)?;
    symlink("../scenarios.service", units.join("multi-user.target.wants/scenarios.service"))?;
    fs::create_dir_all(at(&PROGRAMS[1..]))?;
    let disks = format!(
        "LABEL={SYSTEM} / ext4 noatime 0 0\nLABEL={WITH_PROGRAMS} {PROGRAMS} ext4 ro 0 0\n"
    );
    fs::write(at("etc/fstab"), disks)?;
    fs::write(at("etc/initramfs-tools/modules"), "nfit\nnd_pmem\next4\n")?;
    let settings = "MODULES=list\nCOMPRESS=gzip\nBUSYBOX=n\n";
    fs::write(at("etc/initramfs-tools/conf.d/vm"), settings)?;
    fs::create_dir(at("work"))?;
    fs::remove_dir_all(at("var/cache/apt"))?;
    fs::remove_dir_all(at("var/lib/apt/lists"))
}

/// A file system with what is in the folder, and some room.
fn image(folder: &Path, file: &Path, label: &str) -> Result<(), String> {
    let used = run_command(Command::new("du").args(["-s", "--apparent-size", "-m"]).arg(folder))?;
    let mib: u64 = used.split_whitespace().next().and_then(|it| it.parse().ok()).unwrap_or(0);
    // The machine takes them in pieces of this size.
    let size = ((mib * 5 / 4).div_ceil(128) + 1) * (128 << 20);
    let new = file.with_extension("new");
    fs::File::create(&new).and_then(|it| it.set_len(size)).map_err(|it| it.to_string())?;
    let mut make = Command::new("mke2fs");
    make.args(["-q", "-F", "-t", "ext4", "-O", "^has_journal"])
        .args(["-L", label, "-d"])
        .arg(folder)
        .arg(&new);
    run_command(make.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"))?;
    fs::rename(&new, file).map_err(|it| it.to_string())
}

/// This program, the one that is tested, cargo, and what the compiler says of itself.
fn programs(folder: &Path) -> Result<PathBuf, String> {
    let programs = folder.join("programs");
    fs::create_dir_all(&programs).map_err(|it| it.to_string())?;
    let this = env::current_exe().map_err(|it| it.to_string())?;
    let cargo = env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into());
    let headroom = Path::new(env!("CARGO_BIN_EXE_cargo-headroom"));
    for (name, from) in [
        (ACTOR, &*this),
        (COMPILER, &this),
        ("cargo-headroom", headroom),
        ("cargo", cargo.as_ref()),
    ] {
        fs::copy(from, programs.join(name)).map_err(|it| format!("{}: {it}", from.display()))?;
    }
    match symlink(ACTOR, programs.join(LINKER)) {
        Err(err) if err.kind() != ErrorKind::AlreadyExists => return Err(err.to_string()),
        _ => {}
    }
    let rustc = || Command::new(Path::new(&cargo).with_file_name(COMPILER));
    let version = run_command(rustc().arg("-vV"))?;
    let mut questions = rustc();
    questions.args(["-", "--crate-name", "___", "--print=file-names"]);
    for kind in ["bin", "rlib", "dylib", "cdylib", "staticlib", "proc-macro"] {
        questions.args(["--crate-type", kind]);
    }
    for question in ["sysroot", "split-debuginfo", "crate-name", "cfg"] {
        questions.arg(format!("--print={question}"));
    }
    let answers = run_command(&mut questions)?;
    let written = fs::write(programs.join(VERSION), version);
    written
        .and_then(|()| fs::write(programs.join(ANSWERS), answers))
        .map_err(|it| it.to_string())?;
    let file = folder.join("programs.img");
    image(&programs, &file, WITH_PROGRAMS)?;
    Ok(file)
}

/// The file in the folder whose name begins so.
fn named(folder: &Path, beginning: &str) -> Result<PathBuf, String> {
    let files = fs::read_dir(folder).map_err(|it| it.to_string())?;
    let files = files.flatten().map(|it| it.path());
    let is_it =
        |it: &PathBuf| it.file_name().is_some_and(|it| it.to_string_lossy().starts_with(beginning));
    { files }.find(is_it).ok_or(format!("no {beginning} in {}", folder.display()))
}

/// Runs the scenarios, and gives the number of what did not hold.
fn start(tree: &Path, disks: &[&Path], wanted: &[&str]) -> Result<usize, String> {
    let mut qemu = Command::new("qemu-system-x86_64");
    // The clock counts instructions, one for 4 ns, and jumps where nothing is to be done.
    // For that no disk may work beside the processor: they are memory that is kept.
    qemu.args(["-accel", "tcg,thread=single", "-icount", "shift=2,sleep=off", "-cpu", "max"]);
    qemu.args(["-smp", "1", "-machine", "q35,nvdimm=on"]);
    qemu.args(["-m", &format!("{RAM_MIB}M,slots={},maxmem=16G", disks.len())]);
    for (n, disk) in disks.iter().enumerate() {
        let size = fs::metadata(disk).map_err(|it| it.to_string())?.len();
        // What is written stays with this process.
        let file = disk.display();
        let memory = format!("memory-backend-file,id=m{n},share=off,mem-path={file},size={size}");
        qemu.args(["-object", &memory, "-device", &format!("nvdimm,id=n{n},memdev=m{n}")]);
    }
    qemu.args(["-display", "none", "-nodefaults", "-no-reboot", "-serial", "stdio"]);
    let boot = tree.join("boot");
    qemu.arg("-kernel").arg(named(&boot, "vmlinuz-")?);
    qemu.arg("-initrd").arg(named(&boot, "initrd.img-")?);
    let mut words = format!(
        "root=LABEL={SYSTEM} rw console=ttyS0 quiet loglevel=3 panic=-1 mitigations=off \
         systemd.show_status=0 transparent_hugepage=madvise headroom.swap={SWAP}"
    );
    if let Ok(n) = env::var("HEADROOM_VM_KILLS") {
        words += &format!(" headroom.vm_kills={n}");
    }
    if !wanted.is_empty() {
        words += &format!(" headroom.vm={}", wanted.join(","));
    }
    qemu.args(["-append", &words]).stdin(Stdio::null()).stdout(Stdio::piped());
    // SAFETY: between fork and exec only `prctl` is called, which is a bare system call.
    unsafe {
        qemu.pre_exec(|| Ok(nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?));
    }
    let mut machine = qemu.spawn().map_err(|it| format!("{qemu:?}: {it}"))?;
    let output = machine.stdout.take().ok_or("no output")?;
    let (mut table, mut notes, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    let mut has_ended = false;
    for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end();
        let message = line.strip_prefix('@').and_then(|it| it.split_once(' '));
        let message =
            message.and_then(|it| Some((it.0, serde_json::from_str::<Value>(it.1).ok()?)));
        match message {
            Some(("row", row)) => {
                let row = shown(&row);
                println!("{row}");
                table.push(row);
            }
            Some(("failed", text)) => {
                println!("failed: {text}");
                failed.push(text);
            }
            Some(("note", text)) => {
                println!("note: {text}");
                notes.push(text);
            }
            Some(("end", _)) => has_ended = true,
            _ => println!("    {line}"),
        }
    }
    machine.wait().map_err(|it| it.to_string())?;
    println!(
        "\n| situation | command | exit code | time | kills by the kernel, a daemon | PSI full \
         | MiB from swap, to swap | attempts |\n|---|---|---|---|---|---|---|---|"
    );
    table.iter().for_each(|it| println!("{it}"));
    notes.iter().for_each(|it| println!("note: {it}"));
    failed.iter().for_each(|it| println!("failed: {it}"));
    if !has_ended {
        return Err("the machine ended too early".into());
    }
    Ok(failed.len())
}

/// A row of the table.
fn shown(row: &Value) -> String {
    let text = |name: &str| row[name].as_str().unwrap_or("?").to_owned();
    let number = |name: &str| row[name].as_f64().unwrap_or(f64::NAN);
    let attempts: Vec<String> =
        row["attempts"].as_array().into_iter().flatten().map(attempt).collect();
    format!(
        "| {} | `{}` | {} | {:.1} s | {}, {} | {:.0} % | {}, {} | {} |",
        text("scenario"),
        text("how"),
        text("end"),
        number("seconds"),
        row["kills"],
        row["daemon_kills"],
        number("stalled"),
        row["swap_in"],
        row["swap_out"],
        attempts.join("; ")
    )
}

/// `full built, 2 suspended, 1 ended`
fn attempt(it: &Value) -> String {
    let word = |n: usize| it[n].as_str().unwrap_or("?").to_owned();
    format!("{} {}, {} suspended, {} ended", word(0), word(1), it[2], it[3])
}
