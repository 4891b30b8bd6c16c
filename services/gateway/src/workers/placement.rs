//! Which worker is asked for what: rendezvous hashing, so that handles and caches stay warm and only the keys of a
//! worker that leaves move; with bounded load, so that a worker that has much to do passes keys on to the next
//! ([Mirrokni, Thorup, Zadimoghaddam 2018](https://doi.org/10.1137/1.9781611975031.39)).

use std::cmp::Reverse;
use std::sync::Arc;

use super::load::Kind;
use super::member::Member;

/// How much more than its fair share of what is under way a worker may have.
const LOAD_FACTOR: f64 = 1.25;

/// Members in the order in which they are asked for a key: those that answer and have room, those that answer, the
/// others; each group by its scores.
pub(super) fn order<'m>(members: &'m [Arc<Member>], key: &str, kind: Kind) -> Vec<&'m Arc<Member>> {
    let mut placed: Vec<_> = members.iter().collect();
    if placed.len() > 1 {
        let bound = bound(members, kind);
        placed.sort_by_cached_key(|member| {
            let is_full = member.load.under_way(kind) >= bound;
            (!member.health.is_up(), is_full, Reverse(score(member.url(), key)))
        });
    }
    placed
}

/// The same for things that are dealt out by turn: those that answer, in an order that stays, from the one whose turn it
/// is; then the others.
pub(super) fn by_turn<'m>(members: &'m [Arc<Member>], key: &str, turn: u64) -> Vec<&'m Arc<Member>> {
    let mut placed: Vec<_> = members.iter().collect();
    placed.sort_by_cached_key(|member| (member.health.is_down(), Reverse(score(member.url(), key))));
    let there = placed.iter().take_while(|member| !member.health.is_down()).count();
    if let Some(first) = turn.checked_rem(there as u64) {
        placed[..there].rotate_left(first as usize);
    }
    placed
}

/// From how many calls under way a worker takes no more, as long as others have room.
fn bound(members: &[Arc<Member>], kind: Kind) -> usize {
    let up = members.iter().filter(|member| member.health.is_up());
    let (count, under_way) =
        up.fold((0, 0), |(count, sum), member| (count + 1, sum + member.load.under_way(kind)));
    bound_of(under_way, count, kind.floor())
}

fn bound_of(under_way: usize, count: usize, floor: usize) -> usize {
    let share = (under_way + 1) as f64 / count.max(1) as f64;
    floor.max((share * LOAD_FACTOR).ceil() as usize)
}

/// The score of a worker for a key; the worker of the highest score is asked first.
fn score(worker: &str, key: &str) -> u64 {
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
    fn keys_spread_evenly_and_stay_when_another_worker_leaves_or_comes() {
        let workers = ["http://a:1", "http://b:1", "http://c:1"];
        let keys: Vec<_> = (0..3000).map(|number| format!("/data/{number}.nc")).collect();
        for worker in workers {
            let count = keys.iter().filter(|key| best(&workers, key) == worker).count();
            assert!((800..1200).contains(&count), "{worker}: {count}");
        }
        for key in keys.iter().filter(|key| best(&workers, key) != "http://c:1") {
            assert_eq!(best(&workers, key), best(&workers[..2], key));
        }
        let more = ["http://a:1", "http://b:1", "http://c:1", "http://d:1"];
        let moved: Vec<_> = keys.iter().filter(|key| best(&workers, key) != best(&more, key)).collect();
        assert!((600..900).contains(&moved.len()), "a quarter moves: {}", moved.len());
        assert!(moved.iter().all(|key| best(&more, key) == "http://d:1"), "and only to the new one");
    }

    #[test]
    fn no_worker_has_much_more_than_its_share() {
        assert_eq!(bound_of(0, 4, 1), 1);
        assert_eq!(bound_of(7, 2, 2), 5);
        assert_eq!(bound_of(3, 2, 8), 8);
        assert_eq!(bound_of(1000, 0, 1), 1252);
        // Twelve chunks of which ten have the same first worker: with room for eight at once, they are made by both.
        let mut under_way = [0_usize; 2];
        for number in 0..8 {
            let first = usize::from(number % 6 == 5);
            let bound = bound_of(under_way.iter().sum(), 2, 2);
            let taken = if under_way[first] >= bound { 1 - first } else { first };
            under_way[taken] += 1;
        }
        assert!(under_way.iter().all(|count| (3..=5).contains(count)), "{under_way:?}");
    }
}
