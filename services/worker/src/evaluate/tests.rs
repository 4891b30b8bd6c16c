//! Decoding and bounds; whole requests are tested with real clients.

use model::{ByteOrder, ChunkGrid, Codec, DataType, ErrorKind, NodePath};

use zarr::decoded::Encoding;

use super::*;

fn variable(codecs: Vec<Codec>) -> Variable {
    Variable {
        path: NodePath::parse("t").unwrap(),
        dimensions: vec!["x".into()],
        data_type: DataType::F32,
        byte_order: ByteOrder::Big,
        grid: ChunkGrid::new(vec![6], vec![4]).unwrap(),
        codecs,
        fill_value: None,
        attributes: model::Attributes::default(),
    }
}

#[test]
fn a_chunk_is_decoded_into_the_form_that_is_asked_for() {
    let own = variable(vec![Codec::Lz4Hdf5]);
    let elements: Vec<u8> = [1_f32, 2.0, 3.0, 4.0].iter().flat_map(|number| number.to_le_bytes()).collect();
    let stored = zarr::codecs::ChunkCodecs::new(&own).unwrap().encode(elements.clone().into()).unwrap();
    let decoder = Decoder::new(&own, &Form::Decoded, &Encoding::default()).unwrap();
    let made = decoder.recode(vec![stored.clone()]).unwrap();
    let shown = zarr::decoded::variable(&own, &Encoding::default()).unwrap();
    assert_eq!(zarr::codecs::ChunkCodecs::new(&shown).unwrap().decode(made).unwrap(), elements);
    let damaged = decoder.recode(vec![stored.slice(..stored.len() - 1)]).unwrap_err();
    assert_eq!(damaged.kind, ErrorKind::CorruptData);
}

#[test]
fn a_field_of_grib_has_as_many_points_as_a_chunk() {
    let decoder =
        Decoder::new(&variable(vec![Codec::RawGrib]), &Form::Decoded, &Encoding::default()).unwrap();
    assert_eq!(decoder.decoded_bytes(), Some(16));
    let error = decoder.recode(vec![Bytes::from_static(b"GRIB")]).unwrap_err();
    assert_eq!(error.kind, ErrorKind::CorruptData);
    let stored =
        Decoder::new(&variable(vec![Codec::RawGrib]), &Form::Stored, &Encoding::default()).err().unwrap();
    assert_eq!(stored.kind, ErrorKind::Unsupported);
}

#[tokio::test]
async fn work_waits_for_memory_and_a_fault_is_no_answer() {
    let settings = EvaluateSettings { threads: 1, memory_bytes_max: 1 << 20, ..EvaluateSettings::default() };
    let pool = Pool::new(&settings);
    let all = pool.admit(u64::MAX, Some(1 << 30)).await.unwrap();
    let waiting = pool.admit(1, Some(8 << 20));
    assert!(tokio::time::timeout(std::time::Duration::from_millis(20), waiting).await.is_err());
    let failed: Result<((), _)> = pool.run(all, || panic!("a decoder that gives up")).await;
    assert_eq!(failed.err().unwrap().kind, ErrorKind::CorruptData);
    assert_eq!(pool.run(pool.admit(1, None).await.unwrap(), || Ok(7)).await.unwrap().0, 7);
}
