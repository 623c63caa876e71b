//! Where every result lies below the output folder.

use std::path::{Path, PathBuf};

use crate::error::{Context, Result};

use cam_methods::Method;
use cnn_zoo::Architecture;

/// Makes the folder that a file is to lie in.
///
/// # Errors
///
/// [`Error::Run`](crate::error::Error::Run) if the disk refuses.
pub fn make_folder_of(file: &Path) -> Result<()> {
    match file.parent() {
        Some(folder) => std::fs::create_dir_all(folder).doing("create", folder),
        None => Ok(()),
    }
}

/// The output folder.
#[derive(Debug, Clone)]
pub struct Outputs {
    root: PathBuf,
}

impl Outputs {
    /// Results below `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What was run.
    pub fn manifest(&self) -> PathBuf {
        self.root.join("manifest.json")
    }

    /// Locked while a run is under way.
    pub fn lock(&self) -> PathBuf {
        self.root.join(".lock")
    }

    /// DICOM files of the phantom and their sample sheet.
    pub fn phantom_scans(&self) -> PathBuf {
        self.root.join("data/scans")
    }

    /// Sample sheet of the phantom.
    pub fn phantom_samples(&self) -> PathBuf {
        self.root.join("data/samples.csv")
    }

    /// True damage of one phantom scan, `[slice, row, column]`, 0 outside the tissue.
    pub fn truth(&self, scan: &str) -> PathBuf {
        self.root.join("data/truth").join(format!("{scan}.npy"))
    }

    /// All scans as stored by the scanner.
    pub fn archive(&self) -> PathBuf {
        self.root.join("archive.h5")
    }

    /// All slices as the networks see them, with their foreground.
    pub fn slices(&self) -> PathBuf {
        self.root.join("slices.h5")
    }

    /// Folder of one network.
    pub fn model(&self, architecture: Architecture) -> PathBuf {
        self.root.join("models").join(architecture.to_string())
    }

    /// Folder of one network trained without the fish of one fold.
    pub fn fold(&self, architecture: Architecture, fold: usize) -> PathBuf {
        self.model(architecture).join(format!("fold-{fold}"))
    }

    /// Maps of one scan, `[slice, row, column]`, in [0, 1].
    pub fn cam(&self, architecture: Architecture, method: &Method, scan: &str) -> PathBuf {
        let folder = self
            .root
            .join("cams")
            .join(architecture.to_string())
            .join(method.to_string());
        folder.join(format!("{scan}.npy"))
    }

    /// A table.
    pub fn table(&self, name: &str) -> PathBuf {
        self.root.join("tables").join(format!("{name}.csv"))
    }
}
