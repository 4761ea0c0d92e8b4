package main

import (
	"context"
	"errors"
	"os"
	"runtime"
	"runtime/pprof"
	"runtime/trace"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// What the agent writes for others to read: an execution trace around a fault that asks for one, and a heap profile at the end. Each goes
// to a descriptor that the harness has opened, behind those of the connections.

const (
	traceAroundNS = 1000000000  // before the first window and after it
	traceNSMax    = 20000000000 // in all
	traceBytesMax = 64 << 20    // past which it is stopped; what Go has by then still comes, so that the file is whole
)

// tracer is played by the control goroutine. A goroutine of its own starts and stops, which stops the world and waits for all that was
// written: the timeline goes on meanwhile.
type tracer struct {
	index          int // of the fault; -1: none asks for a trace
	beginNS, endNS int64
	begun, ended   bool
	file           *os.File
	begin, end     chan struct{}
	done           chan error
	bytes          int64 // atomic: written
	failed         error // of writing, the first; the writer's until done
}

func tracerNew(e *env) *tracer {
	t := &tracer{index: -1}
	for i := range e.plan.Faults {
		f := &e.plan.Faults[i]
		if !f.Trace {
			continue
		}
		*t = tracer{index: i, beginNS: never, endNS: never, begin: make(chan struct{}, 1), end: make(chan struct{}), done: make(chan error, 1)}
		if len(f.Windows) > 0 {
			t.beginNS = f.Windows[0][0] - traceAroundNS
			t.endNS = f.Windows[0][1] + traceAroundNS
		}
		t.file = os.NewFile(e.plan.traceFD(), "trace")
		go t.main()
	}
	return t
}

func (t *tracer) main() {
	if _, begun := <-t.begin; !begun {
		t.done <- syscall.ENODATA
		return
	}
	if err := trace.Start(t); err != nil {
		t.done <- err
		return
	}
	<-t.end
	trace.Stop()
	t.done <- t.failed
}

// Write is called by Go's trace reader alone.
func (t *tracer) Write(data []byte) (int, error) {
	n, err := t.file.Write(data)
	if t.failed == nil {
		t.failed = err
	}
	atomic.AddInt64(&t.bytes, int64(n))
	return n, err
}

// told: a fault is armed, or disarmed, at this time of the run. Of one without a window the first time begins the trace, and ends it.
func (t *tracer) told(f *fault, armed bool, now int64) {
	if armed {
		traceNote(f.now().ID, "armed")
	} else {
		traceNote(f.now().ID, "disarmed")
	}
	if t == nil || int(f.index) != t.index {
		return
	}
	if armed && t.beginNS == never {
		t.beginNS = now
	} else if !armed && t.begun && t.endNS == never {
		t.endNS = now + traceAroundNS
	}
}

// step: now is the run's time.
func (t *tracer) step(now int64) {
	if t.index >= 0 && !t.begun && now >= t.beginNS {
		t.begun = true
		t.beginNS = now
		t.begin <- struct{}{}
	}
	if t.begun && !t.ended && (now >= t.endNS || now >= t.beginNS+traceNSMax || atomic.LoadInt64(&t.bytes) > traceBytesMax) {
		t.stop()
	}
}

// stop: no trace goes on, or begins.
func (t *tracer) stop() {
	if t.index < 0 || t.ended {
		return
	}
	t.ended = true
	if !t.begun {
		t.begun = true
		close(t.begin)
	}
	close(t.end)
}

// note puts a line into the trace, where one is being made: `go tool trace` shows it with the goroutine that it came from.
func traceNote(what, text string) {
	if trace.IsEnabled() {
		trace.Log(context.Background(), what, text)
	}
}

// profileInit: memprofilerate of GODEBUG, which holds from the first instruction on; but Go 1.19 sets the usual rate after it has read that
// (mprof.go, defaultMemProfileRate).
func profileInit() {
	for _, field := range strings.Split(os.Getenv("GODEBUG"), ",") {
		if rate, err := strconv.Atoi(strings.TrimPrefix(field, "memprofilerate=")); err == nil {
			runtime.MemProfileRate = rate
		}
	}
}

// heapProfile is what runtime/pprof knows after the last collection; GODEBUG=memprofilerate has said how often it looked.
func heapProfile(e *env) error {
	f := os.NewFile(e.plan.profileFD(), "heap profile")
	return pprof.Lookup("heap").WriteTo(f, 0)
}

// errnoOf: of an error of writing, as the protocol has it: 0 or -errno.
func errnoOf(err error) int {
	var errno syscall.Errno
	switch {
	case err == nil:
		return 0
	case errors.As(err, &errno):
		return -int(errno)
	}
	return -int(syscall.EIO)
}
