//! Weights that Keras wrote as HDF5: whole models and weights alone, and the `.weights.h5` of
//! Keras 3.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use hdf5_pure::{AttrValue, DType, File, Group};

use crate::error::{Error, Result};
use crate::weights::file::TensorFile;

/// Most layers, and most tensors of one, that a file may name.
const MAX_NAMES: usize = 1 << 16;
/// Most bytes of one tensor.
const MAX_BYTES: u64 = 8 << 30;
/// No filter of HDF5 packs more than this many bytes into one.
const MAX_RATIO: u64 = 1100;

/// A layer and the names of its tensors, in the order in which Keras keeps them.
#[derive(Debug)]
pub(super) struct Layer {
    pub(super) name: String,
    pub(super) tensors: Vec<String>,
}

/// A file of Keras.
pub(super) struct KerasFile {
    path: PathBuf,
    file: File,
    length: u64,
    pub(super) layers: Vec<Layer>,
    shapes: HashMap<String, Vec<usize>>,
    /// Whether layers are named after their class and numbered in the model's order.
    pub(super) by_class: bool,
}

impl KerasFile {
    /// Reads the directory.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let length = std::fs::metadata(path)
            .map_err(|error| Error::io(path, error))?
            .len();
        let (file, layers, by_class) = guarded(path, || {
            let file = File::open_streaming(path)?;
            let root = file.root();
            let groups = root.groups()?;
            let (group, prefix) = if groups.iter().any(|name| name == "model_weights") {
                (file.group("model_weights")?, "model_weights/")
            } else {
                (root, "")
            };
            let attributes = group.attrs()?;
            let by_class = names(&attributes, "layer_names").is_none();
            let layers = match names(&attributes, "layer_names") {
                Some(found) => by_name(&group, prefix, found)?,
                None if groups.iter().any(|name| name == "layers") => by_variable(&file)?,
                None => Vec::new(),
            };
            Ok((file, layers, by_class))
        })?;
        let mut found = Self {
            path: path.to_owned(),
            file,
            length,
            layers,
            shapes: HashMap::new(),
            by_class,
        };
        let all: Vec<String> = found
            .layers
            .iter()
            .flat_map(|layer| layer.tensors.iter().cloned())
            .collect();
        if all.is_empty() {
            return Err(Error::bad_file(
                path,
                "no weights of a Keras model are in it",
            ));
        }
        for name in all {
            let shape = guarded(path, || found.file.dataset(&name)?.shape())?;
            let shape = shape
                .into_iter()
                .map(|n| usize::try_from(n).unwrap_or(usize::MAX))
                .collect();
            found.shapes.insert(name, shape);
        }
        Ok(found)
    }
}

/// The names in an attribute, which Keras cuts into several where there are many.
fn names(attributes: &HashMap<String, AttrValue>, key: &str) -> Option<Vec<String>> {
    let texts = |value: &AttrValue| value.as_strings().map(<[String]>::to_vec);
    if let Some(value) = attributes.get(key) {
        return Some(texts(value).unwrap_or_default());
    }
    let pieces: Vec<String> = (0..MAX_NAMES)
        .map_while(|piece| attributes.get(&format!("{key}{piece}")).and_then(texts))
        .flatten()
        .take(MAX_NAMES)
        .collect();
    (!pieces.is_empty()).then_some(pieces)
}

/// `LAYER/WEIGHT`, both listed in attributes.
fn by_name(
    group: &Group,
    prefix: &str,
    layers: Vec<String>,
) -> Result<Vec<Layer>, hdf5_pure::Error> {
    let mut found = Vec::new();
    for name in layers {
        let attributes = group.group(&name)?.attrs()?;
        let tensors = names(&attributes, "weight_names").unwrap_or_default();
        if !tensors.is_empty() {
            let tensors = tensors
                .into_iter()
                .map(|tensor| format!("{prefix}{name}/{tensor}"))
                .collect();
            found.push(Layer { name, tensors });
        }
    }
    Ok(found)
}

/// `layers/CLASS_NUMBER/vars/NUMBER`, as Keras 3 writes.
fn by_variable(file: &File) -> Result<Vec<Layer>, hdf5_pure::Error> {
    let mut found = Vec::new();
    for name in file.group("layers")?.groups()? {
        let folder = format!("layers/{name}/vars");
        let Ok(group) = file.group(&folder) else {
            continue;
        };
        let mut numbers: Vec<usize> = group
            .datasets()?
            .iter()
            .filter_map(|number| number.parse().ok())
            .collect();
        numbers.sort_unstable();
        if !numbers.is_empty() {
            let tensors = numbers.iter().map(|n| format!("{folder}/{n}")).collect();
            found.push(Layer { name, tensors });
        }
    }
    Ok(found)
}

/// Runs a read; a fault of the HDF5 library becomes an error of the file.
fn guarded<T>(path: &Path, read: impl FnOnce() -> Result<T, hdf5_pure::Error>) -> Result<T> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(result) => result.map_err(|error| Error::bad_file(path, error)),
        Err(_) => Err(Error::bad_file(path, "the HDF5 reader failed")),
    }
}

impl TensorFile for KerasFile {
    fn path(&self) -> &Path {
        &self.path
    }

    fn names(&self) -> Vec<String> {
        self.layers
            .iter()
            .flat_map(|layer| layer.tensors.iter().cloned())
            .collect()
    }

    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        self.shapes.get(name).cloned()
    }

    fn tensor(&self, name: &str) -> Result<Tensor> {
        let wrong = |reason: String| Error::bad_file(&self.path, format!("{name}: {reason}"));
        let shape = self
            .shape(name)
            .ok_or_else(|| wrong("missing".to_owned()))?;
        let (dtype, element, chunk) = guarded(&self.path, || {
            let dataset = self.file.dataset(name)?;
            Ok((
                dataset.dtype()?,
                dataset.element_size()?,
                dataset.chunk_shape()?,
            ))
        })?;
        let limit = self.length.saturating_mul(MAX_RATIO).min(MAX_BYTES);
        let bytes = |axes: &[u64]| {
            axes.iter()
                .try_fold(element, |n, &axis| n.checked_mul(axis))
                .unwrap_or(u64::MAX)
        };
        let axes: Vec<u64> = shape.iter().map(|&n| n as u64).collect();
        let declared = bytes(&axes).max(bytes(&chunk.unwrap_or_default()));
        if declared > limit {
            return Err(wrong(format!(
                "it declares {declared} bytes, more than the file can hold"
            )));
        }
        let values = guarded(&self.path, || {
            let dataset = self.file.dataset(name)?;
            match dtype {
                DType::F32 => dataset.read_f32().map(Some),
                DType::F64 => {
                    let values = dataset.read_f64()?;
                    #[allow(clippy::cast_possible_truncation)]
                    Ok(Some(values.into_iter().map(|v| v as f32).collect()))
                }
                _ => Ok(None),
            }
        })?
        .ok_or_else(|| wrong(format!("its elements are {dtype:?}, expected F32 or F64")))?;
        if values.len() != shape.iter().product::<usize>() {
            return Err(wrong(format!(
                "{} values for shape {shape:?}",
                values.len()
            )));
        }
        Ok(Tensor::from_vec(values, &shape[..], &Device::Cpu)?)
    }
}
