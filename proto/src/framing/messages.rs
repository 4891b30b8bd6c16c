//! Whole messages out of frames that are cut anywhere.

use bytes::{Buf, Bytes, BytesMut};

use super::{FramingError, PREFIX_BYTES};

/// Puts messages together. One that lies within a frame is a slice of it, not a copy.
#[derive(Debug)]
pub struct Messages {
    length_max: usize,
    frame: Bytes,
    begun: BytesMut,
}

impl Messages {
    /// Takes messages of up to `length_max` bytes.
    pub fn new(length_max: usize) -> Self {
        Self { length_max, frame: Bytes::new(), begun: BytesMut::new() }
    }

    /// Takes a frame. Only after [`next_message`](Self::next_message) has given all messages of the one before.
    pub fn push(&mut self, frame: Bytes) {
        if self.frame.is_empty() {
            self.frame = frame;
        } else {
            self.begun.extend_from_slice(&std::mem::replace(&mut self.frame, frame));
        }
    }

    /// The next message without its prefix; none where more frames are needed.
    pub fn next_message(&mut self) -> Result<Option<Bytes>, FramingError> {
        if self.begun.is_empty() {
            let Some(length) = self.length(&self.frame)? else {
                return Ok(self.keep());
            };
            if self.frame.len() < PREFIX_BYTES + length {
                self.begun.reserve(PREFIX_BYTES + length);
                return Ok(self.keep());
            }
            self.frame.advance(PREFIX_BYTES);
            return Ok(Some(self.frame.split_to(length)));
        }
        if !self.fill(PREFIX_BYTES) {
            return Ok(None);
        }
        let length = self.length(&self.begun)?.unwrap_or_default();
        self.begun.reserve((PREFIX_BYTES + length).saturating_sub(self.begun.len()));
        if !self.fill(PREFIX_BYTES + length) {
            return Ok(None);
        }
        let mut message = std::mem::take(&mut self.begun).freeze();
        message.advance(PREFIX_BYTES);
        Ok(Some(message))
    }

    /// Checks, at the end of the stream, that no message is begun.
    pub fn finish(&self) -> Result<(), FramingError> {
        if self.begun.is_empty() && self.frame.is_empty() { Ok(()) } else { Err(FramingError::Cut) }
    }

    fn length(&self, head: &[u8]) -> Result<Option<usize>, FramingError> {
        let Some([flag, length @ ..]) = head.first_chunk::<PREFIX_BYTES>() else { return Ok(None) };
        let length = u32::from_be_bytes(*length) as usize;
        match flag {
            0 if length <= self.length_max => Ok(Some(length)),
            0 => Err(FramingError::TooLong(length as u64)),
            _ => Err(FramingError::Compressed),
        }
    }

    /// Keeps what is left of the frame for when more comes.
    fn keep(&mut self) -> Option<Bytes> {
        self.begun.extend_from_slice(&std::mem::take(&mut self.frame));
        None
    }

    /// Moves bytes of the frame to what is begun until that has `length` bytes.
    fn fill(&mut self, length: usize) -> bool {
        let missing = length.saturating_sub(self.begun.len()).min(self.frame.len());
        self.begun.extend_from_slice(&self.frame.split_to(missing));
        self.begun.len() >= length
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wire(messages: &[Vec<u8>]) -> Vec<u8> {
        let framed = |m: &Vec<u8>| [&[0][..], &(m.len() as u32).to_be_bytes(), m].concat();
        messages.iter().flat_map(framed).collect()
    }

    proptest! {
        #[test]
        fn messages_come_out_however_the_frames_are_cut(
            messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..8),
            cuts in prop::collection::vec(1_usize..30, 1..40),
        ) {
            let wire = Bytes::from(wire(&messages));
            let mut parser = Messages::new(40);
            let mut found = Vec::new();
            let (mut at, mut cuts) = (0, cuts.iter().cycle());
            while at < wire.len() {
                let end = (at + cuts.next().unwrap()).min(wire.len());
                parser.push(wire.slice(at..end));
                at = end;
                while let Some(message) = parser.next_message().unwrap() {
                    found.push(message.to_vec());
                }
            }
            prop_assert_eq!(found, messages);
            prop_assert_eq!(parser.finish(), Ok(()));
        }

        #[test]
        fn any_bytes_give_messages_or_an_error(frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..9)) {
            let mut parser = Messages::new(1000);
            for frame in frames {
                parser.push(frame.into());
                while let Ok(Some(message)) = parser.next_message() {
                    prop_assert!(message.len() <= 1000);
                }
            }
        }
    }

    #[test]
    fn long_compressed_and_cut_messages_are_refused() {
        let mut parser = Messages::new(3);
        parser.push(wire(&[vec![1; 4]]).into());
        assert_eq!(parser.next_message(), Err(FramingError::TooLong(4)));
        let mut parser = Messages::new(3);
        parser.push(vec![1, 0, 0, 0, 0].into());
        assert_eq!(parser.next_message(), Err(FramingError::Compressed));
        let mut parser = Messages::new(3);
        parser.push(vec![0, 0, 0, 0, 1].into());
        assert_eq!((parser.next_message(), parser.finish()), (Ok(None), Err(FramingError::Cut)));
    }
}
