use super::*;

#[test]
fn each_name_is_read_back_and_a_wrong_one_lists_the_right_ones() {
    for policy in Policy::ALL {
        assert_eq!(policy.to_string().parse::<Policy>().unwrap(), *policy);
    }
    let error = "fair".parse::<Policy>().unwrap_err();
    assert_eq!(error.to_string(), "\"fair\" is no policy: choose one of none, rr");
}

#[test]
fn a_listener_follows_the_policy_unless_it_is_said() {
    assert_eq!(intake(Policy::None, None, None).unwrap(), Intake::Group);
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
        let default = policy.listeners()[0];
        assert_eq!(
            intake(*policy, None, None).unwrap(),
            intake(*policy, Some(default), None).unwrap()
        );
        for listener in Listener::ALL {
            let taken = intake(*policy, Some(*listener), None).is_ok();
            assert_eq!(taken, policy.listeners().contains(listener), "{policy} {listener}");
        }
    }
}

#[test]
fn numbers_of_workers_that_cannot_run_are_refused() {
    assert!(count(Workers::Exact(0)).is_err());
    assert!(count(Workers::Exact(SLOTS_MAX + 1)).is_err());
    assert_eq!(count(Workers::Exact(SLOTS_MAX)).unwrap().get(), SLOTS_MAX);
    assert!(count(Workers::Max).unwrap().get() >= 1);
}
