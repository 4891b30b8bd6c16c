//! Enums whose members are words of the grammar, and what was probably meant by a word that is none.

use crate::error::{Fault, Reason, shortened};
use crate::piece::Piece;

/// A word out of a fixed list.
pub(crate) trait Keyword: Copy + PartialEq + 'static {
    /// What the list is of, for errors.
    const WHAT: &'static str;
    /// Each member and its spelling.
    const ALL: &'static [(&'static str, Self)];

    /// How it is spelled.
    fn spelling(self) -> &'static str {
        Self::ALL.iter().find(|(_, member)| *member == self).map_or("", |(word, _)| word)
    }

    /// The member of a word.
    fn find(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == word).map(|(_, member)| *member)
    }

    /// The member that a piece is.
    fn read(piece: Piece<'_>) -> Result<Self, Fault> {
        piece.present(Self::WHAT)?;
        Self::find(piece.text).ok_or_else(|| {
            let words: Vec<_> = Self::ALL.iter().map(|(word, _)| *word).collect();
            unknown(piece, Self::WHAT, words.iter().map(|word| (*word, *word))).expected(words.join(", "))
        })
    }
}

/// Defines an enum of words: each member and its spelling once.
macro_rules! keywords {
    ($(#[$about:meta])* $visibility:vis enum $name:ident: $what:literal
     { $($(#[$doc:meta])* $member:ident = $word:literal),+ $(,)? }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        $visibility enum $name { $($(#[$doc])* $member),+ }

        impl $crate::keyword::Keyword for $name {
            const WHAT: &'static str = $what;
            const ALL: &'static [(&'static str, Self)] = &[$(($word, Self::$member)),+];
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str($crate::keyword::Keyword::spelling(*self))
            }
        }
    };
}
pub(crate) use keywords;

/// The fault of a word that is not in a list of words and what they mean.
pub(crate) fn unknown(
    piece: Piece<'_>,
    what: &'static str,
    words: impl Iterator<Item = (&'static str, &'static str)>,
) -> Fault {
    let given = shortened(piece.text);
    let lower = given.to_lowercase();
    let distances = words.map(|(word, means)| (strsim::osa_distance(&lower, word), means));
    let nearest = distances.min_by_key(|(distance, _)| *distance);
    // A third of the letters may differ: of shorter words than three none, or anything would resemble them.
    let nearest = nearest.filter(|(distance, _)| distance * 3 <= lower.chars().count());
    piece.fault(Reason::Unknown { what, given, nearest: nearest.map(|(_, means)| means) })
}
