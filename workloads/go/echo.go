package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
)

// The serving side of echo, as workloads/echo.c has it: a goroutine a connection, parked in Go's own netpoller, that performs one operation
// of another driver for each request. Connections are inherited; gcstorm-load is at their other ends and measures latencies.
//
// Wake lag is measured here: from the client's send, whose time the request carries, to the return of Read. Kernel, poller and scheduler
// are all in it; so is a handler that was still about its last reply when the next request came.

const (
	echoGroups       = 8
	echoRequestBytes = 24    // sequence, intended, sent: workloads/echo_wire.h
	echoReplyBytes   = 32    // sequence, intended, sum, status
	echoLagsMax      = 20000 // told a second; of more requests one in so many, evenly
)

type echoGroup struct {
	unit   operator // nil: echo only
	lock   sync.Mutex
	shared bool
	teller *mapTeller // of the first group alone: there is one slot for all connections
}

type echo struct {
	env   *env
	w     *planWorkload
	group []*echoGroup
	every uint64 // one request in so many tells its lag
	conn  []*os.File
	ended sync.WaitGroup
}

func echoAccept(w *planWorkload) string {
	switch {
	case w.Conns == 0 || w.Rate == 0:
		return "echo needs conns and a rate"
	case w.Renew != 0:
		return "renew: Go registers a connection with its poller once"
	}
	return ""
}

// echoPrepare makes the units behind the handlers, and gives the connections to the poller.
func echoPrepare(e *env, w *planWorkload) (*echo, error) {
	ec := &echo{env: e, w: w, every: (w.Rate + echoLagsMax - 1) / echoLagsMax}
	groups := w.Conns
	if groups > echoGroups {
		groups = echoGroups
	}
	for i := uint32(0); i < groups; i++ {
		g := &echoGroup{shared: w.Conns > echoGroups}
		ec.group = append(ec.group, g)
		if w.handler == nil {
			continue
		}
		opt := &unitOptions{env: e, w: w.handler, workload: w.index, worker: i, id: w.firstID + i, share: uint64(groups)}
		var err error
		if g.unit, err = driverByName(w.handler.Driver).create(opt); err != nil {
			return nil, err
		}
		if i == 0 {
			g.teller = mapTellerOf(&e.tel.maps[w.firstSlot], g.unit)
		}
	}
	for i := 0; i < int(w.Conns); i++ {
		fd := w.firstFD + i
		if err := syscall.SetNonblock(fd, true); err != nil {
			return nil, fmt.Errorf("connection %d: %v", fd, err)
		}
		ec.conn = append(ec.conn, os.NewFile(uintptr(fd), "connection")) // not blocking, so it is the poller's
	}
	return ec, nil
}

func (e *echo) begin() {
	e.ended.Add(len(e.conn))
	for i := range e.conn {
		go e.serve(uint32(i))
	}
}

func (e *echo) serve(i uint32) {
	defer e.ended.Done()
	var request [echoRequestBytes]byte
	var reply [echoReplyBytes]byte
	g := e.group[i%uint32(len(e.group))]
	for {
		if _, err := io.ReadFull(e.conn[i], request[:]); err != nil {
			return
		}
		sequence, intended := binary.LittleEndian.Uint64(request[:]), binary.LittleEndian.Uint64(request[8:])
		e.woke(i, sequence, int64(binary.LittleEndian.Uint64(request[16:])))
		g.operate(e.w.firstID + i)
		copy(reply[:16], request[:16])
		binary.LittleEndian.PutUint64(reply[16:], word(sequence, intended, 1))
		binary.LittleEndian.PutUint64(reply[24:], 0) // the operation cannot fail
		if _, err := e.conn[i].Write(reply[:]); err != nil {
			return
		}
	}
}

// woke tells how late a request was read; which connections tell is spread evenly. The firing that held it back is the harness's, and
// is not known here.
func (e *echo) woke(i uint32, sequence uint64, sentNS int64) {
	if (sequence+uint64(i))%e.every != 0 {
		return
	}
	now := nowNS()
	lag := now - sentNS
	if lag < 0 { // the two clocks agree to some hundred nanoseconds
		lag = 0
	}
	e.env.emit(&record{tNS: now, kind: watchWakeLag, p: noP, a: uint64(e.w.firstID + i), b: uint64(lag)})
}

func (g *echoGroup) operate(id uint32) {
	if g.unit == nil {
		return
	}
	if g.shared {
		g.lock.Lock()
		defer g.lock.Unlock()
	}
	g.unit.base().id = id // whose visits these are
	g.unit.base().operates()
	g.unit.op()
	if g.teller != nil {
		g.teller.tell(nowNS())
	}
}

func (e *echo) end() {
	for _, c := range e.conn {
		c.Close()
	}
	e.ended.Wait()
}

func (e *echo) verify() {
	for _, g := range e.group {
		if g.unit != nil {
			g.unit.verify()
		}
	}
}
