//! The reductions within an array, in an order that is the same wherever it was planned: workers name them to one another
//! by their place in it.

use std::collections::HashSet;
use std::sync::Arc;

use super::{Array, Made};

/// The arrays made by [`Made::Reduced`] that an array is made of, itself among them, each once, depth first.
pub fn reductions(array: &Arc<Array>) -> Vec<Arc<Array>> {
    let (mut found, mut seen) = (Vec::new(), HashSet::new());
    let mut open = vec![Arc::clone(array)];
    while let Some(array) = open.pop() {
        if !seen.insert(Arc::as_ptr(&array)) {
            continue;
        }
        match &array.made {
            Made::Known(_) | Made::Source { .. } | Made::Tiled { .. } => {}
            Made::Unpacked { of, .. }
            | Made::Taken { of, .. }
            | Made::Arranged { of, .. }
            | Made::Merged { of, .. } => open.push(Arc::clone(of)),
            Made::Computed { of, .. } => open.extend(of.iter().rev().cloned()),
            Made::Reduced(reduced) => {
                found.push(Arc::clone(&array));
                open.extend(reduced.weights.iter().map(|weights| Arc::clone(&weights.of)));
                open.push(Arc::clone(&reduced.of));
            }
        }
    }
    found
}
