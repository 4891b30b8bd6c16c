//! Any bytes, cut anywhere, as gRPC frames between gateway and worker: the same messages as uncut, or an error.
#![no_main]

use bytes::Bytes;
use cloudify_proto::framing::{FramingError, Messages, Pieces};
use libfuzzer_sys::fuzz_target;

const LENGTH_MAX: usize = 1 << 10;

fn messages<'f>(frames: impl Iterator<Item = &'f [u8]>) -> Result<Vec<Bytes>, FramingError> {
    let (mut parser, mut found) = (Messages::new(LENGTH_MAX), Vec::new());
    for frame in frames {
        parser.push(Bytes::copy_from_slice(frame));
        while let Some(message) = parser.next_message()? {
            assert!(message.len() <= LENGTH_MAX);
            found.push(message);
        }
    }
    parser.finish().map(|()| found)
}

fn data<'f>(frames: impl Iterator<Item = &'f [u8]>) -> Result<Vec<u8>, FramingError> {
    let (mut parser, mut found) = (Pieces::default(), Vec::new());
    for frame in frames {
        let mut frame = Bytes::copy_from_slice(frame);
        while let Some(data) = parser.next_data(&mut frame)? {
            found.extend_from_slice(&data);
        }
    }
    parser.finish().map(|()| found)
}

fuzz_target!(|input: (u8, &[u8])| {
    let (cut, wire) = input;
    let cut = usize::from(cut).max(1);
    assert_eq!(messages(wire.chunks(cut)), messages(std::iter::once(wire)));
    assert_eq!(data(wire.chunks(cut)), data(std::iter::once(wire)));
});
