package main

import (
	"math"
	"runtime"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"time"
)

const (
	markRounds  = 3
	churners    = 2
	stallPeriod = time.Millisecond
	pausesKept  = 256
)

func init() {
	register(map[string]operation{
		"mark_1gib":  {n: 1 << 30, run: markHeap},
		"pause_64m":  {n: 64 << 20, cycles: 200, run: pauses},
		"pause_512m": {n: 512 << 20, cycles: 20, run: pauses},
		"pause_2g":   {n: 2 << 30, cycles: 20, run: pauses},
	})
}

type gcNode struct {
	a, b *gcNode
	w    [6]uint64
}

func graph(bytes uint64) []*gcNode {
	all := make([]*gcNode, bytes/64)
	state := uint64(5)
	for i := range all {
		n := new(gcNode)
		all[i] = n
		n.a = all[next(&state)%uint64(i+1)]
		n.b = all[next(&state)%uint64(i+1)]
	}
	return all
}

func markHeap(b *bench) {
	all := graph(b.n)
	least := time.Duration(math.MaxInt64)
	for i := 0; i < markRounds; i++ {
		start := time.Now()
		runtime.GC()
		if took := time.Since(start); took < least {
			least = took
		}
	}
	b.tell("cycle", float64(least.Nanoseconds())/1e6, "ms")
	runtime.KeepAlive(all)
}

func churn(all []*gcNode, seed uint64, end *uint32) {
	state := seed
	n := uint64(len(all))
	for atomic.LoadUint32(end) == 0 {
		all[next(&state)%n] = new(gcNode)
	}
}

func tick(end *uint32) (worst time.Duration) {
	due := time.Now().Add(stallPeriod)
	for atomic.LoadUint32(end) == 0 {
		time.Sleep(time.Until(due))
		late := time.Since(due)
		if late > worst {
			worst = late
		}
		if late < 0 {
			late = 0
		}
		due = due.Add(stallPeriod * (1 + late/stallPeriod))
	}
	return
}

func pauses(b *bench) {
	all := graph(b.n)
	var s runtime.MemStats
	var end uint32
	var worst time.Duration
	var done sync.WaitGroup
	runtime.ReadMemStats(&s)
	first := s.NumGC
	traceBegins()
	done.Add(churners + 1)
	for i := 0; i < churners; i++ {
		go func(seed uint64) {
			churn(all, seed, &end)
			done.Done()
		}(uint64(i))
	}
	go func() {
		worst = tick(&end)
		done.Done()
	}()
	cycle := []metrics.Sample{{Name: "/gc/cycles/total:gc-cycles"}} // stops nothing, as ReadMemStats would
	for metrics.Read(cycle); cycle[0].Value.Uint64() < uint64(first)+b.cycles; metrics.Read(cycle) {
		time.Sleep(2 * time.Millisecond)
	}
	atomic.StoreUint32(&end, 1)
	done.Wait()
	runtime.ReadMemStats(&s)
	for i := first; i < s.NumGC && s.NumGC-i <= pausesKept; i++ {
		b.tell("stw_p99", float64(s.PauseNs[i%pausesKept])/1e3, "us")
	}
	b.tell("stall_max", float64(worst.Nanoseconds())/1e3, "us")
	runtime.KeepAlive(all)
}
