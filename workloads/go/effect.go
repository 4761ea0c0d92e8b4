package main

import (
	"encoding/binary"
	"os"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// What a firing does. Ids of faults/effects.def:
const (
	effectBegan  = 2
	effectIdle   = 9
	effectBiased = 12
)

func (fs *faults) effect(fi *firing, effect, value uint64) {
	fs.env.emit(&record{tNS: nowNS(), kind: watchEffect, p: noP, a: uint64(fi.fault.index), b: fi.id, c: effect, d: value})
}

// at is the site: one load and a branch while nothing is armed on the point.
func (u *unit) at(point uint32, size uint64, kind string) {
	if atomic.LoadInt32(&u.env.faults.gate[point]) != 0 {
		u.visit(point, &site{worker: u.id, size: size, kind: kind})
	}
}

// atMap: the same, of a map's header.
func (u *unit) atMap(point uint32, m unsafe.Pointer, kind string) {
	if atomic.LoadInt32(&u.env.faults.gate[point]) != 0 {
		u.visit(point, &site{worker: u.id, kind: kind, m: m})
	}
}

//go:noinline
func (u *unit) visit(point uint32, s *site) {
	s.goroutine, s.workload = u.id, u.workload
	fs := u.env.faults
	for _, f := range fs.at[point] {
		if fi := fs.visit(f, s); fi != nil {
			fs.act(fi)
			return
		}
	}
}

// allocates: the driver is about to make an object of so many bytes.
func (u *unit) allocates(size uint64, kind string) {
	u.at(pointGCAlloc, size, kind)
	u.at(pointSTWSpin, 0, kind)
}

// operates: at the beginning of each operation.
func (u *unit) operates() {
	if atomic.LoadInt32(&u.env.faults.gate[pointSchedStarve]) != 0 {
		u.visit(pointSchedStarve, &site{worker: workerSched})
	}
}

func (fs *faults) act(fi *firing) {
	switch fi.fault.point {
	case pointSTWSpin:
		started := nowNS()
		fs.spin.run(fi.delayNS)
		fs.effect(fi, effectIdle, uint64(nowNS()-started))
	case pointSchedStarve:
		fs.burn.until(nowNS() + fi.delayNS)
	default:
		fs.collect(fi)
	}
}

func (fs *faults) collect(fi *firing) {
	fs.effect(fi, effectBegan, fs.env.watch.force(fi.id))
}

// ------------------------------------------------------------------- as long as the fault is armed
//
// One visit an arming, by the control goroutine.

func (fs *faults) biased(point uint32) (milli uint64) {
	milli = 1000
	for _, f := range fs.at[point] {
		if f.biases {
			milli = milli * f.spec.ByMilli / 1000
		}
	}
	return milli
}

// setLimit applies what is armed: both calls stop the world for a moment. The figure that holds now.
func (fs *faults) setLimit(point uint32) uint64 {
	rt := &fs.env.plan.Runtime
	milli := fs.biased(point)
	if point == pointMemLimit {
		limit := mulDiv(uint64(rt.Memlimit), milli, 1000)
		debug.SetMemoryLimit(int64(limit))
		return limit
	}
	percent := mulDiv(uint64(rt.GOGC), milli, 1000)
	if percent == 0 {
		percent = 1
	}
	debug.SetGCPercent(int(percent))
	return percent
}

func (fs *faults) bias(f *fault) {
	if rt := &fs.env.plan.Runtime; f.point == pointMemLimit && rt.Memlimit == 0 || f.point == pointGCGogc && rt.GOGC < 0 {
		return // there is none to bias
	}
	if fi := fs.visit(f, &site{worker: workerGC}); fi != nil {
		f.biases = true
		fs.effect(fi, effectBiased, fs.setLimit(f.point))
	}
}

func (fs *faults) unbias(f *fault) {
	if f.biases {
		f.biases = false
		fs.setLimit(f.point)
	}
}

// ------------------------------------------------------------------- a loop without a safepoint

type spinner struct{ perMS uint64 }

// spinLoop calls nothing, so there is no prologue to be preempted in; the program runs with asyncpreemptoff=1. Not inlined, it is not
// left out either, though nobody wants its result.
//
//go:noinline
func spinLoop(n uint64) (x uint64) {
	for ; n > 0; n-- {
		x = x*golden + n
	}
	return x
}

// spinnerNew measures how long the loop takes, for it can read no clock. A machine that is busy meanwhile makes it shorter than asked for,
// so the shortest of a few counts.
func spinnerNew() *spinner {
	const n = 1 << 20
	least := int64(1<<62 - 1)
	for i := 0; i < 16; i++ {
		began := nowNS()
		spinLoop(n)
		if took := nowNS() - began; took < least {
			least = took
		}
	}
	return &spinner{n * 1000000 / uint64(least+1)}
}

func (s *spinner) run(ns int64) { spinLoop(mulDiv(s.perMS, uint64(ns), 1000000)) }

// ------------------------------------------------------------------- CPUs taken by others

// burners are processes of this program, one a CPU, asleep until they are told until when to loop: threads that Go's scheduler knows
// nothing of. They end when the pipe closes, and with the agent.
type burners struct{ pipe []*os.File }

func burnersStart() (*burners, error) {
	b := &burners{}
	for i := 0; i < runtime.NumCPU(); i++ {
		r, w, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		attr := &syscall.ProcAttr{Files: []uintptr{r.Fd(), 2, 2}, Sys: &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}, Env: []string{"GOMAXPROCS=1"}}
		_, err = syscall.ForkExec("/proc/self/exe", []string{"gcstorm-burn", "-burn"}, attr)
		r.Close()
		if err != nil {
			return nil, err
		}
		b.pipe = append(b.pipe, w)
	}
	return b, nil
}

func (b *burners) until(ns int64) {
	var message [8]byte
	binary.LittleEndian.PutUint64(message[:], uint64(ns))
	for _, w := range b.pipe {
		w.Write(message[:])
	}
}

func burnMain() {
	var message [8]byte
	for {
		if n, err := os.Stdin.Read(message[:]); err != nil || n != len(message) {
			return
		}
		for until := int64(binary.LittleEndian.Uint64(message[:])); nowNS() < until; {
			spinLoop(1 << 12)
		}
	}
}

// prepare makes what the faults of the plan need.
func (fs *faults) prepare() (err error) {
	if len(fs.at[pointSTWSpin]) > 0 {
		fs.spin = spinnerNew()
	}
	if len(fs.at[pointSchedStarve]) > 0 {
		runtime.LockOSThread() // the burners die with the thread that starts them, and this one lives on
		fs.burn, err = burnersStart()
	}
	return err
}

// sleepUntil is for the main goroutine only.
func sleepUntil(ns int64) { time.Sleep(time.Duration(ns - nowNS())) }
