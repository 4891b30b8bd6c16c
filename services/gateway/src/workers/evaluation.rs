//! Evaluation and source calls: ordinary gRPC messages.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use cloudify_proto::convert::{file_from_wire, file_to_wire};
use cloudify_proto::v1;
use cloudify_proto::v1::assemble_chunk_request::Item;
use cloudify_proto::v1::evaluation_service_client::EvaluationServiceClient;
use cloudify_proto::v1::source_service_client::SourceServiceClient;
use engine::ports::{ChunkPlan, EvaluatedChunk, Form, Keeping, MadeChunk, PublishedDataset};
use engine::sections::{LongReduction, Section};
use fair::Flow;
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt as _};
use model::{DatasetId, Error, Result, SourceFile, Version};
use tonic::transport::Channel;

use super::catalog::{MESSAGE_BYTES_MAX, dataset_from_wire, finish};
use super::member::Member;

/// The length of a file; none where it is a chunk that its array does not have.
pub(super) async fn stat(
    member: &Member,
    id: &DatasetId,
    file: &Arc<SourceFile>,
    array: Option<&str>,
) -> Result<Option<u64>> {
    let array = array.unwrap_or_default().to_owned();
    let call = v1::StatFileRequest { file: Some(file_to_wire(file)), array, id: id.to_string() };
    let called = SourceServiceClient::new(member.channel())
        .stat_file(member.request(call, Some(member.timeout())))
        .await;
    let found = finish(member, "StatFile", called)?;
    Ok(found.exists.then_some(found.size_bytes))
}

/// What a worker makes of a request for a chunk.
pub(super) enum Evaluated {
    /// The chunk; none where the sources have nothing of it.
    Chunk(MadeChunk),
    /// Long reductions that several workers had better make.
    Reductions(Vec<LongReduction>),
}

/// One chunk that a worker makes, or the long reductions in it.
pub(super) async fn evaluate(member: &Member, chunk: &EvaluatedChunk, may_spread: bool) -> Result<Evaluated> {
    let call = v1::EvaluateChunkRequest { may_spread, ..to_wire(chunk) };
    let called = evaluator(member).evaluate_chunk(member.request(call, Some(member.timeout()))).await;
    let made = finish(member, "EvaluateChunk", called)?;
    if made.reductions.is_empty() {
        let keeping = made.keeping.map(keeping_from_wire).transpose()?;
        return Ok(Evaluated::Chunk(MadeChunk { bytes: made.exists.then_some(made.data), keeping }));
    }
    let reduction = |long: v1::LongReduction| LongReduction {
        array: long.array,
        block: long.block,
        sections: long.sections,
        state_bytes: long.state_bytes,
        at_once: long.at_once,
    };
    Ok(Evaluated::Reductions(made.reductions.into_iter().map(reduction).collect()))
}

fn keeping_from_wire(keeping: v1::Keeping) -> Result<Keeping> {
    let sources = keeping.sources.into_iter().map(|file| file_from_wire(file).map(Arc::new));
    Ok(Keeping { catalog_id: keeping.catalog_id, sources: sources.collect::<Result<_>>()? })
}

/// One section of a long reduction, as workers understand it.
pub(super) async fn section(member: &Member, chunk: &EvaluatedChunk, section: Section) -> Result<Bytes> {
    let call = v1::MakeSectionRequest {
        chunk: Some(to_wire(chunk)),
        array: section.array,
        block: section.block,
        section: section.number,
    };
    let called = evaluator(member).make_section(member.request(call, Some(member.timeout()))).await;
    Ok(finish(member, "MakeSection", called)?.state)
}

/// One chunk that a worker makes of sections. Without a deadline: its sections have one each.
pub(super) async fn assemble(member: &Member, items: Items) -> Result<Option<Bytes>> {
    let called = evaluator(member).assemble_chunk(member.request(items, None)).await;
    let made = finish(member, "AssembleChunk", called)?;
    Ok(made.exists.then_some(made.data))
}

/// What such a chunk is made of: what it is, then its sections. A type of its own, for the compiler does not see of a
/// [`BoxStream`] held across an `await` that it is `'static`.
pub(super) struct Items(BoxStream<'static, Item>);

impl Items {
    /// Of a chunk and its sections.
    pub(super) fn new(chunk: &EvaluatedChunk, sections: BoxStream<'static, Item>) -> Self {
        Self(stream::once(std::future::ready(Item::Chunk(to_wire(chunk)))).chain(sections).boxed())
    }
}

impl Stream for Items {
    type Item = v1::AssembleChunkRequest;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = std::task::ready!(self.0.poll_next_unpin(context));
        Poll::Ready(next.map(|item| v1::AssembleChunkRequest { item: Some(item) }))
    }
}

/// What such a chunk costs.
pub(super) async fn plan(member: &Member, chunk: &EvaluatedChunk) -> Result<ChunkPlan> {
    let call = v1::PlanChunkRequest { chunk: Some(to_wire(chunk)) };
    let called = evaluator(member).plan_chunk(member.request(call, Some(member.timeout()))).await;
    let plan = finish(member, "PlanChunk", called)?;
    Ok(ChunkPlan {
        source_chunks: plan.source_chunks,
        missing_chunks: plan.missing_chunks,
        stored_bytes: plan.stored_bytes,
        decoded_bytes: plan.decoded_bytes,
        memory_bytes: plan.memory_bytes,
        files: plan.files,
        offline_files: plan.offline_files,
        decoded_bytes_max: plan.decoded_bytes_max,
        is_estimated: plan.is_estimated,
    })
}

fn to_wire(chunk: &EvaluatedChunk) -> v1::EvaluateChunkRequest {
    let (form, view) = match &chunk.form {
        Form::Stored => (v1::Form::Stored, ""),
        Form::Decoded => (v1::Form::Decoded, ""),
        Form::View(steps) => (v1::Form::View, &**steps),
    };
    v1::EvaluateChunkRequest {
        id: chunk.id.to_string(),
        version: chunk.version.0,
        variable: chunk.variable.to_string(),
        chunk: chunk.number,
        form: form.into(),
        view: view.to_owned(),
        may_spread: false,
        flow: Flow::current().0,
    }
}

/// What a view makes of a version of a dataset.
pub(super) async fn open_view(
    member: &Member,
    id: &DatasetId,
    version: Version,
    steps: &str,
) -> Result<PublishedDataset> {
    let (id, view, flow) = (id.to_string(), steps.to_owned(), Flow::current().0);
    let call = v1::OpenViewRequest { id, version: version.0, view, flow };
    let called = evaluator(member).open_view(member.request(call, Some(member.timeout()))).await;
    let got = finish(member, "OpenView", called)?;
    dataset_from_wire(got.dataset.ok_or_else(|| Error::internal("no view"))?).await
}

fn evaluator(member: &Member) -> EvaluationServiceClient<Channel> {
    EvaluationServiceClient::new(member.bulk())
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX)
}
