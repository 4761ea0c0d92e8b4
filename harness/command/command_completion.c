/*
 * command_completion.c: the completion of bash, from the table of commands.
 *
 * The script knows commands, options and fixed words by itself; names of incidents, runs, keys and faults it asks
 * gcstorm for when they are wanted, so they are those of today.
 */
#include "harness/command/command_priv.h"

#include <stdio.h>
#include <string.h>

static void completion_options(const struct gcs_command *c)
{
	printf("\t%s) opts='--help", c->name);
	for (int i = 0; i < GCS_OPTIONS; i++)
		if (c->options & GCS_OPTION_BIT(i))
			printf(" --%s", gcs_options[i].name);
	fputs("' ;;\n", stdout);
}

/* What fills an argument, by its name in the table. */
static const struct {
	const char *arg, *action;
} completion_kinds[] = {
	{"SCENARIO", "_gcstorm_scenarios"}, {"[SCENARIO...]", "_gcstorm_scenarios"},
	{"RUN", "_gcstorm_runs"},	    {"[RUN...]", "_gcstorm_runs"},
	{"LOG", "_gcstorm_files"},	    {"FILE", "_gcstorm_files"},
	{"POINT", "_gcstorm_points"},
	{"DIR", "_gcstorm_dirs"},	    {"NAME", "_gcstorm_names"},
	{"[COMMAND]", "_gcstorm_words \"$commands\""},
	{"KEY=VALUE", "_gcstorm_keys"},	    {"[FAULT|WORKLOAD|TEXT]", "_gcstorm_run_faults"},
};

/* One argument as written in the table, n bytes: words in small letters stand for themselves. */
static void completion_argument(const char *arg, size_t n)
{
	if (n > 0 && arg[0] >= 'a' && arg[0] <= 'z') {
		fputs("_gcstorm_words '", stdout);
		for (size_t i = 0; i < n; i++)
			putchar(arg[i] == '|' ? ' ' : arg[i]);
		fputs("'", stdout);
		return;
	}
	for (size_t i = 0; i < sizeof completion_kinds / sizeof completion_kinds[0]; i++)
		if (strlen(completion_kinds[i].arg) == n &&
		    memcmp(completion_kinds[i].arg, arg, n) == 0) {
			fputs(completion_kinds[i].action, stdout);
			return;
		}
	fputs(":", stdout); /* nothing to offer: a number, a time */
}

static void completion_arguments(const struct gcs_command *c)
{
	int place = 1;
	for (const char *arg = c->args; *arg; place++) {
		size_t n = strcspn(arg, " ");
		bool many = n > 4 && memcmp(arg + n - 4, "...]", 4) == 0;
		printf("\t%s:%s) ", c->name, many ? "*" : (char[]){(char)('0' + place), 0});
		completion_argument(arg, n);
		fputs(" ;;\n", stdout);
		arg += n + (arg[n] == ' ');
	}
}

static void completion_values(void)
{
	for (int i = 0; i < GCS_OPTIONS; i++) {
		const struct gcs_option *o = &gcs_options[i];
		if (!o->arg)
			continue;
		printf("\t--%s", o->name);
		if (o->letter)
			printf("|-%c", o->letter);
		fputs(") ", stdout);
		completion_argument(o->arg, strlen(o->arg));
		fputs("; return ;;\n", stdout);
	}
}

static const char completion_head[] =
	"# bash completion of gcstorm; made by `gcstorm completion bash`\n"
	"\n"
	"_gcstorm_words() { COMPREPLY+=($(compgen -W \"$1\" -- \"$cur\")); }\n"
	"_gcstorm_files() { compopt -o filenames 2>/dev/null; COMPREPLY+=($(compgen -f -- \"$cur\")); }\n"
	"_gcstorm_dirs() { compopt -o filenames 2>/dev/null; COMPREPLY+=($(compgen -d -- \"$cur\")); }\n"
	"_gcstorm_list() { \"$prog\" list \"$1\" 2>/dev/null | awk '{ print $1 }'; }\n"
	"_gcstorm_scenarios() { _gcstorm_words \"$(_gcstorm_list incidents)\"; _gcstorm_files; }\n"
	"_gcstorm_runs() { _gcstorm_words \"last $(_gcstorm_list runs)\"; _gcstorm_files; }\n"
	"_gcstorm_names() { local l; for l in incidents faults workloads metrics; do _gcstorm_words \"$(_gcstorm_list $l)\"; done; }\n"
	"_gcstorm_points() { _gcstorm_words \"$(_gcstorm_list faults)\"; }\n"
	"_gcstorm_keys() { compopt -o nospace 2>/dev/null; _gcstorm_words \"$(_gcstorm_list keys | tr -d '[]' | sed 's/$/=/')\"; }\n"
	"_gcstorm_run_faults() { _gcstorm_words \"$(\"$prog\" ctl \"${words[2]}\" status --format json 2>/dev/null |\n"
	"\tgrep -o '\"id\": *\"[^\"]*\"' | cut -d '\"' -f 4)\"; }\n"
	"\n"
	"_gcstorm() {\n"
	"\tlocal cur prev prog=$1 opts= place=0 i\n"
	"\tlocal words=(\"${COMP_WORDS[@]:0:COMP_CWORD+1}\")\n"
	"\tCOMPREPLY=()\n"
	"\tcur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n";

int gcs_command_completion(const struct gcs_arguments *a)
{
	if (strcmp(a->word[0], "bash") != 0)
		return gcs_command_usage("gcstorm completion bash", "no completion for '%s'",
					 a->word[0]);
	fputs(completion_head, stdout);
	fputs("\tlocal commands='", stdout);
	for (size_t i = 0; i < gcs_commands_count; i++)
		printf("%s%s", i ? " " : "", gcs_commands[i].name);
	fputs("'\n\tif ((COMP_CWORD == 1)); then _gcstorm_words \"$commands\"; return; fi\n"
	      "\tcase $prev in\n",
	      stdout);
	completion_values();
	fputs("\tesac\n\tcase ${words[1]} in\n", stdout);
	for (size_t i = 0; i < gcs_commands_count; i++)
		completion_options(&gcs_commands[i]);
	/* Words that are no options, nor the values of those before them. */
	fputs("\tesac\n"
	      "\tif [[ $cur == -* ]]; then _gcstorm_words \"$opts\"; return; fi\n"
	      "\tfor ((i = 2; i <= COMP_CWORD; i++)); do\n"
	      "\t\tcase ${COMP_WORDS[i-1]} in\n"
	      "\t\t",
	      stdout);
	bool first = true;
	for (int i = 0; i < GCS_OPTIONS; i++)
		if (gcs_options[i].arg) {
			printf("%s--%s", first ? "" : "|", gcs_options[i].name);
			if (gcs_options[i].letter)
				printf("|-%c", gcs_options[i].letter);
			first = false;
		}
	fputs(") continue ;;\n\t\tesac\n"
	      "\t\t[[ ${COMP_WORDS[i]} == -* ]] || place=$((place + 1))\n"
	      "\tdone\n"
	      "\tcase ${words[1]}:$place in\n",
	      stdout);
	for (size_t i = 0; i < gcs_commands_count; i++)
		completion_arguments(&gcs_commands[i]);
	fputs("\tesac\n}\n\ncomplete -F _gcstorm gcstorm\n", stdout);
	return 0;
}
