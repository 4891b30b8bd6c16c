//! Refreshing a dataset: its sources are looked at again, what is new or changed is scanned, and a version is published
//! if anything is different.
//!
//! A file that a glob no longer finds falls out; one that was named and is gone is an error. A failure leaves the
//! current version as it is.

use std::sync::Arc;

use engine::named_views::NamedViews;
use engine::ports::{
    Comparison, IfExists, LastRefresh, Registration, RegistrationEvent, RegistrationGoal, SourcesAre,
};
use futures::stream::BoxStream;
use model::{DatasetId, Error, ErrorKind, Result, Version};
use tokio_util::task::AbortOnDropHandle;

use super::events::{self, Events};
use super::scans::Keeping;
use super::{Registrar, blocking, now_ms};
use crate::catalog::{Lease, RENEWAL};

/// How a refresh ended.
pub(super) enum Refreshed {
    /// With a new version.
    Published(Version),
    /// With nothing to publish.
    Unchanged(Version),
}

impl Registrar {
    /// Refreshes a dataset. Events as of a registration, after one that says what was found; the last says what was
    /// published or that all is as it was. How it went is noted in the catalog. Dropping the stream stops the work.
    /// Must be called within a tokio runtime.
    pub fn refresh(self: &Arc<Self>, id: DatasetId) -> BoxStream<'static, Result<RegistrationEvent>> {
        let registrar = Arc::clone(self);
        events::stream(|events| async move { registrar.run_refresh(id, &events).await })
    }

    async fn run_refresh(&self, id: DatasetId, events: &Events) -> Result<()> {
        let claim = self.claim(&id)?;
        let (catalog, of) = (Arc::clone(&self.catalog), id.clone());
        let lease = Arc::new(blocking(move || catalog.lease(&of)).await?);
        let _renewed = AbortOnDropHandle::new(tokio::spawn(renew(Arc::clone(&lease))));
        let mut counted = Comparison::default();
        let refreshed = self.refresh_now(&id, claim, &mut counted, events).await;
        let (catalog, last) = (Arc::clone(&self.catalog), noted(&refreshed, counted)?);
        let of = id.clone();
        let noted = blocking(move || catalog.note_refresh(&of, &last)).await;
        if let Err(error) = noted {
            tracing::warn!(dataset = %id, %error, "how the refresh went cannot be noted");
        }
        match refreshed? {
            Refreshed::Published(version) => {
                tracing::info!(dataset = %id, version = version.0, ?counted, "refreshed");
                events.send(RegistrationEvent::Published { id, version }).await
            }
            Refreshed::Unchanged(version) => events.send(RegistrationEvent::Unchanged { id, version }).await,
        }
    }

    async fn refresh_now(
        &self,
        id: &DatasetId,
        claim: super::Claim,
        counted: &mut Comparison,
        events: &Events,
    ) -> Result<Refreshed> {
        let (catalog, of) = (Arc::clone(&self.catalog), id.clone());
        let (known, before) =
            blocking(move || Ok((catalog.refreshable(&of)?, catalog.kept_scans(&of)))).await?;
        let files = self.preparation.files(known.sources.clone()).await?;
        let (comparison, files, before) = blocking(move || {
            let keys: Vec<String> = files.iter().filter_map(|file| file.key().map(str::to_owned)).collect();
            Ok((before.compare(&keys), files, before))
        })
        .await?;
        *counted = comparison;
        events.send(RegistrationEvent::Compared(comparison)).await?;
        let Comparison { added, changed, gone, .. } = comparison;
        // After a roll-back the newest version is made again by the call, whatever became of the files.
        let is_as_kept = before.version == Some(known.current);
        if added + changed + gone == 0 && is_as_kept {
            return Ok(Refreshed::Unchanged(known.current));
        }
        let catalog = Arc::clone(&self.catalog);
        let now = Some(blocking(move || catalog.new_scans()).await?);
        let keeping = Keeping { before: Some(before), now };
        let (mut joined, scans) = self.preparation.join(files, keeping, events).await?;
        if gone > 0 {
            let message = format!("{gone} files of the version before are no longer there");
            joined.warnings.push(model::Warning { subject: String::new(), message });
        }
        self.check_current(id, known.current).await?;
        let registration = Registration {
            id: id.clone(),
            sources: known.sources,
            if_exists: IfExists::Replace,
            goal: RegistrationGoal::Publish,
            refresh_seconds: None,
            view: None,
            named_views: NamedViews::new(),
            sources_are: SourcesAre::Data,
            pool: None,
        };
        self.publish(registration, joined, scans, claim, events).await.map(Refreshed::Published)
    }

    /// Refuses to publish over what another has published, rolled back or removed meanwhile.
    async fn check_current(&self, id: &DatasetId, expected: Version) -> Result<()> {
        let (catalog, of) = (Arc::clone(&self.catalog), id.clone());
        let current = blocking(move || catalog.refreshable(&of)).await?.current;
        if current == expected {
            return Ok(());
        }
        let message = format!("{id} was changed by another while it was refreshed: refresh it again");
        Err(Error::new(ErrorKind::Conflict, message))
    }
}

async fn renew(lease: Arc<Lease>) {
    loop {
        tokio::time::sleep(RENEWAL).await;
        let lease = Arc::clone(&lease);
        if let Err(error) = blocking(move || lease.renew()).await {
            tracing::warn!(%error, "the lease of a refresh cannot be renewed");
        }
    }
}

fn noted(refreshed: &Result<Refreshed>, counted: Comparison) -> Result<LastRefresh> {
    let Comparison { added, changed, gone, unchanged } = counted;
    let counts = format!("{added} files new, {changed} changed, {gone} gone, {unchanged} unchanged");
    let (outcome, message) = match refreshed {
        Ok(Refreshed::Published(version)) => ("published", format!("version {version}: {counts}")),
        Ok(Refreshed::Unchanged(_)) => ("unchanged", counts),
        Err(error) => ("failed", error.message.clone()),
    };
    Ok(LastRefresh { at_ms: now_ms()?, outcome: outcome.to_owned(), message })
}
