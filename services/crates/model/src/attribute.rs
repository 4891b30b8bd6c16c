//! Attributes as netCDF has them: ordered, named, typed.

use std::sync::Arc;

/// The attributes of a group or variable, in the order of the file. Copies share them until one is changed: the files
/// of an archive say the same thousands of times.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Attributes(Arc<Vec<(String, AttributeValue)>>);

impl Attributes {
    /// No attributes.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of an attribute.
    pub fn get(&self, name: &str) -> Option<&AttributeValue> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// The value of an attribute that is one text, such as `units`.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(AttributeValue::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Sets an attribute: in its place where it is there already, at the end where not.
    pub fn set(&mut self, name: impl Into<String>, value: AttributeValue) {
        let name = name.into();
        let all = Arc::make_mut(&mut self.0);
        match all.iter_mut().find(|(key, _)| *key == name) {
            Some((_, old)) => *old = value,
            None => all.push((name, value)),
        }
    }

    /// Takes an attribute out.
    pub fn remove(&mut self, name: &str) -> Option<AttributeValue> {
        let at = self.0.iter().position(|(key, _)| key == name)?;
        Some(Arc::make_mut(&mut self.0).remove(at).1)
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &AttributeValue)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(String, AttributeValue)> for Attributes {
    fn from_iter<T: IntoIterator<Item = (String, AttributeValue)>>(items: T) -> Self {
        Self(Arc::new(items.into_iter().collect()))
    }
}

/// One attribute's value. A list of one number is that number, as netCDF readers show it.
#[derive(Debug, Clone, PartialEq)]
pub enum AttributeValue {
    /// `NC_CHAR` text or one `NC_STRING`.
    Text(String),
    /// Several `NC_STRING`s.
    Texts(Vec<String>),
    /// One or more numbers of one type.
    Numbers(Numbers),
    /// What netCDF has no type for, from a source whose attributes are JSON: the text of one JSON value.
    Json(String),
}

/// Numbers of one netCDF type.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "each is named by its type")]
pub enum Numbers {
    I8(Vec<i8>),
    I16(Vec<i16>),
    I32(Vec<i32>),
    I64(Vec<i64>),
    U8(Vec<u8>),
    U16(Vec<u16>),
    U32(Vec<u32>),
    U64(Vec<u64>),
    F32(Vec<f32>),
    F64(Vec<f64>),
}

impl Numbers {
    /// How many numbers there are.
    pub fn len(&self) -> usize {
        match self {
            Self::I8(v) => v.len(),
            Self::I16(v) => v.len(),
            Self::I32(v) => v.len(),
            Self::I64(v) => v.len(),
            Self::U8(v) => v.len(),
            Self::U16(v) => v.len(),
            Self::U32(v) => v.len(),
            Self::U64(v) => v.len(),
            Self::F32(v) => v.len(),
            Self::F64(v) => v.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The numbers as little-endian bytes, one after another.
    pub fn to_le_bytes(&self) -> Vec<u8> {
        fn flat<const N: usize>(items: impl Iterator<Item = [u8; N]>) -> Vec<u8> {
            items.flatten().collect()
        }
        match self {
            Self::I8(v) => flat(v.iter().map(|x| x.to_le_bytes())),
            Self::I16(v) => flat(v.iter().map(|x| x.to_le_bytes())),
            Self::I32(v) => flat(v.iter().map(|x| x.to_le_bytes())),
            Self::I64(v) => flat(v.iter().map(|x| x.to_le_bytes())),
            Self::U8(v) => v.clone(),
            Self::U16(v) => flat(v.iter().map(|x| x.to_le_bytes())),
            Self::U32(v) => flat(v.iter().map(|x| x.to_le_bytes())),
            Self::U64(v) => flat(v.iter().map(|x| x.to_le_bytes())),
            Self::F32(v) => flat(v.iter().map(|x| x.to_le_bytes())),
            Self::F64(v) => flat(v.iter().map(|x| x.to_le_bytes())),
        }
    }
}
