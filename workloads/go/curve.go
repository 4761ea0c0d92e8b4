package main

import "math/bits"

// The curve of heap-follow: the integers of workloads/curve.c, where it is explained.

const (
	curveStepNS    = 1000000
	curveSteps     = 1024
	curveLastNS    = 1000 * paceSecond
	curveRateShift = 16
	never          = int64(1<<63 - 1)
)

type curve struct {
	point         []planFollow
	workers       uint64
	sum           []uint64
	liveAt, dueAt int
	t0, t1        int64
	b0, b1        uint64
}

// between a and b, so far of the way; to zero, as C divides.
func between(a, b uint64, far, way int64) uint64 {
	if b >= a {
		return a + mulDiv(b-a, uint64(far), uint64(way))
	}
	return a - mulDiv(a-b, uint64(far), uint64(way))
}

// a * b / c >> curveRateShift, where a * b / c may be longer than a word.
func mulDivShift(a, b, c uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	high := hi / c
	low, _ := bits.Div64(hi%c, lo, c)
	return high<<(64-curveRateShift) | low>>curveRateShift
}

func (c *curve) integral(i int, dt int64) uint64 {
	p := &c.point[i]
	from := p.allocPerS << curveRateShift
	to := from
	if i+1 < len(c.point) && c.point[i+1].atNS > p.atNS {
		to = between(from, c.point[i+1].allocPerS<<curveRateShift, dt, c.point[i+1].atNS-p.atNS)
	}
	return mulDivShift(from+to, uint64(dt), 2*paceSecond)
}

func curveOf(point []planFollow, workers uint64) *curve {
	c := &curve{point: point, workers: workers, sum: make([]uint64, len(point))}
	for i := 0; i+1 < len(point); i++ {
		c.sum[i+1] = c.sum[i] + c.integral(i, point[i+1].atNS-point[i].atNS)
	}
	return c
}

func (c *curve) live(t int64) uint64 {
	for c.liveAt+1 < len(c.point) && c.point[c.liveAt+1].atNS <= t {
		c.liveAt++
	}
	p := &c.point[c.liveAt]
	live := p.live
	if c.liveAt+1 < len(c.point) {
		next := &c.point[c.liveAt+1]
		live = between(live, next.live, t-p.atNS, next.atNS-p.atNS)
	}
	return live / c.workers
}

func (c *curve) liveMax() (max uint64) {
	for i := range c.point {
		if c.point[i].live > max {
			max = c.point[i].live
		}
	}
	return max / c.workers
}

func (c *curve) stepNS(p, next *planFollow) int64 {
	step := (next.atNS - p.atNS) / curveSteps
	switch {
	case next.allocPerS == p.allocPerS:
		return next.atNS - p.atNS
	case step > curveStepNS:
		return step
	}
	return curveStepNS
}

func (c *curve) step() bool {
	p := &c.point[c.dueAt]
	last := c.dueAt+1 == len(c.point)
	if last && p.allocPerS == 0 {
		return false
	}
	c.t0, c.b0 = c.t1, c.b1
	if !last && c.t1 >= c.point[c.dueAt+1].atNS {
		c.dueAt++
		return true
	}
	if last {
		c.t1 += curveLastNS
	} else {
		next := &c.point[c.dueAt+1]
		if c.t1 += c.stepNS(p, next); c.t1 > next.atNS {
			c.t1 = next.atNS
		}
	}
	c.b1 = c.sum[c.dueAt] + c.integral(c.dueAt, c.t1-p.atNS)
	if c.b1 < c.b0 {
		c.b1 = c.b0
	}
	return true
}

func (c *curve) due(bytes uint64) int64 {
	all := bytes * c.workers
	for c.b1 < all {
		if !c.step() {
			return never
		}
	}
	if all <= c.b0 {
		return c.t0
	}
	return c.t0 + int64(mulDiv(uint64(c.t1-c.t0), all-c.b0, c.b1-c.b0))
}
