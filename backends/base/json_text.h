#ifndef CACHEFS_JSON_TEXT_H
#define CACHEFS_JSON_TEXT_H

/*
 * JSON as text: what is a value is found and sliced out, never parsed and printed again (0.10 stays
 * 0.10), or followed beside the items that cJSON made of it, to know their lines. Nothing is read
 * past `end`. Pure.
 */

#include <stdbool.h>
#include <stddef.h>

enum json_rules {
	JSON_STRICT,
	JSON_AS_PYTHON, /* NaN, Infinity and -Infinity are numbers */
	JSON_AS_CJSON,  /* what that lets pass: control characters as space and in strings, escapes
			   that are none, 01 and 1. */
};

struct json_text {
	const char *at, *end;
	enum json_rules rules;
};

void json_skip_space(struct json_text *t);
bool json_skip_char(struct json_text *t, char c); /* if it is there, after space */

/* Skips one value, after space; false: there is none (t is then anywhere). */
bool json_skip_value(struct json_text *t);

/* Skips one string, after space, likewise; and whether there is an escaped NUL in it. */
bool json_skip_string(struct json_text *t, bool *has_nul);

/* Whether the bytes are one JSON value, with space around it at most. */
bool json_is_value(const char *bytes, size_t size);

/* Reads a string, after space: bytes malloc'ed and terminated. -EINVAL: there is none; -ENOMEM. */
int json_read_string(struct json_text *t, char **bytes, size_t *size);

/* The bytes as they stand in a JSON string, quotes included, into `to` (room for 6 * size + 2).
 * They are valid UTF-8. Returns the end. */
char *json_write_string(char *to, const char *bytes, size_t size);

#endif
