/* From a JSON path to its line: walks the text along the path, see config_line.h. */
#include "config_line.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char *skip_space(const char *at)
{
	return at + strspn(at, " \t\r\n");
}

/* Past a string; at its opening quote. */
static const char *skip_string(const char *at)
{
	for (at++; *at && *at != '"'; at++)
		if (*at == '\\' && at[1])
			at++;
	return *at ? at + 1 : at;
}

/* Past a value of any kind. */
static const char *skip_value(const char *at)
{
	size_t depth = 0;

	do {
		if (*at == '"') {
			at = skip_string(at);
			continue;
		}
		if (*at == '{' || *at == '[')
			depth++;
		else if ((*at == '}' || *at == ']') && depth > 0)
			depth--;
		at++;
	} while (*at && (depth > 0 || !strchr(",]}", *at)));
	return at;
}

/* Whether the path goes on with this member; *rest is then what follows it. */
static bool path_names(const char *path, const char *name, size_t size, const char **rest)
{
	if (path[0] != '.' || strncmp(path + 1, name, size) != 0)
		return false;
	*rest = path + 1 + size;
	return **rest == '\0' || **rest == '.' || **rest == '[';
}

/* The member of the object at `at` that the path names: its value, and where its name stands. */
static const char *object_enter(const char *at, const char **path, const char **name)
{
	const char *rest;

	for (at = skip_space(at + 1); *at == '"'; at = skip_space(at)) {
		const char *start = at, *end = skip_string(at);
		bool named = path_names(*path, start + 1, (size_t)(end - start) - 2, &rest);

		at = skip_space(end);
		at = skip_space(*at == ':' ? at + 1 : at);
		if (named) {
			*path = rest;
			*name = start;
			return at;
		}
		at = skip_space(skip_value(at));
		if (*at == ',')
			at = skip_space(at + 1);
	}
	return NULL;
}

static const char *array_enter(const char *at, const char **path, const char **element)
{
	char *rest;
	unsigned long index = strtoul(*path + 1, &rest, 10);

	at = skip_space(at + 1);
	for (; index > 0 && *at && *at != ']'; index--) {
		at = skip_space(skip_value(at));
		if (*at == ',')
			at = skip_space(at + 1);
	}
	if (index > 0 || *at == ']' || !*at)
		return NULL;
	*path = *rest == ']' ? rest + 1 : rest;
	*element = at;
	return at;
}

size_t config_line_of(const char *text, const char *path)
{
	const char *at = skip_space(text), *place = at;
	size_t line, column;

	if (*path == '$')
		path++;
	while (at && *path) {
		if (*at == '{' && *path == '.')
			at = object_enter(at, &path, &place);
		else if (*at == '[' && *path == '[')
			at = array_enter(at, &path, &place);
		else
			at = NULL;
	}
	config_line_at(text, (size_t)(place - text), &line, &column);
	return line;
}

void config_line_at(const char *text, size_t offset, size_t *line, size_t *column)
{
	*line = 1;
	*column = 1;
	for (size_t i = 0; i < offset && text[i]; i++) {
		if (text[i] == '\n') {
			++*line;
			*column = 1;
		} else {
			++*column;
		}
	}
}
