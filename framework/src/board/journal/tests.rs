use super::*;

fn empty() -> &'static Journal {
    let memory = crate::sys::shared::create::<crate::board::Board>(c"journal").unwrap();
    let board = crate::sys::shared::map::<crate::board::Board>(&memory).unwrap();
    board.journal()
}

fn of(number: u64) -> Happening {
    let place = match number % 5 {
        0 => Place::Admin,
        1 => Place::Dispatcher,
        slot => Place::Slot(SlotId(u16::try_from(slot).unwrap())),
    };
    let generation = Generation(u32::try_from(number).unwrap());
    let who = Some((ChildId { place, generation }, u32::try_from(number).unwrap()));
    Happening { at_ms: number, what: What::Exited(number), who }
}

#[test]
fn the_last_entries_are_read_in_order() {
    let journal = empty();
    assert_eq!(journal.read(), []);
    (1..=3).for_each(|number| journal.write(&of(number)));
    assert_eq!(journal.read(), (1..=3).map(of).collect::<Vec<_>>());
    (4..=200).for_each(|number| journal.write(&of(number)));
    let first = 201 - JOURNAL_ENTRIES as u64;
    assert_eq!(journal.read(), (first..=200).map(of).collect::<Vec<_>>());
}

#[test]
fn what_is_written_down_is_read_back() {
    let journal = empty();
    let all = [
        What::Started,
        What::Ready,
        What::Ended(None),
        What::Ended(Some(Cause::Done)),
        What::Exited(78),
        What::Signalled(9),
        What::Hung,
        What::NotForked,
        What::Paused(150),
        What::Wishes(Cause::Memory),
        What::ReloadBegan,
        What::ReloadDone,
        What::ReloadFailed,
        What::UpgradeBegan,
        What::UpgradeDone,
        What::UpgradeFailed,
        What::Scaled(4),
        What::Closing(1000),
        What::Stopping,
    ];
    for what in all {
        journal.write(&Happening { at_ms: 1, what, who: None });
    }
    let read: Vec<What> = journal.read().iter().map(|happening| happening.what).collect();
    assert_eq!(read, all);
}

#[test]
fn a_reader_that_is_overtaken_never_sees_a_mixture() {
    let journal = empty();
    std::thread::scope(|threads| {
        threads.spawn(|| (1..=50_000).for_each(|number| journal.write(&of(number))));
        loop {
            let read = journal.read();
            for happening in &read {
                assert_eq!(*happening, of(happening.at_ms));
            }
            if read.last() == Some(&of(50_000)) {
                break;
            }
        }
    });
}
