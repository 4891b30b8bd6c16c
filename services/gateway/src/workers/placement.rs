//! Which worker reads which file: rendezvous hashing, so that handles and caches stay warm and only the files of a
//! worker that leaves move.

/// The score of a worker for a key; the worker of the highest score is asked first.
pub(super) fn score(worker: &str, key: &str) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(worker.as_bytes());
    hasher.update(&[0]);
    hasher.update(key.as_bytes());
    let mut first = [0; 8];
    hasher.finalize_xof().fill(&mut first);
    u64::from_le_bytes(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best<'w>(workers: &[&'w str], key: &str) -> &'w str {
        workers.iter().max_by_key(|worker| score(worker, key)).unwrap()
    }

    #[test]
    fn keys_spread_evenly_and_stay_when_another_worker_leaves() {
        let workers = ["http://a:1", "http://b:1", "http://c:1"];
        let keys: Vec<_> = (0..3000).map(|number| format!("/data/{number}.nc")).collect();
        for worker in workers {
            let count = keys.iter().filter(|key| best(&workers, key) == worker).count();
            assert!((800..1200).contains(&count), "{worker}: {count}");
        }
        for key in keys.iter().filter(|key| best(&workers, key) != "http://c:1") {
            assert_eq!(best(&workers, key), best(&workers[..2], key));
        }
    }
}
