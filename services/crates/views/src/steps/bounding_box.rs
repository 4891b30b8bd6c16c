//! `bbox=west:-10,south:30,east:40,north:60`: where cells lie, on any horizontal grid.

use std::fmt::{self, Display, Formatter};

use crate::describe::Description;
use crate::error::{Fault, Reason};
use crate::keyword::unknown;
use crate::number::Number;
use crate::per_variable::pairs;
use crate::piece::Piece;
use crate::steps::Step;

/// The cells whose centres lie in a box of longitudes and latitudes, ends included, on grids of any kind.
///
/// On a regular grid it is `sel` of both coordinates, with the seam as there. On an unstructured grid (one dimension of
/// cells) the cells stay that lie in the box, in their order. On a curvilinear grid (coordinates of two dimensions) the
/// smallest rectangle of places stays that has them all, and what lies outside of the box in it is missing. The latitudes
/// and longitudes are those of the `coordinates` attribute
/// ([CF §5](https://cfconventions.org/cf-conventions/cf-conventions.html#coordinate-system)).
///
/// From `west` eastwards to `east`: a `west` above `east` goes through the antimeridian, as in
/// [GeoJSON](https://www.rfc-editor.org/rfc/rfc7946#section-5.2), whose order of four plain numbers is read too.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BoundingBox {
    /// Degrees east, −360 to 360.
    pub west: f64,
    /// Degrees north, −90 to 90.
    pub south: f64,
    /// Degrees east, −360 to 360, at most 360 from `west`.
    pub east: f64,
    /// Degrees north, −90 to 90, not below `south`.
    pub north: f64,
}

const SIDES: [&str; 4] = ["west", "south", "east", "north"];

pub(super) const DESCRIPTIONS: &[Description] = &[Description {
    name: "bbox",
    arguments: "west:DEGREES,south:DEGREES,east:DEGREES,north:DEGREES, or the four numbers in this order",
    summary: "Keeps the cells whose centres lie in the box, on regular, curvilinear and unstructured grids; a west above east \
              goes through the antimeridian.",
    examples: &["bbox=west:-10,south:30,east:40,north:60", "bbox=170,-50,-170,-30"],
    synonyms: &["box", "bounds", "sellonlatbox", "boundingbox", "region"],
    alone: None,
    parse: |arguments| BoundingBox::parse(arguments).map(Step::BoundingBox),
}];

impl BoundingBox {
    fn parse(arguments: Piece<'_>) -> Result<Self, Fault> {
        let is_plain = arguments.split(":").len() == 1;
        let [west, south, east, north] = if is_plain { plain(arguments)? } else { named(arguments)? };
        if south > north {
            let reason = Reason::Nothing(format!("south:{},north:{}", Number(south), Number(north)));
            return Err(arguments.fault(reason).expected("a south that is not above north"));
        }
        if east - west > 360.0 {
            return Err(arguments.out_of("east is at most 360 degrees from west"));
        }
        Ok(Self { west, south, east, north })
    }
}

fn plain(arguments: Piece<'_>) -> Result<[f64; 4], Fault> {
    let pieces = arguments.list(",", "a number")?;
    let pieces: [Piece<'_>; 4] = pieces.try_into().map_err(|_| arguments.is_not("four numbers"))?;
    let [west, south, east, north] = pieces;
    Ok([side("west", west)?, side("south", south)?, side("east", east)?, side("north", north)?])
}

fn named(arguments: Piece<'_>) -> Result<[f64; 4], Fault> {
    let given = pairs(arguments, "a side", "a number of degrees", Ok)?;
    if let Some((name, degrees)) = given.iter().find(|(name, _)| !SIDES.contains(&name.as_str())) {
        // The name stands before the colon before its degrees.
        let side = Piece { text: name.as_str(), at: degrees.at.saturating_sub(name.as_str().len() + 1) };
        return Err(unknown(side, "side", SIDES.iter().map(|side| (*side, *side))));
    }
    let mut sides = [0.0; 4];
    for (value, name) in sides.iter_mut().zip(SIDES) {
        let piece = given.iter().find(|(side, _)| side.as_str() == name);
        *value = side(name, piece.ok_or_else(|| arguments.fault(Reason::Missing(name)))?.1)?;
    }
    Ok(sides)
}

fn side(name: &str, degrees: Piece<'_>) -> Result<f64, Fault> {
    match name {
        "west" | "east" => degrees.number_if("-360 to 360", |number| number.abs() <= 360.0),
        _ => degrees.number_if("-90 to 90", |number| number.abs() <= 90.0),
    }
}

impl Display for BoundingBox {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let [west, south, east, north] = [self.west, self.south, self.east, self.north].map(Number);
        write!(f, "bbox=west:{west},south:{south},east:{east},north:{north}")
    }
}
