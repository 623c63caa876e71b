//! Tables shown column by column as their files hold them: the audit, the controls, the references, the protocol.

mod columns;
mod comparisons;
mod protocol;
mod scores;

use std::path::Path;

use super::error::Result;
use super::names;
use super::sections::{PageTable, interval, short};
use super::study::{Study, same};
use super::tables::{Record, load_with};

/// One column of the page, made of one or two columns of the file.
struct Column {
    from: &'static [&'static str],
    name: &'static str,
    meaning: &'static str,
    show: Show,
}

/// How a cell is written.
#[derive(Clone, Copy)]
enum Show {
    /// As it stands.
    Text,
    /// A canonical name as people write it.
    Name(fn(&str) -> String),
    /// A whole number.
    Count,
    /// A number with so many decimals; a dash where it is undefined.
    Number(usize),
    /// A p-value.
    P,
    /// A number that may be as small as a difference of accuracies or as large as a χ².
    Free,
    /// Two numbers as an interval.
    Interval,
}

/// Which rows of a file are shown.
enum Rows {
    All,
    /// Those at the threshold of the main figures.
    Main,
    /// Those with one of these words in this column, at the threshold of the main figures.
    MainWhere(&'static str, &'static [&'static str]),
}

/// A table of the page.
struct Plan {
    id: &'static str,
    title: &'static str,
    file: &'static str,
    columns: &'static [Column],
    rows: Rows,
    note: &'static str,
    /// Left out without a word where the file is missing: not every run makes it.
    optional: bool,
}

/// Every table, in the order of the page.
fn plans() -> impl Iterator<Item = &'static Plan> {
    scores::PLANS
        .iter()
        .chain(&comparisons::PLANS)
        .chain(&protocol::PLANS)
}

/// Every table of the list that this run has, in order.
///
/// # Errors
///
/// As [`load_with`].
pub(super) fn tables(out: &Path, study: &Study<'_>) -> Result<Vec<PageTable>> {
    let mut tables = Vec::new();
    for plan in plans() {
        let needed: Vec<&str> = plan
            .columns
            .iter()
            .flat_map(|c| c.from.iter().copied())
            .collect();
        let loaded = load_with(out, plan.file, &needed, |record| {
            if !wanted(&plan.rows, record, study)? {
                return Ok(None);
            }
            let cells = plan.columns.iter().map(|c| cell(c, record));
            cells.collect::<Result<Vec<String>>>().map(Some)
        })?;
        let rows: Vec<Vec<String>> = loaded.rows().iter().flatten().cloned().collect();
        if rows.is_empty() && plan.optional {
            continue;
        }
        let columns: Vec<(&str, &str, bool)> = plan
            .columns
            .iter()
            .map(|c| {
                let words = matches!(c.show, Show::Text | Show::Name(_));
                (c.name, c.meaning, !words)
            })
            .collect();
        let mut table = PageTable::new(plan.id, plan.title.to_owned(), plan.file, &columns);
        table.note = plan.note.to_owned();
        tables.push(table.filled(&loaded, rows));
    }
    Ok(tables)
}

fn wanted(rows: &Rows, record: &Record<'_>, study: &Study<'_>) -> Result<bool> {
    let main = || {
        Ok(record
            .optional("threshold")?
            .is_some_and(|t| same(t, study.facts.threshold)))
    };
    match rows {
        Rows::All => Ok(true),
        Rows::Main => main(),
        Rows::MainWhere(column, words) => Ok(words.contains(&record.text(column)) && main()?),
    }
}

fn cell(column: &Column, record: &Record<'_>) -> Result<String> {
    let first = column.from.first().copied().unwrap_or_default();
    let text = record.text(first);
    Ok(match column.show {
        Show::Text | Show::Name(_) if text.is_empty() => "–".to_owned(),
        Show::Text => text.to_owned(),
        Show::Name(show) => show(text),
        Show::Count if text.is_empty() => "–".to_owned(),
        Show::Count => record.count(first)?.to_string(),
        Show::Number(decimals) => record
            .optional(first)?
            .map_or_else(|| "–".to_owned(), |v| names::fixed(v, decimals)),
        Show::P => names::p_value(record.optional(first)?),
        Show::Free => record
            .optional(first)?
            .map_or_else(|| "–".to_owned(), |v| short(&v.to_string())),
        Show::Interval => {
            let last = column.from.last().copied().unwrap_or_default();
            interval(record.optional(first)?, record.optional(last)?, 2)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::columns::either;
    use super::*;

    #[test]
    fn ids_are_their_own_and_every_column_says_what_it_means() {
        let mut ids: Vec<&str> = plans().map(|p| p.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), plans().count());
        for plan in plans() {
            for column in plan.columns {
                assert!(
                    !column.meaning.is_empty() && !column.from.is_empty(),
                    "{} {}",
                    plan.id,
                    column.name
                );
            }
        }
    }

    #[test]
    fn networks_and_methods_are_told_apart() {
        assert_eq!(either("grad_cam"), "Grad-CAM");
        assert_eq!(either("resnet50"), "ResNet50");
        assert_eq!(either("minus_5"), "Minus 5");
    }
}
