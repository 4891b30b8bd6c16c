//! Opening datasets and locating their chunks.
