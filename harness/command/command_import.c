/*
 * command_import.c: gcstorm import: a log in, a scenario out, and on standard error what was read,
 * what was skipped and why, and what was made of it.
 */
#include "harness/command/command_priv.h"
#include "harness/command/command_incident.h"
#include "harness/collect/collect.h"
#include "harness/import/import.h"
#include "harness/base/units.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define IMPORT_HINT                                                                                \
	"such a line begins with `gc 7 @1.234s 3%: 0.024+289+0.021 ms clock, …`; a Go program "    \
	"writes them to standard error: GODEBUG=gctrace=1 PROGRAM 2>LOG"

/* ---- in */

static int import_open(const char *path)
{
	struct stat st;
	if (strcmp(path, "-") == 0)
		return dup(STDIN_FILENO);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		close(fd);
		errno = EISDIR;
		return -1;
	}
	return fd;
}

static int import_unreadable(const char *path, int err)
{
	if (err == ENOENT)
		return gcs_command_usage(NULL, "there is no file '%s'", path);
	if (err == EISDIR)
		return gcs_command_usage("name one file; several: cat them into `gcstorm import -`",
					 "'%s' is a directory", path);
	return gcs_command_usage(NULL, "'%s' cannot be read: %s", path, strerror(err));
}

/* What kind of file has no cycle, from its first bytes. */
static int import_nothing(const char *name, const struct gcs_gctrace_log *log)
{
	const unsigned char *h = log->head;
	if (log->bytes == 0)
		return gcs_command_usage(IMPORT_HINT, "'%s' is empty", name);
	if ((h[0] == 0xff && h[1] == 0xfe) || (h[0] == 0xfe && h[1] == 0xff))
		return gcs_command_usage("iconv -f UTF-16 -t UTF-8 LOG | gcstorm import -",
					 "'%s' is UTF-16", name);
	if (h[0] == 0x1f && h[1] == 0x8b)
		return gcs_command_usage("zcat LOG | gcstorm import -",
					 "'%s' is compressed with gzip", name);
	if (h[0] == 0x28 && h[1] == 0xb5 && h[2] == 0x2f && h[3] == 0xfd)
		return gcs_command_usage("zstdcat LOG | gcstorm import -",
					 "'%s' is compressed with zstd", name);
	if (log->nul_bytes)
		return gcs_command_usage(IMPORT_HINT, "'%s' is not a text", name);
	return gcs_command_usage(IMPORT_HINT,
				 "no line of '%s' (%llu in all) is a cycle of gctrace that can be "
				 "used",
				 name, (unsigned long long)log->lines);
}

/* ---- what was read */

static void import_say_reasons(const struct gcs_gctrace_log *log)
{
	for (int r = 0; r < GCS_GCTRACE_REASONS; r++)
		if (log->reason[r].count)
			fprintf(stderr, "    %llu: %s (first on line %llu)\n",
				(unsigned long long)log->reason[r].count,
				gcs_gctrace_reason_text((enum gcs_gctrace_reason)r),
				(unsigned long long)log->reason[r].first_line);
}

static void import_say_read(const char *name, const struct gcs_gctrace_log *log)
{
	fprintf(stderr,
		"%s: %llu line%s: %u cycle%s, %llu of other traces of the runtime, %llu of something "
		"else, %llu not usable\n",
		name, (unsigned long long)log->lines, log->lines == 1 ? "" : "s", log->n,
		log->n == 1 ? "" : "s", (unsigned long long)log->runtime,
		(unsigned long long)log->other, (unsigned long long)log->broken);
	import_say_reasons(log);
	if (log->long_lines)
		fprintf(stderr, "    %llu: longer than %u KiB, read up to there\n",
			(unsigned long long)log->long_lines, GCS_GCTRACE_LINE_BYTES_MAX >> 10);
}

static void import_say_taken(const struct gcs_gctrace_log *log, const struct gcs_import *im)
{
	char span[GCS_UNIT_TEXT];
	if (log->nparts > 1)
		fprintf(stderr,
			"  number or time goes back %u time%s, as when a program starts again: the "
			"longest part is taken\n",
			log->nparts - 1, log->nparts == 2 ? "" : "s");
	fprintf(stderr,
		"  taken: %u cycles, gc %llu to %llu on lines %llu to %llu, in %s; %s\n", im->n,
		(unsigned long long)im->number_first, (unsigned long long)im->number_last,
		(unsigned long long)im->line_first, (unsigned long long)im->line_last,
		gcs_show_duration(span, im->span_ns / 1000000 * 1000000),
		im->scanned	 ? "Go 1.18 or later"
		: im->five_parts ? "Go 1.5"
				 : "Go 1.6 to 1.17");
	if (im->n < im->of)
		fprintf(stderr,
			"  of %u: a scenario holds so many, or %d hours; the stretch with most "
			"cycles is taken\n",
			im->of, GCS_IMPORT_HOURS);
	if (im->missing)
		fprintf(stderr,
			"  %llu cycle%s missing in %u place%s: each is thought to have allocated "
			"what those beside did\n",
			(unsigned long long)im->missing, im->missing == 1 ? "" : "s", im->gaps,
			im->gaps == 1 ? "" : "s");
}

static void import_say_gogc(const struct gcs_import *im)
{
	if (im->gogc < 0)
		fprintf(stderr, "  GOGC: off");
	else if (im->said == 0)
		fprintf(stderr, "  GOGC: %d, as no goal tells it (all are at the minimum)",
			im->gogc);
	else
		fprintf(stderr, "  GOGC: %d", im->gogc);
	fprintf(stderr, "; with it %u of %u goals are explained", im->explained, im->goals);
	if (im->changes)
		fprintf(stderr, ", with %u change%s", im->changes, im->changes == 1 ? "" : "s");
	fputc('\n', stderr);
	if (im->memlimit_mib > 0)
		fprintf(stderr,
			"  memory limit: about %.0f MiB, estimated: goals stay while live bytes "
			"change\n",
			im->memlimit_mib);
}

static void import_say_heap(const struct gcs_import *im)
{
	fprintf(stderr,
		"  heap: at most %.1f MiB live, goal %.0f MiB; %.1f MiB allocated a second (a tenth "
		"of the time more than %.1f)\n",
		im->live_mib, im->goal_mib, im->alloc_mib, im->alloc_p90_mib);
	fprintf(stderr, "  a cycle every %.3f s; %u forced; ", (double)im->period_ns * 1e-9,
		im->forced);
	if (im->procs_min != im->procs_max)
		fprintf(stderr, "P changes from %u to %u", im->procs_min, im->procs_max);
	else
		fprintf(stderr, "%u P", im->procs_first);
	fprintf(stderr, ", %u here\n", im->procs);
}

static void import_say_scales(const struct gcs_arguments *a, const struct gcs_import *im)
{
	double time = im->time_scale_milli / 1000.0, heap = im->heap_scale_milli / 1000.0;
	fprintf(stderr,
		"  time scale %.10g%s: %.1f s run in %.1f s, a cycle every %.3f s; heap scale "
		"%.10g%s: %.1f MiB live, %.1f MiB a second\n",
		time, a->value[GCS_OPT_TIME_SCALE] ? " (given)" : "", (double)im->span_ns * 1e-9,
		(double)im->run_ns * 1e-9, (double)im->period_ns * 1e-9 / time, heap,
		a->value[GCS_OPT_HEAP_SCALE] ? " (given)" : "", im->live_mib / heap,
		im->alloc_mib * time / heap);
	if (im->at_minimum)
		fprintf(stderr,
			"  %u cycle%s goals below the minimum once scaled: expect fewer of them\n",
			im->at_minimum, im->at_minimum == 1 ? " has a goal" : "s have");
	if (im->dense)
		fprintf(stderr, "  a tenth of the cycles follows within %d ms as it runs: expect "
			"them to join\n",
			(int)(GCS_IMPORT_PERIOD_NS / 1000000));
}

static json_t *import_reasons(const struct gcs_gctrace_log *log)
{
	json_t *list = json_array();
	for (int r = 0; r < GCS_GCTRACE_REASONS; r++)
		if (log->reason[r].count)
			json_array_append_new(
				list,
				json_pack("{s:s s:I s:I}", "reason",
					  gcs_gctrace_reason_text((enum gcs_gctrace_reason)r),
					  "count", (json_int_t)log->reason[r].count, "first_line",
					  (json_int_t)log->reason[r].first_line));
	return list;
}

/* The same as one object. NULL: no memory. */
static json_t *import_json(const char *name, const struct gcs_gctrace_log *log,
			   const struct gcs_import *im)
{
	return json_pack(
		"{s:s s:I s:I s:I s:I s:I s:o s:I s:{s:I s:I s:I s:I s:I s:I s:I s:I}"
		" s:{s:o s:I s:I s:I s:f} s:{s:f s:f s:f s:f s:I s:I} s:{s:f s:f s:I s:I}}",
		"source", name, "lines", (json_int_t)log->lines, "cycles", (json_int_t)log->n,
		"runtime", (json_int_t)log->runtime, "other", (json_int_t)log->other, "broken",
		(json_int_t)log->broken, "skipped", import_reasons(log), "parts",
		(json_int_t)log->nparts, "taken", "cycles", (json_int_t)im->n, "first_number",
		(json_int_t)im->number_first, "last_number", (json_int_t)im->number_last,
		"first_line", (json_int_t)im->line_first, "last_line", (json_int_t)im->line_last,
		"missing", (json_int_t)im->missing, "forced", (json_int_t)im->forced, "span_ns",
		(json_int_t)im->span_ns, "gogc", "percent",
		im->gogc < 0 ? json_null() : json_integer(im->gogc), "goals",
		(json_int_t)im->goals, "explained", (json_int_t)im->explained, "changes",
		(json_int_t)im->changes, "memlimit_mib", im->memlimit_mib, "heap", "live_mib",
		im->live_mib, "goal_mib", im->goal_mib, "alloc_mib_per_s", im->alloc_mib,
		"alloc_p90_mib_per_s", im->alloc_p90_mib, "period_ns", (json_int_t)im->period_ns,
		"procs", (json_int_t)im->procs_max, "run", "time_scale",
		im->time_scale_milli / 1000.0, "heap_scale", im->heap_scale_milli / 1000.0,
		"run_ns", (json_int_t)im->run_ns, "procs", (json_int_t)im->procs);
}

/* ---- out */

static int import_write(const char *path, const char *text)
{
	FILE *f = stdout;
	if (path && strcmp(path, "-") != 0) {
		int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		f = fd < 0 ? NULL : fdopen(fd, "w");
		if (!f && fd >= 0)
			close(fd);
	}
	if (!f && errno == EEXIST)
		return gcs_command_usage("name another, or remove it first",
					 "'%s' is there already", path);
	if (!f)
		return gcs_command_usage(NULL, "'%s' cannot be written: %s", path, strerror(errno));
	bool failed = fputs(text, f) < 0;
	failed |= (f == stdout ? fflush(f) : fclose(f)) != 0;
	if (!failed)
		return 0;
	int e = errno;
	if (f != stdout)
		unlink(path);
	fprintf(stderr, "gcstorm: the scenario cannot be written: %s\n", strerror(e));
	return GCS_EXIT_UNSUPPORTED;
}

static int import_scale(const struct gcs_arguments *a, enum gcs_option_id id, uint32_t *ret)
{
	const char *text = a->value[id];
	if (text && (gcs_parse_factor(text, ret) || *ret < 10 || *ret > 10000000))
		return gcs_command_usage("a factor from 0.01 to 10000, such as 20 or 2.5",
					 "--%s %s", gcs_options[id].name, text);
	return 0;
}

static int import_made(const struct gcs_arguments *a, const char *name,
		       const struct gcs_gctrace_log *log, const struct gcs_import *im,
		       const struct gcs_import_incident *incident)
{
	bool json = strcmp(a->format, "json") == 0;
	import_say_read(name, log);
	import_say_taken(log, im);
	import_say_gogc(im);
	import_say_heap(im);
	import_say_scales(a, im);
	command_incident_say(incident, im);
	int code = import_write(a->value[GCS_OPT_OUTPUT], im->text);
	if (code || !json)
		return code;
	json_t *j = import_json(name, log, im);
	if (j)
		json_object_set_new(j, "incident", command_incident_json(incident, im));
	if (!j || json_dumpf(j, stdout, JSON_INDENT(2)) || putchar('\n') < 0)
		code = GCS_EXIT_HARNESS;
	json_decref(j);
	return code;
}

/* One cycle is all there is: a scenario of what it says, as if it were typical. */
static int import_one(const struct gcs_arguments *a, const struct gcs_import_options *opt,
		      const struct gcs_gctrace_log *log)
{
	struct gcs_import_options again = *opt;
	struct gcs_gctrace_log repeated;
	struct gcs_import im;
	char source[160];
	int64_t period_ns;
	snprintf(source, sizeof source, "one cycle of %s, repeated", opt->source);
	again.source = source;
	int e = gcs_import_repeat(log, &repeated, &period_ns);
	if (e == 0)
		e = gcs_import(&repeated, &again, &im);
	import_say_read(opt->source, log);
	if (e == 0) {
		fprintf(stderr,
			"  only one cycle in a row: gc %llu is taken as typical and repeated %u times, every %.3g s\n"
			"  (its time divided by its number): an assumption. Two cycles say more\n",
			(unsigned long long)log->entry->cycle.number, GCS_IMPORT_REPEATS,
			(double)period_ns * 1e-9);
		e = import_made(a, source, &repeated, &im, opt->incident);
		gcs_import_fini(&im);
	} else {
		fputs("gcstorm: no memory\n", stderr);
		e = GCS_EXIT_UNSUPPORTED;
	}
	gcs_gctrace_log_fini(&repeated);
	return e;
}

static int import_log(const struct gcs_arguments *a, struct gcs_import_options *opt,
		      const struct gcs_gctrace_log *log)
{
	struct gcs_import im;
	if (log->n == 0) {
		import_say_read(opt->source, log);
		return import_nothing(opt->source, log);
	}
	int e = gcs_import(log, opt, &im);
	if (e == -ENODATA && a->value[GCS_OPT_TIMELINE]) {
		import_say_read(opt->source, log);
		return gcs_command_usage("without --timeline one cycle is taken as typical",
					 "'%s' has no two cycles in a row: no time to lay the timeline on",
					 opt->source);
	}
	if (e == -ENODATA)
		return import_one(a, opt, log);
	if (e == -EDOM) {
		import_say_read(opt->source, log);
		return gcs_command_usage("a larger `margin`, or none",
					 "less than two cycles of '%s' lie within the margin of the incident",
					 opt->source);
	}
	if (e == -ERANGE) {
		import_say_read(opt->source, log);
		return gcs_command_usage("a scenario lasts a day at most",
					 "no two cycles of '%s' are within %d hours", opt->source,
					 GCS_IMPORT_HOURS);
	}
	if (e) {
		fputs("gcstorm: no memory\n", stderr);
		return GCS_EXIT_UNSUPPORTED;
	}
	int code = import_made(a, opt->source, log, &im, opt->incident);
	gcs_import_fini(&im);
	return code;
}

int gcs_command_import(const struct gcs_arguments *a)
{
	const char *path = a->word[0], *slash = strrchr(path, '/'), *out = a->value[GCS_OPT_OUTPUT];
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct gcs_import_options opt = {.cpus = cpus > 0 ? (uint32_t)cpus : 1};
	struct gcs_gctrace_log log;
	struct command_incident incident;
	opt.source = strcmp(path, "-") == 0 ? "standard input" : slash ? slash + 1 : path;
	int code = import_scale(a, GCS_OPT_TIME_SCALE, &opt.time_scale_milli);
	if (code == 0)
		code = import_scale(a, GCS_OPT_HEAP_SCALE, &opt.heap_scale_milli);
	if (code == 0)
		code = command_incident_options(a, &incident);
	if (code)
		return code;
	if (strcmp(a->format, "json") == 0 && (!out || strcmp(out, "-") == 0))
		return gcs_command_usage("--output FILE for the scenario",
					 "with --format json, what was read goes to standard output");
	int fd = import_open(path);
	if (fd < 0)
		return import_unreadable(path, errno);
	gcs_gctrace_log_init(&log);
	int e = gcs_gctrace_log_read(&log, fd);
	close(fd);
	code = e == -ENOMEM ? (fputs("gcstorm: no memory\n", stderr), GCS_EXIT_UNSUPPORTED)
	       : e	    ? import_unreadable(path, -e)
			    : command_incident_join(a, &log, &incident);
	opt.incident = incident.given ? &incident.told : NULL;
	if (code == 0)
		code = import_log(a, &opt, &log);
	command_incident_fini(&incident);
	gcs_gctrace_log_fini(&log);
	return code;
}
