package main

import "math/bits"

// Sizes from a distribution, with integers only: the algorithm of workloads/dist.c, where it is explained, and so the same sizes.

const (
	distCellsMax     = 512
	distFractionBits = 32
	distOne          = 1 << 62
)

type dist struct {
	low  []uint64 // cell i holds low[i] .. low[i+1]-1
	upto []uint64 // draws below upto[i] (of 2^32) fall in cell i or before
}

// wide is a 128-bit number.
type wide struct{ hi, lo uint64 }

func wideMul(a, b uint64) wide {
	hi, lo := bits.Mul64(a, b)
	return wide{hi, lo}
}

func (w wide) add(x wide) wide {
	lo, carry := bits.Add64(w.lo, x.lo, 0)
	hi, _ := bits.Add64(w.hi, x.hi, carry)
	return wide{hi, lo}
}

func (w wide) shr62() uint64 { return w.hi<<2 | w.lo>>62 }

// div32 is (w << 32) / by, whose result fits 64 bits; w is shorter than 96 bits. by may be wider than a word, so bit by bit.
func (w wide) div32(by wide) uint64 {
	n := wide{w.hi<<32 | w.lo>>32, w.lo << 32}
	var rest wide
	var quotient uint64
	for i := 127; i >= 0; i-- {
		bit := n.lo >> uint(i)
		if i >= 64 {
			bit = n.hi >> uint(i-64)
		}
		rest = wide{rest.hi<<1 | rest.lo>>63, rest.lo<<1 | bit&1}
		quotient <<= 1
		if rest.hi > by.hi || rest.hi == by.hi && rest.lo >= by.lo {
			lo, borrow := bits.Sub64(rest.lo, by.lo, 0)
			hi, _ := bits.Sub64(rest.hi, by.hi, borrow)
			rest = wide{hi, lo}
			quotient |= 1
		}
	}
	return quotient
}

func distLog2(x uint64) uint64 {
	whole := uint(63 - bits.LeadingZeros64(x))
	m := x << (62 - whole) // in [1, 2) of 62 bits
	var fraction uint64
	for i := 0; i < distFractionBits; i++ {
		m = wideMul(m, m).shr62()
		fraction <<= 1
		if m>>63 != 0 {
			fraction |= 1
			m >>= 1
		}
	}
	return uint64(whole)<<distFractionBits | fraction
}

// distSqrt is the root of x << 62.
func distSqrt(x uint64) uint64 {
	n := wide{x >> 2, x << 62}
	var root uint64
	for bit := uint64(1) << 63; bit != 0; bit >>= 1 {
		next := root | bit
		if s := wideMul(next, next); s.hi < n.hi || s.hi == n.hi && s.lo <= n.lo {
			root = next
		}
	}
	return root
}

func distExp2Neg(x uint64) uint64 {
	whole, result, root := x>>distFractionBits, uint64(distOne), uint64(distOne/2)
	if whole >= 62 {
		return 0
	}
	for i := 0; i < distFractionBits; i++ {
		root = distSqrt(root)
		if x>>(distFractionBits-1-uint(i))&1 != 0 {
			result = wideMul(result, root).shr62()
		}
	}
	return result >> whole
}

func distPower(x, min, sMilli uint64) uint64 {
	e := wideMul(distLog2(x)-distLog2(min), sMilli)
	quotient, _ := bits.Div64(e.hi, e.lo, 1000)
	return distExp2Neg(quotient)
}

func distOf(size *planSize) *dist {
	d := &dist{}
	if size.Dist != "zipf" {
		max := size.Max
		if size.Dist == "fixed" {
			max = size.Min
		}
		return &dist{[]uint64{size.Min, max + 1}, []uint64{1 << 32}}
	}
	for low := size.Min; low <= size.Max && len(d.low) < distCellsMax; {
		width := uint64(1) << uint(63-bits.LeadingZeros64(low)) / 8
		if width == 0 {
			width = 1
		}
		d.low = append(d.low, low)
		low = (low/width + 1) * width
	}
	n := len(d.low)
	d.low = append(d.low, size.Max+1)
	weight := make([]wide, n)
	var total, seen wide
	for i := range weight {
		width := d.low[i+1] - d.low[i]
		weight[i] = wideMul(distPower(d.low[i]+(width-1)/2, size.Min, size.SMilli), width)
		total = total.add(weight[i])
	}
	for i := range weight {
		seen = seen.add(weight[i])
		d.upto = append(d.upto, seen.div32(total))
	}
	d.upto[n-1] = 1 << 32
	return d
}

func (d *dist) draw(random uint64) uint64 {
	pick, inside := random>>32, random&0xffffffff
	from, to := 0, len(d.upto)-1
	for from < to {
		middle := (from + to) / 2
		if pick < d.upto[middle] {
			to = middle
		} else {
			from = middle + 1
		}
	}
	return d.low[from] + inside*(d.low[from+1]-d.low[from])>>32
}
