//! The guard for plain cargo, for editors and for whatever else calls it.

use std::env;

use crate::{
    console::Console,
    exit::Exit,
    guard::{gates_for_always, switch_gates_off},
};

/// Variables that cargo prefers to its configuration.
const PREFERRED: [&str; 2] = ["RUSTC_WRAPPER", "CARGO_BUILD_RUSTC_WRAPPER"];

/// Makes gates that work without a build around, and prints what belongs into cargo's
/// configuration. The configuration itself is left to the user.
///
/// # Errors
/// If the gates cannot be made, or there are none on this system.
pub fn on(console: &mut Console) -> anyhow::Result<Exit> {
    console.result(&(gates_for_always()?.join("\n") + "\n"));
    console.note(
        "put these lines into the file config.toml of CARGO_HOME (~/.cargo), or into \
         .cargo/config.toml of a workspace; what that file has in the same section stays in it. \
         Then every cargo there holds its compilers back. `cargo headroom off` switches that off",
    );
    if let Some(name) = PREFERRED.into_iter().find(|it| env::var_os(it).is_some()) {
        let message = format!("{name} is set, and cargo prefers it to its configuration");
        console.warning(&message, "while it is set, no compiler is held back");
    }
    Ok(Exit::Success)
}

/// Switches the gates of [`on`] off, wherever a configuration names them. They stay there, since
/// nothing could be compiled without one that is named.
///
/// # Errors
/// If they cannot be switched off.
pub fn off(console: &mut Console) -> anyhow::Result<Exit> {
    let off = switch_gates_off()?;
    let Some(folder) = off.folder else {
        console.note("there are no gates of `cargo headroom on`");
        return Ok(Exit::Success);
    };
    console.note(&format!(
        "switched off: every cargo compiles as without gates, and `cargo headroom on` switches \
         them on again. Before you uninstall this program, take out of cargo's configurations what \
         `on` has printed; {} can be removed then",
        folder.display()
    ));
    if let Some(named) = off.named {
        console.note(&format!("cargo's configuration here names {named}"));
    }
    Ok(Exit::Success)
}
