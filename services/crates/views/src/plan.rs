//! From the steps of a view to a dataset of lazy arrays.
