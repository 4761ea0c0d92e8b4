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
// of another driver for each request. Connections are inherited; gcstorm-load is at their other ends and measures.

const (
	echoGroups       = 8
	echoRequestBytes = 16
	echoReplyBytes   = 32
)

type echoGroup struct {
	unit   operator // nil: echo only
	lock   sync.Mutex
	shared bool
}

type echo struct {
	env   *env
	w     *planWorkload
	group []*echoGroup
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
	ec := &echo{env: e, w: w}
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
		g.operate(e.w.firstID + i)
		sequence, intended := binary.LittleEndian.Uint64(request[:]), binary.LittleEndian.Uint64(request[8:])
		copy(reply[:], request[:])
		binary.LittleEndian.PutUint64(reply[16:], word(sequence, intended, 1))
		binary.LittleEndian.PutUint64(reply[24:], 0) // the operation cannot fail
		if _, err := e.conn[i].Write(reply[:]); err != nil {
			return
		}
	}
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
