//! System calls that may find nothing.

use crate::limits::EAGER_PAUSE_MAX;

/// Whether it pays to try. After a try for nothing the next chance is left out, and after more in a row
/// more.
#[derive(Debug, Default)]
pub(super) struct Eager {
    misses: u32,
    /// So many chances are left out.
    pause: u32,
}

impl Eager {
    /// To be asked at each chance.
    pub(super) fn tries(&mut self) -> bool {
        let tries = self.pause == 0;
        self.pause = self.pause.saturating_sub(1);
        tries
    }

    /// What came of a try.
    pub(super) fn learns(&mut self, paid: bool) {
        self.misses = if paid { 0 } else { self.misses.saturating_add(1) };
        let chances = 1u32.checked_shl(self.misses).map_or(EAGER_PAUSE_MAX, |power| power - 1);
        self.pause = chances.min(EAGER_PAUSE_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of so many chances are taken.
    fn taken(eager: &mut Eager, chances: u32, paid: bool) -> usize {
        let tried = |_| {
            let tries = eager.tries();
            if tries {
                eager.learns(paid);
            }
            tries
        };
        (0..chances).map(tried).filter(|tried| *tried).count()
    }

    #[test]
    fn what_pays_is_always_tried_and_what_does_not_hardly_ever() {
        let mut eager = Eager::default();
        assert_eq!(taken(&mut eager, 100, true), 100);
        let rarely = taken(&mut eager, 1600, false);
        assert!((95..=110).contains(&rarely), "{rarely}");
        // It is found out when it pays again.
        assert!(taken(&mut eager, 100, true) >= 84);
    }
}
