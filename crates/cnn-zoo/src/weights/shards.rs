//! Weights in several files with an index, as Hugging Face's libraries write them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use candle_core::Tensor;
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::weights::file::TensorFile;

/// Longest index.
const MAX_INDEX: u64 = 64 << 20;
/// Most files of one set of weights.
const MAX_SHARDS: usize = 4096;

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// Several files as one.
pub(super) struct Shards {
    path: PathBuf,
    files: Vec<Box<dyn TensorFile>>,
    /// In which file each tensor is.
    place: BTreeMap<String, usize>,
}

impl Shards {
    /// Reads an index and opens its files, which lie beside it.
    pub(super) fn open(
        path: &Path,
        open: impl Fn(&Path) -> Result<Box<dyn TensorFile>>,
    ) -> Result<Self> {
        let wrong = |reason: String| Error::bad_file(path, reason);
        let length = std::fs::metadata(path)
            .map_err(|error| Error::io(path, error))?
            .len();
        if length > MAX_INDEX {
            return Err(wrong(format!("an index of {length} bytes")));
        }
        let text = std::fs::read(path).map_err(|error| Error::io(path, error))?;
        let index: Index = serde_json::from_slice(&text)
            .map_err(|error| wrong(format!("not an index of weights ({error})")))?;
        let names: BTreeSet<&String> = index.weight_map.values().collect();
        if names.is_empty() || names.len() > MAX_SHARDS {
            return Err(wrong(format!("{} files in its index", names.len())));
        }
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut files = Vec::with_capacity(names.len());
        let mut numbers = BTreeMap::new();
        for name in names {
            let mut parts = Path::new(name).components();
            let is_plain = matches!(parts.next(), Some(Component::Normal(_)));
            if !is_plain || parts.next().is_some() || name.ends_with(".json") {
                return Err(wrong(format!("{name:?} is no file beside the index")));
            }
            numbers.insert(name.clone(), files.len());
            files.push(open(&folder.join(name))?);
        }
        let mut place = BTreeMap::new();
        for (tensor, name) in index.weight_map {
            let number = numbers.get(&name).copied().unwrap_or(usize::MAX);
            if files.get(number).is_none_or(|f| f.shape(&tensor).is_none()) {
                return Err(wrong(format!(
                    "{name} has no {tensor}, which the index puts there"
                )));
            }
            place.insert(tensor, number);
        }
        Ok(Self {
            path: path.to_owned(),
            files,
            place,
        })
    }

    fn file(&self, name: &str) -> Option<&dyn TensorFile> {
        let number = self.place.get(name)?;
        self.files.get(*number).map(AsRef::as_ref)
    }
}

impl TensorFile for Shards {
    fn path(&self) -> &Path {
        &self.path
    }

    fn names(&self) -> Vec<String> {
        self.place.keys().cloned().collect()
    }

    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        self.file(name)?.shape(name)
    }

    fn tensor(&self, name: &str) -> Result<Tensor> {
        match self.file(name) {
            Some(file) => file.tensor(name),
            None => Err(Error::bad_file(&self.path, format!("{name} is missing"))),
        }
    }
}
