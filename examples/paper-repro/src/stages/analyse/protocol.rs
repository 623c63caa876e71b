//! What the protocols mean, and where text and code of the paper disagree.

use super::super::Run;
use crate::config::{Protocol, SWITCHES, Switches};
use crate::error::{Error, Result};
use crate::published::DISAGREEMENTS;
use crate::table::Table;

/// Writes `protocol.csv` and `disagreements.csv`.
pub(super) fn write(run: &Run) -> Result<()> {
    let mut table = Table::new(&["switch", "published", "released", "rigorous", "used"])?;
    let of = [Protocol::Published, Protocol::Released, Protocol::Rigorous].map(Switches::of);
    for switch in SWITCHES {
        let [published, released, rigorous] = of.map(|switches| switches.value(switch));
        let used = run.config.switches.value(switch);
        table.row(&[switch, &published, &released, &rigorous, &used])?;
    }
    table.write(&run.outputs.table("protocol"))?;
    let mut reader = csv::Reader::from_reader(DISAGREEMENTS.as_bytes());
    let fault = |e: csv::Error| Error::Run(e.into());
    let header: Vec<String> = reader
        .headers()
        .map_err(fault)?
        .iter()
        .map(str::to_owned)
        .collect();
    let mut table = Table::new(&header.iter().map(String::as_str).collect::<Vec<_>>())?;
    for record in reader.records() {
        let record = record.map_err(fault)?;
        table.row(&record.iter().collect::<Vec<_>>())?;
    }
    table.write(&run.outputs.table("disagreements"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_switch_settles_a_disagreement_and_every_disagreement_names_a_known_switch() {
        let mut reader = csv::Reader::from_reader(DISAGREEMENTS.as_bytes());
        let mut named = Vec::new();
        let mut ids = Vec::new();
        for record in reader.records() {
            let record = record.unwrap();
            assert_eq!(record.len(), 4);
            assert!(
                record[3].is_empty() || SWITCHES.contains(&&record[3]),
                "{}",
                &record[3]
            );
            named.push(record[3].to_owned());
            assert!(!ids.contains(&record[0].to_owned()), "{} twice", &record[0]);
            ids.push(record[0].to_owned());
        }
        for switch in SWITCHES {
            assert!(
                named.iter().any(|name| name == switch),
                "{switch} settles nothing"
            );
        }
    }
}
