//! Reading bytes of files.
