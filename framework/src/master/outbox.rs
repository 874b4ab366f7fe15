//! Messages that wait in the master for a worker that does not read as fast.

use std::collections::VecDeque;
use std::io;

use serde::{Deserialize, Serialize};

use crate::limits::{OUTBOX_BYTES_MAX, OUTBOX_MESSAGES_MAX};
use crate::net::channel::{Channel, Order};

/// What waits for one worker, the oldest first.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Outbox {
    waiting: VecDeque<Vec<u8>>,
    bytes: usize,
    /// Messages that had no room since the last one that had.
    refused: u64,
}

impl Outbox {
    /// Sends a message, or keeps it until it can be sent; `WouldBlock` when there is no room for it.
    pub(super) fn send(&mut self, channel: &Channel, bytes: &[u8]) -> io::Result<()> {
        let order = Order::Message(bytes.into());
        if self.is_empty() {
            match channel.order(&order) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => return other,
            }
        }
        let full = self.waiting.len() >= OUTBOX_MESSAGES_MAX
            || self.bytes.saturating_add(bytes.len()) > OUTBOX_BYTES_MAX;
        if full {
            self.refused += 1;
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.bytes += bytes.len();
        self.waiting.push_back(bytes.into());
        Ok(())
    }

    /// Sends what can be sent now.
    pub(super) fn flush(&mut self, channel: &Channel) {
        while let Some(bytes) = self.waiting.pop_front() {
            let length = bytes.len();
            let order = Order::Message(bytes);
            match channel.order(&order) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if let Order::Message(bytes) = order {
                        self.waiting.push_front(bytes);
                    }
                    return;
                }
                // One that cannot be reached is about to be reaped.
                _ => self.bytes = self.bytes.saturating_sub(length),
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Messages that wait, and those that had no room.
    pub(super) fn lost(&self) -> (usize, u64) {
        (self.waiting.len(), self.refused)
    }

    /// This is the first message since long that had no room: worth a line in the log.
    pub(super) fn just_filled(&self) -> bool {
        self.refused == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::MESSAGE_BYTES_MAX;
    use crate::net::channel::{Next, Queue, Report};
    use std::time::Duration;

    #[test]
    fn whoever_does_not_read_fills_his_own_queue_and_orders_still_reach_him() {
        let (master, child) = Channel::pair().unwrap();
        let mut outbox = Outbox::default();
        let mut sent = 0_u32;
        while outbox.send(&master, &[&sent.to_le_bytes()[..], &[0; 1000]].concat()).is_ok() {
            sent += 1;
            assert!(sent < 10_000, "it never fills");
        }
        assert!(outbox.just_filled() && outbox.bytes <= OUTBOX_BYTES_MAX);
        let (queue, grace) = (Queue::Leave, Duration::from_secs(1));
        master.order(&Order::Drain { grace, queue }).unwrap();

        let (mut next, mut drained) = (0_u32, false);
        for _ in 0..100_000 {
            match child.next_order() {
                Next::Message(Order::Message(bytes)) => {
                    assert_eq!(bytes[..4], next.to_le_bytes());
                    next += 1;
                }
                Next::Message(_) | Next::Unknown => drained = true,
                Next::Nothing if outbox.is_empty() => break,
                Next::Nothing => outbox.flush(&master),
                Next::End => panic!("nobody has left"),
            }
        }
        assert!(drained && next == sent && outbox.bytes == 0, "{next} of {sent}");
    }

    #[test]
    fn short_messages_are_bounded_in_number_and_a_child_has_room_for_its_last_words() {
        let (master, child) = Channel::pair().unwrap();
        let mut outbox = Outbox::default();
        let sent = (0..100_000).take_while(|_| outbox.send(&master, b"").is_ok()).count();
        assert!(outbox.waiting.len() == OUTBOX_MESSAGES_MAX && sent > OUTBOX_MESSAGES_MAX);

        let long = || Report::Message(vec![0; MESSAGE_BYTES_MAX]);
        let said = (0..1000).take_while(|_| child.report(&long()).is_ok()).count();
        assert!(said > 0 && said < 1000);
        child.report(&Report::WantsDrain).unwrap();
        let text = "x".repeat(4000);
        child.report(&Report::Failed { text }).unwrap();
    }
}
