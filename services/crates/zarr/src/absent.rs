//! What absent chunks read as, where that is not what is missing.
//!
//! v2 has one word for both: xarray masks every element that equals an array's `fill_value`. Of an array without a
//! `_FillValue`, v2's document therefore says `null`, so that a zero that was measured stays one. What absent chunks
//! read as is then not said, and readers of `null` do not agree about it, so such chunks are there under v2's keys.

use std::borrow::Cow;

use bytes::Bytes;
use model::{ChunkGrid, DataType, Dataset, Variable};

use crate::codecs::ChunkCodecs;
use crate::{fill_value, v2};

/// A dataset as v2's documents show it.
pub fn dataset(dataset: &Dataset) -> Dataset {
    let variables = dataset.variables.iter().map(|own| variable(own).into_owned());
    Dataset { groups: dataset.groups.clone(), variables: variables.collect() }
}

/// A variable as v2's documents show it: without a fill value that is no mark of what is missing.
pub fn variable(variable: &Variable) -> Cow<'_, Variable> {
    if is_hidden(variable) {
        Cow::Owned(Variable { fill_value: None, ..variable.clone() })
    } else {
        Cow::Borrowed(variable)
    }
}

/// An absent chunk under v2's keys, as it would be stored; none where v2's document says what it reads as.
pub fn chunk(variable: &Variable) -> Option<Bytes> {
    let fill = variable.fill_value.as_ref().filter(|_| is_hidden(variable))?;
    let shown = v2::shown(variable)?;
    let count = usize::try_from(shown.grid.chunk_shape().iter().product::<u64>()).ok()?;
    ChunkCodecs::new(&shown).ok()?.encode(elements(&shown, fill, count).into()).ok()
}

/// Whether v2's document does not say the fill value. It does where it is a mark of what is missing, or cannot be told
/// from one, and where its chunks cannot be made exactly.
fn is_hidden(variable: &Variable) -> bool {
    let Some(fill) = &variable.fill_value else { return false };
    let is_nan = fill_value::to_double(fill, variable.data_type).is_some_and(f64::is_nan);
    !is_nan && fill_value::stated(variable).is_none() && is_kept(variable, fill)
}

/// Whether a fill value comes back unchanged through the codecs of a variable, looked at in a chunk of one element.
fn is_kept(variable: &Variable, fill: &[u8]) -> bool {
    let Some(shown) = v2::shown(variable) else { return false };
    let ones = vec![1; shown.grid.shape().len()];
    let (Ok(grid), Ok(_)) = (ChunkGrid::new(ones.clone(), ones), ChunkCodecs::new(&shown)) else {
        return false;
    };
    let one = Variable { grid, ..shown.into_owned() };
    let elements = elements(&one, fill, 1);
    let codecs = ChunkCodecs::new(&one);
    codecs
        .and_then(|codecs| codecs.decode(codecs.encode(elements.clone().into())?))
        .is_ok_and(|back| back == elements)
}

/// So many times the fill value; of text as `vlen-utf8` has it: the number of texts, then each with its length.
fn elements(variable: &Variable, fill: &[u8], count: usize) -> Vec<u8> {
    if variable.data_type != DataType::Text {
        return fill.repeat(count);
    }
    let length = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
    let text = [&length(fill.len())[..], fill].concat();
    [&length(count)[..], &text.repeat(count)].concat()
}

#[cfg(test)]
mod tests {
    use model::{Attributes, Codec};

    use super::*;
    use crate::test_datasets;

    fn unmarked(fill: f32) -> Variable {
        let fill_value = Some(fill.to_le_bytes().to_vec());
        Variable { attributes: Attributes::new(), fill_value, ..test_datasets::variable("tas") }
    }

    #[test]
    fn a_fill_value_that_marks_nothing_is_made_instead_of_said() {
        let own = unmarked(-1.0);
        assert_eq!(variable(&own).fill_value, None);
        let decoded = ChunkCodecs::new(&own).unwrap().decode(chunk(&own).unwrap()).unwrap();
        assert_eq!(decoded, (-1_f32).to_le_bytes().repeat(8));
    }

    #[test]
    fn marks_of_what_is_missing_and_what_cannot_be_made_are_said() {
        let coarse =
            r#"{"id": "fixedscaleoffset", "scale": 10, "offset": 0, "dtype": "<f4", "astype": "<i2"}"#;
        let coarse = Codec::Numcodecs { configuration: coarse.into(), is_compressor: false };
        for own in [
            test_datasets::variable("tas"),
            unmarked(f32::NAN),
            Variable { codecs: vec![Codec::RawGrib], ..unmarked(0.0) },
            Variable { codecs: vec![coarse], ..unmarked(0.123) },
        ] {
            assert_eq!(variable(&own), Cow::Borrowed(&own));
            assert_eq!(chunk(&own), None);
        }
    }
}
