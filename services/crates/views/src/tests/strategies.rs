//! Any steps within the grammar, for properties.

use std::num::{NonZeroU32, NonZeroU64};

use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::keyword::Keyword;
use crate::piece::Piece;
use crate::steps::{
    Accuracy, Anomaly, Arithmetic, BitRound, BoundingBox, Chunks, Coarsen, Compression, Convert, Duration,
    ErrorBound, Expression, Extent, FieldMean, Frequency, FrequencyUnit, Function, GroupBy, GroupKey, Groups,
    Indexes, Operator, Quantize, Quantum, Reduce, Reduction, Resample, Select, SelectIndexes,
    SelectVariables, Selection, Shards, Step, Steps, Tolerance, Units,
};
use crate::{Date, Label, Labels, Name, PerVariable, Range};

pub(super) fn steps() -> impl Strategy<Value = Steps> {
    let step = prop_oneof![selecting(), reducing(), computing(), encoding()];
    vec(step, 1..6).prop_filter_map("short enough", |steps| {
        Steps::new(steps).filter(|steps| steps.to_string().len() <= crate::limits::TEXT_BYTES_MAX)
    })
}

fn selecting() -> BoxedStrategy<Step> {
    prop_oneof![
        names().prop_map(|names| Step::SelectVariables(SelectVariables { names })),
        each(selection()).prop_map(|coordinates| Step::Select(Select { coordinates })),
        each(indexes()).prop_map(|dimensions| Step::SelectIndexes(SelectIndexes { dimensions })),
        (-180.0..180.0, -90.0..0.0, -180.0..180.0, 0.0..90.0).prop_map(|(west, south, east, north)| {
            Step::BoundingBox(BoundingBox { west, south, east, north })
        }),
    ]
    .boxed()
}

fn reducing() -> BoxedStrategy<Step> {
    let windows = || each(any::<NonZeroU32>());
    prop_oneof![
        (windows(), reduction(), keyword()).prop_map(|(windows, reduction, boundary)| {
            Step::Coarsen(Coarsen { windows, reduction, boundary })
        }),
        (groups(), reduction()).prop_map(|(groups, reduction)| Step::GroupBy(GroupBy { groups, reduction })),
        (name(), frequency(), reduction()).prop_map(|(dimension, frequency, reduction)| {
            Step::Resample(Resample { dimension, frequency, reduction })
        }),
        (reduction(), names())
            .prop_map(|(reduction, dimensions)| Step::Reduce(Reduce { reduction, dimensions })),
        prop_oneof![Just(Vec::new()), names()]
            .prop_map(|dimensions| Step::FieldMean(FieldMean { dimensions })),
        (group_key(), option::of(range()))
            .prop_map(|(key, reference)| Step::Anomaly(Anomaly { key, reference })),
    ]
    .prop_filter("a period of years in order", |step| match step {
        Step::Anomaly(Anomaly { key: GroupKey::Part(..), reference: Some(range) }) => {
            let (start, end) = range.ends();
            let dates = start.and_then(Label::date).zip(end.and_then(Label::date));
            !dates.is_some_and(|(start, end)| start.is_after(end))
        }
        _ => true,
    })
    .boxed()
}

fn computing() -> BoxedStrategy<Step> {
    prop_oneof![
        (name(), expression())
            .prop_map(|(name, expression)| Step::Arithmetic(Arithmetic { name, expression })),
        each(name().prop_map(Units::from_name)).prop_map(|units| Step::Convert(Convert { units })),
    ]
    .boxed()
}

fn encoding() -> BoxedStrategy<Step> {
    let extents = || each(prop_oneof![Just(Extent::Whole), any::<NonZeroU64>().prop_map(Extent::Elements)]);
    let positive = || number().prop_map(|number| number.abs() + 1e-9);
    let bound = prop_oneof![
        positive().prop_map(ErrorBound::Absolute),
        (1e-9..0.99).prop_map(ErrorBound::Relative),
        (1_u8..=52).prop_map(ErrorBound::Bits),
    ];
    let compressor = select(["lz4", "lz4hc", "blosclz", "zstd", "zlib", "snappy"].as_slice());
    let blosc = (compressor, 0..=9, select(["shuffle", "bitshuffle", "noshuffle"].as_slice()));
    let codec = prop_oneof![
        Just("codec=none".to_owned()),
        (1..=22).prop_map(|level| format!("codec=zstd:{level}")),
        (1..=9).prop_map(|level| format!("codec=gzip:{level}")),
        blosc.prop_map(|(compressor, level, shuffle)| format!("codec=blosc-{compressor}:{level}:{shuffle}")),
    ];
    prop_oneof![
        extents().prop_map(|dimensions| Step::Chunks(Chunks { dimensions })),
        extents().prop_map(|dimensions| Step::Shards(Shards { dimensions })),
        codec.prop_map(|text| Step::Compression(compression(&text))),
        per_variable(1_u8..=52).prop_map(|keep_bits| Step::BitRound(BitRound { keep_bits })),
        per_variable(positive().prop_map(Quantum)).prop_map(|steps| Step::Quantize(Quantize { steps })),
        per_variable(bound).prop_map(|bounds| Step::Accuracy(Accuracy { bounds })),
    ]
    .boxed()
}

fn compression(text: &str) -> Compression {
    match Steps::parse(text).unwrap().as_slice() {
        [Step::Compression(compression)] => *compression,
        other => panic!("{other:?}"),
    }
}

fn name() -> BoxedStrategy<Name> {
    let any_text = "[^\\p{Cc}]{1,12}".prop_filter("short", |text| text.len() <= 40);
    let odd = select(
        ["2t", "a'b", "~p", "'", "a|b", "x..y", "time.month", "-1", "nearest(1)", "mm/day", "Zürich", " "]
            .as_slice(),
    );
    prop_oneof![4 => "[a-z_][a-z0-9_./-]{0,8}", 1 => any_text, 1 => odd.prop_map(str::to_owned)]
        .prop_filter_map("a name", Name::new)
        .boxed()
}

fn names() -> BoxedStrategy<Vec<Name>> {
    btree_set(name(), 1..4).prop_map(|names| names.into_iter().collect()).boxed()
}

fn each<T: Strategy + 'static>(value: T) -> BoxedStrategy<Vec<(Name, T::Value)>>
where
    T::Value: Clone,
{
    btree_map(name(), value, 1..4).prop_map(|pairs| pairs.into_iter().collect()).boxed()
}

fn per_variable<T: Strategy<Value: Clone> + Clone + 'static>(
    value: T,
) -> BoxedStrategy<PerVariable<T::Value>> {
    prop_oneof![value.clone().prop_map(PerVariable::All), each(value).prop_map(PerVariable::Each)].boxed()
}

fn keyword<K: Keyword + std::fmt::Debug>() -> impl Strategy<Value = K> + Clone {
    select(K::ALL.iter().map(|(_, member)| *member).collect::<Vec<_>>())
}

fn number() -> BoxedStrategy<f64> {
    let any = any::<f64>().prop_filter("finite", |number| number.is_finite());
    let number = prop_oneof![any, -1000.0..1000.0, (-100_000_i32..100_000).prop_map(f64::from)];
    number.prop_map(|number| number + 0.0).boxed()
}

fn date() -> BoxedStrategy<Date> {
    let fields = (-999_999_i32..=999_999, 1..=12, 1..=31, 0..=23, 0..=59, 0..=59, 1..1_000_000_000);
    (fields, 1..=6_usize)
        .prop_map(|((year, month, day, hour, minute, second, nanosecond), precision)| {
            let sign = if year < 0 { "-" } else { "" };
            let year = year.abs();
            let parts = [
                format!("{sign}{year:04}-{month:02}"),
                format!("-{day:02}"),
                format!("T{hour:02}"),
                format!(":{minute:02}"),
                format!(":{second:02}"),
                format!(".{nanosecond:09}"),
            ];
            let text = parts[..precision].concat();
            Piece { text: &text, at: 0 }.date().unwrap()
        })
        .boxed()
}

fn label() -> BoxedStrategy<Label> {
    prop_oneof![
        number().prop_map(Label::Number),
        date().prop_map(Label::Date),
        name().prop_map(|name| Label::Text(name.as_str().to_owned())),
    ]
    .boxed()
}

fn labels() -> BoxedStrategy<Labels> {
    prop_oneof![label().prop_map(Labels::One), vec(label(), 2..4).prop_map(Labels::Many)].boxed()
}

fn range() -> BoxedStrategy<Range> {
    let numbers = (number(), number()).prop_map(|(a, b)| Range::Between(Label::Number(a), Label::Number(b)));
    let dates = (date(), date()).prop_map(|(a, b)| {
        let (start, end) = if a.is_after(b) { (b, a) } else { (a, b) };
        Range::Between(Label::Date(start), Label::Date(end))
    });
    prop_oneof![label().prop_map(Range::From), label().prop_map(Range::To), numbers, dates].boxed()
}

fn selection() -> BoxedStrategy<Selection> {
    let duration = (any::<NonZeroU32>(), keyword()).prop_map(|(count, unit)| Duration { count, unit });
    let within = prop_oneof![
        number().prop_map(|number| Tolerance::Number(number.abs())),
        duration.prop_map(Tolerance::Duration)
    ];
    let exact = labels()
        .prop_filter("dates alone are ranges", |labels| !matches!(labels, Labels::One(Label::Date(_))));
    let inexact = (keyword(), labels(), option::of(within))
        .prop_map(|(method, labels, within)| Selection::Inexact { method, labels, within });
    prop_oneof![exact.prop_map(Selection::Exact), range().prop_map(Selection::Range), inexact].boxed()
}

fn indexes() -> BoxedStrategy<Indexes> {
    let slice = (option::of(-20_i64..20), option::of(-20_i64..20), 1_u64..9).prop_filter_map(
        "some of it",
        |(start, stop, stride)| {
            let from = start.unwrap_or(0);
            let is_empty = stop.is_some_and(|stop| stop == 0 || (from < 0) == (stop < 0) && from >= stop);
            let is_all = start.is_none() && stop.is_none() && stride == 1;
            (!is_empty && !is_all).then(|| Indexes::Slice {
                start,
                stop,
                stride: NonZeroU64::new(stride).unwrap(),
            })
        },
    );
    prop_oneof![any::<i64>().prop_map(Indexes::One), vec(any::<i64>(), 2..5).prop_map(Indexes::Many), slice]
        .boxed()
}

fn reduction() -> BoxedStrategy<Reduction> {
    let quantiles = btree_set(0_u32..=1000, 1..4);
    let quantiles = quantiles.prop_map(|all| all.into_iter().map(|part| f64::from(part) / 1000.0).collect());
    prop_oneof![keyword().prop_map(Reduction::Statistic), quantiles.prop_map(Reduction::Quantiles)].boxed()
}

fn group_key() -> BoxedStrategy<GroupKey> {
    let part = (name(), keyword()).prop_map(|(name, part)| GroupKey::Part(name, part));
    prop_oneof![part, name().prop_map(GroupKey::Coordinate)].boxed()
}

fn groups() -> BoxedStrategy<Groups> {
    let edges = btree_set(-1000_i32..1000, 2..6);
    let edges = edges.prop_map(|all| all.into_iter().map(|edge| f64::from(edge) / 8.0).collect());
    let bins = (name(), edges).prop_map(|(variable, edges)| Groups::Bins { variable, edges });
    prop_oneof![group_key().prop_map(Groups::Key), bins].boxed()
}

fn frequency() -> BoxedStrategy<Frequency> {
    let unit = prop_oneof![
        keyword().prop_map(FrequencyUnit::Fixed),
        Just(FrequencyUnit::MonthStart),
        Just(FrequencyUnit::MonthEnd),
        keyword().prop_map(FrequencyUnit::QuarterStart),
        keyword().prop_map(FrequencyUnit::QuarterEnd),
        keyword().prop_map(FrequencyUnit::YearStart),
        keyword().prop_map(FrequencyUnit::YearEnd),
    ];
    (any::<NonZeroU32>(), unit).prop_map(|(count, unit)| Frequency { count, unit }).boxed()
}

fn expression() -> BoxedStrategy<Expression> {
    let leaf = prop_oneof![
        number().prop_map(|number| Expression::Number(number.abs())),
        name().prop_map(Expression::Variable)
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let boxed = || inner.clone().prop_map(Box::new);
        let call = keyword::<Function>().prop_flat_map({
            let inner = inner.clone();
            move |function| {
                let (least, most) = function.arity();
                vec(inner.clone(), least..=most.min(3)).prop_map(move |of| Expression::Call(function, of))
            }
        });
        prop_oneof![
            boxed().prop_map(Expression::Negate),
            (keyword::<Operator>(), boxed(), boxed())
                .prop_map(|(of, left, right)| Expression::Binary(of, left, right)),
            call,
        ]
    })
    .boxed()
}
