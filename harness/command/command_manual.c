/*
 * command_manual.c: manual pages from the table of commands: `gcstorm manual` is gcstorm(1), `gcstorm manual run` is
 * gcstorm-run(1).  docs/manual.sh keeps the committed pages equal to what this prints.
 *
 * Texts are those of the help. In them a word in backticks becomes bold, an empty line ends a paragraph.
 */
#include "harness/command/command_priv.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define MANUAL_DATE "2026-11"

/* ---- roff */

/* One character, so that no reader of roff takes it for its own. */
static void roff_char(int c, bool line_start)
{
	if (line_start && (c == '.' || c == '\''))
		fputs("\\&", stdout);
	if (c == '-')
		fputs("\\-", stdout);
	else if (c == '\\')
		fputs("\\e", stdout);
	else
		putchar(c);
}

static void roff_text(const char *text)
{
	bool bold = false, line_start = true;
	for (; *text; text++) {
		if (*text == '`') {
			bold = !bold;
			fputs(bold ? "\\fB" : "\\fR", stdout);
		} else if (*text == '\n' && text[1] == '\n') {
			fputs("\n.PP", stdout);
		} else {
			roff_char(*text, line_start);
		}
		line_start = *text == '\n';
	}
	if (!line_start)
		putchar('\n');
}

/* Placeholders (in capitals) in italics, the words that are typed in bold. */
static void roff_words(const char *text)
{
	while (*text) {
		size_t n = strcspn(text, " []|.=,…");
		bool typed = n > 0 && islower((unsigned char)text[0]);
		if (n > 0)
			fputs(typed ? "\\fB" : "\\fI", stdout);
		for (size_t i = 0; i < n; i++)
			roff_char(text[i], false);
		if (n > 0)
			fputs("\\fR", stdout);
		text += n;
		if (*text)
			roff_char(*text++, false);
	}
}

static void roff_head(const char *name, const char *about)
{
	fputs(".TH ", stdout);
	for (const char *p = name; *p; p++)
		roff_char(toupper((unsigned char)*p), false);
	printf(" 1 \"" MANUAL_DATE "\" \"gcstorm\" \"User Commands\"\n.SH NAME\n");
	for (const char *p = name; *p; p++)
		roff_char(*p, false);
	fputs(" \\- ", stdout);
	roff_text(about);
}

/* ---- a command's page */

static void manual_option(const struct gcs_option *o)
{
	fputs(".TP\n", stdout);
	if (o->letter)
		printf("\\fB\\-%c\\fR, ", o->letter);
	fputs("\\fB", stdout);
	roff_char('-', false);
	roff_char('-', false);
	for (const char *p = o->name; *p; p++)
		roff_char(*p, false);
	fputs("\\fR", stdout);
	if (o->arg) {
		putchar(' ');
		roff_words(o->arg);
	}
	putchar('\n');
	char first = (char)toupper((unsigned char)o->about[0]);
	putchar(first);
	char text[256];
	snprintf(text, sizeof text, "%s%s.\n", o->about + 1, o->many ? "; may be given again" : "");
	roff_text(text);
}

static void manual_synopsis(const struct gcs_command *c)
{
	fputs("\\fBgcstorm ", stdout);
	fputs(c->name, stdout);
	fputs("\\fR", stdout);
	if (c->options)
		fputs(" [\\fIOPTION\\fR]...", stdout);
	if (*c->args) {
		putchar(' ');
		roff_words(c->args);
	}
	putchar('\n');
}

static void manual_command(const struct gcs_command *c)
{
	char name[64];
	snprintf(name, sizeof name, "gcstorm-%s", c->name);
	roff_head(name, c->about);
	fputs(".SH SYNOPSIS\n", stdout);
	manual_synopsis(c);
	fputs(".SH DESCRIPTION\n", stdout);
	char text[256];
	snprintf(text, sizeof text, "To %s.\n", c->about);
	roff_text(text);
	if (*c->detail) {
		fputs(".PP\n", stdout);
		roff_text(c->detail);
	}
	if (c->options)
		fputs(".SH OPTIONS\n", stdout);
	for (int i = 0; i < GCS_OPTIONS; i++)
		if (c->options & GCS_OPTION_BIT(i))
			manual_option(&gcs_options[i]);
	fputs(".SH SEE ALSO\n.BR gcstorm (1)\n", stdout);
}

/* ---- the page of them all */

static const struct {
	const char *term, *text;
} manual_exits[] = {
	{"0", "pass"},
	{"1", "the harness itself failed"},
	{"2", "wrong usage, or an invalid scenario"},
	{"3", "unsupported here, or no resource (a full disk)"},
	{"4", "the target crashed where the scenario did not expect it"},
	{"5", "inconclusive: the faults did not do what was expected, or steady state never held"},
	{"7", "the measurements cannot be trusted (samples lost, machine stolen)"},
	{"99", "an SLO or an integrity check failed"},
	{"130, 143", "interrupted, after every fault was disarmed"},
},
  manual_files[] = {
	{"$XDG_STATE_HOME/gcstorm/runs/NAME-DATE-TIME-ID.gcrun",
	 "One SQLite file a run, mode 0600, in a directory of mode 0700."},
	{"$XDG_STATE_HOME/gcstorm/soaks/",
	 "A directory a soak, with its state and its records."},
	{"$XDG_STATE_HOME/gcstorm/explores/",
	 "A directory an exploration: the scenario, the failing records, summary.json."},
	{"$XDG_RUNTIME_DIR/gcstorm/",
	 "A directory a run that goes on: where `gcstorm ctl` and `fiu-ctrl` reach it."},
},
  manual_environment[] = {
	{"NO_COLOR", "The screen uses no colour."},
	{"TERM", "What the terminal can do: its colours, its keys, whether it has a mouse. Without a cursor to place (dumb) there is no screen."},
	{"LC_ALL, LC_CTYPE, LANG", "Where they name no UTF-8 the screen is drawn in ASCII, as with --ascii."},
	{"GCSTORM_INCIDENTS", "A directory of incidents, looked at first."},
	{"GCSTORM_TARGET, GCSTORM_LOAD", "Programs to run in place of our own target and load."},
	{"GCSTORM_GO_AGENT", "Directory of the Go agent's sources, in place of our own."},
	{"XDG_CACHE_HOME", "Where the Go agent is kept when it is built, in `gcstorm/`; by default `~/.cache`."},
	{"XDG_STATE_HOME", "Where records lie; by default `~/.local/state`."},
	{"XDG_RUNTIME_DIR", "Where runs that go on can be reached."},
};

#define MANUAL_TERMS(list)                                                                         \
	for (size_t i = 0; i < sizeof(list) / sizeof((list)[0]); i++) {                            \
		printf(".TP\n\\fB%s\\fR\n", (list)[i].term);                                       \
		roff_text((list)[i].text);                                                         \
	}

static void manual_all(void)
{
	roff_head("gcstorm", "shake a managed runtime and watch it recover");
	fputs(".SH SYNOPSIS\n\\fBgcstorm\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR]... [\\fIARGUMENT\\fR]...\n"
	      ".SH DESCRIPTION\n",
	      stdout);
	roff_text("Starts a managed runtime with Go's semantics in a process of its own, lets workload drivers churn its\n"
		  "maps and slices, fires faults on a timeline, measures pauses and recovery, and checks every entry\n"
		  "against a model outside the managed heap. On a terminal a live screen shows it; otherwise one line\n"
		  "an event goes to standard error. Every run leaves a record.\n");
	fputs(".SH COMMANDS\n", stdout);
	for (size_t i = 0; i < gcs_commands_count; i++) {
		fputs(".TP\n", stdout);
		manual_synopsis(&gcs_commands[i]);
		char text[256];
		snprintf(text, sizeof text, "To %s. See `gcstorm-%s`(1).", gcs_commands[i].about,
			 gcs_commands[i].name);
		roff_text(text);
	}
	fputs(".SH EXIT STATUS\n", stdout);
	MANUAL_TERMS(manual_exits)
	fputs(".PP\nWhere several apply, the first of 130 or 143, 1, 3, 4, 99, 5, 7.\n.SH FILES\n", stdout);
	MANUAL_TERMS(manual_files)
	fputs(".SH ENVIRONMENT\n", stdout);
	MANUAL_TERMS(manual_environment)
	fputs(".SH SEE ALSO\n.BR fiu-ctrl (1),\n.BR sqlite3 (1)\n", stdout);
}

int gcs_command_manual(const struct gcs_arguments *a)
{
	if (a->nwords == 0) {
		manual_all();
		return 0;
	}
	const struct gcs_command *c = gcs_command_find(a->word[0]);
	if (!c)
		return gcs_command_unknown(a->word[0]);
	manual_command(c);
	return 0;
}
