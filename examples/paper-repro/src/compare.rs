//! `compare-protocols`: one switch flipped at a time, from the released code and back from good practice.

use std::collections::BTreeMap;
use std::path::Path;

use fillet_preprocess::phantom::Confounds;
use mri_io::atomic::write_atomically;

use crate::cli::{Cli, StageName};
use crate::config::switches::TestRule;
use crate::config::{Config, Protocol, SWITCHES, Switches};
use crate::error::{Context, Error, Result};
use crate::interrupt::Interrupt;
use crate::outputs::Outputs;
use crate::progress::Reporter;
use crate::stages::{Run, run_all};
use crate::table::{Table, number};

/// A headline number: what it is, and of which network and method.
type Key = [String; 3];

/// What is flipped besides the rows of a protocol: everything that differs between the sessions of a phantom without
/// being damage.
const CONFOUNDS: &str = "confounds";

/// Runs both ends, then every variant that differs from an end in one switch, and writes `protocol_effects.csv` and
/// `protocol_summary.csv`; the reports of both ends show them. With a phantom, its confounds are a row too, from
/// good practice only: no protocol says anything about them.
///
/// A variant begins with the results of its end and makes anew only what its switch touches. A comparison that was
/// stopped goes on where it was.
///
/// # Errors
///
/// [`Error::Usage`] if the output folder holds a study, and whatever a study may fail with.
pub fn compare_protocols(cli: &Cli, only: &[String], interrupt: &Interrupt) -> Result<()> {
    let reporter = Reporter::stderr();
    let known = |name: &String| SWITCHES.contains(&name.as_str()) || name == CONFOUNDS;
    if let Some(unknown) = only.iter().find(|name| !known(name)) {
        return Err(Error::usage(format!(
            "`{unknown}` is no switch; they are {}, {CONFOUNDS}",
            SWITCHES.join(", ")
        )));
    }
    if cli.out.join("manifest.json").exists() {
        return Err(Error::usage(format!(
            "--out {} holds a study; choose another folder for the comparison",
            cli.out.display()
        )));
    }
    let ends = [Protocol::Released, Protocol::Rigorous];
    let mut effects = Table::new(&[
        "from",
        "switch",
        "value_from",
        "value_to",
        "quantity",
        "model",
        "method",
        "base",
        "flipped",
        "difference",
    ])?;
    let mut summary = Table::new(&[
        "from",
        "switch",
        "value_from",
        "value_to",
        "quantity",
        "n",
        "base_mean",
        "flipped_mean",
        "mean_absolute_difference",
        "largest_absolute_difference",
    ])?;
    for (end, other) in [(ends[0], ends[1]), (ends[1], ends[0])] {
        let base = variant(cli, end, None)?;
        let target = variant(cli, other, None)?.switches;
        let folder = cli.out.join(end.to_string());
        reporter.say(format!("== {end}"));
        let before = study(base.clone(), &folder, interrupt)?;
        for flip in flips(cli, end, &base, target)? {
            if !(only.is_empty() || only.iter().any(|name| name == flip.name)) {
                continue;
            }
            let Flip { name, from, to, .. } = &flip;
            reporter.say(format!("== {end}, {name} = {to} instead of {from}"));
            let flipped = cli.out.join(format!("{end}-{name}"));
            link_study(&folder, &flipped)?;
            let after = study(flip.config, &flipped, interrupt)?;
            let named = [end.to_string(), flip.name.to_owned(), flip.from, flip.to];
            report(&named, &before, &after, &mut effects, &mut summary)?;
        }
    }
    let tables = [("protocol_effects", effects), ("protocol_summary", summary)];
    for (name, table) in tables {
        let path = cli.out.join(format!("{name}.csv"));
        table.write(&path)?;
        let text = std::fs::read(&path).doing("read", &path)?;
        for end in ends {
            let copy = Outputs::new(cli.out.join(end.to_string())).table(name);
            write_atomically(&copy, |file| std::io::Write::write_all(file, &text))
                .doing("write", &copy)?;
        }
    }
    for end in ends {
        reporter.say(format!("== report of {end}"));
        let run = run_in(
            variant(cli, end, None)?,
            &cli.out.join(end.to_string()),
            interrupt,
        );
        run_all(&run, None)?;
    }
    reporter.say(format!(
        "{}",
        cli.out.join("protocol_summary.csv").display()
    ));
    Ok(())
}

/// The configuration of one end, with one switch flipped or none.
fn variant(cli: &Cli, end: Protocol, flip: Option<(&str, &str)>) -> Result<Config> {
    let mut cli = cli.clone();
    cli.protocol = Some(end);
    cli.switches = flip
        .map(|(switch, value)| format!("{switch}={value}"))
        .into_iter()
        .collect();
    cli.effective_config()
}

/// One end with one thing flipped.
struct Flip {
    name: &'static str,
    from: String,
    to: String,
    config: Config,
}

/// Everything that can be flipped from one end.
fn flips(cli: &Cli, end: Protocol, base: &Config, target: Switches) -> Result<Vec<Flip>> {
    let mut flips = Vec::new();
    for name in SWITCHES {
        let (from, to) = (base.switches.value(name), target.value(name));
        if from != to {
            let config = variant(cli, end, Some((name, &to)))?;
            flips.push(Flip {
                name,
                from,
                to,
                config,
            });
        }
    }
    if end == Protocol::Rigorous && base.is_synthetic() {
        let (none, all) = (Confounds::default(), Confounds::all());
        let absent = base.phantom.confounds == none;
        let mut config = base.clone();
        config.phantom.confounds = if absent { all } else { none };
        let [from, to] = if absent {
            ["none", "all"]
        } else {
            ["some", "none"]
        };
        flips.push(Flip {
            name: CONFOUNDS,
            from: from.to_owned(),
            to: to.to_owned(),
            config,
        });
    }
    Ok(flips)
}

/// Runs a study up to its tables and reads the headline numbers.
fn study(config: Config, folder: &Path, interrupt: &Interrupt) -> Result<BTreeMap<Key, f64>> {
    let threshold = main_threshold(&config.analysis.thresholds);
    let run = run_in(config, folder, interrupt);
    run_all(&run, Some(StageName::Analyse))?;
    headlines(&run.outputs, &threshold, run.config.switches.test)
}

fn run_in(config: Config, folder: &Path, interrupt: &Interrupt) -> Run {
    Run {
        config,
        outputs: Outputs::new(folder),
        reporter: Reporter::stderr(),
        interrupt: interrupt.clone(),
    }
}

fn main_threshold(thresholds: &[f64]) -> String {
    let distance = |t: &f64| (t - 0.5).abs();
    let nearest = thresholds
        .iter()
        .copied()
        .min_by(|a, b| distance(a).total_cmp(&distance(b)));
    nearest.map_or_else(String::new, number)
}

/// The numbers a paper would print in its abstract, of the first seed.
fn headlines(outputs: &Outputs, threshold: &str, test: TestRule) -> Result<BTreeMap<Key, f64>> {
    let mut numbers = BTreeMap::new();
    let mut add = |quantity: String, model: &str, method: &str, value: &str| {
        if let Ok(value) = value.parse() {
            numbers
                .entry([quantity, model.to_owned(), method.to_owned()])
                .or_insert(value);
        }
    };
    for row in rows(outputs, "classification")? {
        if row["split"] == "test" {
            add(
                "test_accuracy".to_owned(),
                &row["model"],
                "",
                &row["accuracy"],
            );
        }
    }
    for row in rows(outputs, "seeds")? {
        add(
            row["quantity"].clone(),
            &row["model"],
            &row["method"],
            &row["value"],
        );
    }
    for row in rows(outputs, "truth_scores")? {
        if row["model"] != "control" {
            add(
                format!("auc_truth_{}", row["treatment"]),
                &row["model"],
                &row["method"],
                &row["auc"],
            );
        }
    }
    for row in rows(outputs, "agreement_methods")? {
        if row["threshold"] == threshold {
            add(
                "agreement_across_methods_median".to_owned(),
                &row["model"],
                "",
                &row["median"],
            );
        }
    }
    for row in rows(outputs, "agreement_networks")? {
        if row["threshold"] == threshold {
            add(
                "agreement_across_networks_median".to_owned(),
                "",
                &row["method"],
                &row["median"],
            );
        }
    }
    // the test that the protocol goes by
    let form = match test {
        TestRule::KruskalWallisOnSlices => "published",
        TestRule::FriedmanOnFish => "recommended",
    };
    for row in rows(outputs, "tests")? {
        if row["question"].starts_with("does agreement") && row["form"] == form {
            let across = if row["question"].contains("across methods") {
                "methods"
            } else {
                "networks"
            };
            for number in ["statistic", "p"] {
                let quantity = format!("test_{number}_agreement_across_{across}");
                add(quantity, "", "", &row[number]);
            }
        }
    }
    Ok(numbers)
}

/// The rows of a table, each by column name.
fn rows(outputs: &Outputs, table: &str) -> Result<Vec<BTreeMap<String, String>>> {
    let path = outputs.table(table);
    let mut reader = csv::Reader::from_path(&path).doing("read", &path)?;
    let mut rows = Vec::new();
    for record in reader.deserialize() {
        rows.push(record.doing("read", &path)?);
    }
    Ok(rows)
}

fn report(
    named: &[String; 4],
    before: &BTreeMap<Key, f64>,
    after: &BTreeMap<Key, f64>,
    effects: &mut Table,
    summary: &mut Table,
) -> Result<()> {
    let mut by_quantity: BTreeMap<&str, Vec<[f64; 2]>> = BTreeMap::new();
    for (key, &base) in before {
        let Some(&flipped) = after.get(key) else {
            continue;
        };
        by_quantity
            .entry(&key[0])
            .or_default()
            .push([base, flipped]);
        let mut row: Vec<String> = named.iter().chain(key).cloned().collect();
        row.extend([base, flipped, flipped - base].map(number));
        effects.row(&row)?;
    }
    for (quantity, pairs) in by_quantity {
        let n = pairs.len() as f64;
        let mean = |value: &dyn Fn(&[f64; 2]) -> f64| pairs.iter().map(value).sum::<f64>() / n;
        let difference = |pair: &[f64; 2]| (pair[1] - pair[0]).abs();
        let largest = pairs.iter().map(difference).fold(0.0, f64::max);
        let mut row: Vec<String> = named.to_vec();
        row.extend([quantity.to_owned(), pairs.len().to_string()]);
        row.extend([mean(&|p| p[0]), mean(&|p| p[1]), mean(&difference), largest].map(number));
        summary.row(&row)?;
    }
    Ok(())
}

/// Gives a variant the results of its end. Files are shared on disk until one side replaces its own.
fn link_study(from: &Path, to: &Path) -> Result<()> {
    let manifest = Path::new("manifest.json");
    if to.join(manifest).exists() {
        return Ok(());
    }
    if to.exists() {
        std::fs::remove_dir_all(to).doing("remove", to)?;
    }
    let mut waiting = vec![from.to_path_buf()];
    while let Some(folder) = waiting.pop() {
        let below = folder.strip_prefix(from).unwrap_or(&folder);
        let target = to.join(below);
        std::fs::create_dir_all(&target).doing("create", &target)?;
        for entry in std::fs::read_dir(&folder).doing("list", &folder)? {
            let path = entry.doing("list", &folder)?.path();
            let name = path.file_name().unwrap_or_default();
            if path.is_dir() {
                waiting.push(path);
            } else if name != ".lock" && path != from.join(manifest) {
                link(&path, &target.join(name))?;
            }
        }
    }
    // last: with it the folder counts as complete
    link(&from.join(manifest), &to.join(manifest))
}

/// A second name for a file, or a copy where the disk has no such thing. Nothing here writes into an existing file.
fn link(from: &Path, to: &Path) -> Result<()> {
    match std::fs::hard_link(from, to) {
        Ok(()) => Ok(()),
        Err(_) => std::fs::copy(from, to).map(|_| ()).doing("copy", from),
    }
}
