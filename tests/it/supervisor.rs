//! The master's judgement against a machine where everything goes wrong.

use crate::sim::world::{GRACE, Mood, World};

/// Steps of all simulations together; a simulation that reproduces a failure runs alone.
const STEPS: u64 = 1_000_000;
const FIRST_SEED: u64 = 20_260_101;

/// Says which seed to repeat: `EVENKEEL_SEED=N cargo test -p tests simulated`.
struct SaySeed(u64);

impl Drop for SaySeed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("repeat this with EVENKEEL_SEED={}", self.0);
        }
    }
}

#[test]
fn a_million_simulated_steps_break_no_invariant() {
    if let Ok(seed) = std::env::var("EVENKEEL_SEED") {
        simulate(seed.parse().expect("EVENKEEL_SEED is a number"));
        return;
    }
    let mut steps = 0;
    for seed in FIRST_SEED.. {
        steps += simulate(seed);
        if steps >= STEPS {
            break;
        }
    }
    println!("{steps} steps");
}

/// Storm, calm, storm, and a stop in the storm: the number of steps.
fn simulate(seed: u64) -> u64 {
    let say_seed = SaySeed(seed);
    let mut world = World::new(seed);
    for _ in 0..4 {
        (0..500).for_each(|_| world.step(Mood::Stormy));
        if world.finished().is_some() {
            break;
        }
        settle(&mut world);
    }
    (0..100).for_each(|_| world.step(Mood::Stormy));
    world.stop();
    // Nobody obeys: still the stop ends.
    let most = (GRACE.as_millis() + 20_000) / 100;
    let ended = (0..most).any(|_| {
        world.step(Mood::Stormy);
        world.finished().is_some()
    });
    assert!(ended, "the stop does not end");
    let steps = world.steps;
    drop(say_seed);
    steps
}

/// A calm that is longer than the longest backoff, drain and start.
fn settle(world: &mut World) {
    for _ in 0..900 {
        world.step(Mood::Calm);
        if world.finished().is_some() {
            return;
        }
    }
    if !world.stopping() {
        world.assert_at_rest();
    }
}
