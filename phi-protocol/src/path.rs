//! Paths in JSON, which is Unicode: what is no Unicode in a path becomes `U+FFFD`.
//!
//! serde refuses such paths, and a document must never fail because of the name of a folder.

use std::path::Path;

use serde::{Serialize as _, Serializer};

pub(crate) fn lossy<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

pub(crate) fn lossy_if_any<P: AsRef<Path>, S: Serializer>(
    path: &Option<P>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    path.as_ref().map(|it| it.as_ref().to_string_lossy()).serialize(serializer)
}
