#!/bin/sh
# newcomer.sh: whoever knows the help key alone finds every screen, and arms, fires and disarms a fault: every other key that is pressed here was read
# off the help page at 80x24. What came of it is compared with what the record says.
. "${GCSTORM_SOURCE:-.}/tests/integration/libtmux.sh"
cat > "$work/idle.yaml" <<'YAML'
version: 1
name: idle-faults
seed: 5
target: {runtime: embedded, procs: 2}
workload:
  - {id: maps, driver: map-churn, workers: 1, rate: 2k/s, keys: 1k, value: ptr, value_bytes: 64B, mix: {insert: 50, delete: 50}}
phases:
  - {id: steady, for: 600s}
faults:
  - {id: oom, point: mem/malloc, when: {manual: true}, fire: {every: 50}}
  - {id: slow, point: gc/map_assign, when: {manual: true}, fire: {every: 400}}
YAML
tm new-session -d -s s -x 80 -y 24 "exec env TERM=screen $bin run $work/idle.yaml -o $work/run.gcrun 2> $work/said"
wait_for 'maps .*/s'

# The whole help, page by page, into $work/help.
# (One that is drawn to its end: it is the same when it is looked at again.)
is_page() { screen > "$work/page"; sed 1d "$work/page" | grep -q 'any key closes' && sleep 0.1 && screen | cmp -s - "$work/page"; }
turned() { is_page && ! cmp -s "$work/page" "$work/last"; }
read_help() {
	: > "$work/help"
	press "$1"
	until_true "no help" is_page
	while :; do
		cat "$work/page" >> "$work/help"
		grep -q 'more below' "$work/page" || break
		cp "$work/page" "$work/last"
		press PageDown
		until_true "the help does not turn its page" turned
	done
	press Escape
	wait_gone 'any key closes'
}
# The first key of the line that promises this.
key_for() {
	key=$(grep -m 1 -- "$1" "$work/help" | awk '{ print $1 }')
	[ -n "$key" ] || fail "the help knows no key for: $1"
	echo "$key" | sed 's/\.\..*//; s/^Esc$/Escape/; s/^SPC$/Space/'
}

helps() { screen | tail -n 1 | grep -q '? help'; }
until_true "the last row does not say which key helps" helps
read_help '?'

# ---- every screen, and back
sed -n '/SCREENS/,/^ *$/s/^  *\(F[0-9]*\)  *\([a-z][a-z]*\) .*/\1 \2/p' "$work/help" | sort -u | grep -v ' help$' > "$work/screens"
known=$(grep -c '^SCREEN([A-Z]*, [1-9]' "${GCSTORM_SOURCE:-.}/tui/screens.def")
[ "$(wc -l < "$work/screens")" = "$known" ] || fail "the help lists $(tr "\n" , < "$work/screens") that is not $known screens"
back=$(key_for 'back to the main screen')
while read -r key name; do
	title=$(echo "$name" | tr '[:lower:]' '[:upper:]')
	press "$key"
	wait_gone 'SLO and'
	wait_for "─ $title"
	press "$back"
	wait_for 'SLO and'
done < "$work/screens"

# ---- arm, fire, disarm: the fault that is chosen, by what the help says of it
fired() { screen | sed -n 's/^[> ]\[[x ]\]1 oom .* \([0-9,]*\)$/\1/p; s/^[> ]\[[x ]\]1 oom .* \([0-9,]*\)[/ ].*│.*/\1/p' | tr -d ', ' | head -n 1; }
arm=$(key_for 'arm or disarm that fault')
press "$arm"
wait_for '\[x\]1 oom'
wait_for 'FAULTING oom'
press "$arm"
wait_for '\[ \]1 oom'
before=$(fired)
fire=$(key_for 'fire the chosen fault once')
press "$fire"
more() { [ "$(fired)" -gt "$before" ]; }
until_true "it was not fired: $before" more
press "$arm"
wait_for '\[x\]1 oom'
press "$(key_for 'disarm every fault')"
wait_for '\[ \]1 oom'
press "$(key_for 'stop the run')"
wait_for 'Stop the run'
press y
ended() { "$bin" report --format json "$work/run.gcrun" > "$work/json" 2> /dev/null && grep -q '"finished": *true' "$work/json"; }
until_true "the run does not end" ended

# ---- what the record has of it
tr -d ' \n' < "$work/json" > "$work/flat"
grep -q '"operator_modified":true' "$work/flat" || { echo "FAIL: the record does not say that it was changed by hand"; exit 1; }
"$bin" report "$work/run.gcrun" > "$work/report"
for act in 'arm oom' 'disarm oom' 'fire oom' disarm_all; do
	grep -q "screen  *$act" "$work/report" || { echo "FAIL: the report has no '$act'"; cat "$work/report"; exit 1; }
done
echo "the help key alone is enough"
