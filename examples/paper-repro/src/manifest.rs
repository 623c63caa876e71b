//! `manifest.json`: what was run, with what, and how long it took; also what makes a run resumable.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use mri_io::atomic::write_atomically;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::config::{Config, Device, Profile, Protocol};
use crate::error::{Context, Error, Result};

/// Version of the layout of `manifest.json` and of everything beside it.
pub const FORMAT: u32 = 1;

/// What was run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the output layout.
    pub format: u32,
    /// Version of this program.
    pub version: String,
    /// Commit this program was built from, if it was built in a checkout.
    pub commit: Option<String>,
    /// Seed of everything random.
    pub seed: u64,
    /// The profile the sizes came from.
    pub profile: Profile,
    /// What the study meant.
    pub protocol: Protocol,
    /// Where tensors lived.
    pub device: Device,
    /// Whether the data are a phantom.
    pub synthetic: bool,
    /// SHA-256 of every input file that the program did not make itself.
    pub inputs: BTreeMap<String, String>,
    /// Finished stages, in order.
    pub stages: Vec<StageRecord>,
    /// The stage under way, if the program was stopped in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unfinished: Option<Unfinished>,
}

/// A finished stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageRecord {
    /// Which stage.
    pub name: String,
    /// How long it took.
    pub seconds: f64,
    /// Its largest resident memory, where the system tells.
    pub peak_rss_bytes: Option<u64>,
    /// Hash of its options and inputs.
    pub fingerprint: String,
    /// SHA-256 of every file it wrote, by path below the output folder.
    pub outputs: BTreeMap<String, String>,
}

/// A stage that was begun and not ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Unfinished {
    /// Which stage.
    pub name: String,
    /// Hash of its options and inputs: what it left can be used only for the same ones.
    pub fingerprint: String,
    /// Time spent in it before it was stopped.
    pub seconds: f64,
}

impl Manifest {
    /// An empty manifest for a configuration.
    pub fn new(config: &Config) -> Self {
        Self {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commit: option_env!("PAPER_REPRO_COMMIT")
                .map(str::to_owned)
                .or_else(checkout_commit),
            seed: config.seed,
            profile: config.profile,
            protocol: config.protocol,
            device: config.device,
            synthetic: config.is_synthetic(),
            inputs: BTreeMap::new(),
            stages: Vec::new(),
            unfinished: None,
        }
    }

    /// Reads `manifest.json` of an earlier run, if there is one.
    ///
    /// # Errors
    ///
    /// [`Error::Run`] if the file is damaged or was written by a newer program.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e).doing("read", path),
        };
        #[derive(Deserialize)]
        struct Versioned {
            format: u32,
        }
        let hint = "delete it to run everything again";
        let versioned: Versioned = serde_json::from_str(&text)
            .map_err(|e| Error::run(format!("{} is damaged ({e}); {hint}", path.display())))?;
        if versioned.format > FORMAT {
            return Err(Error::run(format!(
                "{} has format {}, this program knows up to {FORMAT}; use a newer program or another --out",
                path.display(),
                versioned.format
            )));
        }
        serde_json::from_str(&text)
            .map(Some)
            .map_err(|e| Error::run(format!("{} is damaged ({e}); {hint}", path.display())))
    }

    /// Writes `manifest.json`.
    ///
    /// # Errors
    ///
    /// [`Error::Run`] if the disk refuses.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut text = serde_json::to_string_pretty(self).map_err(|e| Error::Run(e.into()))?;
        text.push('\n');
        write_atomically(path, |file| file.write_all(text.as_bytes())).doing("write", path)
    }

    /// The record of a finished stage.
    pub fn stage(&self, name: &str) -> Option<&StageRecord> {
        self.stages.iter().find(|stage| stage.name == name)
    }
}

/// The commit of the checkout this program was compiled in, read from its `.git` folder.
fn checkout_commit() -> Option<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)?
        .join(".git");
    let head = std::fs::read_to_string(root.join("HEAD")).ok()?;
    let head = head.trim();
    let commit = match head.strip_prefix("ref: ") {
        None => head.to_owned(),
        Some(reference) => match std::fs::read_to_string(root.join(reference)) {
            Ok(commit) => commit.trim().to_owned(),
            Err(_) => std::fs::read_to_string(root.join("packed-refs"))
                .ok()?
                .lines()
                .find_map(|line| {
                    line.strip_suffix(reference)?
                        .split_whitespace()
                        .next()
                        .map(str::to_owned)
                })?,
        },
    };
    (commit.len() >= 40 && commit.bytes().all(|b| b.is_ascii_hexdigit())).then_some(commit)
}

/// SHA-256 of a file's content, in hexadecimal.
///
/// # Errors
///
/// [`Error::Run`] if the file cannot be read.
pub fn hash_file(path: &Path) -> Result<String> {
    let mut file = File::open(path).doing("open", path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let n = file.read(&mut buffer).doing("read", path)?;
        if n == 0 {
            return Ok(hex(&hasher.finalize()));
        }
        hasher.update(&buffer[..n]);
    }
}

/// SHA-256 of every file, by its name.
///
/// # Errors
///
/// [`Error::Run`] if one of them cannot be read.
pub fn hash_files(files: Vec<(String, PathBuf)>) -> Result<BTreeMap<String, String>> {
    let hashes: Vec<Result<_>> = files
        .into_par_iter()
        .map(|(name, path)| Ok((name, hash_file(&path)?)))
        .collect();
    hashes.into_iter().collect()
}

/// SHA-256 of a value's JSON form, in hexadecimal.
///
/// # Errors
///
/// [`Error::Run`] if the value has no JSON form.
pub fn hash_value(value: &impl Serialize) -> Result<String> {
    let json = serde_json::to_vec(value).map_err(|e| Error::Run(e.into()))?;
    Ok(hex(&Sha256::digest(json)))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
