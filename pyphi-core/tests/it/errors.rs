//! Input that makes no network: the error names the place, the value and what was expected.
