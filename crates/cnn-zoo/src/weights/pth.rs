//! State dicts that `torch.save` wrote: the ZIP form of PyTorch 1.6 and later, and the older one.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};

use crate::error::{Error, Result};
use crate::weights::file::TensorFile;
use crate::weights::pickle::{Element, Object, Pickle, TensorRecord};
use crate::weights::zip::{Directory, Span};

/// How the older form begins: protocol 2 and the number 0x1950a86a20f9469cfc6c.
pub(super) const LEGACY_MAGIC: &[u8] = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.";
/// Longest description of the tensors; that of the largest network here has 150 kB.
const MAX_PICKLE: u64 = 8 << 20;
/// Where training programs put the state dict among other things.
const NESTED: [&str; 4] = ["state_dict", "model_state_dict", "model", "net"];

/// A state dict on disk.
#[derive(Debug)]
pub(super) struct PthFile {
    path: PathBuf,
    tensors: BTreeMap<String, TensorRecord>,
    storages: HashMap<String, Span>,
}

impl PthFile {
    /// Reads the description of the tensors, not the tensors.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let wrong = |reason: String| Error::bad_file(path, reason);
        let mut file = File::open(path).map_err(|error| Error::io(path, error))?;
        let length = file
            .metadata()
            .map_err(|error| Error::io(path, error))?
            .len();
        let mut start = Vec::new();
        (&mut file)
            .take(LEGACY_MAGIC.len() as u64)
            .read_to_end(&mut start)
            .map_err(|error| Error::io(path, error))?;
        let (pickle, storages) = if start == LEGACY_MAGIC {
            read_legacy(&mut file, length).map_err(wrong)?
        } else {
            read_archive(&mut file, length).map_err(wrong)?
        };
        let tensors = state_dict(&pickle).map_err(wrong)?;
        Ok(Self {
            path: path.to_owned(),
            tensors,
            storages,
        })
    }

    fn values(&self, name: &str, record: &TensorRecord) -> Result<Vec<f32>> {
        let wrong = |reason: String| Error::bad_file(&self.path, format!("{name}: {reason}"));
        let TensorRecord {
            storage,
            offset,
            shape,
            strides,
        } = record;
        let span = self
            .storages
            .get(&storage.key)
            .ok_or_else(|| wrong(format!("storage {:?} is missing", storage.key)))?;
        let bytes = storage.element.bytes();
        let held = usize::try_from(span.length).unwrap_or(usize::MAX) / bytes;
        let fits = || -> Option<(usize, usize)> {
            let count = shape.iter().try_fold(1_usize, |n, &d| n.checked_mul(d))?;
            if strides.len() != shape.len() || count > held {
                return None;
            }
            let mut last = *offset;
            for (&size, &stride) in shape.iter().zip(strides) {
                last = last.checked_add(size.saturating_sub(1).checked_mul(stride)?)?;
            }
            (count == 0 || last < held).then_some((count, last + 1))
        };
        let (count, end) = fits().ok_or_else(|| {
            wrong(format!(
                "shape {shape:?} with strides {strides:?} from {offset} does not fit a storage \
                 of {held} values"
            ))
        })?;
        if count == 0 {
            return Ok(Vec::new());
        }
        let start = span.start + (offset * bytes) as u64;
        let mut raw = vec![0; (end - offset) * bytes];
        let io = |error| Error::io(&self.path, error);
        let mut file = File::open(&self.path).map_err(io)?;
        file.seek(SeekFrom::Start(start)).map_err(io)?;
        file.read_exact(&mut raw).map_err(io)?;
        let dtype = match storage.element {
            Element::F32 => DType::F32,
            Element::F64 => DType::F64,
            Element::F16 => DType::F16,
            Element::BF16 => DType::BF16,
            Element::Integer(width) => {
                return Err(wrong(format!(
                    "it holds {width}-byte integers, expected a floating-point type"
                )));
            }
        };
        let flat = Tensor::from_raw_buffer(&raw, dtype, &[end - offset], &Device::Cpu)?;
        drop(raw);
        let flat: Vec<f32> = flat.to_dtype(DType::F32)?.to_vec1()?;
        if flat.len() == count && is_contiguous(shape, strides) {
            return Ok(flat);
        }
        let mut values = Vec::with_capacity(count);
        let mut index = vec![0; shape.len()];
        for _ in 0..count {
            let at: usize = index.iter().zip(strides).map(|(i, s)| i * s).sum();
            values.push(flat.get(at).copied().unwrap_or(f32::NAN));
            for (axis, &size) in index.iter_mut().zip(shape).rev() {
                *axis += 1;
                if *axis < size {
                    break;
                }
                *axis = 0;
            }
        }
        Ok(values)
    }
}

impl TensorFile for PthFile {
    fn path(&self) -> &Path {
        &self.path
    }

    fn names(&self) -> Vec<String> {
        self.tensors.keys().cloned().collect()
    }

    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        self.tensors.get(name).map(|t| t.shape.clone())
    }

    fn tensor(&self, name: &str) -> Result<Tensor> {
        let record = self
            .tensors
            .get(name)
            .ok_or_else(|| Error::bad_file(&self.path, format!("{name} is missing")))?;
        let values = self.values(name, record)?;
        Ok(Tensor::from_vec(values, &record.shape[..], &Device::Cpu)?)
    }
}

fn is_contiguous(shape: &[usize], strides: &[usize]) -> bool {
    let mut expected = 1;
    shape.iter().zip(strides).rev().all(|(&size, &stride)| {
        let fits = size == 1 || stride == expected;
        expected *= size;
        fits
    })
}

type Described = (Pickle, HashMap<String, Span>);

/// `NAME/data.pkl` describes the tensors, `NAME/data/KEY` are the storages.
fn read_archive(file: &mut File, length: u64) -> Result<Described, String> {
    let directory = Directory::read(file, length)?;
    let described: Vec<&str> = directory
        .names()
        .filter(|name| *name == "data.pkl" || name.ends_with("/data.pkl"))
        .collect();
    let [described] = described[..] else {
        return Err(format!(
            "not a file of torch.save: it has {} entries data.pkl, expected 1",
            described.len()
        ));
    };
    let folder = described.strip_suffix("data.pkl").unwrap_or_default();
    let bytes = |span: Span| -> Result<Vec<u8>, String> {
        let mut file = &*file;
        file.seek(SeekFrom::Start(span.start))
            .map_err(|e| e.to_string())?;
        let mut bytes = Vec::new();
        file.take(span.length)
            .read_to_end(&mut bytes)
            .map_err(|e| e.to_string())?;
        Ok(bytes)
    };
    if let Some(order) = directory.get(&format!("{folder}byteorder"))
        && (order.length > 16 || bytes(order)? != b"little")
    {
        return Err("it was written on a big-endian machine".to_owned());
    }
    let span = directory.get(described).ok_or("data.pkl is missing")?;
    if span.length > MAX_PICKLE {
        return Err(format!(
            "its description has {} bytes, expected at most {MAX_PICKLE}",
            span.length
        ));
    }
    let pickle = Pickle::read(&bytes(span)?)?;
    let data = format!("{folder}data/");
    let storages = directory
        .names()
        .filter_map(|name| {
            let key = name.strip_prefix(&data)?;
            Some((key.to_owned(), directory.get(name)?))
        })
        .collect();
    Ok((pickle, storages))
}

/// Five pickles (number, version, machine, tensors, order of the storages), then the storages,
/// each after its count.
fn read_legacy(file: &mut File, length: u64) -> Result<Described, String> {
    let io = |error: std::io::Error| error.to_string();
    file.seek(SeekFrom::Start(0)).map_err(io)?;
    let mut head = Vec::new();
    file.take(MAX_PICKLE).read_to_end(&mut head).map_err(io)?;
    let mut at = LEGACY_MAGIC.len();
    let mut next = || -> Result<Pickle, String> {
        let pickle = Pickle::read(head.get(at..).unwrap_or_default())?;
        at += pickle.length;
        Ok(pickle)
    };
    let version = next()?;
    if version.root() != Some(&Object::Number(1001)) {
        return Err(format!("unknown version {:?}", version.root()));
    }
    next()?;
    let pickle = next()?;
    let keys = next()?;
    let elements: HashMap<&str, Element> = pickle
        .storages()
        .map(|s| (s.key.as_str(), s.element))
        .collect();
    let Some(Object::List(keys_in_order)) = keys.root() else {
        return Err("the order of the storages is no list".to_owned());
    };
    let mut start = at as u64;
    let mut storages = HashMap::new();
    for &id in keys_in_order {
        let Some(Object::Text(key)) = keys.get(id) else {
            return Err("the name of a storage is no text".to_owned());
        };
        let Some(element) = elements.get(key.as_str()) else {
            return Err(format!("storage {key:?} belongs to no tensor"));
        };
        let mut count = [0; 8];
        file.seek(SeekFrom::Start(start)).map_err(io)?;
        file.read_exact(&mut count).map_err(io)?;
        let bytes = u64::from_le_bytes(count).checked_mul(element.bytes() as u64);
        let span = Span {
            start: start + 8,
            length: bytes.unwrap_or(u64::MAX),
        };
        start = match span.start.checked_add(span.length) {
            Some(end) if end <= length => end,
            _ => return Err(format!("storage {key:?} is longer than the file")),
        };
        storages.insert(key.clone(), span);
    }
    Ok((pickle, storages))
}

/// The named tensors of a dictionary, or of the one it holds under a usual name.
fn state_dict(pickle: &Pickle) -> Result<BTreeMap<String, TensorRecord>, String> {
    let mut current = pickle.root();
    // a training record may nest the state dict once or twice
    for _ in 0..3 {
        let Some(Object::Dict(items)) = current else {
            break;
        };
        let entry = |&(key, value)| match (pickle.get(key), pickle.get(value)) {
            (Some(Object::Text(name)), Some(Object::Tensor(tensor))) => {
                Some((name.clone(), (**tensor).clone()))
            }
            _ => None,
        };
        let found: BTreeMap<String, TensorRecord> = items.iter().filter_map(entry).collect();
        if !found.is_empty() {
            return Ok(found);
        }
        current = NESTED.iter().find_map(|wanted| {
            items.iter().find_map(|&(key, value)| {
                let is_wanted =
                    matches!(pickle.get(key), Some(Object::Text(name)) if name == wanted);
                is_wanted.then(|| pickle.get(value)).flatten()
            })
        });
    }
    Err("it holds no dictionary of named tensors".to_owned())
}
