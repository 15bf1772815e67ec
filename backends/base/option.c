/* Reads options from JSON by their tables. See option.h. */
#include "base/option.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/option_path.h"

#define KB 1024.0
#define MB (1024.0 * 1024.0)
#define WHOLE_MAX 9007199254740992.0 /* 2^53: beyond it a JSON number is not exact */
#define NAMES_MAX 64                 /* that a hint chooses from */
#define SECRET_SHOWN "********"

/* One member while it is being read. */
struct member {
	const struct option_spec *spec;
	const struct option_place *place;
	const cJSON *json;
	void *conf;
	struct problems *problems;
};

static void wipe(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
}

static void *field(const struct option_spec *spec, void *conf)
{
	return (char *)conf + spec->offset;
}

static const char *type_text(enum option_type type)
{
	switch (type) {
	case OPT_BOOL:
		return "true or false";
	case OPT_COUNT:
	case OPT_BYTES:
	case OPT_MS:
		return "a whole number";
	case OPT_MB:
	case OPT_KB:
	case OPT_SECONDS:
		return "a number";
	case OPT_STRING:
	case OPT_SECRET:
	case OPT_ENUM:
		return "a string";
	case OPT_PATH:
		return "a path";
	case OPT_LIST:
		return "an array of strings";
	case OPT_MODE:
		return "a string like \"0640\"";
	case OPT_NESTED:
		break;
	}
	return "an object";
}

static const char *found_text(const cJSON *json)
{
	if (cJSON_IsBool(json))
		return cJSON_IsTrue(json) ? "true" : "false";
	if (cJSON_IsNull(json))
		return "null";
	if (cJSON_IsNumber(json))
		return "a number";
	if (cJSON_IsString(json))
		return json->valuestring[0] ? "a string" : "an empty string";
	return cJSON_IsArray(json) ? "an array" : "an object";
}

/* A number as a person writes it. */
static const char *number_text(double number, char *buffer, size_t size)
{
	if (fabs(number) < 1e17 && number == floor(number))
		snprintf(buffer, size, "%.0f", number);
	else
		snprintf(buffer, size, "%.15g", number);
	return buffer;
}

int option_line(const struct option_place *place, const cJSON *json)
{
	return place->lines && json ? json->valueint : 0;
}

const char *option_place_text(const struct option_place *place, const char *name, const cJSON *json,
			      char *buffer, size_t size)
{
	char line[24] = "";

	if (option_line(place, json) > 0)
		snprintf(line, sizeof(line), ":%d", option_line(place, json));
	snprintf(buffer, size, "%s%s: %s%s%s", place->file, line, place->path, name ? "." : "",
		 name ? name : "");
	return buffer;
}

/* A problem of this member. */
__attribute__((format(printf, 3, 4))) static int wrong(const struct member *m, const char *hint,
						       const char *message, ...)
{
	char place[sizeof(((struct problem *)0)->place)];
	char text[sizeof(((struct problem *)0)->message)];
	va_list args;

	va_start(args, message);
	vsnprintf(text, sizeof(text), message, args);
	va_end(args);
	return problems_add(
		m->problems,
		option_place_text(m->place, m->spec->name, m->json, place, sizeof(place)), hint,
		"%s", text);
}

static int wrong_type(const struct member *m)
{
	char hint[256] = "";

	if (cJSON_IsNull(m->json) && m->spec->def)
		snprintf(hint, sizeof(hint), "leave it out for the default, %s", m->spec->def);
	return wrong(m, hint, "expected %s%s, found %s", type_text(m->spec->type),
		     m->spec->nullable ? " or null" : "", found_text(m->json));
}

static int out_of_memory(const struct member *m)
{
	return problems_add(m->problems, NULL, NULL, "out of memory");
}

static bool is_whole(enum option_type type)
{
	return type == OPT_COUNT || type == OPT_BYTES || type == OPT_MS;
}

/* What null is stored as, of a number without a sign: what no number that may be written is. */
static uint64_t stored_null(const struct option_spec *spec)
{
	return spec->min > 0 ? 0 : UINT64_MAX;
}

/* What one of the written unit is in the stored one. */
static double unit_of(enum option_type type)
{
	if (type == OPT_MB)
		return MB;
	if (type == OPT_KB)
		return KB;
	return type == OPT_SECONDS ? 1000 : 1;
}

static int out_of_range(const struct member *m, double number)
{
	char found[40], min[40], max[40];

	number_text(number, found, sizeof(found));
	number_text(m->spec->min, min, sizeof(min));
	number_text(m->spec->max > 0 ? m->spec->max : floor(WHOLE_MAX / unit_of(m->spec->type)),
		    max, sizeof(max));
	if (m->spec->max > 0 || number > m->spec->min)
		return wrong(m, NULL, "%s is out of range: from %s to %s", found, min, max);
	return wrong(m, NULL, "%s is out of range: at least %s", found, min);
}

bool option_number(const cJSON *json, double *number)
{
	const char *text = cJSON_IsString(json) ? json->valuestring : NULL;
	char *end;

	if (cJSON_IsNumber(json)) {
		*number = json->valuedouble;
		return true;
	}
	if (!text)
		return false;
	text += strspn(text, " \t");
	size_t size = strspn(text, "0123456789+-.eE"); /* strtod() takes "inf" and "0x10", too */
	*number = strtod(text, &end);
	return size > 0 && end == text + size && end[strspn(end, " \t")] == '\0';
}

static bool is_word(const char *text, const char *const words[])
{
	for (; *words; words++)
		if (strcasecmp(text, *words) == 0)
			return true;
	return false;
}

/* true and false as JSON has them, and as the Python package takes them too. */
static bool read_bool(const cJSON *json, bool *flag)
{
	static const char *const yes[] = { "true", "yes", "on", "1", NULL };
	static const char *const no[] = { "false", "no", "off", "0", NULL };
	double number = -1;

	if (cJSON_IsBool(json)) {
		*flag = cJSON_IsTrue(json);
		return true;
	}
	if (cJSON_IsString(json) && is_word(json->valuestring, yes))
		number = 1;
	else if (cJSON_IsString(json) && is_word(json->valuestring, no))
		number = 0;
	else if (cJSON_IsNumber(json))
		number = json->valuedouble;
	*flag = number > 0;
	return number == 0 || number == 1;
}

/* A number that was written, checked, in the stored unit. */
static int read_number(const struct member *m, int64_t *stored)
{
	char found[40];
	double number, unit = unit_of(m->spec->type);

	if (!option_number(m->json, &number))
		return wrong_type(m);
	if (is_whole(m->spec->type) && isfinite(number) && number != floor(number))
		return wrong(m, NULL, "expected a whole number, found %s",
			     number_text(number, found, sizeof(found)));
	if (!(number >= m->spec->min) || (m->spec->max > 0 && number > m->spec->max) ||
	    fabs(number) > floor(WHOLE_MAX / unit))
		return out_of_range(m, number);
	*stored = llround(number * unit);
	if (*stored == 0 && number > 0)
		*stored = 1; /* a short time is not "at once", a small limit not "none" */
	return 0;
}

static int member_store(const struct member *m);

/* An option that has no "without end". False: this is not what was written. */
static bool is_zero_for_default(const struct member *m)
{
	double number;

	return m->spec->zero_is_default && option_number(m->json, &number) && number == 0;
}

static int store_default(const struct member *m)
{
	struct member given = *m;
	char where[sizeof(((struct problem *)0)->place)];
	cJSON *json = cJSON_Parse(m->spec->def);

	if (!json)
		return out_of_memory(m);
	log_warning("%s: nothing waits without a deadline here; 0 is taken for the default, %s",
		    option_place_text(m->place, m->spec->name, m->json, where, sizeof(where)),
		    m->spec->def);
	given.json = json;
	int rc = member_store(&given);
	cJSON_Delete(json);
	return rc;
}

static int store_number(const struct member *m)
{
	int64_t stored = 0;

	if (is_zero_for_default(m))
		return store_default(m);
	int rc = read_number(m, &stored);

	if (rc < 0)
		return rc;
	if (m->spec->type == OPT_SECONDS || m->spec->type == OPT_MS)
		*(int64_t *)field(m->spec, m->conf) = stored;
	else
		*(uint64_t *)field(m->spec, m->conf) = (uint64_t)stored;
	return 0;
}

/* A copy of the text as it is stored; NULL: a problem was added. */
static char *string_to_store(const struct member *m)
{
	struct problem problem = { 0 };
	char *copy = m->spec->type == OPT_PATH
			     ? option_path(m->json->valuestring, m->place->base_dir, &problem)
			     : strdup(m->json->valuestring);

	if (!copy && problem.message[0])
		wrong(m, problem.hint, "%s", problem.message);
	else if (!copy)
		out_of_memory(m);
	return copy;
}

static int store_string(const struct member *m)
{
	char **text = field(m->spec, m->conf);

	if (!cJSON_IsString(m->json) || (m->spec->type == OPT_PATH && !m->json->valuestring[0]))
		return wrong_type(m);
	if (m->spec->type == OPT_SECRET && strcmp(m->json->valuestring, SECRET_SHOWN) == 0)
		return wrong(m, "write the secret itself in its place",
			     "this is what a printed configuration shows instead of the secret");
	char *copy = string_to_store(m);
	if (!copy)
		return -EINVAL;
	free(*text);
	*text = copy;
	return 0;
}

/* Adds ", name" as long as it fits whole. */
static void list_add(char *list, size_t size, const char *name)
{
	size_t used = strlen(list);

	if (used + strlen(name) + sizeof(", ") > size)
		return;
	snprintf(list + used, size - used, "%s%s", used ? ", " : "", name);
}

static int store_enum(const struct member *m)
{
	char hint[256] = "", list[256] = "";

	if (!cJSON_IsString(m->json))
		return wrong_type(m);
	for (int i = 0; m->spec->choices[i]; i++) {
		if (strcmp(m->spec->choices[i], m->json->valuestring) == 0) {
			*(int *)field(m->spec, m->conf) = i;
			return 0;
		}
		list_add(list, sizeof(list), m->spec->choices[i]);
	}
	const char *nearest = problem_nearest(m->json->valuestring, m->spec->choices);
	if (nearest)
		snprintf(hint, sizeof(hint), "did you mean \"%s\"?", nearest);
	return wrong(m, hint, "\"%.64s\" is not one of %s", m->json->valuestring, list);
}

static int store_mode(const struct member *m)
{
	const char *text = cJSON_IsString(m->json) ? m->json->valuestring : "";
	mode_t min = (mode_t)m->spec->min, max = (mode_t)m->spec->max;
	char *end;

	if (!text[0] || text[strspn(text, "01234567")] || strlen(text) > 5)
		return wrong_type(m);
	mode_t mode = (mode_t)strtoul(text, &end, 8);
	if (mode & ~max)
		return wrong(m, NULL, "\"%s\" has bits that are not in \"%04o\"", text,
			     (unsigned)max);
	if (min & ~mode)
		return wrong(m, NULL, "\"%s\" takes from the owner what \"%04o\" has", text,
			     (unsigned)min);
	*(mode_t *)field(m->spec, m->conf) = mode;
	return 0;
}

static void free_list(char **list)
{
	for (char **at = list; at && *at; at++)
		free(*at);
	free(list);
}

static int store_list(const struct member *m)
{
	char ***stored = field(m->spec, m->conf);
	const cJSON *item;
	size_t count = 0;

	if (!cJSON_IsArray(m->json))
		return wrong_type(m);
	cJSON_ArrayForEach(item, m->json)
	{
		if (!cJSON_IsString(item) || !item->valuestring[0])
			return wrong(m, NULL, "expected strings in the array, found %s",
				     found_text(item));
	}
	char **list = calloc((size_t)cJSON_GetArraySize(m->json) + 1, sizeof(*list));
	if (!list)
		return out_of_memory(m);
	cJSON_ArrayForEach(item, m->json)
	{
		list[count] = strdup(item->valuestring);
		if (!list[count++]) {
			free_list(list);
			return out_of_memory(m);
		}
	}
	free_list(*stored);
	*stored = list;
	return 0;
}

static void store_null(const struct member *m)
{
	switch (m->spec->type) {
	case OPT_COUNT:
	case OPT_BYTES:
	case OPT_MB:
	case OPT_KB:
		*(uint64_t *)field(m->spec, m->conf) = stored_null(m->spec);
		break;
	case OPT_SECONDS:
	case OPT_MS:
		*(int64_t *)field(m->spec, m->conf) = -1;
		break;
	case OPT_STRING:
	case OPT_PATH:
	case OPT_SECRET:
		free(*(char **)field(m->spec, m->conf));
		*(char **)field(m->spec, m->conf) = NULL;
		break;
	case OPT_MODE:
		*(mode_t *)field(m->spec, m->conf) = 0;
		break;
	case OPT_BOOL:
	case OPT_ENUM:
	case OPT_LIST:
	case OPT_NESTED:
		assert(false); /* a bool, an enum, a list and an object are never nullable */
	}
}

static int member_store(const struct member *m)
{
	if (m->spec->type == OPT_NESTED)
		return 0;
	if (cJSON_IsNull(m->json) && m->spec->nullable) {
		store_null(m);
		return 0;
	}
	switch (m->spec->type) {
	case OPT_BOOL:
		return read_bool(m->json, field(m->spec, m->conf)) ? 0 : wrong_type(m);
	case OPT_COUNT:
	case OPT_BYTES:
	case OPT_MB:
	case OPT_KB:
	case OPT_SECONDS:
	case OPT_MS:
		return store_number(m);
	case OPT_STRING:
	case OPT_PATH:
	case OPT_SECRET:
		return store_string(m);
	case OPT_ENUM:
		return store_enum(m);
	case OPT_LIST:
		return store_list(m);
	case OPT_MODE:
		return store_mode(m);
	case OPT_NESTED:
		break;
	}
	return 0;
}

int options_default(const struct option_spec *specs, const struct option_place *place, void *conf)
{
	for (const struct option_spec *spec = specs; spec->name; spec++) {
		struct problems problems = { 0 };

		if (spec->type == OPT_NESTED || (!spec->def && !spec->nullable))
			continue; /* zero */
		cJSON *json = cJSON_Parse(spec->def ? spec->def : "null");
		if (!json)
			return -ENOMEM;
		struct member m = { spec, place, json, conf, &problems };
		int rc = member_store(&m);
		assert(rc == 0 || !problems.list ||
		       strcmp(problems.list[0].message, "out of memory") == 0);
		cJSON_Delete(json);
		problems_fini(&problems);
		if (rc < 0)
			return -ENOMEM;
	}
	return 0;
}

static bool is_one_of(const char *const names[], size_t count, const char *name)
{
	while (count > 0)
		if (strcmp(names[--count], name) == 0)
			return true;
	return false;
}

static int unknown_member(const struct option_set sets[], const struct member *m)
{
	const char *names[NAMES_MAX + 1] = { 0 };
	char where[sizeof(((struct problem *)0)->place)], hint[256] = "", list[200] = "";
	const char *name = m->json->string;
	size_t count = 0;

	for (const struct option_set *set = sets; set->specs; set++) {
		for (const struct option_spec *spec = set->specs; spec->name; spec++) {
			if (is_one_of(names, count, spec->name))
				continue; /* two tables may have it */
			if (count < NAMES_MAX)
				names[count++] = spec->name;
			if (!set->misplaced)
				list_add(list, sizeof(list), spec->name);
		}
	}
	const char *nearest = problem_nearest(name, names);
	if (nearest)
		snprintf(hint, sizeof(hint), "did you mean \"%s\"?", nearest);
	else if (list[0])
		snprintf(hint, sizeof(hint), "known: %s", list);
	return problems_add(m->problems,
			    option_place_text(m->place, name, m->json, where, sizeof(where)), hint,
			    "unknown option of %s", m->place->owner);
}

static const struct option_set *set_with(const struct option_set sets[], const char *name,
					 const struct option_spec **spec)
{
	for (const struct option_set *set = sets; set->specs; set++)
		for (*spec = set->specs; (*spec)->name; (*spec)++)
			if (strcmp((*spec)->name, name) == 0)
				return set;
	return NULL;
}

int options_parse(const struct option_set sets[], const cJSON *object,
		  const struct option_place *place, struct problems *problems)
{
	char where[sizeof(((struct problem *)0)->place)];
	const cJSON *json;
	int rc = 0;

	if (!cJSON_IsObject(object))
		return problems_add(problems,
				    option_place_text(place, NULL, object, where, sizeof(where)),
				    NULL, "expected an object, found %s", found_text(object));
	cJSON_ArrayForEach(json, object)
	{
		struct member m = { NULL, place, json, NULL, problems };
		const struct option_set *set = set_with(sets, json->string, &m.spec);

		if (set && !set->misplaced) {
			m.conf = set->conf;
			if (member_store(&m) < 0)
				rc = -EINVAL;
		} else if (set) {
			rc = wrong(&m, set->misplaced, "not an option of %s itself", place->owner);
		} else {
			rc = unknown_member(sets, &m);
		}
	}
	return rc;
}

static cJSON *text_to_json(const struct option_spec *spec, const char *text)
{
	if (!text)
		return cJSON_CreateNull();
	return cJSON_CreateString(spec->type == OPT_SECRET ? SECRET_SHOWN : text);
}

static cJSON *list_to_json(char *const *list)
{
	cJSON *array = cJSON_CreateArray();

	for (; array && list && *list; list++) {
		cJSON *item = cJSON_CreateString(*list);

		if (!item || !cJSON_AddItemToArray(array, item)) {
			cJSON_Delete(item);
			cJSON_Delete(array);
			return NULL;
		}
	}
	return array;
}

cJSON *option_to_json(const struct option_spec *spec, const void *conf)
{
	const void *at = (const char *)conf + spec->offset;
	double unit = unit_of(spec->type);
	char mode[16];

	switch (spec->type) {
	case OPT_BOOL:
		return cJSON_CreateBool(*(const bool *)at);
	case OPT_COUNT:
	case OPT_BYTES:
	case OPT_MB:
	case OPT_KB:
		if (spec->nullable && *(const uint64_t *)at == stored_null(spec))
			return cJSON_CreateNull();
		return cJSON_CreateNumber((double)*(const uint64_t *)at / unit);
	case OPT_SECONDS:
	case OPT_MS:
		if (spec->nullable && *(const int64_t *)at < 0)
			return cJSON_CreateNull();
		return cJSON_CreateNumber((double)*(const int64_t *)at / unit);
	case OPT_STRING:
	case OPT_PATH:
	case OPT_SECRET:
		return text_to_json(spec, *(char *const *)at);
	case OPT_ENUM:
		return cJSON_CreateString(spec->choices[*(const int *)at]);
	case OPT_LIST:
		return list_to_json(*(char **const *)at);
	case OPT_MODE:
		if (spec->nullable && *(const mode_t *)at == 0)
			return cJSON_CreateNull();
		snprintf(mode, sizeof(mode), "%04o", (unsigned)*(const mode_t *)at);
		return cJSON_CreateString(mode);
	case OPT_NESTED:
		break;
	}
	return cJSON_CreateNull();
}

bool options_to_json(const struct option_spec *specs, const void *conf, cJSON *object)
{
	for (; specs->name; specs++) {
		cJSON *json = option_to_json(specs, conf);

		if (!json || !cJSON_AddItemToObject(object, specs->name, json))
			return false;
	}
	return true;
}

void options_fini(const struct option_spec *specs, void *conf)
{
	for (const struct option_spec *spec = specs; spec->name; spec++) {
		if (spec->type == OPT_LIST) {
			free_list(*(char ***)field(spec, conf));
			*(char ***)field(spec, conf) = NULL;
		}
		if (spec->type != OPT_STRING && spec->type != OPT_PATH && spec->type != OPT_SECRET)
			continue;
		if (spec->type == OPT_SECRET)
			wipe(*(char **)field(spec, conf));
		free(*(char **)field(spec, conf));
		*(char **)field(spec, conf) = NULL;
	}
}
