//! The master's judgement of programs of others, step by step.

use std::time::{Duration, Instant};

use evenkeel::internals::{
    Action, ChildId, Event, Exit, Generation, Layout, Place, Rules, SlotId, Supervisor, Verdict,
};

const PROOF: Duration = Duration::from_secs(1);
const SIGKILL: Exit = Exit::Signal(9);

struct Master {
    supervisor: Supervisor,
    now: Instant,
}

impl Master {
    /// Two workers that serve, and are no longer young.
    fn of_two() -> Self {
        let supervisor = Supervisor::new(Rules {
            workers: 2,
            workers_max: 2,
            layout: Layout::Group,
            admin: false,
            grace: Duration::from_secs(30),
            ready_timeout: Duration::from_secs(5),
            min_uptime: PROOF,
            proof: PROOF,
            pre_stop_delay: Duration::ZERO,
            give_up: None,
        });
        let mut master = Self { supervisor, now: Instant::now() };
        master.on(Event::Boot);
        for slot in 0..2 {
            master.on(Event::Ready(worker(slot, 1)));
        }
        master.now += 2 * PROOF;
        master
    }

    fn on(&mut self, event: Event) -> Vec<Action> {
        self.supervisor.on(event, self.now)
    }

    /// As much time passes as a proof takes.
    fn prove(&mut self) -> Vec<Action> {
        self.now += PROOF;
        self.on(Event::Tick)
    }

    /// A reload whose first successor is being proven.
    fn reload(&mut self) {
        assert!(self.on(Event::Reload).contains(&Action::Fork(worker(0, 2))));
        self.on(Event::Ready(worker(0, 2)));
    }

    /// The first slot has a successor that is believed; that of the second one is being proven.
    fn reload_to_the_second(&mut self) {
        self.reload();
        assert!(self.prove().contains(&Action::Fork(worker(1, 2))));
        self.on(Event::Exited(worker(0, 1), Exit::Code(0)));
        self.on(Event::Ready(worker(1, 2)));
    }
}

fn worker(slot: u16, generation: u32) -> ChildId {
    ChildId { place: Place::Slot(SlotId(slot)), generation: Generation(generation) }
}

fn drained(actions: &[Action]) -> Vec<ChildId> {
    let child = |action: &Action| match action {
        Action::Drain { child, .. } => Some(*child),
        _ => None,
    };
    actions.iter().filter_map(child).collect()
}

fn forks(actions: &[Action]) -> bool {
    actions.iter().any(|action| matches!(action, Action::Fork(_)))
}

#[test]
fn a_successor_is_proven_to_the_end_when_its_predecessor_dies() {
    let mut master = Master::of_two();
    master.reload();
    let actions = master.on(Event::Exited(worker(0, 1), SIGKILL));
    assert!(!forks(&actions), "it goes on to the next slot: {actions:?}");
    assert_eq!(master.supervisor.ready_slots().len(), 2, "it is all that the slot has");
    assert!(master.prove().contains(&Action::Fork(worker(1, 2))));
}

#[test]
fn a_successor_that_is_left_alone_before_it_begins_is_proven() {
    let mut master = Master::of_two();
    master.on(Event::Reload);
    master.on(Event::Exited(worker(0, 1), SIGKILL));
    assert!(!forks(&master.on(Event::Ready(worker(0, 2)))));
    assert!(master.prove().contains(&Action::Fork(worker(1, 2))));
}

#[test]
fn a_successor_that_dies_unproven_and_alone_ends_the_rollout() {
    let mut master = Master::of_two();
    master.reload();
    master.on(Event::Exited(worker(0, 1), SIGKILL));
    let exit = Exit::Code(1);
    let actions = master.on(Event::Exited(worker(0, 2), exit));
    let failed = Verdict::Failed { child: worker(0, 2), exit: Some(exit), late: false };
    let ended = actions
        .iter()
        .any(|action| matches!(action, Action::RolloutEnded(_, verdict) if *verdict == failed));
    let waits = actions
        .iter()
        .any(|action| matches!(action, Action::BackOff(child, ..) if *child == worker(0, 2)));
    assert!(ended && waits && !forks(&actions), "{actions:?}");
    assert!(master.prove().contains(&Action::Fork(worker(0, 3))));
    assert!(!master.supervisor.rolling());
}

#[test]
fn a_slot_that_is_wanted_again_while_its_successor_leaves_has_its_worker() {
    let mut master = Master::of_two();
    master.reload_to_the_second();
    let actions = master.on(Event::ScaleDown);
    assert_eq!(drained(&actions), [worker(1, 2)], "the one that serves stays meanwhile");
    assert_eq!(drained(&master.on(Event::ScaleUp)), []);
    assert_eq!(master.supervisor.ready_slots().len(), 2);
    // It is still to be replaced.
    let actions = master.on(Event::Exited(worker(1, 2), Exit::Code(0)));
    assert!(actions.contains(&Action::Fork(worker(1, 3))), "{actions:?}");
}

#[test]
fn a_slot_that_is_wanted_again_while_its_predecessor_leaves_has_its_worker() {
    let mut master = Master::of_two();
    master.reload_to_the_second();
    assert_eq!(drained(&master.prove()), [worker(1, 1)]);
    assert_eq!(drained(&master.on(Event::ScaleDown)), []);
    assert_eq!(drained(&master.on(Event::ScaleUp)), []);
    assert_eq!(master.supervisor.ready_slots().len(), 2);
}

#[test]
fn a_slot_that_is_not_wanted_again_drains_one_after_the_other() {
    let mut master = Master::of_two();
    master.reload_to_the_second();
    master.on(Event::ScaleDown);
    let actions = master.on(Event::Exited(worker(1, 2), Exit::Code(0)));
    assert_eq!(drained(&actions), [worker(1, 1)]);
    // From now on there is a seat for a new one at once.
    assert!(master.on(Event::ScaleUp).contains(&Action::Fork(worker(1, 3))));
}

/// A reload that comes when another one has just failed.
#[test]
fn a_successor_that_was_told_to_go_has_not_died_young() {
    let mut master = Master::of_two();
    master.reload();
    master.on(Event::Exited(worker(1, 1), SIGKILL));
    let given_up = master.on(Event::Exited(worker(1, 2), Exit::Code(1)));
    let ended = |action: &Action| matches!(action, Action::RolloutEnded(..));
    assert!(given_up.iter().any(ended), "{given_up:?}");
    let drains =
        |action: &Action| matches!(action, Action::Drain { child, .. } if *child == worker(0, 2));
    assert!(given_up.iter().any(drains), "{given_up:?}");
    master.on(Event::Reload);
    let next = master.on(Event::Exited(worker(0, 2), Exit::Code(0)));
    assert!(!next.iter().any(|action| matches!(action, Action::BackOff(..))), "{next:?}");
    assert!(next.contains(&Action::Fork(worker(0, 3))), "{next:?}");
}
