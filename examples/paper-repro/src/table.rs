//! Tables as CSV files, written whole or not at all.

use std::path::Path;

use mri_io::atomic::write_atomically;

use crate::error::{Context, Error, Result};
use crate::outputs::make_folder_of;

/// Rows of text under a header.
#[derive(Debug)]
pub struct Table {
    writer: csv::Writer<Vec<u8>>,
}

impl Table {
    /// An empty table with these columns.
    ///
    /// # Errors
    ///
    /// [`Error::Run`] if the header cannot be written.
    pub fn new(columns: &[&str]) -> Result<Self> {
        let mut table = Self {
            writer: csv::Writer::from_writer(Vec::new()),
        };
        table.row(columns)?;
        Ok(table)
    }

    /// One more row.
    ///
    /// # Errors
    ///
    /// [`Error::Run`] if it has another number of cells than the header.
    pub fn row<T: AsRef<str>>(&mut self, cells: &[T]) -> Result<()> {
        self.writer
            .write_record(cells.iter().map(AsRef::as_ref))
            .map_err(|e| Error::Run(e.into()))
    }

    /// Writes the table under its final name.
    ///
    /// # Errors
    ///
    /// [`Error::Run`] if the disk refuses.
    pub fn write(self, path: &Path) -> Result<()> {
        make_folder_of(path)?;
        let text = self
            .writer
            .into_inner()
            .map_err(|e| Error::run(e.to_string()))?;
        write_atomically(path, |file| std::io::Write::write_all(file, &text)).doing("write", path)
    }
}

/// A number as text: the shortest that reads back the same; empty where it is undefined.
pub fn number(value: f64) -> String {
    if value.is_finite() {
        value.to_string()
    } else {
        String::new()
    }
}
