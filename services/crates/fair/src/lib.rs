//! Admission to a bounded amount of something, memory or turns, fair between those who ask
//! (`docs/decisions/0021-fairness.md`).

mod admission;
mod pace;
mod queue;

pub use admission::{Admission, Admitted, Bounds, Place};

tokio::task_local! {
    static CURRENT: Flow;
}

/// Whose a request is: all requests of one client are one flow, also where a gateway asks a worker for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Flow(pub u64);

impl Flow {
    /// That of what is not asked for by any client.
    pub const NOBODY: Self = Self(0);

    /// That of what this task does, as [`scope`](Self::scope) says: like a trace, it is handed on where a task begins
    /// another, and goes with calls to other processes.
    pub fn current() -> Self {
        CURRENT.try_with(|flow| *flow).unwrap_or(Self::NOBODY)
    }

    /// Does something for this flow.
    pub async fn scope<T>(self, work: impl Future<Output = T>) -> T {
        CURRENT.scope(self, work).await
    }
}
