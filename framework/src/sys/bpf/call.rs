//! bpf(2): maps, and programs that choose a member of a reuseport group.

use std::ffi::CStr;
use std::fmt;
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use super::assembler::Instruction;
use crate::sys::shared::{self, Shareable};

/// Why the kernel does not take a program, a map or an entry.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) doing: &'static str,
    pub(crate) error: io::Error,
    /// The last words of the verifier; empty if it said none.
    pub(crate) log: String,
}

/// `enum bpf_cmd`.
#[derive(Clone, Copy)]
#[repr(i32)]
enum Command {
    CreateMap = 0,
    UpdateElement = 2,
    LoadProgram = 5,
}

/// Numbers of `linux/bpf.h`.
const MAP_TYPE_ARRAY: u32 = 2;
const MAP_TYPE_REUSEPORT_SOCKARRAY: u32 = 20;
const MAP_FLAG_MMAPABLE: u32 = 1 << 10;
const PROGRAM_TYPE_SK_REUSEPORT: u32 = 21;
/// Called for new connections, and for those whose listener is closed before it accepted them.
const ATTACH_SELECT_OR_MIGRATE: u32 = 40;

/// `BPF_OBJ_NAME_LEN`, the final zero included.
const NAME_BYTES: usize = 16;
/// Not bound to the GPL: none of the helpers that are used asks for it.
const LICENSE: &CStr = c"MIT";
const LOG_BYTES: usize = 1 << 20;
/// Lines of the verifier's log that are worth showing: what is wrong stands at the end.
const LOG_LINES: usize = 6;

/// The beginning of `union bpf_attr` for each command. The kernel takes what is missing as zeroes.
#[repr(C)]
struct CreateMap {
    map_type: u32,
    key_bytes: u32,
    value_bytes: u32,
    entries_max: u32,
    flags: u32,
    inner_map: u32,
    numa_node: u32,
    name: [u8; NAME_BYTES],
}

#[repr(C)]
struct UpdateElement {
    map: RawFd,
    unused: u32,
    key: u64,
    value: u64,
    flags: u64,
}

#[repr(C)]
struct LoadProgram {
    program_type: u32,
    instruction_count: u32,
    instructions: u64,
    license: u64,
    log_level: u32,
    log_bytes: u32,
    log: u64,
    kernel_version: u32,
    flags: u32,
    name: [u8; NAME_BYTES],
    interface: u32,
    attach_type: u32,
}

/// A zeroed `T` that a program reads and writes, and that [`map_shared`] brings into memory.
pub(crate) fn create_shared<T: Shareable>(name: &str) -> Result<OwnedFd, Refusal> {
    create("create the shared table", name, MAP_TYPE_ARRAY, size_of::<T>(), 1, MAP_FLAG_MMAPABLE)
}

/// Maps what [`create_shared`] made. It stays for the rest of the process, and later children share
/// it.
///
/// # Errors
/// It is another kind of descriptor, or of another size.
pub(crate) fn map_shared<T: Shareable>(map: &OwnedFd) -> io::Result<&'static T> {
    check(map, MAP_TYPE_ARRAY, size_of::<T>())?;
    // The kernel refuses to map more than there is (`array_map_mmap`).
    shared::map_any(map)
}

/// A map from slots to listeners of a reuseport group. It forgets those that close.
#[derive(Debug)]
pub(crate) struct SocketMap(OwnedFd);

impl SocketMap {
    /// For numbers below `entries`.
    pub(crate) fn new(name: &str, entries: u32) -> Result<Self, Refusal> {
        let doing = "create the map of listeners";
        create(doing, name, MAP_TYPE_REUSEPORT_SOCKARRAY, size_of::<u64>(), entries, 0).map(Self)
    }

    /// One that another program made.
    ///
    /// # Errors
    /// It is another kind of descriptor.
    pub(crate) fn take_over(map: OwnedFd) -> io::Result<Self> {
        check(&map, MAP_TYPE_REUSEPORT_SOCKARRAY, size_of::<u64>())?;
        Ok(Self(map))
    }

    /// Puts a listener, which listens already, at an index.
    pub(crate) fn put(&self, index: u32, socket: impl AsFd) -> Result<(), Refusal> {
        let doing = "name a listener to the program";
        let refused = |error| Refusal { doing, error, log: String::new() };
        let value = u64::try_from(socket.as_fd().as_raw_fd());
        let value = value.map_err(|error| refused(io::Error::other(error)))?;
        let attributes = UpdateElement {
            map: self.0.as_raw_fd(),
            unused: 0,
            key: address(&raw const index),
            value: address(&raw const value),
            flags: 0,
        };
        // SAFETY: the map has keys of 4 octets and values of 8 (it was made so here, or looked at when it
        // was taken over), and both live until the call returns.
        unsafe { bpf(Command::UpdateElement, &attributes) }.map(|_| ()).map_err(refused)
    }
}

impl AsFd for SocketMap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The descriptor is of a map of this kind (`bpf_map_show_fdinfo`).
fn check(map: &OwnedFd, map_type: u32, value_bytes: usize) -> io::Result<()> {
    let text = fs::read_to_string(format!("/proc/self/fdinfo/{}", map.as_raw_fd()))?;
    let is = |name: &str, wanted: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.is_some_and(|value| value.trim() == wanted)
    };
    let is_one = is("map_type", &map_type.to_string())
        && is("key_size", "4")
        && is("value_size", &value_bytes.to_string());
    if is_one { Ok(()) } else { Err(io::Error::other("the descriptor is of something else")) }
}

/// Has the kernel verify a program that chooses a member of a reuseport group.
pub(crate) fn load(name: &str, program: &[Instruction]) -> Result<OwnedFd, Refusal> {
    // A log that is too short fails a call that would succeed: it is asked for afterwards.
    let error = match try_to_load(name, program, &mut []) {
        Ok(program) => return Ok(program),
        Err(error) => error,
    };
    let mut log = vec![0; LOG_BYTES];
    let again = try_to_load(name, program, &mut log);
    drop(again);
    Err(Refusal { doing: "load the program", error, log: last_lines(&log) })
}

fn try_to_load(name: &str, program: &[Instruction], log: &mut [u8]) -> io::Result<OwnedFd> {
    let attributes = LoadProgram {
        program_type: PROGRAM_TYPE_SK_REUSEPORT,
        instruction_count: u32::try_from(program.len()).map_err(io::Error::other)?,
        instructions: address(program.as_ptr()),
        license: address(LICENSE.as_ptr()),
        log_level: u32::from(!log.is_empty()),
        log_bytes: u32::try_from(log.len()).map_err(io::Error::other)?,
        log: if log.is_empty() { 0 } else { address(log.as_mut_ptr()) },
        kernel_version: 0,
        flags: 0,
        name: object_name(name),
        interface: 0,
        attach_type: ATTACH_SELECT_OR_MIGRATE,
    };
    // SAFETY: program, licence and log are of the lengths given, and live until the call returns.
    let descriptor = unsafe { bpf(Command::LoadProgram, &attributes) }?;
    owned(descriptor)
}

fn create(
    doing: &'static str,
    name: &str,
    map_type: u32,
    value_bytes: usize,
    entries_max: u32,
    flags: u32,
) -> Result<OwnedFd, Refusal> {
    let refused = |error| Refusal { doing, error, log: String::new() };
    let value_bytes = u32::try_from(value_bytes);
    let attributes = CreateMap {
        map_type,
        key_bytes: 4,
        value_bytes: value_bytes.map_err(|error| refused(io::Error::other(error)))?,
        entries_max,
        flags,
        inner_map: 0,
        numa_node: 0,
        name: object_name(name),
    };
    // SAFETY: nothing in these attributes is an address.
    let descriptor = unsafe { bpf(Command::CreateMap, &attributes) };
    descriptor.and_then(owned).map_err(refused)
}

/// The descriptor that a call made: nobody else has it yet. bpf(2) sets close-on-exec.
fn owned(descriptor: i64) -> io::Result<OwnedFd> {
    let descriptor = RawFd::try_from(descriptor).map_err(io::Error::other)?;
    // SAFETY: the kernel has just returned it, so it is open and nobody owns it yet.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// Does what `command` says.
///
/// # Safety
/// `attributes` must be the beginning of the kernel's structure for this command, and each address in
/// it must be that of an object of the size that the command and the other attributes imply.
unsafe fn bpf<T>(command: Command, attributes: &T) -> io::Result<i64> {
    // SAFETY: the attributes are of the size given and live until the call returns; what they point
    // to is the caller's promise.
    let result = unsafe {
        libc::syscall(libc::SYS_bpf, command as i32, &raw const *attributes, size_of::<T>())
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Addresses are 64 bits wide in the kernel's structures, on every machine.
fn address<T>(pointer: *const T) -> u64 {
    pointer.expose_provenance() as u64
}

fn object_name(name: &str) -> [u8; NAME_BYTES] {
    let mut octets = [0; NAME_BYTES];
    let length = name.len().min(NAME_BYTES - 1);
    octets[..length].copy_from_slice(&name.as_bytes()[..length]);
    octets
}

fn last_lines(log: &[u8]) -> String {
    let end = log.iter().position(|octet| *octet == 0).unwrap_or(log.len());
    let text = String::from_utf8_lossy(&log[..end]);
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {}: {}", self.doing, self.error)?;
        if self.log.is_empty() { Ok(()) } else { write!(f, "; the verifier says: {}", self.log) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::bpf::Assembler;

    #[test]
    fn a_refused_program_comes_back_with_what_the_verifier_says() {
        let mut program = Assembler::default();
        // Without a result.
        program.exit();
        let refusal = load("nonsense", &program.finish().unwrap()).unwrap_err();
        match refusal.error.raw_os_error() {
            // Without the privilege the verifier does not come to see it.
            Some(libc::EPERM) => assert_eq!(refusal.log, ""),
            _ => assert!(refusal.to_string().contains("the verifier says: "), "{refusal}"),
        }
        assert!(refusal.log.is_empty() || refusal.log.contains("R0"), "{refusal}");
    }

    #[test]
    fn only_the_end_of_a_long_log_is_shown() {
        let log = (0..100).map(|line| format!("line {line}")).collect::<Vec<_>>().join("\n");
        let shown = last_lines(log.as_bytes());
        assert_eq!(shown.lines().count(), LOG_LINES);
        assert!(shown.ends_with("line 99"));
        assert_eq!(last_lines(b"short\0and not this"), "short");
    }
}
