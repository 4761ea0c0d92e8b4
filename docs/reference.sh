#!/bin/sh
# reference.sh GCSTORM: docs/reference.md, from the program's own tables. A test compares.
#
#   docs/reference.sh build/gcstorm > docs/reference.md
set -eu
bin=$1

table() { # LIST COLUMN: the rows of `gcstorm list LIST` as a table of Markdown
	printf '| %s | %s | |\n|---|---|---|\n' "$2" "$3"
	"$bin" list "$1" | sed 's/|/\\|/g' | awk 'NF == 0 { exit } { name = $1; kind = $2; $1 = $2 = ""; sub(/^ +/, ""); printf "| `%s` | %s | %s |\n", name, kind, $0 }'
}

cat <<'TXT'
# Reference

Made by `docs/reference.sh` from the tables that the program itself uses.

## Keys of a scenario

`[]` is a list; what follows it are the keys of one item. Times are written `5s`, `250ms`; bytes `64B`, `4KiB`, `512MiB`; rates `200k/s`; counts
`10k`, `1M`; sizes `64B`, `"uniform(64B, 4KiB)"`, `"zipf(1.2, 64B, 8MiB)"`. `gcstorm check` says where a value is wrong and what was expected.

TXT
table keys key kind
cat <<'TXT'

## Conditions

`while` of a fault: a visit at which it does not hold is a visit, but not eligible. Comparisons (`==` `!=` `<` `<=` `>` `>=`), `+` `-` `*`,
`and` `or` `not` (also `&&` `||` `!`), parentheses; `not` takes a whole comparison. Numbers are `500`, `10k`, `0.9`, `90%` (a factor), `64MiB`; bytes go
with bytes, counts with counts, a factor with both; all is reckoned in thousandths. Words: `off`, `mark`, `termination` for `gc.phase`; `true`, `false`.
A text that begins with `!` stands in quotes in YAML. Bytes are divided by the heap scale. Not at points of `os/`: the harness decides there.
A point that starts a collection is eligible only while none runs, so `gc.phase` is `off` there, whatever a condition asks for; at `gc/write` with `mode: cycle`
every store is.

    while: gc.phase == mark and heap.live > 0.9 * heap.goal

TXT
table states state kind
cat <<'TXT'

## Fault points

TXT
table faults point actions
cat <<'TXT'

Saboteurs break the runtime on purpose, to prove that its checks find it. They fire only in a scenario that names them.

| point | sentence |
|---|---|
TXT
"$bin" list faults | awk '$1 ~ /^sabotage\// { name = $1; $1 = $2 = ""; sub(/^ +/, ""); printf "| `%s` | %s |\n", name, $0 }'
cat <<'TXT'

## Fault points on real Go

What the drivers reach with `target: {runtime: go}` (`docs/go-target.md`), and how. Any other point is an error there, with the reason.

TXT
table go-faults point actions
cat <<'TXT'

## Metrics

What `slo`, `expect` and `recovery.signals` may name. `op.` and `ops.` metrics take a workload: `op.latency.p99@maps`.

TXT
table metrics metric unit
cat <<'TXT'

## Names of runtime/metrics

What `mrt_metrics_read` (`runtime/mrt.h`) answers to, by which Go it came in (1.19: or earlier), and what it is reckoned from: fields of MemStats, where it has
them. `docs/fidelity.md` says which are missing. For workloads and tests: an SLO names the metrics above.

TXT
table go-metrics name since
