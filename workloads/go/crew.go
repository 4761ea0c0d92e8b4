package main

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

const (
	crewPatienceNS = 1000000000
	crewPollNS     = 1000000
)

// The worker goroutines: make a unit, wait for the begin, operate at the pace, wait for the check, compare.

type crew struct {
	env                        *env
	worker                     []*crewWorker
	echo                       []*echo
	prepared, stopped, checked sync.WaitGroup
	begin, check               chan struct{}
	verify                     bool
}

type crewWorker struct {
	crew  *crew
	w     *planWorkload
	index uint32
	unit  operator
	err   error
}

func crewNew(e *env) (*crew, error) {
	c := &crew{env: e, begin: make(chan struct{}), check: make(chan struct{})}
	for i := range e.plan.Workloads {
		w := &e.plan.Workloads[i]
		if why := accept(w); why != "" {
			return nil, fmt.Errorf("%s: %s", w.ID, why)
		}
		if w.Driver == mapChurn.name {
			mapCheck() // what can be told of its maps
		}
		for j := uint32(0); j < w.Workers; j++ {
			c.worker = append(c.worker, &crewWorker{crew: c, w: w, index: j})
		}
	}
	return c, nil
}

func accept(w *planWorkload) string {
	if w.Driver == "echo" {
		return echoAccept(w)
	}
	d := driverByName(w.Driver)
	if d == nil || w.Conns > 0 {
		return "the driver " + w.Driver + " is not there on Go"
	}
	return d.accept(w)
}

func (w *crewWorker) options() *unitOptions {
	return &unitOptions{env: w.crew.env, w: w.w, workload: w.w.index, worker: w.index, id: w.w.firstID + w.index, share: uint64(w.w.Workers)}
}

func (w *crewWorker) slot() *watchOps {
	ops := &w.crew.env.tel.ops[w.w.firstSlot+w.index]
	ops.workload, ops.worker, ops.isClient = w.w.index, w.index, 0
	atomic.StoreUint32(&ops.used, 1) // the reader sees who it is before it sees that it is
	return ops
}

func (w *crewWorker) main() {
	c := w.crew
	w.unit, w.err = driverByName(w.w.Driver).create(w.options())
	c.prepared.Done()
	<-c.begin
	if w.err == nil {
		w.work()
	}
	c.stopped.Done()
	<-c.check
	if w.err == nil && c.verify {
		w.unit.verify()
	}
	c.checked.Done()
	runtime.KeepAlive(w.unit)
}

func (w *crewWorker) work() {
	p := paceOf(w.crew.env, w.w, w.index, w.slot())
	p.clock, _ = w.unit.(clocked)
	base := w.unit.base()
	teller := mapTellerOf(&w.crew.env.tel.maps[w.w.firstSlot+w.index], w.unit)
	for p.next() {
		base.operates()
		w.unit.op()
		p.done()
		teller.tell(p.nowNS)
	}
}

// prepare starts them and waits until everything is filled.
func (c *crew) prepare() error {
	n := len(c.worker)
	c.prepared.Add(n)
	c.stopped.Add(n)
	c.checked.Add(n)
	for _, w := range c.worker {
		go w.main()
	}
	c.prepared.Wait()
	for _, w := range c.worker {
		if w.err != nil {
			return fmt.Errorf("%s: %v", w.w.ID, w.err)
		}
	}
	for i := range c.env.plan.Workloads {
		w := &c.env.plan.Workloads[i]
		if w.Conns == 0 {
			continue
		}
		served, err := echoPrepare(c.env, w)
		if err != nil {
			return fmt.Errorf("%s: %v", w.ID, err)
		}
		c.echo = append(c.echo, served)
	}
	return nil
}

func (c *crew) start() {
	for _, served := range c.echo {
		if !c.env.stop.get() {
			served.begin()
		}
	}
	close(c.begin)
}

// gather: the workers have stopped; clients get a while to end by themselves when the run's time is over.
func (c *crew) gather(patient bool) {
	c.stopped.Wait()
	t := c.env.tel
	for until := nowNS() + crewPatienceNS; patient && atomic.LoadUint32(&t.loadReady) != 0 && atomic.LoadUint32(&t.loadDone) == 0 && nowNS() < until; {
		time.Sleep(crewPollNS)
	}
	for _, served := range c.echo {
		served.end()
	}
}

// finish: two whole collections with everything live, which is the moment of the heap profile; then all is compared.
func (c *crew) finish() {
	c.env.watch.force(0)
	c.env.watch.force(0)
	if c.env.plan.Runtime.Profile != 0 {
		c.env.profileError = heapProfile(c.env)
	}
	c.verify = true
	close(c.check)
	c.checked.Wait()
	for _, served := range c.echo {
		served.verify()
	}
}
