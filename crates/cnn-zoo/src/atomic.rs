//! Files that appear whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Where a file is written before it gets its name.
pub(crate) fn partial_path(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".partial");
    path.with_file_name(name)
}

/// Writes a neighbour of `path`, flushes it to the disk and renames it over `path`.
///
/// A neighbour left by a killed program is overwritten.
pub(crate) fn write(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> Result<()>,
) -> Result<()> {
    let partial = partial_path(path);
    let on = |source: io::Error| Error::io(path, source);
    let written = File::create(&partial).map_err(on).and_then(|file| {
        let mut writer = BufWriter::with_capacity(1 << 20, file);
        fill(&mut writer)?;
        writer.flush().map_err(on)?;
        writer.get_ref().sync_all().map_err(on)
    });
    if let Err(error) = written.and_then(|()| fs::rename(&partial, path).map_err(on)) {
        let _ = fs::remove_file(&partial);
        return Err(error);
    }
    // The rename itself lasts once the folder is flushed; not every system can.
    if let Some(folder) = path.parent().filter(|p| !p.as_os_str().is_empty())
        && let Ok(folder) = File::open(folder)
    {
        let _ = folder.sync_all();
    }
    Ok(())
}
