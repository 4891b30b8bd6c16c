//! Pools: workers that see the same files.

use std::fmt;
use std::sync::Arc;

use model::{Error, Result};

/// Longest name of a pool, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// The name of a pool: letters, digits, `-`, `_` and `.`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PoolName(Arc<str>);

impl PoolName {
    /// Reads a name; an empty one is that of the default pool.
    pub fn parse(name: &str) -> Result<Self> {
        if name.is_empty() {
            return Ok(Self::default());
        }
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if name.len() > NAME_BYTES_MAX || !name.bytes().all(is_plain) {
            let shown: String = name.chars().take(NAME_BYTES_MAX).collect();
            return Err(Error::invalid(format!(
                "{shown:?} is no name of a pool: up to {NAME_BYTES_MAX} letters, digits, '-', '_' and '.'"
            )));
        }
        Ok(Self(name.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the pool of datasets that name none.
    pub fn is_default(&self) -> bool {
        &*self.0 == "default"
    }
}

impl Default for PoolName {
    fn default() -> Self {
        Self("default".into())
    }
}

impl fmt::Display for PoolName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A pool as it is now.
#[derive(Debug, Clone, PartialEq)]
pub struct PoolStatus {
    /// Its name.
    pub name: PoolName,
    /// Its workers, in the order of their URLs.
    pub members: Vec<MemberStatus>,
    /// Calls that may be tried again now before the budget of such is used up.
    pub retries_left: f64,
    /// After so many milliseconds a read that has not answered is asked for elsewhere, too.
    pub hedge_after_ms: f64,
}

/// A worker as a gateway sees it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberStatus {
    /// Where it is.
    pub url: String,
    /// How it stands.
    pub health: MemberHealth,
    /// Reads under way.
    pub reads_under_way: u64,
    /// Chunks and parts of chunks that it makes now.
    pub evaluations_under_way: u64,
    /// Calls since this gateway knows it.
    pub calls: u64,
    /// Those of them that failed by its fault.
    pub failed_calls: u64,
}

/// How a worker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberHealth {
    /// Not asked yet.
    New,
    /// It answers.
    Up,
    /// It cannot be reached, or fails again and again: asked only where no other is left.
    Down,
}

impl MemberHealth {
    /// In a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_pools_are_plain_words() {
        assert!(PoolName::parse("").unwrap().is_default());
        assert_eq!(PoolName::parse("lustre-2.work_1").unwrap().as_str(), "lustre-2.work_1");
        for bad in ["a b", "a/b", "ä", &"x".repeat(65)] {
            PoolName::parse(bad).unwrap_err();
        }
    }
}
