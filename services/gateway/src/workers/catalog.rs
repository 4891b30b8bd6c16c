//! Catalog calls: ordinary gRPC messages.

use std::sync::Arc;
use std::time::Duration;

use cloudify_proto::convert::{in_place_from_wire, record_from_wire};
use cloudify_proto::status::from_status;
use cloudify_proto::v1;
use cloudify_proto::v1::catalog_service_client::CatalogServiceClient;
use cloudify_proto::v1::registration_service_client::RegistrationServiceClient;
use engine::diagnostics::Diagnostic;
use engine::pools::PoolName;
use engine::ports::{
    LastRefresh, ListedDataset, Listing, PublishedDataset, ReferenceRecord, RefreshReport, VersionList,
    VersionSummary,
};
use model::{DatasetId, Error, NodePath, Result, Version};
use tonic::transport::Channel;
use tonic::{Code, Response, Status};

use super::catalog_id::other_of;
use super::member::{Member, count_call};
use super::unavailable;

/// Largest message, in bytes: a dataset's metadata, a record of references.
pub(super) const MESSAGE_BYTES_MAX: usize = 256 << 20;
/// How long to wait for the word of which catalog a worker is.
const LOOK: Duration = Duration::from_secs(3);

/// The catalog's list; none where `known` is still its revision.
pub(super) async fn list(member: &Member, known: Option<u64>) -> Result<Option<Listing>> {
    let call = v1::ListDatasetsRequest { known_revision: known.unwrap_or_default() };
    let called = reader(member).list_datasets(member.request(call, Some(member.timeout()))).await;
    let list = finish(member, "ListDatasets", called)?;
    if list.unchanged {
        return Ok(None);
    }
    // It was exchanged meanwhile, or the worker does not look for which catalog it is asked.
    if member.is_of_another(&list.catalog_id) {
        return Err(unavailable("the worker is of another catalog"));
    }
    let entry = |entry: v1::DatasetEntry| {
        let id = DatasetId::parse(&entry.id)?;
        let pool = PoolName::parse(&entry.pool)?;
        Ok(ListedDataset { id, version: Version(entry.version), title: entry.title, pool })
    };
    let datasets = list.datasets.into_iter().map(entry).collect::<Result<_>>().map_err(Error::internal)?;
    Ok(Some(Listing { revision: list.revision, catalog_id: list.catalog_id, datasets }))
}

/// Of which catalog a worker is that does not have ours.
pub(super) async fn other(member: &Member) -> Option<String> {
    let mut reader = reader(member);
    let asked = reader.list_datasets(member.request(v1::ListDatasetsRequest::default(), Some(LOOK)));
    match tokio::time::timeout(LOOK, asked).await.ok()? {
        Ok(list) => Some(list.into_inner().catalog_id).filter(|id| member.is_of_another(id)),
        Err(status) => other_of(&status).map(str::to_owned),
    }
}

/// One version of a dataset.
pub(super) async fn dataset(
    member: &Member,
    id: &DatasetId,
    version: Option<Version>,
) -> Result<v1::GetDatasetResponse> {
    let call = v1::GetDatasetRequest { id: id.to_string(), version: number(version) };
    let called = reader(member).get_dataset(member.request(call, Some(member.timeout()))).await;
    finish(member, "GetDataset", called)
}

/// A dataset, or a view as one.
pub(super) async fn dataset_from_wire(got: v1::GetDatasetResponse) -> Result<PublishedDataset> {
    let parsed = move || {
        Ok(PublishedDataset {
            id: DatasetId::parse(&got.id).map_err(Error::internal)?,
            version: Version(got.version),
            published_ms: got.published_ms,
            modified_ns: got.modified_ns,
            record_size: got.record_size,
            view: got.view,
            named_views: got.named_views.into(),
            diagnostics: Arc::new(got.diagnostics.into_iter().map(diagnostic_from_wire).collect()),
            dataset: zarr::document::from_json(&got.document).map_err(Error::internal)?.into(),
            in_place: got.in_place.into_iter().map(in_place_from_wire).collect::<Result<_>>()?,
        })
    };
    tokio::task::spawn_blocking(parsed).await.map_err(Error::internal)?
}

fn diagnostic_from_wire(diagnostic: v1::Diagnostic) -> Diagnostic {
    let v1::Diagnostic { variable, coord, action } = diagnostic;
    Diagnostic { variable, coord, action }
}

/// One record of a variable's references.
pub(super) async fn references(
    member: &Member,
    id: &DatasetId,
    version: Version,
    variable: &NodePath,
    record: u64,
) -> Result<v1::GetReferencesResponse> {
    let call = v1::GetReferencesRequest {
        id: id.to_string(),
        version: version.0,
        variable: variable.to_string(),
        record,
    };
    let called = reader(member).get_references(member.request(call, Some(member.timeout()))).await;
    finish(member, "GetReferences", called)
}

/// A record of references.
pub(super) async fn references_from_wire(got: v1::GetReferencesResponse) -> Result<ReferenceRecord> {
    let record = got.record.ok_or_else(|| Error::internal("no record"))?;
    let parsed = move || {
        let (manifest, files) = record_from_wire(record)?;
        Ok(ReferenceRecord { manifest, files })
    };
    tokio::task::spawn_blocking(parsed).await.map_err(Error::internal)?
}

/// A dataset's versions.
pub(super) async fn versions(member: &Member, id: &DatasetId) -> Result<VersionList> {
    let call = v1::ListVersionsRequest { id: id.to_string() };
    let called = reader(member).list_versions(member.request(call, Some(member.timeout()))).await;
    let list = finish(member, "ListVersions", called)?;
    let entry = |version: v1::VersionEntry| VersionSummary {
        version: Version(version.version),
        published_ms: version.published_ms,
        sources: version.sources,
        file_count: version.file_count,
        warning_count: version.warning_count,
    };
    Ok(VersionList {
        current: Version(list.current),
        versions: list.versions.into_iter().map(entry).collect(),
        refresh: list.refresh.map(refresh_from_wire).unwrap_or_default(),
    })
}

fn refresh_from_wire(report: v1::RefreshReport) -> RefreshReport {
    let v1::RefreshReport { every_seconds, last_ms, outcome, message } = report;
    RefreshReport {
        every_seconds: (every_seconds > 0).then_some(every_seconds),
        last: (last_ms > 0).then_some(LastRefresh { at_ms: last_ms, outcome, message }),
    }
}

/// Takes a dataset out of the catalog.
pub(super) async fn remove(member: &Member, id: &DatasetId) -> Result<()> {
    let call = v1::RemoveRequest { id: id.to_string() };
    let called = changer(member).remove(member.request(call, Some(member.timeout()))).await;
    finish(member, "Remove", called).map(|_| ())
}

/// Makes an earlier version current.
pub(super) async fn roll_back(member: &Member, id: &DatasetId, version: Option<Version>) -> Result<Version> {
    let call = v1::RollBackRequest { id: id.to_string(), version: number(version) };
    let called = changer(member).roll_back(member.request(call, Some(member.timeout()))).await;
    finish(member, "RollBack", called).map(|done| Version(done.version))
}

fn reader(member: &Member) -> CatalogServiceClient<Channel> {
    CatalogServiceClient::new(member.channel()).max_decoding_message_size(MESSAGE_BYTES_MAX)
}

pub(super) fn changer(member: &Member) -> RegistrationServiceClient<Channel> {
    RegistrationServiceClient::new(member.channel())
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX)
}

pub(super) fn finish<T>(member: &Member, method: &str, called: Result<Response<T>, Status>) -> Result<T> {
    // What the worker itself says, for example that a remote source is out of reach, has no cause here. A connection that is
    // reset during a call is `Unknown`.
    let is_lost = |status: &Status| {
        matches!(status.code(), Code::Unavailable | Code::Unknown)
            && std::error::Error::source(status).is_some()
    };
    if called.as_ref().is_err_and(is_lost) {
        member.health.failed();
    } else {
        member.health.succeeded();
    }
    let called = called.map(Response::into_inner).map_err(|status| {
        member.note(&status);
        from_status(&status)
    });
    count_call(method, called.as_ref().err());
    called
}

/// A version on the wire.
pub(super) fn number(version: Option<Version>) -> u32 {
    version.map_or(0, |version| version.0)
}
