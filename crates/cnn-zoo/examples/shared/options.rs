//! The command line of the examples: `--name value`, flags, and what is left.

use super::images::Failure;

/// A command line taken apart.
pub(crate) struct Options {
    named: Vec<(String, String)>,
    flags: Vec<String>,
    /// Arguments without a name.
    pub(crate) rest: Vec<String>,
}

impl Options {
    /// Reads the arguments of the program; `None` asks for its usage.
    pub(crate) fn read(named: &[&str], flags: &[&str]) -> Result<Option<Self>, Failure> {
        let mut found = Self {
            named: Vec::new(),
            flags: Vec::new(),
            rest: Vec::new(),
        };
        let mut arguments = std::env::args_os().skip(1).map(|argument| {
            argument
                .into_string()
                .map_err(|argument| format!("{} is not text", argument.display()))
        });
        while let Some(argument) = arguments.next().transpose()? {
            match argument.as_str() {
                "-h" | "--help" => return Ok(None),
                name if flags.contains(&name) => found.flags.push(argument),
                name if named.contains(&name) => {
                    let value = arguments.next().transpose()?;
                    let value = value.ok_or_else(|| format!("{name} needs a value"))?;
                    if found.text(name).is_some() {
                        return Err(format!("{name} is given twice").into());
                    }
                    found.named.push((argument, value));
                }
                name if name.starts_with("--") => {
                    return Err(format!("unknown option {name}").into());
                }
                _ => found.rest.push(argument),
            }
        }
        Ok(Some(found))
    }

    #[allow(dead_code)] // of the programs that share this file one has no flags
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.flags.iter().any(|flag| flag == name)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let (_, value) = self.named.iter().find(|(option, _)| option == name)?;
        Some(value)
    }

    pub(crate) fn required(&self, name: &str) -> Result<&str, Failure> {
        self.text(name)
            .ok_or_else(|| format!("{name} is missing").into())
    }

    /// A value of another type, if the option is given.
    pub(crate) fn value<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, Failure>
    where
        T::Err: std::fmt::Display,
    {
        self.text(name)
            .map(|text| {
                text.parse()
                    .map_err(|error| format!("{name} {text}: {error}").into())
            })
            .transpose()
    }
}
