#ifndef CACHEFS_OPTION_H
#define CACHEFS_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cjson/cJSON.h>

#include "base/problem.h"

/*
 * One table describes the options of a thing. The table drives parsing, limits and defaults. A
 * default is text and goes through the same parser. A table ends with an entry whose name is NULL.
 *
 * The parser accepts a number as a string ("512"), as the Python package does.
 */
enum option_type {
	OPT_BOOL, /* bool; true, false, 1, 0, or one of the words "true", "yes", "on", "1", "false",
		     "no", "off", "0" */
	OPT_COUNT, /* uint64_t; a whole number. null, where nullable: 0; UINT64_MAX, where min is 0 */
	OPT_BYTES, /* uint64_t, as OPT_COUNT */
	OPT_MB, /* uint64_t bytes; written in MB of 1024 * 1024, fractions allowed. null: likewise */
	OPT_KB,      /* uint64_t bytes; likewise in KB of 1024 */
	OPT_SECONDS, /* int64_t milliseconds; written in seconds, fractions allowed. null: -1 */
	OPT_MS,      /* int64_t milliseconds; a whole number */
	OPT_STRING,  /* char *, malloc'ed. null: NULL */
	OPT_PATH,    /* char *, malloc'ed, as option_path() makes it. null: NULL */
	OPT_SECRET,  /* char *, malloc'ed; never shown. The mask it is shown as is refused */
	OPT_ENUM,    /* int: the index in choices */
	OPT_LIST,    /* char **, malloc'ed strings, none empty; ends with NULL. JSON: an array */
	OPT_MODE,    /* mode_t; octal digits in a string, "0640". null: 0 */
	OPT_NESTED,  /* known here, but read by the caller; nothing is stored */
};

struct option_spec {
	const char *name;
	enum option_type type;
	size_t offset;   /* of the field in the struct that the parser fills */
	const char *def; /* as JSON text: "5", "null", "true", "\"localhost\"" */
	double min, max; /* for numbers, as written; max 0: no upper limit */
	bool nullable;
	bool zero_is_default;       /* 0, which the Python package takes for "none", is the default,
				       with a warning */
	const char *const *choices; /* for OPT_ENUM, ends with NULL */
	const char *values;         /* for OPT_NESTED: what it is, for the reference */
	const char *doc;            /* a phrase for the reference */
};

/* The position of a JSON object, for problems and relative paths. */
struct option_place {
	const char *file;     /* "cachefs.json" */
	const char *path;     /* "$.layers[1].options" */
	const char *base_dir; /* where relative paths start */
	const char *owner;    /* for messages: type "memory" */
	bool lines;           /* the line an item stands on is in its valueint, see option_line() */
};

/*
 * Returns the line of an item; 0: not known. cJSON keeps no lines. The caller that walks the text
 * beside the items stores the lines in valueint, which has no other use (numbers are read from
 * valuedouble).
 */
int option_line(const struct option_place *place, const cJSON *json);

/* Reads a number, also from a string. False: the item is no number. The number may be infinite. */
bool option_number(const cJSON *json, double *number);

/* Writes "file:line: path.name" into the buffer, for a problem with a member of place. json gives
 * the line (NULL: none). Without a name the text is about the object itself. Returns buffer. */
const char *option_place_text(const struct option_place *place, const char *name, const cJSON *json,
			      char *buffer, size_t size);

/* Writes every option's default into conf (a zeroed struct). 0 or -ENOMEM; no other failure. */
int options_default(const struct option_spec *specs, const struct option_place *place, void *conf);

/*
 * Reads the members of object that are in the tables into the struct beside each table. sets ends
 * with NULL. A member in no table is a problem with a suggestion. A problem does not stop the
 * reading. 0, or -EINVAL: one problem was added for every mistake.
 */
struct option_set {
	const struct option_spec *specs;
	void *conf;
	const char *misplaced; /* the remedy if these options do not belong here; NULL: they do
			          belong here */
};
int options_parse(const struct option_set sets[], const cJSON *object,
		  const struct option_place *place, struct problems *problems);

/* Returns one option as the JSON that would set it, for config.json. Masks secrets. NULL: out of
 * memory. */
cJSON *option_to_json(const struct option_spec *spec, const void *conf);

/* Adds all options of a table to an object. False: out of memory. */
bool options_to_json(const struct option_spec *specs, const void *conf, cJSON *object);

/* Frees the memory that the parser allocated in conf. */
void options_fini(const struct option_spec *specs, void *conf);

#endif
