//! As JSON: dimensions, shape, attributes, coordinates, and values nested as the shape is; what is missing is null.

use std::sync::Arc;

use serde_json::json;

use super::table::Table;
use super::values::{Field, Value};
use crate::http::info;

/// Values that are written at once.
const VALUES: usize = 4096;

/// The text, piece by piece.
pub(super) fn pieces(table: &Table) -> impl Iterator<Item = String> + Send + 'static {
    let value = Arc::clone(&table.value);
    let shape = json!(value.variable.grid.shape());
    let head =
        format!("{{\"name\":{},\"shape\":{shape},{},\"coords\":{{", json!(value.name()), described(&value));
    let coordinates: Vec<Arc<Field>> = table.coordinates.iter().map(|one| Arc::clone(&one.field)).collect();
    let coordinates = coordinates.into_iter().enumerate().flat_map(|(number, field)| {
        let comma = if number == 0 { "" } else { "," };
        let head = format!("{comma}{}:{{{},\"values\":", json!(field.name()), described(&field));
        [head].into_iter().chain(nested(field)).chain(["}".to_owned()])
    });
    let values = ["},\"values\":".to_owned()].into_iter().chain(nested(value));
    [head].into_iter().chain(coordinates).chain(values).chain(["}\n".to_owned()])
}

/// Dimensions and attributes.
fn described(field: &Field) -> String {
    let attributes = info::attributes(&field.variable, &["_FillValue"]);
    format!("\"dims\":{},\"attrs\":{}", json!(field.variable.dimensions), json!(attributes))
}

/// Values in as many brackets as there are dimensions.
fn nested(field: Arc<Field>) -> impl Iterator<Item = String> + Send + 'static {
    let shape = field.variable.grid.shape();
    // Values to a bracket, of each dimension; the outermost holds all.
    let spans: Vec<usize> =
        (0..shape.len()).map(|axis| shape[axis..].iter().product::<u64>() as usize).collect();
    let count = field.len();
    let empty = (count == 0).then(|| "[]".to_owned());
    let blocks = (0..count.div_ceil(VALUES)).map(move |block| {
        let mut text = String::new();
        for at in block * VALUES..count.min((block + 1) * VALUES) {
            let brackets = |at: usize| spans.iter().filter(|span| at.is_multiple_of(**span)).count();
            if at > 0 {
                text.push(',');
            }
            text.push_str(&"[".repeat(brackets(at)));
            text.push_str(&written(&field.value(at)));
            text.push_str(&"]".repeat(brackets(at + 1)));
        }
        text
    });
    empty.into_iter().chain(blocks)
}

fn written(value: &Value) -> String {
    match value {
        Value::Text(text) => json!(text).to_string(),
        value if value.number().is_some_and(f64::is_finite) => value.to_string(),
        // Of infinities, JSON has none.
        _ => "null".into(),
    }
}

#[cfg(test)]
mod tests {
    use model::{Attributes, ByteOrder, ChunkGrid, DataType, NodePath, Variable};

    use super::*;

    #[test]
    fn values_are_nested_as_the_shape_is() {
        for (shape, text) in
            [(vec![], "0"), (vec![3], "[0,1,2]"), (vec![2, 1, 2], "[[[0,1]],[[2,3]]]"), (vec![2, 0], "[]")]
        {
            let count = shape.iter().product::<u64>() as i16;
            let variable = Variable {
                path: NodePath::parse("x").unwrap(),
                dimensions: shape.iter().map(ToString::to_string).collect(),
                data_type: DataType::I16,
                byte_order: ByteOrder::Little,
                grid: ChunkGrid::new(shape.clone(), vec![1; shape.len()]).unwrap(),
                codecs: Vec::new(),
                fill_value: None,
                attributes: Attributes::new(),
            };
            let field = Field::new(variable, (0..count).flat_map(i16::to_le_bytes).collect());
            assert_eq!(nested(Arc::new(field)).collect::<String>(), text);
        }
    }
}
