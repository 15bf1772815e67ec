#ifndef CACHEFS_CONFIG_TEXT_H
#define CACHEFS_CONFIG_TEXT_H

#include <stddef.h>

#include <cjson/cJSON.h>

#include "base/problem.h"

/*
 * The JSON text of a configuration as items that know their line: it is in valueint, see
 * option_line() in option.h. A member stands where its name does.
 *
 * NULL with a problem added if the text is no JSON. What cJSON lets pass and a person should hear
 * of is a problem too, but the items are returned: a name given twice in an object, a number that
 * is not written as JSON has it, NUL and control characters in a string. No problem shows a word of
 * the text but the names of members: it may hold secrets.
 *
 * text need not be terminated; file names it in problems.
 */
cJSON *config_text_parse(const char *text, size_t size, const char *file,
			 struct problems *problems);

#endif
