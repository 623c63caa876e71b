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

/// Whose maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arm {
    /// Networks trained from the seed with this number.
    Trained(usize),
    /// Networks never trained: a control.
    RandomWeights,
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

    /// Folder of one training of a network.
    pub fn fold(&self, architecture: Architecture, replicate: usize, fold: usize) -> PathBuf {
        self.model(architecture)
            .join(format!("replicate-{replicate}"))
            .join(format!("fold-{fold}"))
    }

    /// Maps of one scan, `[slice, row, column]`, in [0, 1].
    pub fn cam(
        &self,
        arm: Arm,
        architecture: Architecture,
        method: &Method,
        scan: &str,
    ) -> PathBuf {
        self.cams(arm, architecture)
            .join(method.to_string())
            .join(format!("{scan}.npy"))
    }

    /// Value of every slice's map before it was brought to [0, 1], where the map is 0 and where it is 1,
    /// `[slice, 1, 2]`.
    pub fn cam_range(
        &self,
        architecture: Architecture,
        replicate: usize,
        method: &Method,
        scan: &str,
    ) -> PathBuf {
        self.cams(Arm::Trained(replicate), architecture)
            .join("ranges")
            .join(method.to_string())
            .join(format!("{scan}.npy"))
    }

    /// The common scale of every method of a network and fold.
    pub fn cam_scale(&self, architecture: Architecture, replicate: usize, fold: usize) -> PathBuf {
        self.cams(Arm::Trained(replicate), architecture)
            .join("scales")
            .join(format!("fold-{fold}.json"))
    }

    fn cams(&self, arm: Arm, architecture: Architecture) -> PathBuf {
        let arm = match arm {
            Arm::Trained(replicate) => format!("replicate-{replicate}"),
            Arm::RandomWeights => "random-weights".to_owned(),
        };
        self.root
            .join("cams")
            .join(architecture.to_string())
            .join(arm)
    }

    /// Folder of the supervised reference.
    pub fn supervised(&self) -> PathBuf {
        self.root.join("supervised")
    }

    /// Labels of one scan by the supervised network, before smoothing, `[slice, row, column]`.
    pub fn supervised_labels(&self, scan: &str) -> PathBuf {
        self.supervised()
            .join("predicted")
            .join(format!("{scan}.npy"))
    }

    /// Labels of one scan as the protocol compares with them, `[slice, row, column]`.
    pub fn supervised_map(&self, scan: &str) -> PathBuf {
        self.root.join("reference").join(format!("{scan}.npy"))
    }

    /// Labels of one scan by a simulated annotator, `[slice, row, column]`.
    pub fn rater(&self, rater: usize, scan: &str) -> PathBuf {
        self.supervised()
            .join(format!("rater-{rater}"))
            .join(format!("{scan}.npy"))
    }

    /// A table.
    pub fn table(&self, name: &str) -> PathBuf {
        self.root.join("tables").join(format!("{name}.csv"))
    }
}
