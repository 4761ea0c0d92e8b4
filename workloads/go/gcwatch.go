package main

import (
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"time"
)

// What Go tells of its collector, looked at each watchEveryNS: gauges from runtime/metrics, and of each cycle its stops.
//
// How long its stops were: gcstops.go. When a cycle began is
// known as the look that first saw its first stop, so to watchEveryNS, but of forced ones exactly; nothing of this stops the world.
//
// /sched/latencies is told as scheduling latency: from runnable to running, of one goroutine in eight (Go samples), whoever made it
// runnable. How late the poller's wakes come is measured where they arrive: echo.go.

const (
	watchEveryNS = 5000000
	watchNoGoal  = 1 << 60
	// enum gc_trigger of runtime/gc/gc.h; Go does not tell of the two minutes after which it collects anyway
	triggerHeap   = 0
	triggerForced = 2
	triggerFault  = 3
	watchLagsMax  = 256 // told of a look; more are thinned evenly
)

type gcWatch struct {
	env     *env
	lock    sync.Mutex
	names   []string
	sample  []metrics.Sample
	index   map[string]int
	total   *pauseHist
	stop    *pauseHist // nil: not told
	other   *pauseHist
	lag     *pauseHist
	pending stopsPending
	stats   debug.GCStats
	numGC   int64
	begun   int64            // the last cycle whose begin was told
	cycles  uint64           // atomic: numGC
	sched   []metrics.Sample // schedMetrics; empty: this Go does not tell them
	looks   uint64
	finish  chan struct{}
	done    sync.WaitGroup
}

// pauseHist follows one histogram of runtime/metrics.
type pauseHist struct {
	name   string
	before []uint64
}

type bucket struct{ low, middle, high float64 } // ns

func (h *pauseHist) since(now *metrics.Float64Histogram) (more []bucket) {
	if h.before == nil {
		h.before = make([]uint64, len(now.Counts))
	}
	for i, count := range now.Counts {
		low, high := now.Buckets[i]*1e9, now.Buckets[i+1]*1e9
		if math.IsInf(low, -1) || low < 0 {
			low = 0
		}
		if math.IsInf(high, 1) {
			high = low
		}
		for n := count - h.before[i]; n > 0; n-- {
			more = append(more, bucket{low, (low + high) / 2, high})
		}
		h.before[i] = count
	}
	return more
}

var watchMetrics = []string{
	"/memory/classes/heap/objects:bytes", "/memory/classes/heap/unused:bytes", "/memory/classes/heap/free:bytes",
	"/memory/classes/heap/released:bytes", "/gc/heap/goal:bytes", "/gc/heap/live:bytes", "/gc/cycles/total:gc-cycles",
	"/gc/cycles/forced:gc-cycles", "/sched/goroutines:goroutines", "/cpu/classes/gc/total:cpu-seconds", "/cpu/classes/total:cpu-seconds",
	"/cpu/classes/gc/mark/assist:cpu-seconds", "/gc/pauses:seconds", "/sched/pauses/total/gc:seconds", "/sched/pauses/stopping/gc:seconds",
	"/sched/pauses/total/other:seconds", "/sched/latencies:seconds",
}

// schedMetrics are there from Go 1.26 on. To read them takes the scheduler's lock, so they are read at each schedEvery-th look only.
var schedMetrics = []string{"/sched/goroutines/runnable:goroutines", "/sched/threads/total:threads"}

const schedEvery = 10

func gcWatchNew(e *env) *gcWatch {
	g := &gcWatch{env: e, index: map[string]int{}, finish: make(chan struct{})}
	known := map[string]bool{}
	for _, d := range metrics.All() {
		known[d.Name] = true
	}
	for _, name := range watchMetrics {
		if known[name] {
			g.index[name] = len(g.sample)
			g.sample = append(g.sample, metrics.Sample{Name: name})
		}
	}
	if known[schedMetrics[0]] && known[schedMetrics[1]] {
		for _, name := range schedMetrics {
			g.sched = append(g.sched, metrics.Sample{Name: name})
		}
	}
	g.total = &pauseHist{name: "/gc/pauses:seconds"}
	g.lag = &pauseHist{name: "/sched/latencies:seconds"}
	if known["/sched/pauses/total/gc:seconds"] {
		g.total.name = "/sched/pauses/total/gc:seconds"
		g.stop = &pauseHist{name: "/sched/pauses/stopping/gc:seconds"}
		g.other = &pauseHist{name: "/sched/pauses/total/other:seconds"}
	}
	return g
}

func (g *gcWatch) cycle() uint64 { return atomic.LoadUint64(&g.cycles) }

func (g *gcWatch) number(name string) uint64 {
	i, known := g.index[name]
	if !known {
		return 0
	}
	switch v := g.sample[i].Value; v.Kind() {
	case metrics.KindUint64:
		return v.Uint64()
	case metrics.KindFloat64:
		return uint64(v.Float64() * 1e9)
	}
	return 0
}

// start takes what is there as read: cycles before the run count for nothing.
func (g *gcWatch) start() {
	g.lock.Lock()
	metrics.Read(g.sample)
	for _, h := range []*pauseHist{g.total, g.stop, g.other, g.lag} {
		if h != nil {
			h.since(g.sample[g.index[h.name]].Value.Float64Histogram())
		}
	}
	debug.ReadGCStats(&g.stats)
	g.numGC, g.begun = g.stats.NumGC, g.stats.NumGC
	atomic.StoreUint64(&g.cycles, uint64(g.numGC))
	g.lock.Unlock()
	g.done.Add(1)
	go g.run()
}

func (g *gcWatch) run() {
	defer g.done.Done()
	tick := time.NewTicker(watchEveryNS)
	defer tick.Stop()
	for {
		select {
		case <-g.finish:
			return
		case <-tick.C:
			g.lock.Lock()
			g.look(0)
			g.lock.Unlock()
		}
	}
}

func (g *gcWatch) end() {
	close(g.finish)
	g.done.Wait()
	g.lock.Lock()
	g.look(0)
	g.pending.flush(g)
	g.lock.Unlock()
}

// force is runtime.GC, told of before it begins: so this cycle is known to be the firing's (0: the program's own). One at a
// time, for runtime.GC takes a cycle that another goroutine has asked for as its own. The cycle's number.
func (g *gcWatch) force(firing uint64) uint64 {
	g.lock.Lock()
	defer g.lock.Unlock()
	g.look(0)
	if g.begun == g.numGC { // else one runs, and ours comes after it
		trigger := uint64(triggerFault)
		if firing == 0 {
			trigger = triggerForced
		}
		g.begin(nowNS(), trigger, firing)
	}
	runtime.GC()
	g.look(firing)
	return uint64(g.numGC)
}

// begin tells of the cycle after the last that was told of. It is told when it is seen, not when it has ended: the harness closes its
// books a little behind the clock.
func (g *gcWatch) begin(at int64, trigger, firing uint64) {
	g.begun++
	g.env.emit(&record{tNS: at, kind: watchGCStart, p: noP, a: uint64(g.begun), b: trigger,
		c: g.number("/memory/classes/heap/objects:bytes"), d: g.goal(), e: firing})
}

// look: firing is that of the last cycle that has ended, 0 none.
func (g *gcWatch) look(firing uint64) {
	now, wall := nowNS(), time.Now()
	metrics.Read(g.sample)
	g.gauges(now)
	g.schedule(now)
	g.lags(now)
	stops := g.total.since(g.sample[g.index[g.total.name]].Value.Float64Histogram())
	var stopping []bucket
	if g.stop != nil {
		stopping = g.stop.since(g.sample[g.index[g.stop.name]].Value.Float64Histogram())
		for _, b := range g.other.since(g.sample[g.index[g.other.name]].Value.Float64Histogram()) {
			g.stw(now, reasonOther, watchUnknown, b.middle, 0)
		}
	}
	debug.ReadGCStats(&g.stats)
	ended := int(g.stats.NumGC - g.numGC)
	g.told(ended, len(stops) > 0, now, wall, firing)
	g.pending.add(now, stops, stopping, ended, g.sumOf(ended), firing)
	g.pending.settle(g, now)
}

func (g *gcWatch) lags(now int64) {
	lags := g.lag.since(g.sample[g.index[g.lag.name]].Value.Float64Histogram())
	every := len(lags)/watchLagsMax + 1
	for i := every / 2; i < len(lags); i += every {
		g.env.emit(&record{tNS: now, kind: watchSchedLag, p: noP, b: uint64(lags[i].middle)})
	}
}

// goal: 0 when there is none (GOGC=off, no limit), for which Go has the largest number it can.
func (g *gcWatch) goal() uint64 {
	if goal := g.number("/gc/heap/goal:bytes"); goal < watchNoGoal {
		return goal
	}
	return 0
}

func (g *gcWatch) sumOf(ended int) (ns float64) {
	for k := 0; k < ended && k < len(g.stats.Pause); k++ {
		ns += float64(g.stats.Pause[k])
	}
	return ns
}

func (g *gcWatch) gauges(now int64) {
	if g.env.tel == nil {
		return
	}
	t := &g.env.tel.gauges
	objects, unused := g.number("/memory/classes/heap/objects:bytes"), g.number("/memory/classes/heap/unused:bytes")
	atomic.StoreUint64(&t.heapLive, objects)
	atomic.StoreUint64(&t.heapGoal, g.goal())
	atomic.StoreUint64(&t.heapMarked, g.number("/gc/heap/live:bytes"))
	atomic.StoreUint64(&t.heapInuse, objects+unused)
	atomic.StoreUint64(&t.heapSys, objects+unused+g.number("/memory/classes/heap/free:bytes")+g.number("/memory/classes/heap/released:bytes"))
	atomic.StoreUint64(&t.gcCycle, g.number("/gc/cycles/total:gc-cycles"))
	atomic.StoreUint64(&t.gcForced, g.number("/gc/cycles/forced:gc-cycles"))
	atomic.StoreUint64(&t.gcCPUNS, g.number("/cpu/classes/gc/total:cpu-seconds"))
	atomic.StoreUint64(&t.cpuNSAvailable, g.number("/cpu/classes/total:cpu-seconds"))
	atomic.StoreUint64(&t.assistNSTotal, g.number("/cpu/classes/gc/mark/assist:cpu-seconds"))
	atomic.StoreUint64(&t.goroutines, g.number("/sched/goroutines:goroutines"))
}

// schedule tells how many wait for a P, in whatever queue, and how many threads there are; more Go does not say.
func (g *gcWatch) schedule(now int64) {
	if g.looks++; g.env.tel == nil || len(g.sched) == 0 || g.looks%schedEvery != 1 {
		return
	}
	metrics.Read(g.sched)
	s := &g.env.tel.sched
	atomic.StoreUint64(&s.goroutines, g.number("/sched/goroutines:goroutines"))
	atomic.StoreUint64(&s.globalRunq, g.sched[0].Value.Uint64())
	atomic.StoreUint64(&s.threads, g.sched[1].Value.Uint64())
	for _, untold := range []*uint64{&s.idlePs, &s.idleThreads, &s.spinning, &s.timers, &s.pollWaiters} {
		atomic.StoreUint64(untold, watchUnknown)
	}
	atomic.StoreUint64(&s.psKnown, 0)
	atomic.StoreUint64(&s.atNS, uint64(now))
}

// told: of each cycle that has ended since the last look, its end, and its begin if that was not told; then of one that has begun.
func (g *gcWatch) told(ended int, stopped bool, now int64, wall time.Time, firing uint64) {
	for k := ended; k > 0; k-- {
		end := now
		if k <= len(g.stats.PauseEnd) {
			end = now - int64(wall.Sub(g.stats.PauseEnd[k-1]))
		}
		cycle := g.stats.NumGC - int64(k) + 1
		if g.begun < cycle {
			g.begin(end, triggerHeap, 0)
		}
		g.env.emit(&record{tNS: end, kind: watchGCEnd, p: noP, a: uint64(cycle), b: g.goal(), d: g.number("/cpu/classes/gc/total:cpu-seconds"),
			e: g.number("/cpu/classes/total:cpu-seconds")})
	}
	g.numGC = g.stats.NumGC
	atomic.StoreUint64(&g.cycles, uint64(g.numGC))
	if stopped && ended == 0 && g.begun == g.numGC {
		g.begin(now, triggerHeap, 0)
	}
}

// sched_stw_reason of runtime/sched/sched.h; a cycle's second stop is the next.
const (
	reasonGCStart = 0
	reasonOther   = 4
)

func (g *gcWatch) stw(now int64, reason, stopping uint64, stopped float64, firing uint64) {
	g.env.emit(&record{tNS: now, kind: watchSTW, p: noP, a: reason, b: stopping, c: uint64(stopped), d: g.cycle(), e: firing})
}
