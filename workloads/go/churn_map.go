package main

import "unsafe"

// The maps of map-churn. Go's maps are compiled for their types, so a map of each kind of key and value stands here; what a value holds is
// words, wherever they lie.

// churnMap is one map of K to V with its values: a word, so many words in the map itself (behind a pointer above 128 bytes, as Go keeps
// them), or an object of words.
type churnMap interface {
	renew()
	count() uint64
	at() unsafe.Pointer // mapPointer
	store(number, version uint64)
	// get copies the value as v := m[k] does. Its words, until the next call; nil: not there.
	get(number uint64) []uint64
	remove(number uint64) bool
	// walk: each entry once; words are valid during the call.
	walk(met func(number uint64, whole bool, words []uint64))
}

// flatMap holds words in its elements: V is an array of them.
type flatMap[K comparable, V any, C keyKind[K]] struct {
	u    *unit
	m    map[K]V
	key  C
	hand *V // a value being stored, or the copy of one that was read
}

func newFlat[K comparable, V any, C keyKind[K]](u *unit, key C) churnMap {
	return &flatMap[K, V, C]{u: u, m: make(map[K]V), key: key, hand: new(V)}
}

func (f *flatMap[K, V, C]) words() []uint64 {
	return unsafe.Slice((*uint64)(unsafe.Pointer(f.hand)), int(unsafe.Sizeof(*f.hand)/8))
}

func (f *flatMap[K, V, C]) renew()        { f.m = make(map[K]V) }
func (f *flatMap[K, V, C]) count() uint64 { return uint64(len(f.m)) }

func (f *flatMap[K, V, C]) at() unsafe.Pointer { return mapPointer(f.m) }

func (f *flatMap[K, V, C]) store(number, version uint64) {
	words := f.words()
	for i := range words {
		words[i] = word(number, version, uint64(i))
	}
	key := keyOf[K, C](f.u, f.key, number)
	assigns(f.u, mapPointer(f.m), f.key.bytes(number) != 0, "churn element")
	f.m[key] = *f.hand
}

func (f *flatMap[K, V, C]) get(number uint64) []uint64 {
	f.u.at(pointSTWSpin, 0, "")
	v, ok := f.m[f.key.look(number)]
	if !ok {
		return nil
	}
	*f.hand = v
	return f.words()
}

func (f *flatMap[K, V, C]) remove(number uint64) bool {
	f.u.at(pointSTWSpin, 0, "")
	before := len(f.m)
	delete(f.m, f.key.look(number))
	return len(f.m) < before
}

func (f *flatMap[K, V, C]) walk(met func(uint64, bool, []uint64)) {
	for k, v := range f.m {
		*f.hand = v
		number, whole := f.key.number(k)
		met(number, whole, f.words())
	}
}

// keyOf makes a key to be stored.
func keyOf[K comparable, C keyKind[K]](u *unit, kind C, number uint64) K {
	if bytes := kind.bytes(number); bytes != 0 {
		u.allocates(bytes, "churn key")
	}
	return kind.store(number)
}

// assigns: the driver is about to assign to the map m; pointer: what it stores has one.
func assigns(u *unit, m unsafe.Pointer, pointer bool, kind string) {
	u.atMap(pointGCMapAssign, m, kind)
	u.at(pointSTWSpin, 0, kind)
	if pointer {
		u.at(pointGCWrite, 0, kind)
	}
}

const (
	churnFree     = 0x6672656562756666
	churnShelfMax = 65536
)

// pointerMap holds pointers to objects of words; with a shelf they are taken from there and go back.
type pointerMap[K comparable, C keyKind[K]] struct {
	u      *unit
	m      map[K]*uint64
	key    C
	nwords int
	pooled bool
	shelf  []*uint64 // free buffers: the first `free` of them
	free   int
}

func newPointers[K comparable, C keyKind[K]](u *unit, key C, nwords, shelf int) churnMap {
	p := &pointerMap[K, C]{u: u, m: make(map[K]*uint64), key: key, nwords: nwords, pooled: shelf > 0}
	if shelf > 0 {
		p.shelf = make([]*uint64, shelf)
	}
	return p
}

func (p *pointerMap[K, C]) words(object *uint64) []uint64 { return unsafe.Slice(object, p.nwords) }
func (p *pointerMap[K, C]) renew()                        { p.m = make(map[K]*uint64) }
func (p *pointerMap[K, C]) count() uint64                 { return uint64(len(p.m)) }
func (p *pointerMap[K, C]) at() unsafe.Pointer            { return mapPointer(p.m) }

func (p *pointerMap[K, C]) take() *uint64 {
	if p.free == 0 {
		p.u.allocates(uint64(p.nwords)*8, "churn value")
		return &make([]uint64, p.nwords)[0]
	}
	p.free--
	object := p.shelf[p.free]
	if *object != churnFree {
		p.u.integrity(integrityValue, 0, churnFree, *object)
	}
	p.u.at(pointGCWrite, 0, "churn shelf")
	p.shelf[p.free] = nil
	return object
}

func (p *pointerMap[K, C]) putBack(object *uint64) {
	if p.free == len(p.shelf) {
		return
	}
	*object = churnFree
	p.u.at(pointGCWrite, 0, "churn shelf")
	p.shelf[p.free] = object
	p.free++
}

func (p *pointerMap[K, C]) store(number, version uint64) {
	object := p.take()
	for i := range p.words(object) {
		p.words(object)[i] = word(number, version, uint64(i))
	}
	var old *uint64
	if p.pooled {
		old = p.m[p.key.look(number)]
	}
	key := keyOf[K, C](p.u, p.key, number)
	assigns(p.u, mapPointer(p.m), true, "churn element")
	p.m[key] = object
	if old != nil {
		p.putBack(old)
	}
}

func (p *pointerMap[K, C]) get(number uint64) []uint64 {
	p.u.at(pointSTWSpin, 0, "")
	if object := p.m[p.key.look(number)]; object != nil {
		return p.words(object)
	}
	return nil
}

func (p *pointerMap[K, C]) remove(number uint64) bool {
	p.u.at(pointSTWSpin, 0, "")
	var old *uint64
	if p.pooled {
		old = p.m[p.key.look(number)]
	}
	before := len(p.m)
	delete(p.m, p.key.look(number))
	if old != nil {
		p.putBack(old)
	}
	return len(p.m) < before
}

func (p *pointerMap[K, C]) walk(met func(uint64, bool, []uint64)) {
	for k, object := range p.m {
		number, whole := p.key.number(k)
		met(number, whole, p.words(object))
	}
}

// ------------------------------------------------------------------- by the plan's words

// flatSizes are the values that there are maps for: an array's length is part of its type.
const flatSizes = "8, 16, 32, 64, 128, 256, 512 or 1024 bytes"

func churnMapOf[K comparable, C keyKind[K]](u *unit, key C, shelf int) churnMap {
	w := u.w
	switch w.Value {
	case "ptr":
		return newPointers[K, C](u, key, int(w.ValueBytes/8), 0)
	case "pooled":
		return newPointers[K, C](u, key, int(w.ValueBytes/8), shelf)
	case "u64":
		return newFlat[K, uint64, C](u, key)
	}
	switch w.ValueBytes {
	case 8:
		return newFlat[K, [1]uint64, C](u, key)
	case 16:
		return newFlat[K, [2]uint64, C](u, key)
	case 32:
		return newFlat[K, [4]uint64, C](u, key)
	case 64:
		return newFlat[K, [8]uint64, C](u, key)
	case 128:
		return newFlat[K, [16]uint64, C](u, key)
	case 256:
		return newFlat[K, [32]uint64, C](u, key)
	case 512:
		return newFlat[K, [64]uint64, C](u, key)
	case 1024:
		return newFlat[K, [128]uint64, C](u, key)
	}
	return nil
}

func newChurnMap(u *unit, shelf int) churnMap {
	switch u.w.Key {
	case "u32":
		return churnMapOf[uint32](u, keyU32{}, shelf)
	case "string":
		return churnMapOf[string](u, keyString{new([churnTextMax]byte)}, shelf)
	case "bytes32":
		return churnMapOf[[32]byte](u, keyBytes{}, shelf)
	}
	return churnMapOf[uint64](u, keyU64{}, shelf)
}

func flatSizeKnown(bytes uint64) bool {
	return bytes >= 8 && bytes <= 1024 && bytes&(bytes-1) == 0
}
