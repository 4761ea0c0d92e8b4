package main

import (
	"fmt"
	"unsafe"
)

// map-churn, as workloads/map_churn.c has it: the same draws in the same order, so the same keys, and the same model.

const (
	churnUpdateOneIn  = 8
	churnWholeOneIn   = 8
	churnAbsentOneIn  = 8
	churnRecheckOneIn = 16
)

type churn struct {
	unit
	churnNumbers
	m                churnMap
	model            model
	nextKey          uint64
	target, sinceNew int
	seen             []byte // a bit an entry: met by the walk
}

var mapChurn = driver{name: "map-churn", accept: churnAccept, create: churnCreate}

func churnAccept(w *planWorkload) string {
	flat := w.Value == "inline" || w.Value == "indirect"
	switch {
	case w.Keys == 0:
		return "keys must be at least 1"
	case w.ValueBytes%8 != 0:
		return "value_bytes must be a multiple of 8"
	case flat && !flatSizeKnown(w.ValueBytes):
		return fmt.Sprintf("on Go a value in the map itself has %s", flatSizes)
	}
	return ""
}

func churnCreate(opt *unitOptions) (operator, error) {
	c := &churn{}
	c.unit.init(opt)
	c.churnNumbers = churnNumbers{opt.w.Key == "u32", c.rng.next()}
	c.target = int(opt.w.Keys / opt.share)
	if c.target == 0 {
		c.target = 1
	}
	cap := c.target + c.target/8 + 2
	shelf := c.target/4 + 4
	if shelf > churnShelfMax {
		shelf = churnShelfMax
	}
	if err := c.model.init(cap); err != nil {
		return nil, err
	}
	seen, err := outside[byte](cap/8 + 1)
	if err != nil {
		return nil, err
	}
	c.seen = seen
	c.m = newChurnMap(&c.unit, shelf)
	for c.model.count < c.target {
		c.insert()
	}
	return c, nil
}

func (c *churn) base() *unit           { return &c.unit }
func (c *churn) mapAt() unsafe.Pointer { return c.m.at() }

func (c *churn) digest() uint64 {
	sum := mix(c.rng.state ^ mix(c.nextKey))
	for i, e := range c.model.entry[:c.model.count] {
		sum = mix(sum ^ mix(e.key^uint64(i)) ^ e.version)
	}
	return sum
}

func (c *churn) compare(words []uint64, key, version uint64, whole bool) {
	if words == nil {
		c.integrity(integrityMissing, key, version, 0)
		return
	}
	if !whole {
		words = words[:1]
	}
	for i, found := range words {
		if expected := word(key, version, uint64(i)); found != expected {
			c.integrity(integrityValue, key, expected, found)
			return
		}
	}
}

func (c *churn) checkEntry(e modelEntry, whole bool) {
	c.compare(c.m.get(e.key), e.key, e.version, whole)
}

func (c *churn) checkAbsent(key uint64) {
	if c.m.get(key) != nil {
		c.integrity(integrityUnexpected, key, 0, 1)
	}
}

func (c *churn) checkCount() {
	if count := c.m.count(); count != uint64(c.model.count) {
		c.integrity(integrityCount, 0, uint64(c.model.count), count)
	}
}

func (c *churn) any() int { return int(c.rng.below(uint64(c.model.count))) }

func (c *churn) insert() {
	key := c.fresh(&c.model, &c.nextKey)
	c.m.store(key, 1)
	c.nextKey++
	c.model.put(key, 1)
}

func (c *churn) update() {
	e := &c.model.entry[c.any()]
	c.m.store(e.key, e.version+1)
	e.version++
}

func (c *churn) delete() {
	key := c.model.entry[c.any()].key
	if !c.m.remove(key) {
		c.integrity(integrityMissing, key, 1, 0)
	}
	c.model.delete(key)
	if c.rng.below(churnRecheckOneIn) == 0 {
		c.checkAbsent(key)
		c.checkCount()
	}
}

func (c *churn) lookup() {
	whole := c.rng.below(churnWholeOneIn) == 0
	if c.model.count == 0 || c.rng.below(churnAbsentOneIn) == 0 {
		c.checkAbsent(c.absent(c.rng.next()))
	} else {
		c.checkEntry(c.model.entry[c.any()], whole)
	}
}

func (c *churn) walk() {
	met := 0
	for i := range c.seen {
		c.seen[i] = 0
	}
	c.m.walk(func(key uint64, whole bool, words []uint64) {
		met++
		index := -1
		if whole {
			index = c.model.find(key)
		}
		if index < 0 {
			c.integrity(integrityUnexpected, key, 0, 1)
			return
		}
		c.compare(words, key, c.model.entry[index].version, true)
		if c.seen[index/8]>>(index%8)&1 != 0 {
			c.integrity(integrityTwice, key, 1, 2)
		}
		c.seen[index/8] |= 1 << (index % 8)
	})
	if met != c.model.count {
		c.integrity(integrityTwice, 0, uint64(c.model.count), uint64(met))
	}
}

func (c *churn) verify() {
	c.checkCount()
	for _, e := range c.model.entry[:c.model.count] {
		c.checkEntry(e, true)
	}
	c.walk()
	c.checked(2 * uint64(c.model.count))
}

func (c *churn) renewMap() {
	c.walk()
	c.checked(uint64(c.model.count))
	c.m.renew()
	c.model.clear()
	c.sinceNew = 0
}

func (c *churn) op() {
	band := c.target/8 + 1
	dice := uint32(c.rng.below(100))
	if c.w.Renew != 0 {
		if c.sinceNew++; uint64(c.sinceNew) > c.w.Renew {
			c.renewMap()
			return
		}
	}
	if dice >= c.w.Mix.Insert+c.w.Mix.Delete {
		c.lookup()
		return
	}
	insert := dice < c.w.Mix.Insert
	if c.model.count+band <= c.target || c.model.count == 0 {
		insert = true
	} else if c.model.count >= c.target+band {
		insert = false
	}
	switch {
	case !insert:
		c.delete()
	case c.model.count > 0 && c.rng.below(churnUpdateOneIn) == 0:
		c.update()
	default:
		c.insert()
	}
}
