//! From arrays to bytes: the first part of a chain, of which there is exactly one.

use bytes::Bytes;
use model::{ByteOrder, Codec, Variable};
use serde_json::Value;

use super::elements::{self, Order};
use super::foreign::Foreign;
use super::shards::Shards;
use super::{Result, named, unsupported};

#[derive(Debug)]
pub(super) enum ArrayToBytes {
    /// The elements one after another; turned if `swap` says how long they are.
    Plain {
        swap: Option<usize>,
    },
    /// Text as `vlen-utf8` has it: nothing to do.
    Text,
    Shards(Box<Shards>),
    Foreign(Box<Foreign>),
}

/// Whether a codec has to do with elements and not only with bytes.
pub(super) fn is_of_arrays(codec: &Codec) -> bool {
    match codec {
        Codec::Transpose { .. } | Codec::VlenUtf8 | Codec::Sharding(_) => true,
        Codec::Numcodecs { configuration, .. } => is_foreign_array(configuration, false),
        Codec::Zarr3 { configuration } => is_foreign_array(configuration, true),
        _ => false,
    }
}

fn is_foreign_array(configuration: &str, is_of_v3: bool) -> bool {
    let value: Value = serde_json::from_str(configuration).unwrap_or_default();
    let name = named::name(&value, is_of_v3);
    matches!(
        name,
        "bitround"
            | "fixedscaleoffset"
            | "packbits"
            | "pcodec"
            | "quantize"
            | "delta"
            | "astype"
            | "reshape"
            | "squeeze"
            | "bytes"
    )
}

/// The order of dimensions, and what follows it, of the codecs of arrays at the start of a chain.
pub(super) fn build(variable: &Variable, codecs: &[Codec]) -> Result<(Option<Order>, ArrayToBytes)> {
    let shape = variable.grid.chunk_shape();
    let transposes = codecs.iter().take_while(|codec| matches!(codec, Codec::Transpose { .. })).count();
    let (transposes, rest) = codecs.split_at(transposes);
    let Some(size) = variable.data_type.size() else {
        return match (transposes, rest) {
            ([], [] | [Codec::VlenUtf8]) => Ok((None, ArrayToBytes::Text)),
            _ => Err(unsupported("variable-length text behind these codecs")),
        };
    };
    let orders = transposes.iter().filter_map(|codec| match codec {
        Codec::Transpose { order } => Some(order),
        _ => None,
    });
    let order = Order::new(shape, size, orders)?;
    let stored_shape = order.as_ref().map_or_else(|| shape.to_vec(), Order::stored_shape);
    let array = match rest {
        [] => ArrayToBytes::Plain { swap: swapped(variable) },
        [Codec::Sharding(sharding)] => {
            ArrayToBytes::Shards(Box::new(Shards::new(variable, &stored_shape, sharding)?))
        }
        foreign => ArrayToBytes::Foreign(Box::new(Foreign::new(variable, &stored_shape, foreign)?)),
    };
    Ok((order, array))
}

/// Bytes an element, where they are stored the other way round.
fn swapped(variable: &Variable) -> Option<usize> {
    variable.data_type.ordered_size().filter(|_| variable.byte_order == ByteOrder::Big)
}

impl ArrayToBytes {
    /// Most bytes that a chunk of so many bytes of elements becomes.
    pub(super) fn encoded_bytes_max(&self, decoded: usize) -> usize {
        match self {
            Self::Plain { .. } | Self::Text => decoded,
            Self::Shards(shards) => shards.encoded_bytes_max(),
            // A filter may make wider elements: at most eight bytes of one.
            Self::Foreign(_) => decoded.saturating_mul(8).saturating_add(64 << 10),
        }
    }

    pub(super) fn decode(&self, bytes: Bytes) -> Result<Bytes> {
        match self {
            Self::Plain { swap: None } | Self::Text => Ok(bytes),
            Self::Plain { swap: Some(size) } => Ok(turned(bytes, *size)),
            Self::Shards(shards) => shards.decode(&bytes),
            Self::Foreign(foreign) => foreign.decode(&bytes),
        }
    }

    pub(super) fn encode(&self, elements: Bytes) -> Result<Bytes> {
        match self {
            Self::Plain { swap: None } | Self::Text => Ok(elements),
            Self::Plain { swap: Some(size) } => Ok(turned(elements, *size)),
            Self::Shards(shards) => shards.encode(&elements),
            Self::Foreign(foreign) => foreign.encode(&elements),
        }
    }
}

fn turned(bytes: Bytes, size: usize) -> Bytes {
    let mut bytes = bytes.try_into_mut().map_or_else(|bytes| bytes.to_vec(), Vec::from);
    elements::swap_bytes(&mut bytes, size);
    bytes.into()
}
