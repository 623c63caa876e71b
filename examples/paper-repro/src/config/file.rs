//! A configuration as a TOML file.

use std::path::Path;

use super::{Config, Profile};
use crate::error::{Error, Result};

impl Config {
    /// Reads a configuration; keys left out keep the values of the file's profile (`quick` if it names none).
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] names the file, and the key that is unknown or has an impossible value.
    pub fn from_file(file: &Path) -> Result<Self> {
        let fault = |e: &dyn std::fmt::Display| {
            Error::usage(format!("configuration {}: {e}", file.display()))
        };
        let text = std::fs::read_to_string(file).map_err(|e| fault(&e))?;
        let given: toml::Table = toml::from_str(&text).map_err(|e| fault(&e))?;
        let profile = match given.get("profile") {
            Some(value) => value
                .clone()
                .try_into()
                .map_err(|e| fault(&format!("profile: {e}")))?,
            None => Profile::Quick,
        };
        let mut base = Self::profile(profile);
        if let Some(value) = given.get("protocol") {
            base.set_protocol(
                value
                    .clone()
                    .try_into()
                    .map_err(|e| fault(&format!("protocol: {e}")))?,
            );
        }
        let mut merged = toml::Table::try_from(base).map_err(|e| fault(&e))?;
        merge(&mut merged, given, "").map_err(|key| {
            fault(&format!(
                "unknown key `{key}`; --print-config shows the keys there are"
            ))
        })?;
        merged.try_into().map_err(|e| fault(&e))
    }

    /// The configuration as TOML that `--config` accepts.
    ///
    /// # Errors
    ///
    /// [`Error::Run`] if a value has no TOML form.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self).map_err(|e| Error::Run(e.into()))
    }
}

/// Lays `over` on `base`; the error is the path of a key of a table that `base` lacks.
fn merge(base: &mut toml::Table, over: toml::Table, path: &str) -> std::result::Result<(), String> {
    for (key, value) in over {
        let path = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        match (base.get_mut(&key), value) {
            // another kind of optimiser or normalisation has other keys
            (Some(toml::Value::Table(inner)), toml::Value::Table(value))
                if !changes_kind(inner, &value) =>
            {
                merge(inner, value, &path)?;
            }
            (Some(slot), value) => *slot = value,
            // keys that may be absent are absent from the base as well
            (None, value) if OPTIONAL.contains(&path.as_str()) => {
                base.insert(key, value);
            }
            (None, _) => return Err(path),
        }
    }
    Ok(())
}

const OPTIONAL: [&str; 4] = [
    "data.directory",
    "data.samples",
    "training.norm_momentum",
    "explain.score_channels",
];

fn changes_kind(base: &toml::Table, over: &toml::Table) -> bool {
    ["kind", "method"].iter().any(|tag| {
        over.get(*tag)
            .is_some_and(|kind| base.get(*tag) != Some(kind))
    })
}
