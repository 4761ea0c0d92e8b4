package main

import (
	"runtime"
	"runtime/debug"
	"unsafe"
)

// heap-follow, as workloads/heap_follow.c has it, where it is explained: the same objects at the same times. Bytes are booked by size class
// as there, from Go 1.22 on with the header of 8 bytes (mallocHeader) that an object with pointers of more than 512 bytes has.

const (
	followTurnover  = 8
	followWhole     = 4
	followCellWords = 8
	followChunk     = 512
	followSlotsMax  = 1 << 28

	followHeaderOver = 512
	followHeaderMost = 32768
)

var followLink = [4]uint64{1, 7, 61, 499}

type followCell struct {
	pointer unsafe.Pointer
	word    [followCellWords - 1]uint64
}

type followChunkType = [followChunk]unsafe.Pointer

type follow struct {
	unit
	*curve
	sizes             *dist
	salt, next, bytes uint64
	held              uint64
	event             int
	dueNS             int64
	hasDue, atPoint   bool
	first, end        uint64
	slots             uint64
	chunk             []*followChunkType
	number            []uint64 // model: which object lies there
}

var heapFollow = driver{name: "heap-follow", accept: followAccept, create: followCreate}

// sizeClass is what so many bytes without pointers take: Go's own classes, asked of append.
var sizeClass = func() (class []uint64) {
	for bytes := uint64(0); bytes < 32768; {
		bytes = uint64(cap(append([]byte(nil), make([]byte, bytes+1)...)))
		class = append(class, bytes)
	}
	return class
}()

func slotBytes(bytes uint64) uint64 {
	if bytes > 32768 {
		return (bytes + 8191) &^ 8191
	}
	from, to := 0, len(sizeClass)-1
	for from < to {
		if middle := (from + to) / 2; sizeClass[middle] < bytes {
			from = middle + 1
		} else {
			to = middle
		}
	}
	return sizeClass[from]
}

// pointersBytes is what so many bytes with pointers take.
func pointersBytes(bytes uint64) uint64 {
	if bytes > followHeaderOver && bytes+mallocHeader <= followHeaderMost {
		bytes += mallocHeader
	}
	return slotBytes(bytes)
}

func followAccept(w *planWorkload) string {
	switch {
	case len(w.Follow) == 0:
		return "there is no curve to follow"
	case w.Rate != 0:
		return "the rate is the curve's"
	case w.Size.Min < 16 || w.Size.Max > 1<<20:
		return "a size is 16 bytes to 1 MiB"
	}
	return ""
}

type followObject struct {
	number, words, cells, slot uint64
}

func (f *follow) object(number uint64) followObject {
	random := mix(f.salt + number)
	bytes := f.sizes.draw(random) &^ 7
	o := followObject{number: number, words: bytes / 8}
	if bytes >= 64 && mix(^random)%100 < f.w.Pointers {
		o.cells = bytes / 64
		o.words = o.cells * followCellWords
		o.slot = pointersBytes(o.words * 8)
	} else {
		o.slot = slotBytes(o.words * 8)
	}
	return o
}

func (o *followObject) isPointer(word uint64) bool { return o.cells > 0 && word%followCellWords == 0 }

func (f *follow) make(o *followObject) unsafe.Pointer {
	var p unsafe.Pointer
	if o.cells > 0 {
		f.allocates(o.words*8, "follow cell")
		p = unsafe.Pointer(&make([]followCell, o.cells)[0])
	} else {
		f.allocates(o.words*8, "follow words")
		p = unsafe.Pointer(&make([]uint64, o.words)[0])
	}
	base := mix(f.salt ^ o.number)
	for i, words := uint64(0), unsafe.Slice((*uint64)(p), o.words); i < o.words; i++ {
		if !o.isPointer(i) {
			words[i] = base + i*golden
		}
	}
	return p
}

func (f *follow) place(at uint64) *unsafe.Pointer {
	return &f.chunk[at/followChunk%uint64(len(f.chunk))][at%followChunk]
}

func (f *follow) objectAt(at uint64) followObject { return f.object(f.number[at%f.slots]) }

func followChunkBytes() uint64 { return pointersBytes(followChunk * 8) }

func (f *follow) need(bytes uint64) uint64 {
	if f.end%followChunk == 0 || f.first == f.end {
		return bytes + followChunkBytes()
	}
	return bytes
}

func (f *follow) check(at uint64, whole bool) {
	o := f.objectAt(at)
	p := *f.place(at)
	if p == nil {
		f.integrity(integrityMissing, o.number, o.words, 0)
		return
	}
	step := uint64(1)
	if !whole && o.words >= 2 {
		step = o.words - 1
	}
	base, words := mix(f.salt^o.number), unsafe.Slice((*uint64)(p), o.words)
	for i := uint64(0); i < o.words; i += step {
		if expected := base + i*golden; !o.isPointer(i) && words[i] != expected {
			f.integrity(integrityValue, o.number, expected, words[i])
			break
		}
	}
	for j := uint64(0); j < o.cells; j++ {
		var expected unsafe.Pointer
		if j < uint64(len(followLink)) && at+followLink[j] < f.end {
			expected = *f.place(at + followLink[j])
		}
		if found := unsafe.Slice((*followCell)(p), o.cells)[j].pointer; found != expected {
			f.integrity(integrityValue, o.number, uint64(uintptr(expected)), uint64(uintptr(found)))
		}
	}
}

func (f *follow) drop() {
	at := f.first
	o := f.objectAt(at)
	f.check(at, o.number%followWhole == 0)
	*f.place(at) = nil
	f.held -= o.slot
	f.first++
	if f.first%followChunk == 0 || f.first == f.end {
		f.chunk[at/followChunk%uint64(len(f.chunk))] = nil
		f.held -= followChunkBytes()
	}
}

func (f *follow) trim(bytes uint64) {
	for f.held > bytes && f.first < f.end {
		f.drop()
	}
}

func (f *follow) linkYoungest(p unsafe.Pointer) {
	youngest := f.end - 1
	for j, by := range followLink {
		holder := youngest - by
		if youngest < by || holder < f.first {
			break
		}
		if o := f.objectAt(holder); o.cells > uint64(j) {
			f.at(pointGCWrite, 0, "follow cell")
			unsafe.Slice((*followCell)(*f.place(holder)), o.cells)[j].pointer = p
		}
	}
}

func (f *follow) keep(o *followObject, p unsafe.Pointer) {
	if f.first == f.end {
		f.end = (f.end + followChunk - 1) / followChunk * followChunk
		f.first = f.end
	}
	if f.end%followChunk == 0 {
		f.allocates(followChunk*8, "follow slot")
		f.chunk[f.end/followChunk%uint64(len(f.chunk))] = new(followChunkType)
		f.held += followChunkBytes()
		f.bytes += followChunkBytes()
	}
	f.at(pointGCWrite, 0, "follow slot")
	*f.place(f.end) = p
	f.number[f.end%f.slots] = o.number
	f.held += o.slot
	f.end++
	f.linkYoungest(p)
}

func (f *follow) due() int64 {
	if f.hasDue {
		return f.dueNS
	}
	o := f.object(f.next)
	f.dueNS = f.curve.due(f.bytes + o.slot)
	point := never
	if f.event < len(f.point) {
		point = f.point[f.event].atNS
	}
	f.atPoint = point <= f.dueNS && point != never
	if f.atPoint {
		f.dueNS = point
	}
	f.hasDue = true
	return f.dueNS
}

func (f *follow) turn() {
	p := &f.point[f.event]
	f.event++
	f.trim(f.live(p.atNS))
	if f.worker != 0 {
		return
	}
	if p.gogc != 0 {
		debug.SetGCPercent(p.gogc)
	}
	if p.forced {
		f.env.watch.force(0)
	}
}

func (f *follow) wants(o *followObject, live uint64) bool {
	need := f.need(o.slot)
	if f.held+need <= live {
		return true
	}
	if o.number%followTurnover != 0 || need > live || f.first == f.end {
		return false
	}
	f.trim(live - need)
	return f.held+f.need(o.slot) <= live
}

func (f *follow) op() {
	t := f.due()
	f.hasDue = false
	if f.atPoint {
		f.turn()
		return
	}
	if t == never {
		return
	}
	o := f.object(f.next)
	live := f.live(t)
	f.trim(live)
	f.next++
	f.bytes += o.slot
	p := f.make(&o)
	if f.end-f.first < f.slots-followChunk && f.wants(&o, live) {
		f.keep(&o, p)
	}
	runtime.KeepAlive(p)
}

func (f *follow) base() *unit { return &f.unit }

func (f *follow) digest() uint64 {
	sum := mix(f.next ^ mix(f.bytes) ^ mix(f.held+1))
	return mix(sum ^ mix(f.first) ^ mix(f.end+2) ^ uint64(f.dueNS))
}

func (f *follow) verify() {
	for at := f.first; at < f.end; at++ {
		f.check(at, true)
	}
	f.checked(f.end - f.first)
}

func followCreate(opt *unitOptions) (operator, error) {
	f := &follow{curve: curveOf(opt.w.Follow, opt.share), sizes: distOf(&opt.w.Size)}
	f.unit.init(opt)
	f.salt = f.rng.next()
	if !opt.w.Follow[0].forced {
		f.event = 1
	}
	least := slotBytes(opt.w.Size.Min &^ 7)
	most := f.liveMax() / least
	if opt.w.Size.Max >= 64 && least > 64 {
		most = f.liveMax() / (least / 2)
	}
	chunks := most/followChunk + 3
	f.slots = chunks * followChunk
	var err error
	if f.number, err = outside[uint64](int(f.slots)); err != nil {
		return nil, err
	}
	f.chunk = make([]*followChunkType, chunks)
	f.held = pointersBytes(chunks * 8)
	f.build()
	return f, nil
}

// build makes the live bytes of the first point, then collects: building must not look like allocating.
func (f *follow) build() {
	live := f.live(0)
	if f.worker == 0 && f.point[0].gogc != 0 {
		debug.SetGCPercent(f.point[0].gogc)
	}
	for {
		o := f.object(f.next)
		if f.held+f.need(o.slot) > live {
			break
		}
		f.next++
		f.keep(&o, f.make(&o))
	}
	f.bytes = 0
	runtime.GC()
}
