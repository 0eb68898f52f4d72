//! Any command that builds with cargo underneath, after room was made and waited for.

use std::{env, ffi::OsString, path::Path};

use super::{
    RoomRequest,
    make_room::{self, PausedPrograms},
    wait,
};
use crate::{
    build,
    child::interrupt,
    console::Console,
    exit::Exit,
    machine::resources::Resources,
    plan::obstacle::obstacles_to_a_command,
    workspace::{Selection, Workspace, toolchain::Toolchain},
};

/// Runs a command under the guard and stays until all of it has ended. Its own exit code is passed
/// on.
///
/// # Errors
/// If the command cannot be started, or the wait timed out.
pub fn exec(
    command: &[OsString],
    room: &RoomRequest,
    console: &mut Console,
) -> anyhow::Result<Exit> {
    let here = env::current_dir()?;
    let mut paused = PausedPrograms::default();
    let resources = Resources::sample(&here)?;
    let pause = make_room::named(&resources, &room.pause)?;
    let stop = make_room::named(&resources, &room.stop)?;
    interrupt::install()?;
    make_room::say_stopped(&make_room::stop(&stop), console);
    make_room::say_paused(&paused.pause(&pause)?, &resources, console);
    if let Some(patience) = room.wait {
        wait::until_clear(patience, console, || {
            Ok(obstacles_to_a_command(&Resources::sample(&here)?))
        })?;
    }
    // Of the workspace around, if the command builds in that one; it need not.
    let has_manifest = |it: &Path| it.join("Cargo.toml").is_file();
    let around = here.ancestors().any(has_manifest);
    let around = around.then(|| Workspace::locate(&Selection::default(), None).ok()).flatten();
    let target_dir = around.map(|it| it.target_dir);
    let toolchain = Toolchain::sample();
    let run = build::command_run::run(
        command,
        target_dir.as_deref(),
        &toolchain,
        room.longest_wait(),
        room.run_too,
        console,
    )?;
    run.say(console);
    Ok(run.exit())
}
