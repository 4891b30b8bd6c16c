//! From the stored form of a chunk to the one that is asked for.

use bytes::Bytes;
use engine::ports::Form;
use formats::grib::decode as grib;
use model::{ByteOrder, Codec, DataType, Error, ErrorKind, Result, Variable};
use zarr::codecs::{ChunkCodecs, CodecError, scratch};
use zarr::decoded::Encoding;

use super::rounding::Rounding;

/// Decodes the chunks of a variable and encodes them.
pub(super) struct Decoder {
    from: From,
    rounding: Option<Rounding>,
    into: ChunkCodecs,
    /// What absent elements read as.
    fill: Vec<u8>,
}

enum From {
    Codecs(ChunkCodecs),
    /// One GRIB message of so many points, as floats of four or eight bytes.
    Grib {
        points: usize,
        is_double: bool,
    },
}

impl Decoder {
    /// For a variable as stored.
    pub(super) fn new(own: &Variable, form: &Form, encoding: &Encoding) -> Result<Self> {
        let shown = match form {
            Form::Stored => None,
            Form::Decoded => zarr::decoded::variable(own, encoding),
            Form::View(_) => return Err(Error::internal("a view is not decoded variable by variable")),
        };
        let Some(shown) = shown else { return Self::between(own, own) };
        let rounding = Rounding::new(&shown, encoding);
        Ok(Self { rounding, ..Self::between(own, &shown)? })
    }

    /// For a variable whose chunks are decoded only.
    pub(super) fn to_elements(own: &Variable) -> Result<Self> {
        let plain = Variable { codecs: Vec::new(), byte_order: ByteOrder::Little, ..own.clone() };
        Self::between(own, &plain)
    }

    fn between(own: &Variable, shown: &Variable) -> Result<Self> {
        let into = ChunkCodecs::new(shown).map_err(failed)?;
        let from = if own.codecs == [Codec::RawGrib] {
            let size = shown.data_type.size().unwrap_or(1);
            let points = into.decoded_bytes().unwrap_or_default() / size;
            From::Grib { points, is_double: shown.data_type == DataType::F64 }
        } else {
            From::Codecs(ChunkCodecs::new(own).map_err(failed)?)
        };
        let fill = shown.fill_value.clone().unwrap_or_default();
        Ok(Self { from, rounding: None, into, fill })
    }

    /// Bytes of a chunk's elements; none for text.
    pub(super) fn decoded_bytes(&self) -> Option<usize> {
        self.into.decoded_bytes()
    }

    /// The elements of a chunk that is missing; zeros where nothing says what they read as.
    pub(super) fn missing(&self) -> Bytes {
        let bytes = self.decoded_bytes().unwrap_or_default();
        match self.fill.len() {
            0 => vec![0; bytes].into(),
            size => self.fill.repeat(bytes / size).into(),
        }
    }

    /// The elements of a stored chunk, little-endian in C order.
    pub(super) fn decode(&self, stored: Bytes) -> Result<Bytes> {
        match &self.from {
            From::Codecs(codecs) => codecs.decode(stored).map_err(failed),
            grib @ From::Grib { .. } => field(grib, &stored),
        }
    }

    /// The same in the memory of `spare`, where that can be used.
    pub(super) fn decode_into(&self, stored: &[u8], spare: Vec<u8>) -> Result<Bytes> {
        match &self.from {
            From::Codecs(codecs) => codecs.decode_into(stored, spare).map_err(failed),
            grib @ From::Grib { .. } => field(grib, stored),
        }
    }

    /// The form that is asked for of a chunk's elements.
    pub(super) fn encode(&self, elements: Bytes) -> Result<Bytes> {
        self.into.encode(self.rounded(elements)?).map_err(failed)
    }

    /// The form that is asked for of a stored chunk, in the pieces that it was read in. Its elements are in memory that is
    /// used again.
    pub(super) fn recode(&self, pieces: Vec<Bytes>) -> Result<Bytes> {
        let mut stored = scratch::take();
        let elements = self.decode_into(whole(&pieces, &mut stored), scratch::take());
        drop(pieces);
        scratch::give_back(stored);
        let elements = self.rounded(elements?)?;
        let encoded = self.into.encode(elements.clone()).map_err(failed)?;
        if let Ok(elements) = elements.try_into_mut() {
            scratch::give_back(elements.into());
        }
        Ok(encoded)
    }

    fn rounded(&self, elements: Bytes) -> Result<Bytes> {
        match &self.rounding {
            Some(rounding) => rounding.round(elements),
            None => Ok(elements),
        }
    }
}

/// A chunk in one piece: put together in `memory` where it comes in several.
pub(super) fn whole<'a>(pieces: &'a [Bytes], memory: &'a mut Vec<u8>) -> &'a [u8] {
    if let [whole] = pieces {
        return whole;
    }
    memory.clear();
    memory.reserve(pieces.iter().map(Bytes::len).sum());
    for piece in pieces {
        memory.extend_from_slice(piece);
    }
    memory
}

/// The values of a GRIB message.
fn field(from: &From, message: &[u8]) -> Result<Bytes> {
    let bytes = match from {
        From::Grib { points, is_double: true } => {
            grib::values::<f64>(message, *points).map(|values| little_endian(&values, f64::to_le_bytes))
        }
        From::Grib { points, is_double: false } => {
            grib::values::<f32>(message, *points).map(|values| little_endian(&values, f32::to_le_bytes))
        }
        From::Codecs(_) => return Err(Error::internal("no GRIB message")),
    };
    bytes.map_err(failed)
}

/// Numbers as bytes, in a loop that the compiler makes a copy of.
fn little_endian<T: Copy, const N: usize>(values: &[T], to_bytes: impl Fn(T) -> [u8; N]) -> Bytes {
    let mut bytes = vec![0; values.len() * N];
    for (element, value) in bytes.as_chunks_mut::<N>().0.iter_mut().zip(values) {
        *element = to_bytes(*value);
    }
    bytes.into()
}

#[expect(clippy::needless_pass_by_value, reason = "handed to map_err")]
pub(super) fn failed(error: CodecError) -> Error {
    let kind = match error {
        CodecError::Unsupported(_) => ErrorKind::Unsupported,
        CodecError::Corrupt(_) => ErrorKind::CorruptData,
        CodecError::Elements(_) => ErrorKind::Internal,
    };
    Error::new(kind, error.to_string())
}
