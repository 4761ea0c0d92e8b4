// The agent: gcstorm's target on real Go. It speaks docs/control-protocol.md as gcstorm-target does, on the same descriptors, and writes the
// same shared memory; what it can do and what not is in docs/go-target.md.
//
//	agent                    a target; its environment (GODEBUG, GOGC, GOMEMLIMIT, GOMAXPROCS) is the harness's
//	agent -layout            say where everything lies in the shared memory (a test compares)
//	agent -operations N      a plan on standard input: what the units hold after each of the first N operations (a test compares)
//	agent -conditions        conditions on standard input: do they hold (a test compares)
//	agent -maps N            what a map's header says after each of N entries (a test compares)
//	agent -cost              what the agent itself costs here (bench/bench.sh)
//	agent -burn              see burners
//
// Exit status: 0 the run is over (or the harness is gone), 2 the plan was refused, 3 the lease ran out, else as Go programs die.
package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync/atomic"
)

func main() {
	profileInit()
	clockInit()
	if len(os.Args) < 2 {
		agentMain()
		return
	}
	switch os.Args[1] {
	case "-layout":
		layoutPrint()
	case "-cost":
		costMain()
	case "-burn":
		burnMain()
	case "-operations":
		operationsMain()
	case "-conditions":
		conditionsMain()
	case "-maps":
		n, _ := strconv.Atoi(os.Args[len(os.Args)-1])
		mapsMain(n)
	default:
		fmt.Fprintf(os.Stderr, "agent: unknown option %s\n", os.Args[1])
		os.Exit(2)
	}
}

func agentMain() {
	line := make(chan []byte, 64)
	go controlRead(line)
	text, open := <-line
	if !open {
		return
	}
	e, c, crew := agentLoad(text, line)
	if err := crew.prepare(); err != nil {
		controlRefuse(err)
	}
	agentReady(e, c)
	<-c.begin
	crew.start()
	<-c.end
	crew.gather(c.timeOver)
	crew.finish()
	e.watch.end()
	e.emit(&record{tNS: nowNS(), kind: watchEnd, p: noP})
	c.publish(nowNS())
	agentDone(e)
}

func agentDone(e *env) {
	done := map[string]any{"ev": "done", "hash": "0000000000000000", "checked": atomic.LoadUint64(&e.checked),
		"integrity_errors": atomic.LoadUint64(&e.errors)}
	if e.plan.Runtime.Profile != 0 {
		done["heap_profile"] = errnoOf(e.profileError)
	}
	if e.trace.index >= 0 {
		done["trace"] = errnoOf(<-e.trace.done)
	}
	controlSend(done)
}

func agentLoad(text []byte, line chan []byte) (*env, *control, *crew) {
	p, err := planParse(text)
	if err != nil {
		controlRefuse(err)
	}
	e := &env{plan: p}
	if e.tel, err = telemetryMap(telemetryFD); err != nil {
		controlRefuse(err)
	}
	e.tel.targetPid, e.tel.ctlFd = int32(os.Getpid()), -1
	agentRuntime(&p.Runtime)
	e.watch = gcWatchNew(e)
	if e.faults, err = faultsLoad(e); err != nil {
		controlRefuse(err)
	}
	if e.rates, err = outside[rates](len(p.Workloads)); err != nil {
		controlRefuse(err)
	}
	crew, err := crewNew(e)
	if err != nil {
		controlRefuse(err)
	}
	e.trace = tracerNew(e)
	c := controlNew(e, line)
	go c.main()
	return e, c, crew
}

// agentRuntime sets what the environment did not (the harness sets all of it there, so that it holds from the first instruction).
func agentRuntime(rt *planRuntime) {
	if runtime.GOMAXPROCS(0) != rt.Procs {
		runtime.GOMAXPROCS(rt.Procs)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(rt.GOGC)
	}
	if os.Getenv("GOMEMLIMIT") == "" && rt.Memlimit > 0 {
		debug.SetMemoryLimit(rt.Memlimit)
	}
}

func agentReady(e *env, c *control) {
	workers := []map[string]any{}
	for i := range e.plan.Workloads {
		w := &e.plan.Workloads[i]
		for j := uint32(0); j < w.goroutines(); j++ {
			workers = append(workers, map[string]any{"workload": i, "worker": j, "id": w.firstID + j})
		}
	}
	controlSend(map[string]any{"ev": "ready", "pid": os.Getpid(), "workers": workers})
	c.prepared.set()
}

// operationsMain: a line an operation, with the unit's digest: of its random numbers and of all that its model holds.
func operationsMain() {
	n, err := strconv.Atoi(os.Args[len(os.Args)-1])
	text, _ := io.ReadAll(os.Stdin)
	p, perr := planParse(text)
	if err != nil || perr != nil {
		fmt.Fprintln(os.Stderr, "agent: -operations N < PLAN:", err, perr)
		os.Exit(2)
	}
	e := &env{plan: p}
	e.watch = gcWatchNew(e)
	e.faults, _ = faultsLoad(e)
	crew, err := crewNew(e)
	if err != nil {
		fmt.Fprintln(os.Stderr, "agent:", err)
		os.Exit(2)
	}
	for _, w := range crew.worker {
		u, err := driverByName(w.w.Driver).create(w.options())
		for i := 0; err == nil && i < n; i++ {
			u.op()
			fmt.Printf("%s/%d %d %016x\n", w.w.ID, w.index, i, u.digest())
		}
		u.verify()
	}
	fmt.Printf("checked %d errors %d\n", e.checked, e.errors)
}
