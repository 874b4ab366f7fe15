//! How long a server bears a client that sends as little as it can.

use std::io::{ErrorKind, Read, Write};
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

use super::kinds::{SLOW_BODY, SLOW_HEAD};
use super::torrent::connect;
use crate::columns;
use crate::interrupt;
use crate::subject::Subject;

/// What is not ended by then is not ended.
const LONGEST: Duration = Duration::from_secs(90);
/// Between two octets: no silence that anybody minds.
const PAUSE: Duration = Duration::from_secs(1);

pub(super) fn run(subjects: &[Subject]) -> Result<()> {
    println!("\nwhen a connection is ended that sends an octet each second");
    // All at the same time: they have nothing to do but to wait.
    let rows = std::thread::scope(|scope| {
        let ask = |subject: &Subject| {
            let port = subject.port;
            [SLOW_HEAD, SLOW_BODY].map(|opening| scope.spawn(move || bears(port, opening)))
        };
        let waiting: Vec<_> = subjects.iter().map(ask).collect();
        let wait = |clients: [ScopedJoinHandle<'_, Result<Option<Duration>>>; 2]| {
            clients
                .into_iter()
                .map(|it| it.join().map_err(|_| anyhow!("a client panicked"))?)
                .collect::<Result<Vec<_>>>()
        };
        waiting.into_iter().map(wait).collect::<Result<Vec<_>>>()
    })?;
    interrupt::check()?;
    let mut lines = vec![["", "head, s", "body, s"].map(str::to_owned).to_vec()];
    for (subject, ends) in subjects.iter().zip(rows) {
        let cell = |end: Option<Duration>| match end {
            Some(time) => format!("{:.0}", time.as_secs_f64()),
            None => format!("not within {}", LONGEST.as_secs()),
        };
        let cells = ends.into_iter().map(cell);
        lines.push(std::iter::once(subject.name().to_owned()).chain(cells).collect());
    }
    print!("{}", columns::align(&lines));
    Ok(())
}

/// After how long something was answered, or the connection ended; `None` if neither was.
fn bears(port: u16, opening: &[u8]) -> Result<Option<Duration>> {
    let mut stream = connect(port)?;
    stream.set_read_timeout(Some(PAUSE))?;
    stream.write_all(opening)?;
    let began = Instant::now();
    while began.elapsed() < LONGEST && !interrupt::requested() {
        match stream.read(&mut [0]) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            _ => return Ok(Some(began.elapsed())),
        }
        if stream.write_all(b"x").is_err() {
            return Ok(Some(began.elapsed()));
        }
    }
    Ok(None)
}
