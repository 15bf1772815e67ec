/* See config/layer.h. */
#include "config/layer.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "registry.h"

enum { TYPES_MAX = 32 };

const struct option_spec config_layer_members[] = {
	{ .name = "type",
	  .type = OPT_NESTED,
	  .def = "\"memory\"",
	  .values = "a type",
	  .doc = "the backend" },
	{ .name = "name",
	  .type = OPT_NESTED,
	  .values = "a string, not empty",
	  .doc = "how the layer is called; without it as its type" },
	{ .name = "priority",
	  .type = OPT_NESTED,
	  .values = "a number",
	  .doc = "lower is asked first; without it the place in the list" },
	{ .name = "options",
	  .type = OPT_NESTED,
	  .def = "{}",
	  .values = "an object",
	  .doc = "the options of the type, and those of every layer" },
	{ 0 },
};

/* Ids under which the Python package knows a type, too. */
static const struct {
	const char *alias, *type;
} aliases[] = { { "advanced", "memory" }, { CONFIG_FLEXIBLE_ALIAS, CONFIG_FLEXIBLE } };

const char *config_type_of(const char *word)
{
	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
		if (strcmp(word, aliases[i].alias) == 0)
			return aliases[i].type;
	return word;
}

static int unknown_type(const struct part *part, const char *member, const char *type)
{
	const char *names[TYPES_MAX + 3];
	char hint[256], list[200] = "";
	size_t count = 0;

	while (count < TYPES_MAX && backend_at(count)) {
		names[count] = backend_at(count)->type;
		count++;
	}
	if (part->top) {
		names[count++] = CONFIG_PAIR;
		names[count++] = CONFIG_FLEXIBLE;
	}
	names[count] = NULL;
	for (size_t i = 0; i < count; i++) {
		strncat(list, i > 0 ? ", " : "", sizeof(list) - strlen(list) - 1);
		strncat(list, names[i], sizeof(list) - strlen(list) - 1);
	}
	const char *nearest = problem_nearest(type, names);
	snprintf(hint, sizeof(hint),
		 nearest ? "did you mean \"%s\"? known types: %s" : "%sknown types: %s",
		 nearest ? nearest : "", list);
	return part_problem(part, member, hint, "unknown type \"%.64s\"", type);
}

/* What stands beside the options: the members of a layer and the common options. */
static int layer_read_members(struct part *layer, const struct backend *backend)
{
	const struct option_set sets[] = {
		{ config_layer_members, NULL, NULL },
		{ layer_common_options, &layer->common, NULL },
		{ layer->top ? config_top_names : config_no_members, NULL, NULL },
		{ config_ttl_member, NULL, "write it into \"options\"" },
		{ backend ? backend->options : config_no_members, NULL,
		  "write it into \"options\"" },
		{ 0 },
	};
	int rc = part_parse(layer, sets, "a layer");
	const cJSON *json, *options = part_member(layer, "options");

	cJSON_ArrayForEach(json, options)
	{
		for (const struct option_spec *s = layer_common_options; json->string && s->name;
		     s++)
			if (strcmp(s->name, json->string) == 0 && part_member(layer, s->name))
				rc = part_problem(layer, s->name, "remove one of them",
						  "also given in \"options\"");
	}
	return rc;
}

/* What the options name and must exist. */
static int layer_check(const struct part *options, const struct layer_spec *spec)
{
	struct problem problem = { 0 };

	if (!spec->backend->check || spec->backend->check(spec->conf, &problem) == 0)
		return 0;
	return part_problem(options, problem.place[0] ? problem.place : NULL, problem.hint, "%s",
			    problem.message);
}

/* The package's ttl_s of a layer is the default of its default_ttl_s. */
static void take_ttl(const struct part *options, const struct config_top *own,
		     struct layer_common *common)
{
	if (own->ttl_ms >= 0 && !part_member(options, "default_ttl_s"))
		common->default_ttl_ms = own->ttl_ms;
}

int config_layer_options(struct part *options, const struct backend *backend,
			 struct layer_draft *draft)
{
	const struct option_place place = part_place(options, backend->type);
	struct layer_spec *spec = &draft->spec;
	struct config_top own = { .ttl_ms = -1 };
	char owner[80];

	draft->options = *options;
	spec->backend = backend;
	spec->conf = calloc(1, backend->conf_size ? backend->conf_size : 1);
	if (!spec->conf || options_default(backend->options, &place, spec->conf) < 0)
		return config_out_of_memory(options->reader);
	const struct option_set sets[] = {
		{ backend->options, spec->conf, NULL },
		{ layer_common_options, &options->common, NULL },
		{ config_ttl_member, &own, NULL },
		{ 0 },
	};
	snprintf(owner, sizeof(owner), "type \"%s\"", backend->type);
	int rc = part_parse(options, sets, owner);
	take_ttl(options, &own, &options->common);
	spec->common = options->common;
	if (spec->common.default_ttl_ms == CONFIG_TTL_NOT_GIVEN)
		spec->common.default_ttl_ms = backend->default_ttl_ms > 0 ? backend->default_ttl_ms
									  : -1;
	return rc < 0 ? rc : layer_check(options, spec);
}

static int layer_read_name(const struct part *layer, const struct backend *backend,
			   struct layer_draft *draft)
{
	const char *name = NULL;
	int rc = part_string(layer, "name", &name);

	if (name && !name[0])
		rc = part_problem(layer, "name", "leave it out: a layer is called as its type",
				  "an empty name");
	draft->named = name != NULL;
	draft->spec.name = rc == 0 && backend ? strdup(name ? name : backend->type) : NULL;
	return rc == 0 && backend && !draft->spec.name ? config_out_of_memory(layer->reader) : rc;
}

static int layer_read_priority(const struct part *layer, double *priority)
{
	const cJSON *json = part_member(layer, "priority");

	if (!json)
		return 0;
	if (!option_number(json, priority) || !isfinite(*priority))
		return part_problem(layer, "priority", NULL, "expected a number");
	return 0;
}

static int layer_find_backend(const struct part *layer, const struct backend **backend)
{
	const char *member = layer->top && part_member(layer, "plugin") ? "plugin" : "type";
	const char *type = "memory";
	int rc = cJSON_IsNull(part_member(layer, "plugin")) ? 0 : part_string(layer, member, &type);

	if (rc < 0)
		return rc;
	*backend = backend_find(config_type_of(type));
	return *backend ? 0 : unknown_type(layer, member, type);
}

int config_layer_read(struct part *layer, struct layer_draft *draft)
{
	const struct backend *backend = NULL;

	if (!cJSON_IsObject(layer->json))
		return layer_read_members(layer, NULL);
	int rc = layer_find_backend(layer, &backend);
	rc |= layer_read_members(layer, backend);
	rc |= layer_read_name(layer, backend, draft);
	rc |= layer_read_priority(layer, &draft->spec.priority);
	if (!backend)
		return -EINVAL;
	struct part options = part_enter(layer, "options", part_member(layer, "options"));
	rc |= config_layer_options(&options, backend, draft);
	return rc ? -EINVAL : 0;
}

void config_layer_fini(struct layer_spec *spec)
{
	if (spec->conf)
		options_fini(spec->backend->options, spec->conf);
	free(spec->conf);
	free(spec->name);
}
