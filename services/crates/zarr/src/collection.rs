//! All datasets as one Zarr hierarchy.

/// The name, below a dataset's id, of the group whose chunks are the stored bytes: keys of the hierarchy
/// `/datasets` then fall onto the routes `/datasets/{id}/kerchunk/…`.
pub const STORE: &str = "kerchunk";
