#ifndef CACHEFS_OPTION_H
#define CACHEFS_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cjson/cJSON.h>

#include "base/problem.h"

/*
 * One table describes the options of a thing: it drives parsing, limits and defaults. A default is
 * text and goes through the same parser. A table ends with an entry whose name is NULL.
 *
 * A number may be written as a string ("512"), as the Python package takes it.
 */
enum option_type {
	OPT_BOOL, /* bool; true, false, 1, 0, or one of the words "true", "yes", "on", "1", "false",
		     "no", "off", "0" */
	OPT_COUNT,   /* uint64_t; a whole number. null, where nullable: 0; UINT64_MAX, where min is 0 */
	OPT_BYTES,   /* uint64_t, as OPT_COUNT */
	OPT_MB,      /* uint64_t bytes; written in MB of 1024 * 1024, fractions allowed. null: likewise */
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
	size_t offset;   /* in the struct that is filled */
	const char *def; /* as JSON text: "5", "null", "true", "\"localhost\"" */
	double min, max; /* for numbers, as written; max 0: no upper limit */
	bool nullable;
	bool zero_is_default;       /* 0, which the Python package takes for "none", is the default,
				       with a warning */
	const char *const *choices; /* for OPT_ENUM, ends with NULL */
	const char *values;         /* for OPT_NESTED: what it is, for the reference */
	const char *doc;            /* a phrase for the reference */
};

/* Where a JSON object stands, for problems and relative paths. */
struct option_place {
	const char *file;     /* "cachefs.json" */
	const char *path;     /* "$.layers[1].options" */
	const char *base_dir; /* where relative paths start */
	const char *owner;    /* for messages: type "memory" */
	bool lines;           /* the line an item stands on is in its valueint, see option_line() */
};

/*
 * cJSON keeps no lines. Who has found them, by walking the text beside the items, leaves them in
 * valueint, which nobody else needs (numbers are read from valuedouble). 0: not known.
 */
int option_line(const struct option_place *place, const cJSON *json);

/* A number, as it is or as a string. Whether it is one; it may be infinite. */
bool option_number(const cJSON *json, double *number);

/* "file:line: path.name" for a problem with a member of place (json gives the line; NULL: none);
 * without a name, with the object itself. */
const char *option_place_text(const struct option_place *place, const char *name, const cJSON *json,
			      char *buffer, size_t size);

/* Every option's default into conf (a zeroed struct). Never fails but for memory: 0 or -ENOMEM. */
int options_default(const struct option_spec *specs, const struct option_place *place, void *conf);

/*
 * Reads the members of object that are in the tables (ends with NULL) into the struct beside each
 * table; a member in no table is a problem with a suggestion. Reads on after a problem. 0, or
 * -EINVAL with one problem added for every mistake.
 */
struct option_set {
	const struct option_spec *specs;
	void *conf;
	const char *misplaced; /* these do not belong here, and this is the remedy; NULL: they do */
};
int options_parse(const struct option_set sets[], const cJSON *object,
		  const struct option_place *place, struct problems *problems);

/* One option as the JSON that would set it, secrets masked; NULL: out of memory. For config.json.
 */
cJSON *option_to_json(const struct option_spec *spec, const void *conf);

/* All of a table as members of an object; false: out of memory. */
bool options_to_json(const struct option_spec *specs, const void *conf, cJSON *object);

/* Frees what parsing allocated. */
void options_fini(const struct option_spec *specs, void *conf);

#endif
