//! The Redis tier: what gateways and workers share for a while. Losing it loses nothing.
