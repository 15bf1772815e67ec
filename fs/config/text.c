/* Parses JSON text into items with lines, and finds mistakes in it: see config/text.h. */
#include "config/text.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"

#define BYTE_ORDER_MARK "\xEF\xBB\xBF"

/* ---- text that is no JSON ---- */

struct position {
	size_t line, column; /* from 1, the column in bytes */
};

static struct position position_of(const char *text, const char *at)
{
	struct position p = { 1, 1 };

	for (; text < at && *text; text++) {
		p.column = *text == '\n' ? 1 : p.column + 1;
		p.line += *text == '\n';
	}
	return p;
}

/* Back over white space. */
static const char *back_to_word(const char *text, const char *at)
{
	while (at > text && strchr(" \t\r\n", at[-1]))
		at--;
	return at;
}

/* Whether the quote before at opens a string. */
static bool quote_is_open(const char *text, const char *at)
{
	bool open = false;

	for (; text < at; text++) {
		if (*text == '\\' && text + 1 < at)
			text++;
		else if (*text == '"')
			open = !open;
	}
	return open;
}

/* cJSON stops one byte behind what should have been a member's name, and behind an open quote. */
static const char *syntax_place(const char *text, const char *at)
{
	if (at == text || strchr(" \t\r\n{[:", at[-1]))
		return at;
	if (at[-1] == '"')
		return quote_is_open(text, at) ? at - 1 : at;
	const char *before = back_to_word(text, at - 1);
	return before > text && strchr("{,", before[-1]) ? at - 1 : at;
}

/* What is wrong with a text that is no JSON, for the usual slips. */
static const char *syntax_hint(const char *text, const char *at)
{
	const char *before = back_to_word(text, at);

	if (*at == '/' || *at == '#')
		return "JSON has no comments";
	if (*at == '\'')
		return "JSON strings stand in double quotes";
	if ((*at == '}' || *at == ']') && before > text && before[-1] == ',')
		return "remove the comma before it";
	if (*at == '"' && before > text && !strchr("{[,:", before[-1]))
		return "a comma is missing before it";
	if (*at == '"')
		return "its closing quote is missing, or an escape in it is wrong";
	if (isalpha((unsigned char)*at))
		return "strings stand in double quotes; the words of JSON are true, false and null";
	return NULL;
}

/* The character at a place, whole if it is of several bytes. */
static int character_size(const char *at)
{
	int size = 1;

	while (size < 4 && ((unsigned char)at[size] & 0xC0) == 0x80)
		size++;
	return size;
}

static void syntax_problem(const char *file, const char *text, const char *at,
			   struct problems *problems)
{
	char place[256];

	if (!text[strspn(text, " \t\r\n")]) {
		problems_add(problems, file, "the shortest configuration is {}",
			     "the file is empty");
		return;
	}
	at = syntax_place(text, at);
	struct position p = position_of(text, at);
	snprintf(place, sizeof(place), "%.200s:%zu:%zu", file, p.line, p.column);
	if (!*at)
		problems_add(problems, place, "a closing brace or bracket is missing",
			     "not valid JSON: the text ends too early");
	else if (*at == '"')
		problems_add(problems, place, syntax_hint(text, at), "not valid JSON at a string");
	else
		problems_add(problems, place, syntax_hint(text, at), "not valid JSON at \"%.*s\"",
			     character_size(at), at);
}

/* ---- a walk over the text, beside the items that cJSON made of it ---- */

struct walk {
	const char *file;
	struct problems *problems;
	struct json_text text;
	const char *counted; /* lines are counted up to here */
	int line;
};

/* Where an item is: the names and indices down to it. */
struct step {
	const struct step *up; /* NULL: the root */
	const char *name;      /* NULL: an element */
	size_t index;
};

/* The line that the walk is in. */
static int line_now(struct walk *w)
{
	for (; w->counted < w->text.at; w->counted++)
		w->line += *w->counted == '\n';
	return w->line;
}

static void path_text(const struct step *step, char *buffer, size_t size)
{
	if (!step->up) {
		snprintf(buffer, size, "$");
		return;
	}
	path_text(step->up, buffer, size);
	size_t used = strlen(buffer);
	if (step->name)
		snprintf(buffer + used, size - used, ".%s", step->name);
	else
		snprintf(buffer + used, size - used, "[%zu]", step->index);
}

static void walk_problem(struct walk *w, const struct step *step, int line, const char *hint,
			 const char *message)
{
	char path[300], place[sizeof(((struct problem *)0)->place)];

	path_text(step, path, sizeof(path));
	snprintf(place, sizeof(place), "%.200s:%d: %s", w->file, line, path);
	problems_add(w->problems, place, hint, "%s", message);
}

static bool has_control_character(const char *at, const char *end)
{
	while (at < end && (unsigned char)*at >= ' ')
		at++;
	return at < end;
}

/* Past a string; at its opening quote. */
static void walk_string(struct walk *w, const struct step *step)
{
	struct json_text strict = { w->text.at, w->text.end, JSON_STRICT };
	const char *start = w->text.at;
	int line = line_now(w);
	bool nul;

	bool valid = json_skip_string(&strict, &nul);
	json_skip_string(&w->text, &nul);
	bool control = has_control_character(start, w->text.at);
	if (control)
		walk_problem(w, step, line, "write it as an escape, such as \\n or \\t",
			     "a control character in a string");
	if (!valid && !control) /* cJSON makes a NUL of it */
		walk_problem(w, step, line, "\\u is followed by four hexadecimal digits",
			     "an escape that JSON does not have");
	if (nul)
		walk_problem(w, step, line, "remove \\u0000", "a NUL character in a string");
}

/* Past a number or a word. */
static void walk_word(struct walk *w, const struct step *step)
{
	struct json_text strict = { w->text.at, w->text.end, JSON_STRICT };
	int line = line_now(w);

	json_skip_value(&w->text);
	if (!json_skip_value(&strict) || strict.at != w->text.at)
		walk_problem(w, step, line, "write it as 1, -1, 0.5 or 1e3",
			     "not valid JSON: not a number");
}

static int by_name_and_line(const void *a, const void *b)
{
	const cJSON *x = *(cJSON *const *)a, *y = *(cJSON *const *)b;
	int order = strcmp(x->string, y->string);

	return order ? order : x->valueint - y->valueint;
}

/* Names that an object has twice. */
static void find_doubles(struct walk *w, const cJSON *object, const struct step *step)
{
	size_t count = (size_t)cJSON_GetArraySize(object), i = 0;
	const cJSON **members = count > 1 ? calloc(count, sizeof(*members)) : NULL, *json;
	char hint[80];

	if (count > 1 && !members)
		problems_add(w->problems, NULL, NULL, "out of memory");
	if (!members)
		return;
	cJSON_ArrayForEach(json, object)
	{
		members[i++] = json;
	}
	qsort(members, count, sizeof(*members), by_name_and_line);
	for (i = 1; i < count; i++) {
		struct step member = { step, members[i]->string, 0 };

		if (strcmp(members[i]->string, members[i - 1]->string) != 0)
			continue;
		snprintf(hint, sizeof(hint), "remove one; another is on line %d",
			 members[i - 1]->valueint);
		walk_problem(w, &member, members[i]->valueint, hint, "given twice");
	}
	free(members);
}

static void walk_value(struct walk *w, cJSON *item, const struct step *step);

/* Past an object or array; at its opening brace or bracket. */
static void walk_inside(struct walk *w, cJSON *whole, const struct step *step)
{
	bool is_object = cJSON_IsObject(whole);
	size_t index = 0;
	cJSON *item;

	json_skip_char(&w->text, is_object ? '{' : '[');
	cJSON_ArrayForEach(item, whole)
	{
		struct step below = { step, is_object ? item->string : NULL, index++ };

		json_skip_space(&w->text);
		int line = line_now(w);
		if (is_object) {
			walk_string(w, &below);
			json_skip_char(&w->text, ':');
		}
		walk_value(w, item, &below);
		json_skip_char(&w->text, ',');
		item->valueint = line;
	}
	json_skip_char(&w->text, is_object ? '}' : ']');
	if (is_object)
		find_doubles(w, whole, step);
}

static void walk_value(struct walk *w, cJSON *item, const struct step *step)
{
	json_skip_space(&w->text);
	item->valueint = line_now(w);
	if (cJSON_IsString(item))
		walk_string(w, step);
	else if (cJSON_IsObject(item) || cJSON_IsArray(item))
		walk_inside(w, item, step);
	else
		walk_word(w, step);
}

/* A terminated text. */
static cJSON *parse(const char *text, const char *file, struct problems *problems)
{
	const struct step root = { 0 };
	const char *end = text;
	cJSON *json = cJSON_ParseWithOpts(text, &end, true);

	if (!json) {
		syntax_problem(file, text, end, problems);
		return NULL;
	}
	if (strncmp(text, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0)
		text += strlen(BYTE_ORDER_MARK);
	struct walk w = { .file = file,
			  .problems = problems,
			  .text = { text, text + strlen(text), JSON_AS_CJSON },
			  .counted = text,
			  .line = 1 };
	walk_value(&w, json, &root);
	return json;
}

cJSON *config_text_parse(const char *text, size_t size, const char *file, struct problems *problems)
{
	cJSON *json = NULL;
	char *copy = strndup(text, size);

	if (!copy)
		problems_add(problems, NULL, NULL, "out of memory");
	else if (strlen(copy) < size)
		problems_add(problems, file, "save it as UTF-8 text",
			     "the file contains a NUL byte");
	else
		json = parse(copy, file, problems);
	free(copy);
	return json;
}
