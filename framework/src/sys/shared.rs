//! Memory that the master and all its children see alike.

use std::ffi::CStr;
use std::io;
use std::num::NonZeroUsize;
use std::ptr::NonNull;

use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::mman::{MapFlags, ProtFlags, mmap};
use nix::unistd::ftruncate;

/// Types that may lie in shared memory.
///
/// # Safety
/// Every bit pattern, all zeroes among them, must be a valid value, and all access through a shared
/// reference must be atomic: other processes write at the same time. So only atomics, and arrays
/// and structures of them.
pub(crate) unsafe trait Shareable {}

/// Maps a zeroed `T` that stays for the rest of the process and that every later child shares.
///
/// `name` shows up in `/proc/PID/maps` as `/memfd:NAME`. The memory is never unmapped: workers hold
/// references to it until they exit.
pub(crate) fn map_shared<T: Shareable>(name: &CStr) -> io::Result<&'static T> {
    let length = NonZeroUsize::new(size_of::<T>())
        .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    let memory = memfd_create(name, MFdFlags::MFD_CLOEXEC)?;
    ftruncate(&memory, i64::try_from(length.get()).map_err(io::Error::other)?)?;
    let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    // SAFETY: the kernel chooses a free address, so no other object of this process is touched; the
    // descriptor is a fresh memfd of `length` bytes.
    let start: NonNull<_> =
        unsafe { mmap(None, length, protection, MapFlags::MAP_SHARED, &memory, 0)? };
    assert!(start.cast::<T>().is_aligned(), "mappings start at a page, and no T wants more");
    // SAFETY: the mapping is `size_of::<T>()` bytes, aligned (asserted), zeroed, which `Shareable`
    // makes a valid T, and it is never unmapped, so the reference lives as long as the process.
    Ok(unsafe { start.cast::<T>().as_ref() })
}
