package main

import "unsafe"

// The keys of map-churn, by number: workloads/churn_key.h has what they are. A string is made anew for each store, as there; a look-up or
// deletion makes none: it looks by the text in hand, as m[string(bytes)] does.

const (
	churnTextMin = 12
	churnTextMax = 43
	churnDigits  = 11
	churnDigit   = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"
)

// keyKind makes the K of a number, and the number of a K.
type keyKind[K comparable] interface {
	store(number uint64) K // one that the map may keep
	look(number uint64) K  // one to look by, until the next call
	number(key K) (uint64, bool)
	bytes(number uint64) uint64 // that store allocates; 0: nothing
}

type keyU64 struct{}

func (keyU64) store(number uint64) uint64       { return number }
func (keyU64) look(number uint64) uint64        { return number }
func (keyU64) number(key uint64) (uint64, bool) { return key, true }
func (keyU64) bytes(number uint64) uint64       { return 0 }

type keyU32 struct{}

func (keyU32) store(number uint64) uint32       { return uint32(number) }
func (keyU32) look(number uint64) uint32        { return uint32(number) }
func (keyU32) number(key uint32) (uint64, bool) { return uint64(key), true }
func (keyU32) bytes(number uint64) uint64       { return 0 }

type keyBytes struct{}

func (keyBytes) store(number uint64) (key [32]byte) {
	w := (*[4]uint64)(unsafe.Pointer(&key))
	w[0] = number
	for i := uint64(1); i < 4; i++ {
		w[i] = word(number, 0, i)
	}
	return key
}
func (k keyBytes) look(number uint64) [32]byte { return k.store(number) }
func (k keyBytes) number(key [32]byte) (uint64, bool) {
	number := *(*uint64)(unsafe.Pointer(&key))
	return number, key == k.store(number)
}
func (keyBytes) bytes(number uint64) uint64 { return 0 }

type keyString struct{ hand *[churnTextMax]byte }

func textBytes(number uint64) uint64 {
	return churnTextMin + word(number, 0, 0)%(churnTextMax-churnTextMin+1)
}

func churnText(text []byte, bits uint64) {
	for i := range text {
		text[i] = churnDigit[bits&63]
		bits >>= 6
	}
}

func (k keyString) build(number uint64) []byte {
	bytes := textBytes(number)
	churnText(k.hand[:churnDigits], number)
	for at := uint64(churnDigits); at < bytes; at += churnDigits - 1 {
		end := at + churnDigits - 1
		if end > bytes {
			end = bytes
		}
		churnText(k.hand[at:end], word(number, 0, at))
	}
	return k.hand[:bytes]
}

func (k keyString) store(number uint64) string { return string(k.build(number)) }
func (k keyString) look(number uint64) string {
	text := k.build(number)
	return *(*string)(unsafe.Pointer(&text))
}
func (k keyString) number(key string) (number uint64, whole bool) {
	if len(key) < churnTextMin || len(key) > churnTextMax {
		return 0, false
	}
	for i := 0; i < churnDigits; i++ {
		for d := uint64(0); d < 64; d++ {
			if churnDigit[d] == key[i] {
				number |= d << (6 * uint(i))
			}
		}
	}
	return number, k.look(number) == key
}
func (keyString) bytes(number uint64) uint64 { return textBytes(number) }

func mixU32(x uint32) uint32 {
	x ^= x >> 16
	x *= 0x85ebca6b
	x ^= x >> 13
	x *= 0xc2b2ae35
	return x ^ x>>16
}

// churnNumbers deals out numbers of keys: the n-th fresh one, and such as never come.
type churnNumbers struct {
	u32  bool
	salt uint64
}

func (c *churnNumbers) number(n uint64) uint64 {
	if c.u32 {
		return uint64(mixU32(uint32(c.salt) + uint32(n)&0x7fffffff))
	}
	if number := mix(c.salt + n); number != 0 {
		return number
	}
	return 1
}

func (c *churnNumbers) fresh(m *model, next *uint64) uint64 {
	number := c.number(*next)
	for c.u32 && (number == 0 || m.find(number) >= 0) {
		*next++
		number = c.number(*next)
	}
	return number
}

func (c *churnNumbers) absent(random uint64) uint64 {
	if c.u32 {
		return uint64(mixU32(uint32(c.salt) + (uint32(random) | 0x80000000)))
	}
	return c.number(1<<62 + random%(1<<62))
}
