//! What is computed element by element: [`Formula`](crate::array::Formula).
