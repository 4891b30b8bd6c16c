//! Rules of joining, on hand-made scans.

mod fixtures;
mod order;
mod raw;
mod times;
