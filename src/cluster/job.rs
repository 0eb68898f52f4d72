//! The interface that all kinds of jobs share.
//!
//! A [`Spec`] says what is computed, in a few lines that are the same for every process. A [`Job`]
//! is made from it by the process that plans: it knows which items are left, and what they are
//! expected to cost. A process that does a task uses the module of its kind instead: it may know
//! less, so that it starts sooner.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::journals::Journals;
use crate::error::Error;
use crate::suite::Settings;

/// The specification of a computation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Spec {
    /// A study.
    Study {
        /// Its settings.
        settings: Box<Settings>,
    },
    /// One Φ, by IIT 3.0.
    Phi {
        /// The network in its state, as a file for `phi` has it.
        network: Value,
    },
}

impl Spec {
    /// `study` or `phi`.
    pub fn kind(&self) -> &'static str {
        match self {
            Spec::Study { .. } => "study",
            Spec::Phi { .. } => "phi",
        }
    }

    /// A hash by which a file is known to belong to this job: 16 hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        let mut hasher = blake3::Hasher::new_derive_key("phi-validation cluster job v1");
        hasher.update(&serde_json::to_vec(self).expect("plain data"));
        hasher.finalize().to_hex()[..16].to_owned()
    }

    /// In what `self` differs from `other`, one line each, or nothing.
    pub fn differences(&self, other: &Spec) -> Vec<String> {
        match (self, other) {
            (Spec::Study { settings }, Spec::Study { settings: theirs }) => {
                settings.differences(theirs)
            }
            (Spec::Phi { network }, Spec::Phi { network: theirs }) => {
                let fields = ["name", "tpm", "cm", "state", "nodes", "labels"];
                let differ = fields.into_iter().filter(|it| network.get(it) != theirs.get(it));
                differ.map(|it| format!("another {it} of the network")).collect()
            }
            _ => vec![format!("a {} instead of a {}", self.kind(), other.kind())],
        }
    }
}

/// A stage of a job: items that can be done in any order and at the same time.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// Its name.
    pub name: &'static str,
    /// `true` if the job is done when its items are.
    pub is_last: bool,
    /// All its items.
    pub n_items: u64,
    /// Those that are not done, ascending.
    pub left: Vec<Item>,
}

/// An item that is to be done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Item {
    /// Its number within the stage.
    pub number: u64,
    /// The expected time, in seconds.
    pub seconds: f64,
    /// The memory that a process which does it needs, in bytes.
    pub bytes: u64,
}

/// A job, for the process that plans it.
pub trait Job: Sync {
    /// The stage under way: the last one if everything is there, and then nothing is left of it.
    ///
    /// # Errors
    /// As [`Journals::results`], if it takes these.
    fn stage(&self, journals: &Journals) -> Result<Stage, Error>;

    /// Returns the name of an item for people.
    fn item_name(&self, stage: &str, item: u64) -> String;

    /// Returns the facts that a process which does these items needs besides [`Spec`] and items.
    fn task_input(&self, _stage: &str, _items: &[u64]) -> Value {
        Value::Null
    }
}
