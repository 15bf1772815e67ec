#ifndef CACHEFS_JSON_TEXT_H
#define CACHEFS_JSON_TEXT_H

/*
 * JSON as text. The functions find a value and cut it out of the text; they never parse and print
 * it again (0.10 stays 0.10). They can also follow the text beside the items that cJSON made, to
 * find the lines of the items. No function reads past `end`. No state.
 */

#include <stdbool.h>
#include <stddef.h>

enum json_rules {
	JSON_STRICT,
	JSON_AS_PYTHON, /* NaN, Infinity and -Infinity are numbers */
	JSON_AS_CJSON,  /* accepts what cJSON accepts: control characters as space and in strings,
			   invalid escapes, 01 and 1. */
};

struct json_text {
	const char *at, *end;
	enum json_rules rules;
};

void json_skip_space(struct json_text *t);
bool json_skip_char(struct json_text *t, char c); /* skips space, then c; false: no c is there */

/* Skips space and one value. False: there is no value (t may then be anywhere). */
bool json_skip_value(struct json_text *t);

/* Skips space and one string. *has_nul: the string has an escaped NUL. False: as above. */
bool json_skip_string(struct json_text *t, bool *has_nul);

/* True if the bytes are one JSON value, with nothing but space around it. */
bool json_is_value(const char *bytes, size_t size);

/* Skips space and reads a string into bytes, malloc'ed and terminated. -EINVAL: there is no string;
 * -ENOMEM. */
int json_read_string(struct json_text *t, char **bytes, size_t *size);

/* Writes the bytes as a JSON string with quotes into `to` (room for 6 * size + 2). The bytes must
 * be valid UTF-8. Returns the end of the written text. */
char *json_write_string(char *to, const char *bytes, size_t size);

#endif
