/*
 * bits.c: writing the pointer bitmap, 1 bit a word of heap.
 *
 * A word of bitmap covers 512 bytes and may hold the bits of neighbours in
 * the same span.  They are written by the same P, so load and store suffice;
 * a marker that reads the word meanwhile finds the neighbours' bits
 * unchanged.  A span begins at a word boundary: no word has two writers.
 */
#include "runtime/mem/mem_priv.h"

struct bits_writer {
	_Atomic uint64_t *word;
	uint64_t acc;  /* the low `fill` bits of *word to be */
	uint32_t fill; /* 0..63 */
};

static inline uint64_t bits_low(uint32_t n)
{
	return n >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << n) - 1;
}

static void bits_begin(struct bits_writer *w, size_t at)
{
	w->word = &mem_layout.bits[at / 64];
	w->fill = at % 64;
	/* Relaxed: single writer. */
	w->acc = atomic_load_explicit(w->word, memory_order_relaxed) & bits_low(w->fill);
}

/* Append n bits (1..64); those above are zero. */
static inline void bits_put(struct bits_writer *w, uint64_t bits, uint32_t n)
{
	uint32_t room = 64 - w->fill;

	w->acc |= bits << w->fill;
	if (n < room) {
		w->fill += n;
		return;
	}
	atomic_store_explicit(w->word++, w->acc, memory_order_relaxed);
	w->acc = room < 64 ? bits >> room : 0;
	w->fill = n - room;
}

static void bits_end(struct bits_writer *w)
{
	uint64_t old;

	if (w->fill == 0)
		return;
	old = atomic_load_explicit(w->word, memory_order_relaxed);
	atomic_store_explicit(w->word, w->acc | (old & ~bits_low(w->fill)), memory_order_relaxed);
}

static void bits_put_zero(struct bits_writer *w, size_t n)
{
	for (; n >= 64; n -= 64)
		bits_put(w, 0, 64);
	if (n != 0)
		bits_put(w, 0, (uint32_t)n);
}

/* One element longer than a word of bitmap. */
static void bits_put_long(struct bits_writer *w, size_t elem_words, uint32_t ptr_words,
			  const uint64_t *mask)
{
	uint32_t i = 0;

	for (; i + 64 <= ptr_words; i += 64)
		bits_put(w, mask[i / 64], 64);
	if (i < ptr_words)
		bits_put(w, mask[i / 64] & bits_low(ptr_words - i), ptr_words - i);
	bits_put_zero(w, elem_words - ptr_words);
}

/* n elements of at most 64 words: as many at a time as one word holds. */
static void bits_put_short(struct bits_writer *w, uint32_t elem_words, uint64_t one, size_t n)
{
	uint32_t batch = 64 / elem_words;
	uint64_t many = 0;

	if (n >= batch) {
		for (uint32_t i = 0; i < batch; i++)
			many |= one << (i * elem_words);
		for (; n >= batch; n -= batch)
			bits_put(w, many, batch * elem_words);
	}
	for (; n > 0; n--)
		bits_put(w, one, elem_words);
}

void mem_bits_set(void *obj, size_t slot_bytes, size_t elem_bytes, uint32_t ptr_words,
		  const uint64_t *mask, size_t n)
{
	size_t elem_words = elem_bytes / 8;
	struct bits_writer w;

	mem_must(elem_bytes % 8 == 0 && ptr_words <= elem_words &&
			 n <= slot_bytes / (elem_bytes ? elem_bytes : 1),
		 "mem: layout does not fit its object");
	bits_begin(&w, ((uintptr_t)obj - mem_layout.base) / 8);
	if (ptr_words == 0)
		n = 0;
	if (n != 0 && elem_words <= 64)
		bits_put_short(&w, (uint32_t)elem_words, mask[0] & bits_low(ptr_words), n);
	else
		for (size_t i = 0; i < n; i++)
			bits_put_long(&w, elem_words, ptr_words, mask);
	bits_put_zero(&w, slot_bytes / 8 - n * elem_words);
	bits_end(&w);
}
