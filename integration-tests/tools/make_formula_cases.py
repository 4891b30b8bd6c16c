"""Makes services/crates/views/src/testdata/formula.json: what numpy makes of expressions and formulas.

    pip install numpy==2.* && python integration-tests/tools/make_formula_cases.py
"""

import json
import pathlib

import numpy

OUT = pathlib.Path(__file__).resolve().parents[2] / "services/crates/views/src/testdata/formula.json"
SPECIAL = [float("nan"), float("inf"), float("-inf"), 0.0, -0.0, 1.0, -1.0, 0.5, 2.5, -2.5, 1e-310, 1e300, 273.15]
ONE = ["abs", "sqrt", "exp", "log", "log10", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "floor",
       "ceil", "round", "sign"]
TWO = ["pow", "atan2", "hypot", "min", "max"]
EXPRESSIONS = ["a+b", "a-b", "a*b", "a/b", "-a", "a-b-a", "a-(b-a)", "a/(b/(a/2))", "(a+1)*(b-1)/(a*a+b*b)", "2", "1-2*3",
               "max(a,b,1,-2)", "min(b,a,0.25)", "clip(a,-1,b)", "clip(a,b,1)", "clip(2,a,b)", "hypot(a,b)*2",
               "-(a+b)*-(a-b)", "sqrt(abs(min(a,b,a*b)))+max(a/2,b/3,a-b)*(2-a)", "b+a*0", "log(exp(a)+exp(b))"]
FUNCTIONS = {
    **{name: getattr(numpy, name) for name in ONE},
    "pow": numpy.power, "atan2": numpy.arctan2, "hypot": numpy.hypot, "clip": numpy.clip,
    "min": lambda first, *rest: first if not rest else FUNCTIONS["min"](numpy.minimum(first, rest[0]), *rest[1:]),
    "max": lambda first, *rest: first if not rest else FUNCTIONS["max"](numpy.maximum(first, rest[0]), *rest[1:]),
}


def numbers(array):
    """As JSON has them: NaN and infinities as words."""
    return [x if numpy.isfinite(x) else str(x) for x in numpy.asarray(array, float).ravel().tolist()]


def main():
    rng = numpy.random.default_rng(1850)
    pairs = [(x, y) for x in SPECIAL for y in SPECIAL]
    a = numpy.array([x for x, _ in pairs] + rng.normal(0, 3, 30).round(3).tolist())
    b = numpy.array([y for _, y in pairs] + rng.normal(0, 3, 30).round(3).tolist())
    expressions = []
    with numpy.errstate(all="ignore"):
        for text in [f"{name}(a)" for name in ONE] + [f"{name}(a,b)" for name in TWO] + EXPRESSIONS:
            expressions.append([text, numbers(eval(text, {**FUNCTIONS, "a": a, "b": b}))])
        single_a, single_b = a.astype("f4"), b.astype("f4")
        formulas = {
            "difference": [numbers(a - b), numbers(single_a - single_b)],
            "linear": [numbers(a * 1.8 + 32), numbers((single_a.astype("f8") * 1.8 + 32).astype("f4"))],
            "multiple": [numbers(nearest(a, 0.5)), numbers(nearest(single_a.astype("f8"), 0.01).astype("f4"))],
            "where": [numbers(numpy.where((b != 0) & ~numpy.isnan(b), a, numpy.nan)),
                      numbers(numpy.where((single_b != 0) & ~numpy.isnan(single_b), single_a, numpy.nan))],
        }
    lines = ",\n".join(json.dumps(case) for case in expressions)
    rest = ",\n".join(f'"{name}": {json.dumps(found)}' for name, found in formulas.items())
    OUT.write_text(f'{{"numpy": "{numpy.__version__}",\n"a": {json.dumps(numbers(a))},\n"b": {json.dumps(numbers(b))},\n'
                   f'"expressions": [\n{lines}\n],\n{rest}}}\n')


def nearest(x, step):
    """The nearest multiple."""
    return numpy.where(numpy.isinf(x), x, numpy.round(x / step) * step)


if __name__ == "__main__":
    main()
