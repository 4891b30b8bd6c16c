//! Unpacking as xarray does.
