use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn slices(value: &str, length: u64) -> Result<Vec<(u64, u64)>, Wanted> {
    match wanted(value.as_bytes(), length) {
        Wanted::Slices(slices) => {
            Ok(slices.iter().map(|slice| (slice.first, slice.length)).collect())
        }
        other => Err(other),
    }
}

#[test]
fn ranges_are_cut_to_what_is_there() {
    for (value, length, expected) in [
        ("bytes=0-0", 10, vec![(0, 1)]),
        ("bytes=2-4", 10, vec![(2, 3)]),
        ("bytes=2-", 10, vec![(2, 8)]),
        ("bytes=0-", 1, vec![(0, 1)]),
        ("bytes=9-99", 10, vec![(9, 1)]),
        ("bytes=-1", 10, vec![(9, 1)]),
        ("bytes=-10", 10, vec![(0, 10)]),
        ("bytes=-99", 10, vec![(0, 10)]),
        ("BYTES=1-1", 10, vec![(1, 1)]),
        ("bytes=01-002", 10, vec![(1, 2)]),
        ("bytes= 1-1 ,\t", 10, vec![(1, 1)]),
        ("bytes=,,1-1", 10, vec![(1, 1)]),
        ("bytes=0-99999999999999999999999", 10, vec![(0, 10)]),
        ("bytes=-99999999999999999999999", 10, vec![(0, 10)]),
        ("bytes=18446744073709551614-", u64::MAX, vec![(u64::MAX - 1, 1)]),
        ("bytes=0-18446744073709551615", u64::MAX, vec![(0, u64::MAX)]),
        ("bytes=10-,2-3", 10, vec![(2, 2)]),
    ] {
        assert_eq!(slices(value, length), Ok(expected), "{value}");
    }
}

#[test]
fn what_lies_behind_the_end_is_not_satisfiable() {
    for (value, length) in [
        ("bytes=10-", 10),
        ("bytes=10-20, 11-12", 10),
        ("bytes=-0", 10),
        ("bytes=0-0", 0),
        ("bytes=0-", 0),
        ("bytes=18446744073709551615-", u64::MAX),
        ("bytes=99999999999999999999999-", u64::MAX),
        ("bytes=18446744073709551616-18446744073709551617", u64::MAX),
    ] {
        assert_eq!(slices(value, length), Err(Wanted::Nothing), "{value}");
    }
    assert_eq!(slices("bytes=-5", 0), Err(Wanted::Whole));
    assert_eq!(slices("bytes=0-, -5", 0), Err(Wanted::Whole));
}

#[test]
fn what_is_malformed_or_in_other_units_is_ignored() {
    for value in [
        "",
        "bytes",
        "bytes=",
        "bytes=,",
        "bytes=-",
        "bytes=--1",
        "bytes=1",
        "bytes=2-1",
        "bytes=a-b",
        "bytes=1-2-3",
        "bytes=+1-2",
        "bytes=1 -2",
        "bytes=1- 2",
        "bytes=0x1-2",
        "bytes=1-2;3-4",
        "bytes =1-2",
        " bytes=1-2",
        "bytes:1-2",
        "bytes==1-2",
        "=1-2",
        "items=1-2",
        "none",
        "bytes=*",
        "bytes=1-2, x",
        "bytes=5-6, 2-1",
        "bytes=1.0-2",
    ] {
        assert_eq!(slices(value, 10), Err(Wanted::Whole), "{value}");
    }
}

#[test]
fn ranges_that_meet_become_one_and_others_keep_their_order() {
    for (value, expected) in [
        ("bytes=0-1,2-3", vec![(0, 4)]),
        ("bytes=2-3,0-1", vec![(0, 4)]),
        ("bytes=0-1,3-4", vec![(0, 2), (3, 2)]),
        ("bytes=3-4,0-1", vec![(3, 2), (0, 2)]),
        ("bytes=0-5,2-3", vec![(0, 6)]),
        ("bytes=0-,-5", vec![(0, 100)]),
        ("bytes=0-1,50-51,2-49", vec![(0, 52)]),
        ("bytes=50-51,90-,0-1,2-49", vec![(0, 52), (90, 10)]),
        ("bytes=90-,50-51,0-1,2-49", vec![(90, 10), (0, 52)]),
        ("bytes=70-71,10-11,30-31,12-29", vec![(70, 2), (10, 22)]),
    ] {
        assert_eq!(slices(value, 100), Ok(expected), "{value}");
    }
}

#[test]
fn more_ranges_than_the_limit_are_ignored() {
    let many = |count: usize| {
        let specs: Vec<String> = (0..count).map(|at| format!("{0}-{0}", at * 2)).collect();
        format!("bytes={}", specs.join(","))
    };
    assert_eq!(slices(&many(RANGES_MAX), 1000).map(|slices| slices.len()), Ok(RANGES_MAX));
    assert_eq!(slices(&many(RANGES_MAX + 1), 1000), Err(Wanted::Whole));
    let apache_s_attack = format!("bytes=0-{}", ",5-0".repeat(1300));
    assert_eq!(slices(&apache_s_attack, 1000), Err(Wanted::Whole));
    let overlapping = format!("bytes=0-{}", ",0-".repeat(5000));
    assert_eq!(slices(&overlapping, 1000), Err(Wanted::Whole));
}

/// The octets that a range of the set asks for.
fn octets((first, last): (Option<u64>, Option<u64>), length: u64) -> Vec<u64> {
    match (first, last) {
        (Some(first), last) => {
            (0..length).filter(|at| *at >= first && last.is_none_or(|last| *at <= last)).collect()
        }
        (None, last) => (0..length).filter(|at| at + last.unwrap_or(0) >= length).collect(),
    }
}

proptest! {
    #[test]
    fn the_slices_are_the_octets_that_were_asked_for_once_each(
        set in vec((0u64..24, proptest::option::of(0u64..10), any::<bool>()), 1..=RANGES_MAX),
        length in 0u64..24,
    ) {
        let set: Vec<(Option<u64>, Option<u64>)> = set
            .into_iter()
            .map(|(first, more, suffix)| match (suffix, more) {
                (true, _) => (None, Some(first)),
                (false, more) => (Some(first), more.map(|more| first + more)),
            })
            .collect();
        let text = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
        let specs: Vec<String> =
            set.iter().map(|(first, last)| format!("{}-{}", text(*first), text(*last))).collect();
        let asked: Vec<Vec<u64>> = set.iter().map(|spec| octets(*spec, length)).collect();
        let mut expected: Vec<u64> = asked.concat();
        expected.sort_unstable();
        expected.dedup();

        let value = format!("bytes={}", specs.join(", "));
        match slices(&value, length) {
            Ok(slices) => {
                let members = |(first, length): (u64, u64)| (first..first + length).collect::<Vec<_>>();
                let mut given: Vec<u64> = slices.iter().flat_map(|slice| members(*slice)).collect();
                // In the order of the first range that each slice serves.
                let serves = |slice: &(u64, u64)| {
                    asked.iter().position(|octets| octets.iter().any(|at| members(*slice).contains(at)))
                };
                let order: Vec<_> = slices.iter().map(serves).collect();
                prop_assert!(order.is_sorted() && order.iter().all(Option::is_some), "{:?}", slices);
                for (at, one) in slices.iter().enumerate() {
                    for other in &slices[at + 1..] {
                        let apart = one.0 + one.1 < other.0 || other.0 + other.1 < one.0;
                        prop_assert!(apart, "{:?} meets {:?}", one, other);
                    }
                }
                given.sort_unstable();
                prop_assert_eq!(given, expected);
            }
            Err(Wanted::Nothing) => prop_assert!(expected.is_empty()),
            Err(_) => prop_assert!(length == 0 && set.iter().any(|(first, _)| first.is_none())),
        }
    }

    #[test]
    fn numbers_at_the_end_of_what_fits_do_no_harm(
        set in vec((any::<bool>(), 0u64..4, 0u64..4, 0usize..3), 1..4),
        length in (u64::MAX - 4)..=u64::MAX,
    ) {
        let specs: Vec<String> = set
            .iter()
            .map(|(low, first, last, form)| {
                let base = if *low { 0 } else { u64::MAX - 4 };
                match form {
                    0 => format!("{}-{}", base + first, base + last),
                    1 => format!("{}-", base + first),
                    _ => format!("-{}", base + last),
                }
            })
            .collect();
        if let Ok(slices) = slices(&format!("bytes={}", specs.join(",")), length) {
            for (first, count) in slices {
                prop_assert!(count > 0 && first.checked_add(count).is_some_and(|end| end <= length));
            }
        }
    }

    #[test]
    fn any_text_is_read_as_something(
        value in vec(proptest::sample::select(b"0129-,= \tx".to_vec()), 0..40),
        length: u64,
    ) {
        let value = [b"bytes=", value.as_slice()].concat();
        if let Wanted::Slices(slices) = wanted(&value, length) {
            for slice in slices {
                prop_assert!(slice.length > 0 && slice.first + (slice.length - 1) < length);
            }
        }
    }
}
