//! The terminal: taken for a while, and given back as it was, also when a signal ends this program.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers, poll, read};
use crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode, size,
};
use crossterm::{cursor, execute, queue, style};

/// How soon a signal is noticed.
const LOOK: Duration = Duration::from_millis(50);

/// What is to be done next.
pub(super) enum Wish {
    /// The time has come.
    Look,
    /// The terminal has another size.
    Redraw,
    End,
}

/// The terminal as ours. It is given back with this value.
pub(super) struct Screen {
    ended: Arc<AtomicBool>,
}

impl Screen {
    pub(super) fn open() -> io::Result<Self> {
        let ended = Arc::new(AtomicBool::new(false));
        for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGQUIT] {
            signal_hook::flag::register(signal, Arc::clone(&ended))?;
        }
        if !io::stdout().is_terminal() {
            return Err(io::Error::other("there is no terminal here: say --once, or --json"));
        }
        enable_raw_mode()?;
        let screen = Self { ended };
        execute!(io::stdout(), EnterAlternateScreen, cursor::Hide)?;
        Ok(screen)
    }

    pub(super) fn size() -> (u16, u16) {
        size().unwrap_or((80, 24))
    }

    pub(super) fn draw(text: &str) -> io::Result<()> {
        let (_, height) = Self::size();
        let mut out = io::stdout();
        queue!(out, cursor::MoveTo(0, 0))?;
        for line in text.lines().take(usize::from(height.saturating_sub(1))) {
            queue!(
                out,
                style::Print(line),
                Clear(ClearType::UntilNewLine),
                cursor::MoveToNextLine(1)
            )?;
        }
        queue!(out, Clear(ClearType::FromCursorDown))?;
        out.flush()
    }

    /// Waits until it is time, or somebody wants something.
    pub(super) fn wait(&self, until: Instant) -> io::Result<Wish> {
        loop {
            if self.ended.load(Relaxed) {
                return Ok(Wish::End);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Wish::Look);
            }
            match poll(left.min(LOOK)) {
                Ok(false) => {}
                Ok(true) => match read()? {
                    Event::Key(key) if ends(key) => return Ok(Wish::End),
                    Event::Resize(..) => return Ok(Wish::Redraw),
                    _ => {}
                },
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

fn ends(key: KeyEvent) -> bool {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    matches!(key.code, KeyCode::Char('q') | KeyCode::Esc)
        || control && matches!(key.code, KeyCode::Char('c' | 'd'))
}

impl Drop for Screen {
    fn drop(&mut self) {
        // There is nobody to tell.
        let _ = execute!(io::stdout(), LeaveAlternateScreen, cursor::Show);
        let _ = disable_raw_mode();
    }
}
