//! Decoding and encoding of one chunk: what turns a variable's stored bytes into elements and back.
//!
//! ```text
//! elements ─▶ transpose ─▶ plain bytes │ shards │ text │ zarrs ─▶ shuffle, deflate, fletcher32, … ─▶ stored
//!                          one of them: array to bytes            bytes to bytes, each with a bound
//! ```
//! What is common in HDF5 and Zarr is done here, without allocating more than a chunk of this shape can need; what is
//! rare goes through the crate `zarrs`.

mod array;
mod checksum;
mod compression;
mod elements;
mod foreign;
mod lz4;
mod named;
pub mod scratch;
mod shards;
mod shuffle;
mod step;
mod szip;

use bytes::Bytes;
use model::{DataType, Variable};

pub(crate) use named::known;

use array::ArrayToBytes;
use elements::Order;
use step::Step;

/// Largest chunk that is decoded, in bytes: Blosc's own limit.
pub const DECODED_BYTES_MAX: u64 = (1 << 31) - 1;

/// Most bytes of a chunk of variable-length text, whose size its shape does not tell.
const TEXT_BYTES_MAX: usize = 256 << 20;

/// Why a chunk was not decoded or encoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Codecs, or a combination of them, that are not known here.
    #[error("{0} cannot be decoded or encoded here")]
    Unsupported(String),
    /// The stored bytes are no chunk of this variable.
    #[error("the stored chunk is damaged: {0}")]
    Corrupt(String),
    /// The elements to encode are none of this variable.
    #[error("the elements are not those of a chunk: {0}")]
    Elements(String),
}

type Result<T> = std::result::Result<T, CodecError>;

/// The codecs of a variable, ready for use. Made once for a variable.
#[derive(Debug)]
pub struct ChunkCodecs {
    /// Bytes of a decoded chunk; none for text.
    decoded_bytes: Option<usize>,
    order: Option<Order>,
    array: ArrayToBytes,
    /// In order of encoding, each with the most bytes that it may decode to.
    steps: Vec<(Step, usize)>,
}

impl ChunkCodecs {
    /// The codecs of the chunks of a variable's grid.
    pub fn new(variable: &Variable) -> Result<Self> {
        let shape = variable.grid.chunk_shape();
        let decoded_bytes = decoded_bytes(shape, variable.data_type)?;
        let codecs = variable.codecs.iter().map(named::known).collect::<Result<Vec<_>>>()?;
        let array_end = codecs.iter().take_while(|codec| array::is_of_arrays(codec)).count();
        let (of_arrays, of_bytes) = codecs.split_at(array_end);
        let (order, array) = array::build(variable, of_arrays)?;
        let mut bound = array.encoded_bytes_max(decoded_bytes.unwrap_or(TEXT_BYTES_MAX));
        let mut steps = Vec::with_capacity(of_bytes.len());
        for codec in of_bytes {
            let step = Step::new(codec)?;
            let encoded = step.encoded_bytes_max(bound);
            steps.push((step, bound));
            bound = encoded;
        }
        Ok(Self { decoded_bytes, order, array, steps })
    }

    /// Bytes of a decoded chunk; none for variable-length text.
    pub fn decoded_bytes(&self) -> Option<usize> {
        self.decoded_bytes
    }

    /// The elements of a whole chunk in C order, little-endian; text as numcodecs' `vlen-utf8` writes it.
    pub fn decode(&self, stored: Bytes) -> Result<Bytes> {
        if let Some(decoded) = self.decode_usual(&stored, Vec::new()) {
            return self.elements(decoded?.into());
        }
        let mut bytes = stored;
        for (step, bound) in self.steps.iter().rev() {
            bytes = step.decode(bytes, *bound)?;
        }
        self.elements(bytes)
    }

    /// The same in the memory of `spare`, where the codecs allow that: fresh pages cost a fifth of the time.
    pub fn decode_into(&self, stored: &[u8], spare: Vec<u8>) -> Result<Bytes> {
        match self.decode_usual(stored, spare) {
            Some(decoded) => self.elements(decoded?.into()),
            None => self.decode(Bytes::copy_from_slice(stored)),
        }
    }

    /// HDF5's usual pipeline, without a buffer in between that is new each time; none for other codecs.
    fn decode_usual(&self, stored: &[u8], spare: Vec<u8>) -> Option<Result<Vec<u8>>> {
        match self.steps.as_slice() {
            [(Step::Shuffle { element_size }, _), (Step::Deflate { .. }, bound)] if *element_size > 1 => {
                let unshuffle = |bytes: &[u8]| shuffle::unshuffle_into(bytes, *element_size, spare);
                Some(compression::inflated(stored, *bound, unshuffle))
            }
            [(Step::Deflate { .. }, bound)] => Some(compression::inflate_into(stored, *bound, spare)),
            _ => None,
        }
    }

    /// Elements in C order of what the codecs of bytes made.
    fn elements(&self, bytes: Bytes) -> Result<Bytes> {
        let elements = self.array.decode(bytes)?;
        if let Some(expected) = self.decoded_bytes
            && elements.len() != expected
        {
            return Err(CodecError::Corrupt(format!("{} bytes of elements, not {expected}", elements.len())));
        }
        Ok(match &self.order {
            Some(order) => order.decode(&elements).into(),
            None => elements,
        })
    }

    /// The stored form of a whole chunk's elements, given as [`decode`](Self::decode) gives them.
    pub fn encode(&self, elements: Bytes) -> Result<Bytes> {
        if let Some(expected) = self.decoded_bytes
            && elements.len() != expected
        {
            return Err(CodecError::Elements(format!("{} bytes, not {expected}", elements.len())));
        }
        let mut bytes = match &self.order {
            Some(order) => self.array.encode(order.encode(&elements).into())?,
            None => self.array.encode(elements)?,
        };
        for (step, _) in &self.steps {
            bytes = step.encode(bytes)?;
        }
        Ok(bytes)
    }
}

/// Bytes of a decoded chunk of a shape.
fn decoded_bytes(shape: &[u64], data_type: DataType) -> Result<Option<usize>> {
    let Some(size) = data_type.size() else { return Ok(None) };
    let bytes = shape.iter().try_fold(size as u64, |product, length| product.checked_mul(*length));
    match bytes.filter(|bytes| *bytes <= DECODED_BYTES_MAX) {
        Some(bytes) => Ok(Some(bytes as usize)),
        None => Err(CodecError::Unsupported(format!("a chunk of more than {DECODED_BYTES_MAX} bytes"))),
    }
}

fn corrupt(what: impl std::fmt::Display) -> CodecError {
    CodecError::Corrupt(what.to_string())
}

fn unsupported(what: impl std::fmt::Display) -> CodecError {
    CodecError::Unsupported(what.to_string())
}

#[cfg(test)]
mod tests;
