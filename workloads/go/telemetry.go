package main

import (
	"fmt"
	"math/bits"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// The shared memory of runtime/watch/telemetry.h, field by field. `agent -layout` prints sizes and offsets; a test compares them with the
// C header's. Words are written with atomic stores, of which Go has one kind, at least as strong as the release that the header asks for.

const (
	watchMagic         = 0x6d726f7473636731
	watchVersion       = 4
	watchPsMax         = 64
	watchRingRecords   = 8192
	watchSharedRecords = 8192
	watchHists         = 96
	watchFaultsMax     = 32

	histSubBits = 6
	histSub     = 1 << histSubBits
	histOctaves = 36
	histCells   = histSub * (histOctaves + 1)
)

// enum watch_kind: those that the agent writes.
const (
	watchSTW       = 1
	watchWakeLag   = 4
	watchGCStart   = 5
	watchGCEnd     = 7
	watchFire      = 10
	watchEffect    = 11
	watchArm       = 12
	watchPhase     = 13
	watchIntegrity = 15
	watchChecked   = 16
	watchEnd       = 18
	watchSchedLag  = 20
)

const (
	noP          = 0xffff
	watchUnknown = ^uint64(0)
)

type record struct {
	tNS              int64
	kind, p          uint16
	seq              uint32
	a, b, c, d, e, f uint64
}

type ring struct {
	head, lost uint64
	_          [6]uint64
	tail       uint64
	_          [7]uint64
	rec        [watchRingRecords]record
}

type sharedSlot struct {
	turn uint64
	rec  record
}

type sharedRing struct {
	head, lost uint64
	_          [6]uint64
	tail       uint64
	_          [7]uint64
	slot       [watchSharedRecords]sharedSlot
}

type gauges struct {
	heapLive, heapGoal, heapTrigger, heapMarked, heapInuse, heapSys        uint64
	gcCycle, gcPhase, gcForced, gcCPUNS, cpuNSAvailable, assistNSTotal     uint64
	goroutines, runnable, markNSLast, telemetryRecords, targetNowNS, _pad0 uint64
	_pad1                                                                  [6]uint64
}

type watchP struct {
	status, runq             uint32
	schedTicks, syscallTicks uint64
}

type watchSched struct {
	atNS, goroutines, globalRunq, idlePs, threads, idleThreads, spinning, timers, pollWaiters, psKnown uint64
	p                                                                                                  [watchPsMax]watchP
	_                                                                                                  [6]uint64
}

type watchMap struct {
	kind, b, growing, amended                                uint32
	count, overflow, oldBuckets, evacuated, loadMilli, bytes uint64
	grown, regrown, misses, dirty                            uint64
}

type hist struct {
	count, sumNS, maxNS uint64
	cell                [histCells]uint64
}

type watchOps struct {
	used, workload, worker, isClient uint32
	ops, errors, lateNSMax, intended uint64
	latency                          hist
}

type watchFault struct {
	visits, eligible, fired, masked, armed, coldNS, logDropped, logHash uint64
}

type telemetry struct {
	magic                         uint64
	version, sizeCheck            uint32
	bytes                         uint64
	procs, enabled                uint32
	targetPid, ctlFd              int32
	loadReady, loadGo, loadDone   uint32
	_                             uint32
	t0NS, beat, sampledNS, heldNS uint64
	_                             [5]uint64
	gauges                        gauges
	sched                         watchSched
	maps                          [watchHists]watchMap
	fault                         [watchFaultsMax]watchFault
	shared                        sharedRing
	ring                          [watchPsMax]ring
	ops                           [watchHists]watchOps
}

func telemetryMap(fd int) (*telemetry, error) {
	const size = int(unsafe.Sizeof(telemetry{}))
	mem, err := syscall.Mmap(fd, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("telemetry: %v", err)
	}
	t := (*telemetry)(unsafe.Pointer(&mem[0]))
	if t.magic != watchMagic || t.version != watchVersion || t.sizeCheck != uint32(unsafe.Sizeof(record{})) || t.bytes != uint64(size) {
		return nil, fmt.Errorf("telemetry: the harness has another layout (version %d, %d bytes; here %d, %d)", t.version, t.bytes, watchVersion, size)
	}
	return t, nil
}

// emit writes to the ring of many producers: whichever P a goroutine is on, Go does not tell. A full ring drops the record and counts it.
func (t *telemetry) emit(rec *record) {
	if atomic.LoadUint32(&t.enabled) == 0 {
		return
	}
	r := &t.shared
	for {
		pos := atomic.LoadUint64(&r.head)
		slot := &r.slot[pos%watchSharedRecords]
		// The turn pairs with the reader's release when it frees the slot.
		behind := int64(atomic.LoadUint64(&slot.turn) - pos)
		if behind < 0 {
			atomic.AddUint64(&r.lost, 1)
			return
		}
		if behind > 0 || !atomic.CompareAndSwapUint64(&r.head, pos, pos+1) {
			continue
		}
		slot.rec = *rec
		slot.rec.seq = uint32(pos)
		atomic.StoreUint64(&slot.turn, pos+1)
		return
	}
}

func histIndex(ns uint64) uint32 {
	if ns < histSub {
		return uint32(ns)
	}
	octave := uint32(63 - bits.LeadingZeros64(ns) - histSubBits)
	if octave >= histOctaves {
		return histCells - 1
	}
	return histSub*(octave+1) + uint32(ns>>octave)&(histSub-1)
}

// add has one writer a histogram; the count goes last, so that a reader who sees it sees at least so many in the cells.
func (h *hist) add(ns uint64) {
	cell := &h.cell[histIndex(ns)]
	atomic.StoreUint64(cell, *cell+1)
	atomic.StoreUint64(&h.sumNS, h.sumNS+ns)
	if ns > h.maxNS {
		atomic.StoreUint64(&h.maxNS, ns)
	}
	atomic.StoreUint64(&h.count, h.count+1)
}

// layoutPrint says where everything lies, in the words of the C helper that prints the same (tests/go_mirror.c).
func layoutPrint() {
	var t telemetry
	p := func(name string, value uintptr) { fmt.Printf("%s %d\n", name, value) }
	p("sizeof telemetry", unsafe.Sizeof(t))
	p("sizeof record", unsafe.Sizeof(record{}))
	p("sizeof ring", unsafe.Sizeof(ring{}))
	p("sizeof shared_ring", unsafe.Sizeof(sharedRing{}))
	p("sizeof shared_slot", unsafe.Sizeof(sharedSlot{}))
	p("sizeof ops", unsafe.Sizeof(watchOps{}))
	p("sizeof fault", unsafe.Sizeof(watchFault{}))
	p("sizeof hist", unsafe.Sizeof(hist{}))
	p("sizeof map", unsafe.Sizeof(watchMap{}))
	p("sizeof p", unsafe.Sizeof(watchP{}))
	p("version", watchVersion)
	layoutHeader(p, &t)
	layoutLooks(p, &t)
	layoutRings(p, &t)
	layoutOps(p, &t)
	p("index 1e6", uintptr(histIndex(1000000)))
	p("index 1e15", uintptr(histIndex(1000000000000000)))
	p("kind stw", watchSTW)
	p("kind wake_lag", watchWakeLag)
	p("kind gc_start", watchGCStart)
	p("kind gc_end", watchGCEnd)
	p("kind fire", watchFire)
	p("kind effect", watchEffect)
	p("kind arm", watchArm)
	p("kind phase", watchPhase)
	p("kind integrity", watchIntegrity)
	p("kind checked", watchChecked)
	p("kind end", watchEnd)
	p("kind sched_lag", watchSchedLag)
}

func layoutHeader(p func(string, uintptr), t *telemetry) {
	p("bytes", unsafe.Offsetof(t.bytes))
	p("procs", unsafe.Offsetof(t.procs))
	p("enabled", unsafe.Offsetof(t.enabled))
	p("target_pid", unsafe.Offsetof(t.targetPid))
	p("ctl_fd", unsafe.Offsetof(t.ctlFd))
	p("load_ready", unsafe.Offsetof(t.loadReady))
	p("load_go", unsafe.Offsetof(t.loadGo))
	p("load_done", unsafe.Offsetof(t.loadDone))
	p("t0_ns", unsafe.Offsetof(t.t0NS))
	p("beat", unsafe.Offsetof(t.beat))
	p("held_ns", unsafe.Offsetof(t.heldNS))
	g := unsafe.Offsetof(t.gauges)
	p("gauges", g)
	p("heap_live", g+unsafe.Offsetof(t.gauges.heapLive))
	p("heap_goal", g+unsafe.Offsetof(t.gauges.heapGoal))
	p("heap_marked", g+unsafe.Offsetof(t.gauges.heapMarked))
	p("heap_inuse", g+unsafe.Offsetof(t.gauges.heapInuse))
	p("heap_sys", g+unsafe.Offsetof(t.gauges.heapSys))
	p("gc_cycle", g+unsafe.Offsetof(t.gauges.gcCycle))
	p("gc_forced", g+unsafe.Offsetof(t.gauges.gcForced))
	p("gc_cpu_ns", g+unsafe.Offsetof(t.gauges.gcCPUNS))
	p("cpu_ns_available", g+unsafe.Offsetof(t.gauges.cpuNSAvailable))
	p("assist_ns_total", g+unsafe.Offsetof(t.gauges.assistNSTotal))
	p("goroutines", g+unsafe.Offsetof(t.gauges.goroutines))
	p("telemetry_records", g+unsafe.Offsetof(t.gauges.telemetryRecords))
	p("target_now_ns", g+unsafe.Offsetof(t.gauges.targetNowNS))
}

func layoutLooks(p func(string, uintptr), t *telemetry) {
	s := unsafe.Offsetof(t.sched)
	p("sched", s)
	p("sched.at_ns", s+unsafe.Offsetof(t.sched.atNS))
	p("sched.goroutines", s+unsafe.Offsetof(t.sched.goroutines))
	p("sched.global_runq", s+unsafe.Offsetof(t.sched.globalRunq))
	p("sched.idle_ps", s+unsafe.Offsetof(t.sched.idlePs))
	p("sched.threads", s+unsafe.Offsetof(t.sched.threads))
	p("sched.idle_threads", s+unsafe.Offsetof(t.sched.idleThreads))
	p("sched.spinning", s+unsafe.Offsetof(t.sched.spinning))
	p("sched.timers", s+unsafe.Offsetof(t.sched.timers))
	p("sched.poll_waiters", s+unsafe.Offsetof(t.sched.pollWaiters))
	p("sched.ps_known", s+unsafe.Offsetof(t.sched.psKnown))
	p("sched.p", s+unsafe.Offsetof(t.sched.p))
	p("p.runq", unsafe.Offsetof(watchP{}.runq))
	p("p.sched_ticks", unsafe.Offsetof(watchP{}.schedTicks))
	p("p.syscall_ticks", unsafe.Offsetof(watchP{}.syscallTicks))
	p("map", unsafe.Offsetof(t.maps))
	p("map.kind", unsafe.Offsetof(watchMap{}.kind))
	p("map.b", unsafe.Offsetof(watchMap{}.b))
	p("map.growing", unsafe.Offsetof(watchMap{}.growing))
	p("map.amended", unsafe.Offsetof(watchMap{}.amended))
	p("map.count", unsafe.Offsetof(watchMap{}.count))
	p("map.overflow", unsafe.Offsetof(watchMap{}.overflow))
	p("map.old_buckets", unsafe.Offsetof(watchMap{}.oldBuckets))
	p("map.evacuated", unsafe.Offsetof(watchMap{}.evacuated))
	p("map.load_milli", unsafe.Offsetof(watchMap{}.loadMilli))
	p("map.bytes", unsafe.Offsetof(watchMap{}.bytes))
	p("map.grown", unsafe.Offsetof(watchMap{}.grown))
	p("map.regrown", unsafe.Offsetof(watchMap{}.regrown))
	p("map.dirty", unsafe.Offsetof(watchMap{}.dirty))
}

func layoutRings(p func(string, uintptr), t *telemetry) {
	p("fault", unsafe.Offsetof(t.fault))
	p("fault.eligible", unsafe.Offsetof(t.fault[0].eligible))
	p("fault.fired", unsafe.Offsetof(t.fault[0].fired))
	p("fault.armed", unsafe.Offsetof(t.fault[0].armed))
	p("fault.log_hash", unsafe.Offsetof(t.fault[0].logHash))
	p("shared", unsafe.Offsetof(t.shared))
	p("shared.tail", unsafe.Offsetof(t.shared.tail))
	p("shared.slot", unsafe.Offsetof(t.shared.slot))
	p("ring", unsafe.Offsetof(t.ring))
	p("ring.rec", unsafe.Offsetof(t.ring[0].rec))
	p("record.kind", unsafe.Offsetof(record{}.kind))
	p("record.seq", unsafe.Offsetof(record{}.seq))
	p("record.a", unsafe.Offsetof(record{}.a))
	p("record.f", unsafe.Offsetof(record{}.f))
}

func layoutOps(p func(string, uintptr), t *telemetry) {
	p("ops", unsafe.Offsetof(t.ops))
	p("ops.workload", unsafe.Offsetof(t.ops[0].workload))
	p("ops.is_client", unsafe.Offsetof(t.ops[0].isClient))
	p("ops.ops", unsafe.Offsetof(t.ops[0].ops))
	p("ops.late_ns_max", unsafe.Offsetof(t.ops[0].lateNSMax))
	p("ops.intended", unsafe.Offsetof(t.ops[0].intended))
	p("ops.latency", unsafe.Offsetof(t.ops[0].latency))
	p("hist.cell", unsafe.Offsetof(t.ops[0].latency.cell))
}
