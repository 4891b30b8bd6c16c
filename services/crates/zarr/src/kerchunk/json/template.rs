//! Texts with `{{…}}` in them, and what fills these in.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::expression::Expression;
use super::{JsonError, JsonLimits, shortened};

/// How deep templates may call one another.
const CALLS_MAX: usize = 16;
/// What a call counts in the budget, beside its text: templates that call one another many times and make no text
/// would take for ever.
const CALL_BYTES: usize = 8;

/// A text with places to fill in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Expression(Expression),
}

impl Template {
    pub(super) fn parse(text: &str) -> Result<Self, JsonError> {
        // Jinja's statements and comments: there is nothing to run them.
        if text.contains("{%") || text.contains("{#") {
            return Err(JsonError::Expression(shortened(text)));
        }
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some(begin) = rest.find("{{") {
            let behind = &rest[begin + 2..];
            let end = behind.find("}}").ok_or_else(|| JsonError::Expression(shortened(&rest[begin..])))?;
            if begin > 0 {
                parts.push(Part::Text(rest[..begin].to_owned()));
            }
            parts.push(Part::Expression(Expression::parse(&behind[..end])?));
            rest = &behind[end + 2..];
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self(parts))
    }
}

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Integer(i64),
    Text(String),
}

/// The templates of a set, by name, and what is known while one is filled in.
#[derive(Debug, Clone, Default)]
pub(super) struct Templates(HashMap<String, Template>);

/// Names with their values: a generator's indices, or what is passed to a template.
pub(super) type Scope<'a> = &'a [(String, Value)];

impl Templates {
    pub(super) fn insert(&mut self, name: String, text: &str) -> Result<(), JsonError> {
        self.0.insert(name, Template::parse(text)?);
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Fills a template in. What it becomes is counted in `budget`.
    pub(super) fn render(
        &self,
        template: &Template,
        scope: Scope<'_>,
        budget: &mut Budget,
    ) -> Result<String, JsonError> {
        let mut text = String::new();
        Rendering { templates: self, budget, under_way: Vec::new() }.append(template, scope, &mut text)?;
        Ok(text)
    }
}

/// How much text may still be made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    rest_bytes: u64,
    limits: JsonLimits,
}

impl Budget {
    pub(super) fn new(limits: JsonLimits) -> Self {
        Self { rest_bytes: limits.rendered_bytes_max, limits }
    }

    /// Counts bytes that come to a text of a length.
    fn spend(&mut self, bytes: usize, length: usize) -> Result<(), JsonError> {
        if length > self.limits.text_bytes_max {
            return Err(JsonError::TooLarge("a text made by templates", self.limits.text_bytes_max as u64));
        }
        let rest = self.rest_bytes.checked_sub(bytes as u64);
        self.rest_bytes =
            rest.ok_or(JsonError::TooLarge("all texts made by templates", self.limits.rendered_bytes_max))?;
        Ok(())
    }
}

struct Rendering<'a> {
    templates: &'a Templates,
    budget: &'a mut Budget,
    /// Names of the templates that are being filled in: none may come twice.
    under_way: Vec<&'a str>,
}

impl<'a> Rendering<'a> {
    fn append(
        &mut self,
        template: &'a Template,
        scope: Scope<'_>,
        text: &mut String,
    ) -> Result<(), JsonError> {
        for part in &template.0 {
            let before = text.len();
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Expression(expression) => match self.value(expression, scope)? {
                    Value::Text(value) => text.push_str(&value),
                    Value::Integer(number) => {
                        let _ = write!(text, "{number}");
                    }
                },
            }
            // Parts without text take time too.
            self.budget.spend((text.len() - before).max(1), text.len())?;
        }
        Ok(())
    }

    fn value(&mut self, expression: &'a Expression, scope: Scope<'_>) -> Result<Value, JsonError> {
        Ok(match expression {
            Expression::Integer(number) => Value::Integer(*number),
            Expression::Text(text) => self.copied(text)?,
            Expression::Name(name) => match scope.iter().find(|(known, _)| known == name) {
                Some((_, Value::Text(text))) => self.copied(text)?,
                Some((_, Value::Integer(number))) => Value::Integer(*number),
                None => self.call(name, &[])?,
            },
            Expression::Call(name, arguments) => {
                let mut passed = Vec::with_capacity(arguments.len());
                for (name, argument) in arguments {
                    passed.push((name.clone(), self.value(argument, scope)?));
                }
                self.call(name, &passed)?
            }
            Expression::Negative(inner) => {
                let number = self.integer(inner, scope)?;
                Value::Integer(number.checked_neg().ok_or(JsonError::Arithmetic)?)
            }
            Expression::Binary(left, operator, right) => {
                let (left, right) = (self.integer(left, scope)?, self.integer(right, scope)?);
                Value::Integer(operator.apply(left, right).ok_or(JsonError::Arithmetic)?)
            }
        })
    }

    /// A text that may only be passed on, and so never come to the text that is made.
    fn copied(&mut self, text: &str) -> Result<Value, JsonError> {
        self.budget.spend(text.len(), text.len())?;
        Ok(Value::Text(text.to_owned()))
    }

    fn integer(&mut self, expression: &'a Expression, scope: Scope<'_>) -> Result<i64, JsonError> {
        match self.value(expression, scope)? {
            Value::Integer(number) => Ok(number),
            Value::Text(text) => Err(JsonError::NoNumber(shortened(&text))),
        }
    }

    /// Fills in a template by its name, with what is passed to it.
    fn call(&mut self, name: &'a str, passed: Scope<'_>) -> Result<Value, JsonError> {
        let template = self.templates.0.get(name).ok_or_else(|| JsonError::UnknownName(shortened(name)))?;
        if self.under_way.contains(&name) || self.under_way.len() >= CALLS_MAX {
            return Err(JsonError::Cycle(shortened(name)));
        }
        self.budget.spend(CALL_BYTES, 0)?;
        self.under_way.push(name);
        let mut text = String::new();
        self.append(template, passed, &mut text)?;
        self.under_way.pop();
        Ok(Value::Text(text))
    }
}
