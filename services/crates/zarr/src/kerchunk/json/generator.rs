//! Generators: many references by one rule.

use model::ByteRange;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::template::{Budget, Template, Templates, Value};
use super::{JsonError, JsonLimits, shortened};

/// A generator as it is written.
#[derive(Deserialize)]
pub(super) struct GeneratorDocument<'a> {
    key: String,
    url: String,
    #[serde(borrow)]
    offset: Option<&'a RawValue>,
    #[serde(borrow)]
    length: Option<&'a RawValue>,
    dimensions: serde_json::Map<String, serde_json::Value>,
}

/// A generator, ready to be run.
#[derive(Debug, Clone)]
pub(super) struct Generator {
    key: Template,
    url: Template,
    range: Option<(Template, Template)>,
    dimensions: Vec<(String, Dimension)>,
}

/// The values of one index.
#[derive(Debug, Clone)]
enum Dimension {
    List(Vec<Value>),
    Range { start: i64, step: i64, count: u64 },
}

impl Dimension {
    fn parse(value: &serde_json::Value) -> Result<Self, JsonError> {
        let fault = || JsonError::Generator("a dimension is neither a list nor a range");
        match value {
            serde_json::Value::Array(values) => Ok(Self::List(
                values
                    .iter()
                    .map(|value| match value {
                        serde_json::Value::String(text) => Ok(Value::Text(text.clone())),
                        other => other.as_i64().map(Value::Integer).ok_or_else(fault),
                    })
                    .collect::<Result<_, _>>()?,
            )),
            serde_json::Value::Object(range) => {
                let number = |name: &str, default: Option<i64>| match range.get(name) {
                    Some(value) => value.as_i64().ok_or_else(fault),
                    None => default.ok_or_else(fault),
                };
                let (start, end, step) =
                    (number("start", Some(0))?, number("stop", None)?, number("step", Some(1))?);
                let span = if step < 0 { start.checked_sub(end) } else { end.checked_sub(start) };
                let span = span.ok_or_else(fault)?.max(0).unsigned_abs();
                if step == 0 {
                    return Err(JsonError::Generator("a range has a step of 0"));
                }
                Ok(Self::Range { start, step, count: span.div_ceil(step.unsigned_abs()) })
            }
            _ => Err(fault()),
        }
    }

    fn count(&self) -> u64 {
        match self {
            Self::List(values) => values.len() as u64,
            Self::Range { count, .. } => *count,
        }
    }

    fn value(&self, at: u64) -> Value {
        match self {
            Self::List(values) => values.get(at as usize).cloned().unwrap_or(Value::Integer(0)),
            // Within the range, so within i64.
            Self::Range { start, step, .. } => {
                Value::Integer(start.wrapping_add(step.wrapping_mul(at as i64)))
            }
        }
    }
}

/// Takes one reference: key, target, range.
pub(super) type Each<'e> = &'e mut dyn FnMut(&str, &str, Option<ByteRange>) -> Result<(), JsonError>;

impl Generator {
    pub(super) fn parse(document: &GeneratorDocument<'_>) -> Result<Self, JsonError> {
        let range = match (document.offset, document.length) {
            (Some(offset), Some(length)) => Some((number(offset)?, number(length)?)),
            (None, None) => None,
            _ => return Err(JsonError::Generator("offset and length must be given together")),
        };
        let dimensions = document.dimensions.iter();
        Ok(Self {
            key: Template::parse(&document.key)?,
            url: Template::parse(&document.url)?,
            range,
            dimensions: dimensions
                .map(|(name, value)| Ok((name.clone(), Dimension::parse(value)?)))
                .collect::<Result<_, JsonError>>()?,
        })
    }

    /// How many references it makes; none beyond 2^64.
    pub(super) fn count(&self) -> Option<u64> {
        self.dimensions.iter().try_fold(1_u64, |count, (_, dimension)| count.checked_mul(dimension.count()))
    }

    /// Makes all references: key, target, range.
    pub(super) fn run(
        &self,
        templates: &Templates,
        budget: &mut Budget,
        each: Each<'_>,
    ) -> Result<(), JsonError> {
        let mut scope: Vec<(String, Value)> =
            self.dimensions.iter().map(|(name, _)| (name.clone(), Value::Integer(0))).collect();
        for number in 0..self.count().unwrap_or(0) {
            let mut rest = number;
            for ((_, dimension), (_, value)) in self.dimensions.iter().zip(&mut scope).rev() {
                *value = dimension.value(rest % dimension.count());
                rest /= dimension.count();
            }
            let key = templates.render(&self.key, &scope, budget)?;
            let url = templates.render(&self.url, &scope, budget)?;
            let range = match &self.range {
                Some((offset, length)) => {
                    let mut number = |template| {
                        let text = templates.render(template, &scope, budget)?;
                        text.trim().parse().map_err(|_| JsonError::NoNumber(shortened(&text)))
                    };
                    Some(ByteRange { offset: number(offset)?, length: number(length)? })
                }
                None => None,
            };
            each(&key, &url, range)?;
        }
        Ok(())
    }
}

/// An offset or length: a text to fill in, or the number itself.
fn number(value: &RawValue) -> Result<Template, JsonError> {
    let text = value.get();
    if text.starts_with('"') {
        let text: String = serde_json::from_str(text)?;
        return Template::parse(&text);
    }
    Template::parse(text)
}

/// Reads `gen`, and refuses more references than are allowed before any is made.
pub(super) fn parse_all(json: &RawValue, limits: &JsonLimits) -> Result<Vec<Generator>, JsonError> {
    let documents: Vec<GeneratorDocument<'_>> = serde_json::from_str(json.get())?;
    let generators = documents.iter().map(Generator::parse).collect::<Result<Vec<_>, _>>()?;
    let mut counts = generators.iter().map(Generator::count);
    let total = counts.try_fold(0_u64, |total, count| total.checked_add(count?));
    if total.is_none_or(|total| total > limits.references_max) {
        return Err(JsonError::TooLarge("the references that generators make", limits.references_max));
    }
    Ok(generators)
}
