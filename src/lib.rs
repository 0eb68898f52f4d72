//! The validation study.
