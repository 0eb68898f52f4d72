//! The guard for plain cargo, for editors and for whatever else calls it.

use crate::{
    console::Console,
    exit::{Coded, Exit},
    guard::{gates_for_always, remove_gates_for_always},
};

/// Makes gates that work without a build around, and prints what belongs into cargo's
/// configuration. The configuration itself is left to the user.
///
/// # Errors
/// If the gates cannot be made, or there are none on this system.
pub fn on(console: &mut Console) -> anyhow::Result<Exit> {
    console.result(&(gates_for_always()?.join("\n") + "\n"));
    console.note(
        "put these lines into the file config.toml of CARGO_HOME (~/.cargo), or into \
         .cargo/config.toml of a workspace: then every cargo there holds its compilers back. \
         `cargo headroom off` undoes it",
    );
    Ok(Exit::Success)
}

/// Removes the gates of [`on`], once cargo's configuration does not name them any more.
///
/// # Errors
/// If the configuration still names them or cannot be read, or they cannot be removed.
pub fn off(console: &mut Console) -> anyhow::Result<Exit> {
    if let Some(named) = remove_gates_for_always()? {
        let message = format!(
            "cargo's configuration names {named}: take out what `cargo headroom on` has printed, \
             and call `cargo headroom off` again"
        );
        return Err(Coded { exit: Exit::NotReady, message }.into());
    }
    console.note("cargo's configuration names no gate here, and those of `on` are removed");
    Ok(Exit::Success)
}
