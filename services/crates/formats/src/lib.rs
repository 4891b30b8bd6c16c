//! File formats: each makes metadata and chunk references of a file. The only home of C libraries.
