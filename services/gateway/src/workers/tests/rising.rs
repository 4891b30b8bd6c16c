//! Workers that begin to answer while they are asked.

use super::*;
use crate::workers::load::Kind;

/// The first member asked is lost. The other one could not be reached when it was asked, and is found to answer just before
/// that is told.
#[tokio::test]
async fn one_that_begins_to_answer_after_it_was_asked_is_asked_again() {
    let workers = [start(Script::Serve(1 << 16)).await, start(Script::Serve(1 << 16)).await];
    let worker = connect(&[&workers[0].url, &workers[1].url]);
    let members = worker.pools.of(&dataset()).unwrap().now();
    let is_up = async |at: usize| {
        let up = async {
            while !members.all()[at].health.is_up() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), up).await.unwrap();
    };
    is_up(0).await;
    is_up(1).await;
    let calls = AtomicUsize::new(0);
    let (calls, is_up) = (&calls, &is_up);
    let answer = members.ask(Kind::Evaluation, "k", |member| async move {
        match calls.fetch_add(1, Ordering::SeqCst) {
            0 => member.health.failed(),
            1 => {
                member.health.failed();
                is_up(0).await;
                is_up(1).await;
            }
            _ => return Ok(member.url().to_owned()),
        }
        Err(unavailable("lost"))
    });
    let url = answer.await.unwrap();
    assert!(workers.iter().any(|running| running.url == url));
    assert_eq!(calls.load(Ordering::SeqCst), 3);
}

/// One that is found to answer and then does not, over and over, is not asked for ever.
#[tokio::test]
async fn one_that_rises_and_falls_is_given_up() {
    let running = start(Script::FailLater(tonic::Code::Unavailable)).await;
    let worker = connect(&[&running.url]);
    let error = read(&worker, "/a", 0, SMALL).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(running.worker.reads.load(Ordering::SeqCst) <= 3);
}

/// Of six, five are lost at once: the sixth is asked, whatever the order.
#[tokio::test]
async fn the_one_that_is_left_of_many_is_asked() {
    let running = futures::future::join_all((0..6).map(|_| start(Script::Serve(1 << 16)))).await;
    let urls: Vec<_> = running.iter().map(|running| running.url.as_str()).collect();
    let worker = connect(&urls);
    let members = worker.pools.of(&dataset()).unwrap().now();
    for left in &urls {
        let answer = members.ask(Kind::Evaluation, "k", |member| async move {
            if member.url() == *left {
                return Ok(());
            }
            member.health.failed();
            Err(unavailable("lost"))
        });
        answer.await.unwrap();
    }
}
