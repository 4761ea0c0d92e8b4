/*
 * pprof.c: the heap profile as pprof reads it (pprof/protomem.go, pprof/proto.go; profile.proto of pprof), gzipped.
 *
 * The gzip stream consists of stored blocks: valid for every reader, and no compressor is needed in the target.
 *
 * A record is scaled to what it stands for: of objects of `size` bytes one is sampled with probability
 * 1 - e^(-size/rate). Addresses are those of the calls (return address less one). Each stack begins with the caller
 * of the allocator; operations on maps and slices stay on it, for they are what a workload calls.
 */
#include "runtime/watch/heap_profile.h"

#include "runtime/mrt.h"
#include "runtime/prim/prim.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define PPROF_BLOCK	 32768u
#define PPROF_MESSAGE	 1024u /* a sample: 4 values, 32 locations, a label */
#define PPROF_ALLOCATORS 12u   /* frames of the allocator lie among so many innermost ones */

/* ----------------------------------------------------------------------- gzip */

struct pprof_out {
	int (*write)(void *arg, const void *data, size_t bytes);
	void *arg;
	int error; /* of write; the first */
	uint32_t crc, total, n;
	uint8_t block[PPROF_BLOCK];
};

static void out_raw(struct pprof_out *o, const void *data, size_t bytes)
{
	if (o->error == 0)
		o->error = o->write(o->arg, data, bytes);
}

static void out_begin(struct pprof_out *o)
{
	/* Deflate; no name, no time; unknown system. */
	static const uint8_t head[10] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255};

	o->crc = UINT32_MAX;
	out_raw(o, head, sizeof(head));
}

static void out_block(struct pprof_out *o, bool last)
{
	uint8_t head[5] = {last, (uint8_t)o->n, (uint8_t)(o->n >> 8), (uint8_t)~o->n,
			   (uint8_t)(~o->n >> 8)};

	out_raw(o, head, sizeof(head));
	out_raw(o, o->block, o->n);
	o->n = 0;
}

static uint32_t out_crc(uint32_t crc, uint8_t byte)
{
	crc ^= byte;
	for (int i = 0; i < 8; i++)
		crc = crc >> 1 ^ (-(crc & 1) & UINT32_C(0xedb88320));
	return crc;
}

static void out_bytes(struct pprof_out *o, const void *data, size_t bytes)
{
	const uint8_t *byte = data;

	for (size_t i = 0; i < bytes; i++) {
		if (o->n == PPROF_BLOCK)
			out_block(o, false);
		o->block[o->n++] = byte[i];
		o->crc = out_crc(o->crc, byte[i]);
		o->total++;
	}
}

static void out_end(struct pprof_out *o)
{
	uint32_t tail[2] = {~o->crc, o->total};
	uint8_t bytes[8];

	out_block(o, true);
	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(tail[i / 4] >> (i % 4 * 8));
	out_raw(o, bytes, sizeof(bytes));
}

/* ------------------------------------------------------------------- protobuf */

enum { PPROF_VARINT = 0, PPROF_BYTES = 2 };

struct pprof_message {
	uint32_t n;
	uint8_t byte[PPROF_MESSAGE];
};

static void msg_varint(struct pprof_message *m, uint64_t value)
{
	for (; value >= 128; value >>= 7)
		m->byte[m->n++] = (uint8_t)(value | 128);
	m->byte[m->n++] = (uint8_t)value;
}

static void msg_field(struct pprof_message *m, uint32_t tag, uint64_t value)
{
	msg_varint(m, tag << 3 | PPROF_VARINT);
	msg_varint(m, value);
}

static void msg_nested(struct pprof_message *m, uint32_t tag, const struct pprof_message *inner)
{
	msg_varint(m, tag << 3 | PPROF_BYTES);
	msg_varint(m, inner->n);
	memcpy(&m->byte[m->n], inner->byte, inner->n);
	m->n += inner->n;
}

/* Fields of the profile itself. */
static void out_field(struct pprof_out *o, uint32_t tag, const void *data, size_t bytes)
{
	struct pprof_message head = {0};

	msg_varint(&head, tag << 3 | PPROF_BYTES);
	msg_varint(&head, bytes);
	out_bytes(o, head.byte, head.n);
	out_bytes(o, data, bytes);
}

static void out_number(struct pprof_out *o, uint32_t tag, uint64_t value)
{
	struct pprof_message m = {0};

	msg_field(&m, tag, value);
	out_bytes(o, m.byte, m.n);
}

/* -------------------------------------------------------------------- profile */

enum { /* Profile */
       PROFILE_SAMPLE_TYPE = 1,
       PROFILE_SAMPLE = 2,
       PROFILE_MAPPING = 3,
       PROFILE_LOCATION = 4,
       PROFILE_FUNCTION = 5,
       PROFILE_STRING = 6,
       PROFILE_PERIOD_TYPE = 11,
       PROFILE_PERIOD = 12
};

enum { /* the fixed strings; then the file, then two a function */
       TEXT_NONE,
       TEXT_ALLOC_OBJECTS,
       TEXT_ALLOC_SPACE,
       TEXT_INUSE_OBJECTS,
       TEXT_INUSE_SPACE,
       TEXT_COUNT,
       TEXT_BYTES,
       TEXT_SPACE,
       TEXT_FILE,
       TEXT_FUNCTIONS
};
static const char *const pprof_text[TEXT_FILE] = {"",		  "alloc_objects", "alloc_space",
						  "inuse_objects", "inuse_space",   "count",
						  "bytes",	  "space"};

/* One address of the program; its id is its place in the table and one. */
struct pprof_location {
	uint32_t pc;
	uint32_t function; /* id; 0: unknown */
	const char *name;
};

struct pprof {
	struct pprof_out out;
	struct watch_profile_record *record;
	struct pprof_location *location;
	size_t records, records_bytes, locations, locations_bytes;
	struct prim_symbols symbols;
	bool named; /* symbols are there */
	struct prim_mapping mapping;
	uint64_t rate;
};

/* Heapsort by pc: no recursion, no memory. */
static void pprof_sift(struct pprof_location *l, size_t at, size_t n)
{
	for (size_t child; (child = 2 * at + 1) < n; at = child) {
		struct pprof_location swap = l[at];

		if (child + 1 < n && l[child + 1].pc > l[child].pc)
			child++;
		if (l[at].pc >= l[child].pc)
			return;
		l[at] = l[child];
		l[child] = swap;
	}
}

static void pprof_sort(struct pprof_location *l, size_t n)
{
	for (size_t i = n / 2; i-- > 0;)
		pprof_sift(l, i, n);
	while (n-- > 1) {
		struct pprof_location swap = l[0];

		l[0] = l[n];
		l[n] = swap;
		pprof_sift(l, 0, n);
	}
}

static struct pprof_location *pprof_location(const struct pprof *p, uint32_t pc)
{
	size_t low = 0, high = p->locations;

	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;

		if (p->location[mid].pc <= pc)
			low = mid;
		else
			high = mid;
	}
	return &p->location[low];
}

/* Each address once, in order, with the name of its function. */
static void pprof_locations(struct pprof *p)
{
	size_t n = 0, kept = 0;
	uint32_t functions = 0;

	for (size_t i = 0; i < p->records; i++)
		for (uint32_t k = 0; k < p->record[i].bucket->frames; k++)
			p->location[n++].pc = p->record[i].bucket->pc[k] - 1;
	pprof_sort(p->location, n);
	for (size_t i = 0; i < n; i++) {
		struct pprof_location *l = &p->location[kept], *before = kept != 0 ? l - 1 : NULL;

		if (before != NULL && before->pc == p->location[i].pc)
			continue;
		l->pc = p->location[i].pc;
		l->name = p->named ? prim_symbols_name(&p->symbols, l->pc) : NULL;
		/* Addresses of one function lie together. */
		l->function = l->name == NULL ? 0
			      : before != NULL && before->name == l->name ? before->function
									  : ++functions;
		kept++;
	}
	p->locations = kept;
}

static bool pprof_is_allocator(const char *name)
{
	static const char *const allocator[] = {"gc_alloc", "mrt_new", "mrt_new_array"};

	for (size_t i = 0; name != NULL && i < sizeof(allocator) / sizeof(allocator[0]); i++) {
		size_t n = strlen(allocator[i]);

		if (strncmp(name, allocator[i], n) == 0 && strcspn(name, ".") == n)
			return true;
	}
	return false;
}

/* Frames of the allocator, all innermost. */
static uint32_t pprof_hidden(const struct pprof *p, const struct watch_profile_bucket *b)
{
	uint32_t hidden = 0;

	for (uint32_t i = 0; i < b->frames && i < PPROF_ALLOCATORS; i++)
		if (pprof_is_allocator(pprof_location(p, b->pc[i] - 1)->name))
			hidden = i + 1;
	return hidden < b->frames ? hidden : 0;
}

/* scaleHeapSample */
static void pprof_scale(uint64_t count, uint64_t bytes, uint64_t rate, uint64_t ret[2])
{
	double scale = 1;

	if (rate > 1 && count != 0)
		scale = 1 / (1 - exp(-((double)bytes / (double)count) / (double)rate));
	ret[0] = (uint64_t)((double)count * scale);
	ret[1] = (uint64_t)((double)bytes * scale);
}

static void pprof_sample(struct pprof *p, const struct watch_profile_record *r)
{
	const struct watch_profile_bucket *b = r->bucket;
	struct pprof_message m = {0}, label = {0};
	uint64_t value[4];

	pprof_scale(r->counts.allocs, r->counts.alloc_bytes, p->rate, &value[0]);
	pprof_scale(r->counts.allocs - r->counts.frees, r->counts.alloc_bytes - r->counts.free_bytes,
		    p->rate, &value[2]);
	for (uint32_t i = pprof_hidden(p, b); i < b->frames; i++)
		msg_field(&m, 1, (uint64_t)(pprof_location(p, b->pc[i] - 1) - p->location) + 1);
	for (uint32_t i = 0; i < 4; i++)
		msg_field(&m, 2, value[i]);
	msg_field(&label, 1, TEXT_BYTES);
	msg_field(&label, 3, b->bytes);
	msg_nested(&m, 3, &label);
	out_field(&p->out, PROFILE_SAMPLE, m.byte, m.n);
}

static void pprof_value_type(struct pprof *p, uint32_t tag, uint32_t type, uint32_t unit)
{
	struct pprof_message m = {0};

	msg_field(&m, 1, type);
	msg_field(&m, 2, unit);
	out_field(&p->out, tag, m.byte, m.n);
}

static void pprof_mapping(struct pprof *p)
{
	struct pprof_message m = {0};
	bool named = p->named;

	for (size_t i = 0; i < p->locations; i++)
		named = named && p->location[i].name != NULL;
	msg_field(&m, 1, 1);
	msg_field(&m, 2, p->mapping.start);
	msg_field(&m, 3, p->mapping.limit);
	msg_field(&m, 4, p->mapping.offset);
	msg_field(&m, 5, TEXT_FILE);
	msg_field(&m, 7, named);
	out_field(&p->out, PROFILE_MAPPING, m.byte, m.n);
}

static void pprof_location_out(struct pprof *p, size_t i)
{
	struct pprof_message m = {0}, line = {0};
	const struct pprof_location *l = &p->location[i];

	msg_field(&m, 1, i + 1);
	msg_field(&m, 2, 1);
	msg_field(&m, 3, prim_program_start() + l->pc);
	msg_field(&line, 1, l->function);
	if (l->function != 0)
		msg_nested(&m, 4, &line);
	out_field(&p->out, PROFILE_LOCATION, m.byte, m.n);
}

/* The location is the first of its function. */
static bool pprof_first(const struct pprof *p, size_t i)
{
	return p->location[i].function != 0 &&
	       (i == 0 || p->location[i - 1].function != p->location[i].function);
}

static void pprof_function(struct pprof *p, uint32_t id)
{
	struct pprof_message m = {0};

	msg_field(&m, 1, id);
	msg_field(&m, 2, TEXT_FUNCTIONS + 2 * (id - 1));
	msg_field(&m, 3, TEXT_FUNCTIONS + 2 * (id - 1) + 1);
	out_field(&p->out, PROFILE_FUNCTION, m.byte, m.n);
}

/* As it was written, and as it is in the file: the compiler calls its versions of it `name.something`. */
static void pprof_name(struct pprof *p, const char *name)
{
	out_field(&p->out, PROFILE_STRING, name, strcspn(name, "."));
	out_field(&p->out, PROFILE_STRING, name, strlen(name));
}

static void pprof_strings(struct pprof *p)
{
	for (uint32_t i = 0; i < TEXT_FILE; i++)
		out_field(&p->out, PROFILE_STRING, pprof_text[i], strlen(pprof_text[i]));
	out_field(&p->out, PROFILE_STRING, p->mapping.file, strlen(p->mapping.file));
	for (size_t i = 0; i < p->locations; i++)
		if (pprof_first(p, i))
			pprof_name(p, p->location[i].name);
}

static void pprof_write(struct pprof *p)
{
	out_begin(&p->out);
	pprof_value_type(p, PROFILE_PERIOD_TYPE, TEXT_SPACE, TEXT_BYTES);
	out_number(&p->out, PROFILE_PERIOD, p->rate);
	pprof_value_type(p, PROFILE_SAMPLE_TYPE, TEXT_ALLOC_OBJECTS, TEXT_COUNT);
	pprof_value_type(p, PROFILE_SAMPLE_TYPE, TEXT_ALLOC_SPACE, TEXT_BYTES);
	pprof_value_type(p, PROFILE_SAMPLE_TYPE, TEXT_INUSE_OBJECTS, TEXT_COUNT);
	pprof_value_type(p, PROFILE_SAMPLE_TYPE, TEXT_INUSE_SPACE, TEXT_BYTES);
	for (size_t i = 0; i < p->records; i++)
		if (p->record[i].counts.allocs != 0)
			pprof_sample(p, &p->record[i]);
	pprof_mapping(p);
	for (size_t i = 0; i < p->locations; i++)
		pprof_location_out(p, i);
	for (size_t i = 0; i < p->locations; i++)
		if (pprof_first(p, i))
			pprof_function(p, p->location[i].function);
	pprof_strings(p);
	out_end(&p->out);
}

/* ---------------------------------------------------------------------- whole */

/* Never freed with no bytes, which there are none of. */
static void *pprof_pages(size_t count, size_t each, size_t *ret_bytes)
{
	*ret_bytes = count * each + 1;
	return prim_pages_alloc(*ret_bytes);
}

/* The records, and room for their addresses. Buckets may appear meanwhile: they are in the next profile. */
static int pprof_collect(struct pprof *p)
{
	size_t frames = 0, there = watch_profile_read(NULL, 0);

	p->record = pprof_pages(there, sizeof(*p->record), &p->records_bytes);
	if (p->record == NULL)
		return -ENOMEM;
	p->records = there;
	watch_profile_read(p->record, there);
	for (size_t i = 0; i < there; i++)
		frames += p->record[i].bucket->frames;
	p->location = pprof_pages(frames, sizeof(*p->location), &p->locations_bytes);
	if (p->location == NULL) {
		prim_pages_free(p->record, p->records_bytes);
		return -ENOMEM;
	}
	pprof_locations(p);
	return 0;
}

static int pprof_whole(struct pprof *p)
{
	int r;

	if (prim_program_mapping(&p->mapping) < 0)
		p->mapping = (struct prim_mapping){.start = prim_program_start()};
	p->named = prim_symbols_open(&p->symbols) == 0;
	r = pprof_collect(p);
	if (r == 0) {
		pprof_write(p);
		r = p->out.error;
		prim_pages_free(p->location, p->locations_bytes);
		prim_pages_free(p->record, p->records_bytes);
	}
	if (p->named)
		prim_symbols_close(&p->symbols);
	return r;
}

int mrt_heap_profile_write(int (*write)(void *arg, const void *data, size_t bytes), void *arg)
{
	struct pprof *p;
	int r;

	if (watch_profile_rate() == 0)
		return -ENOTSUP;
	p = prim_pages_alloc(sizeof(*p));
	if (p == NULL)
		return -ENOMEM;
	p->out.write = write;
	p->out.arg = arg;
	p->rate = watch_profile_rate();
	r = pprof_whole(p);
	prim_pages_free(p, sizeof(*p));
	return r;
}

uint64_t mrt_heap_profile_dropped(void)
{
	return watch_profile_dropped();
}
