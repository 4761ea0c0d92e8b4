/*
 * command.c: arguments against the table, and help from it.
 */
#include "harness/command/command_priv.h"
#include "harness/collect/collect.h"
#include "harness/base/suggest.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

int gcs_command_usage(const char *hint, const char *fmt, ...)
{
	va_list ap;
	fputs("gcstorm: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	if (hint)
		fprintf(stderr, "  hint: %s\n", hint);
	return GCS_EXIT_USAGE;
}

/* "did you mean 'X'?" or NULL. */
static const char *command_near(char *hint, size_t cap, const char *dashes, const char *word,
				const void *list, size_t n, size_t stride)
{
	const char *near = gcs_suggest(word, list, n, stride);
	if (near)
		snprintf(hint, cap, "did you mean '%s%s'?", dashes, near);
	return near ? hint : NULL;
}

/* ---- help */

static void command_help_options(const struct gcs_command *c, FILE *out)
{
	if (c->options)
		fputs("\nOptions:\n", out);
	for (int i = 0; i < GCS_OPTIONS; i++) {
		const struct gcs_option *o = &gcs_options[i];
		char text[64];
		if (!(c->options & GCS_OPTION_BIT(i)))
			continue;
		snprintf(text, sizeof text, "%c%c%s --%s%s%s", o->letter ? '-' : ' ',
			 o->letter ? o->letter : ' ', o->letter ? "," : " ", o->name,
			 o->arg ? " " : "", o->arg ? o->arg : "");
		fprintf(out, "  %-24s %s\n", text, o->about);
	}
}

static void command_help_one(const struct gcs_command *c, FILE *out)
{
	fprintf(out, "Usage: gcstorm %s%s%s%s\n\nTo %s.\n", c->name,
		c->options ? " [OPTION]..." : "", *c->args ? " " : "", c->args, c->about);
	if (*c->detail)
		fprintf(out, "%s\n", c->detail);
	command_help_options(c, out);
}

static void command_help_all(FILE *out)
{
	fputs("Usage: gcstorm COMMAND [OPTION]... [ARGUMENT]...\n\nShakes a managed runtime and "
	      "watches it recover.\n\nCommands:\n",
	      out);
	for (size_t i = 0; i < gcs_commands_count; i++) {
		char text[80];
		snprintf(text, sizeof text, "%s %s", gcs_commands[i].name, gcs_commands[i].args);
		fprintf(out, "  %-46s %s\n", text, gcs_commands[i].about);
	}
	fputs("\n`gcstorm help COMMAND` says more. Results go to standard output, progress to "
	      "standard error.\n",
	      out);
}

const struct gcs_command *gcs_command_find(const char *name)
{
	for (size_t i = 0; i < gcs_commands_count; i++)
		if (strcmp(gcs_commands[i].name, name) == 0)
			return &gcs_commands[i];
	return NULL;
}

int gcs_command_unknown(const char *name)
{
	char hint[96];
	const char *near = command_near(hint, sizeof hint, "", name, &gcs_commands[0].name,
					gcs_commands_count, sizeof gcs_commands[0]);
	return gcs_command_usage(near ? near : "`gcstorm help` lists the commands",
				 "unknown command '%s'", name);
}

int gcs_command_help(const struct gcs_arguments *a)
{
	if (a->nwords == 0) {
		command_help_all(stdout);
		return 0;
	}
	const struct gcs_command *c = gcs_command_find(a->word[0]);
	if (!c)
		return gcs_command_unknown(a->word[0]);
	command_help_one(c, stdout);
	return 0;
}

/* ---- parsing */

struct command_cursor {
	int argc;
	char **argv;
	int at;
	struct gcs_arguments *a;
};

static int command_set(struct gcs_arguments *a, const char *text)
{
	/* The pair is cut in a copy that lives as long as the process: it is the command line. */
	char *copy = strdup(text), *eq = copy ? strchr(copy, '=') : NULL;
	if (!eq || eq == copy || !eq[1]) {
		free(copy);
		return gcs_command_usage("--set workload.maps.keys=10k",
					 "--set wants KEY=VALUE, not '%s'", text);
	}
	if (a->nsets == GCS_SETS_MAX) {
		free(copy);
		return gcs_command_usage(NULL, "more than %d --set", GCS_SETS_MAX);
	}
	*eq = '\0';
	a->set[a->nsets++] = (struct gcs_override){copy, eq + 1};
	return 0;
}

static int command_fault(struct gcs_arguments *a, const char *text)
{
	if (!*text)
		return gcs_command_usage("--fault gc/write:every=50k",
					 "--fault wants POINT:key=value,…");
	if (a->nsets == GCS_SETS_MAX)
		return gcs_command_usage(NULL, "more than %d --set and --fault", GCS_SETS_MAX);
	char *key = strdup(GCS_OVERRIDE_FAULT);
	if (!key)
		return GCS_EXIT_UNSUPPORTED;
	a->set[a->nsets++] = (struct gcs_override){key, text};
	return 0;
}

static int command_lay(struct gcs_arguments *a, const char *key, const char *value)
{
	char *copy = strdup(key);
	if (!copy)
		return GCS_EXIT_UNSUPPORTED;
	if (a->nsets == GCS_SETS_MAX) {
		free(copy);
		return gcs_command_usage(NULL, "more than %d --set, --fault and --target", GCS_SETS_MAX);
	}
	a->set[a->nsets++] = (struct gcs_override){copy, value};
	return 0;
}

/* --target go=PATH: laid over as one --set or two, so that the record knows. */
static int command_target(struct gcs_arguments *a, const char *text)
{
	const char *toolchain = gcs_target_toolchain(text);
	if (!toolchain)
		return command_lay(a, "target.runtime", text);
	int e = *toolchain ? command_lay(a, "target.runtime", "go")
			: gcs_command_usage("--target go=/usr/local/go/bin/go", "--target go= wants the toolchain's program");
	return e ? e : command_lay(a, "target.go", toolchain);
}

static int command_take(struct gcs_arguments *a, int id, const char *value)
{
	const struct gcs_option *o = &gcs_options[id];
	if (id == GCS_OPT_SET)
		return command_set(a, value);
	if (id == GCS_OPT_FAULT)
		return command_fault(a, value);
	if (id == GCS_OPT_TARGET)
		return command_target(a, value);
	if (a->value[id] && !o->many)
		return gcs_command_usage(NULL, "--%s is given twice", o->name);
	a->value[id] = value ? value : "";
	if (id != GCS_OPT_FORMAT)
		return 0;
	if (strcmp(value, "text") != 0 && strcmp(value, "json") != 0)
		return gcs_command_usage("--format text or --format json",
					 "there is no format '%s'", value);
	a->format = value;
	return 0;
}

static int command_unknown_option(const struct command_cursor *c, const char *shown,
				  const char *name)
{
	const char *known[GCS_OPTIONS];
	char hint[96];
	size_t n = 0;
	for (int i = 0; i < GCS_OPTIONS; i++)
		if (c->a->command->options & GCS_OPTION_BIT(i))
			known[n++] = gcs_options[i].name;
	const char *near = command_near(hint, sizeof hint, "--", name, known, n, sizeof known[0]);
	if (!near)
		snprintf(hint, sizeof hint, "`gcstorm help %s` lists its options",
			 c->a->command->name);
	return gcs_command_usage(hint, "%s has no option '%s'", c->a->command->name, shown);
}

/* --name, --name=value, --name value */
static int command_long(struct command_cursor *c, const char *text)
{
	size_t n = strcspn(text, "=");
	char name[64];
	snprintf(name, sizeof name, "%.*s", (int)(n < 63 ? n : 63), text);
	for (int i = 0; i < GCS_OPTIONS; i++) {
		const struct gcs_option *o = &gcs_options[i];
		if (strcmp(o->name, name) != 0 ||
		    !((c->a->command->options | GCS_OPTION_BIT(GCS_OPT_HELP)) & GCS_OPTION_BIT(i)))
			continue;
		if (!o->arg && text[n] == '=')
			return gcs_command_usage(NULL, "--%s takes no value", o->name);
		if (!o->arg || text[n] == '=')
			return command_take(c->a, i, o->arg ? text + n + 1 : NULL);
		if (c->at == c->argc)
			return gcs_command_usage(NULL, "--%s wants %s", o->name, o->arg);
		return command_take(c->a, i, c->argv[c->at++]);
	}
	char shown[68];
	snprintf(shown, sizeof shown, "--%s", name);
	return command_unknown_option(c, shown, name);
}

/* -x, -xVALUE, -x VALUE */
static int command_short(struct command_cursor *c, const char *text)
{
	for (int i = 0; i < GCS_OPTIONS; i++) {
		const struct gcs_option *o = &gcs_options[i];
		if (o->letter != text[1] ||
		    !((c->a->command->options | GCS_OPTION_BIT(GCS_OPT_HELP)) & GCS_OPTION_BIT(i)))
			continue;
		if (!o->arg && text[2])
			return gcs_command_usage(NULL, "-%c takes no value", o->letter);
		if (!o->arg || text[2])
			return command_take(c->a, i, o->arg ? text + 2 : NULL);
		if (c->at == c->argc)
			return gcs_command_usage(NULL, "-%c wants %s", o->letter, o->arg);
		return command_take(c->a, i, c->argv[c->at++]);
	}
	return command_unknown_option(c, text, text + 1);
}

static int command_words(struct command_cursor *c)
{
	bool only_words = false;
	int max = c->a->command->max > GCS_WORDS_MAX ? c->a->command->max : GCS_WORDS_MAX;
	while (c->at < c->argc) {
		const char *text = c->argv[c->at++];
		int e = 0;
		if (!only_words && strcmp(text, "--") == 0)
			only_words = true, c->a->dashes = c->a->nwords;
		else if (!only_words && strncmp(text, "--", 2) == 0)
			e = command_long(c, text + 2);
		else if (!only_words && text[0] == '-' && text[1])
			e = command_short(c, text);
		else if (c->a->nwords < max)
			c->a->word[c->a->nwords++] = text;
		else
			e = gcs_command_usage(NULL, "too many arguments");
		if (e)
			return e;
	}
	return 0;
}

static int command_count(const struct gcs_arguments *a)
{
	const struct gcs_command *c = a->command;
	if (a->nwords < c->min)
		return gcs_command_usage(NULL, "%s wants %s", c->name, c->args);
	if (a->nwords > c->max)
		return gcs_command_usage(NULL, "%s takes no '%s'", c->name, a->word[c->max]);
	return 0;
}

static char *command_line(int argc, char **argv)
{
	char *text = NULL;
	size_t bytes;
	FILE *f = open_memstream(&text, &bytes);
	for (int i = 0; f && i < argc; i++)
		fprintf(f, "%s%s", i ? " " : "", argv[i]);
	if (f)
		fclose(f);
	return text;
}

static int command_run(struct command_cursor *c)
{
	struct gcs_arguments *a = c->a;
	int e = command_words(c);
	if (e)
		return e;
	if (a->value[GCS_OPT_HELP]) {
		command_help_one(a->command, stdout);
		return 0;
	}
	e = command_count(a);
	if (!e && a->value[GCS_OPT_ASCII] && a->value[GCS_OPT_BRAILLE])
		e = gcs_command_usage("braille is Unicode, U+2800 to U+28FF", "--ascii and --braille exclude each other");
	if (a->screen && a->screen->wish)
		a->screen->wish((struct gcs_display_wishes){.ascii = a->value[GCS_OPT_ASCII] != NULL,
							    .braille = a->value[GCS_OPT_BRAILLE] != NULL,
							    .no_mouse = a->value[GCS_OPT_NO_MOUSE] != NULL});
	return e ? e : a->command->run(a);
}

static void command_fini(struct gcs_arguments *a)
{
	for (size_t i = 0; i < a->nsets; i++)
		free((char *)(uintptr_t)a->set[i].key);
	free(a->line);
}

int gcs_command_main(int argc, char **argv, const struct gcs_display *screen)
{
	struct gcs_arguments a = {.format = "text", .screen = screen, .dashes = -1};
	const char *name = argc > 1 ? argv[1] : "";
	if (!*name) {
		command_help_all(stderr);
		return GCS_EXIT_USAGE;
	}
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		name = "help";
	if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
		name = "version";
	if (name[0] == '-')
		return gcs_command_usage(
			"the command comes first: gcstorm run [OPTION]... SCENARIO",
			"unknown option '%s'", name);
	a.command = gcs_command_find(name);
	if (!a.command)
		return gcs_command_unknown(name);
	a.line = command_line(argc, argv);
	int code = command_run(&(struct command_cursor){argc, argv, 2, &a});
	command_fini(&a);
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	fputs("gcstorm: standard output cannot be written\n", stderr);
	return code ? code : GCS_EXIT_HARNESS;
}
