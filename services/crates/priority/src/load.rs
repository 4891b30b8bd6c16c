//! Whether small requests are few, or so many that they are a load.

use std::time::Duration;

/// How often to look.
pub(crate) const EVERY: Duration = Duration::from_millis(100);
/// Share of the time of all threads for small requests from which on they are a load.
const HEAVY: f64 = 0.5;
/// Share below which they are none, at so many looks one after another.
const LIGHT: f64 = 0.25;
const LIGHT_LOOKS: u32 = 10;

/// What was seen.
#[derive(Debug, Default)]
pub(crate) struct Load {
    is_heavy: bool,
    light_looks: u32,
}

impl Load {
    /// The share of their time that threads were at work since the last look. Whether there is little to do, where that
    /// has changed.
    pub(crate) fn look(&mut self, share: f64) -> Option<bool> {
        self.light_looks = if share < LIGHT { self.light_looks + 1 } else { 0 };
        let is_heavy = if self.is_heavy { self.light_looks < LIGHT_LOOKS } else { share > HEAVY };
        let has_changed = is_heavy != self.is_heavy;
        self.is_heavy = is_heavy;
        has_changed.then_some(!is_heavy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_is_seen_at_once_and_its_end_after_a_while() {
        let mut load = Load::default();
        assert_eq!([0.1, 0.4, 0.5].map(|share| load.look(share)), [None; 3]);
        assert_eq!(
            [0.6, 0.9, 0.1, 0.3, 0.6].map(|share| load.look(share)),
            [Some(false), None, None, None, None]
        );
        for _ in 1..LIGHT_LOOKS {
            assert_eq!(load.look(0.2), None);
        }
        assert_eq!([load.look(0.2), load.look(0.2)], [Some(true), None]);
    }
}
