/*
 * test_sched_sim.c: in the simulation the scheduler repeats itself: same seed, same hash.
 *
 * Each run is a process of its own, since a process has one event sequence.
 */
#include "runtime/sched/sched.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define US INT64_C(1000)
#define MS INT64_C(1000000)

static uint64_t seed = 1;

/* ------------------------------------------------------------ a collector's hooks */

static void hook_scan_self(struct sched_g *g)
{
	(void)g;
}

static struct sched_g *hook_find_worker(struct sched_p *p, bool idle)
{
	(void)p;
	(void)idle;
	return NULL;
}

static int hook_p_init(struct sched_p *p)
{
	(void)p;
	return 0;
}

static void hook_p_fini(struct sched_p *p)
{
	(void)p;
}

static _Atomic uint32_t sysmon_ticks;

static void hook_sysmon(int64_t now_ns)
{
	(void)now_ns;
	atomic_fetch_add(&sysmon_ticks, 1);
}

static const struct sched_gc_hooks hooks = {
	.scan_self = hook_scan_self,
	.find_worker = hook_find_worker,
	.p_init = hook_p_init,
	.p_fini = hook_p_fini,
	.sysmon = hook_sysmon,
};

/* --------------------------------------------------------------- a bit of it all */

#define CONNS 4

struct mix {
	mrt_wg wg;
	mrt_mutex mutex;
	mrt_conn *conns[CONNS];
	_Atomic uint32_t next, next_conn;
	uint32_t turns, replies;
};

static void mix_call(struct sched_p *p, void *arg)
{
	(void)arg;
	prim_sim_fold(p->id);
}

static void mix_turn(mrt_g *g, struct mix *m, uint32_t i)
{
	struct sched_stw stw;

	prim_step_n(PRIM_COST_WORK, 300 + i % 7 * 100);
	switch (i % 6) {
	case 0:
		mrt_yield(g);
		break;
	case 1:
		mrt_lock(g, &m->mutex);
		m->turns++;
		mrt_safepoint(g);
		mrt_unlock(g, &m->mutex);
		break;
	case 2:
		mrt_sleep_until(g, mrt_now_ns() + 7 * US);
		break;
	case 3:
		mrt_block_enter(g);
		prim_sleep_until(prim_now_ns() + 25 * US);
		mrt_block_exit(g);
		break;
	case 4:
		sched_stop_world(sched_of(g), SCHED_STW_OTHER, &stw);
		sched_start_world(sched_of(g), &stw, 0, 0);
		break;
	default:
		sched_for_each_p(sched_of(g), mix_call, NULL);
	}
}

static void mix_one(mrt_g *g, void *arg)
{
	struct mix *m = arg;
	uint32_t start = atomic_fetch_add(&m->next, 1);

	for (uint32_t i = start; i < start + 60; i++)
		mix_turn(g, m, i);
	mrt_wg_done(g, &m->wg);
}

static void mix_serve(mrt_g *g, void *arg)
{
	struct mix *m = arg;
	mrt_conn *c = m->conns[atomic_fetch_add(&m->next_conn, 1)];
	char buf[32];

	while (mrt_conn_read(g, c, buf, sizeof(buf)) > 0)
		mrt_conn_write_all(g, c, buf, sizeof(buf));
	mrt_conn_close(g, c);
	mrt_wg_done(g, &m->wg);
}

static void mix_reply(void *arg, uint32_t conn, int64_t intended_ns, int64_t done_ns,
		      const void *reply)
{
	struct mix *m = arg;

	(void)conn;
	(void)intended_ns;
	(void)done_ns;
	(void)reply;
	m->replies++;
}

static void mix_main(mrt_g *g, void *arg)
{
	struct mix *m = arg;
	struct prim_peer_options peer = {
		.conns = CONNS,
		.start_ns = mrt_now_ns(),
		.stop_ns = mrt_now_ns() + 2 * MS,
		.period_ns = 20 * US,
		.request_bytes = 32,
		.reply_bytes = 32,
		.on_reply = mix_reply,
		.arg = m,
	};
	prim_conn *conns[CONNS];

	if (prim_peer_start(&peer, conns) < 0)
		_exit(3);
	mrt_wg_add(&m->wg, 40 + CONNS); /* the servers end when their clients hang up */
	for (int i = 0; i < CONNS; i++)
		if (mrt_conn_open(g, conns[i], &m->conns[i]) < 0 ||
		    mrt_go(g, mix_serve, m, NULL) < 0)
			_exit(3);
	for (int i = 0; i < 40; i++)
		if (mrt_go(g, mix_one, m, NULL) < 0)
			_exit(3);
	mrt_wg_wait(g, &m->wg);
}

/* A whole process: two lives of the scheduler one after the other; `threads` at most (0: enough). */
static void mix_process(uint32_t procs, uint64_t with_seed, uint32_t threads, int fd)
{
	struct prim_options prim = {.seed = with_seed, .max_threads = threads};
	struct sched_options opt = {.procs = procs, .seed = with_seed, .gc = &hooks};
	uint64_t hash;

	if (prim_init(&prim) < 0)
		_exit(2);
	for (int life = 0; life < 2; life++) {
		struct mix m = {0};

		if (sched_init(&opt) < 0 || sched_main(mix_main, &m) < 0)
			_exit(2);
		sched_fini();
		if (m.turns != 400 || m.replies != 100)
			_exit(4);
	}
	hash = prim_sim_hash();
	_exit(write(fd, &hash, sizeof(hash)) == sizeof(hash) ? 0 : 2);
}

static uint64_t mix_hash(uint32_t procs, uint64_t with_seed, uint32_t threads)
{
	uint64_t hash = 0;
	int fds[2], status;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		mix_process(procs, with_seed, threads, fds[1]);
	close(fds[1]);
	assert_int_equal(read(fds[0], &hash, sizeof(hash)), sizeof(hash));
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	return hash;
}

static void test_same_again(void **state)
{
	(void)state;
	for (uint32_t procs = 1; procs <= 8; procs *= 2) {
		uint64_t first = mix_hash(procs, seed, 0);

		assert_true(first == mix_hash(procs, seed, 0));
		assert_true(first != mix_hash(procs, seed + 1, 0));
	}
}

/* The first M and sysmon, and one, two more: the system has no other. Everything ends all the same. */
static void test_few_threads(void **state)
{
	(void)state;
	for (uint32_t threads = 2; threads <= 4; threads++)
		for (uint32_t i = 0; i < 5; i++)
			assert_true(mix_hash(4, seed + i, threads) ==
				    mix_hash(4, seed + i, threads));
}

/* ------------------------------------------------------------------ nothing to do */

struct quiet {
	uint32_t ticks;
};

static void quiet_main(mrt_g *g, void *arg)
{
	struct quiet *q = arg;
	int64_t start = mrt_now_ns();
	uint32_t before = atomic_load(&sysmon_ticks);

	/* A virtual day. */
	mrt_sleep_until(g, start + 86400 * 1000 * MS);
	q->ticks = atomic_load(&sysmon_ticks) - before;
	if (mrt_now_ns() > start + 86400 * 1000 * MS + 100 * US)
		_exit(3);
}

static void quiet_process(void)
{
	struct prim_options prim = {.seed = seed};
	struct sched_options opt = {.procs = 4, .seed = seed, .gc = &hooks};
	struct quiet q = {0};

	if (prim_init(&prim) < 0 || sched_init(&opt) < 0 || sched_main(quiet_main, &q) < 0)
		_exit(2);
	sched_fini();
	/* Some ticks until it sleeps deeply, a few minutes' ones, and none after. */
	_exit(q.ticks >= 50 && q.ticks < 200 ? 0 : 4);
}

static void test_deep_sleep(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		quiet_process();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_again),
		cmocka_unit_test(test_few_threads),
		cmocka_unit_test(test_deep_sleep),
	};
	const char *text = getenv("GCS_TEST_SEED");

	if (text != NULL)
		seed = strtoull(text, NULL, 0);
	printf("# seed %llu\n", (unsigned long long)seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
