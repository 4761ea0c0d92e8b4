/* oracle.c: the Go program is run once for each sequence; questions and answers go through temporary files. */
#include "tests/checkgo/checkgo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static FILE *oracle_file(void)
{
	FILE *f = tmpfile();

	if (f == NULL)
		check_die("no temporary file");
	return f;
}

static FILE *oracle_questions(const struct check_op *op, size_t n)
{
	FILE *f = oracle_file();

	for (size_t i = 0; i < n; i++)
		fprintf(f, "%c %llu %llu %llu %llu\n", op[i].kind, (unsigned long long)op[i].v[0],
			(unsigned long long)op[i].v[1], (unsigned long long)op[i].v[2],
			(unsigned long long)op[i].v[3]);
	if (fflush(f) != 0)
		check_die("the questions could not be written");
	rewind(f);
	return f;
}

static void oracle_exec(const char *program, FILE *in, FILE *out, FILE *err)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		dup2(fileno(in), STDIN_FILENO);
		dup2(fileno(out), STDOUT_FILENO);
		dup2(fileno(err), STDERR_FILENO);
		execl(program, program, (char *)NULL);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		check_die("%s could not be run", program);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		check_die("%s failed (status %d)", program, status);
}

static char *oracle_text(FILE *f)
{
	long bytes;
	char *text;

	if (fseek(f, 0, SEEK_END) != 0 || (bytes = ftell(f)) < 0 ||
	    (text = malloc((size_t)bytes + 1)) == NULL)
		check_die("an answer could not be read");
	rewind(f);
	if (fread(text, 1, (size_t)bytes, f) != (size_t)bytes)
		check_die("an answer could not be read");
	text[bytes] = 0;
	fclose(f);
	return text;
}

/* The numbers of one line. */
static void oracle_answer(const char *line, struct check_answer *ret)
{
	*ret = (struct check_answer){0};
	for (;;) {
		char *end;
		uint64_t v = strtoull(line, &end, 10);

		if (end == line)
			break;
		if (ret->n == CHECK_ANSWERS_MAX)
			check_die("an answer has too many numbers");
		ret->v[ret->n++] = v;
		line = end;
	}
	if (*line != 0 || ret->n == 0)
		check_die("no answer: '%s'", line);
}

void check_ask(struct check *c, const struct check_op *op, size_t n, struct check_answer *ret)
{
	FILE *in = oracle_questions(op, n), *out = oracle_file(), *err = oracle_file();
	char *text, *line, *rest;
	size_t got = 0;

	oracle_exec(c->oracle, in, out, err);
	fclose(in);
	free(c->log);
	c->log = oracle_text(err);
	text = oracle_text(out);
	for (rest = text; (line = strsep(&rest, "\n")) != NULL && *line != 0; got++) {
		if (got == n)
			check_die("more answers than questions");
		oracle_answer(line, &ret[got]);
	}
	if (got != n)
		check_die("%zu answers to %zu questions", got, n);
	free(text);
}
