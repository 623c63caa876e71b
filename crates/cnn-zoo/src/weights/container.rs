//! The safetensors container: written tensor by tensor, read with its header checked.

use std::io::Write;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, Metadata};
use serde::Serialize;

use crate::atomic;
use crate::error::{Error, Result};
use crate::weights::file::TensorFile;

/// A tensor to write.
pub(crate) struct Entry<'a> {
    name: String,
    tensor: &'a Tensor,
}

impl<'a> Entry<'a> {
    pub(crate) fn new(name: impl Into<String>, tensor: &'a Tensor) -> Self {
        Self {
            name: name.into(),
            tensor,
        }
    }

    fn dtype(&self, path: &Path) -> Result<(&'static str, usize)> {
        match self.tensor.dtype() {
            DType::F32 => Ok(("F32", 4)),
            DType::F64 => Ok(("F64", 8)),
            other => Err(Error::bad_file(
                path,
                format!("{} is {other:?}; only F32 and F64 are written", self.name),
            )),
        }
    }

    fn write(&self, writer: &mut impl Write, path: &Path) -> Result<()> {
        let flat = self.tensor.detach().flatten_all()?;
        let mut chunk = Vec::with_capacity(1 << 16);
        let mut put = |bytes: &[u8], writer: &mut dyn Write| -> Result<()> {
            chunk.extend_from_slice(bytes);
            if chunk.len() >= (1 << 16) - 8 {
                writer.write_all(&chunk).map_err(|e| Error::io(path, e))?;
                chunk.clear();
            }
            Ok(())
        };
        if flat.dtype() == DType::F64 {
            for value in flat.to_vec1::<f64>()? {
                put(&value.to_le_bytes(), writer)?;
            }
        } else {
            for value in flat.to_vec1::<f32>()? {
                put(&value.to_le_bytes(), writer)?;
            }
        }
        writer.write_all(&chunk).map_err(|e| Error::io(path, e))
    }
}

#[derive(Serialize)]
struct Header<'a> {
    dtype: &'a str,
    shape: &'a [usize],
    data_offsets: [usize; 2],
}

/// Writes a container; tensors are laid out by name, so equal contents give equal bytes.
pub(crate) fn write_container(
    path: &Path,
    entries: &[Entry<'_>],
    metadata: &[(&str, String)],
) -> Result<()> {
    let broken = |error: serde_json::Error| Error::bad_file(path, error);
    let mut sorted: Vec<&Entry<'_>> = entries.iter().collect();
    // Wider types first keeps every tensor aligned.
    let width = |e: &Entry<'_>| e.tensor.dtype().size_in_bytes();
    sorted.sort_by(|a, b| width(b).cmp(&width(a)).then_with(|| a.name.cmp(&b.name)));
    let mut header = serde_json::Map::new();
    let notes: serde_json::Map<_, _> = metadata
        .iter()
        .map(|(key, text)| ((*key).to_owned(), text.clone().into()))
        .collect();
    header.insert("__metadata__".to_owned(), notes.into());
    let mut offset = 0;
    for entry in &sorted {
        let (dtype, bytes) = entry.dtype(path)?;
        let end = offset + entry.tensor.elem_count() * bytes;
        let record = Header {
            dtype,
            shape: entry.tensor.dims(),
            data_offsets: [offset, end],
        };
        header.insert(
            entry.name.clone(),
            serde_json::to_value(record).map_err(broken)?,
        );
        offset = end;
    }
    let mut text = serde_json::to_vec(&header).map_err(broken)?;
    text.resize(text.len().next_multiple_of(8), b' ');
    atomic::write(path, |writer| {
        let on = |error| Error::io(path, error);
        writer
            .write_all(&(text.len() as u64).to_le_bytes())
            .map_err(on)?;
        writer.write_all(&text).map_err(on)?;
        for entry in &sorted {
            entry.write(writer, path)?;
        }
        Ok(())
    })
}

/// A container read from disk; its header agrees with its length.
#[derive(Debug)]
pub(crate) struct Container {
    path: PathBuf,
    bytes: Vec<u8>,
    data_start: usize,
    header: Metadata,
}

impl Container {
    /// Reads and checks a file.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|error| Error::io(path, error))?;
        let (header_len, header) = SafeTensors::read_metadata(&bytes).map_err(|error| {
            Error::bad_file(path, format!("not a whole safetensors file ({error})"))
        })?;
        Ok(Self {
            path: path.to_owned(),
            data_start: header_len + 8,
            bytes,
            header,
        })
    }

    pub(crate) fn metadata(&self, key: &str) -> Option<&str> {
        self.header
            .metadata()
            .as_ref()
            .and_then(|m| m.get(key))
            .map(String::as_str)
    }

    /// A floating-point tensor in its own type.
    pub(crate) fn raw(&self, name: &str) -> Result<Tensor> {
        let info = self
            .header
            .info(name)
            .ok_or_else(|| Error::bad_file(&self.path, format!("{name} is missing")))?;
        let dtype = match info.dtype {
            Dtype::F32 => DType::F32,
            Dtype::F64 => DType::F64,
            Dtype::F16 => DType::F16,
            Dtype::BF16 => DType::BF16,
            other => {
                let reason = format!("{name} is {other:?}, expected a floating-point type");
                return Err(Error::bad_file(&self.path, reason));
            }
        };
        let (start, end) = info.data_offsets;
        let data = self
            .bytes
            .get(self.data_start + start..self.data_start + end)
            .ok_or_else(|| Error::bad_file(&self.path, format!("{name} is cut off")))?;
        Ok(Tensor::from_raw_buffer(
            data,
            dtype,
            &info.shape,
            &Device::Cpu,
        )?)
    }
}

impl TensorFile for Container {
    fn path(&self) -> &Path {
        &self.path
    }

    fn names(&self) -> Vec<String> {
        self.header.offset_keys()
    }

    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        self.header.info(name).map(|info| info.shape.clone())
    }

    fn tensor(&self, name: &str) -> Result<Tensor> {
        Ok(self.raw(name)?.to_dtype(DType::F32)?)
    }
}
