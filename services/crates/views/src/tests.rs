//! The grammar from outside: what is read, what is refused and where, and that spellings are read back.

mod escapes;
mod examples;
mod refusals;
mod round_trip;
mod strategies;
