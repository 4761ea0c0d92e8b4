package main

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// The open loop of a worker, as workloads/pace.h describes it: latency counts from the intended start, so that a stall is charged to
// every operation that it delayed.

const (
	paceAheadNS      = 1000000
	paceNapNS        = 10000000
	paceSecond       = 1000000000
	pacePublishEvery = 64
)

type pace struct {
	env                        *env
	ops                        *watchOps // nil: not recorded
	rate, k                    uint64
	worker, workers            uint64
	t0NS, endNS, nowNS, fromNS int64
	clock                      clocked // nil: at the rate
}

func paceOf(e *env, w *planWorkload, worker uint32, ops *watchOps) *pace {
	return &pace{env: e, ops: ops, rate: w.Rate, worker: uint64(worker), workers: uint64(w.Workers),
		t0NS: e.t0NS, endNS: e.t0NS + e.plan.EndNS, nowNS: nowNS()}
}

// a * b / c
func mulDiv(a, b, c uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	quotient, _ := bits.Div64(hi, lo, c)
	return quotient
}

func (p *pace) intended(k uint64) int64 {
	return p.t0NS + int64(mulDiv(k*p.workers+p.worker, paceSecond, p.rate))
}

func (p *pace) publish() {
	if p.ops == nil {
		return
	}
	due := p.k
	if p.rate > 0 && p.nowNS > p.t0NS {
		due = mulDiv(uint64(p.nowNS-p.t0NS), p.rate, paceSecond*p.workers)
	}
	atomic.StoreUint64(&p.ops.intended, due)
}

func (p *pace) over() bool { return p.nowNS >= p.endNS || p.env.stop.get() }

// next waits for the next operation's turn; false: the run is over.
func (p *pace) next() bool {
	intended := p.nowNS
	if p.clock != nil {
		intended = p.endNS
		if due := p.clock.due(); due < p.endNS-p.t0NS {
			intended = p.t0NS + due
		}
	} else if p.rate > 0 {
		intended = p.intended(p.k)
	}
	if p.k%pacePublishEvery == 0 {
		p.publish()
	}
	for !p.over() && intended > p.nowNS+paceAheadNS {
		p.publish()
		nap := intended - p.nowNS
		if nap > paceNapNS {
			nap = paceNapNS
		}
		time.Sleep(time.Duration(nap))
		p.nowNS = nowNS()
	}
	p.fromNS = intended
	if p.nowNS < intended {
		p.fromNS = p.nowNS
	}
	return !p.over() && intended < p.endNS
}

func (p *pace) done() {
	late := p.nowNS - p.fromNS
	p.nowNS = nowNS()
	p.k++
	if p.ops == nil {
		return
	}
	p.ops.latency.add(uint64(p.nowNS - p.fromNS))
	atomic.StoreUint64(&p.ops.ops, p.ops.ops+1)
	if late > int64(p.ops.lateNSMax) {
		atomic.StoreUint64(&p.ops.lateNSMax, uint64(late))
	}
}
