/*
 * record_schema.c: the tables of a record, and the statements that fill them.
 *
 * Times are ns from t0 unless the name ends in _abs_ns or _wall_ns; NULL is "not (yet)". Histograms
 * are blobs of harness/measure/stats.h. `looks`: the looks at scheduler and maps in an interval (blobs of harness/measure/look.h): the most
 * that waited for a P and of maps that grew, each look's, the last one whole; and who had been held up by what from t0 to its end. Tables `totals`, `total_ops`, `counters`, `faults`, `occurrences`
 * are rewritten as the run goes on, so an unfinished record has them too. Totals are over recorded
 * phases. A pause in phase -1 came after the end of the run and counts nowhere. A signal of an
 * occurrence whose left_ns is NULL never left its band. gc_forced: cycles begun by mrt_gc or by a
 * fault. Counter resolution_ns: what recovery_ns is measured to. `logged` holds a
 * production log's cycles as the run was to reproduce them (scaled), clock parts as logged; `fidelity`
 * a row a score (overall, count, period, live, goal; base units) or figure (score NULL: trigger, stop_first, mark, stop_second),
 * and window (from, to), time_scale, heap_scale, source (in note); `curves` a row a window and signal of parting.h, parts 1 where the
 * signal parts first; `reported` has with at_ns a figure of a stretch: low and high are what was told and told the value, scaled to the run,
 * apart and logged_apart whether the run's and the log's figures lie outside; clock and until are the incident's; `operator` every act by hand: a row there
 * makes the run operator-modified. Changing anything here changes GCS_RECORD_VERSION.
 */
#include "harness/record/record.h"

const char gcs_record_schema[] =
	"CREATE TABLE run(id TEXT, name TEXT, seed INTEGER, target TEXT, procs INTEGER, sim "
	"INTEGER, command TEXT, begun_wall_ns INTEGER,"
	" pid INTEGER, t0_abs_ns INTEGER, now_ns INTEGER, end_ns INTEGER, hash TEXT);"
	"CREATE TABLE host(key TEXT PRIMARY KEY, value TEXT);"
	"CREATE TABLE scenario(path TEXT, source TEXT, resolved TEXT);"
	"CREATE TABLE phases(idx INTEGER PRIMARY KEY, id TEXT, start_ns INTEGER, end_ns INTEGER, "
	"record INTEGER);"
	"CREATE TABLE workloads(idx INTEGER PRIMARY KEY, id TEXT, driver TEXT, workers INTEGER, "
	"rate INTEGER);"
	"CREATE TABLE faults(idx INTEGER PRIMARY KEY, id TEXT, point TEXT, what TEXT, windows "
	"INTEGER, visits INTEGER DEFAULT 0,"
	" eligible INTEGER DEFAULT 0, fired INTEGER DEFAULT 0, masked INTEGER DEFAULT 0, outcome "
	"TEXT, log_dropped INTEGER,"
	" log_hash INTEGER);"
	"CREATE TABLE occurrences(fault INTEGER, seq INTEGER, number INTEGER, start_ns INTEGER, "
	"first_fired_ns INTEGER,"
	" end_ns INTEGER, degraded_ns INTEGER, steady_ns INTEGER, recovery_ns INTEGER, fired "
	"INTEGER, overlapped INTEGER,"
	" by_operator INTEGER, state TEXT, PRIMARY KEY(fault, seq));"
	"CREATE TABLE occurrence_signals(fault INTEGER, seq INTEGER, signal TEXT, left_ns INTEGER, "
	"recovery_ns INTEGER,"
	" peak REAL, peak_ratio REAL, PRIMARY KEY(fault, seq, signal));"
	"CREATE TABLE signals(name TEXT PRIMARY KEY, unit INTEGER, baseline REAL, spread REAL, "
	"bound REAL, windows INTEGER,"
	" steady INTEGER);"
	"CREATE TABLE firings(id INTEGER, fault INTEGER, t_ns INTEGER, worker INTEGER, ordinal "
	"INTEGER, action INTEGER,"
	" gc_cycle INTEGER, gc_phase INTEGER, arg INTEGER);"
	"CREATE TABLE effects(firing INTEGER, t_ns INTEGER, effect INTEGER, value INTEGER);"
	"CREATE TABLE ledger(fault INTEGER, due TEXT, count INTEGER, total_ns INTEGER, excess_ns "
	"INTEGER, max_ns INTEGER,"
	" PRIMARY KEY(fault, due));"
	"CREATE TABLE gc_cycles(cycle INTEGER PRIMARY KEY, cause INTEGER, firing INTEGER, start_ns "
	"INTEGER, mark_end_ns INTEGER,"
	" end_ns INTEGER, sweep_end_ns INTEGER, mark_ns INTEGER, assist_ns INTEGER, background_ns "
	"INTEGER, idle_ns INTEGER,"
	" stop_first_ns INTEGER, stop_second_ns INTEGER, heap_start INTEGER, heap_end INTEGER, "
	"heap_marked INTEGER, goal INTEGER,"
	" pages INTEGER);"
	"CREATE TABLE pauses(kind TEXT, t_ns INTEGER, dur_ns INTEGER, stopping_ns INTEGER, "
	"stopped_ns INTEGER, reason INTEGER,"
	" worker INTEGER, cycle INTEGER, firing INTEGER, phase INTEGER, disturbed INTEGER);"
	"CREATE TABLE intervals(idx INTEGER PRIMARY KEY, start_ns INTEGER, end_ns INTEGER, phase "
	"INTEGER, armed INTEGER,"
	" fires INTEGER, heap_live_min INTEGER, heap_live_max INTEGER, heap_marked INTEGER, "
	"heap_goal INTEGER, rss INTEGER,"
	" gc_cycles INTEGER, gc_forced INTEGER, gc_cpu_ns INTEGER, cpu_ns INTEGER, assist_ns "
	"INTEGER, run_delay_ns INTEGER,"
	" steal_ns INTEGER, stall_ns INTEGER, coarse INTEGER);"
	"CREATE TABLE interval_hists(interval INTEGER, series TEXT, count INTEGER, max_ns INTEGER, "
	"hist BLOB);"
	"CREATE TABLE interval_ops(interval INTEGER, workload INTEGER, count INTEGER, errors "
	"INTEGER, p99_ns INTEGER, hist BLOB);"
	"CREATE TABLE looks(interval INTEGER PRIMARY KEY, runq_max INTEGER, maps_growing INTEGER, points BLOB, sched BLOB, "
	"maps BLOB, stalls BLOB);"
	"CREATE TABLE totals(series TEXT PRIMARY KEY, hist BLOB);"
	"CREATE TABLE total_ops(workload INTEGER PRIMARY KEY, count INTEGER, errors INTEGER, hist "
	"BLOB);"
	"CREATE TABLE counters(key TEXT PRIMARY KEY, value INTEGER);"
	"CREATE TABLE events(t_ns INTEGER, level INTEGER, text TEXT);"
	"CREATE TABLE gctrace(t_ns INTEGER, line TEXT);"
	"CREATE TABLE operator(t_ns INTEGER, source TEXT, act TEXT, fault INTEGER, text TEXT);"
	"CREATE TABLE reported(idx INTEGER PRIMARY KEY, what TEXT, reported TEXT, metric TEXT, phases TEXT, "
	"value REAL, shown TEXT, note TEXT, at_ns INTEGER, for_ns INTEGER, clock TEXT, until TEXT, peak INTEGER, low REAL, high REAL, "
	"told TEXT, logged REAL, logged_shown TEXT, logged_apart INTEGER, apart INTEGER);"
	"CREATE TABLE curves(idx INTEGER, from_ns INTEGER, to_ns INTEGER, clock TEXT, phase TEXT, signal TEXT, logged REAL, "
	"reproduced REAL, apart INTEGER, parts INTEGER, PRIMARY KEY(idx, signal));"
	"CREATE TABLE logged(idx INTEGER PRIMARY KEY, cycle INTEGER, at_ns INTEGER, forced INTEGER, heap_start INTEGER, "
	"heap_end INTEGER, heap_marked INTEGER, goal INTEGER, stop_first_ns INTEGER, mark_ns INTEGER, "
	"stop_second_ns INTEGER, procs INTEGER);"
	"CREATE TABLE fidelity(what TEXT PRIMARY KEY, logged REAL, reproduced REAL, score REAL, note TEXT);"
	"CREATE TABLE slo(id TEXT, text TEXT, ok INTEGER, value REAL, shown TEXT, windows INTEGER, "
	"windows_failed INTEGER,"
	" failed_ns INTEGER);"
	"CREATE TABLE expect(text TEXT, ok INTEGER, value REAL, shown TEXT);"
	"CREATE TABLE verdict(exit INTEGER, word TEXT, sentence TEXT);"
	"CREATE TABLE reasons(exit INTEGER, text TEXT);"
	"CREATE TABLE harness(key TEXT PRIMARY KEY, value REAL);"
	"CREATE INDEX pauses_dur ON pauses(kind, dur_ns);"
	"CREATE INDEX pauses_t ON pauses(t_ns);";

#define ROW(row, n, text)      [row] = {.sql = text, .nvalues = n}
#define OPTIONAL(row, n, text) [row] = {.sql = text, .nvalues = n, .optional = true}

const struct gcs_row_sql gcs_rows[GCS_ROWS] = {
	ROW(GCS_ROW_RUN, 8,
	    "INSERT INTO run(id,name,seed,target,procs,sim,command,begun_wall_ns) "
	    "VALUES(?,?,?,?,?,?,?,?)"),
	ROW(GCS_ROW_RUN_STARTED, 2, "UPDATE run SET pid=?, t0_abs_ns=?"),
	ROW(GCS_ROW_RUN_NOW, 1, "UPDATE run SET now_ns=?"),
	ROW(GCS_ROW_RUN_END, 2, "UPDATE run SET end_ns=?, hash=?"),
	ROW(GCS_ROW_HOST, 2, "INSERT OR REPLACE INTO host VALUES(?,?)"),
	ROW(GCS_ROW_SCENARIO, 3, "INSERT INTO scenario VALUES(?,?,?)"),
	ROW(GCS_ROW_PHASE, 5, "INSERT INTO phases VALUES(?,?,?,?,?)"),
	ROW(GCS_ROW_WORKLOAD, 5, "INSERT INTO workloads VALUES(?,?,?,?,?)"),
	ROW(GCS_ROW_FAULT, 5, "INSERT INTO faults(idx,id,point,what,windows) VALUES(?,?,?,?,?)"),
	ROW(GCS_ROW_FAULT_NOW, 8,
	    "UPDATE faults SET visits=?2, eligible=?3, fired=?4, masked=?5, outcome=?6, "
	    "log_dropped=?7, log_hash=?8 WHERE idx=?1"),
	ROW(GCS_ROW_OCCURRENCE, 13,
	    "INSERT OR REPLACE INTO occurrences VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)"),
	ROW(GCS_ROW_OCCURRENCE_SIGNAL, 7,
	    "INSERT OR REPLACE INTO occurrence_signals VALUES(?,?,?,?,?,?,?)"),
	ROW(GCS_ROW_SIGNAL, 7, "INSERT OR REPLACE INTO signals VALUES(?,?,?,?,?,?,?)"),
	OPTIONAL(GCS_ROW_FIRING, 9, "INSERT INTO firings VALUES(?,?,?,?,?,?,?,?,?)"),
	OPTIONAL(GCS_ROW_EFFECT, 4, "INSERT INTO effects VALUES(?,?,?,?)"),
	ROW(GCS_ROW_LEDGER, 6, "INSERT OR REPLACE INTO ledger VALUES(?,?,?,?,?,?)"),
	ROW(GCS_ROW_GC_START, 6,
	    "INSERT INTO gc_cycles(cycle,cause,firing,start_ns,heap_start,goal) "
	    "VALUES(?,?,?,?,?,?) ON CONFLICT(cycle) DO UPDATE SET"
	    " cause=excluded.cause, firing=excluded.firing, start_ns=excluded.start_ns, "
	    "heap_start=excluded.heap_start"),
	ROW(GCS_ROW_GC_MARK_END, 6,
	    "INSERT INTO gc_cycles(cycle,mark_end_ns,mark_ns,heap_marked,assist_ns,background_ns) "
	    "VALUES(?,?,?,?,?,?) ON CONFLICT(cycle)"
	    " DO UPDATE SET mark_end_ns=excluded.mark_end_ns, mark_ns=excluded.mark_ns, "
	    "heap_marked=excluded.heap_marked,"
	    " assist_ns=excluded.assist_ns, background_ns=excluded.background_ns"),
	ROW(GCS_ROW_GC_END, 3,
	    "INSERT INTO gc_cycles(cycle,end_ns,idle_ns) VALUES(?,?,?) ON CONFLICT(cycle) DO "
	    "UPDATE SET end_ns=excluded.end_ns,"
	    " idle_ns=excluded.idle_ns"),
	ROW(GCS_ROW_GC_SWEEP, 3,
	    "INSERT INTO gc_cycles(cycle,sweep_end_ns,pages) VALUES(?,?,?) ON CONFLICT(cycle) DO "
	    "UPDATE SET"
	    " sweep_end_ns=excluded.sweep_end_ns, pages=excluded.pages"),
	ROW(GCS_ROW_GC_HEAP, 7,
	    "INSERT INTO "
	    "gc_cycles(cycle,heap_start,heap_end,heap_marked,goal,stop_first_ns,stop_second_ns) "
	    "VALUES(?,?,?,?,?,?,?)"
	    " ON CONFLICT(cycle) DO UPDATE SET heap_start=excluded.heap_start, "
	    "heap_end=excluded.heap_end,"
	    " heap_marked=excluded.heap_marked, goal=excluded.goal, "
	    "stop_first_ns=excluded.stop_first_ns,"
	    " stop_second_ns=excluded.stop_second_ns"),
	ROW(GCS_ROW_PAUSE, 11, "INSERT INTO pauses VALUES(?,?,?,?,?,?,?,?,?,?,?)"),
	ROW(GCS_ROW_DISTURBED, 2,
	    "UPDATE pauses SET disturbed=1 WHERE t_ns > ?1 AND t_ns - dur_ns < ?2"),
	ROW(GCS_ROW_INTERVAL, 20,
	    "INSERT INTO intervals VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"),
	ROW(GCS_ROW_INTERVAL_HIST, 5, "INSERT INTO interval_hists VALUES(?,?,?,?,?)"),
	ROW(GCS_ROW_INTERVAL_OPS, 6, "INSERT INTO interval_ops VALUES(?,?,?,?,?,?)"),
	ROW(GCS_ROW_LOOK, 7, "INSERT OR REPLACE INTO looks VALUES(?,?,?,?,?,?,?)"),
	ROW(GCS_ROW_TOTAL, 2, "INSERT OR REPLACE INTO totals VALUES(?,?)"),
	ROW(GCS_ROW_TOTAL_OPS, 4, "INSERT OR REPLACE INTO total_ops VALUES(?,?,?,?)"),
	ROW(GCS_ROW_COUNTER, 2, "INSERT OR REPLACE INTO counters VALUES(?,?)"),
	ROW(GCS_ROW_EVENT, 3, "INSERT INTO events VALUES(?,?,?)"),
	OPTIONAL(GCS_ROW_GCTRACE, 2, "INSERT INTO gctrace VALUES(?,?)"),
	ROW(GCS_ROW_OPERATOR, 5, "INSERT INTO operator VALUES(?,?,?,?,?)"),
	ROW(GCS_ROW_REPORTED, 20, "INSERT OR REPLACE INTO reported VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"),
	ROW(GCS_ROW_LOGGED, 12, "INSERT INTO logged VALUES(?,?,?,?,?,?,?,?,?,?,?,?)"),
	ROW(GCS_ROW_CURVE, 10, "INSERT OR REPLACE INTO curves VALUES(?,?,?,?,?,?,?,?,?,?)"),
	ROW(GCS_ROW_FIDELITY, 5, "INSERT OR REPLACE INTO fidelity VALUES(?,?,?,?,?)"),
	ROW(GCS_ROW_SLO, 8, "INSERT INTO slo VALUES(?,?,?,?,?,?,?,?)"),
	ROW(GCS_ROW_EXPECT, 4, "INSERT INTO expect VALUES(?,?,?,?)"),
	ROW(GCS_ROW_VERDICT, 3, "INSERT INTO verdict VALUES(?,?,?)"),
	ROW(GCS_ROW_REASON, 2, "INSERT INTO reasons VALUES(?,?)"),
	ROW(GCS_ROW_HARNESS, 2, "INSERT OR REPLACE INTO harness VALUES(?,?)"),
};
