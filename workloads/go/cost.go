package main

import (
	"fmt"
	"os"
	"sort"
)

// What the agent itself costs on this machine and this Go, for docs/performance.md: a line a figure, name, value, unit and note with tabs.

const (
	costRounds = 15
	costTimes  = 8192 // a round; what the shared ring holds
)

// costNS is the median over the rounds of what f takes, of so many times a round.
func costNS(times int, prepare, f func()) float64 {
	var round []float64
	for i := 0; i < costRounds; i++ {
		prepare()
		begin := nowNS()
		for k := 0; k < times; k++ {
			f()
		}
		round = append(round, float64(nowNS()-begin)/float64(times))
	}
	sort.Float64s(round)
	return round[costRounds/2]
}

// costEnv is a run that nobody looks at, with a shared memory of its own.
func costEnv() (*env, error) {
	mem, err := outside[telemetry](1)
	if err != nil {
		return nil, err
	}
	mem[0].enabled = 1
	e := &env{plan: &plan{EndNS: 1 << 60}, tel: &mem[0], t0NS: nowNS()}
	e.watch = gcWatchNew(e)
	if e.rates, err = outside[rates](1); err != nil {
		return nil, err
	}
	e.faults, err = faultsLoad(e)
	return e, err
}

// empty makes the ring as the harness makes it.
func (r *sharedRing) empty() {
	r.head, r.tail, r.lost = 0, 0, 0
	for i := range r.slot {
		r.slot[i].turn = uint64(i)
	}
}

func costMain() {
	e, err := costEnv()
	if err != nil {
		fmt.Fprintln(os.Stderr, "agent: -cost:", err)
		os.Exit(2)
	}
	nothing := func() {}
	say := func(name string, value float64, unit, note string) {
		fmt.Printf("%s\t%.3g\t%s\t%s\n", name, value, unit, note)
	}
	p := paceOf(e, &planWorkload{Workers: 1}, 0, &e.tel.ops[0])
	say("agent_operation", costNS(costTimes, nothing, func() { p.next(); p.done() }), "ns", "an operation: the clock, its latency into the histogram")
	u := &unit{}
	u.init(&unitOptions{env: e, w: &planWorkload{}})
	say("agent_visit", costNS(costTimes, nothing, func() { u.at(pointGCWrite, 0, "word") }), "ns", "a point that no armed fault is at")
	rec := record{tNS: nowNS(), kind: watchFire, p: noP}
	say("agent_record", costNS(costTimes, e.tel.shared.empty, func() { e.emit(&rec) }), "ns", "a record into the shared memory")
	e.tel.shared.empty()
	look := costNS(100, e.tel.shared.empty, func() { e.watch.look(0) })
	say("agent_look", look/1e3, "us", "a look at runtime/metrics and debug.ReadGCStats, no cycle having ended")
	say("agent_looks", 100*look/watchEveryNS, "%", "of one CPU, a look each 5 ms")
}
