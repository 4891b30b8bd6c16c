//! `fldmean`: the mean over areas.

use std::fmt::{self, Display, Formatter};

use crate::describe::Description;
use crate::name::Name;
use crate::per_variable::write_list;
use crate::steps::Step;

/// The mean over the horizontal dimensions, weighted with the areas of cells: those of `cell_measures`
/// ([CF §7.2](https://cfconventions.org/cf-conventions/cf-conventions.html#cell-measures)), else of their bounds, else of
/// the grid. As `fldmean` of CDO; missing cells have no weight. Cells of an unstructured or curvilinear grid whose corners
/// nobody tells are refused: CDO counts them all the same, and warns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldMean {
    /// The dimensions that go; without any, those of the horizontal grid. None twice.
    pub dimensions: Vec<Name>,
}

pub(super) const DESCRIPTIONS: &[Description] = &[Description {
    name: "fldmean",
    arguments: "[DIMENSION,…]",
    summary: "The mean over the horizontal grid, weighted with the areas of cells; or over these dimensions of it alone, such \
              as the zonal mean. Areas are those of cell_measures, of a regular or rotated grid, of HEALPix, or of the corners \
              that the bounds of latitudes and longitudes are. Without arguments it has no =.",
    examples: &["fldmean", "fldmean=lon"],
    synonyms: &["fieldmean", "areamean", "globalmean", "weighted", "spatialmean"],
    alone: Some(|| Step::FieldMean(FieldMean { dimensions: Vec::new() })),
    parse: |arguments| {
        arguments.names("a dimension").map(|dimensions| Step::FieldMean(FieldMean { dimensions }))
    },
}];

impl Display for FieldMean {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(if self.dimensions.is_empty() { "fldmean" } else { "fldmean=" })?;
        write_list(f, ",", &self.dimensions)
    }
}
