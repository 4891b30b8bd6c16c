//! Zarr v2 and v3 keys and metadata documents, codecs, kerchunk references.
