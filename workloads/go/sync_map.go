package main

import (
	"sync"
	"sync/atomic"
	"unsafe"
)

// sync-map, as workloads/sync_map.c has it, where its model is explained: the same draws in the same order. Swap, CompareAndSwap and
// CompareAndDelete are there from Go 1.20 on; before, each is what a program wrote then (sync_map_old.go).

const (
	syncUpdateOneIn = 8
	syncWholeOneIn  = 8
	syncAbsentOneIn = 8
	syncOwnOneIn    = 4

	syncPresent = 1
	syncBusy    = 2
	syncVersion = 2 // bits to the right of it
)

type syncShared struct {
	m     sync.Map
	units uint64
	cap   uint64
	word  []uint64 // atomic: of key k at k
}

type syncValue = *uint64

type syncUnit struct {
	unit
	shared        *syncShared
	me            uint64
	nwords        int
	target, count uint64
	own           []uint32
	seen          []byte
}

var syncMap = driver{name: "sync-map", accept: syncAccept, create: syncCreate}

var syncJoin struct {
	lock   sync.Mutex
	shared map[uint32]*syncShared
}

func syncAccept(w *planWorkload) string {
	switch {
	case w.Keys == 0 || w.Keys > 1<<30:
		return "keys must be 1 to 1073741824"
	case w.ValueBytes%8 != 0:
		return "value_bytes must be a multiple of 8"
	}
	return ""
}

func syncCreate(opt *unitOptions) (operator, error) {
	s := &syncUnit{me: uint64(opt.worker), nwords: int(opt.w.ValueBytes / 8), target: opt.w.Keys / opt.share}
	s.unit.init(opt)
	if s.target == 0 {
		s.target = 1
	}
	err := s.join(opt, s.target+s.target/8+2)
	if err == nil {
		s.own, err = outside[uint32](int(s.shared.cap))
	}
	if err == nil {
		s.seen, err = outside[byte](int(s.keys()/8 + 1))
	}
	if err != nil {
		return nil, err
	}
	for i := range s.own {
		s.own[i] = uint32(i)
	}
	for s.count < s.target {
		s.insert()
	}
	return s, nil
}

func (s *syncUnit) join(opt *unitOptions, cap uint64) (err error) {
	syncJoin.lock.Lock()
	defer syncJoin.lock.Unlock()
	if syncJoin.shared == nil {
		syncJoin.shared = map[uint32]*syncShared{}
	}
	if syncJoin.shared[opt.workload] == nil {
		shared := &syncShared{units: opt.share, cap: cap}
		if shared.word, err = outside[uint64](int(opt.share * cap)); err != nil {
			return err
		}
		syncJoin.shared[opt.workload] = shared
	}
	s.shared = syncJoin.shared[opt.workload]
	return nil
}

func (s *syncUnit) base() *unit  { return &s.unit }
func (s *syncUnit) keys() uint64 { return s.shared.units * s.shared.cap }

func (s *syncUnit) digest() uint64 {
	sum := mix(s.rng.state ^ mix(s.count))
	for i, index := range s.own {
		sum = mix(sum ^ mix(uint64(index)^uint64(i)) ^ s.look(s.ownKey(uint64(i))))
	}
	return sum
}

func (s *syncUnit) ownKey(index uint64) uint64 { return index*s.shared.units + s.me }

func syncWord(key, version, i uint64) uint64 {
	if i == 0 {
		return mix(^key) ^ version
	}
	return word(key, version, i)
}

func (s *syncUnit) value(key, version uint64) syncValue {
	s.allocates(uint64(s.nwords)*8, "sync value")
	words := make([]uint64, s.nwords)
	for i := range words {
		words[i] = syncWord(key, version, uint64(i))
	}
	return &words[0]
}

func (s *syncUnit) read(key uint64, value syncValue, whole bool) (version uint64, good bool) {
	words := unsafe.Slice(value, s.nwords)
	version = words[0] ^ mix(^key)
	first := s.nwords - 1
	if whole {
		first = 1
	}
	for i := first; i < s.nwords; i++ {
		if expected := syncWord(key, version, uint64(i)); words[i] != expected {
			s.integrity(integrityValue, key, expected, words[i])
			return version, false
		}
	}
	return version, true
}

func (s *syncUnit) whole() bool { return s.rng.below(syncWholeOneIn) == 0 }

func (s *syncUnit) checkOwn(key, word uint64, value syncValue, whole bool) {
	if (value != nil) != (word&syncPresent != 0) {
		kind, found := uint64(integrityMissing), uint64(0)
		if value != nil {
			kind, found = integrityUnexpected, 1
		}
		s.integrity(kind, key, word>>syncVersion, found)
		return
	}
	if value != nil {
		if version, good := s.read(key, value, whole); good && version != word>>syncVersion {
			s.integrity(integrityValue, key, word>>syncVersion, version)
		}
	}
}

func (s *syncUnit) checkOther(key, before, after uint64, value syncValue) {
	if before == after && before&syncBusy == 0 {
		s.checkOwn(key, before, value, s.whole())
		return
	}
	if value == nil {
		return
	}
	version, good := s.read(key, value, s.whole())
	low, high := before>>syncVersion, after>>syncVersion
	if before&syncPresent == 0 {
		low++
	}
	if after&syncBusy != 0 {
		high++
	}
	if good && (version < low || version > high) {
		s.integrity(integrityValue, key, low, version)
	}
}

func (s *syncUnit) look(key uint64) uint64 { return atomic.LoadUint64(&s.shared.word[key]) }

func (s *syncUnit) load(key uint64) syncValue {
	v, _ := s.shared.m.Load(key)
	value, _ := v.(syncValue)
	return value
}

func (s *syncUnit) checkKey(key uint64) {
	before := s.look(key)
	value := s.load(key)
	if key%s.shared.units == s.me {
		s.checkOwn(key, before, value, s.whole())
	} else {
		s.checkOther(key, before, s.look(key), value)
	}
}

// storeBy: a store of one kind or another, of a key that nobody else writes.
func (s *syncUnit) storeBy(key, was uint64, value syncValue) {
	s.at(pointGCMapAssign, 0, "sync value")
	s.at(pointGCWrite, 0, "sync value")
	switch s.rng.below(4) {
	case 0:
		s.checkOwn(key, was, syncSwap(&s.shared.m, key, value), true)
	case 1:
		if was&syncPresent == 0 {
			if actual, loaded := s.shared.m.LoadOrStore(key, value); loaded || actual.(syncValue) != value {
				s.integrity(integrityUnexpected, key, 0, 1)
			}
			return
		}
		had := s.load(key)
		s.checkOwn(key, was, had, true)
		if !syncCompareAndSwap(&s.shared.m, key, had, value) {
			s.integrity(integrityMissing, key, was>>syncVersion, 0)
		}
	default:
		s.shared.m.Store(key, value)
	}
}

func (s *syncUnit) begin(key uint64) uint64 {
	was := s.look(key)
	atomic.StoreUint64(&s.shared.word[key], was|syncBusy)
	return was
}

func (s *syncUnit) store(key uint64) {
	was := s.begin(key)
	version := was>>syncVersion + 1
	s.storeBy(key, was, s.value(key, version))
	atomic.StoreUint64(&s.shared.word[key], version<<syncVersion|syncPresent)
}

func (s *syncUnit) remove(key uint64) {
	was := s.begin(key)
	if s.rng.below(2) == 0 {
		v, _ := s.shared.m.LoadAndDelete(key)
		had, _ := v.(syncValue)
		s.checkOwn(key, was, had, true)
	} else {
		had := s.load(key)
		s.checkOwn(key, was, had, true)
		if !syncCompareAndDelete(&s.shared.m, key, had) {
			s.integrity(integrityMissing, key, was>>syncVersion, 0)
		}
	}
	atomic.StoreUint64(&s.shared.word[key], (was>>syncVersion+1)<<syncVersion)
}

func (s *syncUnit) insert() {
	at := s.count + s.rng.below(s.shared.cap-s.count)
	index := s.own[at]
	s.store(s.ownKey(uint64(index)))
	s.own[at] = s.own[s.count]
	s.own[s.count] = index
	s.count++
}

func (s *syncUnit) delete() {
	at := s.rng.below(s.count)
	index := s.own[at]
	s.remove(s.ownKey(uint64(index)))
	s.count--
	s.own[at] = s.own[s.count]
	s.own[s.count] = index
}

func (s *syncUnit) lookup() {
	keys := s.keys()
	switch {
	case s.rng.below(syncAbsentOneIn) == 0:
		key := keys + s.rng.below(keys)
		if s.load(key) != nil {
			s.integrity(integrityUnexpected, key, 0, 1)
		}
	case s.rng.below(syncOwnOneIn) == 0:
		s.checkKey(s.ownKey(s.rng.below(s.shared.cap)))
	default:
		s.checkKey(s.rng.below(keys))
	}
}

// walk: every key of one's own, or when it is quiet of all, is met once. How many were met.
func (s *syncUnit) walk(quiet bool) (met uint64) {
	var mine uint64
	for i := range s.seen {
		s.seen[i] = 0
	}
	s.shared.m.Range(func(k, v any) bool {
		key, value := k.(uint64), v.(syncValue)
		if key >= s.keys() {
			s.integrity(integrityUnexpected, key, 0, 1)
			return true
		}
		if s.seen[key/8]>>(key%8)&1 != 0 {
			s.integrity(integrityTwice, key, 1, 2)
		}
		s.seen[key/8] |= 1 << (key % 8)
		own := key%s.shared.units == s.me
		if own || quiet {
			s.checkOwn(key, s.look(key), value, quiet || s.whole())
		} else {
			s.checkOther(key, syncBusy, s.look(key), value)
		}
		if own {
			mine++
		}
		met++
		return true
	})
	if mine != s.count {
		s.integrity(integrityTwice, 0, s.count, mine)
	}
	return met
}

func (s *syncUnit) op() {
	band, dice := s.target/8+1, uint32(s.rng.below(100))
	insert := dice < s.w.Mix.Insert
	if dice >= 100-s.w.Mix.Range {
		s.walk(false)
		return
	}
	if dice >= s.w.Mix.Insert+s.w.Mix.Delete {
		s.lookup()
		return
	}
	if s.count+band <= s.target || s.count == 0 {
		insert = true
	} else if s.count == s.shared.cap {
		insert = false
	}
	switch {
	case !insert:
		s.delete()
	case s.count > 0 && s.rng.below(syncUpdateOneIn) == 0:
		s.store(s.ownKey(uint64(s.own[s.rng.below(s.count)])))
	default:
		s.insert()
	}
}

func (s *syncUnit) verify() {
	for i := uint64(0); i < s.shared.cap; i++ {
		key := s.ownKey(i)
		s.checkOwn(key, s.look(key), s.load(key), true)
	}
	s.checked(s.shared.cap + s.walk(true))
}
