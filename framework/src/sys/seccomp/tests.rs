use std::thread;

use nix::errno::Errno;
use seccompiler::apply_filter;

use super::*;

/// What this thread gets for a system call whose arguments are all wrong.
fn call(number: libc::c_long) -> Errno {
    // SAFETY: no pointer, size or descriptor of these is valid, so that nothing can be read or written.
    let result = unsafe { libc::syscall(number, -1_i64, -1_i64, -1_i64, -1_i64, -1_i64, -1_i64) };
    if result == -1 { Errno::last() } else { Errno::UnknownErrno }
}

/// Runs it in a thread of its own, which alone is filtered.
fn filtered<T: Send + 'static>(further: &'static [libc::c_long], act: fn() -> T) -> T {
    let filtered = move || {
        for program in programs(further).unwrap() {
            apply_filter(&program).unwrap();
        }
        act()
    };
    thread::spawn(filtered).join().unwrap()
}

#[test]
fn each_call_of_the_list_is_refused() {
    let wrong = filtered(&[], || {
        let all = denied::ALWAYS.iter().chain(denied::OF_THIS_ARCHITECTURE);
        all.filter(|number| call(**number) != Errno::EPERM).copied().collect::<Vec<_>>()
    });
    assert!(wrong.is_empty(), "allowed: {wrong:?}");
}

#[test]
fn what_serves_is_allowed() {
    let answers = filtered(&[], || {
        thread::spawn(|| ()).join().unwrap();
        (std::process::Command::new("true").status().is_ok(), call(libc::SYS_accept4))
    });
    assert_eq!(answers, (true, Errno::EBADF));
}

#[test]
fn other_programs_are_refused_if_wanted() {
    let ran = filtered(EXEC, || std::process::Command::new("true").status());
    assert_eq!(ran.unwrap_err().raw_os_error(), Some(libc::EPERM));
}

#[test]
fn a_child_in_other_namespaces_is_refused_by_each_of_its_flags() {
    let answers = filtered(&[], || {
        let with = |flag: libc::c_int| {
            let flags = libc::c_long::from(flag | libc::SIGCHLD);
            // SAFETY: it is refused; a child would share nothing with us, and would end at once.
            match unsafe { libc::syscall(libc::SYS_clone, flags, 0_i64, 0_i64, 0_i64, 0_i64) } {
                // SAFETY: _exit(2) ends the process, which is the child.
                0 => unsafe { libc::_exit(0) },
                -1 => Errno::last(),
                _ => Errno::UnknownErrno,
            }
        };
        (
            denied::CLONE_FLAGS.iter().map(|flag| with(*flag)).collect::<Vec<_>>(),
            call(libc::SYS_clone3),
        )
    });
    assert_eq!(answers.0, vec![Errno::EPERM; denied::CLONE_FLAGS.len()]);
    assert_eq!(answers.1, Errno::ENOSYS);
}

#[cfg(target_arch = "x86_64")]
#[test]
fn the_second_numbers_of_x86_64_are_refused() {
    let answer = filtered(&[], || call(libc::SYS_getpid | libc::c_long::from(X32_BIT)));
    assert_eq!(answer, Errno::EPERM);
}

#[test]
fn nothing_can_be_typed_into_a_terminal() {
    let answers = filtered(&[], || {
        let ask = |request: u32| {
            // SAFETY: the descriptor is wrong, so that nothing is read or written.
            unsafe { libc::syscall(libc::SYS_ioctl, -1_i64, libc::c_long::from(request), 0_i64) };
            Errno::last()
        };
        let other = 0x5413; // TIOCGWINSZ
        (ask(denied::TERMINAL_REQUESTS[0]), ask(denied::TERMINAL_REQUESTS[1]), ask(other))
    });
    assert_eq!(answers, (Errno::EPERM, Errno::EPERM, Errno::EBADF));
}
