/* map_facts.c: limits of a map, and words for its state; see map_facts.h. */
#include "tui/map_facts.h"

#include "tui/format.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define FACTS_SLOTS	 8
#define FACTS_B_MAX	 48 /* of any map that fits into an address space */
#define FACTS_RESIDUE_B	 4  /* fewer buckets than 16 are nothing to speak of */
#define FACTS_RESIDUE_OF 4  /* less than this part of what it takes */

static uint32_t facts_b(const struct gcs_map_view *m)
{
	return m->b < FACTS_B_MAX ? m->b : FACTS_B_MAX;
}

uint64_t map_facts_load_limit_milli(const struct gcs_map_view *m)
{
	if (m->kind == GCS_MAP_SYNC)
		return 0;
	return m->b == 0 ? FACTS_SLOTS * 1000 : m->kind == GCS_MAP_SWISS ? 7000 : 6500;
}

uint64_t map_facts_holds(const struct gcs_map_view *m)
{
	return m->kind == GCS_MAP_CLASSIC ? (map_facts_load_limit_milli(m) << facts_b(m)) / 1000 : 0;
}

uint64_t map_facts_overflow_limit(const struct gcs_map_view *m)
{
	return m->kind == GCS_MAP_CLASSIC ? UINT64_C(1) << (m->b < 15 ? m->b : 15) : 0;
}

uint64_t map_facts_chain_centi(const struct gcs_map_view *m)
{
	uint64_t limit = map_facts_overflow_limit(m);
	return limit ? 100 + m->overflow * 100 / limit : 100;
}

bool map_facts_residue(const struct gcs_map_view *m)
{
	return m->growing == GCS_MAP_STILL && m->kind != GCS_MAP_SYNC && m->b >= FACTS_RESIDUE_B &&
	       m->load_milli < map_facts_load_limit_milli(m) / FACTS_RESIDUE_OF;
}

void map_facts_name(const struct gcs_map_view *m, char *ret, size_t cap)
{
	char n[TUI_NUMBER];
	uint64_t buckets = UINT64_C(1) << facts_b(m);
	const char *more = buckets == 1 ? "" : "s";
	switch (m->kind) {
	case GCS_MAP_CLASSIC: snprintf(ret, cap, "classic, B %" PRIu32 ": %s bucket%s of 8 slots", m->b, tui_count(n, buckets), more); break;
	case GCS_MAP_SWISS: snprintf(ret, cap, "Swiss, %s group%s of 8 slots%s", tui_count(n, buckets), more, buckets == 1 ? "" : ", or more"); break;
	case GCS_MAP_SYNC: snprintf(ret, cap, "sync.Map, %s", m->amended ? "amended" : "read only"); break;
	}
}

/* ---------------------------------------------------------------- in words */

struct facts { struct map_fact *line; int n; };

static __attribute__((format(printf, 3, 4))) void facts_add(struct facts *f, bool notable, const char *fmt, ...)
{
	va_list ap;
	if (f->n == MAP_FACTS_LINES)
		return;
	struct map_fact *l = &f->line[f->n++];
	l->notable = notable;
	va_start(ap, fmt);
	vsnprintf(l->text, sizeof l->text, fmt, ap);
	va_end(ap);
}

static void facts_load(struct facts *f, const struct gcs_map_view *m)
{
	char a[TUI_NUMBER], b[TUI_NUMBER];
	double limit = (double)map_facts_load_limit_milli(m) / 1000;
	uint64_t whole = m->load_milli / 1000, part = m->load_milli / 10 % 100;
	if (m->kind == GCS_MAP_SWISS)
		facts_add(f, false, "load %" PRIu64 ".%02" PRIu64 " of %g a group: %s entries and %s tombstones in slots", whole, part, limit,
			  tui_count(a, m->count), tui_count(b, m->overflow));
	else
		facts_add(f, false, "load %" PRIu64 ".%02" PRIu64 " of %g a bucket: %s of %s entries%s", whole, part, limit, tui_count(a, m->count),
			  tui_count(b, map_facts_holds(m)), m->growing == GCS_MAP_STILL ? ", then doubles" : "");
}

static void facts_overflow(struct facts *f, const struct gcs_map_view *m)
{
	char a[TUI_NUMBER], b[TUI_NUMBER];
	uint64_t limit = map_facts_overflow_limit(m), chain = map_facts_chain_centi(m);
	facts_add(f, m->overflow >= limit / 2 && m->b >= FACTS_RESIDUE_B, "overflow %s%s of %s, then a same-size growth; chains average %" PRIu64 ".%02" PRIu64,
		  m->b > 15 ? "~" : "", tui_count(a, m->overflow), tui_count(b, limit), chain / 100, chain % 100);
}

static void facts_evacuation(struct facts *f, const struct gcs_map_view *m)
{
	char a[TUI_NUMBER], b[TUI_NUMBER];
	facts_add(f, true, "%s%s: %s of %s old buckets evacuated%s", m->kind == GCS_MAP_SYNC ? "dirty: " : "",
		  m->growing == GCS_MAP_DOUBLES ? "doubling" : "same size", tui_count(a, m->evacuated), tui_count(b, m->old_buckets),
		  m->kind == GCS_MAP_SYNC ? "" : ", up to 2 a write");
	if (m->growing == GCS_MAP_SAME_SIZE && m->kind == GCS_MAP_CLASSIC)
		facts_add(f, true, "why: it had as many overflow buckets as buckets, at a load below 6.5: deletes");
}

static void facts_grown(struct facts *f, const struct gcs_map_view *m)
{
	char a[TUI_NUMBER], b[TUI_NUMBER];
	if (m->kind == GCS_MAP_CLASSIC)
		facts_add(f, false, "not growing; the worker's maps doubled %s times, same-size growths %s", tui_count(a, m->grown),
			  tui_count(b, m->regrown));
	else
		facts_add(f, false, "a table doubles up to 1,024 slots, then splits: at most 896 entries a write");
}

static void facts_memory(struct facts *f, const struct gcs_map_view *m)
{
	char a[TUI_NUMBER], b[TUI_NUMBER];
	if (m->bytes == 0)
		return;
	const char *what = m->growing != GCS_MAP_STILL ? "arrays, old and new" : m->kind == GCS_MAP_SWISS ? "tables" : "buckets";
	if (m->count == 0)
		facts_add(f, false, "%s bytes of %s, and no entry", tui_count(a, m->bytes), what);
	else
		facts_add(f, false, "%s bytes of %s: %s an entry", tui_count(a, m->bytes), what, tui_count(b, m->bytes / m->count));
}

static void facts_residue(struct facts *f, const struct gcs_map_view *m)
{
	uint64_t permille = m->load_milli * 1000 / map_facts_load_limit_milli(m);
	if (map_facts_residue(m))
		facts_add(f, true, "residue: %" PRIu64 ".%" PRIu64 "%% full after deletes, or a large hint; Go never shrinks a map",
			  permille / 10, permille % 10);
}

static void facts_sync(struct facts *f, const struct gcs_map_view *m)
{
	char a[TUI_NUMBER], b[TUI_NUMBER];
	facts_add(f, false, "%s keys in read, deleted ones among them; %s in dirty", tui_count(a, m->count), tui_count(b, m->dirty));
	if (m->amended)
		facts_add(f, false, "amended: a load that misses read takes the lock and looks in dirty");
	else
		facts_add(f, false, "not amended: read has everything, and a load takes no lock");
	if (m->amended)
		facts_add(f, m->misses * 2 >= m->dirty, "misses %s of %s; then dirty becomes read", tui_count(a, m->misses),
			  tui_count(b, m->dirty));
	else if (m->dirty == 0)
		facts_add(f, false, "the next new key copies all of read that is not deleted into a new dirty");
	if (m->growing != GCS_MAP_STILL)
		facts_evacuation(f, m);
}

int map_facts_tell(const struct gcs_map_view *m, struct map_fact line[MAP_FACTS_LINES])
{
	struct facts f = {line, 0};
	if (m->kind == GCS_MAP_SYNC) {
		facts_sync(&f, m);
		facts_memory(&f, m);
		return f.n;
	}
	facts_load(&f, m);
	if (m->kind == GCS_MAP_CLASSIC)
		facts_overflow(&f, m);
	if (m->growing != GCS_MAP_STILL)
		facts_evacuation(&f, m);
	else
		facts_grown(&f, m);
	facts_memory(&f, m);
	facts_residue(&f, m);
	return f.n;
}
