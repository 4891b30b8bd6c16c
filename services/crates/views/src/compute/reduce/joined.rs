//! Parts of a reduction put together: within their sections first, so that the result has the same bits whether one worker
//! makes all sections or each of them another.

use bytes::Bytes;
use model::{DataType, Error, Result};

use super::Partial;
use crate::compute::Inputs;

/// What is known of the first parts, which come in order.
#[derive(Default)]
pub struct Joined {
    /// Of whole sections.
    whole: Option<Partial>,
    /// Of the section that is not ended.
    section: Option<Partial>,
}

impl Joined {
    /// Puts the next part to it, by its number.
    pub fn push(&mut self, inputs: &Inputs, number: u64, part: Partial) {
        self.section = Some(with(self.section.take(), part));
        if inputs.sections_by(number).is_some()
            && let Some(section) = self.section.take()
        {
            self.push_section(section);
        }
    }

    /// Puts the next whole section to it.
    pub fn push_section(&mut self, section: Partial) {
        self.whole = Some(with(self.whole.take(), section));
    }

    /// The bytes of it, where all sections so far are whole.
    pub fn to_bytes(&self) -> Result<Option<Vec<u8>>> {
        let whole = self.whole.as_ref().filter(|_| self.section.is_none());
        whole.map(Partial::to_bytes).transpose()
    }

    /// All of it, of whole sections.
    pub fn into_partial(self) -> Result<Partial> {
        self.whole.ok_or_else(|| Error::internal("a reduction of no part"))
    }

    /// The elements of the result, as `data_type`.
    pub fn finish(self, data_type: DataType) -> Result<Bytes> {
        self.into_partial()?.finish(data_type)
    }
}

fn with(before: Option<Partial>, next: Partial) -> Partial {
    match before {
        None => next,
        Some(before) => before.with(next),
    }
}
