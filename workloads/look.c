/* look.c: see look.h. Relaxed stores all over: one writer, and the reader takes each word on its own. */
#include "workloads/look.h"

static void look_put32(_Atomic uint32_t *to, uint32_t value)
{
	atomic_store_explicit(to, value, memory_order_relaxed);
}

static void look_put(_Atomic uint64_t *to, uint64_t value)
{
	atomic_store_explicit(to, value, memory_order_relaxed);
}

static void look_size(const struct mrt_map_info *info, uint64_t bytes, struct watch_map *ret)
{
	look_put(&ret->count, info->count);
	look_put32(&ret->b, info->b);
	look_put(&ret->overflow, info->overflow);
	look_put(&ret->load_milli, info->load_milli);
	look_put(&ret->bytes, bytes);
}

static void look_growth(const struct mrt_map_info *info, const struct mrt_map_growths *growths,
			struct watch_map *ret)
{
	look_put32(&ret->growing, !info->growing ? 0 : info->same_size ? 2 : 1);
	look_put(&ret->old_buckets, info->old_buckets);
	look_put(&ret->evacuated, info->evacuated);
	look_put(&ret->grown, growths->doubled);
	look_put(&ret->regrown, growths->same_size);
}

void work_look_map(const mrt_map *m, const struct mrt_map_growths *growths, struct watch_map *ret)
{
	struct mrt_map_info info;

	mrt_map_inspect(m, &info);
	look_size(&info, info.bucket_bytes, ret);
	look_growth(&info, growths, ret);
	look_put32(&ret->kind, WATCH_MAP_CLASSIC);
}

void work_look_sync_map(mrt_sync_map *m, const struct mrt_map_growths *growths, struct watch_map *ret)
{
	struct mrt_sync_map_parts parts;

	mrt_sync_map_look(m, &parts);
	look_size(&parts.read, parts.read.bucket_bytes + parts.dirty.bucket_bytes, ret);
	look_growth(&parts.dirty, growths, ret);
	look_put32(&ret->amended, parts.amended);
	look_put(&ret->misses, parts.misses);
	look_put(&ret->dirty, parts.dirty.count);
	look_put32(&ret->kind, WATCH_MAP_SYNC);
}
