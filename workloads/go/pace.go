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
	ratesMax         = 256
)

type rateChange struct {
	fromNS int64
	rate   uint64
}

// rates is how the rate of a workload has changed since the run began: workloads/rates.h. The control goroutine adds to it.
type rates struct {
	n      uint32 // atomic
	change [ratesMax]rateChange
}

func (r *rates) add(fromNS int64, rate uint64) {
	if n := atomic.LoadUint32(&r.n); n < ratesMax {
		r.change[n] = rateChange{fromNS, rate}
		atomic.StoreUint32(&r.n, n+1)
	}
}

func (r *rates) at(i uint32) *rateChange {
	if i >= atomic.LoadUint32(&r.n) {
		return nil
	}
	return &r.change[i]
}

type pace struct {
	env                        *env
	rates                      *rates
	nchanges                   uint32 // of rates, behind operation k
	baseK                      uint64 // the first operation at this rate, and when it began
	baseNS                     int64
	ops                        *watchOps // nil: not recorded
	rate, k                    uint64
	worker, workers            uint64
	t0NS, endNS, nowNS, fromNS int64
	clock                      clocked // nil: at the rate
}

func paceOf(e *env, w *planWorkload, worker uint32, ops *watchOps) *pace {
	return &pace{env: e, rates: &e.rates[w.index], baseNS: e.t0NS, ops: ops, rate: w.Rate, worker: uint64(worker), workers: uint64(w.Workers),
		t0NS: e.t0NS, endNS: e.t0NS + e.plan.EndNS, nowNS: nowNS()}
}

// a * b / c
func mulDiv(a, b, c uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	quotient, _ := bits.Div64(hi, lo, c)
	return quotient
}

func (p *pace) intended(k uint64) int64 {
	return p.baseNS + int64(mulDiv((k-p.baseK)*p.workers+p.worker, paceSecond, p.rate))
}

// rated is the next one's start, after the changes of the rate that lie before it.
func (p *pace) rated() int64 {
	due := p.intended(p.k)
	for c := p.rates.at(p.nchanges); c != nil && due >= c.fromNS; c = p.rates.at(p.nchanges) {
		p.nchanges++
		p.baseK, p.baseNS, p.rate = p.k, c.fromNS, c.rate
		due = p.intended(p.k)
	}
	return due
}

// within counts its operations, the first at worker / rate, that are intended within a span.
func (p *pace) within(rate uint64, spanNS int64) uint64 {
	hi, lo := bits.Mul64(uint64(spanNS), rate)
	lo, carry := bits.Add64(lo, paceSecond-1, 0)
	turns, _ := bits.Div64(hi+carry, lo, paceSecond)
	if turns <= p.worker {
		return 0
	}
	return (turns - p.worker + p.workers - 1) / p.workers
}

// due counts what is due by now, at the rates that held since.
func (p *pace) due() uint64 {
	k, rate, baseNS := p.baseK, p.rate, p.baseNS
	i := p.nchanges
	for c := p.rates.at(i); c != nil && c.fromNS <= p.nowNS; c = p.rates.at(i) {
		k += p.within(rate, c.fromNS-baseNS)
		baseNS, rate = c.fromNS, c.rate
		i++
	}
	return k + mulDiv(uint64(p.nowNS-baseNS), rate, paceSecond*p.workers)
}

func (p *pace) publish() {
	if p.ops == nil {
		return
	}
	due := p.k
	if p.rate > 0 && p.nowNS > p.baseNS {
		due = p.due()
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
		intended = p.rated()
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
		if p.clock == nil { // a change may have come meanwhile
			intended = p.rated()
		}
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
