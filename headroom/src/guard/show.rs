//! The display of the guard's events and findings.

use super::{
    Guard,
    guard_record::{Event, GuardAction, GuardRecord},
};
use crate::{console::Console, numbers::bytes};

impl Guard {
    /// The guard, if it could be started. A build without one is better than none.
    pub(crate) fn or_warning(
        guard: anyhow::Result<Option<Guard>>,
        console: &Console,
    ) -> Option<Guard> {
        let guard = guard.unwrap_or_else(|error| {
            console.warning(
                &format!("there is no guard: {error:#}"),
                "compilers are not held back; what the kernel kills for lack of memory is \
                 recognised",
            );
            None
        });
        if let Some(why) = guard.as_ref().and_then(Guard::alone) {
            console.warning_once(
                "alone",
                &format!("other builds do not know of this one: {why}"),
                "set XDG_RUNTIME_DIR to a folder that only you can enter; until then builds at \
                 the same time take each other's memory",
            );
        }
        if let Some(setting) = guard.as_ref().and_then(Guard::other_runner) {
            console.warning(
                &format!("programs that cargo runs are not held back: {setting} starts them"),
                "take that setting out, or let them run as they do",
            );
        }
        guard
    }
}

impl Event {
    /// Tells of what makes a build slower. Suspending is too common for a line.
    pub(crate) fn say(&self, console: &Console) {
        let Event { crate_name, held_bytes, headroom_bytes, wanted_bytes, other_build, .. } = self;
        let (held, left) = (bytes(*held_bytes), bytes(*headroom_bytes));
        match self.what {
            GuardAction::Suspended | GuardAction::Resumed => {}
            GuardAction::Evicted => console.note(&format!(
                "{left} of memory left: took back the {held} of {crate_name}'s compiler, which \
                 starts again when there is room"
            )),
            GuardAction::KernelKilled => console.note(&format!(
                "the compiler of {crate_name} was killed for lack of memory; it starts again alone"
            )),
            GuardAction::Waits => {
                let holder = match other_build {
                    Some(build) => format!("another build holds memory ({build})"),
                    None => "programs outside this build hold the rest".to_owned(),
                };
                let missing = match wanted_bytes {
                    Some(wanted) => format!(
                        "{left} available, the compiler of {crate_name} needs {}: {} more; ",
                        bytes(*wanted),
                        bytes(wanted.saturating_sub(*headroom_bytes))
                    ),
                    None => format!(
                        "{left} available, the compiler of {crate_name} has its turn \
                        when there is room; "
                    ),
                };
                console.note(&format!("waiting: {missing}{holder}"));
            }
            GuardAction::GaveUp => console.note(&self.why_given_up()),
        }
    }

    /// Returns the reason why this compiler is not tried again.
    pub(super) fn why_given_up(&self) -> String {
        let Event { crate_name, held_bytes, headroom_bytes, .. } = self;
        match self.wanted_bytes {
            None => format!(
                "the compiler of {crate_name} does not fit, not even alone; it held {}",
                bytes(*held_bytes)
            ),
            Some(wanted) => format!(
                "the compiler of {crate_name} needs {}, and other programs keep all but {}",
                bytes(wanted),
                bytes(*headroom_bytes)
            ),
        }
    }
}

impl GuardRecord {
    /// Tells of compilers that ran without the guard.
    pub(crate) fn say_unguarded(&self, console: &Console) {
        let Some(first) = self.unguarded.first() else { return };
        let n = match self.unguarded.len() {
            1 => String::new(),
            n => format!(" (and {} more)", n - 1),
        };
        console.warning(
            &format!("{first}{n}"),
            "the command may run in a sandbox or as another user, where the guard cannot be \
             reached; these compilers were not held back",
        );
    }
}
