//! The platform's functions that both languages have, over plain values.

pub(crate) mod jsonpath;
pub(crate) mod paths;
pub(crate) mod time;
pub(crate) mod yaml;
