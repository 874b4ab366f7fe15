use super::*;
use crate::limits::SLOTS_MAX;

#[test]
fn each_name_is_read_back_and_a_wrong_one_lists_the_right_ones() {
    for policy in Policy::ALL {
        assert_eq!(policy.to_string().parse::<Policy>().unwrap(), *policy);
    }
    let error = "fair".parse::<Policy>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "\"fair\" is no policy: choose one of none, rr, kernel-rr, least-busy, cpu, auto"
    );
}

/// The first choice.
fn intake(
    policy: Policy,
    listener: Option<Listener>,
    wake: Option<AcceptWake>,
) -> Result<Intake, Error> {
    intake::choose(policy, listener, wake).map(|(intake, _)| intake)
}

#[test]
fn a_listener_follows_the_policy_unless_it_is_said() {
    let hash = Intake::Group(Balance::Hash);
    assert_eq!(intake(Policy::None, None, None).unwrap(), hash);
    assert_eq!(intake(Policy::RoundRobin, None, None).unwrap(), Intake::Dispatcher);
    let shared = intake(Policy::None, Some(Listener::Inherited), None).unwrap();
    assert_eq!(shared, Intake::Shared(AcceptWake::Rotating));
    assert!(intake(Policy::RoundRobin, Some(Listener::Reuseport), None).is_err());
    assert!(intake(Policy::None, None, Some(AcceptWake::Herd)).is_err());
    assert!(intake(Policy::RoundRobin, None, Some(AcceptWake::Herd)).is_err());
}

#[test]
fn each_policy_names_the_listeners_that_it_takes_and_no_others() {
    for policy in Policy::ALL {
        for listener in Listener::ALL {
            let taken = intake(*policy, Some(*listener), None).is_ok();
            assert_eq!(taken, policy.listeners().contains(listener), "{policy} {listener}");
        }
        if *policy != Policy::Auto {
            let default = Some(policy.listeners()[0]);
            assert_eq!(
                intake(*policy, None, None).unwrap(),
                intake(*policy, default, None).unwrap()
            );
        }
    }
}

#[test]
fn auto_does_with_another_intake_if_it_must_and_the_others_do_not() {
    let otherwise = |policy, listener| intake::choose(policy, listener, None).unwrap().1;
    let shared = Intake::Shared(AcceptWake::Rotating);
    assert_eq!(otherwise(Policy::Auto, None), Some(shared));
    let hash = Intake::Group(Balance::Hash);
    assert_eq!(otherwise(Policy::Auto, Some(Listener::Reuseport)), Some(hash));
    assert_eq!(intake(Policy::Auto, Some(Listener::Inherited), None).unwrap(), shared);
    assert_eq!(otherwise(Policy::Auto, Some(Listener::Inherited)), Some(shared));
    for policy in Policy::ALL.iter().filter(|policy| **policy != Policy::Auto) {
        assert_eq!(otherwise(*policy, None), None, "{policy}");
    }
}

#[test]
fn numbers_of_workers_that_cannot_run_are_refused() {
    assert!(count(Workers::Exact(0)).is_err());
    assert!(count(Workers::Exact(SLOTS_MAX + 1)).is_err());
    assert_eq!(count(Workers::Exact(SLOTS_MAX)).unwrap().get(), SLOTS_MAX);
    assert!(count(Workers::Max).unwrap().get() >= 1);
}
