//! Element types of arrays.

/// The type of an array's elements, without byte order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the numeric ones are named by their type")]
pub enum DataType {
    /// One byte, 0 or 1.
    Bool,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    F16,
    F32,
    F64,
    /// Text of so many bytes, NUL-padded (numpy `|S`); `NC_CHAR` is `FixedText(1)`.
    FixedText(u32),
    /// Text of so many code points of UTF-32, NUL-padded (numpy `<U`). It has a byte order.
    FixedUnicode(u32),
    /// So many bytes of any content (numpy `|V`).
    Opaque(u32),
    /// Variable-length UTF-8 text (`NC_STRING`).
    Text,
}

impl DataType {
    /// Bytes an element; none for variable-length text.
    pub fn size(self) -> Option<usize> {
        Some(match self {
            Self::Bool | Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 | Self::F16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::I64 | Self::U64 | Self::F64 => 8,
            Self::FixedText(n) | Self::Opaque(n) => n as usize,
            Self::FixedUnicode(n) => (n as usize).saturating_mul(4),
            Self::Text => return None,
        })
    }

    /// Whether the elements are integers or floats.
    pub fn is_numeric(self) -> bool {
        !matches!(
            self,
            Self::Bool | Self::FixedText(_) | Self::FixedUnicode(_) | Self::Opaque(_) | Self::Text
        )
    }

    /// Bytes of what a byte order turns: a number, or a code point of text. None where there is no order.
    pub fn ordered_size(self) -> Option<usize> {
        match self {
            Self::FixedUnicode(_) => Some(4),
            other => other.size().filter(|size| other.is_numeric() && *size > 1),
        }
    }
}

/// Order of the bytes of a stored number. Meaningless, and `Little`, for one-byte types and text of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is named by its order")]
pub enum ByteOrder {
    Little,
    Big,
}
