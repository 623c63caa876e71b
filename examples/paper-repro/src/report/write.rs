//! Bytes -> a file that is either whole or not there.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::error::{Error, Result};

/// Writes `bytes` to `folder/name`: temporary name in the same folder, flush to disk, rename.
///
/// # Errors
///
/// [`Error::Write`]; the temporary file is removed, a former file under the name stays.
pub(super) fn atomically(folder: &Path, name: &str, bytes: &[u8]) -> Result<PathBuf> {
    let path = folder.join(name);
    let fail = |source| Error::Write {
        path: path.clone(),
        source,
    };
    fs::create_dir_all(folder).map_err(fail)?;
    let temporary = folder.join(format!(".{name}.partial"));
    let written = fs::File::create(&temporary)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&temporary, &path));
    if let Err(source) = written {
        // The first failure is the one to report.
        let _ = fs::remove_file(&temporary);
        return Err(fail(source));
    }
    Ok(path)
}

/// Removes figures of an earlier run that this run did not write.
///
/// Only files named `figure-*.svg` or `figure-*.csv` count, so that pictures put there by hand stay.
///
/// # Errors
///
/// [`Error::Read`] if the folder cannot be listed, [`Error::Write`] if a file cannot be removed.
pub(super) fn remove_stale_figures(folder: &Path, current: &[PathBuf]) -> Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(source) => {
            return Err(Error::Read {
                path: folder.to_owned(),
                source,
            });
        }
    };
    for entry in entries {
        let path = entry
            .map_err(|source| Error::Read {
                path: folder.to_owned(),
                source,
            })?
            .path();
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned());
        let ours = name.is_some_and(|n| {
            n.starts_with("figure-") && (n.ends_with(".svg") || n.ends_with(".csv"))
        });
        if ours && !current.contains(&path) {
            fs::remove_file(&path).map_err(|source| Error::Write { path, source })?;
        }
    }
    Ok(())
}
