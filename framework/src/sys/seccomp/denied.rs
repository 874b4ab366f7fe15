//! What a worker can do without, by what it is good for.

use libc::c_long;

/// On each architecture.
pub(super) const ALWAYS: &[c_long] = &[
    // Into other processes: memory, registers, descriptors.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    // Other namespaces, which open much of the kernel to who is nobody outside.
    libc::SYS_unshare,
    libc::SYS_setns,
    // File systems.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_fanotify_init,
    // Files by their number, past the folders that keep others out.
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    // The kernel's own code and programs.
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    // Where many faults of the kernel were, or what helps to use them.
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_userfaultfd,
    libc::SYS_personality,
    libc::SYS_move_pages,
    libc::SYS_migrate_pages,
    libc::SYS_lookup_dcookie,
    libc::SYS_nfsservctl,
    libc::SYS_vhangup,
    // Keys of the kernel, which other programs of the user share.
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    // The machine.
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_syslog,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
];

/// On this one only.
#[cfg(target_arch = "x86_64")]
pub(super) const OF_THIS_ARCHITECTURE: &[c_long] = &[
    libc::SYS_kexec_file_load,
    libc::SYS_uselib,
    libc::SYS_ustat,
    libc::SYS_sysfs,
    libc::SYS__sysctl,
    libc::SYS_modify_ldt,
    libc::SYS_iopl,
    libc::SYS_ioperm,
];
/// On this one only.
#[cfg(target_arch = "aarch64")]
pub(super) const OF_THIS_ARCHITECTURE: &[c_long] = &[libc::SYS_kexec_file_load];
/// None is known.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(super) const OF_THIS_ARCHITECTURE: &[c_long] = &[];

/// Programs in the place of this one.
pub(crate) const EXEC: &[c_long] = &[libc::SYS_execve, libc::SYS_execveat];

/// A child in other namespaces. That of time is asked for otherwise: its bit is part of a signal here.
pub(super) const CLONE_FLAGS: &[libc::c_int] = &[
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
];

/// Typing into the terminal of who started the server: `TIOCSTI`, and what `TIOCLINUX` does.
pub(super) const TERMINAL_REQUESTS: &[u32] = &[0x5412, 0x541c];
