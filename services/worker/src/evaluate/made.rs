//! Chunks that were made, and the memory that they are made in and answered with.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use model::Result;

use super::Inner;
use super::pool::Admitted;
use super::witness::Witness;

/// Shortest answer that is counted: many that are shorter take little memory together.
const COUNTED_BYTES_MIN: usize = 256 << 10;

tokio::task_local! {
    static ANSWER: Arc<Answer>;
}

/// A chunk that was made now.
pub(super) struct Fresh {
    /// None where the sources have nothing of it.
    pub(super) bytes: Option<Bytes>,
    pub(super) sources: Arc<[Witness]>,
    /// What it was made in; nothing where that took none.
    pub(super) admitted: Option<Admitted>,
}

/// A chunk and what it was made of.
#[derive(Debug, Clone)]
pub(super) struct Made {
    /// None where the sources have nothing of it.
    pub(super) bytes: Option<Bytes>,
    pub(super) sources: Arc<[Witness]>,
    /// The memory of answers with these bytes, for all of them once.
    answers: Arc<Mutex<Weak<Admitted>>>,
}

/// The memory of an answer: whoever sends it holds this until the bytes are gone. A chunk that was made for a client who
/// does not take it is then counted among those under way.
#[derive(Debug, Default)]
pub(crate) struct Answer(Mutex<Option<Arc<Admitted>>>);

/// Waits for an answer and for the memory that it holds.
pub(crate) async fn answering<T>(answer: impl Future<Output = T>) -> (T, Arc<Answer>) {
    let memory = Arc::new(Answer::default());
    (ANSWER.scope(Arc::clone(&memory), answer).await, memory)
}

impl Fresh {
    /// What is kept, and the memory that its bytes take from now on.
    pub(super) fn into_made(self) -> (Made, Option<Arc<Admitted>>) {
        let Self { bytes, sources, admitted } = self;
        let length = bytes.as_ref().map_or(0, Bytes::len);
        let admitted = admitted.filter(|_| length >= COUNTED_BYTES_MIN).map(|mut admitted| {
            admitted.keep(length as u64);
            Arc::new(admitted)
        });
        let answers = admitted.as_ref().map(Arc::downgrade).unwrap_or_default();
        (Made { bytes, sources, answers: Arc::new(Mutex::new(answers)) }, admitted)
    }
}

impl Made {
    /// For the bound of the cache, in bytes.
    pub(super) fn weight(&self) -> u32 {
        let sources: usize =
            self.sources.iter().map(|source| size_of::<Witness>() + source.file.path.len()).sum();
        let bytes = self.bytes.as_ref().map_or(0, Bytes::len) + sources + 256;
        u32::try_from(bytes).unwrap_or(u32::MAX)
    }

    fn answered(&self) -> Option<Arc<Admitted>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).upgrade()
    }
}

impl Inner {
    /// Hands the memory of a chunk to who answers with it, if that is another process's request: waits for some, where
    /// nobody has the chunk in an answer now.
    pub(super) async fn answer(&self, made: &Made) -> Result<()> {
        let length = made.bytes.as_ref().map_or(0, Bytes::len);
        let Ok(answer) = ANSWER.try_with(Arc::clone) else { return Ok(()) };
        if length < COUNTED_BYTES_MIN {
            return Ok(());
        }
        let admitted = if let Some(admitted) = made.answered() {
            admitted
        } else {
            let admitted = Arc::new(self.pool.admit_bytes(length as u64).await?);
            *made.answers.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(&admitted);
            admitted
        };
        *answer.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(admitted);
        Ok(())
    }
}
