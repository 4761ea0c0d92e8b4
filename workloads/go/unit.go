package main

import "sync/atomic"

// What a contradiction is: enum work_integrity of workloads/workload.h.
const (
	integrityMissing    = 1
	integrityValue      = 2
	integrityUnexpected = 3
	integrityCount      = 4
	integrityTwice      = 5
	integrityHeader     = 6

	integrityToldMax = 64
)

// env is the run as its workers see it.
type env struct {
	plan            *plan
	tel             *telemetry
	faults          *faults
	watch           *gcWatch
	trace           *tracer
	profileError    error
	t0NS            int64   // written before the workers are let go
	rates           []rates // one a workload
	stop            atomicBool
	checked, errors uint64 // atomic
}

type atomicBool struct{ v uint32 }

func (b *atomicBool) set()      { atomic.StoreUint32(&b.v, 1) }
func (b *atomicBool) get() bool { return atomic.LoadUint32(&b.v) != 0 }

// unit is what every driver's unit has.
type unit struct {
	env              *env
	w                *planWorkload
	workload, worker uint32 // for reports and faults: who owns it
	id               uint32 // fault worker id of the goroutine that operates it now
	rng              random
	told             int
}

type unitOptions struct {
	env              *env
	w                *planWorkload
	workload, worker uint32
	id               uint32
	share            uint64 // keys and retain are split among so many units
}

func (u *unit) init(opt *unitOptions) {
	*u = unit{env: opt.env, w: opt.w, workload: opt.workload, worker: opt.worker, id: opt.id,
		rng: randomOf(uint64(opt.env.plan.Runtime.Seed), opt.workload, opt.worker)}
}

// integrity reports a contradiction: counted always, told up to a bound.
func (u *unit) integrity(kind, key, expected, found uint64) {
	atomic.AddUint64(&u.env.errors, 1)
	if u.told++; u.told <= integrityToldMax {
		u.env.emit(&record{tNS: nowNS(), kind: watchIntegrity, p: noP, a: uint64(u.workload), b: uint64(u.worker), c: kind, d: key, e: expected, f: found})
	}
}

func (u *unit) checked(entries uint64) {
	atomic.AddUint64(&u.env.checked, entries)
	u.env.emit(&record{tNS: nowNS(), kind: watchChecked, p: noP, a: uint64(u.workload), b: entries})
}

func (e *env) emit(rec *record) {
	if e.tel != nil {
		e.tel.emit(rec)
	}
}

// driver is a kind of workload; its units do the same operations from the same seed as the embedded runtime's.
type driver struct {
	name   string
	accept func(w *planWorkload) string // why not; "": it can
	create func(opt *unitOptions) (operator, error)
}

type operator interface {
	op()
	verify()
	digest() uint64 // of the model: what must be there
	base() *unit
}

// clocked is a unit that says itself when its next operation is intended: ns from t0, never before the one before.
type clocked interface{ due() int64 }

var drivers = []*driver{&mapChurn, &sliceAppend, &heapFollow, &syncMap}

func driverByName(name string) *driver {
	for _, d := range drivers {
		if d.name == name {
			return d
		}
	}
	return nil
}
