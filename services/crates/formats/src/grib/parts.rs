//! Messages made of the sections of one field of a message with several: ecCodes, and so every client, reads the first
//! field of a message only.

use super::window::Window;
use crate::ScanFault;

/// Most bytes of such messages that are kept for a file.
const BYTES_MAX: u64 = 32 << 20;

/// Makes messages of parts of messages.
pub(super) struct Parts<'a> {
    window: &'a mut Window,
    left: u64,
}

impl<'a> Parts<'a> {
    pub(super) const TOO_MANY: &'static str =
        "it is not the first field of its message, and such fields of this file take more than 32 MiB";

    pub(super) fn new(window: &'a mut Window) -> Self {
        Self { window, left: BYTES_MAX }
    }

    /// A message of the sections of one field; none if it would be too much.
    pub(super) fn message(
        &mut self,
        discipline: u8,
        sections: &[(u64, u64); 8],
    ) -> Result<Option<Vec<u8>>, ScanFault> {
        let length = sections.iter().fold(20_u64, |sum, (_, length)| sum.saturating_add(*length));
        let Some(left) = self.left.checked_sub(length) else { return Ok(None) };
        self.left = left;
        let mut message = Vec::with_capacity(length as usize);
        message.extend(b"GRIB\xff\xff");
        message.extend([discipline, 2]);
        message.extend(length.to_be_bytes());
        for (number, (offset, length)) in sections.iter().enumerate().filter(|(_, (_, length))| *length > 0) {
            let bytes = self.window.at(*offset, *length as usize)?;
            let is_section =
                bytes.len() as u64 == *length && bytes.get(4).map(|n| usize::from(*n)) == Some(number);
            if !is_section {
                return Err(ScanFault::Changed);
            }
            message.extend(bytes);
        }
        message.extend(b"7777");
        Ok(Some(message))
    }
}
