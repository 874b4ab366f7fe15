//! What is said is understood.

use super::*;

#[test]
fn what_is_said_on_one_side_is_understood_on_the_other() {
    let (master, child) = Channel::pair().unwrap();
    child.report(&Report::Failed { text: "no database".into() }).unwrap();
    child
        .report(&Report::Ready { lodged: Some(child.as_fd().try_clone_to_owned().unwrap()) })
        .unwrap();
    assert!(
        matches!(master.next_report(), Next::Message(Report::Failed { text }) if text == "no database")
    );
    assert!(matches!(master.next_report(), Next::Message(Report::Ready { lodged: Some(_) })));
    assert!(matches!(master.next_report(), Next::Nothing));

    let grace = Duration::from_millis(1500);
    master.order(&Order::Drain { grace, queue: Queue::Leave }).unwrap();
    assert!(matches!(child.next_order(),
        Next::Message(Order::Drain { grace: said, queue: Queue::Leave }) if said == grace));
    master.order(&Order::Reopen { number: 7 }).unwrap();
    assert!(matches!(child.next_order(), Next::Message(Order::Reopen { number: 7 })));
    for said in [None, Some("no folder".to_owned())] {
        child.report(&Report::Reopened { number: 7, failure: said.clone() }).unwrap();
        assert!(matches!(master.next_report(),
            Next::Message(Report::Reopened { number: 7, failure }) if failure == said));
    }
    drop(master);
    assert!(matches!(child.next_order(), Next::End));
}

#[test]
fn a_long_text_is_cut_and_an_unknown_message_passed_over() {
    let (master, child) = Channel::pair().unwrap();
    descriptors::send(&child, &[200, 1, 2], None).unwrap();
    child.report(&Report::Failed { text: "x".repeat(100_000) }).unwrap();
    assert!(matches!(master.next_report(), Next::Unknown));
    assert!(matches!(master.next_report(),
        Next::Message(Report::Failed { text }) if text.len() == TEXT_BYTES_MAX - 1));
}
