//! Gaps in time: steps much longer than the usual one.

/// Most gaps that are told one by one.
const GAPS_MAX: usize = 10;

/// A step that is too long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gap {
    /// The last place before it.
    pub(super) after_place: u64,
    /// How many more there are that are not told; not 0 for the last one told only.
    pub(super) more: usize,
}

/// Steps longer than one and a half times the usual step, which is the middle one of all. Months of 28 to 31 days and
/// years of 365 and 366 days are thus no gaps, and neither is anything where there are not two steps to compare.
pub(super) fn find(nanoseconds: &[i128]) -> Vec<Gap> {
    let steps: Vec<i128> = nanoseconds.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let mut ordered = steps.clone();
    if steps.len() < 2 {
        return Vec::new();
    }
    let middle = (ordered.len() - 1) / 2;
    let usual = *ordered.select_nth_unstable(middle).1;
    let is_gap = |step: &i128| *step > usual + usual / 2;
    let all: Vec<u64> = (0..).zip(&steps).filter(|(_, step)| is_gap(step)).map(|(place, _)| place).collect();
    let mut gaps: Vec<Gap> =
        all.iter().take(GAPS_MAX).map(|place| Gap { after_place: *place, more: 0 }).collect();
    if let Some(last) = gaps.last_mut() {
        last.more = all.len() - all.len().min(GAPS_MAX);
    }
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_and_years_are_no_gaps_and_a_missing_month_is() {
        let ends = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365];
        assert_eq!(find(&ends), vec![]);
        assert_eq!(find(&[0, 365, 731, 1096]), vec![]);
        let without_june: Vec<i128> = ends.into_iter().filter(|day| *day != 151).collect();
        assert_eq!(find(&without_june), vec![Gap { after_place: 4, more: 0 }]);
    }

    #[test]
    fn two_values_have_no_usual_step() {
        assert_eq!(find(&[0, 1_000_000]), vec![]);
        assert_eq!(find(&[]), vec![]);
    }
}
