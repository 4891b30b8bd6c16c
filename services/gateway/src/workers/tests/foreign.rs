//! Workers of other catalogs, and of one that was exchanged.

use std::sync::Mutex;

use cloudify_proto::CATALOG_HEADER;
use cloudify_proto::v1::catalog_service_server::{CatalogService, CatalogServiceServer};
use tonic::service::InterceptorLayer;

use super::*;

/// The catalog of a worker, which looks for which one it is asked.
#[derive(Clone, Default)]
struct Catalog {
    id: Arc<Mutex<String>>,
    asked: Arc<AtomicUsize>,
}

impl Catalog {
    fn new(id: &str) -> Self {
        let this = Self::default();
        this.exchange(id);
        this
    }

    fn exchange(&self, id: &str) {
        id.clone_into(&mut self.id.lock().unwrap());
    }

    fn check<T>(&self, call: Request<T>) -> Result<Request<T>, Status> {
        let id = self.id.lock().unwrap();
        match call.metadata().get(CATALOG_HEADER) {
            Some(wanted) if wanted.to_str().unwrap() != *id => {
                let mut refused = Status::unavailable("this worker is of another catalog");
                refused.metadata_mut().insert(CATALOG_HEADER, id.parse().unwrap());
                Err(refused)
            }
            _ => Ok(call),
        }
    }
}

#[tonic::async_trait]
impl CatalogService for Catalog {
    async fn list_datasets(
        &self,
        _: Request<v1::ListDatasetsRequest>,
    ) -> Result<Response<v1::ListDatasetsResponse>, Status> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let catalog_id = self.id.lock().unwrap().clone();
        Ok(Response::new(v1::ListDatasetsResponse { revision: 1, catalog_id, ..Default::default() }))
    }

    async fn get_dataset(
        &self,
        _: Request<v1::GetDatasetRequest>,
    ) -> Result<Response<v1::GetDatasetResponse>, Status> {
        Err(Status::not_found("no such dataset"))
    }

    async fn get_references(
        &self,
        _: Request<v1::GetReferencesRequest>,
    ) -> Result<Response<v1::GetReferencesResponse>, Status> {
        Err(Status::not_found("no such dataset"))
    }

    async fn list_versions(
        &self,
        _: Request<v1::ListVersionsRequest>,
    ) -> Result<Response<v1::ListVersionsResponse>, Status> {
        Err(Status::not_found("no such dataset"))
    }
}

/// A worker of a catalog; one that `looks` refuses calls for another.
async fn worker_of(catalog: &Catalog, looks: bool) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let worker = Scripted {
        script: Script::Serve(1 << 16),
        reads: Arc::default(),
        open: Arc::default(),
        asked: states::Asked::default(),
    };
    let looking = catalog.clone();
    let check = move |call: Request<()>| if looks { looking.check(call) } else { Ok(call) };
    let serving = tonic::transport::Server::builder()
        .layer(InterceptorLayer::new(check))
        .add_service(ChunkServiceServer::new(worker.clone()))
        .add_service(CatalogServiceServer::new(catalog.clone()))
        .serve_with_incoming(tokio_stream::wrappers::TcpListenerStream::new(listener));
    let task = tokio::spawn(async move { serving.await.unwrap() });
    Running { url, worker, connections: Arc::default(), task }
}

async fn catalog_of(worker: &RemoteWorker) -> Result<String> {
    Ok(worker.list(None).await?.unwrap().catalog_id)
}

/// Waits until so many members answer.
async fn up(worker: &RemoteWorker, count: usize) {
    let are_up = async {
        let up =
            || worker.pools()[0].members.iter().filter(|member| member.health == MemberHealth::Up).count();
        while up() != count {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), are_up).await.unwrap();
}

#[tokio::test]
async fn a_worker_that_turns_out_to_be_of_another_catalog_is_asked_for_nothing() {
    let ours = [Catalog::new("ours"), Catalog::new("ours")];
    let workers = [worker_of(&ours[0], true).await, worker_of(&ours[1], true).await];
    let worker = connect(&[&workers[0].url, &workers[1].url]);
    assert_eq!(catalog_of(&worker).await.unwrap(), "ours");
    // Lanes and connections are open by then, also those from before the catalog was known.
    for number in 0..8 {
        for length in [SMALL, LARGE] {
            assert!(read(&worker, &format!("/{number}"), 1, length).await.unwrap() == content(1, length));
        }
    }
    let before = workers[1].worker.reads.load(Ordering::SeqCst);
    assert!(before > 0);
    ours[1].exchange("theirs");
    for number in 0..8 {
        assert_eq!(catalog_of(&worker).await.unwrap(), "ours");
        assert!(read(&worker, &format!("/{number}"), 1, LARGE).await.unwrap() == content(1, LARGE));
    }
    assert_eq!(workers[1].worker.reads.load(Ordering::SeqCst), before);
    assert_eq!(
        worker.pools()[0].members.iter().filter(|member| member.health == MemberHealth::Up).count(),
        1
    );
    // It is asked again as soon as it is of ours.
    ours[1].exchange("ours");
    up(&worker, 2).await;
}

#[tokio::test]
async fn a_lane_that_was_opened_before_the_catalog_was_known_is_opened_for_it() {
    let theirs = Catalog::new("theirs");
    let running = worker_of(&theirs, true).await;
    let worker = connect(&[&running.url]);
    assert!(read(&worker, "/a", 1, SMALL).await.unwrap() == content(1, SMALL));
    worker.pools.is_of("ours");
    assert_eq!(read(&worker, "/a", 1, SMALL).await.unwrap_err().kind, ErrorKind::Unavailable);
    assert_eq!(running.worker.reads.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_list_of_another_catalog_is_not_believed_though_its_worker_looks_for_none() {
    let catalogs = [Catalog::new("ours"), Catalog::new("theirs")];
    let workers = [worker_of(&catalogs[0], false).await, worker_of(&catalogs[1], false).await];
    let worker = connect(&[&workers[0].url, &workers[1].url]);
    worker.pools.is_of("ours");
    for _ in 0..8 {
        assert_eq!(catalog_of(&worker).await.unwrap(), "ours");
    }
}

#[tokio::test]
async fn a_catalog_that_was_made_anew_is_taken_for_ours_where_all_workers_have_it() {
    for (looks, exchanged) in [(true, &["new", "new", "new", "other"][..]), (false, &["new", "other"])] {
        let catalogs: Vec<_> = exchanged.iter().map(|_| Catalog::new("old")).collect();
        let mut workers = Vec::new();
        for catalog in &catalogs {
            workers.push(worker_of(catalog, looks).await);
        }
        let urls: Vec<_> = workers.iter().map(|running| running.url.as_str()).collect();
        let worker = connect(&urls);
        assert_eq!(catalog_of(&worker).await.unwrap(), "old");
        // As long as one has ours, and where they do not agree, it is not exchanged.
        for (catalog, id) in catalogs.iter().zip(exchanged) {
            assert_eq!(catalog_of(&worker).await.unwrap(), "old");
            catalog.exchange(id);
        }
        assert_eq!(catalog_of(&worker).await.unwrap_err().kind, ErrorKind::Unavailable);
        catalogs[catalogs.len() - 1].exchange("new");
        assert_eq!(catalog_of(&worker).await.unwrap(), "new");
        up(&worker, catalogs.len()).await;
        for length in [SMALL, LARGE] {
            assert!(read(&worker, "/a", 1, length).await.unwrap() == content(1, length));
        }
    }
}
