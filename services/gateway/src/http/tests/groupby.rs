//! Group-by diagnostics: every form, what is not there, what is too large.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::StatusCode;
use model::{AttributeValue, Attributes, DataType, Dataset, Group, NodePath};
use serde_json::json;

use super::worker::{text, variable};
use super::{Answer, Gateway};

const MEAN: &str = "/datasets/atmos/groupby/tas/time.month/mean";

/// What grouping makes of any dataset: 3 months and 2 latitudes, in chunks of 2 and 2; of a sum, one too large for an answer; of a
/// count, one with many values.
pub(super) fn view(steps: &str) -> Option<Dataset> {
    let (_, action) = steps.split_once("|groupby=time.month:")?;
    let action = action.strip_suffix("|codec=none").unwrap_or(action);
    let latitudes: u64 = match action {
        "sum" => 4 << 20,
        "count" => 40_000,
        _ => 2,
    };
    let mut tas = variable("tas", &["month", "lat"], DataType::F64, &[3, latitudes], &[2, latitudes]);
    tas.attributes.set("units", text("K"));
    let mut month = variable("month", &["month"], DataType::I64, &[3], &[3]);
    month.attributes.set("long_name", text("<month>"));
    let names = variable("name", &["lat"], DataType::FixedUnicode(2), &[latitudes], &[latitudes]);
    tas.attributes.set("coordinates", text("name height"));
    let height = variable("height", &[], DataType::F32, &[], &[]);
    let mut global = Attributes::new();
    global.set("history", AttributeValue::Text(steps.into()));
    let variables = if action == "last" { vec![month] } else { vec![month, tas, names, height] };
    Some(Dataset { groups: vec![Group { path: NodePath::root(), attributes: global }], variables })
}

/// A chunk of it.
pub(super) fn chunk(steps: &str, variable: &str, number: u64) -> Bytes {
    let doubles = |numbers: &[f64]| numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
    match (variable, number) {
        ("tas", _) if steps.contains("count") => doubles(&vec![1.5; 80_000]),
        ("tas", 0) => doubles(&[280.5, f64::NAN, 1e-9, 2.0]),
        // Behind the end of the array stands anything.
        ("tas", _) => doubles(&[f64::INFINITY, -4.0, 99.0, 99.0]),
        ("month", _) => [1_i64, 2, 12].iter().flat_map(|n| n.to_le_bytes()).collect(),
        ("height", _) => 2_f32.to_le_bytes().to_vec().into(),
        _ => {
            let count = if steps.contains("count") { 40_000 } else { 2 };
            let names = ["a\"", "b"].into_iter().cycle().take(count);
            let points = |name: &str| {
                let mut points: Vec<u32> = name.chars().map(u32::from).collect();
                points.resize(2, 0);
                points
            };
            names.flat_map(points).flat_map(u32::to_le_bytes).collect()
        }
    }
}

fn body(answer: &Answer) -> String {
    String::from_utf8(answer.body.to_vec()).unwrap()
}

#[tokio::test]
async fn values_are_told_to_scripts() {
    let gateway = Gateway::new();
    for answer in [
        gateway.get(&format!("{MEAN}?format=json")).await,
        gateway.get_with(MEAN, &[("accept", "application/json")]).await,
    ] {
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert!(answer.headers.get_all("vary").iter().any(|value| value == "accept"));
        let told = answer.json();
        assert_eq!((&told["name"], &told["shape"]), (&json!("tas"), &json!([3, 2])));
        assert_eq!(told["dims"], json!(["month", "lat"]));
        assert_eq!(told["values"], json!([[280.5, null], [1e-9, 2], [null, -4]]));
        assert_eq!(told["attrs"]["units"], "K");
        assert_eq!(told["coords"]["month"]["values"], json!([1, 2, 12]));
        assert_eq!(told["coords"]["name"]["values"], json!(["a\"", "b"]));
        assert_eq!(told["coords"]["height"], json!({"dims": [], "attrs": {}, "values": 2}));
    }
    let csv = gateway.get(&format!("{MEAN}?format=csv")).await;
    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8"));
    let rows = "month,lat,name,height,tas\n1,0,\"a\"\"\",2,280.5\n1,1,b,2,\n2,0,\"a\"\"\",2,1e-9\n2,1,b,2,2\n\
                12,0,\"a\"\"\",2,inf\n12,1,b,2,-4\n";
    assert_eq!(body(&csv), rows);
    assert_eq!(csv.header("content-disposition"), Some("attachment; filename=\"tas.time.month.mean.csv\""));
}

#[tokio::test]
async fn netcdf_is_read_back_as_it_was() {
    let gateway = Gateway::new();
    let answer = gateway.get(&format!("{MEAN}?format=netcdf")).await;
    assert_eq!(answer.header("content-type"), Some("application/netcdf"));
    let bytes = std::io::Cursor::new(answer.body.to_vec());
    let mut file = netcdf3::FileReader::open_seek_read("memory", Box::new(bytes)).unwrap();
    assert_eq!(file.read_var_i32("month").unwrap(), [1, 2, 12]);
    assert_eq!(file.read_var_u8("name").unwrap(), b"a\"b\0");
    assert_eq!(file.read_var_f32("height").unwrap(), [2.0]);
    let values = file.read_var_f64("tas").unwrap();
    assert!(values[1].is_nan());
    assert_eq!((values[0], values[4], values[5]), (280.5, f64::INFINITY, -4.0));
    let header = file.data_set();
    assert_eq!(header.get_var_attr_as_string("tas", "units").unwrap(), "K");
    let history = "var=tas|groupby=time.month:mean|codec=none";
    assert_eq!(header.get_global_attr_as_string("history").unwrap(), history);
}

#[tokio::test]
async fn people_get_a_page_and_zarr_is_elsewhere() {
    let gateway = Gateway::new();
    let page = gateway.get_with(MEAN, &[("host", "data.org"), ("accept", "text/html,*/*")]).await;
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    let text = body(&page);
    for part in [
        "mean of tas by time.month",
        "units K",
        "<th>12</th><td>inf</td><td>-4</td>",
        "?format=netcdf\"",
        "http://data.org/datasets/atmos/view/var~etas~pgroupby~etime.month~dmean~pcodec~enone/zarr",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(body(&gateway.get(MEAN).await).matches("<tr>").count(), 4);
    let zarr = gateway.get(&format!("{MEAN}?format=zarr")).await;
    assert_eq!(zarr.status, StatusCode::TEMPORARY_REDIRECT);
    let place = "/datasets/atmos/view/var~etas~pgroupby~etime.month~dmean~pcodec~enone/zarr";
    assert_eq!(zarr.header("location"), Some(place));
    let many = body(&gateway.get("/datasets/atmos/groupby/tas/time.month/count").await);
    assert!(many.contains("<th>12</th><td>1.5</td><td>1.5</td><td>1.5</td><td>0</td>"), "{many}");
}

#[tokio::test]
async fn what_is_not_there_is_404_in_the_words_of_the_system_before() {
    let gateway = Gateway::new();
    for (path, detail) in [
        ("zzz/time.month/mean", "Variable 'zzz' not found in dataset"),
        ("tas/zzz.month/mean", "Groupby coordinate 'zzz.month' not found in dataset"),
        ("tas/time.fortnight/mean", "Groupby coordinate 'time.fortnight' not found in dataset"),
        ("tas/time.month|mean=lat/mean", "Groupby coordinate 'time.month|mean=lat' not found in dataset"),
        ("tas/time.month/middle", "Groupby action 'middle' not recognized"),
        ("tas/time.month/mean%7Cmean=lat", "Groupby action 'mean|mean=lat' not recognized"),
        ("tas/time.month/bins(0;1):mean", "Groupby action 'bins(0;1):mean' not recognized"),
    ] {
        for format in ["html", "json", "zarr"] {
            let path = path.replace('|', "%7C");
            let answer = gateway.get(&format!("/datasets/atmos/groupby/{path}?format={format}")).await;
            assert_eq!((answer.status, &*answer.detail()), (StatusCode::NOT_FOUND, detail), "{path}");
        }
    }
    let unknown = gateway.get("/datasets/nope/groupby/tas/time.month/mean").await;
    assert_eq!(unknown.detail(), "Dataset 'nope' not found");
    for (path, word) in [("?format=xml", "html, json, csv"), ("x?format=json", "Groupby action 'meanx'")] {
        assert!(gateway.get(&format!("{MEAN}{path}")).await.detail().contains(word), "{path}");
    }
    let not_grouped = gateway.get("/datasets/atmos/groupby/tas/time.month/last").await;
    assert_eq!(not_grouped.status, StatusCode::BAD_REQUEST);
    assert!(not_grouped.detail().contains("'tas' has no dimension"), "{}", not_grouped.detail());
    assert_eq!(
        gateway.get("/datasets/atmos/groupby/%ff/time.month/mean").await.status,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn what_is_too_large_is_413_before_anything_is_made() {
    let gateway = Gateway::new();
    let sum = "/datasets/atmos/groupby/tas/time.month/sum";
    for format in ["html", "json", "csv", "netcdf"] {
        let answer = gateway.get(&format!("{sum}?format={format}")).await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE, "{format}");
        for part in ["129 MiB", "64 MiB", "var~etas~pgroupby~etime.month~dsum~pcodec~enone/zarr"] {
            assert!(answer.detail().contains(part), "{}", answer.detail());
        }
    }
    assert_eq!(gateway.get(&format!("{sum}?format=zarr")).await.status, StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(gateway.worker.made_count.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn many_values_are_sent_as_they_are_written() {
    let gateway = Gateway::new();
    let count = "/datasets/atmos/groupby/tas/time.month/count";
    let json = gateway.get(&format!("{count}?format=json")).await;
    assert_eq!(json.header("content-length"), None);
    let told = json.json();
    assert_eq!(told["values"].as_array().unwrap().len(), 3);
    assert_eq!(told["values"][2].as_array().unwrap().len(), 40_000);
    let csv = gateway.get(&format!("{count}?format=csv")).await;
    assert_eq!(body(&csv).lines().count(), 120_001);
    let head = gateway.head(&format!("{count}?format=csv")).await;
    assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
    assert_eq!(gateway.state.limits.load(), (0, 0));
}

#[tokio::test]
async fn an_answer_has_a_tag_and_is_not_made_again_for_who_has_it() {
    let gateway = Gateway::new();
    let mut tags = Vec::new();
    for format in ["html", "json", "csv", "netcdf"] {
        let path = format!("{MEAN}?format={format}");
        let answer = gateway.get(&path).await;
        let head = gateway.head(&path).await;
        assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
        for name in ["content-length", "etag", "content-type", "cache-control"] {
            assert!(head.header(name).is_some() && head.header(name) == answer.header(name), "{name}");
        }
        let etag = answer.header("etag").unwrap().to_owned();
        let made = gateway.worker.made_count.load(Ordering::SeqCst);
        let again = gateway.get_with(&path, &[("if-none-match", &etag)]).await;
        assert_eq!(again.status, StatusCode::NOT_MODIFIED);
        assert_eq!(gateway.worker.made_count.load(Ordering::SeqCst), made);
        tags.push(etag);
    }
    tags.dedup();
    assert_eq!(tags.len(), 4);
}
