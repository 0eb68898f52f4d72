//! Exact integrated information.
