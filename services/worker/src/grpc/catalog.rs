//! `CatalogService` over a worker.

use std::sync::Arc;

use cloudify_proto::convert::{in_place_to_wire, record_to_wire};
use cloudify_proto::status::to_status;
use cloudify_proto::v1;
use cloudify_proto::v1::catalog_service_server::CatalogService;
use engine::diagnostics::Diagnostic;
use engine::ports::{LastRefresh, Listing, PublishedDataset, RefreshReport, VersionList, Worker};
use model::{DatasetId, Error, NodePath, Version};
use tonic::{Request, Response, Status};

/// The service.
pub(super) struct Catalog {
    worker: Arc<dyn Worker>,
}

impl Catalog {
    pub(super) fn new(worker: Arc<dyn Worker>) -> Self {
        Self { worker }
    }
}

#[tonic::async_trait]
impl CatalogService for Catalog {
    async fn list_datasets(
        &self,
        request: Request<v1::ListDatasetsRequest>,
    ) -> Result<Response<v1::ListDatasetsResponse>, Status> {
        let known = request.into_inner().known_revision;
        let listing =
            self.worker.list((known > 0).then_some(known)).await.map_err(|error| to_status(&error))?;
        Ok(Response::new(match listing {
            Some(listing) => listing_to_wire(listing),
            None => v1::ListDatasetsResponse { revision: known, unchanged: true, ..Default::default() },
        }))
    }

    async fn get_dataset(
        &self,
        request: Request<v1::GetDatasetRequest>,
    ) -> Result<Response<v1::GetDatasetResponse>, Status> {
        let request = request.into_inner();
        let got = async {
            let version = (request.version > 0).then_some(Version(request.version));
            self.worker.dataset(&DatasetId::parse(&request.id)?, version).await
        };
        let dataset = got.await.map_err(|error| to_status(&error))?;
        let catalog_id = self.worker.catalog_id();
        Ok(Response::new(v1::GetDatasetResponse { catalog_id, ..dataset_to_wire(&dataset) }))
    }

    async fn get_references(
        &self,
        request: Request<v1::GetReferencesRequest>,
    ) -> Result<Response<v1::GetReferencesResponse>, Status> {
        let v1::GetReferencesRequest { id, version, variable, record } = request.into_inner();
        let got = async {
            if version == 0 {
                return Err(Error::invalid("version is missing"));
            }
            let (id, variable) = (DatasetId::parse(&id)?, NodePath::parse(&variable)?);
            self.worker.references(&id, Version(version), &variable, record).await
        };
        let record = got.await.map_err(|error| to_status(&error))?;
        let record = Some(record_to_wire(&record.manifest, &record.files));
        Ok(Response::new(v1::GetReferencesResponse { record, catalog_id: self.worker.catalog_id() }))
    }

    async fn list_versions(
        &self,
        request: Request<v1::ListVersionsRequest>,
    ) -> Result<Response<v1::ListVersionsResponse>, Status> {
        let got = async { self.worker.versions(&DatasetId::parse(&request.into_inner().id)?).await };
        got.await.map(|list| Response::new(versions_to_wire(list))).map_err(|error| to_status(&error))
    }
}

fn listing_to_wire(listing: Listing) -> v1::ListDatasetsResponse {
    let entry = |dataset: engine::ports::ListedDataset| v1::DatasetEntry {
        id: dataset.id.to_string(),
        version: dataset.version.0,
        title: dataset.title,
        pool: dataset.pool.as_str().to_owned(),
    };
    let datasets = listing.datasets.into_iter().map(entry).collect();
    v1::ListDatasetsResponse {
        revision: listing.revision,
        unchanged: false,
        datasets,
        catalog_id: listing.catalog_id,
    }
}

/// A dataset, or a view as one.
pub(super) fn dataset_to_wire(dataset: &PublishedDataset) -> v1::GetDatasetResponse {
    v1::GetDatasetResponse {
        id: dataset.id.to_string(),
        version: dataset.version.0,
        published_ms: dataset.published_ms,
        modified_ns: dataset.modified_ns,
        record_size: dataset.record_size,
        view: dataset.view.clone(),
        named_views: (*dataset.named_views).clone(),
        diagnostics: dataset.diagnostics.iter().cloned().map(diagnostic_to_wire).collect(),
        document: zarr::document::to_json(&dataset.dataset).into(),
        catalog_id: String::new(),
        in_place: dataset.in_place.iter().map(|place| in_place_to_wire(place.as_ref())).collect(),
    }
}

fn diagnostic_to_wire(diagnostic: Diagnostic) -> v1::Diagnostic {
    let Diagnostic { variable, coord, action } = diagnostic;
    v1::Diagnostic { variable, coord, action }
}

fn versions_to_wire(list: VersionList) -> v1::ListVersionsResponse {
    let entry = |version: engine::ports::VersionSummary| v1::VersionEntry {
        version: version.version.0,
        published_ms: version.published_ms,
        sources: version.sources,
        file_count: version.file_count,
        warning_count: version.warning_count,
    };
    v1::ListVersionsResponse {
        current: list.current.0,
        versions: list.versions.into_iter().map(entry).collect(),
        refresh: Some(refresh_to_wire(list.refresh)),
    }
}

fn refresh_to_wire(report: RefreshReport) -> v1::RefreshReport {
    let every_seconds = report.every_seconds.unwrap_or_default();
    match report.last {
        Some(LastRefresh { at_ms, outcome, message }) => {
            v1::RefreshReport { every_seconds, last_ms: at_ms, outcome, message }
        }
        None => v1::RefreshReport { every_seconds, ..Default::default() },
    }
}
