package main

import (
	"encoding/json"
	"fmt"
)

// The load line of docs/control-protocol.md. The harness has checked the scenario; what is checked here is what would break the agent, and
// what Go cannot do.

const (
	workerFirst = 128
	firstConnFD = 5
)

type planSize struct {
	Dist   string `json:"dist"`
	Min    uint64 `json:"min"`
	Max    uint64 `json:"max"`
	SMilli uint64 `json:"s_milli"`
}

type planMix struct {
	Insert, Delete, Lookup, Range uint32
}

type planFollow struct {
	atNS            int64
	live, allocPerS uint64
	gogc            int
	forced          bool
}

func (f *planFollow) UnmarshalJSON(text []byte) error {
	row := []interface{}{&f.atNS, &f.live, &f.allocPerS, &f.gogc, &f.forced}
	return json.Unmarshal(text, &row)
}

type planWorkload struct {
	ID         string       `json:"id"`
	Driver     string       `json:"driver"`
	Workers    uint32       `json:"workers"`
	Conns      uint32       `json:"conns"`
	Rate       uint64       `json:"rate"`
	Keys       uint64       `json:"keys"`
	Key        string       `json:"key"`
	Value      string       `json:"value"`
	ValueBytes uint64       `json:"value_bytes"`
	Mix        planMix      `json:"mix"`
	Size       planSize     `json:"size"`
	Retain     uint64       `json:"retain"`
	Renew      uint64       `json:"renew"`
	Pointers   uint64       `json:"pointers"`
	Handler    string       `json:"handler"`
	Follow     []planFollow `json:"follow"`

	index, firstID, firstSlot uint32 // laid out as workloads/plan.c does
	firstFD                   int
	handler                   *planWorkload
}

// An absent key is what workloads/plan.c takes then.
func (w *planWorkload) UnmarshalJSON(text []byte) error {
	type plain planWorkload
	p := plain{Workers: 1, Pointers: 50, Key: "u64", Value: "ptr", ValueBytes: 32, Mix: planMix{Insert: 50, Delete: 50},
		Size: planSize{Dist: "fixed", Min: 64, Max: 64, SMilli: 1000}}
	if err := json.Unmarshal(text, &p); err != nil {
		return err
	}
	*w = planWorkload(p)
	return nil
}

func (w *planWorkload) goroutines() uint32 {
	if w.Conns > 0 {
		return w.Conns
	}
	return w.Workers
}

type planFault struct {
	ID              string            `json:"id"`
	Point           string            `json:"point"`
	Action          string            `json:"action"`
	PPB             uint64            `json:"p_ppb"`
	Nth             uint64            `json:"nth"`
	Every           uint64            `json:"every"`
	Times           uint64            `json:"times"`
	DelayNS         int64             `json:"delay_ns"`
	JitterNS        int64             `json:"jitter_ns"`
	Burst           uint64            `json:"burst"`
	After           uint64            `json:"after"`
	DelayMaxNS      int64             `json:"delay_max_ns"`
	ByMilli         uint64            `json:"by_milli"`
	SizeMin         uint64            `json:"size_min"`
	SizeMax         uint64            `json:"size_max"`
	MatchWorkloads  uint64            `json:"match_workloads"`
	MatchTypes      []string          `json:"match_types"`
	MatchGoroutines [][3]uint32       `json:"match_goroutines"` // workload, and once laid out the first and last worker id
	While           []json.RawMessage `json:"while"`
	Where           string            `json:"where"`
	Edge            bool              `json:"edge"`
	Visit           uint64            `json:"visit"`
	Stacks          bool              `json:"stacks"`
	Trace           bool              `json:"trace"`
	Fired           [][]uint64        `json:"fired"`
	Windows         [][2]int64        `json:"windows"`
}

type planPhase struct {
	StartNS int64 `json:"start_ns"`
	EndNS   int64 `json:"end_ns"`
}

type planRuntime struct {
	Procs     int    `json:"procs"`
	GOGC      int    `json:"gogc"`
	Memlimit  int64  `json:"memlimit"`
	Seed      int64  `json:"seed"`
	GCTrace   bool   `json:"gctrace"`
	Profile   int64  `json:"heap_profile_rate"`
	CountLive bool   `json:"count_live"`
	GCEvery   uint64 `json:"gc_every"`
}

type plan struct {
	Cmd       string         `json:"cmd"`
	Version   int            `json:"version"`
	Runtime   planRuntime    `json:"runtime"`
	EndNS     int64          `json:"end_ns"`
	Phases    []planPhase    `json:"phases"`
	Workloads []planWorkload `json:"workloads"`
	Faults    []planFault    `json:"faults"`

	nworkers, nconns, nslots uint32
}

func planParse(line []byte) (*plan, error) {
	p := &plan{}
	if err := json.Unmarshal(line, p); err != nil {
		return nil, fmt.Errorf("load: %v", err)
	}
	if p.Cmd != "load" || p.Version != 1 {
		return nil, fmt.Errorf("the first line must be load, version 1")
	}
	if p.EndNS <= 0 || p.Runtime.Procs < 1 || p.Runtime.Procs > watchPsMax || len(p.Workloads) == 0 || len(p.Faults) > watchFaultsMax {
		return nil, fmt.Errorf("load: a number is out of range")
	}
	if p.Runtime.CountLive || p.Runtime.GCEvery != 0 {
		return nil, fmt.Errorf("sweeps and target.stress are for the embedded runtime")
	}
	return p, p.layout()
}

// The files of the target lie behind the connections: first that of the heap profile, if there is one.
func (p *plan) profileFD() uintptr { return uintptr(firstConnFD + p.nconns) }

func (p *plan) traceFD() uintptr {
	if p.Runtime.Profile != 0 {
		return p.profileFD() + 1
	}
	return p.profileFD()
}

// layout deals out ids, slots and descriptors.
func (p *plan) layout() error {
	for i := range p.Workloads {
		w := &p.Workloads[i]
		w.index = uint32(i)
		w.firstID, w.firstSlot = workerFirst+p.nworkers, p.nslots
		w.firstFD = firstConnFD + int(p.nconns)
		p.nworkers += w.goroutines()
		p.nconns += w.Conns
		if w.Conns > 0 {
			w.Workers = 0
			p.nslots++
		} else {
			p.nslots += w.Workers
		}
		for j := range p.Workloads {
			if p.Workloads[j].ID == w.Handler && w.Handler != "" {
				w.handler = &p.Workloads[j]
			}
		}
		if w.Handler != "" && w.handler == nil {
			return fmt.Errorf("%s: no workload '%s' can be its handler", w.ID, w.Handler)
		}
	}
	for i := range p.Faults {
		for j := range p.Faults[i].MatchGoroutines {
			g := &p.Faults[i].MatchGoroutines[j]
			if g[0] >= uint32(len(p.Workloads)) {
				return fmt.Errorf("%s: match_goroutines: there is no such workload", p.Faults[i].ID)
			}
			first := p.Workloads[g[0]].firstID
			g[1], g[2] = first+g[1], first+g[2]
		}
	}
	if p.nslots > watchHists || workerFirst+p.nworkers > workerMax {
		return fmt.Errorf("too many workers or goroutines over all workloads")
	}
	return nil
}
