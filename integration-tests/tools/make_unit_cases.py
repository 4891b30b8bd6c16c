"""Makes services/crates/views/src/testdata/units.json: what UDUNITS says that units are in others.

    pip install cf-units==3.3.* && python integration-tests/tools/make_unit_cases.py
"""

import json
import math
import pathlib
import random
import re

import cf_units

OUT = pathlib.Path(__file__).resolve().parents[2] / "services/crates/views/src/testdata/units.json"
DATABASE = pathlib.Path("/usr/share/xml/udunits")  # of Debian's libudunits2-data
GROUPS = [
    "K|kelvin|degC|Celsius|degrees_Celsius|degree_C|°C|degF|fahrenheit|deg_R|mK|10 K|K @ 100",
    "m|metre|km|mm|kilometers|ft|inches|nautical_mile|µm|um|microns|1e3 m|Å|US_survey_feet|fathoms|au|light_years",
    "Pa|hPa|mbar|millibars|bar|dbar|kPa|atm|mmHg|inHg|N m-2|kg m-1 s-2|hectopascals|psi|J/m3|cm_H2O|torr",
    "m s-1|m/s|km/h|km h-1|knots|kt|kt|cm.s^-1|mile/hour|m per second|mm day-1|mm/d|inch hour^-1|m year-1|m**1 s**-1",
    "kg m-2 s-1|g cm-2 day-1|kg/m2/day|kg.m-2.s-1|kg/(m^2 s)|Mg ha-1 month-1|g m**-2 yr**-1|10^-3 kg m⁻² s⁻¹",
    "W m-2|W/m^2|J m**-2 s**-1|kW m-2|langley/day|cal cm-2 min-1|MJ m-2 day-1|mW.cm-2",
    "s|min|hours|h|hr|d|day|days|weeks|months|years|yr|common_year|ms|Julian_year|Msec",
    "1|%|percent|1e-3|g kg-1|kg kg**-1|ppm|ppbv|degree|degrees_north|rad|arcmin|sr|m m-1|kg/kg|0.001|pi|degrees_west",
    "kg|g|Mg|tonne|t|Gt|Pg|Tg|lb|pounds|short_tons|ug|µg|kilograms|1000kg",
    "m2 s-2|m**2 s**-2|J/kg|J kg-1|gp m|m² s-2|km2 h-2|(m s-1)2|(km/h)^2",
    "kg m-3|g cm-3|g/l|ug m-3|µg.m-3|g m^-3|kg/m3|lb ft-3|kg-m-3",
    "mol m-2|DU|molecules cm-2|mol/m2|umol m-2|molec.cm-2|millidobsons",
    "mol m-3|mmol/l|umol L-1|mol dm-3|mmol m-3|micromoles/liter",
    "m3 s-1|Sv_flow|sverdrup|km3 yr-1|l/s|gallon/minute|ft3 s-1|acre_feet day-1|cm3.s-1",
    "K s-1|degC day-1|K/day|degF hour-1|K per day|mK s-1",
    "K m-1|degC km-1|K/km|degF/(1000 ft)|K hm-1",
    "J|kWh|kW h|cal|Btu|eV|erg|MJ|N m|watthour|ktoe",
    "s-1|Hz|1/s|day-1|per_day|Bq|1 / hour|kHz|rpm|Ci",
    "K m2 kg-1 s-1|PVU|1e-6 K m2 kg-1 s-1|potential_vorticity_unit|mPVU",
    "Pa s-1|hPa/day|mbar hour-1|dPa s^-1", "N|kN|dyne|lbf|kgf|kg m s^-2", "m2|km2|ha|hectares|acres|cm^2|are|ft2",
    "cd|lm/sr|mcd", "V|mV|kg m2 s-3 A-1|J/C", "T|nT|gauss|gamma", "lx|lm m-2|ph", "S m-1|A V-1 m-1|mS/cm",
]
PARTS = "m km ft|s h day|kg g lb|K mK deg_R|mol mmol molecule|A mA|J cal eV|Pa hPa mbar|W kW hp"
REFUSED = ["", "m of water equivalent", "days since 1850-01-01", "hours since 2000-1-1 00:00", "fortnite", "m^^2", "m**0.5x",
           "(m", "m)", "m//s", "kg m-2 s-", "K @", "@ 3", "0 m", "~", "(0 - 1)", "W m^", "m s^1e3", "dBQ", "/", "m*", "m2s"]


def linear(old, new):
    """Scale and offset, or nothing."""
    try:
        old, new = cf_units.Unit(old), cf_units.Unit(new)
        offset = old.convert(0.0, new)
        far = 1e6 if offset else 1.0  # far from where the offset takes the last digits
        return (old.convert(far, new) - offset) / far, offset
    except ValueError:
        return None


def products(rng):
    """Random products of powers, spelled in two ways each."""
    parts = [group.split() for group in PARTS.split("|")]
    for _ in range(150):
        chosen = [(group, rng.choice([-3, -2, -1, 1, 2, 3])) for group in rng.sample(parts, rng.randint(1, 4))]
        yield tuple(
            rng.choice([" ", ".", "*"]).join(rng.choice(group) + rng.choice(["", "^", "**"]) + str(power)
                                             for group, power in chosen)
            for _ in range(2)
        )


def words():
    """Each word of the database."""
    for name in ["base", "derived", "accepted", "common"]:
        text = (DATABASE / f"udunits2-{name}.xml").read_text()
        for word in re.findall(r"<(?:singular|plural|symbol)>\s*(.*?)\s*<", text):
            yield word.replace("&apos;", "'").replace("&quot;", '"').replace("&#xB5;", "µ")


def base(word):
    """The base units of a word."""
    definition = str(cf_units.Unit(word).definition)
    return re.sub(r" @.*|^[0-9.e+-]+ (?=\D)", "", definition) if re.search("[A-Za-z]", definition) else "1"


def main():
    rng, pairs = random.Random(1850), []
    for group in GROUPS:
        spellings = group.split("|")
        all_pairs = [(old, new) for old in spellings for new in spellings]
        pairs += rng.sample(all_pairs, min(len(all_pairs), 25))
    pairs += products(rng)
    kinds = [group.split("|")[0] for group in GROUPS]
    cases = [[*pair, *found] for pair in dict.fromkeys(pairs) if (found := linear(*pair))]
    different = [[old, new] for old in kinds for new in kinds
                 if old != new and not linear(old, new) and rng.random() < 0.3]
    known = []
    for word in dict.fromkeys(words()):
        try:
            found = linear(word, base(word))
        except ValueError:
            continue
        if found and all(map(math.isfinite, found)):
            known.append([word, base(word), *found])
    document = {"cases": cases, "different": different, "words": known, "refused": REFUSED}
    lines = ",\n".join(
        f'"{key}": [\n' + ",\n".join(json.dumps(case, ensure_ascii=False) for case in value) + "\n]"
        for key, value in document.items()
    )
    OUT.write_text(f'{{"udunits": "2.2.28",\n{lines}\n}}\n')


if __name__ == "__main__":
    main()
