//! `cargo headroom`: preflight, plan, build and exec for any workspace.

use std::{
    env,
    ffi::OsString,
    process::{ExitCode, Termination as _},
};

use headroom::{BuildRequest, Choice, Coded, Console, Exit, Format, Host, RoomRequest, Selection};

const HELP: &str = "\
Builds Rust workspaces within the memory there is.

Usage: cargo headroom check [--json]         may a build start? Exit code 0 means yes
       cargo headroom plan [--json]          the ways to build, with what each needs
       cargo headroom build [--json]         build in release by the fastest way that fits
       cargo headroom -- COMMAND [ARGS]...   run a command that builds, with its compilers held back

Each works on the workspace around the current folder, and learns in its target folder what every
crate needs. Exit codes: 0 done, 4 not ready, 5 out of memory, 101 cargo failed; with a command, \
its own.
";

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
    run(&args).report()
}

fn run(args: &[OsString]) -> Exit {
    let words: Vec<String> = args.iter().map(|it| it.to_string_lossy().into_owned()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (command, format) = match words[..] {
        ["--", _, ..] => ("exec", Format::Text),
        [command, "--json"] => (command, Format::Json),
        [command] => (command, Format::Text),
        _ => ("", Format::Text),
    };
    let (host, selection) = (Host::default(), Selection::default());
    let console = |name| Console::new(name, format, false);
    match command {
        "exec" => {
            let mut console = console("exec");
            let outcome = headroom::exec(&args[1..], &RoomRequest::default(), &mut console);
            console.finish(outcome)
        }
        "check" => {
            let mut console = console("check");
            let outcome = headroom::preflight(&host, &selection, Choice::Auto, false, &mut console);
            console.finish(outcome)
        }
        "plan" => {
            let mut console = console("plan");
            let outcome = headroom::plan(&host, &selection, Choice::Auto, &mut console);
            console.finish(outcome)
        }
        "build" => {
            let mut console = console("build");
            let built = headroom::build(&host, &BuildRequest::default(), &mut console);
            if let Ok(built) = &built {
                built.show(&console);
            }
            console.finish(built.map(|it| it.exit))
        }
        "--help" | "-h" | "help" => {
            let console = console("help");
            console.result(HELP);
            console.finish(Ok(Exit::Success))
        }
        _ => {
            let console = console("help");
            let message = format!("expected a command, found `{}`\n\n{HELP}", words.join(" "));
            console.finish(Err(Coded { exit: Exit::Usage, message }.into()))
        }
    }
}
