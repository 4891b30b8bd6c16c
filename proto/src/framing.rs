//! gRPC's own framing of messages, for the two calls whose bytes pass through without being put together
//! ([gRPC over HTTP/2](https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md): a flag, a length in four
//! bytes, the message). What is written here any gRPC client reads; what is read here may be cut anywhere.

mod messages;
mod pieces;

pub use messages::Messages;
pub use pieces::Pieces;

use bytes::{BufMut, BytesMut};
use prost::Message;
use prost::encoding::{encode_varint, encoded_len_varint};

/// Bytes before each message: a flag (0 for uncompressed) and the length.
pub const PREFIX_BYTES: usize = 5;
/// Field 1, length-delimited: `ReadRangeResponse.data`.
const PIECE_TAG: u8 = 0x0a;
/// Field 1, varint: `ReadSmallRangesResponse.read_id`.
const READ_ID_TAG: u8 = 0x08;
/// Field 2, length-delimited: `ReadSmallRangesResponse.data`.
const SMALL_DATA_TAG: u8 = 0x12;
/// Field 2, length-delimited: `EvaluateChunkResponse.data`.
const CHUNK_DATA_TAG: u8 = 0x12;

/// Why what came is no gRPC stream of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FramingError {
    /// The compression flag is set; we never ask for compression.
    #[error("a compressed message")]
    Compressed,
    /// Longer than the caller takes.
    #[error("a message of {0} bytes")]
    TooLong(u64),
    /// Not the fields that it should have.
    #[error("a malformed message")]
    Malformed,
    /// The stream ended within a message.
    #[error("the stream ended within a message")]
    Cut,
}

impl From<FramingError> for model::Error {
    fn from(error: FramingError) -> Self {
        Self::new(model::ErrorKind::Unavailable, "no worker could answer").with_internal(error)
    }
}

/// Writes a message with its prefix.
pub fn put_message(message: &impl Message, into: &mut BytesMut) {
    let length = message.encoded_len();
    into.reserve(PREFIX_BYTES + length);
    into.put_u8(0);
    into.put_u32(length as u32);
    // Cannot fail: the room is reserved.
    let _ = message.encode(into);
}

/// Writes all of a [`ReadRangeResponse`](crate::v1::ReadRangeResponse) but the `length` bytes of its data, which
/// must follow.
pub fn put_piece_head(length: usize, into: &mut impl BufMut) {
    let field = 1 + encoded_len_varint(length as u64);
    into.put_u8(0);
    into.put_u32((field + length) as u32);
    into.put_u8(PIECE_TAG);
    encode_varint(length as u64, into);
}

/// Writes all of an [`EvaluateChunkResponse`](crate::v1::EvaluateChunkResponse) but the `length` bytes of its data, which
/// must follow; `rest` has none.
pub fn put_chunk_head(rest: &crate::v1::EvaluateChunkResponse, length: usize, into: &mut BytesMut) {
    let field = if length == 0 { 0 } else { 1 + encoded_len_varint(length as u64) + length };
    let rest_length = rest.encoded_len();
    into.reserve(PREFIX_BYTES + rest_length + 16);
    into.put_u8(0);
    into.put_u32((rest_length + field) as u32);
    // Cannot fail: the room is reserved.
    let _ = rest.encode(into);
    if length > 0 {
        into.put_u8(CHUNK_DATA_TAG);
        encode_varint(length as u64, into);
    }
}

/// Writes all of a [`ReadSmallRangesResponse`](crate::v1::ReadSmallRangesResponse) but the `length` bytes of its
/// data, which must follow.
pub fn put_small_head(read_id: u64, length: usize, into: &mut impl BufMut) {
    into.put_u8(0);
    into.put_u32((small_head_bytes(read_id, length) - PREFIX_BYTES + length) as u32);
    into.put_u8(READ_ID_TAG);
    encode_varint(read_id, into);
    into.put_u8(SMALL_DATA_TAG);
    encode_varint(length as u64, into);
}

/// How many bytes [`put_small_head`] writes.
pub fn small_head_bytes(read_id: u64, length: usize) -> usize {
    PREFIX_BYTES + 2 + encoded_len_varint(read_id) + encoded_len_varint(length as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1;

    #[test]
    fn heads_and_data_are_messages_that_prost_reads() {
        for (read_id, length) in [(0, 0), (1, 1), (127, 127), (128, 128), (u64::MAX, 300_000)] {
            let data = vec![7_u8; length];
            let mut wire = Vec::new();
            put_small_head(read_id, length, &mut wire);
            assert_eq!(wire.len(), small_head_bytes(read_id, length));
            wire.extend(&data);
            let small = v1::ReadSmallRangesResponse::decode(&wire[PREFIX_BYTES..]).unwrap();
            assert_eq!(small.read_id, read_id);
            assert_eq!(small.result, Some(v1::read_small_ranges_response::Result::Data(data.clone().into())));
            assert_eq!(wire[..PREFIX_BYTES], [&[0][..], &((wire.len() - 5) as u32).to_be_bytes()].concat());

            let mut wire = Vec::new();
            put_piece_head(length, &mut wire);
            wire.extend(&data);
            assert_eq!(v1::ReadRangeResponse::decode(&wire[PREFIX_BYTES..]).unwrap().data, data);

            let rest = v1::EvaluateChunkResponse { exists: true, ..Default::default() };
            let mut wire = BytesMut::new();
            put_chunk_head(&rest, length, &mut wire);
            wire.extend_from_slice(&data);
            let chunk = v1::EvaluateChunkResponse::decode(&wire[PREFIX_BYTES..]).unwrap();
            assert_eq!(chunk, v1::EvaluateChunkResponse { data: data.into(), ..rest });
            assert_eq!(wire[..PREFIX_BYTES], [&[0][..], &((wire.len() - 5) as u32).to_be_bytes()].concat());
        }
    }
}
