//! Times of coordinates: their parts, and the periods that they lie in.
