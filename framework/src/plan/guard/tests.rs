use super::*;

fn refused(user: &str, group: Option<&str>) -> String {
    let error = identity(user, group).unwrap_err();
    assert!(error.is_config(), "{error}");
    error.to_string()
}

#[test]
fn a_user_is_found_by_its_name_and_by_its_number_with_all_its_groups() {
    let root = identity("root", None).unwrap();
    assert_eq!((root.uid.as_raw(), root.gid.as_raw()), (0, 0));
    assert!(root.groups.contains(&root.gid));
    let numbered = identity("0", Some("0")).unwrap();
    assert_eq!((numbered.uid, numbered.gid), (root.uid, root.gid));
}

#[test]
fn a_number_that_nobody_has_needs_a_group_and_gets_no_other() {
    assert!(refused("3123456789", None).contains("say the group, too"));
    let stranger = identity("3123456789", Some("3123456788")).unwrap();
    assert_eq!(stranger.groups, [Gid::from_raw(3_123_456_788)]);
}

/// To setresuid(2) it would mean that nothing is to change.
#[test]
fn the_number_that_means_no_change_is_nobody() {
    let all = u32::MAX.to_string();
    refused(&all, Some("0"));
    refused("root", Some(&all));
}

#[test]
fn who_is_not_there_is_named() {
    for user in ["no such user", "", "-1", "root\0"] {
        assert!(refused(user, None).contains("getent passwd"), "{user:?}");
    }
    assert!(refused("root", Some("no such group")).contains("getent group"));
}

#[test]
fn what_does_not_go_together_is_refused() {
    let with = |change: fn(&mut Wishes)| {
        let mut wishes = Wishes::default();
        change(&mut wishes);
        wishes.guard()
    };
    assert!(with(|_| {}).is_ok());
    let wrong: [fn(&mut Wishes); 4] = [
        |wishes| wishes.group = Some("root".into()),
        |wishes| wishes.limits = vec![(Resource::OpenFiles, 0)],
        |wishes| {
            wishes.user = Some("root".into());
            wishes.capabilities = true;
        },
        |wishes| wishes.limits = vec![(Resource::Processes, 0)],
    ];
    for change in wrong {
        assert!(with(change).is_err_and(|error| error.is_config()));
    }
}
