//! samples.csv -> specimens, and back.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::liquid_loss::liquid_loss_percent;

/// Every column a sample sheet may have; only `scan` and `class` are required.
pub const COLUMNS: &[&str] = &[
    "scan",
    "fish",
    "fillet",
    "class",
    "treatment",
    "mass_before_g",
    "mass_after_g",
    "liquid_loss_percent",
];

/// One scan and what is known about the fillet in it.
///
/// Names are free text. A fillet name need only be unique within its fish.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Specimen {
    /// File or folder of the scan, below the data folder.
    pub scan: String,
    /// The animal.
    pub fish: Option<String>,
    /// The fillet of that animal.
    pub fillet: Option<String>,
    /// What the network is to tell apart, such as `fresh` and `thawed`.
    pub class: String,
    /// Group of the experiment, such as the freezing temperature.
    pub treatment: Option<String>,
    /// Mass before freezing, in grams.
    pub mass_before_g: Option<f64>,
    /// Mass after thawing, in grams.
    pub mass_after_g: Option<f64>,
    /// Liquid lost, in percent of the mass before.
    pub liquid_loss_percent: Option<f64>,
}

impl Specimen {
    /// The liquid loss as given, else from the two masses, else `None`.
    ///
    /// # Errors
    ///
    /// As [`liquid_loss_percent`].
    pub fn liquid_loss(&self) -> Result<Option<f64>> {
        match (
            self.liquid_loss_percent,
            self.mass_before_g,
            self.mass_after_g,
        ) {
            (Some(given), _, _) => Ok(Some(given)),
            (None, Some(before), Some(after)) => liquid_loss_percent(before, after).map(Some),
            _ => Ok(None),
        }
    }
}

/// The specimens of a study, in the order of the sheet; no scan occurs twice.
///
/// # Examples
///
/// ```
/// use fillet_preprocess::SampleSheet;
///
/// let text = "class,scan,fish\nfresh,scan_a,1\nthawed,scan_b,1\n";
/// let sheet = SampleSheet::parse(text.as_bytes(), "samples.csv")?;
/// assert_eq!(sheet.specimens[1].scan, "scan_b");
///
/// let problem = SampleSheet::parse("scan,class,mass_before_g\na,fresh,heavy\n".as_bytes(), "s.csv");
/// assert_eq!(
///     problem.unwrap_err().to_string(),
///     "s.csv, line 2, column `mass_before_g`: expected a positive number of grams, got \"heavy\""
/// );
/// # Ok::<(), fillet_preprocess::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SampleSheet {
    /// One entry per scan.
    pub specimens: Vec<Specimen>,
}

impl SampleSheet {
    /// Reads a sheet from a file.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file cannot be opened, else as [`SampleSheet::parse`].
    pub fn read(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|source| Error::Io {
            path: path.to_path_buf(),
            source,
        })?;
        Self::parse(file, &path.display().to_string())
    }

    /// Reads a sheet from any source; `origin` names it in errors.
    ///
    /// Columns may come in any order. Spaces around a cell are dropped, empty cells are absent
    /// values, and a leading byte order mark is ignored.
    ///
    /// # Errors
    ///
    /// One of the located variants of [`Error`]: unknown, repeated or missing columns, a row of
    /// another length, a value that does not fit its column, a scan named twice, no rows at all.
    pub fn parse(reader: impl Read, origin: &str) -> Result<Self> {
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(reader);
        let failed = |source| Error::Csv {
            origin: origin.to_owned(),
            source,
        };
        let header: Vec<String> = reader
            .headers()
            .map_err(failed)?
            .iter()
            .map(|name| name.trim_start_matches('\u{feff}').trim().to_owned())
            .collect();
        let columns = locate_columns(&header, origin)?;
        let mut specimens = Vec::new();
        let mut lines: HashMap<String, u64> = HashMap::new();
        for record in reader.records() {
            let record = record.map_err(failed)?;
            let line = record.position().map_or(0, csv::Position::line);
            if record.iter().all(|cell| cell.trim().is_empty()) {
                continue;
            }
            if record.len() != header.len() {
                return Err(Error::RowLength {
                    origin: origin.to_owned(),
                    line,
                    fields: record.len(),
                    expected: header.len(),
                });
            }
            let row = Row {
                record: &record,
                columns: &columns,
                line,
                origin,
            };
            let specimen = row.specimen()?;
            if let Some(&first_line) = lines.get(&specimen.scan) {
                return Err(Error::DuplicateScan {
                    origin: origin.to_owned(),
                    scan: specimen.scan,
                    first_line,
                    line,
                });
            }
            lines.insert(specimen.scan.clone(), line);
            specimens.push(specimen);
        }
        if specimens.is_empty() {
            return Err(Error::EmptySheet {
                origin: origin.to_owned(),
            });
        }
        Ok(Self { specimens })
    }

    /// Writes the sheet with every column, in the order of [`COLUMNS`].
    ///
    /// Numbers are written so that reading them gives the same value.
    ///
    /// # Errors
    ///
    /// [`Error::Csv`] if the writer fails.
    pub fn write_to(&self, writer: impl Write) -> Result<()> {
        let failed = |source| Error::Csv {
            origin: "sample sheet".to_owned(),
            source,
        };
        let mut out = csv::Writer::from_writer(writer);
        out.write_record(COLUMNS).map_err(failed)?;
        let number = |value: Option<f64>| value.map_or_else(String::new, |v| v.to_string());
        for specimen in &self.specimens {
            out.write_record([
                specimen.scan.as_str(),
                specimen.fish.as_deref().unwrap_or_default(),
                specimen.fillet.as_deref().unwrap_or_default(),
                specimen.class.as_str(),
                specimen.treatment.as_deref().unwrap_or_default(),
                &number(specimen.mass_before_g),
                &number(specimen.mass_after_g),
                &number(specimen.liquid_loss_percent),
            ])
            .map_err(failed)?;
        }
        out.flush().map_err(|source| failed(source.into()))
    }
}

/// Position of each known column in the header, in the order of [`COLUMNS`].
fn locate_columns(header: &[String], origin: &str) -> Result<Vec<Option<usize>>> {
    for (position, name) in header.iter().enumerate() {
        if !COLUMNS.contains(&name.as_str()) {
            return Err(Error::UnknownColumn {
                origin: origin.to_owned(),
                column: name.clone(),
                known: COLUMNS,
            });
        }
        if header[..position].contains(name) {
            return Err(Error::RepeatedColumn {
                origin: origin.to_owned(),
                column: name.clone(),
            });
        }
    }
    for column in ["scan", "class"] {
        if !header.iter().any(|name| name == column) {
            return Err(Error::MissingColumn {
                origin: origin.to_owned(),
                column,
                found: header.to_vec(),
            });
        }
    }
    Ok(COLUMNS
        .iter()
        .map(|known| header.iter().position(|name| name == known))
        .collect())
}

/// One row with what is needed to locate an error in it.
struct Row<'a> {
    record: &'a csv::StringRecord,
    columns: &'a [Option<usize>],
    line: u64,
    origin: &'a str,
}

impl Row<'_> {
    fn specimen(&self) -> Result<Specimen> {
        Ok(Specimen {
            scan: self.required(0)?,
            fish: self.text(1),
            fillet: self.text(2),
            class: self.required(3)?,
            treatment: self.text(4),
            mass_before_g: self.number(5, "a positive number of grams", |v| v > 0.0)?,
            mass_after_g: self.number(6, "a positive number of grams", |v| v > 0.0)?,
            liquid_loss_percent: self.number(7, "a percentage from -100 to 100", |v| {
                (-100.0..=100.0).contains(&v)
            })?,
        })
    }

    fn text(&self, column: usize) -> Option<String> {
        let cell = self.record.get(self.columns[column]?)?.trim();
        (!cell.is_empty()).then(|| cell.to_owned())
    }

    fn required(&self, column: usize) -> Result<String> {
        self.text(column)
            .ok_or_else(|| self.bad(column, "", "a name"))
    }

    fn number(
        &self,
        column: usize,
        expected: &'static str,
        valid: impl Fn(f64) -> bool,
    ) -> Result<Option<f64>> {
        let Some(cell) = self.text(column) else {
            return Ok(None);
        };
        match cell.parse::<f64>() {
            Ok(value) if value.is_finite() && valid(value) => Ok(Some(value)),
            _ => Err(self.bad(column, &cell, expected)),
        }
    }

    fn bad(&self, column: usize, value: &str, expected: &'static str) -> Error {
        Error::BadValue {
            origin: self.origin.to_owned(),
            line: self.line,
            column: COLUMNS[column],
            value: value.to_owned(),
            expected,
        }
    }
}
