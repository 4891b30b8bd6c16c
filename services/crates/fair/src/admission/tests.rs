//! Whose turn it is.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures::FutureExt as _;

use super::*;
use crate::queue::REMEMBERED_MAX;

const LONG: Duration = Duration::from_secs(20);

fn admission(amount: u64, queue_max: usize, wait_max: Duration) -> Admission {
    Admission::new(Bounds { queue_max, wait_max, ..Bounds::of(amount) })
}

/// Requests that wait, in the order in which they were asked for; each tells when it was admitted and ends at once.
async fn order(admission: &Admission, asked: &[(u64, u64, u64)]) -> Vec<(u64, u64)> {
    let all = admission.admit(Flow(100), u64::MAX, 1).await.unwrap();
    let order = Arc::new(Mutex::new(Vec::new()));
    let tasks: Vec<_> = asked
        .iter()
        .map(|(flow, amount, cost)| {
            let (admission, order) = (admission.clone(), Arc::clone(&order));
            let (flow, amount, cost) = (*flow, *amount, *cost);
            tokio::spawn(async move {
                let admitted = admission.admit(Flow(flow), amount, cost).await.unwrap();
                order.lock().unwrap().push((flow, cost));
                drop(admitted);
            })
        })
        .collect();
    while admission.waiting() < asked.len() {
        tokio::task::yield_now().await;
    }
    drop(all);
    for task in tasks {
        task.await.unwrap();
    }
    Arc::into_inner(order).unwrap().into_inner().unwrap()
}

fn flows(order: &[(u64, u64)]) -> Vec<u64> {
    order.iter().map(|(flow, _)| *flow).collect()
}

const BULK: u64 = 1;
const SMALL: u64 = 2;

#[tokio::test]
async fn who_asks_for_little_is_not_behind_who_asks_for_much() {
    let admission = admission(100, 100, LONG);
    let asked = [(BULK, 75, 100), (BULK, 75, 100), (BULK, 75, 100), (SMALL, 75, 10), (SMALL, 75, 10)];
    assert_eq!(flows(&order(&admission, &asked).await), [SMALL, SMALL, BULK, BULK, BULK]);
    assert_eq!((admission.held(), admission.waiting()), (0, 0));
}

#[tokio::test]
async fn equal_flows_take_turns_however_many_requests_each_has_and_all_come_to_theirs() {
    let admission = admission(100, 100, LONG);
    let mut asked = vec![(BULK, 75, 10); 6];
    asked.extend([(SMALL, 75, 10), (SMALL, 75, 10)]);
    let order = flows(&order(&admission, &asked).await);
    assert_eq!(order.len(), 8);
    assert_eq!(order.iter().take(4).filter(|flow| **flow == SMALL).count(), 2, "{order:?}");
}

#[tokio::test]
async fn who_comes_late_waits_for_no_more_than_one_of_those_that_cost_much() {
    let admission = admission(100, 1000, LONG);
    let first = admission.admit(Flow(BULK), 100, 1000).await.unwrap();
    let mut long: Vec<_> = (0..80).map(|_| Box::pin(admission.admit(Flow(BULK), 100, 1000))).collect();
    for waits in &mut long {
        assert!(waits.as_mut().now_or_never().is_none());
    }
    drop(first);
    let second = long[0].as_mut().now_or_never().expect("it is the first").unwrap();
    let mut short = Box::pin(admission.admit(Flow(SMALL), 100, 900));
    assert!(short.as_mut().now_or_never().is_none());
    drop(second);
    assert!(short.as_mut().now_or_never().is_some(), "79 are behind it");
}

#[tokio::test]
async fn of_one_flow_what_costs_little_goes_first_but_not_for_ever() {
    let admission = admission(100, 100, LONG);
    let mut asked = vec![(BULK, 100, 50)];
    asked.extend((0..10).map(|_| (BULK, 100, 20)));
    let costs: Vec<u64> = order(&admission, &asked).await.into_iter().map(|(_, cost)| cost).collect();
    assert_eq!(costs[0], 20);

    let mut held = Some(admission.admit(Flow(BULK), 100, 1).await.unwrap());
    let mut large = Box::pin(admission.admit(Flow(BULK), 90, 90));
    assert!(large.as_mut().now_or_never().is_none());
    let mut overtaken = 0;
    loop {
        let mut small = Box::pin(admission.admit(Flow(BULK), 60, 60));
        assert!(small.as_mut().now_or_never().is_none());
        drop(held.take());
        if let Some(all) = large.as_mut().now_or_never() {
            drop(all);
            break;
        }
        held = Some(small.await.unwrap());
        overtaken += 1;
        assert!(overtaken < 5);
    }
    assert!(overtaken >= 1);
}

#[tokio::test]
async fn slow_flows_leave_something_however_many_they_are() {
    let admission = admission(1000, 1000, LONG);
    let mut held = Vec::new();
    for flow in 1..6 {
        while let Some(admitted) = admission.admit(Flow(flow), 1, 1).now_or_never() {
            held.push(admitted.unwrap());
        }
    }
    assert!((900..1000).contains(&admission.held()), "{}", admission.held());
    let first = held.iter().filter(|admitted| admitted.flow == Flow(1)).count();
    assert_eq!(first, 750, "a flow that is alone has three quarters");
    drop(admission.admit(Flow(7), 1, 1).now_or_never().expect("there is room").unwrap());
    drop(held);
    assert_eq!((admission.held(), admission.waiting()), (0, 0));
}

#[tokio::test]
async fn a_flow_fills_neither_the_queue_nor_the_way_of_those_who_ask_for_little() {
    let admission = admission(100, 4, LONG);
    let _held = admission.admit(Flow(9), 75, 1).await.unwrap();
    let mut waiting: Vec<_> = (0..3).map(|_| Box::pin(admission.admit(Flow(BULK), 75, 10))).collect();
    for waits in &mut waiting {
        assert!(waits.as_mut().now_or_never().is_none());
    }
    let error = admission.admit(Flow(BULK), 75, 10).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Overloaded, "the rest of the queue is for others");
    let admitted = admission.admit(Flow(SMALL), 5, 1).now_or_never();
    drop(admitted.expect("there is room, and little is asked for").unwrap());
}

#[tokio::test]
async fn a_large_request_is_not_passed_by_for_ever() {
    let admission = admission(100, 100, LONG);
    let first = admission.admit(Flow(1), 60, 1).await.unwrap();
    let mut large = Box::pin(admission.admit(Flow(2), 75, 50));
    assert!(large.as_mut().now_or_never().is_none());
    for flow in 10..100 {
        // Each a new one: none has a past.
        drop(admission.admit(Flow(flow), 30, 1).now_or_never());
    }
    drop(first);
    assert!(large.as_mut().now_or_never().is_some(), "it is its turn");

    // As long as all others are served at once.
    let mut first = Some(admission.admit(Flow(1), 60, 1).await.unwrap());
    let mut large = Box::pin(admission.admit(Flow(2), 75, 50));
    assert!(large.as_mut().now_or_never().is_none());
    let mut passed = 0;
    for flow in 100..300 {
        let mut next = Box::pin(admission.admit(Flow(flow), 60, 1));
        let is_at_once = next.as_mut().now_or_never().is_some();
        assert!(!is_at_once);
        drop(first.take());
        if let Some(large) = large.as_mut().now_or_never() {
            drop(large);
            break;
        }
        first = Some(next.await.unwrap());
        passed += 1;
    }
    assert!((10..60).contains(&passed), "{passed}");
}

#[tokio::test]
async fn others_go_past_one_that_waits_for_who_does_not_take_his_but_leave_room_for_it() {
    let admission = admission(100, 100, LONG);
    let stalled = admission.admit(Flow(1), 60, 1).await.unwrap();
    let mut middling = Box::pin(admission.admit(Flow(2), 50, 1));
    assert!(middling.as_mut().now_or_never().is_none());
    let mut held = Vec::new();
    for flow in 3..100 {
        held.extend(admission.admit(Flow(flow), 10, 10).now_or_never());
    }
    assert_eq!(held.len(), 4, "all that is free");
    held.clear();
    let past: Vec<_> = (3..7).filter_map(|flow| admission.admit(Flow(flow), 10, 10).now_or_never()).collect();
    assert_eq!(past.len(), 4, "again and again");
    drop(stalled);
    assert!(middling.as_mut().now_or_never().is_some(), "with those who went past it still there");
    drop((past, middling));
    assert_eq!((admission.held(), admission.shared.lock().passed), (0, 0));
}

#[tokio::test]
async fn who_finds_room_is_not_refused_because_of_those_who_wait_for_something_else() {
    let expected_max = Duration::from_mins(1);
    let admission = Admission::new(Bounds { expected_max, ..Bounds::of(1000) });
    let held = admission.admit(Flow(1), 10, 1).await.unwrap();
    let _elsewhere: Vec<_> = (0..50).map(|_| admission.enter(Flow(1), 10, 1).unwrap()).collect();
    admission.shared.lock().pace = Pace { amount: 10.0, seconds: 1000.0, since: Instant::now() };
    drop(admission.enter(Flow(2), 100, 1).unwrap());
    drop(held);
}

#[tokio::test]
async fn where_turns_are_short_one_flow_may_have_all() {
    let admission = Admission::new(Bounds { leaves_some: false, ..Bounds::of(4) });
    let held: Vec<_> =
        (0..4).map(|_| admission.admit(Flow(1), 1, 1).now_or_never().unwrap().unwrap()).collect();
    assert!(admission.admit(Flow(1), 1, 1).now_or_never().is_none());
    drop(held);
}

#[tokio::test]
async fn what_is_not_needed_is_given_back_and_a_wrong_cost_is_put_right() {
    let admission = admission(100, 100, LONG);
    let mut one = admission.admit(Flow(1), 75, 10).await.unwrap();
    one.keep(5);
    assert_eq!(admission.held(), 5);
    one.costs(10, 1000);
    assert_eq!(admission.shared.lock().queue.served(Flow(1)), 1000);
    drop(one);
    assert_eq!(admission.held(), 0);
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_says_when_to_come_again() {
    let admission = admission(100, 3, LONG);
    let _held = admission.admit(Flow(1), 75, 1).await.unwrap();
    let mut waiting = Vec::new();
    for flow in [2, 2, 3] {
        let mut waits = Box::pin(admission.admit(Flow(flow), 75, 1));
        assert!(waits.as_mut().now_or_never().is_none());
        waiting.push(waits);
    }
    let error = admission.admit(Flow(4), 75, 1).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Overloaded);
    assert!(error.retry_after_seconds.is_some_and(|seconds| (1..=60).contains(&seconds)));
    drop(waiting);
    assert_eq!(admission.waiting(), 0, "who is gone does not wait");
}

#[tokio::test]
async fn too_long_a_queue_is_refused_by_amount_and_by_the_time_that_it_takes() {
    let admission = Admission::new(Bounds {
        queue_amount_max: 200,
        expected_max: Duration::from_mins(1),
        retry_max: Duration::from_mins(10),
        ..Bounds::of(100)
    });
    let held = admission.admit(Flow(1), 1000, 1).await.unwrap();
    let first = admission.enter(Flow(1), 100, 1).unwrap();
    let refused = admission.enter(Flow(1), 51, 1).unwrap_err();
    assert_eq!((refused.kind, refused.retry_after_seconds), (ErrorKind::Overloaded, Some(5)));
    assert!(admission.enter(Flow(2), 51, 1).is_ok(), "what is left is for others");
    drop(first);
    let mut second = Box::pin(admission.admit(Flow(1), 50, 1));
    assert!(second.as_mut().now_or_never().is_none());
    admission.shared.lock().pace = Pace { amount: 10.0, seconds: 16.0, since: Instant::now() };
    // Fifty wait, for eighty seconds.
    let refused = admission.enter(Flow(1), 1, 1).unwrap_err();
    assert_eq!(refused.retry_after_seconds, Some(80));
    assert!(admission.enter(Flow(2), 1, 1).is_ok(), "another flow does not wait for all of these");
    admission.shared.lock().pace.seconds = 1.0;
    assert!(admission.enter(Flow(1), 1, 1).is_ok());
    drop(second);
    admission.shared.lock().pace.seconds = 1000.0;
    assert!(admission.enter(Flow(1), 100, 1).is_ok(), "nothing waits");
    drop(held);
}

#[tokio::test]
async fn those_who_leave_give_back_what_they_had_and_what_they_waited_for() {
    let admission = admission(100, 100, LONG);
    let mut held = admission.admit(Flow(1), 100, 1).await.unwrap();
    let mut waiting = Box::pin(admission.admit(Flow(2), 60, 60));
    assert!(waiting.as_mut().now_or_never().is_none());
    let mut behind = Box::pin(admission.admit(Flow(3), 70, 70));
    assert!(behind.as_mut().now_or_never().is_none());
    held.keep(30);
    // Admitted, and never looked.
    drop(waiting);
    assert_eq!(behind.await.unwrap().amount, 70);
    drop(held);
    let state = admission.shared.lock();
    assert_eq!((state.held, state.queued, state.queue.remembered()), (0, 0, 0));
}

#[tokio::test]
async fn nobody_waits_for_ever() {
    let admission = admission(100, 10, Duration::from_millis(20));
    let held = admission.admit(Flow(1), 75, 1).await.unwrap();
    let error = admission.admit(Flow(2), 75, 1).await.unwrap_err();
    assert!(error.kind == ErrorKind::Overloaded && error.retry_after_seconds.is_some());
    drop(held);
    drop(admission.admit(Flow(2), 75, 1).await.unwrap());
}

#[tokio::test]
async fn many_flows_are_forgotten() {
    let admission = admission(1000, 10, LONG);
    let _held = admission.admit(Flow(1), 1, 1).await.unwrap();
    for flow in 0..3 * REMEMBERED_MAX as u64 {
        drop(admission.admit(Flow(10 + flow), 1, 1_000_000).await.unwrap());
    }
    assert!(admission.shared.lock().queue.remembered() <= REMEMBERED_MAX + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_is_held_than_there_is_under_load() {
    let admission = admission(100, 10_000, LONG);
    let most = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..500_u64)
        .map(|number| {
            let (admission, most) = (admission.clone(), Arc::clone(&most));
            tokio::spawn(async move {
                let admitting = admission.admit(Flow(number % 7), 1 + number % 40, number % 13);
                // Some do not wait for long.
                let patience = if number % 3 == 0 { Duration::from_micros(number) } else { LONG };
                let Ok(admitted) = tokio::time::timeout(patience, admitting).await else { return };
                let mut admitted = admitted.unwrap();
                admitted.keep(number % 20);
                most.fetch_max(admission.held() as usize, Ordering::Relaxed);
                tokio::task::yield_now().await;
                drop(admitted);
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert!(most.load(Ordering::Relaxed) <= 100);
    let state = admission.shared.lock();
    assert_eq!((state.held, state.queued), (0, 0));
    assert_eq!((state.queue.waiting(), state.queue.remembered()), (0, 0));
}
