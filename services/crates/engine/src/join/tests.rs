//! Rules of joining, on hand-made scans.
