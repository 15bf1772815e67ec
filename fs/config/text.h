#ifndef CACHEFS_CONFIG_TEXT_H
#define CACHEFS_CONFIG_TEXT_H

#include <stddef.h>

#include <cjson/cJSON.h>

#include "base/problem.h"

/*
 * Parses the JSON text of a configuration into items that know their line: it is in valueint, see
 * option_line() in option.h. The line of a member is the line of its name.
 *
 * NULL with a problem added if the text is not JSON. Some mistakes that cJSON accepts are problems
 * too, but then the items are returned: a name that an object has twice, a number that is not
 * written as JSON requires, NUL and control characters in a string. Problems show no words of the
 * text except names of members, because the text may hold secrets.
 *
 * text need not be terminated; file names the text in problems.
 */
cJSON *config_text_parse(const char *text, size_t size, const char *file,
			 struct problems *problems);

#endif
