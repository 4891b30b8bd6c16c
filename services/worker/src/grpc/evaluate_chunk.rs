//! `EvaluationService.EvaluateChunk`: a chunk is sent as it was made, without a copy, and its memory counts until the caller
//! has taken it.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use bytes::{Bytes, BytesMut};
use cloudify_proto::framing::put_chunk_head;
use cloudify_proto::v1;
use engine::ports::Worker;
use http::{Request, Response};
use model::{Error, ErrorKind, Result};
use prost::Message as _;

use super::evaluation::evaluated;
use super::{MESSAGE_BYTES_MAX, read_range, request};
use crate::evaluate::{Answer, answering};

/// Longest request, in bytes: the steps of a view may be many.
const REQUEST_BYTES_MAX: usize = 4 << 20;

/// Makes one chunk.
pub(super) async fn evaluate_chunk(
    State(worker): State<Arc<dyn Worker>>,
    call: Request<Body>,
) -> Response<Body> {
    let made = async {
        let message = request::only_message(call.into_body(), REQUEST_BYTES_MAX).await?;
        let message =
            v1::EvaluateChunkRequest::decode(message).map_err(|error| request::malformed(&error))?;
        evaluated(worker.as_ref(), &message).await
    };
    let (made, memory) = answering(made).await;
    match made.and_then(|made| frames(made, memory)) {
        Ok(frames) => request::answer(read_range::messages(frames)),
        Err(error) => request::refusal(&error),
    }
}

/// Bytes on their way to the caller, and the memory that they take.
struct Counted(Bytes, #[expect(dead_code, reason = "held as long as the bytes are")] Arc<Answer>);

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

fn frames(mut made: v1::EvaluateChunkResponse, memory: Arc<Answer>) -> Result<VecDeque<Bytes>> {
    let data = std::mem::take(&mut made.data);
    let mut head = BytesMut::new();
    put_chunk_head(&made, data.len(), &mut head);
    if head.len() + data.len() > MESSAGE_BYTES_MAX {
        return Err(Error::new(ErrorKind::TooLarge, "the chunk is too large to be sent"));
    }
    Ok(VecDeque::from([head.freeze(), Bytes::from_owner(Counted(data, memory))]))
}
