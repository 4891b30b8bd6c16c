//! The Redis tier: what gateways and workers share for a while. Losing it loses nothing.
//!
//! ```text
//! leases    which workers there are            changes   "the catalog is another": told at once
//! values    bytes by key, checked when read    locks     one of several gateways makes an expensive chunk
//!     └────────────┬──────────────┘
//!              breaker   a slow or dead Redis costs the first few requests a little, and nobody else anything
//!              connect   one server, Sentinel or Cluster; TLS; a user with few rights
//! ```

mod breaker;
mod changes;
mod connect;
mod frame;
mod leases;
mod locks;
mod secret;
mod settings;
mod tier;
mod values;

pub use changes::Changes;
pub use leases::{Announcement, WorkerLease};
pub use locks::{Lock, Turn};
pub use secret::Secret;
pub use settings::RedisSettings;
pub use tier::Tier;
