//! Reading fixtures.

use std::path::PathBuf;

use ndarray::Array2;

pub(crate) fn path(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "golden", name]
        .iter()
        .collect()
}

pub(crate) fn image(name: &str) -> Array2<f32> {
    let image = image::open(path(name)).unwrap().into_luma16();
    let raw_is_8_bit = image::open(path(name)).unwrap().color() == image::ColorType::L8;
    let (columns, rows) = image.dimensions();
    Array2::from_shape_fn((rows as usize, columns as usize), |(row, column)| {
        let value = image.get_pixel(column as u32, row as u32)[0];
        f32::from(if raw_is_8_bit { value / 257 } else { value })
    })
}

pub(crate) fn json(name: &str) -> serde_json::Value {
    serde_json::from_str(&std::fs::read_to_string(path(name)).unwrap()).unwrap()
}

pub(crate) fn matrix(value: &serde_json::Value) -> Array2<f32> {
    let rows: Vec<Vec<f32>> = serde_json::from_value(value.clone()).unwrap();
    Array2::from_shape_fn((rows.len(), rows[0].len()), |(r, c)| rows[r][c])
}
