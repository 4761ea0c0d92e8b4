package main

import (
	"math"
	"sort"
)

// The collector's stops of the world, one by one, from two sources that are put together. debug.ReadGCStats knows of each cycle, to the
// nanosecond, how long its two stops were in all, once it has ended. The histogram of /sched/pauses/total/gc (before Go 1.22 /gc/pauses)
// knows each stop alone, by a bucket, as soon as it is over. So stops wait until the cycles that they belong to have ended; then each is the
// middle of its bucket, all scaled to the sum that is known, and each kept within its bucket. They are told with the time of the look that
// saw them.
//
// From Go 1.22 on /sched/pauses/stopping/gc has the time until everybody stood still, by bucket too; the shortest goes with the shortest. It is
// counted a moment earlier, so a look may see it alone. Before, and of stops that are not the collector's, only the whole is told
// (WATCH_UNKNOWN).

const (
	stopsWaitNS = 1000000000 // then they are told as they are
	stopsMax    = 64
)

type stop struct {
	atNS     int64
	size     bucket
	stopping bucket // valid if the parts are told apart
}

type stopsPending struct {
	stop     []stop
	stopping []bucket
	ended    int     // cycles that have ended, of which these are the stops
	sum      float64 // of theirs, ns
	firing   uint64  // of the one cycle; 0: none, or several cycles
}

func (p *stopsPending) add(now int64, stops, stopping []bucket, ended int, sum float64, firing uint64) {
	for _, size := range stops {
		p.stop = append(p.stop, stop{atNS: now, size: size})
	}
	p.stopping = append(p.stopping, stopping...)
	p.ended += ended
	p.sum += sum
	if ended > 0 {
		p.firing = firing
	}
	if p.ended > 1 {
		p.firing = 0 // whose stops they are is not known
	}
}

// settle tells what can be told.
func (p *stopsPending) settle(g *gcWatch, now int64) {
	running := len(p.stop) - 2*p.ended // 1: the first stop of a cycle that runs is among them
	paired := g.stop == nil || len(p.stopping) == len(p.stop)
	if p.ended > 0 && paired && (running == 0 || running == 1) {
		p.pair(g)
		var rest []stop
		if running == 1 {
			rest = p.leaveOut()
		}
		p.tell(g, p.scale())
		*p = stopsPending{stop: rest}
		if g.stop != nil {
			for _, s := range rest {
				p.stopping = append(p.stopping, s.stopping)
			}
		}
	} else if len(p.stop) > stopsMax || len(p.stop) > 0 && now-p.stop[0].atNS > stopsWaitNS {
		p.flush(g)
	}
}

// flush tells all there are, by the middles of their buckets.
func (p *stopsPending) flush(g *gcWatch) {
	if g.stop != nil && len(p.stopping) == len(p.stop) {
		p.pair(g)
		p.tell(g, 1)
	} else {
		for _, s := range p.stop {
			g.stw(s.atNS, reasonGCStart, watchUnknown, s.size.middle, 0)
		}
	}
	*p = stopsPending{}
}

func (p *stopsPending) pair(g *gcWatch) {
	if g.stop == nil {
		return
	}
	bySize := make([]int, len(p.stop))
	for i := range bySize {
		bySize[i] = i
	}
	sort.SliceStable(bySize, func(i, j int) bool { return p.stop[bySize[i]].size.middle < p.stop[bySize[j]].size.middle })
	sort.SliceStable(p.stopping, func(i, j int) bool { return p.stopping[i].middle < p.stopping[j].middle })
	for i, at := range bySize {
		p.stop[at].stopping = p.stopping[i]
	}
}

func (p *stopsPending) middles() (sum float64) {
	for _, s := range p.stop {
		sum += s.size.middle
	}
	return sum
}

func (p *stopsPending) scale() float64 {
	if middles := p.middles(); middles > 0 && p.sum > 0 {
		return p.sum / middles
	}
	return 1
}

// leaveOut takes the stop of the cycle that runs out: of those seen last the one without which the others come nearest to their sum.
func (p *stopsPending) leaveOut() []stop {
	last, best, least := p.stop[len(p.stop)-1].atNS, len(p.stop)-1, math.Inf(1)
	all := p.middles()
	for i, s := range p.stop {
		if s.atNS != last {
			continue
		}
		if off := math.Abs(math.Log((all - s.size.middle + 1) / (p.sum + 1))); off < least {
			best, least = i, off
		}
	}
	rest := []stop{p.stop[best]}
	p.stop = append(p.stop[:best], p.stop[best+1:]...)
	return rest
}

// tell: of a cycle's two stops the one that was seen first is the first; of two seen at once the order is not known.
func (p *stopsPending) tell(g *gcWatch, scale float64) {
	for i, s := range p.stop {
		ns := math.Min(math.Max(s.size.middle*scale, s.size.low), s.size.high)
		reason := uint64(reasonGCStart + i%2)
		if g.stop == nil {
			g.stw(s.atNS, reason, watchUnknown, ns, p.firing)
			continue
		}
		before := math.Min(s.stopping.middle, ns)
		g.stw(s.atNS, reason, uint64(before), ns-before, p.firing)
	}
}
