#ifndef CACHEFS_CONFIG_PART_H
#define CACHEFS_CONFIG_PART_H

/* An object of a configuration while it is read: its JSON and its place. */

#include <cjson/cJSON.h>

#include "base/problem.h"
#include "config/settings.h"
#include "stack/layered.h"

enum { CONFIG_PATH_SIZE = 200 };

/* The data that all parts of one configuration share. */
struct config_reader {
	const char *file;
	const char *base_dir;
	struct problems *problems;
	struct config_top *root; /* options of the top level, read before; its ttl_s may also be at
				    a lower level */
};

struct part {
	const struct config_reader *reader;
	const cJSON *json;
	const cJSON *nearest; /* json, or the object around it if json is not written */
	char path[CONFIG_PATH_SIZE];
	bool top;
	struct layer_common common; /* the options of the objects around it */
};

/* default_ttl_s as long as no object has set it; then the default of the type counts. */
enum { CONFIG_TTL_NOT_GIVEN = -2 };

/* The end of a list of tables. */
extern const struct option_spec config_no_members[];

/* Options that exist only at the top of a configuration. Other code reads them; here they are for
 * suggestions. */
extern const struct option_spec config_top_names[];

/* The place of the part; owner is its name in problems. */
struct option_place part_place(const struct part *part, const char *owner);

int config_out_of_memory(const struct config_reader *reader);

/* Adds a problem of a member of the part, which may be absent; name NULL: of the part itself. */
int part_problem(const struct part *part, const char *name, const char *hint, const char *message,
		 ...) __attribute__((format(printf, 4, 5), nonnull(4)));

/* NULL: the part has no such member. */
const cJSON *part_member(const struct part *part, const char *name);

/* A part below this one; json NULL: as if an empty object were there. */
struct part part_enter(const struct part *part, const char *name, const cJSON *json);

int part_parse(const struct part *part, const struct option_set sets[], const char *owner);

/* Reads a member that is a string. If it is absent, *text does not change. */
int part_string(const struct part *part, const char *name, const char **text);

#endif
