//! CSV tables of the output folder -> typed rows, or a sentence that says what is missing.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::error::{Error, Result};

/// Rows of a table, or why there are none.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Loaded<T> {
    /// At least one row.
    Rows(Vec<T>),
    /// One sentence for the page.
    Missing(String),
}

impl<T> Loaded<T> {
    /// The rows; none where the table is missing.
    pub(super) fn rows(&self) -> &[T] {
        match self {
            Self::Rows(rows) => rows,
            Self::Missing(_) => &[],
        }
    }
}

/// A typed row of one table.
pub(super) trait Row: Sized {
    /// Columns without which the table cannot be used.
    const COLUMNS: &'static [&'static str];
    /// Reads one record.
    fn parse(record: &Record<'_>) -> Result<Self>;
}

/// One record with its place, for located errors.
pub(super) struct Record<'a> {
    path: &'a Path,
    headers: &'a csv::StringRecord,
    fields: &'a csv::StringRecord,
}

impl Record<'_> {
    /// The text of a column; empty where the table lacks it.
    pub(super) fn text(&self, column: &str) -> &str {
        self.headers
            .iter()
            .position(|h| h.trim() == column)
            .and_then(|i| self.fields.get(i))
            .map_or("", str::trim)
    }

    /// A finite number that must be there.
    pub(super) fn number(&self, column: &str) -> Result<f64> {
        self.optional(column)?
            .ok_or_else(|| self.wrong(column, "a number"))
    }

    /// A finite number; none where the field is empty or says that it is undefined or infinite.
    pub(super) fn optional(&self, column: &str) -> Result<Option<f64>> {
        let text = self.text(column);
        if matches!(text, "" | "-" | "–" | "NA" | "NaN" | "nan" | "inf" | "-inf") {
            return Ok(None);
        }
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(Some(value)),
            _ => Err(self.wrong(column, "a finite number")),
        }
    }

    /// A count.
    pub(super) fn count(&self, column: &str) -> Result<usize> {
        self.text(column)
            .parse()
            .map_err(|_| self.wrong(column, "a whole number, 0 or more"))
    }

    fn wrong(&self, column: &str, expected: &'static str) -> Error {
        Error::Value {
            path: self.path.to_owned(),
            line: self.fields.position().map_or(0, csv::Position::line),
            column: column.to_owned(),
            value: self.text(column).to_owned(),
            expected,
        }
    }
}

/// Reads the table `relative` of the output folder.
///
/// # Errors
///
/// [`Error::Read`], [`Error::Csv`] and [`Error::Value`]; a missing file, a missing column or a
/// table without rows is [`Loaded::Missing`], not an error.
pub(super) fn load<T: Row>(out: &Path, relative: &str) -> Result<Loaded<T>> {
    load_with(out, relative, T::COLUMNS, T::parse)
}

/// Reads a table whose rows `parse` makes of its records; `required` columns must be there.
///
/// # Errors
///
/// As [`load`].
pub(super) fn load_with<T>(
    out: &Path,
    relative: &str,
    required: &[&str],
    parse: impl Fn(&Record<'_>) -> Result<T>,
) -> Result<Loaded<T>> {
    let path: PathBuf = relative
        .split('/')
        .fold(out.to_owned(), |p, part| p.join(part));
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(e) if e.kind() == ErrorKind::NotFound => {
            return Ok(Loaded::Missing(format!("This run wrote no {relative}.")));
        }
        Err(source) => return Err(Error::Read { path, source }),
    };
    let mut reader = csv::ReaderBuilder::new().from_reader(file);
    let headers = reader.headers().map_err(|e| malformed(&path, &e))?.clone();
    let absent: Vec<&str> = required
        .iter()
        .copied()
        .filter(|c| !headers.iter().any(|h| h.trim() == *c))
        .collect();
    if !absent.is_empty() && !headers.is_empty() {
        return Ok(Loaded::Missing(format!(
            "{relative} has no column {}.",
            absent.join(", ")
        )));
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let fields = record.map_err(|e| malformed(&path, &e))?;
        rows.push(parse(&Record {
            path: &path,
            headers: &headers,
            fields: &fields,
        })?);
    }
    if rows.is_empty() {
        return Ok(Loaded::Missing(format!("{relative} has no rows.")));
    }
    Ok(Loaded::Rows(rows))
}

fn malformed(path: &Path, error: &csv::Error) -> Error {
    let line = error.position().map_or(1, csv::Position::line);
    let reason = match error.kind() {
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => format!("{len} fields where the header has {expected_len}"),
        csv::ErrorKind::Utf8 { .. } => "not valid UTF-8".to_owned(),
        csv::ErrorKind::Io(e) => e.to_string(),
        _ => error.to_string(),
    };
    Error::Csv {
        path: path.to_owned(),
        line,
        reason,
    }
}
