package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"math/bits"
	"os"
	"strconv"
	"strings"
	"unsafe"
)

// Conditions (`while`): the postfix program of docs/control-protocol.md, reckoned as faults/condition_run.c does: whole numbers, in
// thousandths, and what does not fit saturates. What it may ask for here are the states of the map at hand (map_look.go).

const (
	conditionStackMax = 16
	conditionMilli    = 1000
)

type conditionCode uint8

const (
	codeConstant conditionCode = iota
	codeState
	codeNot
	codeAdd // and all that follow take two
	codeSub
	codeMul
	codeLess
	codeLessEqual
	codeMore
	codeMoreEqual
	codeEqual
	codeUnequal
	codeAnd
	codeOr
)

var conditionCodes = map[string]conditionCode{
	"not": codeNot, "+": codeAdd, "-": codeSub, "*": codeMul, "<": codeLess, "<=": codeLessEqual, ">": codeMore, ">=": codeMoreEqual,
	"==": codeEqual, "!=": codeUnequal, "and": codeAnd, "or": codeOr,
}

type conditionStep struct {
	code  conditionCode
	state *mapState // codeState
	value int64     // codeConstant
}

type condition []conditionStep

// conditionParse: nil when there is none. What it accepts ends, and keeps within its stack.
func conditionParse(raw []json.RawMessage) (condition, error) {
	var c condition
	depth := 0
	for _, text := range raw {
		step, err := conditionStepParse(text)
		if err != nil {
			return nil, err
		}
		switch {
		case step.code == codeConstant || step.code == codeState:
			depth++
		case step.code >= codeAdd:
			depth--
		}
		if depth < 1 || depth > conditionStackMax {
			return nil, fmt.Errorf("it does not keep within its stack")
		}
		c = append(c, step)
	}
	if c != nil && depth != 1 {
		return nil, fmt.Errorf("it comes to %d values", depth)
	}
	return c, nil
}

func conditionStepParse(text json.RawMessage) (conditionStep, error) {
	var word string
	if json.Unmarshal(text, &word) != nil {
		value, err := strconv.ParseInt(string(text), 10, 64)
		return conditionStep{value: value}, err
	}
	switch code, known := conditionCodes[word]; {
	case known:
		return conditionStep{code: code}, nil
	case word == "true" || word == "false":
		return conditionStep{value: truth(word == "true")}, nil
	}
	state, err := mapStateFind(word)
	return conditionStep{code: codeState, state: state}, err
}

func truth(yes bool) int64 {
	if yes {
		return 1
	}
	return 0
}

// holds: m is the map at hand, nil: none is, and nothing can be told of it. For the goroutine that works on the map.
func (c condition) holds(m unsafe.Pointer) bool {
	if len(c) == 0 {
		return true
	}
	if m == nil {
		return false
	}
	return c.of(mapLook(m))
}

func (c condition) of(figures mapFigures) bool {
	var stack [conditionStackMax + 1]int64
	n := 0
	for i := range c {
		switch step := &c[i]; {
		case step.code == codeConstant:
			stack[n] = step.value
			n++
		case step.code == codeState:
			stack[n] = step.state.value(figures)
			n++
		case step.code == codeNot:
			stack[n-1] = truth(stack[n-1] == 0)
		default:
			n--
			stack[n-1] = step.code.of(stack[n-1], stack[n])
		}
	}
	return stack[0] != 0
}

// conditionsMain: lines with a program, what map.count is, and whether it holds, which is reckoned anew.
func conditionsMain() {
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		var raw []json.RawMessage
		field := strings.Split(in.Text(), "\t")
		count, err := strconv.ParseUint(field[1], 10, 64)
		if err == nil {
			err = json.Unmarshal([]byte(field[0]), &raw)
		}
		c, perr := conditionParse(raw)
		if err != nil || perr != nil {
			fmt.Println("agent: no condition:", in.Text(), err, perr)
			continue
		}
		fmt.Printf("%s\t%d\t%d\n", field[0], count, truth(c.of(mapFigures{count: count})))
	}
}

func (code conditionCode) of(a, b int64) int64 {
	switch code {
	case codeAdd:
		return saturatingAdd(a, b)
	case codeSub:
		if b == math.MinInt64 {
			return saturatingAdd(saturatingAdd(a, math.MaxInt64), 1)
		}
		return saturatingAdd(a, -b)
	case codeMul:
		return milliTimes(a, b)
	case codeLess:
		return truth(a < b)
	case codeLessEqual:
		return truth(a <= b)
	case codeMore:
		return truth(a > b)
	case codeMoreEqual:
		return truth(a >= b)
	case codeEqual:
		return truth(a == b)
	case codeUnequal:
		return truth(a != b)
	case codeAnd:
		return truth(a != 0 && b != 0)
	}
	return truth(a != 0 || b != 0)
}

func saturatingAdd(a, b int64) int64 {
	sum := a + b
	switch {
	case a > 0 && b > 0 && sum < 0:
		return math.MaxInt64
	case a < 0 && b < 0 && sum >= 0:
		return math.MinInt64
	}
	return sum
}

// milliTimes: a * b / 1000, toward nothing.
func milliTimes(a, b int64) int64 {
	size := func(v int64) uint64 {
		if v < 0 {
			return -uint64(v)
		}
		return uint64(v)
	}
	negative := (a < 0) != (b < 0)
	hi, lo := bits.Mul64(size(a), size(b))
	limit := uint64(math.MaxInt64)
	if hi < conditionMilli {
		if q, _ := bits.Div64(hi, lo, conditionMilli); q <= limit {
			limit = q
		} else if negative {
			return math.MinInt64
		}
	} else if negative {
		return math.MinInt64
	}
	if negative {
		return -int64(limit)
	}
	return int64(limit)
}
