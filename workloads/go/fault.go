package main

import (
	"encoding/json"
	"fmt"
	"math/bits"
	"sort"
	"strings"
	"sync/atomic"
	"unsafe"
)

// Faults in a Go program: the drivers visit the points of faults/reach.def, and who fires is decided as faults/decide.c does: from seed,
// point, worker and ordinal alone. What comes of a firing is effect.go's.

// Ids of faults/points.def.
const (
	pointGCWrite     = 3
	pointGCMapAssign = 6
	pointGCAppend    = 7
	pointMemLimit    = 14
	pointGCAlloc     = 32
	pointGCGogc      = 40
	pointSTWSpin     = 61
	pointSchedStarve = 90
	pointsMax        = 128
)

var pointByName = map[string]uint32{
	"gc/write": pointGCWrite, "gc/map_assign": pointGCMapAssign, "gc/append": pointGCAppend, "gc/alloc": pointGCAlloc,
	"mem/limit": pointMemLimit, "gc/gogc": pointGCGogc, "stw/spin": pointSTWSpin, "sched/starve": pointSchedStarve,
}

const (
	workerGC    = 6 // MRT_WORKER_* of runtime/mrt.h: of what is no goroutine's
	workerSched = 8
	workerMax   = 4096

	actDelay = 2
	actForce = 4
	actBias  = 64

	decideJitter     = 0x6a09e667f3bcc909
	ppbMax           = 1000000000
	logIntervalNS    = 100000000
	logIntervalCount = 512
)

type faultWorker struct {
	ordinal, burstEnd uint32
	taken             uint64 // share << 32 | fired: one word, so that a share that is taken away cannot be used any more
}

func (w *faultWorker) fired() uint32 { return uint32(atomic.LoadUint64(&w.taken)) }

type fault struct {
	spec        *planFault // atomic: an operator's edit replaces it; what no edit changes is read without
	index       uint32
	point       uint32
	action      uint64
	salt        uint64
	condition   condition
	worker      []faultWorker
	replays     bool
	biases      bool // control goroutine
	fired       []uint64
	count       *watchFault
	armed, once uint32 // atomic
	occurrence  uint32
	log         uint64 // interval << 16 | records written in it
}

type faults struct {
	env  *env
	list []*fault
	at   [pointsMax][]*fault
	gate [pointsMax]int32 // atomic: armed or once, on the point
	spin *spinner
	burn *burners
}

func faultSalt(seed uint64, point, place uint32) uint64 {
	return mix(seed + golden*(uint64(place)<<32|uint64(point)))
}

func faultDraw(salt uint64, worker, ordinal uint32) uint64 {
	return mix(salt ^ mix((uint64(worker)<<32|uint64(ordinal))*golden+golden))
}

func faultsLoad(e *env) (*faults, error) {
	fs := &faults{env: e}
	for i := range e.plan.Faults {
		f, err := fs.load(&e.plan.Faults[i], uint32(i))
		if err != nil {
			return nil, err
		}
		fs.list = append(fs.list, f)
	}
	return fs, fs.prepare()
}

func (fs *faults) count(index uint32) *watchFault {
	if fs.env.tel == nil {
		return &watchFault{}
	}
	return &fs.env.tel.fault[index]
}

func (fs *faults) load(spec *planFault, index uint32) (*fault, error) {
	actions := map[string]uint64{"delay": actDelay, "force": actForce, "bias": actBias}
	point, known := pointByName[spec.Point]
	// System calls are the harness's affair, which reads in the telemetry whether the fault is armed.
	if strings.HasPrefix(spec.Point, "os/") {
		return &fault{spec: spec, index: index, count: fs.count(index)}, nil
	}
	switch {
	case !known:
		return nil, fmt.Errorf("%s: %s cannot be had in a Go program", spec.ID, spec.Point)
	case spec.Visit != 0 || spec.Stacks:
		return nil, fmt.Errorf("%s: sweeps are for the embedded runtime", spec.ID)
	case spec.Edge || spec.Where != "" && spec.Where != "before_shade":
		return nil, fmt.Errorf("%s: where, edge: there is no place within Go's write barrier", spec.ID)
	}
	f := &fault{spec: spec, index: index, point: point, action: actions[spec.Action]}
	f.salt = faultSalt(uint64(fs.env.plan.Runtime.Seed), point, uint32(len(fs.at[point])))
	f.count = fs.count(index)
	var err error
	if f.condition, err = conditionParse(spec.While); err != nil {
		return nil, fmt.Errorf("%s: while: %v", spec.ID, err)
	}
	err = f.replay(spec.Fired)
	if err == nil {
		f.worker, err = outside[faultWorker](workerMax)
	}
	if err != nil {
		return nil, err
	}
	f.split(fs.env.plan.nworkers)
	fs.at[point] = append(fs.at[point], f)
	return f, nil
}

// replay: the firings of a run that is made again take the place of all triggers: worker << 32 | ordinal, ascending. In the plan there is a
// row a worker, its first ordinal and then by how much each lies behind the one before.
func (f *fault) replay(rows [][]uint64) (err error) {
	f.replays = rows != nil
	n := 0
	for _, row := range rows {
		n += len(row)
	}
	if f.fired, err = outside[uint64](n); err != nil || n == 0 {
		return err
	}
	n = 0
	for _, row := range rows {
		for at, ordinal := 1, uint64(0); at < len(row); at++ {
			ordinal += row[at]
			f.fired[n] = row[0]<<32 | ordinal
			n++
		}
	}
	f.fired = f.fired[:n]
	return nil
}

func (f *fault) replayed(worker, ordinal uint32) bool {
	visit := uint64(worker)<<32 | uint64(ordinal)
	at := sort.Search(len(f.fired), func(i int) bool { return f.fired[i] >= visit })
	return at < len(f.fired) && f.fired[at] == visit
}

// now is what the fault's numbers are at this visit: read once a visit.
func (f *fault) now() *planFault {
	return (*planFault)(atomic.LoadPointer((*unsafe.Pointer)(unsafe.Pointer(&f.spec))))
}

// edit gives the fault the numbers of an `edit` line, whose keys are those of the plan; the control goroutine calls it.
func (fs *faults) edit(i int, line []byte) {
	f, next := fs.list[i], *fs.list[i].spec
	if f.worker == nil || f.replays || json.Unmarshal(line, &next) != nil {
		return
	}
	times := f.spec.Times
	atomic.StorePointer((*unsafe.Pointer)(unsafe.Pointer(&f.spec)), unsafe.Pointer(&next))
	if next.Times != times {
		f.split(fs.env.plan.nworkers)
	}
	if f.biases {
		fs.setLimit(f.point)
	}
}

// split deals what is left of `times` out evenly among those who visit; nobody fires meanwhile.
func (f *fault) split(nworkers uint32) {
	first, n := uint32(workerFirst), nworkers
	own := true
	switch f.point {
	case pointMemLimit, pointGCGogc:
		first, n = workerGC, 1
	case pointSchedStarve:
		first, n = workerSched, 1
	default:
		own = false
	}
	var among []uint32
	for id := first; id < first+n; id++ {
		if own || f.matchGoroutine(id) {
			among = append(among, id)
		}
	}
	left, k := f.spec.Times, uint64(len(among))
	for i := range f.worker {
		w := &f.worker[i]
		for { // no share, or one that is never used up; what it has fired stands
			old := atomic.LoadUint64(&w.taken)
			fired := old & (1<<32 - 1)
			share := uint64(0)
			if f.spec.Times == 0 || f.replays {
				share = 1<<32 - 1
			}
			if atomic.CompareAndSwapUint64(&w.taken, old, share<<32|fired) {
				if left < fired {
					left = fired
				}
				left -= fired
				break
			}
		}
	}
	if f.spec.Times == 0 || f.replays {
		return
	}
	for i, id := range among {
		w := &f.worker[id]
		share := left/k + uint64(w.fired())
		if uint64(i) < left%k {
			share++
		}
		if share > 1<<32-2 {
			share = 1<<32 - 2
		}
		atomic.StoreUint64(&w.taken, share<<32|uint64(w.fired()))
	}
}

func (f *fault) matchGoroutine(id uint32) bool {
	for _, g := range f.now().MatchGoroutines {
		if id >= g[1] && id <= g[2] {
			return true
		}
	}
	return len(f.now().MatchGoroutines) == 0
}

// site is what a visit knows.
type site struct {
	worker, goroutine, workload uint32
	size                        uint64
	kind                        string         // the name of the type, as the embedded drivers call it; "": none
	m                           unsafe.Pointer // the map that is worked on, by this goroutine; nil: none
}

func (f *fault) matches(now *planFault, s *site) bool {
	if now.MatchWorkloads != 0 && now.MatchWorkloads>>s.workload&1 == 0 {
		return false
	}
	if s.size < now.SizeMin || now.SizeMax != 0 && s.size > now.SizeMax {
		return false
	}
	return now.matchesType(s.kind) && f.matchGoroutine(s.goroutine) && f.condition.holds(s.m)
}

func (now *planFault) matchesType(kind string) bool {
	for _, name := range now.MatchTypes {
		if name == kind {
			return true
		}
	}
	return len(now.MatchTypes) == 0
}

func (f *fault) scheduled(s *planFault, worker, ordinal uint32) bool {
	if f.replays {
		return f.replayed(worker, ordinal)
	}
	taken := atomic.LoadUint64(&f.worker[worker].taken)
	if taken&(1<<32-1) >= taken>>32 || uint64(ordinal) <= s.After {
		return false
	}
	if s.Nth != 0 && uint64(ordinal) != s.Nth || s.Every != 0 && uint64(ordinal)%s.Every != 0 {
		return false
	}
	if s.PPB == 0 {
		return true
	}
	share, _ := bits.Mul64(faultDraw(f.salt, worker, ordinal), ppbMax)
	return share < s.PPB
}

func (w *faultWorker) takeShare() bool {
	for {
		taken := atomic.LoadUint64(&w.taken)
		if taken&(1<<32-1) >= taken>>32 {
			return false
		}
		if atomic.CompareAndSwapUint64(&w.taken, taken, taken+1) {
			return true
		}
	}
}

func (f *fault) delayNS(s *planFault, worker, ordinal, fired uint32) int64 {
	delay, max := s.DelayNS, s.DelayMaxNS
	for ; max != 0 && fired > 0 && delay < max; fired-- {
		if delay <= max/2 {
			delay *= 2
		} else {
			delay = max
		}
	}
	more, _ := bits.Mul64(faultDraw(f.salt^decideJitter, worker, ordinal), uint64(s.JitterNS)+1)
	return delay + int64(more)
}

type firing struct {
	fault   *fault
	id      uint64
	delayNS int64
}

// visit: does the fault fire here?
func (fs *faults) visit(f *fault, s *site) *firing {
	once := atomic.LoadUint32(&f.once) != 0
	if atomic.LoadUint32(&f.armed) == 0 && !once {
		return nil
	}
	atomic.AddUint64(&f.count.visits, 1)
	now := f.now()
	if !f.matches(now, s) {
		return nil
	}
	atomic.AddUint64(&f.count.eligible, 1)
	w := &f.worker[s.worker]
	ordinal := atomic.AddUint32(&w.ordinal, 1)
	before := w.fired()
	if once && atomic.CompareAndSwapUint32(&f.once, 1, 0) {
		atomic.AddInt32(&fs.gate[f.point], -1)
		return fs.fire(f, now, s, ordinal, before)
	}
	burst := ordinal <= atomic.LoadUint32(&w.burstEnd)
	if !burst && !f.scheduled(now, s.worker, ordinal) || !w.takeShare() {
		return nil
	}
	if !burst && now.Burst > 1 && !f.replays {
		atomic.StoreUint32(&w.burstEnd, ordinal+uint32(now.Burst)-1)
	}
	return fs.fire(f, now, s, ordinal, before)
}

func (fs *faults) fire(f *fault, spec *planFault, s *site, ordinal, before uint32) *firing {
	now := nowNS()
	id := uint64(f.index+1)<<48 | uint64(s.worker&0xffff)<<32 | uint64(ordinal)
	atomic.AddUint64(&f.count.fired, 1)
	traceNote(f.now().ID, "fires")
	if f.logAllows(now) {
		fs.env.emit(&record{tNS: now, kind: watchFire, p: noP, a: uint64(f.index)<<32 | f.action, b: uint64(s.worker), c: uint64(ordinal),
			d: id, e: fs.env.watch.cycle() << 8, f: s.size})
	} else {
		atomic.AddUint64(&f.count.logDropped, 1)
		atomic.AddUint64(&f.count.logHash, faultSalt(id, 0, 0))
	}
	return &firing{f, id, f.delayNS(spec, s.worker, ordinal, before)}
}

// logAllows bounds the records a tenth of a second, as faults/gate.c does.
func (f *fault) logAllows(nowNS int64) bool {
	interval := uint64(nowNS / logIntervalNS)
	for {
		old := atomic.LoadUint64(&f.log)
		next := old + 1
		if interval > old>>16 {
			next = interval<<16 | 1
		} else if old&0xffff >= logIntervalCount {
			return false
		}
		if atomic.CompareAndSwapUint64(&f.log, old, next) {
			return true
		}
	}
}

// ------------------------------------------------------------------- arming, by the control goroutine

func (fs *faults) isArmed(i int) bool { return atomic.LoadUint32(&fs.list[i].armed) != 0 }

func (fs *faults) tellArm(f *fault, armed, byOperator uint64) {
	fs.env.emit(&record{tNS: nowNS(), kind: watchArm, p: noP, a: uint64(f.index), b: uint64(f.occurrence), c: armed, d: byOperator,
		e: atomic.LoadUint64(&f.count.fired)})
	fs.env.trace.told(f, armed != 0, nowNS()-fs.env.t0NS)
}

func (fs *faults) arm(i int, occurrence uint32, byOperator uint64) {
	f := fs.list[i]
	if fs.isArmed(i) {
		return
	}
	f.occurrence = occurrence
	fs.tellArm(f, 1, byOperator)
	atomic.StoreUint64(&f.count.armed, 1)
	atomic.StoreUint32(&f.armed, 1)
	atomic.AddInt32(&fs.gate[f.point], 1)
	if f.action == actBias {
		fs.bias(f)
	}
}

func (fs *faults) disarm(i int, byOperator uint64) {
	f := fs.list[i]
	if !fs.isArmed(i) {
		return
	}
	atomic.AddInt32(&fs.gate[f.point], -1)
	atomic.StoreUint32(&f.armed, 0)
	atomic.StoreUint64(&f.count.armed, 0)
	if f.action == actBias {
		fs.unbias(f)
	}
	fs.tellArm(f, 0, byOperator)
}

func (fs *faults) fireOnce(i int) {
	f := fs.list[i]
	if f.action != actBias && atomic.CompareAndSwapUint32(&f.once, 0, 1) {
		atomic.AddInt32(&fs.gate[f.point], 1)
	}
}

func (fs *faults) disarmAll(byOperator uint64) {
	for i, f := range fs.list {
		fs.disarm(i, byOperator)
		if atomic.CompareAndSwapUint32(&f.once, 1, 0) {
			atomic.AddInt32(&fs.gate[f.point], -1)
		}
	}
}
