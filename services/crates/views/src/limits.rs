//! The limits of a view's text. They bound what parsing costs; what evaluating costs is estimated where a view is opened.

/// The longest text, in bytes, after escapes are read. It bounds the canonical spelling as well.
pub const TEXT_BYTES_MAX: usize = 4096;
/// The longest text as it comes: with each byte as `~x` and two digits.
pub const RAW_BYTES_MAX: usize = 4 * TEXT_BYTES_MAX;
/// The most steps of a view.
pub const STEPS_MAX: usize = 32;
/// The most items of a list.
pub const LIST_MAX: usize = 256;
/// The longest name, label or units, in bytes.
pub const NAME_BYTES_MAX: usize = 256;
/// The most numbers, names, operators and calls of an expression: it bounds the depth of its tree.
pub const EXPRESSION_NODES_MAX: usize = 128;
/// How deep the parentheses, calls and signs of an expression may nest.
pub const EXPRESSION_DEPTH_MAX: usize = 32;
