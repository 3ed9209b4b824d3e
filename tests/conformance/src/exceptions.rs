//! The known differences (`exceptions.toml`, `data.toml`): cases that record an accident of the original, with the reason why we differ.

use std::collections::BTreeMap;

use anyhow::Context;

/// Suite to id to reason.
#[derive(Debug)]
pub struct Exceptions(BTreeMap<String, BTreeMap<String, String>>);

impl Exceptions {
    /// Reads `exceptions.toml`, which is compiled in.
    ///
    /// # Errors
    /// When that is no TOML of this shape.
    pub fn read() -> anyhow::Result<Self> {
        toml::from_str(include_str!("../exceptions.toml")).map(Self).context("read exceptions.toml")
    }

    /// Reads `data.toml`, which is compiled in: the cases that differ where what expressions give is data.
    ///
    /// # Errors
    /// When that is no TOML of this shape.
    pub fn of_data() -> anyhow::Result<Self> {
        toml::from_str(include_str!("../data.toml")).map(Self).context("read data.toml")
    }

    /// The cases of a suite.
    pub fn cases(&self, suite: &str) -> impl Iterator<Item = &str> {
        self.0.get(suite).into_iter().flat_map(BTreeMap::keys).map(String::as_str)
    }

    /// Why a case may differ, if it may.
    pub fn reason(&self, suite: &str, id: &str) -> Option<&str> {
        self.0.get(suite)?.get(id).map(String::as_str)
    }
}
