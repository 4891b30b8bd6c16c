//! How far long reductions came: whoever asks again for what took longer than anyone waits goes on from there.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use model::Result;
use moka::future::Cache;
use moka::policy::EvictionPolicy;
use views::compute::Joined;

use super::BlockKey;
use super::reduction::Reducing;
use super::supply::Sources;
use crate::evaluate::Inner;
use crate::evaluate::witness::Witness;

/// Least time from one state that is kept to the next: writing it takes a hundredth of that at most.
pub(super) const KEPT_EVERY: Duration = Duration::from_secs(1);
/// Memory for such states, in bytes.
const BYTES_MAX: u64 = 128 << 20;

/// What is known of a block after some of its sections.
pub(super) struct Progress {
    sections: u64,
    state: Bytes,
    sources: Arc<[Witness]>,
}

/// None kept yet.
pub(super) fn cache() -> Cache<BlockKey, Arc<Progress>> {
    let weight = |_: &BlockKey, kept: &Arc<Progress>| {
        u32::try_from(kept.state.len() + kept.sources.len() * 256 + 256).unwrap_or(u32::MAX)
    };
    Cache::builder().weigher(weight).max_capacity(BYTES_MAX).eviction_policy(EvictionPolicy::lru()).build()
}

impl Inner {
    /// How many sections of a block were made before it was given up, and what is known of them; none where one of their
    /// sources changed.
    pub(super) async fn resumed(
        &self,
        key: &BlockKey,
        reducing: &Arc<Reducing>,
    ) -> Result<(u64, (Joined, Sources))> {
        let new = (0, (Joined::default(), Sources::new()));
        let Some(kept) = self.views.progress.get(key).await else { return Ok(new) };
        if !self.are_unchanged(&kept.sources).await? {
            self.views.progress.invalidate(key).await;
            return Ok(new);
        }
        let (reducing, state) = (Arc::clone(reducing), kept.state.clone());
        let partial = self.pool.run_admitted(move || reducing.read(&state)).await?;
        let mut joined = Joined::default();
        joined.push_section(partial);
        Ok((kept.sections, (joined, kept.sources.iter().cloned().collect())))
    }

    /// Keeps what is known of a block after so many sections.
    pub(super) async fn keep_progress(&self, key: &BlockKey, sections: u64, state: Bytes, sources: &Sources) {
        let sources = sources.iter().cloned().collect();
        self.views.progress.insert(key.clone(), Arc::new(Progress { sections, state, sources })).await;
    }
}
