//! The catalog document: a dataset's metadata as JSON, exactly.
//!
//! It lies in the catalog and crosses the wire between worker and gateway. Unlike Zarr metadata it loses nothing:
//! attributes keep their netCDF types, 64-bit integers all their digits, floats every bit, NaN its payload.
//!
//! ```json
//! {"format": 1,
//!  "groups": [{"path": "", "attributes": [{"name": "title", "type": "text", "value": "run 7"}]}],
//!  "variables": [{"path": "tas", "dimensions": ["time"], "data_type": "f4", "byte_order": "little",
//!    "shape": [12], "chunk_shape": [1], "codecs": [{"shuffle": {"element_size": 4}}, {"deflate": {"level": 4}}],
//!    "fill_value": "7A14Fg==", "attributes": [{"name": "valid_max", "type": "f4", "value": [330.5]}]}]}
//! ```

mod attribute;
mod encoding;

use std::collections::HashSet;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use model::{Attributes, ChunkGrid, ChunkGridError, Dataset, Group, NodePath, Variable};
use serde::{Deserialize, Serialize};

use attribute::AttributeDocument;
use encoding::{ByteOrderDocument, CodecDocument, DataTypeDocument};

/// The format that is written; others are refused.
pub const FORMAT: u32 = 1;

/// Why bytes are no catalog document.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// No JSON, or JSON of another form.
    #[error("parse catalog document: {0}")]
    Json(#[from] serde_json::Error),
    /// Written by another version of the software.
    #[error("catalog document has format {0}, this program reads {FORMAT}")]
    Format(u32),
    /// A path that no group or variable can have.
    #[error("{0:?} is no path of a group or variable")]
    Path(String),
    /// Two nodes of one path.
    #[error("two groups or variables are called {0:?}")]
    Duplicate(String),
    /// A shape and chunk shape that make no grid.
    #[error("grid of {variable:?}: {error}")]
    Grid {
        /// Which variable.
        variable: String,
        /// What is wrong.
        error: ChunkGridError,
    },
    /// Not one name for each dimension.
    #[error("{variable:?} has {names} dimension names and {rank} dimensions")]
    Dimensions {
        /// Which variable.
        variable: String,
        /// How many names.
        names: usize,
        /// How many dimensions.
        rank: usize,
    },
    /// A fill value that is not one element.
    #[error("fill value of {0:?} is not one element in base64")]
    FillValue(String),
    /// An attribute whose value is not of its type.
    #[error("attribute {0:?} holds a value that is not of its type")]
    Attribute(String),
}

/// The document of a dataset.
pub fn to_json(dataset: &Dataset) -> Vec<u8> {
    let document = DatasetDocument {
        format: FORMAT,
        groups: dataset.groups.iter().map(group_to_document).collect(),
        variables: dataset.variables.iter().map(variable_to_document).collect(),
    };
    // Writing to memory cannot fail, and no map here has keys other than text: there is no error to pass on.
    serde_json::to_vec(&document).unwrap_or_default()
}

/// The dataset of a document. Any bytes are safe: what is claimed (shapes, sizes) is checked, never allocated.
pub fn from_json(json: &[u8]) -> Result<Dataset, DocumentError> {
    let FormatDocument { format } = serde_json::from_slice(json)?;
    if format != FORMAT {
        return Err(DocumentError::Format(format));
    }
    let document: DatasetDocument = serde_json::from_slice(json)?;
    let mut paths = HashSet::new();
    for path in document
        .groups
        .iter()
        .map(|g| &g.path)
        .chain(document.variables.iter().map(|variable| &variable.path))
    {
        if !paths.insert(path.as_str()) {
            return Err(DocumentError::Duplicate(path.clone()));
        }
    }
    Ok(Dataset {
        groups: document.groups.iter().map(group_from_document).collect::<Result<_, _>>()?,
        variables: document.variables.into_iter().map(variable_from_document).collect::<Result<_, _>>()?,
    })
}

/// The one field that every format has.
#[derive(Deserialize)]
struct FormatDocument {
    format: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DatasetDocument {
    format: u32,
    groups: Vec<GroupDocument>,
    variables: Vec<VariableDocument>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupDocument {
    path: String,
    attributes: Vec<AttributeDocument>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct VariableDocument {
    path: String,
    dimensions: Vec<String>,
    data_type: DataTypeDocument,
    byte_order: ByteOrderDocument,
    shape: Vec<u64>,
    chunk_shape: Vec<u64>,
    codecs: Vec<CodecDocument>,
    fill_value: Option<String>,
    attributes: Vec<AttributeDocument>,
}

fn group_to_document(group: &Group) -> GroupDocument {
    GroupDocument {
        path: group.path.as_str().to_owned(),
        attributes: attributes_to_documents(&group.attributes),
    }
}

fn group_from_document(document: &GroupDocument) -> Result<Group, DocumentError> {
    Ok(Group {
        path: parse_path(&document.path)?,
        attributes: attributes_from_documents(&document.attributes)?,
    })
}

fn variable_to_document(variable: &Variable) -> VariableDocument {
    VariableDocument {
        path: variable.path.as_str().to_owned(),
        dimensions: variable.dimensions.clone(),
        data_type: variable.data_type.into(),
        byte_order: variable.byte_order.into(),
        shape: variable.grid.shape().to_vec(),
        chunk_shape: variable.grid.chunk_shape().to_vec(),
        codecs: variable.codecs.iter().map(CodecDocument::from).collect(),
        fill_value: variable.fill_value.as_ref().map(|bytes| STANDARD.encode(bytes)),
        attributes: attributes_to_documents(&variable.attributes),
    }
}

fn variable_from_document(document: VariableDocument) -> Result<Variable, DocumentError> {
    let path = parse_path(&document.path)?;
    let rank = document.shape.len();
    let grid = ChunkGrid::new(document.shape, document.chunk_shape)
        .map_err(|error| DocumentError::Grid { variable: document.path.clone(), error })?;
    if document.dimensions.len() != rank {
        let names = document.dimensions.len();
        return Err(DocumentError::Dimensions { variable: document.path, names, rank });
    }
    let data_type = model::DataType::from(document.data_type);
    let fill_value = match document.fill_value {
        None => None,
        Some(text) => match STANDARD.decode(text) {
            Ok(bytes) if data_type.size().is_none_or(|size| size == bytes.len()) => Some(bytes),
            _ => return Err(DocumentError::FillValue(document.path)),
        },
    };
    Ok(Variable {
        path,
        dimensions: document.dimensions,
        data_type,
        byte_order: document.byte_order.into(),
        grid,
        codecs: document.codecs.into_iter().map(model::Codec::from).collect(),
        fill_value,
        attributes: attributes_from_documents(&document.attributes)?,
    })
}

fn parse_path(text: &str) -> Result<NodePath, DocumentError> {
    NodePath::parse(text).map_err(|_| DocumentError::Path(text.to_owned()))
}

fn attributes_to_documents(attributes: &Attributes) -> Vec<AttributeDocument> {
    attributes.iter().map(|(name, value)| AttributeDocument::new(name, value)).collect()
}

fn attributes_from_documents(documents: &[AttributeDocument]) -> Result<Attributes, DocumentError> {
    documents.iter().map(AttributeDocument::read).collect()
}

#[cfg(test)]
mod tests;
