#!/bin/sh
# tui.sh: the live screen in a real terminal (tmux): 80x24, larger, resized, without colour, by key, and what stands there afterwards.
set -u
command -v tmux > /dev/null || { echo "tmux is not installed"; exit 77; }
bin=${GCSTORM_BUILD:?}/gcstorm
work=$(mktemp -d) || exit 1
socket=$work/tmux
XDG_STATE_HOME=$work/state XDG_RUNTIME_DIR=$work/runtime
export XDG_STATE_HOME XDG_RUNTIME_DIR
mkdir -m 700 "$XDG_STATE_HOME" "$XDG_RUNTIME_DIR"
tm() { tmux -u -f /dev/null -S "$socket" "$@"; }
screen() { tm capture-pane -p -t s -S -300; }
trap 'tm kill-server 2> /dev/null; rm -rf "$work"' EXIT

cat > "$work/s.yaml" <<'YAML'
version: 1
name: screen
target: {runtime: embedded, procs: 2}
workload:
  - {id: maps, driver: map-churn, workers: 1, rate: 5k/s, keys: 20k, value: ptr, value_bytes: 32B, mix: {insert: 50, delete: 50}}
phases:
  - {id: steady, for: 2s}
  - {id: storm, for: 600s}
faults:
  - {id: oom, point: mem/malloc, when: {phase: storm, at: 500s, for: 1s}, fire: {probability: 10%}}
recovery: {signals: [ops.errors], window: 500ms, windows: 2, deadline: 2s}
YAML

fail() { echo "FAIL: $1"; echo "--- screen"; tm capture-pane -p -t s; exit 1; }
# Wait until the screen shows a text: bounded by a deadline, not by a fixed sleep.
wait_for() {
	i=0
	while ! screen | grep -q -e "$1"; do
		i=$((i + 1))
		[ "$i" -lt "${2:-300}" ] || fail "the screen never showed '$1'"
		sleep 0.1
	done
}
wait_gone() {
	i=0
	while tm capture-pane -p -t s | grep -q -e "$1"; do
		i=$((i + 1))
		[ "$i" -lt 300 ] || fail "the screen went on showing '$1'"
		sleep 0.1
	done
}

wait_dead() {
	i=0
	while [ "$(tm display-message -p -t s '#{pane_dead}')" != 1 ]; do
		i=$((i + 1))
		[ "$i" -lt 300 ] || fail "the program did not end"
		sleep 0.1
	done
}

tm new-session -d -s s -x 80 -y 24 "exec env LC_ALL=C.UTF-8 $bin run $work/s.yaml -o $work/s.gcrun; " \; set-option remain-on-exit on
wait_for 'STW PAUSE'
wait_for 'maps .*/s'
wait_for 'q quit'
[ -z "$(tm capture-pane -p -t s | LC_ALL=C.UTF-8 sed -n '/^.\{81\}/p')" ] || fail "a line is wider than the screen"

tm resize-window -t s -x 132 -y 43
wait_for 'run [0-9]*-[0-9]*-'          # shown only where there is room
tm resize-window -t s -x 60 -y 20
wait_for 'all of it from 80x24'            # one pane; Tab shows the next
tm send-keys -t s Tab
wait_for '10 s .* total .* steady'
tm send-keys -t s BTab
tm resize-window -t s -x 80 -y 24
wait_for 'RECOVERY'

tm send-keys -t s '?'
wait_for 'KEYS OF A RUN'
tm send-keys -t s NPage
wait_for 'ON THE maps SCREEN'
tm send-keys -t s x
wait_gone 'ON THE maps SCREEN'

# The other screens, and back; what is armed there is armed.
tm send-keys -t s F3
wait_for 'PAUSES \[stw\]'
tm send-keys -t s K
wait_for 'PAUSES  stw \[stopping\]'
tm send-keys -t s F2
wait_for '─ MAPS'
tm send-keys -t s F5
wait_for 'STALLS ms'
tm send-keys -t s F4
wait_for 'TIMELINE  0:00.00 to'
wait_for 'AT 0:'
tm send-keys -t s + + Left
wait_for 'TIMELINE'
tm send-keys -t s F6
wait_for 'EVENTS  .* of '
wait_for 'phase steady'
tm send-keys -t s / s t o r m Enter
wait_for "have 'storm'"
wait_gone 'phase steady'
tm send-keys -t s Escape
wait_for 'phase steady'
tm send-keys -t s Escape
wait_for 'SLO and'
tm send-keys -t s K K K K

# Orders in words: a fault's numbers, a rate, a mark, for how long to arm; what the run says of them.
words() { tm send-keys -t s "$1"; tm send-keys -t s -l "$2"; tm send-keys -t s Enter; }
words e 'probability=50%'
wait_for 'fail p=0.5'
words e 'probability=lots'
wait_for 'Other numbers for oom'
words R '4k/s'                            # of the only workload
wait_for ' of 4.0k'
words A 5m                               # long enough to be seen
wait_for '\[x\]1 oom'
wait_for '\*\(5:00\|4:[0-9][0-9]\)'
words A 2s
wait_for '\[ \]1 oom'                    # its time is up
words M 'as it should be'
tm send-keys -t s F6
wait_for 'mark: as it should be'
wait_for 'time limit: oom is disarmed after 2s by hand'
wait_for "cannot be 'lots'"
tm send-keys -t s Escape
wait_for 'SLO and'

# Frozen, a screen keeps what it had, down to its lists; the run goes on.
tm send-keys -t s F6
wait_for 'EVENTS  '
tm send-keys -t s ' '
wait_for 'FROZEN'
"$bin" ctl "$work/s.gcrun" mark while-frozen > "$work/ctl" 2>&1 || fail "ctl: $(cat "$work/ctl")"
tm send-keys -t s k                        # it is drawn again
tm send-keys -t s G
wait_for 'FROZEN'
tm capture-pane -p -t s | grep -q while-frozen && fail "a frozen screen goes on"
tm send-keys -t s ' '
wait_for 'while-frozen'
tm send-keys -t s Escape
wait_for 'SLO and'

# Sizes and keys at random, on every screen: it stays, and finds back.
seed=${GCS_TEST_SEED:-$(date +%s)}
echo "seed $seed"
awk -v seed="$seed" 'BEGIN { srand(seed); n = split("F3 F4 F6 F1 Tab BTab Up Down Left Right S-Left S-Right h j k l + - e E n N v K w G g Enter Escape ? / PPage NPage Home End m 3", key, " ")
	for (i = 0; i < 240; i++) print key[1 + int(rand() * n)], 20 + int(rand() * 200), 3 + int(rand() * 60), rand() < 0.2 }' > "$work/storm"
while read -r key cols rows resize; do
	[ "$resize" = 1 ] && tm resize-window -t s -x "$cols" -y "$rows"
	tm send-keys -t s "$key"
done < "$work/storm"
tm resize-window -t s -x 80 -y 24
i=0
until tm capture-pane -p -t s | grep -q 'SLO and'; do
	tm send-keys -t s Escape
	i=$((i + 1))
	[ "$i" -lt 300 ] || fail "it does not find back to the main screen"
	sleep 0.1
done
# Key by key, each when the one before has come: one too many would be another kind.
kind() { tm capture-pane -p -t s | sed -n '3s/ *[mn]*s[, ].*//p'; }
while ! kind | grep -q 'STW PAUSE'; do
	was=$(kind)
	tm send-keys -t s K
	until [ "$(kind)" != "$was" ]; do
		i=$((i + 1))
		[ "$i" -lt 400 ] || fail "no kind is stw, after $was"
		sleep 0.1
	done
done
[ "$(tm display-message -p -t s '#{pane_dead}')" != 1 ] || fail "it has ended"
tm send-keys -t s k
wait_for 'TIME TO STOP'
tm send-keys -t s 1
wait_for '\[x\]1 oom'
wait_for 'FIRING'
tm send-keys -t s 1
wait_for '\[ \]1 oom'
tm send-keys -t s ' '
wait_for 'FROZEN'
tm send-keys -t s ' '
wait_gone 'FROZEN'
tm send-keys -t s q
wait_for 'Stop the run'
tm send-keys -t s y
wait_for 'record .*s.gcrun'            # the summary, on a restored terminal
wait_dead
tm kill-server
socket=$socket+ # the server that was told to end still answers for a while

# Without colour nothing is coloured; ASCII where the locale has no more.
tmux -f /dev/null -S "$socket" new-session -d -s s -x 80 -y 24 "exec env NO_COLOR=1 LC_ALL=C $bin run $work/s.yaml -o $work/n.gcrun; " \; set-option remain-on-exit on
wait_for 'STW PAUSE'
wait_for 'maps .*/s'
tm capture-pane -e -p -t s | grep -q "$(printf '\033')\[3[1-7]m" && fail "NO_COLOR is not heeded"
tm capture-pane -p -t s | LC_ALL=C grep -q '[^ -~]' && fail "a character beyond ASCII in the C locale"
tm send-keys -t s q
wait_for 'Stop the run'
tm send-keys -t s y
wait_dead
echo "the screen does what it says"
