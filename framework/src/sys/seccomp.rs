//! A filter of system calls (seccomp(2)) for all threads of this process, for ever.

use std::collections::BTreeMap;
use std::io;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter_all_threads, sock_filter,
};

mod denied;

pub(crate) use denied::EXEC;

/// Refuses with `EPERM`, from now on, what [`denied`] lists, and `further` numbers. The process gains no
/// privileges any more.
pub(crate) fn install(further: &[libc::c_long]) -> io::Result<()> {
    for program in programs(further).map_err(io::Error::other)? {
        apply_filter_all_threads(&program).map_err(io::Error::other)?;
    }
    Ok(())
}

fn programs(further: &[libc::c_long]) -> Result<[BpfProgram; 2], seccompiler::BackendError> {
    let always = |numbers: &[libc::c_long]| -> Vec<(i64, Vec<SeccompRule>)> {
        numbers.iter().map(|number| (*number, Vec::new())).collect()
    };
    let mut refused: BTreeMap<_, _> = always(denied::ALWAYS).into_iter().collect();
    refused.extend(always(denied::OF_THIS_ARCHITECTURE));
    refused.extend(always(further));
    let flags = denied::CLONE_FLAGS.iter().map(|flag| {
        let flag = u64::from(flag.unsigned_abs());
        argument(0, SeccompCmpArgLen::Qword, SeccompCmpOp::MaskedEq(flag), flag)
    });
    refused.insert(libc::SYS_clone, flags.collect::<Result<_, _>>()?);
    let requests = denied::TERMINAL_REQUESTS
        .iter()
        .map(|request| argument(1, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, u64::from(*request)));
    refused.insert(libc::SYS_ioctl, requests.collect::<Result<_, _>>()?);
    let mut first = program(refused, libc::EPERM)?;
    if cfg!(target_arch = "x86_64") {
        first.splice(0..0, refuse_x32());
    }
    // Its flags are in memory, where no filter can look; the C library then takes the older call.
    let second = program(always(&[libc::SYS_clone3]).into_iter().collect(), libc::ENOSYS)?;
    Ok([first, second])
}

fn argument(
    place: u8,
    length: SeccompCmpArgLen,
    operator: SeccompCmpOp,
    value: u64,
) -> Result<SeccompRule, seccompiler::BackendError> {
    SeccompRule::new(vec![SeccompCondition::new(place, length, operator, value)?])
}

fn program(
    refused: BTreeMap<i64, Vec<SeccompRule>>,
    errno: i32,
) -> Result<BpfProgram, seccompiler::BackendError> {
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    let refuse = SeccompAction::Errno(errno.unsigned_abs());
    SeccompFilter::new(refused, SeccompAction::Allow, refuse, arch)?.try_into()
}

/// On `x86_64` each system call has a second number with this bit set, which means the same to a kernel
/// with the x32 tables, and looks to a list like another one.
const X32_BIT: u32 = 0x4000_0000;

/// Refuses all of those.
fn refuse_x32() -> [sock_filter; 3] {
    let instruction = |code: u32, skip_if_not: u8, k: u32| sock_filter {
        code: u16::try_from(code).unwrap_or_default(),
        jt: 0,
        jf: skip_if_not,
        k,
    };
    let number_at = 0;
    [
        instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, number_at),
        instruction(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, 1, X32_BIT),
        instruction(
            libc::BPF_RET | libc::BPF_K,
            0,
            libc::SECCOMP_RET_ERRNO | libc::EPERM.unsigned_abs(),
        ),
    ]
}

#[cfg(test)]
mod tests;
