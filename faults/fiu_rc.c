/* fiu_rc.c: see fiu_rc.h.  Written for lines that anybody may have sent. */
#include "faults/fiu_rc.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FIU_LINE_BYTES 512u

static int fiu_refuse(const char **ret_why, int e, const char *why)
{
	*ret_why = why;
	return e;
}

static int fiu_name(struct gcs_fiu_command *c, const char *text, const char **ret_why)
{
	size_t n = strlen(text);

	if (n == 0 || n >= sizeof(c->name))
		return fiu_refuse(ret_why, -EINVAL, "name= wants the name of a point");
	for (size_t i = 0; i < n; i++)
		if (text[i] <= ' ' || text[i] > '~' || text[i] == '"' || text[i] == '\\')
			return fiu_refuse(ret_why, -EINVAL,
					  "name= has a character that no point has");
	memcpy(c->name, text, n + 1);
	return 0;
}

static int fiu_probability(struct gcs_fiu_command *c, const char *text, const char **ret_why)
{
	char *end;
	double p = strtod(text, &end);

	if (*text == '\0' || *end != '\0' || !isfinite(p))
		return fiu_refuse(ret_why, -EINVAL, "probability= wants a number from 0 to 1");
	if (p == -1) /* libfiu's word for always */
		p = 1;
	if (p < 0 || p > 1)
		return fiu_refuse(ret_why, -EINVAL, "probability= wants a number from 0 to 1");
	c->p_ppb = (uint32_t)(p * 1e9 + 0.5);
	if (c->p_ppb == 0)
		return fiu_refuse(ret_why, -EINVAL,
				  "with that probability it never fires: disable it");
	return 0;
}

static int fiu_number(const char *text, bool zero, const char **ret_why)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(text, &end, 0);
	if (*text == '\0' || *end != '\0' || errno != 0)
		return fiu_refuse(ret_why, -EINVAL, "failnum= and failinfo= want a number");
	if (n == 0 && !zero)
		return fiu_refuse(ret_why, -EINVAL, "failnum=0 would be no failure");
	return 0;
}

/* "key=value" or "onetime". */
static int fiu_parameter(struct gcs_fiu_command *c, char *text, const char **ret_why)
{
	char *value = strchr(text, '=');

	if (strcmp(text, "onetime") == 0) {
		c->onetime = true;
		return 0;
	}
	if (value == NULL)
		return fiu_refuse(ret_why, -EINVAL, "a parameter is no key=value");
	*value++ = '\0';
	if (strcmp(text, "name") == 0)
		return fiu_name(c, value, ret_why);
	if (strcmp(text, "probability") == 0)
		return fiu_probability(c, value, ret_why);
	if (strcmp(text, "failnum") == 0)
		return fiu_number(value, false, ret_why);
	if (strcmp(text, "failinfo") == 0)
		return fiu_number(value, true, ret_why);
	return fiu_refuse(ret_why, -EINVAL, "there is no such parameter");
}

static int fiu_verb(struct gcs_fiu_command *c, const char *verb, bool *ret_random,
		    const char **ret_why)
{
	*ret_random = strcmp(verb, "enable_random") == 0;
	if (*ret_random || strcmp(verb, "enable") == 0)
		c->act = GCS_FIU_ENABLE;
	else if (strcmp(verb, "disable") == 0)
		c->act = GCS_FIU_DISABLE;
	else if (strncmp(verb, "enable_stack", strlen("enable_stack")) == 0)
		return fiu_refuse(ret_why, -ENOTSUP, "enabling by stack is not for coroutines");
	else
		return fiu_refuse(ret_why, -EINVAL, "there is no such command");
	return 0;
}

int gcs_fiu_parse(struct gcs_fiu_command *ret, const char *line, const char **ret_why)
{
	static const char blank[] = " \t\r\n";
	struct gcs_fiu_command c = {0};
	char copy[FIU_LINE_BYTES], *save = NULL, *verb, *rest;
	bool random;
	int r;

	if (strlen(line) >= sizeof(copy))
		return fiu_refuse(ret_why, -EINVAL, "the command is too long");
	strcpy(copy, line);
	verb = strtok_r(copy, blank, &save);
	if (verb == NULL)
		return fiu_refuse(ret_why, -EINVAL, "the command is empty");
	r = fiu_verb(&c, verb, &random, ret_why);
	rest = strtok_r(NULL, blank, &save);
	if (r == 0 && strtok_r(NULL, blank, &save) != NULL)
		r = fiu_refuse(ret_why, -EINVAL, "parameters are parted by commas, without blanks");
	for (char *p = rest != NULL ? strtok_r(rest, ",", &save) : NULL; p != NULL && r == 0;
	     p = strtok_r(NULL, ",", &save))
		r = fiu_parameter(&c, p, ret_why);
	if (r == 0 && c.name[0] == '\0')
		r = fiu_refuse(ret_why, -EINVAL, "name= is missing");
	if (r == 0 && c.act == GCS_FIU_ENABLE && random && c.p_ppb == 0)
		r = fiu_refuse(ret_why, -EINVAL, "probability= is missing");
	if (r < 0)
		return r;
	if (!random)
		c.p_ppb = GCS_FIU_ALWAYS_PPB;
	*ret = c;
	return 0;
}

bool gcs_fiu_matches(const struct gcs_fiu_command *c, const char *point)
{
	size_t n = strlen(c->name);

	if (n > 0 && c->name[n - 1] == '*')
		return strncmp(c->name, point, n - 1) == 0 &&
		       (c->act == GCS_FIU_DISABLE || strncmp(point, "sabotage/", 9) != 0);
	return strcmp(c->name, point) == 0;
}
