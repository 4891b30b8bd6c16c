//! Rules of joining, on hand-made scans.

mod fixtures;
mod mosaic;
mod order;
mod raw;
mod times;
