//! Requests that must not be made twice, on connections that are kept and now and then silent.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::harness::client::{Answer, Client, Failure};
use crate::harness::load::Load;
use crate::sim::chance::Chance;

/// Longest silence between two requests of a client. It spreads the moments at which they ask, and nothing
/// waits for it.
const SILENCE_MAX: Duration = Duration::from_millis(40);

/// Clients that send numbered requests.
pub(super) fn load(clients: usize, numbers: &Arc<AtomicU64>) -> Load {
    Load::of(clients, || {
        let numbers = Arc::clone(numbers);
        let mut chance = Chance::from_seed(numbers.fetch_add(1, Relaxed));
        let mut kept = None;
        move || {
            std::thread::sleep(SILENCE_MAX * u32::try_from(chance.below(100)).unwrap() / 100);
            let mut client: Client =
                kept.take().map_or_else(|| Client::connect(super::front::PORT), Ok)?;
            let number = numbers.fetch_add(1, Relaxed);
            let answer = post(&mut client, number).inspect_err(|why| {
                eprintln!("number {number}: {why:?}: {client:?}");
            })?;
            kept = (answer.header("connection") != Some("close")).then_some(client);
            Ok(answer)
        }
    })
}

fn post(client: &mut Client, number: u64) -> Result<Answer, Failure> {
    let head =
        format!("POST /echo?number={number} HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n");
    client.send(format!("{head}\r\nhello"))?;
    let answer = client.answer()?;
    // A proxy says so if it got no answer.
    if answer.status == 200 { Ok(answer) } else { Err(Failure::Cut) }
}

/// How often each numbered request was answered, by the access log.
pub(super) fn logged(log: &Path) -> BTreeMap<u64, u64> {
    let mut times = BTreeMap::new();
    for line in std::fs::read_to_string(log).unwrap().lines() {
        let Some((_, after)) = line.split_once("/echo?number=") else { continue };
        let number = after.split(' ').next().unwrap().parse().unwrap();
        *times.entry(number).or_default() += 1;
    }
    times
}
