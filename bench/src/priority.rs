//! The timing client runs before the servers that it times.

use thread_priority::unix::{
    RealtimeThreadSchedulePolicy, ThreadSchedulePolicy, set_thread_priority_and_policy,
    thread_native_id,
};
use thread_priority::{ThreadPriority, ThreadPriorityValue};

/// A client that waits for a CPU would count its own delay as the server's. It has little to do.
/// `false` without the privilege for it.
pub(crate) fn run_before_others() -> bool {
    let lowest = ThreadPriorityValue::try_from(1).map(ThreadPriority::Crossplatform);
    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);
    lowest.is_ok_and(|lowest| {
        set_thread_priority_and_policy(thread_native_id(), lowest, policy).is_ok()
    })
}
