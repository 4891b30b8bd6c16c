//! Selection of names.

use super::SelectError;
use super::order::Order;
use super::values::{Values, of_labels};
use crate::Label;
use crate::array::Places;
use crate::error::shortened;
use crate::steps::Selection;

struct Texts<'a>(&'a [String]);

pub(super) fn select(texts: &[String], selection: &Selection) -> Result<Places, SelectError> {
    let texts = Texts(texts);
    match selection {
        Selection::Range(range) => {
            let (start, end) = range.ends();
            let start = start.map(text).transpose()?;
            let end = end.map(text).transpose()?;
            texts.within(range, |value| {
                start.is_none_or(|start| start <= value) && end.is_none_or(|end| value <= end)
            })
        }
        Selection::Exact(labels) => {
            let order = Order::new(&texts);
            of_labels(labels, |label| {
                let text = text(label)?;
                let ranks = order.count_below(|value| value < text)..order.count_below(|value| value <= text);
                if ranks.is_empty() {
                    Err(order.not_found(label, ranks.start))
                } else {
                    Ok(order.places(ranks))
                }
            })
        }
        Selection::Inexact { method, .. } => Err(SelectError::NoDistance(*method)),
    }
}

impl<'a> Values for Texts<'a> {
    type Value = &'a str;

    const KIND: &'static str = "names, which stand in 'quotes' where they look like numbers or dates";

    fn length(&self) -> usize {
        self.0.len()
    }

    fn at(&self, place: usize) -> Option<&'a str> {
        self.0.get(place).map(String::as_str)
    }

    fn text(&self, value: &'a str) -> String {
        shortened(&Label::Text(value.to_owned()).to_string())
    }
}

fn text(label: &Label) -> Result<&str, SelectError> {
    match label {
        Label::Text(text) => Ok(text),
        other => Err(Texts::kind_error(other)),
    }
}
