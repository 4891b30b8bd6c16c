//! A dataset: groups and variables, flat, by path.

use crate::{Attributes, ByteOrder, ChunkGrid, Codec, DataType, NodePath};

/// The metadata of a virtual Zarr hierarchy. Chunk references are kept apart, in [`crate::ChunkManifest`]s.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Dataset {
    /// Every group, the root (`NodePath::root()`) first, parents before children.
    pub groups: Vec<Group>,
    /// Every variable, in the order of the file.
    pub variables: Vec<Variable>,
}

impl Dataset {
    /// The variable of a path.
    pub fn variable(&self, path: &str) -> Option<&Variable> {
        self.variables.iter().find(|variable| variable.path.as_str() == path)
    }

    /// The group of a path; the root's is empty.
    pub fn group(&self, path: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.path.as_str() == path)
    }

    /// The attributes of the root group.
    pub fn attributes(&self) -> Option<&Attributes> {
        self.group("").map(|root| &root.attributes)
    }
}

/// A Zarr group.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Group {
    /// Where it is.
    pub path: NodePath,
    /// Its attributes.
    pub attributes: Attributes,
}

/// A Zarr array with named dimensions.
#[derive(Debug, Clone, PartialEq)]
pub struct Variable {
    /// Where it is: `tas`, or `forecast/tas` in a group.
    pub path: NodePath,
    /// A name for each dimension.
    pub dimensions: Vec<String>,
    /// Type of the elements as stored (packed data is not unpacked).
    pub data_type: DataType,
    /// Byte order of the elements as stored.
    pub byte_order: ByteOrder,
    /// Shape and chunk shape.
    pub grid: ChunkGrid,
    /// What a stored chunk went through, in the order of encoding.
    pub codecs: Vec<Codec>,
    /// What the elements of absent chunks read as: one element, little-endian. None where no chunk is absent and
    /// the source does not say. The `_FillValue` attribute, a statement about meaning, stays among the attributes.
    pub fill_value: Option<Vec<u8>>,
    /// Attributes as netCDF shows them, `_FillValue` included.
    pub attributes: Attributes,
}

impl Variable {
    /// Bytes of the whole array when decoded; none for variable-length text or beyond 2^64.
    pub fn decoded_size_bytes(&self) -> Option<u64> {
        let size = self.data_type.size()? as u64;
        self.grid.shape().iter().try_fold(size, |product, n| product.checked_mul(*n))
    }
}
