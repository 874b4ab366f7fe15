//! Memory that the master and all its children see alike.

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::marker::PhantomData;
use std::num::NonZeroUsize;
use std::os::fd::OwnedFd;
use std::ptr::NonNull;

use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};
use nix::sys::stat::fstat;
use nix::unistd::ftruncate;

/// Types that may lie in shared memory.
///
/// # Safety
/// Every bit pattern, all zeroes among them, must be a valid value, and all access through a shared
/// reference must be atomic: other processes write at the same time. So only atomics, and arrays
/// and structures of them.
pub(crate) unsafe trait Shareable {}

/// Makes memory for a zeroed `T`. `name` shows up in `/proc/PID/maps` as `/memfd:NAME`.
pub(crate) fn create<T: Shareable>(name: &CStr) -> io::Result<OwnedFd> {
    let memory = memfd_create(name, MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING)?;
    ftruncate(&memory, i64::try_from(size_of::<T>()).map_err(io::Error::other)?)?;
    // Whoever made it shorter would end all others that touch it.
    let seals = SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SEAL;
    fcntl(&memory, FcntlArg::F_ADD_SEALS(seals))?;
    Ok(memory)
}

/// Maps a `T` that stays for the rest of the process and that every later child shares.
///
/// The memory is never unmapped: workers hold references to it until they exit.
pub(crate) fn map<T: Shareable>(memory: &OwnedFd) -> io::Result<&'static T> {
    let held = fstat(memory)?.st_size;
    let length = size_of::<T>();
    if u64::try_from(held) != u64::try_from(length) {
        return Err(io::Error::other(format!("{held} octets of shared memory, not {length}")));
    }
    map_any(memory)
}

/// The same, for memory that does not tell its size. The kernel must refuse to map more than there is.
pub(super) fn map_any<T: Shareable>(memory: &OwnedFd) -> io::Result<&'static T> {
    let length = NonZeroUsize::new(size_of::<T>())
        .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    // SAFETY: the kernel chooses a free address, so no other object of this process is touched, and
    // the descriptor is open.
    let start: NonNull<_> =
        unsafe { mmap(None, length, protection, MapFlags::MAP_SHARED, memory, 0)? };
    assert!(start.cast::<T>().is_aligned(), "mappings start at a page, and no T wants more");
    // SAFETY: the mapping is `size_of::<T>()` bytes, all of which are there (the caller looked, or the
    // kernel did), aligned (asserted), every pattern in it is a valid T (`Shareable`), and it is never
    // unmapped, so the reference lives as long as the process.
    Ok(unsafe { start.cast::<T>().as_ref() })
}

/// A `T` of another process, to be looked at.
#[derive(Debug)]
pub(crate) struct View<T> {
    start: NonNull<std::ffi::c_void>,
    content: PhantomData<T>,
}

impl<T: Shareable> View<T> {
    /// Maps what this file holds.
    pub(crate) fn of(file: &File) -> io::Result<Self> {
        let length = NonZeroUsize::new(size_of::<T>())
            .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        let held = file.metadata()?.len();
        if u64::try_from(length.get()) != Ok(held) {
            return Err(io::Error::other(format!("{held} octets of shared memory, not {length}")));
        }
        // Whoever could shorten it would end this process by SIGBUS.
        let seals = SealFlag::from_bits_retain(fcntl(file, FcntlArg::F_GET_SEALS)?);
        if !seals.contains(SealFlag::F_SEAL_SHRINK) {
            return Err(io::Error::other("it may become shorter"));
        }
        // SAFETY: the kernel chooses a free address, so no other object of this process is touched.
        let start =
            unsafe { mmap(None, length, ProtFlags::PROT_READ, MapFlags::MAP_SHARED, file, 0)? };
        assert!(start.cast::<T>().is_aligned(), "mappings start at a page, and no T wants more");
        Ok(Self { start, content: PhantomData })
    }

    pub(crate) fn get(&self) -> &T {
        // SAFETY: the mapping is `size_of::<T>()` bytes, all there for good (`of` looked), aligned, every
        // pattern in it is a valid T whose access is atomic (`Shareable`), and it stays until this is dropped.
        unsafe { self.start.cast::<T>().as_ref() }
    }
}

impl<T> Drop for View<T> {
    fn drop(&mut self) {
        // SAFETY: the mapping was made by `of`, with this length, and no reference outlives this value.
        let unmapped = unsafe { munmap(self.start, size_of::<T>()) };
        debug_assert!(unmapped.is_ok(), "it was mapped");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

    use super::*;

    // SAFETY: an atomic is valid with any bits.
    unsafe impl Shareable for AtomicU64 {}

    /// Whoever could would end the others with SIGBUS at their next look.
    #[test]
    fn nobody_makes_it_shorter() {
        let memory = create::<AtomicU64>(c"shared").unwrap();
        let number: &AtomicU64 = map(&memory).unwrap();
        for length in [0, 7, 9, 1 << 20] {
            assert!(ftruncate(&memory, length).is_err(), "{length}");
        }
        number.store(7, Relaxed);
        assert_eq!(map::<AtomicU64>(&memory).unwrap().load(Relaxed), 7);
    }
}
