//! The tables of the page -> Markdown and LaTeX files.

use std::fs;
use std::path::Path;

use super::claims::Verdict;
use super::error::{Error, Result};
use super::sections::PageTable;
use super::write;

const SYNTHETIC: &str =
    "Computed on a phantom made by this program; it carries no conclusion about cod.";

/// A table in plain words, whatever it is written as.
struct Plain {
    id: String,
    title: String,
    columns: Vec<(String, bool)>,
    rows: Vec<Vec<String>>,
    note: String,
}

/// Writes `OUT/tables/markdown/*.md` and `OUT/tables/latex/*.tex`; tables of an earlier run go.
///
/// # Errors
///
/// [`Error::Write`] if the folder cannot be written.
pub(super) fn write(
    out: &Path,
    tables: &[PageTable],
    verdicts: &[Verdict],
    synthetic: bool,
) -> Result<()> {
    let source = if synthetic { SYNTHETIC } else { "" };
    let mut plain: Vec<Plain> = tables
        .iter()
        .filter(|t| t.missing.is_none())
        .map(|t| Plain {
            id: t.id.clone(),
            title: t.title.clone(),
            columns: t
                .columns
                .iter()
                .map(|c| (c.name.clone(), c.numeric))
                .collect(),
            rows: t.rows.clone(),
            note: format!("{} {source}", t.note).trim().to_owned(),
        })
        .collect();
    plain.push(claims(verdicts, source));
    let folders = [out.join("tables/markdown"), out.join("tables/latex")];
    for folder in &folders {
        match fs::remove_dir_all(folder) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::Write {
                    path: folder.clone(),
                    source,
                });
            }
            _ => {}
        }
    }
    for table in &plain {
        let name = format!("{}.md", table.id);
        write::atomically(&folders[0], &name, markdown(table).as_bytes())?;
        let name = format!("{}.tex", table.id);
        write::atomically(&folders[1], &name, latex(table).as_bytes())?;
    }
    Ok(())
}

fn claims(verdicts: &[Verdict], source: &str) -> Plain {
    let names = [
        "Claim",
        "Statement",
        "The paper",
        "Standing",
        "Outcome",
        "These data",
    ];
    Plain {
        id: "claims".to_owned(),
        title: "Claims of the paper, and questions of ours".to_owned(),
        columns: names.map(|n| (n.to_owned(), false)).into(),
        rows: verdicts
            .iter()
            .map(|v| {
                vec![
                    v.id.clone(),
                    v.claim.clone(),
                    if v.published.is_empty() {
                        v.place.clone()
                    } else {
                        format!("{} ({})", v.published, v.place)
                    },
                    v.standing.replace('_', " "),
                    v.shown().to_owned(),
                    v.evidence.clone(),
                ]
            })
            .collect(),
        note: source.to_owned(),
    }
}

fn markdown(table: &Plain) -> String {
    let safe = |text: &str| {
        let mut safe = String::new();
        for c in text.chars() {
            match c {
                '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '#' => safe.extend(['\\', c]),
                '<' => safe.push_str("&lt;"),
                '>' => safe.push_str("&gt;"),
                '&' => safe.push_str("&amp;"),
                c if c.is_control() => safe.push(' '),
                c => safe.push(c),
            }
        }
        safe
    };
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut text = format!("**{}**\n\n", safe(&table.title));
    text += &line(table.columns.iter().map(|c| safe(&c.0)).collect());
    text += &line(
        table
            .columns
            .iter()
            .map(|c| if c.1 { "---:" } else { "---" }.to_owned())
            .collect(),
    );
    for row in &table.rows {
        text += &line(row.iter().map(|cell| safe(cell)).collect());
    }
    if !table.note.is_empty() {
        text += &format!("\n{}\n", safe(&table.note));
    }
    text
}

fn latex(table: &Plain) -> String {
    let row = |cells: Vec<String>| format!("{} \\\\\n", cells.join(" & "));
    // long words wrap, numbers do not
    let wide = |i: usize| {
        table
            .rows
            .iter()
            .filter_map(|r| r.get(i))
            .any(|c| c.chars().count() > 40)
    };
    let kinds: String = table
        .columns
        .iter()
        .enumerate()
        .map(|(i, c)| match (c.1, wide(i)) {
            (true, _) => "r",
            (false, true) => "p{0.22\\linewidth}",
            (false, false) => "l",
        })
        .collect();
    let header = row(table.columns.iter().map(|c| tex(&c.0)).collect());
    let rows: String = (table.rows.iter())
        .map(|cells| row(cells.iter().map(|cell| tex(cell)).collect()))
        .collect();
    let caption = tex(&table.title);
    let note = match table.note.as_str() {
        "" => String::new(),
        note => format!("\n\\footnotesize {}\n", tex(note)),
    };
    if table.rows.len() > ONE_PAGE {
        return format!(
            "% needs \\usepackage{{booktabs,longtable}} and a UTF-8 engine\n\\begin{{longtable}}{{{kinds}}}\n\\caption{{{caption}}}\\\\\n\\toprule\n{header}\\midrule\n\\endhead\n{rows}\\bottomrule\n\\end{{longtable}}\n{note}"
        );
    }
    format!(
        "% needs \\usepackage{{booktabs}} and a UTF-8 engine\n\\begin{{table}}\n\\caption{{{caption}}}\n\\begin{{tabular}}{{{kinds}}}\n\\toprule\n{header}\\midrule\n{rows}\\bottomrule\n\\end{{tabular}}\n{note}\\end{{table}}\n"
    )
}

/// Longer tables run over several pages.
const ONE_PAGE: usize = 45;

/// Text that LaTeX sets as it is.
fn tex(text: &str) -> String {
    let mut safe = String::new();
    for c in text.chars() {
        let word = match c {
            '\\' => "\\textbackslash{}",
            '&' => "\\&",
            '%' => "\\%",
            '$' => "\\$",
            '#' => "\\#",
            '_' => "\\_",
            '{' => "\\{",
            '}' => "\\}",
            '~' => "\\textasciitilde{}",
            '^' => "\\textasciicircum{}",
            '<' => "$<$",
            '>' => "$>$",
            '|' => "$|$",
            '"' => "''",
            '\u{a0}' => "~",
            '−' => "$-$",
            '–' => "--",
            '±' => "$\\pm$",
            '×' => "$\\times$",
            '·' => "$\\cdot$",
            '°' => "$^\\circ$",
            '²' => "$^2$",
            '′' => "$'$",
            'ρ' => "$\\rho$",
            'φ' => "$\\varphi$",
            'ε' => "$\\varepsilon$",
            'χ' => "$\\chi$",
            'η' => "$\\eta$",
            'κ' => "$\\kappa$",
            'α' => "$\\alpha$",
            '’' => "'",
            '‘' => "`",
            '“' => "``",
            '”' => "''",
            '≥' => "$\\geq$",
            '≤' => "$\\leq$",
            '†' => "$\\dagger$",
            c if c.is_control() => " ",
            c => {
                safe.push(c);
                continue;
            }
        };
        safe.push_str(word);
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_characters_survive() {
        assert_eq!(
            tex("50 % of a_b, ρ < −0.5"),
            "50 \\% of a\\_b, $\\rho$ $<$ $-$0.5"
        );
        assert_eq!(tex("\\end{table}"), "\\textbackslash{}end\\{table\\}");
        let table = Plain {
            id: "x".into(),
            title: "T".into(),
            columns: vec![("A|B".into(), true)],
            rows: vec![vec!["<b>|*".into()]],
            note: String::new(),
        };
        let text = markdown(&table);
        assert!(
            text.contains("| A\\|B |\n| ---: |\n| &lt;b&gt;\\|\\* |"),
            "{text}"
        );
        assert!(latex(&table).contains("\\begin{tabular}{r}"));
        let long = Plain {
            rows: vec![vec!["1".into()]; ONE_PAGE + 1],
            ..table
        };
        let text = latex(&long);
        assert!(text.contains("\\begin{longtable}{r}") && text.ends_with("\\end{longtable}\n"));
    }
}
