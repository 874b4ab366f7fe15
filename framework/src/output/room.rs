//! Whether a file system has room for more lines.

use std::os::fd::AsFd;

use nix::sys::statvfs::fstatvfs;
use nix::unistd::geteuid;

use crate::limits::{OUTPUT_RESERVE_BYTES, OUTPUT_RESERVE_PARTS};

/// Whether lines can still be written there. `before`: whether they could when it was last looked at; a
/// little more than the reserve must be free to change that to yes.
pub(super) fn has_room(file: impl AsFd, before: bool) -> bool {
    let Ok(found) = fstatvfs(file) else { return true };
    // What is kept for root is room for root.
    let free = if geteuid().is_root() { found.blocks_free() } else { found.blocks_available() };
    let unit = found.fragment_size();
    suffices(found.blocks().saturating_mul(unit), free.saturating_mul(unit), before)
}

/// A pipe, or a device, has neither blocks nor an end.
fn suffices(total_bytes: u64, free_bytes: u64, before: bool) -> bool {
    let reserve = OUTPUT_RESERVE_BYTES.min(total_bytes / OUTPUT_RESERVE_PARTS);
    let least = if before { reserve } else { reserve.saturating_mul(2) };
    total_bytes == 0 || free_bytes > least
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reserve_is_left_and_it_takes_more_to_come_back() {
        let (total, mib) = (100 << 30, 1 << 20);
        assert!(suffices(total, 17 * mib, true) && !suffices(total, 17 * mib, false));
        assert!(!suffices(total, 16 * mib, true) && suffices(total, 33 * mib, false));
        // Of a small one it is a small part.
        assert!(suffices(mib, mib / 32, true) && !suffices(mib, mib / 64, true));
        assert!(!suffices(32, 0, true));
    }

    #[test]
    fn what_is_no_file_has_room() {
        assert!(suffices(0, 0, false));
        let (_reader, writer) = std::io::pipe().unwrap();
        assert!(has_room(writer, false));
    }
}
