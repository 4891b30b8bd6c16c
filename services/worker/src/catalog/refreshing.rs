//! Who refreshes a dataset now, and how it went last.
//!
//! ```text
//! <catalog>/datasets/<id, encoded>/refresh.lease    who refreshes it, and until when that is believed
//!                                 /refresh.json     how the last refresh went
//! ```
//! A lease spares work, nothing more: if two refresh at once, because one of them stalled for longer than its lease,
//! two versions are published with the same content.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use engine::ports::LastRefresh;
use model::{DatasetId, Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use super::disk;
use super::layout::{Layout, TEMPORARY};

/// How long a lease is believed that nobody renews.
const LEASE: Duration = Duration::from_mins(2);
/// How often a holder is to renew it.
pub(crate) const RENEWAL: Duration = Duration::from_secs(30);

/// The right to refresh a dataset, until it is dropped.
#[derive(Debug)]
pub(crate) struct Lease {
    path: PathBuf,
    holder: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct LeaseDocument {
    holder: String,
    until_ms: i64,
}

#[derive(Debug, Serialize, Deserialize)]
struct RefreshDocument {
    at_ms: i64,
    outcome: String,
    message: String,
}

impl Lease {
    /// Takes the lease of a dataset; a `Conflict` where another has it.
    pub(super) fn take(layout: &Layout, id: &DatasetId) -> Result<Self> {
        let path = layout.refresh_lease(id);
        let lease = Self { path, holder: disk::unique_name("") };
        for _ in 0..2 {
            if disk::create_new(&lease.path, &lease.document()?)? {
                return Ok(lease);
            }
            let Some(found) = disk::read(&lease.path)? else { continue };
            if !is_expired(&found) {
                break;
            }
            lease.clear(&found)?;
        }
        // Not its own to remove.
        std::mem::forget(lease);
        Err(Error::new(
            ErrorKind::Conflict,
            format!("{id} is being refreshed already: wait until that is done"),
        ))
    }

    /// Says that its holder still works.
    pub(crate) fn renew(&self) -> Result<()> {
        disk::replace(&self.path, &self.document()?)
    }

    /// Takes an expired lease away; puts it back if it was another's by then.
    fn clear(&self, expired: &[u8]) -> Result<()> {
        let aside = self.path.with_file_name(disk::unique_name(TEMPORARY));
        if fs::rename(&self.path, &aside).is_err() {
            return Ok(());
        }
        let taken = disk::read(&aside)?.unwrap_or_default();
        let _ = fs::remove_file(&aside);
        if taken != expired {
            disk::create_new(&self.path, &taken)?;
        }
        Ok(())
    }

    fn document(&self) -> Result<Vec<u8>> {
        let until_ms = disk::now_ns() / 1_000_000 + LEASE.as_millis() as i64;
        let document = LeaseDocument { holder: self.holder.clone(), until_ms };
        serde_json::to_vec(&document).map_err(Error::internal)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let is_own = |bytes: Vec<u8>| {
            serde_json::from_slice::<LeaseDocument>(&bytes).is_ok_and(|found| found.holder == self.holder)
        };
        if disk::read(&self.path).ok().flatten().is_some_and(is_own) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Whether nobody believes in a lease any more: its time is over, or it cannot be read.
fn is_expired(bytes: &[u8]) -> bool {
    serde_json::from_slice::<LeaseDocument>(bytes)
        .map_or(true, |found| found.until_ms < disk::now_ns() / 1_000_000)
}

/// How the last refresh went; none where there was none, or it cannot be read.
pub(super) fn last(layout: &Layout, id: &DatasetId) -> Option<LastRefresh> {
    let bytes = disk::read(&layout.refresh_outcome(id)).ok().flatten()?;
    let RefreshDocument { at_ms, outcome, message } = serde_json::from_slice(&bytes).ok()?;
    Some(LastRefresh { at_ms, outcome, message })
}

/// Notes how a refresh went.
pub(super) fn note(layout: &Layout, id: &DatasetId, last: &LastRefresh) -> Result<()> {
    let LastRefresh { at_ms, outcome, message } = last.clone();
    let document =
        serde_json::to_vec(&RefreshDocument { at_ms, outcome, message }).map_err(Error::internal)?;
    disk::replace(&layout.refresh_outcome(id), &document)
}

/// Forgets both, with a dataset that is removed.
pub(super) fn forget(layout: &Layout, id: &DatasetId) {
    let _ = fs::remove_file(layout.refresh_outcome(id));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_one_holders_until_it_is_dropped_or_expires() {
        let directory = tempfile::tempdir().unwrap();
        let layout = Layout::new(directory.path());
        let id = DatasetId::parse("tas").unwrap();
        fs::create_dir_all(layout.dataset(&id)).unwrap();
        let first = Lease::take(&layout, &id).unwrap();
        first.renew().unwrap();
        assert_eq!(Lease::take(&layout, &id).unwrap_err().kind, ErrorKind::Conflict);
        // Whoever did not get it takes nothing away.
        assert!(layout.refresh_lease(&id).exists());
        drop(first);
        let second = Lease::take(&layout, &id).unwrap();
        for expired in [&br#"{"holder":"x","until_ms":5}"#[..], b"no document"] {
            fs::write(layout.refresh_lease(&id), expired).unwrap();
            let third = Lease::take(&layout, &id).unwrap();
            assert_eq!(Lease::take(&layout, &id).unwrap_err().kind, ErrorKind::Conflict);
            drop(third);
        }
        fs::write(layout.refresh_lease(&id), br#"{"holder":"another","until_ms":9000000000000}"#).unwrap();
        drop(second);
        assert!(layout.refresh_lease(&id).exists(), "not its own any more");
    }

    #[test]
    fn what_is_noted_is_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let layout = Layout::new(directory.path());
        let id = DatasetId::parse("tas").unwrap();
        fs::create_dir_all(layout.dataset(&id)).unwrap();
        assert_eq!(last(&layout, &id), None);
        let noted = LastRefresh { at_ms: 7, outcome: "failed".into(), message: "why".into() };
        note(&layout, &id, &noted).unwrap();
        assert_eq!(last(&layout, &id), Some(noted));
        fs::write(layout.refresh_outcome(&id), b"{").unwrap();
        assert_eq!(last(&layout, &id), None);
    }
}
