//! The server's parser against two others: hyper, and the plain reader in `tests/second_reader`.

mod hyper;

use evenkeel::internals::{Heard, converse};
use evenkeel::{Limits, Version};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};

use crate::near_valid::pipelines;
use crate::second_reader::agree;

/// `EVENKEEL_CASES=1000000` looks longer.
fn cases() -> Config {
    let cases = std::env::var("EVENKEEL_CASES").ok().and_then(|cases| cases.parse().ok());
    Config::with_cases(cases.unwrap_or(4000))
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn the_second_reader_accepts_the_same_and_sees_the_same_boundaries(
        input in pipelines(),
    ) {
        agree(&input, Limits::default()).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn the_second_reader_agrees_under_narrow_limits(
        input in pipelines(),
        head_bytes in 16usize..300,
        body_bytes in 0u64..20,
        output_bytes in 1usize..500,
    ) {
        let mut limits = Limits::default();
        limits.head_bytes_max = head_bytes;
        limits.body_bytes_max = body_bytes;
        limits.output_high_water_bytes = output_bytes;
        agree(&input, limits).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn hyper_accepts_what_is_accepted_and_reads_it_alike(input in pipelines()) {
        let ours = converse(&[&input]).requests;
        if !ours.is_empty() {
            let theirs = hyper::requests(&input);
            let normal: Vec<Heard> = ours.iter().map(as_hyper_has_it).collect();
            prop_assert_eq!(&theirs[..theirs.len().min(ours.len())], &normal[..]);
        }
    }
}

/// Names in small letters, and the values of each name together; of the ways to write an absolute target
/// one.
fn as_hyper_has_it(heard: &Heard) -> Heard {
    let mut headers: Vec<(String, Vec<u8>)> = heard.headers.clone();
    for (name, _) in &mut headers {
        name.make_ascii_lowercase();
    }
    headers.sort_by(|one, other| one.0.cmp(&other.0));
    let target = hyper::normal(&heard.target).unwrap_or(heard.target.clone());
    Heard { headers, target, ..heard.clone() }
}

#[test]
fn the_generator_reaches_both_sides() {
    const CASES: usize = 2000;
    let mut runner = TestRunner::deterministic();
    let (mut accepted, mut refused, mut bodies, mut old, mut many) = (0, 0, 0, 0, 0);
    for _ in 0..CASES {
        let input = pipelines().new_tree(&mut runner).unwrap().current();
        let said = converse(&[&input]);
        let has = |is: fn(&Heard) -> bool| usize::from(said.requests.iter().any(is));
        accepted += has(|_| true);
        bodies += has(|heard| !heard.body.is_empty());
        old += has(|heard| heard.version == Version::Http10);
        many += usize::from(said.requests.len() > 1);
        refused += usize::from(said.refusal.is_some());
    }
    let counts = [accepted, refused, bodies, old, many];
    let shares = counts.map(|count| count * 100 / CASES);
    println!("accepted, refused, with bodies, of HTTP/1.0, several, in percent: {shares:?}");
    assert!(shares.iter().zip([30, 30, 15, 3, 10]).all(|(share, least)| *share >= least));
}
