/* test_hand.c: numbers, rates and limits changed by hand: as the screen of the run shows them, as its record holds them, and as playback
 * shows them at any moment. */
#include "tests/unit/test_run_fixture.h"

#include "harness/playback/playback.h"
#include "harness/record/record_read.h"

#include <math.h>

/* What a screen shows of all that a hand can change. */
struct seen {
	int64_t t_ns;
	char what[2][128];
	uint64_t times[2];
	int64_t limit_ns[2];
	bool armed[2], by_hand[2];
	double rate[2];
};

static struct seen look(const struct gcs_snapshot *s)
{
	struct seen v = {.t_ns = s->now_ns};
	for (int i = 0; i < 2; i++) {
		snprintf(v.what[i], sizeof v.what[i], "%s", s->fault[i].what);
		v.times[i] = s->fault[i].times;
		v.limit_ns[i] = s->fault[i].limit_ns;
		v.armed[i] = s->fault[i].armed;
		v.by_hand[i] = s->fault[i].operator_act;
		v.rate[i] = s->work[i].rate_wanted;
	}
	return v;
}

/* what: of faults that were not edited a record has other words. */
static void same(const struct seen *live, const struct gcs_snapshot *s, bool edited)
{
	struct seen v = look(s);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(v.times[i], live->times[i]);
		assert_int_equal(v.limit_ns[i], live->limit_ns[i]);
		assert_int_equal(v.armed[i], live->armed[i]);
		assert_int_equal(v.by_hand[i], live->by_hand[i]);
		assert_true(fabs(v.rate[i] - live->rate[i]) < 1e-9);
	}
	if (edited)
		assert_string_equal(v.what[0], live->what[0]);
}

/* By an operator, in the target; the harness has written it down. */
static void hand_arm(struct run *r, uint32_t fault, bool on)
{
	run_emit(r, (struct watch_record){.kind = WATCH_ARM, .a = fault, .b = 0, .c = on, .d = 1});
	atomic_store(&r->tel->fault[fault].armed, on);
}

/* At a moment; what comes next comes a tick later. */
static struct seen at(struct run *r, int64_t t_s)
{
	run_until(r, t_s * S_NS);
	struct seen v = look(gcs_collect_snapshot(r->c));
	run_tick(r);
	return v;
}

static double ask(const char *path, const char *sql)
{
	char *text = NULL;
	sqlite3 *db;
	sqlite3_stmt *q;
	assert_int_equal(gcs_record_read(path, &db, &text), 0);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &q, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	double v = sqlite3_column_double(q, 0);
	sqlite3_finalize(q);
	sqlite3_close(db);
	return v;
}

static void test_a_hand_in_a_run(void **state)
{
	static struct run r;
	struct seen live[5];
	struct gcs_fault now;
	char *text = NULL;
	(void)state;
	run_init(&r);
	r.s->fault[0].times = 500;
	run_start(&r);
	live[0] = at(&r, 12);
	assert_string_equal(live[0].what[0], "fail p=0.02");
	assert_int_equal(live[0].times[0], 500);
	assert_false(gcs_collect_snapshot(r.c)->operator_modified);

	gcs_collect_operator(r.c, "ctl", "arm", 0, "for 5s");
	gcs_collect_limit(r.c, 0, r.now_ns + 5 * S_NS);
	hand_arm(&r, 0, true);
	live[1] = at(&r, 13);
	assert_true(live[1].armed[0] && live[1].by_hand[0]);
	assert_int_equal(live[1].limit_ns[0], live[0].t_ns + TICK_NS + 5 * S_NS);

	now = r.s->fault[0];
	now.p_ppb = 0;
	now.every = 30;
	now.times = 7;
	gcs_collect_edit(r.c, "ctl", 0, &now, "probability=none,every=30,times=7");
	gcs_collect_rate(r.c, "screen", 1, 12500);
	live[2] = at(&r, 15);
	assert_string_equal(live[2].what[0], "fail every 30");
	assert_int_equal(live[2].times[0], 7);
	assert_true(fabs(live[2].rate[1] - 12500) < 1e-9 && fabs(live[2].rate[0] - 1000) < 1e-9);

	hand_arm(&r, 0, false);
	gcs_collect_time_up(r.c, 0, 5 * S_NS);
	live[3] = at(&r, 19);
	assert_int_equal(live[3].limit_ns[0], -1);

	now.times = 0;
	gcs_collect_edit(r.c, "ctl", 0, &now, "times=none");
	gcs_collect_rate(r.c, "ctl", 1, 200);
	live[4] = at(&r, 25);
	assert_int_equal(live[4].times[0], 0);
	assert_true(gcs_collect_snapshot(r.c)->operator_modified);
	run_until(&r, 32 * S_NS);
	run_end(&r);

	assert_int_equal((int)ask(r.path, "SELECT count(*) FROM operator"), 5);
	assert_int_equal((int)ask(r.path, "SELECT count(*) FROM operator WHERE act='edit' AND fault=0 AND source='ctl' AND "
					  "text='probability=none,every=30,times=7, now fail every 30'"),
			 1);
	assert_int_equal((int)ask(r.path, "SELECT count(*) FROM operator WHERE act='rate' AND fault=-1 AND text='net 12.5k/s'"), 1);
	assert_int_equal((int)ask(r.path, "SELECT count(*) FROM events WHERE text='time limit: oom is disarmed after 5s by hand'"), 1);
	assert_int_equal((int)ask(r.path, "SELECT count(*) FROM events WHERE text LIKE 'operator (ctl): edit oom: probability=none%'"), 1);

	struct gcs_playback *p = NULL;
	assert_int_equal(gcs_playback_open(&p, r.path, &text), 0);
	for (int round = 0; round < 2; round++) /* forwards, and backwards */
		for (int i = 0; i < 5; i++) {
			int k = round ? 4 - i : i;
			const struct gcs_snapshot *s = gcs_playback_at(p, live[k].t_ns);
			same(&live[k], s, k >= 2);
			assert_true(s->operator_modified); /* of the whole run */
		}
	gcs_playback_close(p);
	run_fini(&r);
}

/* Records of others: an edit that says nothing of what is now, a rate of no workload, acts that are not known. */
static void test_odd_rows(void **state)
{
	static const char *const rows[] = {
		"INSERT INTO operator VALUES(1000000000, 'ctl', 'edit', 0, 'times=9')",
		"INSERT INTO operator VALUES(1000000000, 'ctl', 'edit', 77, 'times=9')",
		"INSERT INTO operator VALUES(1000000000, 'ctl', 'edit', NULL, NULL)",
		"INSERT INTO operator VALUES(1000000000, 'ctl', 'edit', 0, ',,=,times=,times=x,')",
		"INSERT INTO operator VALUES(1000000000, 'ctl', 'rate', -1, 'nowhere 5/s')",
		"INSERT INTO operator VALUES(1000000000, 'ctl', 'rate', -1, 'net')",
		"INSERT INTO operator VALUES(1000000000, 'ctl', 'rate', -1, 'net fast')",
		"INSERT INTO operator VALUES(1000000000, 'ctl', 'arm', 0, 'for ever')",
		"INSERT INTO operator VALUES(1000000000, 'ctl', 'juggle', 0, 'x')",
		"INSERT INTO operator VALUES(2000000000, 'ctl', 'rate', -1, 'net 5/s')",
	};
	static struct run r;
	char *text = NULL;
	sqlite3 *db;
	(void)state;
	run_init(&r);
	r.s->fault[0].times = 500;
	run_start(&r);
	run_until(&r, 32 * S_NS);
	run_end(&r);
	assert_int_equal(sqlite3_open(r.path, &db), SQLITE_OK);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(sqlite3_exec(db, rows[i], NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	struct gcs_playback *p = NULL;
	assert_int_equal(gcs_playback_open(&p, r.path, &text), 0);
	const struct gcs_snapshot *s = gcs_playback_at(p, 1500 * MS_NS);
	assert_int_equal(s->fault[0].times, 9);
	assert_true(strlen(s->fault[0].what) > 0);
	assert_int_equal(s->fault[0].limit_ns, -1);
	assert_true(fabs(s->work[1].rate_wanted - 1000) < 1e-9);
	s = gcs_playback_at(p, 3 * S_NS);
	assert_true(fabs(s->work[1].rate_wanted - 5) < 1e-9);
	gcs_playback_close(p);
	run_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_hand_in_a_run),
		cmocka_unit_test(test_odd_rows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
