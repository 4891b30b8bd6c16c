//! Reading bytes of files.

mod roots;

pub use roots::Roots;
