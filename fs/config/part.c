/* See config/part.h. */
#include "config/part.h"

#include <stdarg.h>
#include <stdio.h>

const struct option_spec config_no_members[] = { { 0 } };

const struct option_spec config_top_names[] = {
	{ .name = "cachefs", .type = OPT_NESTED },
	{ .name = "plugin", .type = OPT_NESTED },
	{ .name = "enabled", .type = OPT_NESTED },
	{ .name = "ttl_s", .type = OPT_NESTED },
	{ 0 },
};

/* Where the part stands; owner is what problems call it. */
struct option_place part_place(const struct part *part, const char *owner)
{
	return (struct option_place){
		.file = part->reader->file,
		.path = part->path,
		.base_dir = part->reader->base_dir,
		.owner = owner,
		.lines = true,
	};
}

int config_out_of_memory(const struct config_reader *reader)
{
	return problems_add(reader->problems, NULL, NULL, "out of memory");
}

int part_problem(const struct part *part, const char *name, const char *hint, const char *message,
		 ...)
{
	const struct option_place place = part_place(part, NULL);
	const cJSON *json = name ? cJSON_GetObjectItemCaseSensitive(part->json, name) : NULL;
	char where[sizeof(((struct problem *)0)->place)];
	char text[sizeof(((struct problem *)0)->message)];
	va_list args;

	va_start(args, message);
	vsnprintf(text, sizeof(text), message, args);
	va_end(args);
	option_place_text(&place, name, json ? json : part->nearest, where, sizeof(where));
	return problems_add(part->reader->problems, where, hint, "%s", text);
}

const cJSON *part_member(const struct part *part, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(part->json, name);
}

struct part part_enter(const struct part *part, const char *name, const cJSON *json)
{
	static const cJSON empty = { .type = cJSON_Object };
	struct part below = { .reader = part->reader,
			      .json = json ? json : &empty,
			      .nearest = json ? json : part->nearest,
			      .common = part->common };

	if (snprintf(below.path, sizeof(below.path), "%s.%s", part->path, name) >= CONFIG_PATH_SIZE)
		snprintf(below.path, sizeof(below.path), "$"); /* nobody nests so deep */
	return below;
}

int part_parse(const struct part *part, const struct option_set sets[], const char *owner)
{
	const struct option_place place = part_place(part, owner);

	return options_parse(sets, part->json, &place, part->reader->problems);
}

int part_string(const struct part *part, const char *name, const char **text)
{
	const cJSON *json = part_member(part, name);

	if (!json)
		return 0;
	if (!cJSON_IsString(json))
		return part_problem(part, name, NULL, "expected a string");
	*text = json->valuestring;
	return 0;
}
