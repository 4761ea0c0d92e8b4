package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"sync/atomic"
	"syscall"
	"time"
)

// The control goroutine: the harness's commands, the timeline, the lease; workloads/control.c is its model. It is scheduled by the runtime
// that is under test, there being no thread outside it in a Go program without cgo: a stopped world and Ps that do not let go make an edge
// late. So its own lateness is no sign of a machine that stood still, and WATCH_STALL is not told.

const (
	controlFD     = 3
	telemetryFD   = 4
	controlTickNS = 10000000
	leaseNS       = 1200000000
	leaseExit     = 3
	lineBytesMax  = 4 << 20
)

const ( // in the order in which edges of the same moment are played
	edgePhaseEnd = iota
	edgeDisarm
	edgePhaseStart
	edgeArm
	edgeEnd
)

type edge struct {
	atNS                int64
	kind, index, window int
}

type control struct {
	env          *env
	line         chan []byte // closed when the harness is gone
	edges        []edge
	begun        bool
	ended        bool
	cancelled    bool // no window opens any more
	quit         bool
	timeOver     bool // it ended because its time was over
	operatorActs [watchFaultsMax]uint32
	beat         uint64
	leaseAtNS    int64
	quietNS      int64
	begin, end   chan struct{}
	startSeen    bool
	prepared     atomicBool
}

func controlSend(message map[string]any) {
	text, _ := json.Marshal(message)
	text = append(text, '\n')
	for len(text) > 0 { // a harness that is gone is noticed when reading
		n, err := syscall.Write(controlFD, text)
		if err != nil && err != syscall.EINTR {
			return
		}
		if n > 0 {
			text = text[n:]
		}
	}
}

func controlRefuse(err error) {
	controlSend(map[string]any{"ev": "error", "text": err.Error()})
	os.Exit(2)
}

// controlRead sends each line, and closes the channel at the end.
func controlRead(line chan<- []byte) {
	var text []byte
	block := make([]byte, 1<<16)
	for len(text) < lineBytesMax {
		n, err := syscall.Read(controlFD, block)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			break
		}
		text = append(text, block[:n]...)
		for at := bytes.IndexByte(text, '\n'); at >= 0; at = bytes.IndexByte(text, '\n') {
			line <- append([]byte(nil), text[:at]...)
			text = text[at+1:]
		}
	}
	close(line)
}

func controlNew(e *env, line chan []byte) *control {
	c := &control{env: e, line: line, begin: make(chan struct{}), end: make(chan struct{})}
	for i, p := range e.plan.Phases {
		c.edges = append(c.edges, edge{p.StartNS, edgePhaseStart, i, 0}, edge{p.EndNS, edgePhaseEnd, i, 0})
	}
	for i := range e.plan.Faults {
		for j, w := range e.plan.Faults[i].Windows {
			c.edges = append(c.edges, edge{w[0], edgeArm, i, j}, edge{w[1], edgeDisarm, i, j})
		}
	}
	c.edges = append(c.edges, edge{e.plan.EndNS, edgeEnd, 0, 0})
	sort.SliceStable(c.edges, func(i, j int) bool {
		a, b := &c.edges[i], &c.edges[j]
		if a.atNS != b.atNS {
			return a.atNS < b.atNS
		}
		return a.kind < b.kind || a.kind == b.kind && a.index < b.index
	})
	return c
}

func (c *control) main() {
	timer := time.NewTimer(0)
	for {
		timer.Reset(time.Duration(c.deadline() - nowNS()))
		select {
		case line, open := <-c.line:
			if !open {
				c.orphaned(0)
			}
			c.command(line)
			if !timer.Stop() {
				<-timer.C
			}
		case <-timer.C:
		}
		c.step()
	}
}

func (c *control) step() {
	now := nowNS()
	if c.startSeen && !c.begun && c.prepared.get() {
		c.beginRun(now)
	}
	for c.begun && len(c.edges) > 0 && c.env.t0NS+c.edges[0].atNS <= now {
		c.play(&c.edges[0], now)
		c.edges = c.edges[1:]
	}
	if c.begun && !c.quit {
		c.env.trace.step(now - c.env.t0NS)
	}
	if c.quit && !c.begun && c.prepared.get() { // the run is over before it began: open what main waits at
		c.env.t0NS = now
		c.begun = true
		close(c.begin)
	}
	if c.quit && c.begun && !c.ended {
		c.ended = true
		close(c.end)
	}
	c.lease(now)
	c.publish(now)
}

func (c *control) publish(now int64) {
	t := c.env.tel
	atomic.StoreUint64(&t.gauges.telemetryRecords, atomic.LoadUint64(&t.shared.head))
	atomic.StoreUint64(&t.gauges.targetNowNS, uint64(now))
}

func (c *control) deadline() int64 {
	now := nowNS()
	deadline := now + controlTickNS
	if c.begun {
		deadline -= (now - c.env.t0NS) % controlTickNS
		if len(c.edges) > 0 && c.env.t0NS+c.edges[0].atNS < deadline {
			deadline = c.env.t0NS + c.edges[0].atNS
		}
	}
	return deadline
}

func (c *control) beginRun(now int64) {
	c.env.watch.start()
	now = nowNS()
	c.env.t0NS = now
	c.begun = true
	t := c.env.tel
	atomic.StoreUint64(&t.t0NS, uint64(now))
	atomic.StoreUint32(&t.loadGo, 1) // who sees it go sees t0
	close(c.begin)
	controlSend(map[string]any{"ev": "started", "t0_abs_ns": now})
}

func (c *control) play(e *edge, now int64) {
	switch e.kind {
	case edgePhaseStart, edgePhaseEnd:
		start := uint64(0)
		if e.kind == edgePhaseStart {
			start = 1
		}
		c.env.emit(&record{tNS: now, kind: watchPhase, p: noP, a: uint64(e.index), b: start})
	case edgeArm:
		if !c.cancelled {
			c.env.faults.disarm(e.index, 1) // an operator's arm ends here
			c.env.faults.arm(e.index, uint32(e.window), 0)
		}
	case edgeDisarm:
		c.env.faults.disarm(e.index, 0)
	case edgeEnd:
		c.timeOver = true
		c.stop()
	}
}

func (c *control) stop() {
	c.quit, c.cancelled = true, true
	c.env.faults.disarmAll(0)
	c.env.trace.stop()
	c.env.stop.set()
}

func (c *control) command(line []byte) {
	var m struct {
		Cmd      string
		Fault    *int
		Workload *int
		Rate     uint64
	}
	if json.Unmarshal(line, &m) != nil {
		return
	}
	switch {
	case m.Cmd == "start":
		c.startSeen = true
	case m.Cmd == "quit":
		c.stop()
	case c.quit:
	case m.Cmd == "disarm_all":
		c.cancelled = true
		c.env.faults.disarmAll(1)
	case m.Cmd == "rate" && m.Workload != nil && *m.Workload >= 0 && *m.Workload < len(c.env.plan.Workloads) && m.Rate > 0:
		c.env.rates[*m.Workload].add(nowNS(), m.Rate)
	case m.Fault == nil || *m.Fault < 0 || *m.Fault >= len(c.env.faults.list):
	case m.Cmd == "edit":
		c.env.faults.edit(*m.Fault, line)
	default:
		c.operator(m.Cmd, *m.Fault)
	}
}

func (c *control) operator(cmd string, i int) {
	switch {
	case cmd == "arm" && !c.env.faults.isArmed(i):
		// behind the occurrences of the windows
		c.env.faults.arm(i, uint32(len(c.env.plan.Faults[i].Windows))+c.operatorActs[i], 1)
		c.operatorActs[i]++
	case cmd == "disarm":
		c.env.faults.disarm(i, 1)
	case cmd == "fire":
		c.env.faults.fireOnce(i)
	}
}

func (c *control) orphaned(status int) {
	c.env.faults.disarmAll(0)
	if status == leaseExit {
		fmt.Fprintln(os.Stderr, "gcstorm agent: the harness stands still, the lease ran out: faults are disarmed, ending")
	}
	os.Exit(status)
}

// lease: quiet is counted in our own time, so that a machine that stood still as a whole takes nothing.
func (c *control) lease(now int64) {
	passed := now - c.leaseAtNS
	c.leaseAtNS = now
	beat := atomic.LoadUint64(&c.env.tel.beat)
	if beat != c.beat || beat == 0 {
		c.beat, c.quietNS = beat, 0
		return
	}
	if passed > 2*controlTickNS {
		passed = 2 * controlTickNS
	}
	if c.quietNS += passed; c.quietNS >= leaseNS {
		c.orphaned(leaseExit)
	}
}
