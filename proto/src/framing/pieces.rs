//! The data of `ReadRange`'s answer out of frames that are cut anywhere, without putting messages together.

use bytes::{Buf, Bytes};

use super::{FramingError, PIECE_TAG, PREFIX_BYTES};

/// Longest varint of a length.
const VARINT_BYTES_MAX: u32 = 10;

/// Takes frames and gives the slices of them that are data. Messages may hold their one field, or be empty.
#[derive(Debug, Default)]
pub struct Pieces {
    state: State,
    /// Bytes of the message that are still to come, once its length is known.
    message_left: u64,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// In a message's prefix, with so many bytes of it seen and its length so far.
    Prefix { seen: usize, length: u32 },
    /// Before the field's tag.
    Tag,
    /// In the field's length.
    Length { seen: u32, length: u64 },
    /// In the data, with so many bytes to come.
    Data { left: u64 },
}

impl Default for State {
    fn default() -> Self {
        Self::Prefix { seen: 0, length: 0 }
    }
}

impl Pieces {
    /// Gives the data in `frame` before `frame` is used up; none when it is.
    pub fn next_data(&mut self, frame: &mut Bytes) -> Result<Option<Bytes>, FramingError> {
        while !frame.is_empty() {
            if let State::Data { left } = self.state {
                let take = left.min(frame.len() as u64);
                self.message_left -= take;
                self.state = if take < left { State::Data { left: left - take } } else { State::Tag };
                self.end_message();
                if take > 0 {
                    return Ok(Some(frame.split_to(take as usize)));
                }
            } else {
                self.head(frame.get_u8())?;
            }
        }
        Ok(None)
    }

    /// Checks, at the end of the stream, that no message is begun.
    pub fn finish(&self) -> Result<(), FramingError> {
        if matches!(self.state, State::Prefix { seen: 0, .. }) { Ok(()) } else { Err(FramingError::Cut) }
    }

    fn head(&mut self, byte: u8) -> Result<(), FramingError> {
        match self.state {
            State::Prefix { seen: 0, .. } if byte != 0 => return Err(FramingError::Compressed),
            State::Prefix { seen, length } => {
                let length = length << 8 | u32::from(byte);
                self.state = State::Prefix { seen: seen + 1, length };
                if seen + 1 == PREFIX_BYTES {
                    self.message_left = length.into();
                    self.state = State::Tag;
                    self.end_message();
                }
                return Ok(());
            }
            State::Tag if byte == PIECE_TAG => self.state = State::Length { seen: 0, length: 0 },
            State::Length { seen, length } => {
                let length = length | u64::from(byte & 0x7f).wrapping_shl(7 * seen);
                self.state = State::Length { seen: seen + 1, length };
                if byte & 0x80 == 0 {
                    self.state = State::Data { left: length };
                } else if seen + 1 == VARINT_BYTES_MAX {
                    return Err(FramingError::Malformed);
                }
            }
            State::Tag | State::Data { .. } => return Err(FramingError::Malformed),
        }
        self.message_left = self.message_left.checked_sub(1).ok_or(FramingError::Malformed)?;
        match self.state {
            State::Data { left } if left > self.message_left => Err(FramingError::Malformed),
            State::Data { left: 0 } => {
                self.state = State::Tag;
                self.end_message();
                Ok(())
            }
            State::Length { .. } if self.message_left == 0 => Err(FramingError::Malformed),
            _ => Ok(()),
        }
    }

    fn end_message(&mut self) {
        if self.message_left == 0 && matches!(self.state, State::Tag) {
            self.state = State::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framing::put_message;
    use crate::v1::ReadRangeResponse;
    use bytes::BytesMut;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn data_comes_out_however_the_frames_are_cut(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..6),
            cuts in prop::collection::vec(1_usize..150, 1..60),
        ) {
            let mut wire = BytesMut::new();
            for piece in &pieces {
                put_message(&ReadRangeResponse { data: piece.clone().into() }, &mut wire);
            }
            let wire = wire.freeze();
            let (mut parser, mut found) = (Pieces::default(), Vec::new());
            let (mut at, mut cuts) = (0, cuts.iter().cycle());
            while at < wire.len() {
                let end = (at + cuts.next().unwrap()).min(wire.len());
                let mut frame = wire.slice(at..end);
                at = end;
                while let Some(data) = parser.next_data(&mut frame).unwrap() {
                    found.extend_from_slice(&data);
                }
                prop_assert!(frame.is_empty());
            }
            prop_assert_eq!(found, pieces.concat());
            prop_assert_eq!(parser.finish(), Ok(()));
        }

        #[test]
        fn any_bytes_give_data_or_an_error(frames in prop::collection::vec(prop::collection::vec(0_u8..20, 0..20), 0..9)) {
            let mut parser = Pieces::default();
            for frame in frames {
                let mut frame = Bytes::from(frame);
                while let Ok(Some(_)) = parser.next_data(&mut frame) {}
            }
        }
    }

    #[test]
    fn malformed_messages_are_refused() {
        for (bytes, error) in [
            (vec![1], FramingError::Compressed),
            (vec![0, 0, 0, 0, 2, 0x12, 0], FramingError::Malformed),
            (vec![0, 0, 0, 0, 2, 0x0a, 1], FramingError::Malformed),
            (vec![0, 0, 0, 0, 1, 0x0a], FramingError::Malformed),
        ] {
            assert_eq!(Pieces::default().next_data(&mut bytes.into()), Err(error));
        }
        let mut parser = Pieces::default();
        assert_eq!(parser.next_data(&mut vec![0, 0, 0, 0, 3, 0x0a, 1].into()), Ok(None));
        assert_eq!(parser.finish(), Err(FramingError::Cut));
    }
}
