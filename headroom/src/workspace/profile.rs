//! The demands of a cargo profile on the compiler, as far as they decide how much memory a build
//! needs.
//!
//! Read from the workspace's manifest, its `.cargo/config.toml` and the environment, in this order
//! of growing weight, as cargo does. What cannot be read counts as cargo's default: a wrong guess
//! costs an attempt, never a build.

use std::{collections::BTreeMap, path::Path};

use serde::Serialize;
use toml::{Table, Value};

use crate::files::read_short;

/// The longest manifest that is read.
const MOST_BYTES: u64 = 16 << 20;

/// The profiles of a workspace.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Profiles(BTreeMap<String, Change>);

/// A profile with everything it inherits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct ProfileSettings {
    pub(crate) lto: Lto,
    /// One codegen unit raises the peak; from cargo's default (16, or 256 when incremental) on it
    /// hardly changes.
    pub(crate) single_codegen_unit: bool,
    /// `true` if any debug information is made.
    pub(crate) debuginfo: bool,
    /// `true` if the code is optimised: a program that is not runs several times slower.
    pub(crate) optimised: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Lto {
    Off,
    /// Among the codegen units of one crate: cargo's default.
    Local,
    Thin,
    /// The whole program at once: the only one that needs much more memory.
    Fat,
}

/// The settings that one profile itself makes.
#[derive(Clone, Debug, Default, PartialEq)]
struct Change {
    inherits: Option<String>,
    lto: Option<Lto>,
    single_codegen_unit: Option<bool>,
    debuginfo: Option<bool>,
    optimised: Option<bool>,
}

impl Profiles {
    /// Reads the profiles of the workspace at `root`. `env` are the environment's variables.
    pub(crate) fn read(root: &Path, env: impl Iterator<Item = (String, String)>) -> Profiles {
        let table = |file: &str| -> Table {
            read_short(&root.join(file), MOST_BYTES)
                .ok()
                .and_then(|it| toml::from_str(str::from_utf8(&it).ok()?).ok())
                .unwrap_or_default()
        };
        let mut profiles = Profiles::default();
        for file in ["Cargo.toml", ".cargo/config.toml"] {
            if let Some(Value::Table(table)) = table(file).get("profile") {
                profiles.add(table);
            }
        }
        env.for_each(|(name, value)| profiles.add_variable(&name, &value));
        profiles
    }

    fn add(&mut self, table: &Table) {
        for (name, profile) in table {
            let Value::Table(profile) = profile else { continue };
            let change = self.0.entry(name.clone()).or_default();
            for (key, value) in profile {
                change.set(key, value);
            }
        }
    }

    /// `CARGO_PROFILE_RELEASE_LTO=thin`.
    fn add_variable(&mut self, name: &str, value: &str) {
        let Some(rest) = name.strip_prefix("CARGO_PROFILE_") else { return };
        let keys = ["lto", "codegen-units", "debug", "opt-level", "inherits"];
        for key in keys {
            let ending = format!("_{}", key.to_uppercase().replace('-', "_"));
            let Some(profile) = rest.strip_suffix(&ending) else { continue };
            let known = self.0.keys().find(|it| variable_name(it) == profile);
            let profile =
                known.cloned().unwrap_or_else(|| profile.to_lowercase().replace('_', "-"));
            let plain = value.parse::<i64>().map(Value::Integer);
            let plain = plain.or_else(|_| value.parse().map(Value::Boolean));
            let value = plain.unwrap_or_else(|_| Value::String(value.into()));
            self.0.entry(profile).or_default().set(key, &value);
            return;
        }
    }

    /// The profile with what it inherits. cargo complains about a profile that is not defined.
    pub(crate) fn settings(&self, name: &str) -> ProfileSettings {
        // A circle of `inherits` ends here after as many steps as there are profiles.
        self.inherited(name, self.0.len() + 2)
    }

    fn inherited(&self, name: &str, n_left: usize) -> ProfileSettings {
        let dev = ProfileSettings {
            lto: Lto::Local,
            single_codegen_unit: false,
            debuginfo: true,
            optimised: false,
        };
        let release = ProfileSettings { debuginfo: false, optimised: true, ..dev };
        let own = self.0.get(name);
        let parent = own.and_then(|it| it.inherits.as_deref());
        let base = match (name, parent) {
            _ if n_left == 0 => release,
            ("dev", _) => dev,
            ("release", _) => release,
            ("test", _) => self.inherited("dev", n_left - 1),
            ("bench", _) => self.inherited("release", n_left - 1),
            (_, Some(parent)) => self.inherited(parent, n_left - 1),
            (_, None) => release,
        };
        let Some(own) = own else { return base };
        ProfileSettings {
            lto: own.lto.unwrap_or(base.lto),
            single_codegen_unit: own.single_codegen_unit.unwrap_or(base.single_codegen_unit),
            debuginfo: own.debuginfo.unwrap_or(base.debuginfo),
            optimised: own.optimised.unwrap_or(base.optimised),
        }
    }
}

impl Change {
    fn set(&mut self, key: &str, value: &Value) {
        match key {
            "inherits" => self.inherits = value.as_str().map(String::from),
            "lto" => {
                self.lto = match value {
                    Value::Boolean(true) => Some(Lto::Fat),
                    Value::Boolean(false) => Some(Lto::Local),
                    it => match it.as_str() {
                        Some("fat") => Some(Lto::Fat),
                        Some("thin") => Some(Lto::Thin),
                        Some("off") => Some(Lto::Off),
                        _ => None,
                    },
                };
            }
            "codegen-units" => self.single_codegen_unit = value.as_integer().map(|it| it == 1),
            "debug" => {
                self.debuginfo = match value {
                    Value::Boolean(it) => Some(*it),
                    Value::Integer(it) => Some(*it != 0),
                    it => it.as_str().map(|it| it != "none"),
                };
            }
            "opt-level" => self.optimised = Some(value.as_integer() != Some(0)),
            _ => {}
        }
    }
}

/// A profile's name within a variable: `my-release` is `MY_RELEASE`.
pub(crate) fn variable_name(profile: &str) -> String {
    profile.to_uppercase().replace('-', "_")
}

/// The folder below the target folder that cargo builds a profile into.
pub(crate) fn folder(profile: &str) -> &str {
    match profile {
        "dev" | "test" => "debug",
        "bench" => "release",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profiles(manifest: &str, env: &[(&str, &str)]) -> Profiles {
        let sh = xshell::Shell::new().unwrap();
        let dir = sh.create_temp_dir().unwrap();
        sh.write_file(dir.path().join("Cargo.toml"), manifest).unwrap();
        let env = env.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        Profiles::read(dir.path(), env)
    }

    /// LTO, single codegen unit, debug information, optimised.
    #[track_caller]
    fn check(profiles: &Profiles, name: &str, expected: (Lto, bool, bool, bool)) {
        let it = profiles.settings(name);
        let found = (it.lto, it.single_codegen_unit, it.debuginfo, it.optimised);
        assert_eq!(found, expected, "{name}");
    }

    #[test]
    fn a_manifest_without_profiles_has_cargo_s() {
        for text in ["[package]\nname = \"x\"\n", "", "[[[ not toml"] {
            let profiles = profiles(text, &[]);
            check(&profiles, "release", (Lto::Local, false, false, true));
            check(&profiles, "bench", (Lto::Local, false, false, true));
            check(&profiles, "dev", (Lto::Local, false, true, false));
            check(&profiles, "test", (Lto::Local, false, true, false));
        }
    }

    #[test]
    fn profiles_inherit_and_the_environment_has_the_last_word() {
        let manifest = r#"
            [profile.release]
            lto = true
            debug = "line-tables-only"
            [profile.my-dist]
            inherits = "release"
            codegen-units = 1
            [profile.quick]
            inherits = "dev"
            opt-level = 1
            debug = false
            [profile.round]
            inherits = "round"
        "#;
        let plain = profiles(manifest, &[]);
        check(&plain, "release", (Lto::Fat, false, true, true));
        check(&plain, "bench", (Lto::Fat, false, true, true));
        check(&plain, "my-dist", (Lto::Fat, true, true, true));
        check(&plain, "quick", (Lto::Local, false, false, true));
        check(&plain, "round", (Lto::Local, false, false, true));
        let env = [
            ("CARGO_PROFILE_RELEASE_LTO", "thin"),
            ("CARGO_PROFILE_MY_DIST_CODEGEN_UNITS", "16"),
            ("CARGO_PROFILE_MY_DIST_DEBUG", "0"),
            ("CARGO_PROFILE_QUICK_OPT_LEVEL", "s"),
            ("PATH", "/bin"),
        ];
        let changed = profiles(manifest, &env);
        check(&changed, "release", (Lto::Thin, false, true, true));
        check(&changed, "my-dist", (Lto::Thin, false, false, true));
    }

    #[test]
    fn folders_are_cargo_s() {
        for (name, expected) in [("dev", "debug"), ("bench", "release"), ("my-dist", "my-dist")] {
            assert_eq!(folder(name), expected);
        }
        assert_eq!(variable_name("my-dist"), "MY_DIST");
    }
}
