//! The table: each unit and prefix once.

use super::Entry;

/// Names of prefixes, their symbols and what they are ([SI brochure, table 7](https://www.bipm.org/en/publications/si-brochure)).
/// Those that begin as another does stand before it.
#[rustfmt::skip]
pub(super) const PREFIXES: &[(&str, &str, f64)] = &[
    ("deka", "da", 1e1), ("deca", "da", 1e1), ("yotta", "Y", 1e24), ("zetta", "Z", 1e21),
    ("exa", "E", 1e18), ("peta", "P", 1e15), ("tera", "T", 1e12), ("giga", "G", 1e9),
    ("mega", "M", 1e6), ("kilo", "k", 1e3), ("hecto", "h", 1e2), ("deci", "d", 1e-1),
    ("centi", "c", 1e-2), ("milli", "m", 1e-3), ("micro", "\u{b5}", 1e-6), ("micro", "\u{3bc}", 1e-6),
    ("micro", "u", 1e-6), ("nano", "n", 1e-9), ("pico", "p", 1e-12), ("femto", "f", 1e-15),
    ("atto", "a", 1e-18), ("zepto", "z", 1e-21), ("yocto", "y", 1e-24),
];

/// Shorter than a literal of each.
const fn unit(
    names: &'static [&'static str],
    symbols: &'static [&'static str],
    definition: &'static str,
) -> Entry {
    Entry { names, symbols, definition }
}

/// The units; the base units themselves are [`BASES`](super::BASES).
#[rustfmt::skip]
pub(super) const UNITS: &[Entry] = &[
    // Base units, of which kg m s A K mol cd stand for themselves.
    unit(&["meter", "metre"], &[], "m"),
    unit(&["gram"], &["g"], "1e-3 kg"),
    unit(&["second", "sec"], &[], "s"),
    unit(&["ampere", "amp"], &[], "A"),
    unit(&["kelvin"], &["°K"], "K"),
    unit(&[
        "degree_kelvin", "degrees_kelvin", "degree_K", "degreeK", "degrees_K", "degreesK", "deg_K", "degK",
        "degs_K", "degsK"
    ], &[], "K"),
    unit(&["mole"], &[], "mol"),
    unit(&["candela", "candle"], &[], "cd"),
    // Derived units of the SI.
    unit(&["radian"], &["rad"], "1"),
    unit(&["steradian"], &["sr"], "1"),
    unit(&["hertz"], &["Hz"], "s-1"),
    unit(&["newton"], &["N"], "kg m s-2"),
    unit(&["pascal"], &["Pa"], "N m-2"),
    unit(&["joule"], &["J"], "N m"),
    unit(&["watt"], &["W"], "J s-1"),
    unit(&["coulomb"], &["C"], "A s"),
    unit(&["volt"], &["V"], "W A-1"),
    unit(&["farad"], &["F"], "C V-1"),
    unit(&["ohm"], &["\u{3a9}", "\u{2126}"], "V A-1"),
    unit(&["siemens"], &["S"], "A V-1"),
    unit(&["weber"], &["Wb"], "V s"),
    unit(&["tesla"], &["T"], "Wb m-2"),
    unit(&["henry"], &["H"], "Wb A-1"),
    unit(&["lumen"], &["lm"], "cd"),
    unit(&["lux"], &["lx"], "lm m-2"),
    unit(&["katal"], &["kat"], "mol s-1"),
    unit(&["becquerel"], &["Bq"], "s-1"),
    unit(&["gray"], &["Gy"], "J kg-1"),
    unit(&["sievert"], &["Sv"], "J kg-1"),
    // Temperatures.
    unit(&[
        "celsius", "degree_celsius", "degrees_celsius", "degree_C", "degreeC", "degrees_C", "degreesC",
        "deg_C", "degC", "degs_C", "degsC"
    ], &["°C", "℃"], "K @ 273.15"),
    unit(&[
        "fahrenheit", "degree_fahrenheit", "degrees_fahrenheit", "degree_F", "degreeF", "degrees_F",
        "degreesF", "deg_F", "degF", "degs_F", "degsF"
    ], &["°F", "℉"], "degree_R @ 459.67"),
    unit(&[
        "degree_rankine", "degrees_rankine", "degree_R", "degreeR", "degrees_R", "degreesR", "deg_R",
        "degR", "degs_R", "degsR"
    ], &["°R"], "K/1.8"),
    // Angles.
    unit(&["pi"], &["π"], "3.141592653589793"),
    unit(&["degree", "arc_degree", "angular_degree", "arcdeg"], &["°"], "pi/180"),
    unit(&[
        "degree_north", "degrees_north", "degree_east", "degrees_east", "degree_true", "degrees_true"
    ], &[], "degree"),
    unit(&[
        "degree_N", "degreeN", "degrees_N", "degreesN", "degree_E", "degreeE", "degrees_E", "degreesE",
        "degree_T", "degreeT", "degrees_T", "degreesT"
    ], &[], "degree"),
    unit(&["degree_west", "degrees_west", "degree_W", "degreeW", "degrees_W", "degreesW"], &[], "-1 degree"),
    unit(&["arc_minute", "arcminute", "angular_minute", "arcmin"], &["'", "′"], "degree/60"),
    unit(&["arc_second", "arcsecond", "angular_second", "arcsec"], &["\"", "″"], "degree/3600"),
    unit(&["circle", "cycle", "turn", "revolution", "rotation"], &[], "2 pi"),
    unit(&["grade"], &[], "0.9 degree"),
    // Times; a year is UDUNITS' tropical one, and a month a twelfth of it.
    unit(&["minute"], &["min"], "60 s"),
    unit(&["hour"], &["h", "hr"], "3600 s"),
    unit(&["day"], &["d"], "86400 s"),
    unit(&["week"], &[], "7 day"),
    unit(&["fortnight"], &[], "14 day"),
    unit(&["year", "yr", "tropical_year"], &[], "31556925.9747 s"),
    unit(&["month"], &[], "year/12"),
    unit(&["common_year"], &[], "365 day"),
    unit(&["leap_year"], &[], "366 day"),
    unit(&["julian_year"], &[], "365.25 day"),
    unit(&["gregorian_year"], &[], "365.2425 day"),
    unit(&["sidereal_day"], &[], "86164.09 s"),
    unit(&["lunar_month"], &[], "29.530589 day"),
    unit(&["eon"], &[], "1e9 year"),
    // Pure numbers.
    unit(&["percent"], &["%"], "0.01"),
    unit(&["ppv", "count", "bit"], &[], "1"),
    unit(&["ppm", "ppmv"], &[], "1e-6"),
    unit(&["ppb", "ppbv"], &[], "1e-9"),
    unit(&["ppt", "pptv"], &[], "1e-12"),
    unit(&["ppq", "ppqv"], &[], "1e-15"),
    unit(&["octet", "byte"], &[], "8"),
    // Layers of models: CF §4.3.3 keeps these three.
    unit(&["level", "layer", "sigma_level"], &[], "1"),
    // Lengths, areas and volumes.
    unit(&["angstrom", "ångström"], &["\u{c5}", "\u{212b}"], "1e-10 m"),
    unit(&["fermi"], &[], "1e-15 m"),
    unit(&["micron"], &[], "1e-6 m"),
    unit(&["astronomical_unit"], &["au"], "149597870700 m"),
    unit(&[], &["ua"], "149597900000 m"),
    unit(&["light_year"], &[], "9.46073e15 m"),
    unit(&["parsec"], &[], "3.085678e16 m"),
    unit(&["inch", "international_inch"], &["in"], "2.54 cm"),
    unit(&["mil"], &[], "2.54e-5 m"),
    unit(&["foot", "feet", "international_foot", "international_feet"], &["ft"], "12 inch"),
    unit(&["yard", "international_yard"], &["yd"], "3 foot"),
    unit(&["mile", "international_mile"], &["mi"], "5280 foot"),
    unit(&["US_survey_foot", "US_survey_feet"], &[], "(1200/3937) m"),
    unit(&["fathom"], &[], "6 US_survey_foot"),
    unit(&["furlong"], &[], "660 US_survey_foot"),
    unit(&["nautical_mile", "nmile"], &[], "1852 m"),
    unit(&["are"], &["a"], "100 m2"),
    unit(&["hectare"], &[], "1e4 m2"),
    unit(&["acre"], &[], "160 (16.5 US_survey_foot)2"),
    unit(&["darcy"], &[], "9.869233e-13 m2"),
    unit(&["barn"], &["b"], "1e-28 m2"),
    unit(&["liter", "litre"], &["L", "l"], "dm3"),
    unit(&["cc"], &[], "cm3"),
    unit(&["stere"], &[], "m3"),
    unit(&["acre_foot", "acre_feet"], &[], "1233.489 m3"),
    unit(&["gallon", "US_liquid_gallon"], &[], "3.785412e-3 m3"),
    unit(&["pint", "US_liquid_pint"], &["pt"], "gallon/8"),
    unit(&["barrel"], &["bbl"], "42 gallon"),
    // Speeds, accelerations and flows.
    unit(&["knot", "international_knot"], &["kt", "kts"], "nautical_mile/hour"),
    unit(&["rpm"], &[], "2 pi/minute"),
    unit(&["standard_free_fall", "gravity", "force"], &[], "9.80665 m s-2"),
    unit(&["geopotential", "dynamic"], &["gp"], "gravity"),
    unit(&["gal"], &[], "cm s-2"),
    unit(&["sverdrup"], &[], "1e6 m3 s-1"),
    // Masses and amounts.
    unit(&["metric_ton", "tonne"], &["t"], "1000 kg"),
    unit(&["unified_atomic_mass_unit", "atomic_mass_unit", "amu"], &["u"], "1.6605402e-27 kg"),
    unit(&["pound", "avoirdupois_pound"], &["lb"], "0.45359237 kg"),
    unit(&["ounce", "avoirdupois_ounce"], &[], "2.834952e-2 kg"),
    unit(&["grain"], &["gr"], "6.479891e-5 kg"),
    unit(&["carat"], &[], "2e-4 kg"),
    unit(&["slug"], &[], "14.5939 kg"),
    unit(&["short_ton", "ton"], &[], "2000 pound"),
    unit(&["long_ton"], &[], "2240 pound"),
    unit(&["einstein"], &[], "mol"),
    unit(&["molecule", "molec", "nucleon", "nuc"], &[], "mol/6.02214179e23"),
    unit(&["avogadro_constant"], &[], "6.02214179e23 mol-1"),
    unit(&["dobson"], &["DU"], "446.2e-6 mol m-2"),
    // Pressures; of a height of water or mercury as well.
    unit(&["bar"], &[], "1e5 Pa"),
    unit(&["atmosphere", "standard_atmosphere"], &["atm"], "101325 Pa"),
    unit(&["technical_atmosphere"], &["at"], "kg gravity cm-2"),
    unit(&["barye", "barie"], &[], "0.1 Pa"),
    unit(&["torr", "mm_Hg", "mmHg", "millimeter_Hg", "millimeters_Hg"], &["mm_hg", "mmhg"], "mm mercury"),
    unit(&["inch_Hg", "inches_Hg", "in_Hg", "inHg"], &[], "inch mercury"),
    unit(&["cm_Hg", "cmHg"], &[], "cm mercury"),
    unit(&["cm_H2O", "cmH2O"], &[], "cm water"),
    unit(&["psi"], &[], "pound gravity/inch2"),
    unit(&["water", "H2O", "conventional_water"], &[], "gravity 1000 kg m-3"),
    unit(&["mercury", "Hg", "conventional_mercury"], &[], "gravity 13595.1 kg m-3"),
    // Forces, energies, powers and the rest.
    unit(&["dyne"], &[], "1e-5 N"),
    unit(&["kilogram_force", "kilograms_force", "force_kilogram", "kgf"], &[], "9.80665 N"),
    unit(&["pound_force", "force_pound", "lbf"], &[], "4.4482216152605 N"),
    unit(&["erg"], &[], "1e-7 J"),
    unit(&["calorie", "IT_calorie", "cal"], &[], "4.1868 J"),
    unit(&["thermochemical_calorie"], &[], "4.184 J"),
    unit(&["Btu", "IT_Btu"], &[], "1055.05585262 J"),
    unit(&["electronvolt", "electron_volt"], &["eV"], "1.60217733e-19 J"),
    unit(&["watthour"], &[], "3600 J"),
    unit(&["horsepower", "shaft_horsepower"], &["hp"], "745.6999 W"),
    unit(&["phot"], &["ph"], "1e4 lm m-2"),
    unit(&["nit"], &["nt"], "cd m-2"),
    unit(&["langley"], &[], "41840 J m-2"),
    unit(&["clo"], &[], "0.155 K m2 W-1"),
    unit(&["poise"], &[], "0.1 Pa s"),
    unit(&["stokes"], &["St"], "1e-4 m2 s-1"),
    unit(&["gauss"], &[], "1e-4 T"),
    unit(&["gamma"], &[], "1e-9 T"),
    unit(&["curie"], &["Ci"], "3.7e10 Bq"),
    unit(&["rem"], &[], "1e-2 Sv"),
    unit(&["potential_vorticity_unit"], &["PVU"], "1e-6 m2 s-1 K kg-1"),
];
