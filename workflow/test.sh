#!/usr/bin/env bash
# Runs a tiny study by Snakemake and in one piece, and compares every file that must be the same.
#   workflow/test.sh PROGRAM
# Needs snakemake (`pip install snakemake==9.27.1`).
set -euo pipefail
program=$(realpath "${1:?the program, for example target/release/examples/paper_repro}")
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
options="--config $here/tiny.toml"

by_tasks() {
  snakemake --snakefile "$here/Snakefile" --profile "$here/profiles/local" --directory "$work" --cores 2 \
    --config "program=$program" "out=$work/tasks" "options=$options" "$@"
}

"$program" --config "$here/tiny.toml" --out "$work/whole" --threads 2 2> "$work/whole.log" || { cat "$work/whole.log"; exit 1; }
by_tasks > "$work/tasks.log" 2>&1 || { cat "$work/tasks.log"; exit 1; }

# everything but times, locks and the box of the page that holds times
for folder in whole tasks; do
  (cd "$work/$folder" && find . -type f ! -name manifest.json ! -name .lock ! -path './.tasks/*' ! -name report.html -exec sha256sum {} + | sort -k 2) > "$work/$folder.sums"
done
diff "$work/whole.sums" "$work/tasks.sums" || { echo "run by tasks, the study left other files than in one piece"; exit 1; }
[ -s "$work/tasks/report.html" ] || { echo "the tasks left no report"; exit 1; }

# a task that is done does nothing
"$program" run-task train-resnet50-replicate-0-fold-0 --config "$here/tiny.toml" --out "$work/tasks" 2>&1 | grep -q "nothing to do" \
  || { echo "run-task did finished work again"; exit 1; }
by_tasks --dry-run 2>&1 | grep -q "Nothing to be done" || { echo "Snakemake would run a finished study again"; exit 1; }
echo "the study run by $(wc -l < <(find "$work/tasks.tasks" -type f)) tasks is the same as in one piece ($(wc -l < "$work/whole.sums") files)"
