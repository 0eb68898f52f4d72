//! One small test per fixed bug: the smallest network that showed it, with what it should have given.
