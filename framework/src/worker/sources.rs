//! All places that a worker takes connections from.

use std::ops::{Index, IndexMut, Range};

use mio::Token;

use super::acceptor::Acceptor;
use super::links::Links;

/// The acceptor of the primary address, and those of the further ones.
pub(super) struct Sources(Vec<Acceptor>);

/// The place of the primary address among the sources.
pub(super) const PRIMARY: usize = 0;

/// The token of the first source; each further one has the next smaller number. No connection's
/// number comes so far.
const FIRST_TOKEN: usize = usize::MAX - 3;

impl Sources {
    pub(super) fn new(primary: Acceptor, further: impl IntoIterator<Item = Acceptor>) -> Self {
        Self(std::iter::once(primary).chain(further).collect())
    }

    /// The places of all.
    pub(super) fn places(&self) -> Range<usize> {
        0..self.0.len()
    }

    /// The token of the source at this place.
    pub(super) const fn token(place: usize) -> Token {
        Token(FIRST_TOKEN - place)
    }

    /// The place of the source with this token, if it is one's.
    pub(super) fn place(&self, token: Token) -> Option<usize> {
        FIRST_TOKEN.checked_sub(token.0).filter(|place| *place < self.0.len())
    }

    pub(super) fn primary(&self) -> &Acceptor {
        &self[PRIMARY]
    }

    pub(super) fn primary_mut(&mut self) -> &mut Acceptor {
        &mut self[PRIMARY]
    }

    /// Dispatchers' links; see [`Acceptor::links_mut`].
    pub(super) fn links_mut(&mut self) -> Option<&mut Links> {
        self.primary_mut().links_mut()
    }

    /// A listener is among them, and not links only.
    pub(super) fn has_listener(&self) -> bool {
        self.0.iter().any(|source| !source.is_linked())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Acceptor> {
        self.0.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Acceptor> {
        self.0.iter_mut()
    }
}

impl Index<usize> for Sources {
    type Output = Acceptor;

    fn index(&self, place: usize) -> &Acceptor {
        &self.0[place]
    }
}

impl IndexMut<usize> for Sources {
    fn index_mut(&mut self, place: usize) -> &mut Acceptor {
        &mut self.0[place]
    }
}
