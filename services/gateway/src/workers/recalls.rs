//! Calls about files on tape.

use std::sync::Arc;

use cloudify_proto::convert::file_to_wire;
use cloudify_proto::v1;
use cloudify_proto::v1::source_service_client::SourceServiceClient;
use engine::recall::{Recall, RecallState};
use futures::future::join_all;
use model::{DatasetId, Error, Result, SourceFile, Version};

use super::catalog::{MESSAGE_BYTES_MAX, finish};
use super::member::Member;
use super::unavailable;

/// Orders a file; none where it is on disk.
pub(super) async fn order(member: &Member, id: &DatasetId, file: &Arc<SourceFile>) -> Result<Option<Recall>> {
    let call = v1::OrderRecallRequest { file: Some(file_to_wire(file)), id: id.to_string() };
    let called = SourceServiceClient::new(member.channel())
        .order_recall(member.request(call, Some(member.timeout())))
        .await;
    finish(member, "OrderRecall", called)?.recall.map(recall).transpose()
}

/// Recalls of a dataset's files on every worker that answers: each has its own.
pub(super) async fn list(members: &[Arc<Member>], id: &DatasetId, version: Version) -> Result<Vec<Recall>> {
    let answers = join_all(members.iter().map(|member| list_of(member, id, version))).await;
    let (mut recalls, mut failure, mut answered) = (Vec::new(), None, false);
    for (member, answer) in members.iter().zip(answers) {
        match answer {
            Ok(mut of_member) => {
                answered = true;
                recalls.append(&mut of_member);
            }
            Err(error) => {
                tracing::warn!(worker = member.url(), %error, "recalls of this worker are not shown");
                failure = Some(error);
            }
        }
    }
    if !answered {
        return Err(failure.unwrap_or_else(|| unavailable("no workers")));
    }
    recalls.sort_by_key(|recall| recall.ordered_ms);
    Ok(recalls)
}

async fn list_of(member: &Member, id: &DatasetId, version: Version) -> Result<Vec<Recall>> {
    let call = v1::ListRecallsRequest { id: id.to_string(), version: version.0 };
    let called = SourceServiceClient::new(member.channel())
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .list_recalls(member.request(call, Some(member.timeout())))
        .await;
    finish(member, "ListRecalls", called)?.recalls.into_iter().map(recall).collect()
}

fn recall(recall: v1::Recall) -> Result<Recall> {
    let state = match recall.state() {
        v1::RecallState::Ordered => RecallState::Ordered,
        v1::RecallState::Running => RecallState::Running,
        v1::RecallState::Online => RecallState::Online,
        v1::RecallState::Failed => RecallState::Failed,
        v1::RecallState::Unspecified => return Err(Error::internal("a recall without a state")),
    };
    Ok(Recall {
        file: recall.file,
        state,
        ordered_ms: recall.ordered_ms,
        started_ms: recall.started_ms,
        finished_ms: recall.finished_ms,
        expected_seconds: recall.expected_seconds,
        position: recall.position,
    })
}
