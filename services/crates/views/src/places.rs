//! Places along dimensions that coordinates select.
