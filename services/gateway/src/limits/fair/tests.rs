//! Whose turn it is.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

const LONG: Duration = Duration::from_secs(20);

fn client(name: &str) -> Client {
    Client::Token(name.into())
}

/// Requests that wait, in the order in which they were asked for; each tells when it was admitted and ends at once.
async fn order(admission: &Admission, asked: &[(&str, u64, u64)]) -> Vec<String> {
    let all = admission.admit(&client("first"), u64::MAX, 1).await.unwrap();
    let rest = admission.admit(&client("second"), admission.shared.bytes_max / 4, 1).await.unwrap();
    let order = Arc::new(Mutex::new(Vec::new()));
    let tasks: Vec<_> = asked
        .iter()
        .map(|(name, bytes, cost)| {
            let (admission, order, name) = (admission.clone(), Arc::clone(&order), (*name).to_owned());
            let (bytes, cost) = (*bytes, *cost);
            tokio::spawn(async move {
                let admitted = admission.admit(&client(&name), bytes, cost).await.unwrap();
                order.lock().unwrap().push(name);
                drop(admitted);
            })
        })
        .collect();
    while admission.waiting() < asked.len() {
        tokio::task::yield_now().await;
    }
    drop((all, rest));
    for task in tasks {
        task.await.unwrap();
    }
    Arc::into_inner(order).unwrap().into_inner().unwrap()
}

#[tokio::test]
async fn who_asks_for_little_is_not_behind_who_asks_for_much() {
    let admission = Admission::new(100, 100, LONG);
    let asked =
        [("bulk", 75, 100), ("bulk", 75, 100), ("bulk", 75, 100), ("small", 75, 10), ("small", 75, 10)];
    assert_eq!(order(&admission, &asked).await, ["small", "small", "bulk", "bulk", "bulk"]);
    assert_eq!((admission.held_bytes(), admission.waiting()), (0, 0));
}

#[tokio::test]
async fn equal_clients_take_turns_however_many_requests_each_has_and_all_come_to_theirs() {
    let admission = Admission::new(100, 100, LONG);
    let mut asked = vec![("many", 75, 10); 6];
    asked.extend([("few", 75, 10), ("few", 75, 10)]);
    let order = order(&admission, &asked).await;
    assert_eq!(order.len(), 8);
    assert_eq!(order.iter().take(4).filter(|name| *name == "few").count(), 2, "{order:?}");
}

#[tokio::test]
async fn a_client_that_does_not_take_its_answers_leaves_room_for_others() {
    let admission = Admission::new(100, 100, LONG);
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(admission.admit(&client("slow"), 25, 1).await.unwrap());
    }
    let (slow, other) = (client("slow"), client("other"));
    let waits = tokio::time::timeout(Duration::from_millis(50), admission.admit(&slow, 25, 1));
    assert!(waits.await.is_err(), "more than its share");
    drop(tokio::time::timeout(LONG, admission.admit(&other, 25, 1)).await.expect("there is room").unwrap());
    drop(held);
    assert_eq!((admission.held_bytes(), admission.waiting()), (0, 0));
}

#[tokio::test]
async fn a_client_fills_neither_the_queue_nor_the_way_of_those_who_ask_for_little() {
    let (admission, bulk) = (Admission::new(100, 4, LONG), client("bulk"));
    let _held = admission.admit(&client("slow"), 75, 1).await.unwrap();
    let mut waiting: Vec<_> = (0..3).map(|_| Box::pin(admission.admit(&bulk, 75, 10))).collect();
    for waits in &mut waiting {
        assert!(futures::poll!(waits.as_mut()).is_pending());
    }
    let error = admission.admit(&bulk, 75, 10).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Overloaded, "the rest of the queue is for others");
    let other = client("other");
    let admitted = tokio::time::timeout(LONG, admission.admit(&other, 5, 1)).await;
    drop(admitted.expect("there is room, and little is asked for").unwrap());
}

#[tokio::test]
async fn a_large_request_is_not_passed_by_for_ever() {
    let admission = Admission::new(100, 100, LONG);
    let first = admission.admit(&client("a"), 60, 1).await.unwrap();
    let who = client("large");
    let large = admission.admit(&who, 75, 50);
    let mut large = std::pin::pin!(large);
    assert!(futures::poll!(large.as_mut()).is_pending());
    for _ in 0..30 {
        drop(tokio::time::timeout(Duration::from_millis(1), admission.admit(&client("b"), 30, 1)).await);
    }
    drop(first);
    tokio::time::timeout(LONG, large).await.expect("it is its turn").unwrap();
}

#[tokio::test]
async fn what_is_not_needed_is_given_back_and_a_wrong_cost_is_put_right() {
    let admission = Admission::new(100, 100, LONG);
    let mut one = admission.admit(&client("a"), 75, 10).await.unwrap();
    one.keep(5);
    assert_eq!(admission.held_bytes(), 5);
    one.costs(10, 1000);
    assert_eq!(admission.shared.lock().flows[&client("a")].finish, 1000);
    drop(one);
    assert_eq!(admission.held_bytes(), 0);
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_says_when_to_come_again() {
    let admission = Admission::new(100, 3, LONG);
    let _held = admission.admit(&client("a"), 75, 1).await.unwrap();
    let clients = [client("b"), client("b"), client("c")];
    let mut waiting = Vec::new();
    for who in &clients {
        let mut waits = Box::pin(admission.admit(who, 75, 1));
        assert!(futures::poll!(waits.as_mut()).is_pending());
        waiting.push(waits);
    }
    let error = admission.admit(&client("d"), 75, 1).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Overloaded);
    assert!(error.retry_after_seconds.is_some_and(|seconds| (1..=60).contains(&seconds)));
    drop(waiting);
    assert_eq!(admission.waiting(), 0, "who is gone does not wait");
}

#[tokio::test]
async fn nobody_waits_for_ever() {
    let admission = Admission::new(100, 10, Duration::from_millis(20));
    let held = admission.admit(&client("a"), 75, 1).await.unwrap();
    let error = admission.admit(&client("b"), 75, 1).await.unwrap_err();
    assert!(error.kind == ErrorKind::Overloaded && error.retry_after_seconds.is_some());
    drop(held);
    drop(admission.admit(&client("b"), 75, 1).await.unwrap());
}

#[tokio::test]
async fn many_clients_are_forgotten() {
    let admission = Admission::new(1000, 10, LONG);
    let _held = admission.admit(&client("held"), 1, 1).await.unwrap();
    for number in 0..3 * REMEMBERED_MAX {
        drop(admission.admit(&client(&number.to_string()), 1, 1).await.unwrap());
    }
    assert!(admission.shared.lock().flows.len() <= REMEMBERED_MAX + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_is_held_than_there_is_under_load() {
    let admission = Admission::new(100, 10_000, LONG);
    let most = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..500_u64)
        .map(|number| {
            let (admission, most) = (admission.clone(), Arc::clone(&most));
            tokio::spawn(async move {
                let name = (number % 7).to_string();
                let admitted = admission.admit(&client(&name), 1 + number % 40, number % 13).await.unwrap();
                most.fetch_max(admission.held_bytes() as usize, Ordering::Relaxed);
                tokio::task::yield_now().await;
                drop(admitted);
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert!(most.load(Ordering::Relaxed) <= 100);
    assert_eq!((admission.held_bytes(), admission.waiting()), (0, 0));
}
