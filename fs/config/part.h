#ifndef CACHEFS_CONFIG_PART_H
#define CACHEFS_CONFIG_PART_H

/* An object of a configuration while it is being read: what stands in it, and where it stands. */

#include <cjson/cJSON.h>

#include "base/problem.h"
#include "config/settings.h"
#include "stack/layered.h"

enum { CONFIG_PATH_SIZE = 200 };

/* What all parts of one configuration have in common. */
struct config_reader {
	const char *file;
	const char *base_dir;
	struct problems *problems;
	struct config_top *root; /* what stands at the top, read before; its ttl_s may stand lower,
				    too */
};

struct part {
	const struct config_reader *reader;
	const cJSON *json;
	const cJSON *nearest; /* json, or what is around it if it is not written */
	char path[CONFIG_PATH_SIZE];
	bool top;
	struct layer_common common; /* what the objects around it say */
};

/* default_ttl_s as long as no object has said what it is: then it is the type's. */
enum { CONFIG_TTL_NOT_GIVEN = -2 };

/* Ends a list of tables. */
extern const struct option_spec config_no_members[];

/* Known at the top of a configuration only. They are read elsewhere: here they are for suggestions.
 */
extern const struct option_spec config_top_names[];

/* Where the part stands; owner is what problems call it. */
struct option_place part_place(const struct part *part, const char *owner);

int config_out_of_memory(const struct config_reader *reader);

/* A problem of a member of the part, which may be absent; of the part itself if name is NULL. */
int part_problem(const struct part *part, const char *name, const char *hint, const char *message,
		 ...) __attribute__((format(printf, 4, 5), nonnull(4)));

/* NULL: it is not there. */
const cJSON *part_member(const struct part *part, const char *name);

/* A part below this one; json NULL: as if an empty object stood there. */
struct part part_enter(const struct part *part, const char *name, const cJSON *json);

int part_parse(const struct part *part, const struct option_set sets[], const char *owner);

/* A member that is a string, if it is there; *text stays as it is otherwise. */
int part_string(const struct part *part, const char *name, const char **text);

#endif
