package main

// slice-append, as workloads/slice_append.c has it: the same draws in the same order. Which slices are kept depends on the capacities that
// append gives, and so on the Go version; nothing that is drawn does.

const (
	appendAtWork     = 8
	appendShelf      = 4096
	appendChunkMax   = 128
	appendShort      = 8
	appendAliasOneIn = 4
	appendAlias      = appendAtWork
	appendKept       = 2 * appendAtWork
	appendHeaders    = appendKept + appendShelf
)

// appendModel is what a header must show: elements lo .. lo+len of slice number `number`.
type appendModel struct {
	number, lo, len uint64
	bytes           uint64 // of the array behind it
}

type appends struct {
	unit
	sizes                *dist
	number               uint64
	target               [appendAtWork]uint64 // elements; 0: none at work
	keptFirst, keptCount int
	keptBytes, budget    uint64
	scratch              [appendChunkMax]uint64
	header               [][]uint64 // in Go's heap: the shelf
	model                []appendModel
}

var sliceAppend = driver{name: "slice-append", accept: appendAccept, create: appendCreate}

func appendAccept(w *planWorkload) string {
	if w.Size.Min < 8 {
		return "a size is at least 8 bytes"
	}
	return ""
}

func appendCreate(opt *unitOptions) (operator, error) {
	a := &appends{sizes: distOf(&opt.w.Size), budget: opt.w.Retain / opt.share}
	a.unit.init(opt)
	a.header = make([][]uint64, appendHeaders)
	model, err := outside[appendModel](appendHeaders)
	a.model = model
	return a, err
}

func (a *appends) base() *unit { return &a.unit }

func (a *appends) digest() uint64 {
	sum := mix(a.rng.state ^ mix(a.number))
	for i := 0; i < appendAtWork; i++ {
		sum = mix(sum ^ mix(a.model[i].number^a.target[i]) ^ a.model[i].len)
	}
	return sum
}

func (a *appends) checkElement(header int, i uint64) {
	m := &a.model[header]
	if expected, found := word(m.number, 1, m.lo+i), a.header[header][i]; expected != found {
		a.integrity(integrityValue, m.number, expected, found)
	}
}

func (a *appends) checkHeader(header int) bool {
	if uint64(len(a.header[header])) == a.model[header].len {
		return true
	}
	a.integrity(integrityHeader, a.model[header].number, a.model[header].len, uint64(len(a.header[header])))
	return false
}

func (a *appends) checkSample(header int) {
	n := a.model[header].len
	if !a.checkHeader(header) || n == 0 {
		return
	}
	a.checkElement(header, 0)
	a.checkElement(header, n-1)
	a.checkElement(header, a.rng.below(n))
}

func (a *appends) checkAll(header int) {
	if !a.checkHeader(header) {
		return
	}
	for i := uint64(0); i < a.model[header].len; i++ {
		a.checkElement(header, i)
	}
}

// set stores a header on the shelf: a pointer store.
func (a *appends) set(header int, s []uint64) {
	a.at(pointGCWrite, 0, "append header")
	a.header[header] = s
}

func (a *appends) clear(header int) {
	a.set(header, nil)
	a.model[header] = appendModel{}
}

// cut: header := from[lo : lo+n : max]
func (a *appends) cut(header, from int, lo, n, max uint64) {
	a.at(pointSTWSpin, 0, "")
	a.set(header, a.header[from][lo:lo+n:max])
	a.model[header] = a.model[from]
	a.model[header].lo += lo
	a.model[header].len = n
}

func (a *appends) dropOldest() {
	header := appendKept + a.keptFirst
	a.checkAll(header)
	a.keptBytes -= a.model[header].bytes
	a.clear(header)
	a.keptFirst = (a.keptFirst + 1) % appendShelf
	a.keptCount--
}

func (a *appends) finish(at int) {
	s := a.header[at]
	n := uint64(len(s))
	if n > appendShort {
		n = appendShort
	}
	lo := a.rng.below(uint64(len(s)) - n + 1)
	if a.keptCount == appendShelf {
		a.dropOldest()
	}
	header := appendKept + (a.keptFirst+a.keptCount)%appendShelf
	a.checkSample(at)
	a.cut(header, at, lo, n, lo+n)
	a.model[header].bytes = uint64(cap(s)) * 8
	a.keptBytes += a.model[header].bytes
	a.keptCount++
	a.clear(at)
	a.clear(appendAlias + at)
	a.target[at] = 0
	for a.keptBytes > a.budget && a.keptCount > 0 {
		a.dropOldest()
	}
}

func (a *appends) begin(at int) {
	bytes := a.sizes.draw(a.rng.next())
	a.target[at] = bytes / 8
	if bytes < 8 {
		a.target[at] = 1
	}
	a.number++
	a.model[at] = appendModel{number: a.number}
}

// checkDone: the new elements, the seam, and what the alias shows.
func (a *appends) checkDone(at int, before []uint64) {
	s, alias := a.header[at], a.header[appendAlias+at]
	a.checkSample(at)
	if len(before) > 0 {
		a.checkElement(at, uint64(len(before)))
	}
	moved := len(before) == 0 || &before[0] != &s[0]
	if moved && len(before) > 0 && cap(s) == cap(before) {
		a.integrity(integrityHeader, a.model[at].number, uint64(cap(before)), uint64(cap(s)))
	}
	if !moved && len(alias) > 0 && &alias[0] == &s[0] && cap(alias) == cap(s) {
		expected, found := word(a.model[at].number, 1, uint64(len(s)-1)), alias[:len(s)][len(s)-1]
		if found != expected {
			a.integrity(integrityValue, a.model[at].number, expected, found)
		}
	}
	a.checkSample(appendAlias + at)
}

func (a *appends) op() {
	at := int(a.rng.below(appendAtWork))
	if a.target[at] == 0 {
		a.begin(at)
	}
	m := &a.model[at]
	n := 1 + a.rng.below(appendChunkMax)
	if n > a.target[at]-m.len {
		n = a.target[at] - m.len
	}
	for i := range a.scratch[:n] {
		a.scratch[i] = word(m.number, 1, m.len+uint64(i))
	}
	if m.len > 0 && a.rng.below(appendAliasOneIn) == 0 {
		a.cut(appendAlias+at, at, 0, m.len, uint64(cap(a.header[at])))
	}
	before := a.header[at]
	a.at(pointGCAppend, n*8, "append element")
	a.at(pointSTWSpin, 0, "append element")
	if len(before)+int(n) > cap(before) {
		a.at(pointGCAlloc, uint64(len(before))*8+n*8, "append element") // at least so much
	}
	a.set(at, append(before, a.scratch[:n]...))
	m.len += n
	a.checkDone(at, before)
	if m.len == a.target[at] {
		a.finish(at)
	}
}

func (a *appends) verify() {
	var elements uint64
	for i := range a.model {
		a.checkAll(i)
		elements += a.model[i].len
	}
	a.checked(elements)
}
