//! Files that appear whole or not at all.

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Error, Result};

/// A file under a temporary name that takes its final name on [`commit`](Self::commit).
///
/// Dropped before that, it is removed; after a kill, only the temporary name is left.
#[derive(Debug)]
pub(crate) struct Pending {
    temporary: PathBuf,
    target: PathBuf,
    committed: bool,
}

impl Pending {
    /// Creates an empty file next to `target`, in the same folder.
    pub(crate) fn create(target: &Path) -> Result<(Self, File)> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = target.file_name().ok_or_else(|| {
            Error::io(
                target,
                std::io::Error::new(std::io::ErrorKind::InvalidInput, "not a file name"),
            )
        })?;
        loop {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let mut hidden = OsString::from(".");
            hidden.push(name);
            hidden.push(format!(".{}-{count}.tmp", std::process::id()));
            let temporary = target.with_file_name(hidden);
            match File::options()
                .read(true)
                .write(true)
                .create_new(true)
                .open(&temporary)
            {
                Ok(file) => {
                    let target = target.to_path_buf();
                    return Ok((
                        Self {
                            temporary,
                            target,
                            committed: false,
                        },
                        file,
                    ));
                }
                // left behind by a killed process of the same number
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(source) => return Err(Error::io(target, source)),
            }
        }
    }

    /// Where the bytes are for now.
    pub(crate) fn temporary(&self) -> &Path {
        &self.temporary
    }

    /// Where they will be.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// Makes the bytes durable and gives the file its final name, replacing an older file.
    pub(crate) fn commit(mut self, file: &File) -> Result<()> {
        let io = |source| Error::io(&self.target, source);
        file.sync_all().map_err(io)?;
        std::fs::rename(&self.temporary, &self.target).map_err(io)?;
        self.committed = true;
        sync_folder(&self.target);
        Ok(())
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.committed {
            // nothing can be done about a failure here, and the final name is untouched
            let _ = std::fs::remove_file(&self.temporary);
        }
    }
}

/// Asks for the new name to survive a power cut, where folders can be opened.
fn sync_folder(target: &Path) {
    let folder = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
}

/// Writes a file that appears under its name only when it is complete.
///
/// The bytes go to a temporary name in the same folder, are flushed to the disk, and the file is
/// renamed, replacing an older one. On failure the temporary file is removed and an older file
/// is left as it was.
///
/// # Errors
///
/// [`Error::Io`] with the final name if the operating system refuses at any step (no such
/// folder, no permission, disk full), or whatever `write` returns.
///
/// # Examples
///
/// ```
/// use std::io::Write;
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("table.csv");
/// mri_io::atomic::write_atomically(&path, |file| writeln!(file, "model,accuracy"))?;
/// assert_eq!(std::fs::read_to_string(&path)?, "model,accuracy\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write_atomically<F>(path: &Path, write: F) -> Result<()>
where
    F: FnOnce(&mut dyn Write) -> std::io::Result<()>,
{
    write_with(path, |file| write(file).map_err(|e| Error::io(path, e)))
}

/// [`write_atomically`] for writers with errors of this crate.
pub(crate) fn write_with<F>(path: &Path, write: F) -> Result<()>
where
    F: FnOnce(&mut dyn Write) -> Result<()>,
{
    let (pending, file) = Pending::create(path)?;
    let mut buffered = BufWriter::with_capacity(1 << 18, file);
    write(&mut buffered)?;
    let file = buffered
        .into_inner()
        .map_err(|e| Error::io(path, e.into_error()))?;
    pending.commit(&file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_failure_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        write_atomically(&path, |f| f.write_all(b"old")).unwrap();
        let error = write_atomically(&path, |f| {
            f.write_all(b"half")?;
            Err(std::io::Error::from(std::io::ErrorKind::StorageFull))
        })
        .unwrap_err();
        assert!(
            error.to_string().starts_with(&path.display().to_string()),
            "{error}"
        );
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["a.txt"]);
    }

    #[test]
    fn the_old_file_is_there_until_the_new_one_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        std::fs::write(&path, b"old").unwrap();
        write_atomically(&path, |f| {
            f.write_all(b"new")?;
            f.flush()?;
            assert_eq!(std::fs::read(&path)?, b"old");
            Ok(())
        })
        .unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(names(folder.path()), ["a.txt"]);
    }

    #[test]
    fn a_missing_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("no").join("a.txt");
        let error = write_atomically(&path, |_| Ok(())).unwrap_err();
        assert!(matches!(error, Error::Io { path: p, .. } if p == path));
    }

    /// Linux has a device that is always full.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error() {
        let mut buffered = BufWriter::new(File::options().write(true).open("/dev/full").unwrap());
        buffered.write_all(b"x").unwrap();
        assert!(buffered.into_inner().is_err());
    }
}
