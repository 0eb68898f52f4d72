//! `cargo headroom`: preflight, plan, build and exec for any workspace.

use std::{
    env,
    ffi::OsString,
    process::{ExitCode, Termination as _},
};

use headroom::{
    BuildRequest, Choice, Coded, Console, Exit, Format, Host, RoomRequest, Selection, WaitTimeout,
    machine::system::BUDGET, numbers::parse_bytes,
};

const HELP: &str = "\
Builds Rust workspaces within the memory there is.

Usage: cargo headroom check [--json]         may a build start? Exit code 0 means yes
       cargo headroom plan [--json]          the ways to build, with what each needs
       cargo headroom build [--json] [ARGS]  build in release by the fastest way that fits;
                                             ARGS are those of `cargo build`
       cargo headroom test|doc|clippy|run|bench|install|nextest|... [ARGS]
                                             that command of cargo, with its compilers held back
       cargo headroom -- COMMAND [ARGS]...   any command that builds, with its compilers held back
       cargo headroom on | off               print what to put into cargo's configuration so that
                                             plain cargo and editors hold compilers back; switch
                                             that off

Before the command: --budget SIZE            the build holds at most so much, as 6G; HEADROOM_BUDGET
                                             says the same
                    --wait[=TIME]            a command that builds begins when there is room, TIME
                                             (90s, 15m, 2h) is waited at most; so long, too, a
                                             compiler waits for memory that other programs have
                                             taken meanwhile
                    --run-too                tests, and what else cargo runs, are held back, too:
                                             suspended, and never ended

`check`, `plan` and `build` work on the workspace around the current folder and learn in its target
folder what every crate needs. `cargo check` is `cargo headroom -- cargo check`. Exit codes: 0 done,
4 not ready, 5 out of memory, 101 cargo failed; with a command, its own.
";

/// Commands of cargo that compile. Others have nothing to be held back.
const CARGO_COMMANDS: [&str; 18] = [
    "b", "bench", "c", "clippy", "d", "doc", "fix", "install", "llvm-cov", "miri", "nextest",
    "package", "publish", "r", "run", "rustc", "t", "test",
];

fn main() -> ExitCode {
    // The gate before compilers, the keeper and the watchdog are this program, started again.
    if let Some(code) = headroom::entered() {
        return code;
    }
    // `cargo headroom` passes its own name on.
    let mut args: Vec<OsString> = env::args_os().skip(1).collect();
    if args.first().is_some_and(|it| it == "headroom") {
        args.remove(0);
    }
    let mut room = RoomRequest::default();
    match general(&args, &mut room) {
        Ok(n) => run(&args[n..], &room).report(),
        Err(message) => refuse(message).report(),
    }
}

fn refuse(message: String) -> Exit {
    let console = Console::new("help", Format::Text, false);
    console.finish(Err(Coded { exit: Exit::Usage, message }.into()))
}

/// Reads the options before the command, and returns how many arguments they are.
fn general(args: &[OsString], room: &mut RoomRequest) -> Result<usize, String> {
    let mut n = 0;
    while let Some(word) = args.get(n).map(|it| it.to_string_lossy()) {
        match word.split_once('=').unwrap_or((&word, "")) {
            ("--budget", attached) => {
                let is_attached = word.contains('=');
                let size = match is_attached {
                    true => attached.into(),
                    false => args.get(n + 1).cloned().unwrap_or_default(),
                };
                let text = size.to_string_lossy();
                if parse_bytes(&text).is_none() {
                    return Err(format!("--budget: expected a size as `6G`, found `{text}`"));
                }
                // SAFETY: no other thread was started yet.
                unsafe { env::set_var(BUDGET, size) };
                n += usize::from(!is_attached);
            }
            ("--run-too", "") if word == "--run-too" => room.run_too = true,
            ("--wait", "") if word == "--wait" => room.wait = Some(WaitTimeout::Endless),
            ("--wait", time) => {
                room.wait = Some(time.parse().map_err(|it| format!("--wait: {it}"))?);
            }
            _ => return Ok(n),
        }
        n += 1;
    }
    Ok(n)
}

fn run(args: &[OsString], room: &RoomRequest) -> Exit {
    let words: Vec<String> = args.iter().map(|it| it.to_string_lossy().into_owned()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let format = if words.contains(&"--json") { Format::Json } else { Format::Text };
    let (host, selection) = (Host::default(), Selection::default());
    let console = |name| Console::new(name, format, false);
    let exec = |command: &[OsString]| {
        let mut console = Console::new("exec", Format::Text, false);
        let outcome = headroom::exec(command, room, &mut console);
        console.finish(outcome)
    };
    match words[..] {
        [command @ ("check" | "plan" | "on" | "off"), ..] if room.wait.is_some() => {
            refuse(format!(
                "`--wait` is for commands that build: it has them begin once there is room. \
             `{command}` does not wait"
            ))
        }
        [command @ ("check" | "plan" | "on" | "off" | "build"), ..] if room.run_too => {
            refuse(format!(
                "`--run-too` is for commands that run what they build, as `test`. `{command}` \
                 runs nothing"
            ))
        }
        ["--", _, ..] => exec(&args[1..]),
        ["check"] | ["check", "--json"] => {
            let mut console = console("check");
            let outcome = headroom::preflight(&host, &selection, Choice::Auto, false, &mut console);
            console.finish(outcome)
        }
        ["plan"] | ["plan", "--json"] => {
            let mut console = console("plan");
            let outcome = headroom::plan(&host, &selection, Choice::Auto, &mut console);
            console.finish(outcome)
        }
        ["on"] => {
            let mut console = console("on");
            let outcome = headroom::on(&mut console);
            console.finish(outcome)
        }
        ["off"] => {
            let mut console = console("off");
            let outcome = headroom::off(&mut console);
            console.finish(outcome)
        }
        ["build", ref rest @ ..] => {
            let mut console = console("build");
            let selection = match selected(rest) {
                Ok(selection) => selection,
                Err(message) => {
                    return console.finish(Err(Coded { exit: Exit::Usage, message }.into()));
                }
            };
            let room = room.clone();
            let request = BuildRequest { selection, room, ..BuildRequest::default() };
            let built = headroom::build(&host, &request, &mut console);
            if let Ok(built) = &built {
                built.show(&console);
            }
            console.finish(built.map(|it| it.exit))
        }
        ["--help" | "-h" | "help"] => {
            let console = console("help");
            console.result(HELP);
            console.finish(Ok(Exit::Success))
        }
        [command, ..] if CARGO_COMMANDS.contains(&command) => {
            let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
            exec(&[&[cargo], args].concat())
        }
        _ => refuse(format!(
            "expected a command, found `{}`; `cargo headroom --help` shows them all",
            words.join(" ")
        )),
    }
}

/// Reads the selection in the arguments of `cargo build`. Arguments that are not known here are
/// handed on to cargo.
fn selected(words: &[&str]) -> Result<Selection, String> {
    let mut selection = Selection::default();
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        let (name, mut attached) = match word.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name, Some(value.to_owned())),
            // `-j4`, `-j=4`
            _ => match word.split_at_checked(2) {
                Some((name @ ("-j" | "-p" | "-F"), value)) if !value.is_empty() => {
                    (name, Some(value.strip_prefix('=').unwrap_or(value).to_owned()))
                }
                _ => (word, None),
            },
        };
        let mut value = || {
            let value = attached.take().or_else(|| words.next().map(str::to_owned));
            value.ok_or_else(|| format!("`{name}` expects a value"))
        };
        match name {
            "--json" | "--release" | "-r" => {}
            "--profile" => selection.profile = Some(value()?),
            "--manifest-path" => selection.manifest_path = Some(value()?.into()),
            "--target-dir" => selection.target_dir = Some(value()?.into()),
            "-p" | "--package" => selection.package.push(value()?),
            "--lib" => selection.lib = true,
            "--bin" => selection.bin.push(value()?),
            "--example" => selection.example.push(value()?),
            "-F" | "--features" => selection.features.push(value()?),
            "--all-features" => selection.all_features = true,
            "--no-default-features" => selection.no_default_features = true,
            "--locked" => selection.locked = true,
            "--offline" => selection.offline = true,
            "-j" | "--jobs" => {
                let text = value()?;
                let jobs = text.parse().ok().filter(|it| *it > 0);
                selection.jobs =
                    Some(jobs.ok_or(format!("{name}: expected a number from 1, found `{text}`"))?);
            }
            _ => selection.more.push(word.to_owned()),
        }
    }
    Ok(selection)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_before_the_command_end_at_the_command() {
        let of = |text: &str| {
            let words: Vec<OsString> = text.split(' ').map(OsString::from).collect();
            let mut room = RoomRequest::default();
            general(&words, &mut room).map(|n| (n, room.wait))
        };
        let minutes = WaitTimeout::For(std::time::Duration::from_secs(900));
        assert_eq!(of("build --wait"), Ok((0, None)));
        assert_eq!(of("--wait test"), Ok((1, Some(WaitTimeout::Endless))));
        assert_eq!(of("--wait=15m -- make"), Ok((1, Some(minutes))));
        for wrong in ["--wait= build", "--wait=soon build", "--budget", "--budget= build"] {
            assert!(of(wrong).unwrap_err().contains("expect"), "{wrong}");
        }
    }

    #[test]
    fn arguments_of_cargo_are_understood_or_handed_on() {
        let of = |text: &str| selected(&text.split(' ').collect::<Vec<_>>());
        let it =
            of("--release -p a --package=b --workspace --target x86 -j 3 -Zfoo --locked").unwrap();
        assert_eq!((it.package, it.jobs, it.locked), (vec!["a".into(), "b".into()], Some(3), true));
        assert_eq!(it.more, ["--workspace", "--target", "x86", "-Zfoo"]);
        let it = of("-j4 -pa -F=b").unwrap();
        assert_eq!(
            (it.jobs, it.package, it.features),
            (Some(4), vec!["a".into()], vec!["b".into()])
        );
        assert!(it.more.is_empty());
        assert_eq!(of("-j 0").unwrap_err(), "-j: expected a number from 1, found `0`");
        assert_eq!(of("--bin").unwrap_err(), "`--bin` expects a value");
    }
}
